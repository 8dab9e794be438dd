"""Calendars and regions of a snapshot."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from fsroute.routing.calendar import Calendar, Period, time_zone
from fsroute.routing.faults import Fault
from fsroute.routing.rows import Document, Key, Row, children_of, rows_of

YEARS = (1970, 9900)  # of a holiday, or a time that is asked about


def calendars(
    document: Document, zones: Mapping[str, str], faults: list[Fault]
) -> Iterator[tuple[Key, Calendar]]:
    hours, holidays = (children_of(document, table, "calendar") for table in ("opening_hours", "holiday"))
    for values in rows_of(document, "calendar"):
        key = (values["contact_center_id"], values["calendar"])
        row = Row("calendar", "/".join(key), values, faults)
        row.word("calendar")
        name = row.text("time_zone") or zones.get(key[0], "UTC")
        try:
            zone = time_zone(name)
        except ValueError as error:
            row.fault(f"time_zone: {error}")
            continue
        week = _week(hours.get(key, ()), faults)
        days = dict(_holidays(holidays.get(key, ()), faults))
        names = {each["day"]: each["name"] for each in holidays.get(key, ())}
        yield key, Calendar(zone, week, days, {day: names[day.isoformat()] for day in days})


def _week(rows: Any, faults: list[Fault]) -> dict[int, tuple[Period, ...]]:
    week: dict[int, list[Period]] = defaultdict(list)
    for values in rows:
        name = f"{values['contact_center_id']}/{values['calendar']} weekday {values['weekday']}"
        row = Row("opening_hours", name, values, faults)
        weekday, period = row.whole("weekday", 1, 7), _period(row)
        if weekday is not None and period is not None:
            week[weekday].append(period)
    return {weekday: tuple(sorted(periods, key=lambda p: p.opens)) for weekday, periods in week.items()}


def _holidays(rows: Any, faults: list[Fault]) -> Iterator[tuple[date, Period | None]]:
    for values in rows:
        row = Row(
            "holiday",
            f"{values['contact_center_id']}/{values['calendar']} {values['day']}",
            values,
            faults,
        )
        opens, closes = row.value("opens"), row.value("closes")
        if (opens is None) != (closes is None):
            row.fault("opens and closes: both, or none for closed all day")
            continue
        period = None if opens is None else _period(row)
        day = _day(row)
        if day is not None:
            yield day, period


def _day(row: Row) -> date | None:
    """Calendars look days ahead: the last years that a date can have are out of reach."""
    try:
        day = date.fromisoformat(str(row.value("day")))
    except ValueError:
        day = date.max
    if not YEARS[0] <= day.year <= YEARS[1]:
        row.fault(f"day: {row.value('day')}: a year from {YEARS[0]} to {YEARS[1]}")
        return None
    return day


def _period(row: Row) -> Period | None:
    try:
        return Period.of(str(row.value("opens")), str(row.value("closes")))
    except ValueError as error:
        row.fault(str(error))
        return None


def regions(document: Document, faults: list[Fault]) -> Iterator[tuple[str, str]]:
    for values in rows_of(document, "region"):
        row = Row("region", f"{values['region']} {values['prefix']}", values, faults)
        region, prefix = row.word("region"), row.text("prefix")
        if prefix is None or not prefix.removeprefix("+").isdecimal():
            row.fault(f"prefix: {prefix!r} is no beginning of a number")
        elif region is not None:
            yield region, prefix
