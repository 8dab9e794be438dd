"""I3 and I4: a ledger that violates it is found, and its lawful neighbour is not."""

from __future__ import annotations

from fsroute.model.agent import Authorization, MediumSlots
from tests.unit.monitoring.ledger import ALWAYS, SERVED, agent, audited, invariants, lines, moment

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


def test_wrap_up_that_ends_early_or_lasts_longer_counts_as_it_was() -> None:
    table = (
        "0 leader leader\n1 ann status available\n1 ann reserved 9\n2 ann released wrap_up 5\n"
        "3 c1 arrived\n3 c1 requested\n3 c1 taken\n4 ann pause {}\n{} end"
    )
    assert invariants(table.format(0, 4.05)) == []
    assert invariants(table.format(0, 4.2)) == ["I3"]
    assert invariants(table.format(6, 10.05)) == []
    assert invariants(table.format(6, 10.2)) == ["I3"]


def test_an_agent_whose_status_nobody_knows_yet_is_no_reason() -> None:
    table = "0 leader leader\n1 c1 arrived\n1 c1 requested\n1 c1 taken\n{} ann status available\n5 end"
    assert invariants(table.format(4.95)) == []
    assert invariants(table.format(4)) == ["I3"]


def test_a_new_reason_for_the_same_status_does_not_begin_the_idleness_anew() -> None:
    table = "0 leader leader\n1 ann status available\n1 c1 arrived\n2 c1 requested\n2 c1 taken\n{}2.11 end"
    assert invariants(table.format("2.05 ann status available\n")) == ["I3"]


DIRECTED = """
    0    leader leader
    1    ann status available
    1    c1 arrived
    2    c1 requested
    2    c1 taken
    2    c1 agent_reserved ann
    2    c1 network_leg_raised directed_for_s={}
    2.1  c1 agent_ringing
    4    c1 {}
    4    ann released busy 0
"""
"""A call that nobody has answered yet; the agent is idle again at once."""


def test_who_is_directed_waits_for_nobody_until_whoever_directs_says_so() -> None:
    held = DIRECTED.format(5, "agent_failed held_for_s=5")
    assert invariants(held + "8.9 end") == []
    assert invariants(held + "9.2 end") == ["I3"], "whoever directed it is gone"
    assert invariants(held + "6 c1 directed held_for_s=0\n6.05 c1 agent_reserved ann\n7 end") == []
    assert invariants(held + "6 c1 directed held_for_s=0\n6.2 c1 agent_reserved ann\n7 end") == ["I3"]
    assert invariants(held + "6 c1 agent_reserved ann\n7 end") == [], "the next is tried"


def test_a_redirected_caller_who_is_not_taken_does_not_wait() -> None:
    ended = DIRECTED.format(0, "not_taken") + "4 c1 closed failed\n9 end"
    assert invariants(ended) == []


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


def test_a_demand_that_is_widened_concerns_more_agents_from_then_on() -> None:
    table = """
        0    leader leader
        1    ann status available
        1    c1 arrived
        2    c1 requested skills=orders:3 teams=night
        2    c1 taken
        5    c1 time_line_step skills=orders:2
        8    c1 time_line_step teams=
        {} c1 agent_reserved ann
        9    end
    """
    assert invariants(table.format(8.05)) == []
    assert invariants(table.format(8.2)) == ["I3"]
    assert invariants(table.replace("teams=night", "").format(8.05)) == ["I3"]


def test_a_demand_for_one_agent_concerns_nobody_else() -> None:
    table = "0 leader leader\n1 c1 arrived\n1 c1 requested only=bob\n1 c1 taken\n{}9 end"
    agents = agent("ann"), agent("bob", status="on_break")
    assert invariants(table.format(""), *agents) == []
    assert invariants(table.format("5 bob status available\n"), *agents) == ["I3"]


def test_an_agent_who_is_trained_later_is_a_reason_from_then_on() -> None:
    table = """
        0    leader leader
        0    ann qualified skills=orders:1
        1    ann status available
        1    c1 arrived
        2    c1 requested skills=orders:2
        2    c1 taken
        5    ann qualified skills=orders:2
        {}   c1 agent_reserved ann
        9    end
    """
    assert invariants(table.format(5.05)) == []
    assert invariants(table.format(5.2)) == ["I3"]


def test_an_agent_whose_standing_leg_is_down_is_no_reason() -> None:
    table = """
        0    leader leader
        0    ann qualified leg=standing skills=orders:2
        1    ann status available
        1    c1 arrived
        2    c1 requested
        2    c1 taken
        5    ann standing_leg_up
        {} c1 agent_reserved ann
        9    end
    """
    assert invariants(table.format(5.05)) == []
    assert invariants(table.format(5.2)) == ["I3"]
    assert invariants(table.format("5.05 ann standing_leg_lost\n5.2")) == []


def test_an_agent_whose_switch_is_away_is_no_reason() -> None:
    table = """
        0    leader leader
        1    ann status available
        1    c1 arrived
        1.5  ann switch_away
        2    c1 requested
        2    c1 taken
        5    ann switch_back
        {} c1 agent_reserved ann
        9    end
    """
    assert invariants(table.format(5.05)) == []
    assert invariants(table.format(5.2)) == ["I3"]


def test_an_agent_with_a_free_slot_is_available() -> None:
    two = agent("ann", Authorization("blue", "chat", ALWAYS), media={"chat": MediumSlots(2, 40)})
    table = """
        0    leader leader
        1    ann status available
        1    ann reserved 9 medium=chat weight={}
        2    c1 arrived
        2    c1 requested medium=chat
        2    c1 taken
        3    end
    """
    assert invariants(table.format(40), two) == ["I3"]
    assert invariants(table.format(61), two) == [], "there is no room for it"
    full = table.replace("2    c1 arrived", "1 ann reserved 8 medium=chat slot=2 weight=40\n 2    c1 arrived")
    assert invariants(full.format(40), two) == []
    freed = full.replace("3    end", "2.5 ann released wrap_up 0 8\n{}")
    assert invariants(freed.format(40, "2.55 end"), two) == []
    assert invariants(freed.format(40, "2.65 end"), two) == ["I3"]


def test_a_caller_who_is_to_be_called_back_waits_like_any_other() -> None:
    table = """
        0    leader leader
        1    c1 arrived
        1    c1 requested
        1    c1 taken
        2    c1 callback_chosen
        3    ann status available
        {}   c1 agent_reserved ann
        9    end
    """
    assert invariants(table.format(3.05)) == []
    assert invariants(table.format(3.2)) == ["I3"]


def test_a_caller_who_was_not_reached_does_not_wait_until_tried_again() -> None:
    table = """
        0    leader leader
        1    c1 arrived
        1    c1 requested
        1    c1 taken
        2    c1 callback_chosen
        3    ann status available
        3    c1 agent_reserved ann
        3.1  c1 caller_dialled
        4    c1 caller_unreached held_for_s=5
        4    ann released caller_unreached 0
        {} end
    """
    assert invariants(table.format(9.05)) == []
    assert invariants(table.format(9.2)) == ["I3"]
    assert invariants(table.replace(" held_for_s=5", "").format(4.2)) == ["I3"]


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


def test_a_contact_comes_first_by_its_priority_of_the_moment() -> None:
    raised = TWO_WAIT.replace("5    ann", "4    c2 time_line_step priority=3\n    5    ann")
    assert invariants(raised + "5.01 c2 agent_reserved ann\n9 end") == []
    assert invariants(raised + "5.01 c1 agent_reserved ann\n9 end") == ["I4"]


def test_a_contact_that_only_another_agent_may_serve_is_not_passed_over() -> None:
    direct = TWO_WAIT.replace("2    c1 requested", "2    c1 requested only=bob")
    bob = agent("bob", status="on_break")
    assert invariants(direct + "5.01 c2 agent_reserved ann\n9 end", agent("ann"), bob) == []


def test_a_caller_who_is_to_be_called_back_is_passed_over_by_nobody() -> None:
    chosen = TWO_WAIT.replace("5    ann", "4    c1 callback_chosen\n    5    ann")
    assert invariants(chosen + "5.01 c2 agent_reserved ann\n9 end") == ["I4"]
    assert invariants(chosen + "5.01 c1 agent_reserved ann\n9 end") == []


def test_a_transferred_contact_keeps_its_place() -> None:
    table = (
        lines(SERVED, 0, 11)
        + """
        20 c2 arrived
        20 c2 requested
        20 c2 taken
        30 c1 transferred queue=other skills=orders:2
        30 ann released wrap_up 1
        31.01 {} agent_reserved ann
        32 end
    """
    )
    assert invariants(table.format("c1")) == []
    assert invariants(table.format("c2")) == ["I4"]


def test_between_balanced_classes_the_imbalance_decides() -> None:
    ratio = "strategy=queue_idleness_ratio"
    table = TWO_WAIT.replace("c1 requested", f"c1 requested {ratio}").replace(
        "c2 requested", f"c2 requested {ratio} skills=orders:1"
    )
    served = f"5.01 c2 agent_reserved ann {ratio} imbalance=2.5\n9 end"
    assert invariants(table + served) == []
    assert invariants(table + served.replace("imbalance=2.5", "")) == ["I4"]
    assert invariants(table.replace(" skills=orders:1", "") + served) == ["I4"], (
        "within a class the place counts"
    )
    assert invariants(table.replace("c1 requested", "c1 requested priority=1") + served) == ["I4"]
    assert invariants(table.replace(f"c1 requested {ratio}", "c1 requested") + served) == ["I4"]
