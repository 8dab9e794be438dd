"""Waits of the soak are put down to what was killed, or had no processor, and to nothing else."""

from __future__ import annotations

import pytest

from fsroute.monitoring.events import Event, Ledger, Violation
from tests.faults.soak_waits import OVERTAKEN, UNEXPLAINED, Processor, Series, waits

T = 1000.0  # seconds since the epoch


def wait(kind: str = "requested", lasted: float = 1.0) -> Violation:
    ledger = (Ledger.AGENT, Ledger.CONTACT, Ledger.CONTACT)
    kinds = ("released", kind, "agent_reserved")
    events = tuple(
        Event(each, number, T - lasted, of, "c", "acme", 1, "ann", None, {})
        for number, (each, of) in enumerate(zip(ledger, kinds, strict=True))
    )
    return Violation("I3", T, "waited", events, lasted)


def busy(ran: float, waited: float) -> Series:
    """Shares of each second before T; at T it has ended."""
    series = Series()
    series.add(T - 10, 0.0, 0.0)
    for second in range(9, -1, -1):
        series.add(T - second, ran, waited)
    return series


@pytest.mark.parametrize(
    ("kind", "who", "ran", "waited", "cause"),
    [
        ("requested", "coordinator-1", 0.1, 0.7, "coordinator waited for the processor"),
        ("requested", "callserver-2", 0.1, 0.7, "callserver waited for the processor"),
        ("requested", "acd-east", 0.1, 0.7, UNEXPLAINED),
        ("agent_failed", "acd-east", 0.1, 0.7, "acd waited for the processor"),
        ("agent_failed", "acd-east", 0.7, 0.1, "acd had other work"),
        ("agent_failed", "callserver-1", 0.1, 0.9, UNEXPLAINED),
        ("requested", "database", 0.0, 0.9, "database waited for the processor"),
        ("requested", "coordinator-1", 0.1, 0.2, UNEXPLAINED),
    ],
)
def test_a_wait_has_the_cause_that_stood_in_its_way(
    kind: str, who: str, ran: float, waited: float, cause: str
) -> None:
    processor = Processor()
    processor.series[who] = busy(ran, waited)
    assert [each.cause for each in waits([wait(kind)], [], processor)] == [cause]


def test_half_a_second_counts_for_its_part_of_what_was_seen() -> None:
    processor = Processor()
    processor.series["coordinator-1"] = series = Series()
    series.add(T - 1, 0.0, 0.0)
    series.add(T, 0.0, 0.8)
    assert [each.cause for each in waits([wait(lasted=0.5)], [], processor)] == [
        "coordinator waited for the processor"
    ]
    assert series.between(T - 0.5, T) == pytest.approx((0.0, 0.4))


@pytest.mark.parametrize(
    ("at", "who", "cause"),
    [
        (T - 3, "coordinator-1", "killed: coordinator-1"),
        (T - 3, "database: kill", "killed: database: kill"),
        (T - 3, "cti-east", UNEXPLAINED),
        (T - 60, "coordinator-1", UNEXPLAINED),
        (T + 1, "coordinator-1", UNEXPLAINED),
    ],
)
def test_who_was_killed_just_before_explains_a_wait(at: float, who: str, cause: str) -> None:
    assert [each.cause for each in waits([wait()], [(at, who)], Processor())] == [cause]


@pytest.mark.parametrize(
    ("waited", "served", "cause"),
    [
        (0.7, (T - 0.7, T - 0.5), OVERTAKEN),
        (0.9, (T - 0.7, T - 0.5), "callserver waited for the processor"),
        (0.7, (T - 1.5, T - 0.5), "coordinator waited for the processor"),
        (0.7, (T - 0.7, T + 0.5), "coordinator waited for the processor"),
    ],
    ids=["served", "signalled by nobody who ran", "came before", "served afterwards"],
)
def test_who_is_overtaken_was_not_seen_by_a_leader_who_was_at_work(
    waited: float, served: tuple[float, float], cause: str
) -> None:
    processor = Processor()
    processor.series["callserver-1"] = busy(0.1, waited)
    processor.series["coordinator-1"] = busy(0.1, 0.9)
    assert [each.cause for each in waits([wait()], [], processor, [served])] == [cause]


def test_other_violations_are_no_waits() -> None:
    other = Violation("I4", T, "passed over", ())
    assert waits([other], [], Processor()) == []
