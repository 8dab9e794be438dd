from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from fsroute.routing.calendar import Calendar, Period, seconds, time_zone

BERLIN = "Europe/Berlin"
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def calendar(zone: str, hours: str, holidays: str = "") -> Calendar:
    """From lines such as ``mon 08:00-12:00 13:00-17:00``, and ``2026-12-24 08:00-14:00`` or ``2026-12-25``."""
    week = {}
    for line in filter(None, map(str.strip, hours.splitlines())):
        day, *periods = line.split()
        week[DAYS.index(day) + 1] = [_period(text) for text in periods]
    days = {}
    for line in filter(None, map(str.strip, holidays.splitlines())):
        day, *periods = line.split()
        days[date.fromisoformat(day)] = _period(periods[0]) if periods else None
    names = dict.fromkeys(days, "a holiday")
    return Calendar(time_zone(zone), week, days, names)


def _period(text: str) -> Period:
    return Period.of(*text.split("-"))


def moment(text: str) -> datetime:
    """``2026-03-29T01:00Z``, or with an offset."""
    return datetime.fromisoformat(text)


OFFICE = calendar(
    BERLIN,
    """
    mon 08:00-12:00 13:00-17:00
    tue 08:00-24:00
    fri 22:00-06:00
    sat 00:00-00:00
    """,
    """
    2026-03-03
    2026-03-09 10:00-11:00
    """,
)


@pytest.mark.parametrize(
    ("when", "is_open"),
    [
        ("2026-03-02T07:59:59+01:00", False),  # Monday
        ("2026-03-02T08:00:00+01:00", True),
        ("2026-03-02T07:00:00Z", True),
        ("2026-03-02T12:00:00+01:00", False),
        ("2026-03-02T13:00:00+01:00", True),
        ("2026-03-02T17:00:00+01:00", False),
        ("2026-03-03T09:00:00+01:00", False),  # a Tuesday that is a holiday
        ("2026-03-10T23:59:59+01:00", True),  # a Tuesday, to the day's end
        ("2026-03-11T00:00:00+01:00", False),
        ("2026-03-09T08:30:00+01:00", False),  # a Monday with hours of its own
        ("2026-03-09T10:30:00+01:00", True),
        ("2026-03-09T14:00:00+01:00", False),
        ("2026-03-06T21:59:59+01:00", False),  # Friday night …
        ("2026-03-06T22:00:00+01:00", True),
        ("2026-03-07T05:59:59+01:00", True),  # … into Saturday, which is open for 24 hours
        ("2026-03-07T23:59:59+01:00", True),
        ("2026-03-08T00:00:00+01:00", False),  # Sunday
    ],
)
def test_hours_are_those_of_the_wall_clock(when: str, is_open: bool) -> None:
    assert OFFICE.is_open(moment(when)) is is_open


def test_what_began_the_day_before_does_not_reach_into_a_holiday() -> None:
    night = calendar(BERLIN, "thu 22:00-06:00\nfri 22:00-06:00", "2026-12-25")
    assert night.is_open(moment("2026-12-24T23:59:59+01:00"))
    assert not night.is_open(moment("2026-12-25T00:00:00+01:00"))
    assert not night.is_open(moment("2026-12-26T01:00:00+01:00"))
    assert night.is_open(moment("2026-12-19T01:00:00+01:00"))


def test_what_opens_on_a_holiday_may_go_past_midnight() -> None:
    party = calendar(BERLIN, "", "2026-12-31 20:00-03:00")
    assert party.is_open(moment("2027-01-01T02:59:59+01:00"))
    assert not party.is_open(moment("2027-01-01T03:00:00+01:00"))
    assert party.holiday(moment("2026-12-31T20:00:00+01:00")) == "a holiday"
    assert party.holiday(moment("2027-01-01T01:00:00+01:00")) is None


# In Berlin the clocks go from 02:00 to 03:00 on 29 March 2026 (01:00 UTC), and back from 03:00 to 02:00 on
# 25 October 2026 (01:00 UTC).
@pytest.mark.parametrize(
    ("hours", "when", "is_open"),
    [
        # the hour from 02:00 to 03:00 is not there
        ("sun 01:00-02:30", "2026-03-29T00:59:59Z", True),
        ("sun 01:00-02:30", "2026-03-29T01:00:00Z", False),  # it is 03:00
        ("sun 02:30-04:00", "2026-03-29T00:59:59Z", False),
        ("sun 02:30-04:00", "2026-03-29T01:00:00Z", True),
        ("sun 02:10-02:50", "2026-03-29T01:00:00Z", False),  # never came
        ("sat 22:00-06:00", "2026-03-29T03:59:59Z", True),  # 05:59:59 in summer time
        ("sat 22:00-06:00", "2026-03-29T04:00:00Z", False),
        # the hour from 02:00 to 03:00 is there twice
        ("sun 02:30-02:45", "2026-10-25T00:30:00Z", True),
        ("sun 02:30-02:45", "2026-10-25T00:50:00Z", False),
        ("sun 02:30-02:45", "2026-10-25T01:30:00Z", True),
        ("sun 02:30-02:45", "2026-10-25T01:50:00Z", False),
        ("sat 22:00-06:00", "2026-10-25T04:59:59Z", True),  # 05:59:59 in winter time
        ("sat 22:00-06:00", "2026-10-25T05:00:00Z", False),
    ],
)
def test_where_the_clocks_are_set_the_wall_clock_counts(hours: str, when: str, is_open: bool) -> None:
    assert calendar(BERLIN, hours).is_open(moment(when)) is is_open


@pytest.mark.parametrize(
    ("zone", "summer", "winter"),
    [
        ("America/New_York", "2026-07-01T13:00:00Z", "2026-12-30T14:00:00Z"),
        ("Pacific/Auckland", "2026-01-06T20:00:00Z", "2026-06-30T21:00:00Z"),
        ("Asia/Kolkata", "2026-07-01T03:30:00Z", "2026-12-30T03:30:00Z"),
    ],
)
def test_nine_o_clock_is_another_moment_in_summer_than_in_winter(zone: str, summer: str, winter: str) -> None:
    nine = calendar(zone, "\n".join(f"{day} 09:00-17:00" for day in DAYS))
    for at in (moment(summer), moment(winter)):
        assert nine.is_open(at)
        assert not nine.is_open(at - timedelta(seconds=1))


@pytest.mark.parametrize(
    ("hours", "holidays", "when", "change"),
    [
        ("mon 08:00-12:00", "", "2026-03-02T10:00:00+01:00", "2026-03-02T12:00:00+01:00"),
        ("mon 08:00-12:00", "", "2026-03-02T12:00:00+01:00", "2026-03-09T08:00:00+01:00"),
        ("mon 08:00-12:00", "2026-03-09", "2026-03-02T12:00:00+01:00", "2026-03-16T08:00:00+01:00"),
        (
            "mon 08:00-12:00",
            "2026-03-05 10:00-11:00",
            "2026-03-02T12:00:00+01:00",
            "2026-03-05T10:00:00+01:00",
        ),
        ("fri 22:00-06:00", "", "2026-03-06T23:00:00+01:00", "2026-03-07T06:00:00+01:00"),
        ("fri 22:00-06:00", "2026-03-07", "2026-03-06T23:00:00+01:00", "2026-03-07T00:00:00+01:00"),
        ("sat 00:00-24:00\nsun 00:00-24:00", "", "2026-03-07T00:00:00+01:00", "2026-03-09T00:00:00+01:00"),
        # the clocks are set
        ("sun 01:00-02:30", "", "2026-03-29T01:30:00+01:00", "2026-03-29T03:00:00+02:00"),
        ("sun 02:30-04:00", "", "2026-03-29T01:30:00+01:00", "2026-03-29T03:00:00+02:00"),
        ("sun 02:00-02:30", "", "2026-10-25T02:10:00+02:00", "2026-10-25T02:30:00+02:00"),
        ("sun 02:00-02:30", "", "2026-10-25T02:40:00+02:00", "2026-10-25T02:00:00+01:00"),
    ],
)
def test_the_next_change_is_known(hours: str, holidays: str, when: str, change: str) -> None:
    assert calendar(BERLIN, hours, holidays).next_change(moment(when)) == moment(change)


ALL_WEEK = "\n".join(f"{day} 00:00-24:00" for day in DAYS)


def test_what_is_always_open_or_never_has_no_next_change() -> None:
    now = moment("2026-03-02T12:00:00Z")
    assert calendar(BERLIN, "").next_change(now) is None
    assert calendar(BERLIN, ALL_WEEK).next_change(now) is None
    assert calendar(BERLIN, ALL_WEEK, "2026-01-01").next_change(now) is None


def test_a_holiday_months_ahead_is_the_next_change_of_what_is_always_open() -> None:
    now = moment("2026-03-02T12:00:00Z")
    open_but_for_christmas = calendar(BERLIN, ALL_WEEK, "2026-12-25\n2026-12-26")
    closes = open_but_for_christmas.next_change(now)
    assert closes == moment("2026-12-25T00:00:00+01:00")
    assert open_but_for_christmas.next_change(closes) == moment("2026-12-27T00:00:00+01:00")


def test_between_two_changes_nothing_changes() -> None:
    now = moment("2026-03-26T00:00:00Z")
    while now < moment("2026-04-02T00:00:00Z"):
        change = OFFICE.next_change(now)
        assert change is not None
        before, at = OFFICE.is_open(now), now
        while at < change:
            assert OFFICE.is_open(at) is before
            at += timedelta(minutes=10)
        assert OFFICE.is_open(change) is not before
        now = change.astimezone(UTC)


@pytest.mark.parametrize("text", ["8:00", "24:01", "25:00", "08:60", "noon", "08", "08:00:00:00", "-1:00"])
def test_what_is_no_time_of_day_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no time of day"):
        seconds(text)


def test_nothing_opens_at_the_end_of_a_day() -> None:
    with pytest.raises(ValueError, match="next day"):
        Period.of("24:00", "06:00")


@pytest.mark.parametrize("name", ["Europe/Nowhere", "../../etc/passwd", "", "/etc/localtime", "Europe"])
def test_a_time_zone_that_there_is_not_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="no time zone"):
        time_zone(name)
