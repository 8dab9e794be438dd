"""I1, I6 and I7: a ledger that violates it is found, and its lawful neighbour is not."""

from __future__ import annotations

from dataclasses import replace

from fsroute.model.agent import Authorization, MediumSlots
from tests.unit.monitoring.ledger import ALWAYS, SERVED, Table, agent, audited, invariants, lines, moment

# I1 -------------------------------------------------------------------------------------------------------


def test_an_agent_reserved_twice_is_found() -> None:
    found = audited(lines(SERVED, 0, 6) + "3 ann reserved 7")
    assert [violation.invariant for violation in found][:1] == ["I1"]
    assert [event.kind for event in found.violations[0].events] == ["reserved", "reserved"]


def test_an_agent_reserved_again_after_the_release_is_in_order() -> None:
    again = """
        70   c2  arrived
        71   c2  requested
        71   c2  taken
        71.01 c2 agent_reserved ann
        72   c2  caller_gone
        72   ann released abandoned 0
        72   c2  closed abandoned
    """
    assert invariants(lines(SERVED, 0, -1) + again) == []


def test_an_agent_released_without_a_reservation_is_found() -> None:
    assert invariants(lines(SERVED, 0, 2) + "3 ann released wrap_up 5") == ["I1"]


def test_an_agent_released_from_another_proxy_call_is_found() -> None:
    wrong = lines(SERVED, 0, 6) + "3 c1 agent_failed\n3 ann released busy 30 9"
    assert invariants(wrong) == ["I1"]
    assert invariants(wrong.replace("30 9", "30 1")) == []


def test_a_reservation_that_only_the_tables_or_only_the_events_know_is_found() -> None:
    table = Table()
    table.read(lines(SERVED, 0, 6))
    present = table.present()
    assert invariants(lines(SERVED, 0, 6), present=present) == []
    assert invariants(lines(SERVED, 0, 6), present=replace(present, reservations={})) == ["I1"]
    both = replace(present, reservations={1: "ann", 2: "bob"})
    assert invariants(lines(SERVED, 0, 6), present=both) == ["I1"]


SEVERAL = {"chat": MediumSlots(slots=2, weight=40)}
CHATS = """
    0     leader  leader
    1     ann     status               available
    1     c1      arrived
    2     c1      requested            medium=chat
    2.01  c1      taken
    2.02  c1      agent_reserved       ann slot=1 weight=40
    2     c2      arrived
    3     c2      requested            medium=chat
    3.01  c2      taken
    3.02  c2      agent_reserved       ann {}
    4     end
"""
CHATTER = agent(
    "ann",
    Authorization("blue", "chat", ALWAYS),
    Authorization("blue", "voice", ALWAYS),
    media=SEVERAL,
)


def test_an_agent_may_have_as_many_contacts_as_there_are_slots() -> None:
    assert invariants(CHATS.format("slot=2 weight=40"), CHATTER) == []
    assert set(invariants(CHATS.format("slot=1 weight=40"), CHATTER)) == {"I1"}
    assert invariants(CHATS.format("slot=3 weight=40"), CHATTER) == ["I1"]


def test_what_an_agent_has_at_one_time_may_weigh_so_much() -> None:
    assert invariants(CHATS.format("slot=2 weight=60"), CHATTER) == []
    (violation,) = audited(CHATS.format("slot=2 weight=61"), CHATTER)
    assert (violation.invariant, len(violation.events)) == ("I1", 2)


def test_a_reservation_may_move_from_a_consultation_to_the_conversation() -> None:
    table = """
        0   leader leader
        1   ann status available
        1   bob status available
        2   ann reserved 1
        3   bob reserved 2
        4   ann released wrap_up 0 1
        4   bob moved 2 1
        5   bob released wrap_up 0 1
        6   end
    """
    assert invariants(table, agent("ann"), agent("bob")) == []
    early = table.replace("4   ann released wrap_up 0 1\n", "")
    assert "I1" in invariants(early, agent("ann"), agent("bob"))
    assert "I1" in invariants(table.replace("3   bob reserved 2\n", ""), agent("ann"), agent("bob"))


# I6 -------------------------------------------------------------------------------------------------------


def test_an_agent_who_stays_reserved_is_found() -> None:
    table = lines(SERVED, 0, 6)
    for end in ("{} c1 agent_failed\n{} ann released no_answer 30", "{} end"):
        assert invariants(table + end.format(27.1, 27.1)) == ["I6"]
        assert invariants(table + end.format(27.0, 27.0)) == []


def test_an_agent_who_talks_is_reserved_as_long_as_the_talk_lasts() -> None:
    assert invariants(SERVED.replace("60", "600").replace("63", "630").replace("90", "900")) == []
    late = lines(SERVED, 0, 9) + "27.1 c1 agent_accepted\n27.2 c1 joined"
    assert invariants(late) == ["I6"]


def test_a_reservation_without_a_leader_has_longer() -> None:
    table = lines(SERVED, 0, 6) + "10 leader leader_gone\n{} leader leader\n{} end"
    assert invariants(table.format(20, 36)) == []
    assert invariants(table.format(20, 39)) == ["I6"]


# I7 -------------------------------------------------------------------------------------------------------


def test_an_agent_who_is_not_authorized_is_found() -> None:
    for authorization in (
        Authorization("green", "voice", ALWAYS),
        Authorization("blue", "chat", ALWAYS),
        Authorization("blue", "voice", moment(3)),
        Authorization("blue", "voice", ALWAYS, moment(2)),
    ):
        assert invariants(SERVED, agent("ann", authorization)) == ["I7"]
    assert invariants(SERVED, agent("ann", Authorization("blue", "voice", moment(2), moment(3)))) == []


def test_an_agent_who_lacks_a_skill_is_found() -> None:
    table = SERVED.replace("requested", "requested skills=orders:2,english:1")
    assert invariants(table, agent("ann", skills={"orders": 2})) == ["I7"]
    assert invariants(table, agent("ann", skills={"orders": 1, "english": 1})) == ["I7"]
    assert invariants(table, agent("ann", skills={"orders": 2, "english": 1})) == []


def test_an_agent_whom_nobody_knows_is_found() -> None:
    assert invariants(SERVED, agent("bob", status="on_break")) == ["I7"]


def test_a_demand_for_a_site_a_team_or_one_agent_is_part_of_it() -> None:
    for demand, ann in (
        ("sites=west", agent("ann")),
        ("teams=sales", agent("ann")),
        ("teams=sales,service", agent("ann", team="night")),
        ("only=bob", agent("ann")),
    ):
        table = SERVED.replace("requested", f"requested {demand}")
        assert invariants(table, ann) == ["I7"], demand
    for demand, ann in (
        ("sites=east,west", agent("ann")),
        ("teams=sales,service", agent("ann", team="sales")),
        ("only=ann", agent("ann")),
    ):
        assert invariants(SERVED.replace("requested", f"requested {demand}"), ann) == [], demand


def test_the_demand_that_counts_is_that_of_the_moment() -> None:
    high = SERVED.replace("requested", "requested skills=orders:3")
    assert invariants(high) == ["I7"]
    lowered = high.replace("2.02  c1", "2.015 c1 time_line_step skills=orders:2\n    2.02  c1")
    assert invariants(lowered) == []
    raised = SERVED.replace("2.02  c1", "2.015 c1 time_line_step skills=orders:3\n    2.02  c1")
    assert invariants(raised) == ["I7"]


def test_the_qualification_that_counts_is_that_of_the_moment() -> None:
    """Skills that were taken away later, or given too late, change nothing of what was right or wrong."""
    served = SERVED.replace("requested", "requested skills=orders:2")
    taken_away = served.replace("6     c1", "5 ann qualified skills=english:1\n    6     c1")
    had = "0.5 ann qualified skills=orders:2\n" + taken_away
    assert invariants(had, agent("ann", skills={"english": 1})) == []
    too_late = "0.5 ann qualified skills=english:1\n" + served.replace(
        "6     c1", "5 ann qualified skills=orders:2\n    6     c1"
    )
    assert invariants(too_late, agent("ann")) == ["I7"]
    crossing = "0.5 ann qualified skills=orders:2\n" + served.replace(
        "2.01  c1", "2.01 ann qualified skills=english:1\n    2.01  c1"
    )
    assert invariants(crossing, agent("ann", skills={})) == []
