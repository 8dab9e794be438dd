"""What the checker is sure of must be so for every contact, and a pattern must mean what `re` means by it."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from hypothesis import event, example, given, settings
from hypothesis import strategies as st

from fsroute.routing.calendar import Calendar, Period, time_zone
from fsroute.routing.conditions import contradiction, covers, excludes, implies
from fsroute.routing.earlier import Earlier
from fsroute.routing.match import matching
from fsroute.routing.pattern import Pattern
from fsroute.routing.rules import Inquiry
from tests.unit.routing.snapshots import NOON, Snapshot, inquiry

LETTERS = "12"
CALLED = ("1", "12", "21")
ATOMS = st.sampled_from(["1", "2", ".", "[12]", r"\d", "1?", "2*", ".*", "(12)?", "(1|2)", "+"])
NUMBERS = st.text(LETTERS, max_size=4)
PATTERNS = st.one_of(
    NUMBERS, NUMBERS.map(lambda text: f"{text}.*"), st.sampled_from(["1|2", "1[12]*", ".*2", "1?2", "12|1"])
)


FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "if_queue": st.sampled_from(["sales", "help"]),
    "if_number_called": PATTERNS,
    "if_caller_number": PATTERNS,
    "if_region": st.sampled_from(["one", "onetwo", "two"]),
    "if_medium": st.sampled_from(["voice", "chat"]),
    "if_language": st.sampled_from(["en", "en-US", "de"]),
    "if_calendar": st.sampled_from(["office", "always", "never"]),
    "if_segment": PATTERNS,
    "fact": PATTERNS,
}
# Few at a time: two conditions that ask for everything have nothing to do with each other.
CONDITIONS = st.sets(st.sampled_from(sorted(FIELDS)), max_size=2).flatmap(
    lambda names: st.fixed_dictionaries(
        {name: FIELDS[name] for name in sorted(names)} | {"is_open": st.booleans()}
    )
)
CONTACTS = st.builds(
    lambda queue, called, number, medium, language, segment, fact: inquiry(
        queue,
        number=number,
        number_called=called,
        medium=medium,
        language=language,
        customer={} if segment is None else {"segment": segment},
        facts={} if fact is None else {"order": fact},
    ),
    st.sampled_from(["sales", "help"]),
    st.sampled_from(CALLED),
    NUMBERS,
    st.sampled_from(["voice", "chat"]),
    st.sampled_from(["en", "en-US", "en-GB", "de"]),
    st.one_of(st.none(), NUMBERS),
    st.one_of(st.none(), NUMBERS),
)
HOURS = st.integers(0, 47)


def snapshot(*conditions: dict[str, Any]) -> Snapshot:
    """The rules r0, r1 … with these conditions."""
    made = Snapshot().open("office", "09:00", "17:00").open("always", "00:00", "24:00")
    made.add("calendar", calendar="never").region("one", "1").region("onetwo", "12").region("two", "2")
    made.tables["number_called"] = [
        {"number": number, "contact_center_id": "shop", "application": "x"} for number in CALLED
    ]
    for number, condition in enumerate(conditions):
        said = {name: value for name, value in condition.items() if name.startswith("if_")}
        if "if_calendar" in said:
            said["if_open"] = condition["is_open"]
        made.rule(f"r{number}", number, **said)
        if "fact" in condition:
            made.add("routing_rule_fact", rule=f"r{number}", fact="order", pattern=condition["fact"])
    return made


def matched(made: Snapshot, contact: Inquiry, hour: int) -> set[str]:
    return set(matching(made.rules(), contact, NOON + timedelta(hours=hour)))


@settings(max_examples=200, deadline=None)
@given(CONDITIONS, CONDITIONS, CONTACTS, HOURS)
def test_what_is_said_of_two_conditions_is_so_for_every_contact(
    one: dict[str, Any], other: dict[str, Any], contact: Inquiry, hour: int
) -> None:
    made = snapshot(one, other)
    rules = made.rules()
    first, second = (rule.condition for rule in rules.rules["shop"])
    found = matched(made, contact, hour)
    if implies(first, second, rules.regions):
        event("implies")
        assert found != {"r0"}
    if excludes(first, second, rules.regions):
        event("excludes")
        assert found != {"r0", "r1"}


@settings(max_examples=200, deadline=None)
@given(CONDITIONS, CONDITIONS, CONDITIONS, CONTACTS, HOURS)
def test_what_is_covered_by_others_never_matches_alone(
    one: dict[str, Any], other: dict[str, Any], later: dict[str, Any], contact: Inquiry, hour: int
) -> None:
    made = snapshot(one, other, later)
    rules = made.rules()
    *before, last = (rule.condition for rule in rules.rules["shop"])
    if covers(before, last, rules.regions):
        event("covers")
        assert matched(made, contact, hour) != {"r2"}


@settings(max_examples=300, deadline=None)
@given(CONDITIONS, CONDITIONS)
def test_whatever_is_implied_is_found_among_the_earlier_ones(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
    rules = snapshot(one, other).rules()
    first, second = rules.rules["shop"]
    earlier = Earlier()
    earlier.add(second)
    if implies(first.condition, second.condition, rules.regions):
        event("implies")
        assert earlier.wider(first.condition) == [second]


@settings(max_examples=200, deadline=None)
@given(CONDITIONS, CONTACTS, HOURS)
def test_a_contradiction_matches_no_contact(condition: dict[str, Any], contact: Inquiry, hour: int) -> None:
    made = snapshot(condition)
    rules = made.rules()
    if contradiction(rules.rules["shop"][0], rules, NOON) is not None:
        event("contradiction")
        assert matched(made, contact, hour) == set()


@settings(max_examples=600, deadline=None)
@given(st.lists(ATOMS, max_size=6).map("".join), st.text("12+x", max_size=6))
@example("(12)?.*", "12")
@example(r"1\+", "1+")
def test_a_pattern_means_what_python_means_by_it(text: str, subject: str) -> None:
    try:
        pattern = Pattern.parse(text)
    except ValueError:
        return
    whole = re.compile(text, re.ASCII | re.DOTALL).fullmatch(subject) is not None
    assert pattern.matches(subject) is whole
    if whole:
        assert subject.startswith(pattern.head)
    assert not pattern.is_literal or whole is (subject == pattern.head)
    assert not pattern.is_prefix or whole is subject.startswith(pattern.head)


@settings(max_examples=600, deadline=None)
@given(st.text("12+*?.|()[]{},\\^$-a", max_size=12))
def test_whatever_is_written_is_a_pattern_or_refused(text: str) -> None:
    try:
        pattern = Pattern.parse(text)
    except ValueError:
        return
    assert pattern.text == text
    assert pattern.matches(pattern.head) or not pattern.is_literal


# Calendars

ZONES = [
    "Europe/Berlin",
    "America/New_York",
    "Pacific/Auckland",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "UTC",
]
TIMES = st.integers(0, 47).map(lambda half: f"{half // 2:02}:{half % 2 * 30:02}")
PERIODS = st.tuples(TIMES, TIMES).map(lambda pair: Period.of(*pair))
SPRING, AUTUMN = date(2026, 3, 27), date(2026, 10, 23)  # within nine days the clocks are set somewhere
DAYS = st.sampled_from([begin + timedelta(days=n) for begin in (SPRING, AUTUMN) for n in range(12)])
CALENDARS = st.builds(
    Calendar,
    st.sampled_from(ZONES).map(time_zone),
    st.dictionaries(st.integers(1, 7), st.lists(PERIODS, max_size=2), max_size=7),
    st.dictionaries(DAYS, st.one_of(st.none(), PERIODS), max_size=3),
)
STEP = timedelta(minutes=10)


@settings(max_examples=150, deadline=None)
@given(CALENDARS, DAYS, st.integers(0, 1439))
def test_until_the_next_change_nothing_changes_and_then_it_does(
    calendar: Calendar, day: date, minute: int
) -> None:
    now = datetime.combine(day, time(), UTC) + timedelta(minutes=minute)
    change = calendar.next_change(now)
    before = calendar.is_open(now)
    end = now + timedelta(days=9) if change is None else change
    at = now
    while at < end:
        assert calendar.is_open(at) is before
        at += STEP
    if change is not None:
        assert calendar.is_open(change) is not before
        assert calendar.is_open(change - timedelta(seconds=1)) is before or change - now < timedelta(
            seconds=1
        )
