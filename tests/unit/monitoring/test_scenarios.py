"""For each invariant: a ledger that violates it, found; and its lawful neighbour, not found."""

from __future__ import annotations

from dataclasses import replace

from fsroute.model.agent import Authorization
from tests.unit.monitoring.ledger import ALWAYS, Table, agent, audited, invariants, moment

SERVED = """
    0     leader  leader
    1     ann     status               available
    1     c1      arrived
    2     c1      requested
    2.01  c1      taken
    2.02  c1      agent_reserved       ann
    2.1   c1      network_leg_raised
    2.2   c1      agent_ringing
    2.3   c1      network_leg_present
    6     c1      agent_accepted
    6.1   c1      joined
    60    c1      agent_left
    60    ann     released             wrap_up 5
    60.1  c1      conversation_over
    63    c1      closed               served
    90    end
"""


def lines(text: str, begin: int = 0, end: int | None = None) -> str:
    """Some lines of a table."""
    return "\n".join(text.strip().splitlines()[begin:end]) + "\n"


def test_a_call_that_is_served_violates_nothing() -> None:
    report = audited(SERVED)
    assert list(report) == []
    assert (report.contacts, report.events, report.gaps) == (1, 15, ())


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
    both = replace(present, reservations={"ann": 1, "bob": 2})
    assert invariants(lines(SERVED, 0, 6), present=both) == ["I1"]


# I2 -------------------------------------------------------------------------------------------------------


def test_a_second_live_proxy_call_is_found() -> None:
    assert (
        invariants(lines(SERVED, 0, 6) + "3 c1 requested id=9\n3 ann released abandoned 0", agent("ann"))[0]
        == "I2"
    )


def test_a_proxy_call_after_one_that_is_over_is_in_order() -> None:
    table = """
        0 leader leader
        1 c1 arrived
        2 c1 requested
        2 c1 taken
        9 c1 limit_passed
        9 c1 requested id=9
        9 c1 taken
        12 c1 limit_passed
        13 c1 closed overflowed
    """
    assert invariants(table, agent("ann", skills={}, status="on_break")) == []


def test_a_step_that_the_tables_forbid_is_found() -> None:
    table = lines(SERVED, 0, 5)
    assert (
        invariants(table + "2.03 c1 joined state=bridged agent_leg=accepted network_leg=present")[0] == "I2"
    )
    assert invariants(table + "2.03 c1 agent_reserved ann state=ready") == ["I2"]
    assert invariants(table + "2.03 c1 agent_reserved ann") == []


def test_a_leg_that_goes_where_the_tables_do_not_lead_is_found() -> None:
    table = lines(SERVED, 0, 7)
    assert invariants(table + "3 c1 agent_accepted agent_leg=joined") == ["I2"]
    assert invariants(table + "3 c1 agent_accepted network_leg=present") == ["I2"]
    assert invariants(table + "3 c1 agent_accepted") == []


def test_a_contact_that_ends_twice_is_found() -> None:
    assert invariants(SERVED + "91 c1 closed served") == ["I2"]
    assert invariants(SERVED + "91 c1 caller_gone") == ["I2"]


def test_news_of_a_contact_that_has_ended_is_in_order() -> None:
    assert invariants(SERVED + "91 c1 resumed") == []


def test_a_contact_that_never_arrived_or_arrived_twice_is_found() -> None:
    assert invariants(lines(SERVED, 0, 2) + "2 c1 taken\n2 c2 arrived\n2 c2 closed self_served")[0] == "I2"
    assert invariants(lines(SERVED, 0, 3) + "3 c1 arrived") == ["I2"]


def test_an_outcome_that_is_not_what_came_to_pass_is_found() -> None:
    for outcome in ("abandoned", "self_served", "lost"):
        assert invariants(lines(SERVED, 0, -2) + f"63 c1 closed {outcome}") == ["I2"]
    for outcome, found in (("served", ["I2"]), ("overflowed", ["I2"]), ("self_served", []), ("failed", [])):
        assert invariants(lines(SERVED, 0, 3) + f"3 c1 closed {outcome}") == found


def test_a_contact_closed_with_a_live_proxy_call_is_found() -> None:
    table = """
        0 leader leader
        1 c1 arrived
        2 c1 requested
        2 c1 taken
    """
    nobody = agent("ann", status="on_break")
    assert invariants(table + "3 c1 closed abandoned", nobody) == ["I2"]
    assert invariants(table + "3 c1 caller_gone\n3 c1 closed abandoned", nobody) == []


def test_what_the_tables_say_otherwise_than_the_events_is_found() -> None:
    text = lines(SERVED, 0, 6)
    table = Table()
    table.read(text)
    present = table.present()
    for contacts, calls, number in (
        (frozenset[str](), present.calls, 1),
        (present.contacts, {"c1": (1, "queued")}, 1),
        (present.contacts, {}, 1),
        (present.contacts | {"c7"}, present.calls, 1),
        (present.contacts, present.calls, 0),
    ):
        found = audited(text, present=replace(present, contacts=contacts, calls=calls))
        assert [violation.invariant for violation in found] == ["I2"] * number


# I3 -------------------------------------------------------------------------------------------------------


def test_a_contact_that_waits_while_an_agent_is_available_is_found() -> None:
    late = lines(SERVED, 0, 5) + "2.2 c1 agent_reserved ann"
    (violation,) = audited(late)
    assert violation.invariant == "I3"
    assert [event.kind for event in violation.events] == ["status", "requested", "agent_reserved"]
    assert "0.200 s while agent ann" in violation.text
    assert invariants(lines(SERVED, 0, 5) + "2.09 c1 agent_reserved ann") == []


def test_a_contact_that_waits_still_is_found() -> None:
    assert invariants(lines(SERVED, 0, 5) + "2.2 end") == ["I3"]
    assert invariants(lines(SERVED, 0, 5) + "2.05 end") == []


def test_an_available_agent_is_not_missed_because_another_was_quicker() -> None:
    table = """
        0    leader leader
        1    c1 arrived
        2    c1 requested
        2    c1 taken
        2.05 c1 agent_reserved bob
        3    c2 arrived
        3    c2 requested
        3.5  c2 taken
        4    end
    """
    assert invariants(table, agent("ann"), agent("bob")) == ["I3"]


def test_many_contacts_that_wait_in_turn_are_in_order() -> None:
    """Each agent is taken at once by the first in line; those behind wait rightly."""
    contacts = "\n".join(f"1 c{n} arrived\n2 c{n} requested\n2 c{n} taken" for n in range(1, 9))
    turns = "\n".join(
        f"{3 + n / 20} ann{n} status available\n{3.04 + n / 20} c{n} agent_reserved ann{n}"
        for n in range(1, 9)
    )
    agents = [agent(f"ann{n}") for n in range(1, 9)]
    assert invariants(f"0 leader leader\n{contacts}\n{turns}", *agents) == []


def test_agents_who_may_not_serve_are_no_reason() -> None:
    table = """
        0    leader leader
        1    c1 arrived
        2    c1 requested skills=orders:3
        2    c1 taken
        9    end
    """
    assert invariants(table, agent("ann", skills={"orders": 2})) == []
    assert invariants(table, agent("ann", skills={"orders": 3})) == ["I3"]
    green = Authorization("green", "voice", ALWAYS)
    assert invariants(table, agent("ann", green, skills={"orders": 3})) == []
    chat = Authorization("blue", "chat", ALWAYS)
    assert invariants(table, agent("ann", chat, skills={"orders": 3})) == []
    later, earlier = (
        Authorization("blue", "voice", moment(8.95)),
        Authorization("blue", "voice", ALWAYS, moment(2)),
    )
    assert invariants(table, agent("ann", later, earlier, skills={"orders": 3})) == []
    now = Authorization("blue", "voice", moment(3), moment(4))
    assert invariants(table, agent("ann", now, skills={"orders": 3})) == ["I3"]


def test_agents_on_a_break_in_wrap_up_or_reserved_are_no_reason() -> None:
    queue = "{0} c1 arrived\n{0} c1 requested\n{0} c1 taken\n"
    leader = "0 leader leader\n"
    on_break = "1 ann status available\n2 ann status on_break\n"
    assert invariants(leader + on_break + queue.format(3) + "9 end") == []
    assert invariants(leader + on_break + queue.format(3) + "4 ann status available\n9 end") == ["I3"]
    wrap_up = "1 ann status available\n1 ann reserved 9\n2 ann released wrap_up 5\n"
    assert invariants(leader + wrap_up + queue.format(3) + "7.05 end") == []
    assert invariants(leader + wrap_up + queue.format(3) + "7.2 end") == ["I3"]
    assert invariants(leader + "1 ann status available\n1 ann reserved 9\n" + queue.format(3) + "9 end") == []


def test_an_agent_whose_status_nobody_knows_yet_is_no_reason() -> None:
    table = "0 leader leader\n1 c1 arrived\n1 c1 requested\n1 c1 taken\n{} ann status available\n5 end"
    assert invariants(table.format(4.95)) == []
    assert invariants(table.format(4)) == ["I3"]


def test_a_new_reason_for_the_same_status_does_not_begin_the_idleness_anew() -> None:
    table = "0 leader leader\n1 ann status available\n1 c1 arrived\n2 c1 requested\n2 c1 taken\n{}2.11 end"
    assert invariants(table.format("2.05 ann status available\n")) == ["I3"]


def test_a_contact_that_is_held_does_not_wait() -> None:
    held = """
        0    leader leader
        1    ann status available
        1    c1 arrived
        2    c1 requested
        2    c1 taken
        2.01 c1 agent_reserved ann
        5    c1 network_leg_given_up held_for_s=5
        5    ann released network_leg_given_up 0
    """
    assert invariants(held + "10.05 end") == []
    assert invariants(held + "10.2 end") == ["I3"]
    assert invariants(held + "10.05 c1 agent_reserved ann\n10.2 end") == []


def test_a_time_without_a_leader_does_not_count() -> None:
    table = lines(SERVED, 0, 5)
    assert invariants(table + "2.05 leader leader_gone\n7 leader leader\n7.5 c1 agent_reserved ann") == []
    assert invariants(table + "2.05 leader leader_gone\n7 leader leader\n8.2 c1 agent_reserved ann") == ["I3"]
    assert invariants(table + "6.5 leader leader_silent since=1.9\n6.5 c1 agent_reserved ann") == []
    assert invariants(table.replace("leader  leader", "ann status available")) == []


# I4 -------------------------------------------------------------------------------------------------------

TWO_WAIT = """
    0    leader leader
    1    c1 arrived
    1.5  c2 arrived
    2    c1 requested
    2    c1 taken
    3    c2 requested
    3    c2 taken
    5    ann status available
"""


def test_a_contact_that_is_passed_over_is_found() -> None:
    (violation,) = audited(TWO_WAIT + "5.01 c2 agent_reserved ann\n9 end")
    assert (violation.invariant, violation.events[0].contact_id, violation.events[1].contact_id) == (
        "I4", "c1", "c2",
    )  # fmt: skip
    assert invariants(TWO_WAIT + "5.01 c1 agent_reserved ann\n9 end") == []


def test_a_contact_of_higher_priority_goes_first() -> None:
    urgent = TWO_WAIT.replace("3    c2 requested", "3    c2 requested priority=5")
    assert invariants(urgent + "5.01 c2 agent_reserved ann\n9 end") == []
    assert invariants(urgent + "5.01 c1 agent_reserved ann\n9 end") == ["I4"]


def test_a_contact_that_the_agent_may_not_serve_is_not_passed_over() -> None:
    trained = TWO_WAIT.replace("2    c1 requested", "2    c1 requested skills=orders:9")
    assert invariants(trained + "5.01 c2 agent_reserved ann\n9 end") == []
    green = TWO_WAIT.replace("c1 arrived", "c1 arrived center=green")
    assert invariants(green + "5.01 c2 agent_reserved ann\n9 end") == []


def test_claims_under_way_at_once_may_commit_in_any_order() -> None:
    both = "5 bob status available\n5.01 c2 agent_reserved ann\n5.02 c1 agent_reserved bob\n9 end"
    assert invariants(TWO_WAIT + both, agent("ann"), agent("bob")) == []


def test_a_contact_that_has_only_just_come_could_not_be_known() -> None:
    table = TWO_WAIT.replace("2    c1", "4.95 c1")
    ordered = "\n".join(sorted(table.strip().splitlines(), key=lambda line: float(line.split()[0])))
    assert invariants(ordered + "\n5.01 c2 agent_reserved ann\n9 end") == []


def test_a_contact_that_is_held_is_not_passed_over() -> None:
    table = """
        0    leader leader
        1    c1 arrived
        1    c1 requested
        1    c1 taken
        2    ann status available
        2.01 c1 agent_reserved ann
        3    c1 network_leg_given_up held_for_s=5
        3    ann released network_leg_given_up 1
        4    c2 arrived
        4    c2 requested
        4    c2 taken
        4.01 c2 agent_reserved ann
        5    end
    """
    assert invariants(table) == []
    assert invariants(table.replace(" held_for_s=5", "")) == ["I4"]


def test_a_contact_that_returns_keeps_its_place() -> None:
    table = TWO_WAIT + "5.01 c1 agent_reserved ann{}\n9 end"
    assert invariants(table.format("")) == []
    for place in ("[0,1800000000.0,1]", "[-5,1800000001.0,1]", "[0,1800000001.0,2]"):
        assert invariants(table.format(f" place={place}"))[0] == "I4"


def test_a_contact_whose_conversation_was_lost_goes_to_the_head() -> None:
    table = (
        lines(SERVED, 0, 11)
        + """
        20 c2 arrived
        20 c2 requested priority=5
        20 c2 taken
        30 c1 conversation_lost priority=1000000
        30 ann released conversation_lost 1
        31.01 {} agent_reserved ann
        32 end
    """
    )
    assert invariants(table.format("c1")) == []
    assert invariants(table.format("c2")) == ["I4"]


# I5 -------------------------------------------------------------------------------------------------------


def test_a_join_with_a_leg_that_is_not_there_is_found() -> None:
    table = lines(SERVED, 0, 8)
    silent = table + "6 c1 agent_accepted\n6.1 c1 joined network_leg=joined\n"
    assert invariants(silent) == ["I5"]
    assert invariants(table + "2.3 c1 network_leg_present\n6 c1 agent_accepted\n6.1 c1 joined") == []


def test_a_join_on_one_switch_needs_no_network_leg() -> None:
    table = lines(SERVED, 0, 5) + "2.02 c1 agent_reserved ann network_leg=not_needed\n"
    assert invariants(table + "6 c1 agent_accepted\n6.1 c1 joined") == []


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


# I8 -------------------------------------------------------------------------------------------------------


def test_a_network_leg_for_a_caller_who_only_waits_is_found() -> None:
    table = (
        "0 leader leader\n1 c1 arrived\n2 c1 requested lead={}\n2 c1 taken\n3 c1 network_leg_wanted\n4 end"
    )
    nobody = agent("ann", status="on_break")
    assert invariants(table.format("offered"), nobody) == ["I8"]
    assert invariants(table.format("ready"), nobody) == ["I8"]
    assert invariants(table.format("position:3"), nobody) == []
    assert invariants(table.format("expected:20"), nobody) == []


def test_a_network_leg_before_the_agent_is_there_is_found_where_the_lead_is_ready() -> None:
    ready = SERVED.replace("requested", "requested lead=ready")
    assert set(invariants(ready)) == {"I8"}
    late = """
        2.02 c1 agent_reserved ann network_leg=none
        6    c1 agent_accepted network_leg=wanted
        6.1  c1 network_leg_raised
        6.3  c1 network_leg_present
        6.4  c1 joined
        7    end
    """
    assert invariants(lines(ready, 0, 5) + late) == []


def test_a_network_leg_that_stays_when_the_caller_waits_again_is_found() -> None:
    back = lines(SERVED, 0, 7) + "9 c1 agent_failed{}\n9 ann released busy 30\n9.1 end"
    assert invariants(back.format(" network_leg=raising")) == ["I2", "I8"]
    assert invariants(back.format("")) == []
