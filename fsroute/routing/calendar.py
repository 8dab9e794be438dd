"""When a contact center is open: hours of the week and holidays, by the wall clock of a time zone.

A period that closes at or before it opens goes past midnight into the next day; one that closes when it opens
lasts for 24 hours. A holiday rules its own date alone: the hours of its weekday do not count on it, nor does
what began the day before; what opens on a holiday may go past midnight.

Hours are those of the wall clock. A period into which the clocks are set forward begins or ends when they
are; where they are set back, the hour that comes twice counts twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

DAY = timedelta(days=1)
AHEAD = 8  # days: within them hours of the week have changed if they ever do


@cache
def time_zone(name: str) -> tzinfo:
    """The time zone of an IANA name such as ``Europe/Berlin``.

    Raises:
        ValueError: there is none.
    """
    if name == "UTC":  # is there on hosts that have no table of time zones too
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        hint = "" if available_timezones() else ": no table of time zones is installed (tzdata)"
        raise ValueError(f"no time zone is named {name!r} here{hint}") from None


@dataclass(frozen=True, slots=True)
class Period:
    """From `opens` to `closes`, in seconds since midnight; what closes on the next day closes after 86,400."""

    opens: int
    closes: int

    @classmethod
    def of(cls, opens: str, closes: str) -> Period:
        """Read times such as ``08:30``, ``17:00:00`` or ``24:00``.

        Raises:
            ValueError: one of them is no time of day.
        """
        begin, end = seconds(opens), seconds(closes)
        if begin >= 86_400:
            raise ValueError("opens at 24:00: write 00:00 of the next day")
        return cls(begin, end if end > begin else end + 86_400)


def seconds(text: str) -> int:
    """A time of day in seconds since midnight; ``24:00`` is the day's end."""
    parts = text.split(":")
    if len(parts) not in (2, 3) or not all(part.isdecimal() and len(part) == 2 for part in parts):
        raise ValueError(f"{text!r} is no time of day")
    hour, minute, second = (*(int(part) for part in parts), 0)[:3]
    if hour > 24 or minute > 59 or second > 59 or (hour == 24 and (minute or second)):
        raise ValueError(f"{text!r} is no time of day")
    return hour * 3600 + minute * 60 + second


@dataclass(frozen=True, slots=True)
class Calendar:
    """The hours of a contact center.

    `week` holds the periods of each weekday (1 is Monday, 7 Sunday), `holidays` the period of each date that
    is ruled otherwise, None where it is closed all day.
    """

    zone: tzinfo
    week: Mapping[int, Sequence[Period]] = field(default_factory=dict)
    holidays: Mapping[date, Period | None] = field(default_factory=dict)
    names: Mapping[date, str] = field(default_factory=dict)

    def periods(self, day: date) -> Sequence[Period]:
        """What begins on a date."""
        if day in self.holidays:
            holiday = self.holidays[day]
            return () if holiday is None else (holiday,)
        return self.week.get(day.isoweekday(), ())

    def is_open(self, moment: datetime) -> bool:
        """`moment` is aware of its time zone."""
        local = moment.astimezone(self.zone)
        now = local.hour * 3600 + local.minute * 60 + local.second
        today = local.date()
        if any(period.opens <= now < period.closes for period in self.periods(today)):
            return True
        if today in self.holidays:
            return False
        return any(now + 86_400 < period.closes for period in self.periods(today - DAY))

    def holiday(self, moment: datetime) -> str | None:
        """The name of the holiday that it is, None if it is none."""
        return self.names.get(moment.astimezone(self.zone).date())

    def next_change(self, moment: datetime) -> datetime | None:
        """When it opens or closes next, in UTC; None if it never does."""
        present = self.is_open(moment)
        for candidate in sorted(set(self._boundaries(moment))):
            if candidate > moment and self.is_open(candidate) != present:
                return candidate
        return None

    def _boundaries(self, moment: datetime) -> Iterator[datetime]:
        """Every moment at which something may change: midnight, hours, and where the clocks are set."""
        today = moment.astimezone(self.zone).date()
        days = {today + n * DAY for n in range(-1, AHEAD + 1)}
        days |= {day + n * DAY for day in self.holidays if day >= today for n in range(-1, AHEAD)}
        for day in days:
            times = {0} | {at for period in self.periods(day) for at in (period.opens, period.closes)}
            for at in times:
                yield from self._moments(day + (at // 86_400) * DAY, at % 86_400)
            yield from self._clock_change(day)

    def _moments(self, day: date, at: int) -> Iterator[datetime]:
        """The moments at which the wall clock shows a time: two where it comes twice."""
        wall = datetime.combine(day, time()) + timedelta(seconds=at)
        for fold in (0, 1):
            yield wall.replace(tzinfo=self.zone, fold=fold).astimezone(UTC)

    def _clock_change(self, day: date) -> Iterator[datetime]:
        """The moment within a day at which the clocks are set, to the second."""
        begin = datetime.combine(day, time(), self.zone).astimezone(UTC)
        end = datetime.combine(day + DAY, time(), self.zone).astimezone(UTC)
        before = self._offset(begin)
        if self._offset(end) == before:
            return
        while end - begin > timedelta(seconds=1):
            middle = (begin + (end - begin) / 2).replace(microsecond=0)
            begin, end = (middle, end) if self._offset(middle) == before else (begin, middle)
        yield end

    def _offset(self, moment: datetime) -> timedelta | None:
        return moment.astimezone(self.zone).utcoffset()
