"""I2, I5 and I8: a ledger that violates it is found, and its lawful neighbour is not."""

from __future__ import annotations

from dataclasses import replace

from tests.unit.monitoring.test_waiting import DIRECTED
from tests.unit.monitoring.ledger import SERVED, Table, agent, audited, invariants, lines


def test_a_call_that_is_served_violates_nothing() -> None:
    report = audited(SERVED)
    assert list(report) == []
    assert (report.contacts, report.events, report.gaps) == (1, 15, ())


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


def test_who_is_served_without_a_proxy_call_is_found_but_an_agent_who_consulted_a_number_is_not() -> None:
    assert invariants("0 leader leader\n1 c1 arrived\n2 c1 closed served") == ["I2"]
    assert invariants("0 leader leader\n1 c1 arrived parent_contact_id=c2\n2 c1 closed served") == []


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
    for outcome, found in (("served", ["I2"]), ("unreached", ["I2"]), ("overflowed", []), ("failed", [])):
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


# I5 -------------------------------------------------------------------------------------------------------


def test_a_join_with_a_leg_that_is_not_there_is_found() -> None:
    table = lines(SERVED, 0, 8)
    silent = table + "6 c1 agent_accepted\n6.1 c1 joined network_leg=joined\n"
    assert invariants(silent) == ["I5"]
    assert invariants(table + "2.3 c1 network_leg_present\n6 c1 agent_accepted\n6.1 c1 joined") == []


def test_a_join_on_one_switch_needs_no_network_leg() -> None:
    table = lines(SERVED, 0, 5) + "2.02 c1 agent_reserved ann network_leg=not_needed\n"
    assert invariants(table + "6 c1 agent_accepted\n6.1 c1 joined") == []


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


CALLED_BACK = """
    0     leader  leader
    1     ann     status               on_break
    1     c1      arrived
    2     c1      requested
    2.01  c1      taken
    3     c1      callback_chosen
    9     ann     status               available
    9.01  c1      agent_reserved       ann
    9.1   c1      caller_dialled
    9.2   c1      agent_accepted
    9.5   c1      caller_back
    9.6   c1      network_leg_raised
    9.7   c1      network_leg_present
    9.8   c1      joined
    60    c1      agent_left
    60    ann     released             wrap_up 5
    60.1  c1      conversation_over
    63    c1      closed               served
    64    end
"""


def test_a_caller_is_called_back_by_legal_steps() -> None:
    assert invariants(CALLED_BACK) == []


def test_nobody_is_joined_with_a_caller_who_is_not_there() -> None:
    absent = CALLED_BACK.replace("    9.5   c1      caller_back\n", "")
    assert set(invariants(absent)) == {"I5", "I8"}


def test_a_caller_who_was_not_reached_goes_back_to_the_place() -> None:
    table = (
        lines(CALLED_BACK, 0, 10) + "10 c1 caller_unreached held_for_s=60{}\n10 ann released busy 0\n11 end"
    )
    assert invariants(table.format("")) == []
    assert invariants(table.format(" caller_leg=wanted")) == ["I2"]
    assert invariants(table.format(" state=queued")) == ["I2"]


def test_a_caller_who_is_given_up_ends_unreached() -> None:
    table = (
        lines(CALLED_BACK, 0, 9)
        + "10 c1 callback_given_up\n10 ann released callback_given_up 0\n10 c1 closed {}\n11 end"
    )
    assert invariants(table.format("unreached")) == []
    assert invariants(table.format("abandoned")) == ["I2"]


def test_whose_agent_does_not_come_before_the_answer_is_held_or_ends() -> None:
    def ends(directed_for: int, event: str, then: str = "") -> list[str]:
        return invariants(DIRECTED.format(directed_for, event) + f"{then}\n4.05 end")

    assert ends(5, "agent_failed held_for_s=5") == []
    assert ends(5, "agent_failed") == ["I2"], "it is held for nobody"
    assert ends(0, "agent_failed held_for_s=5") == ["I2"], "who was redirected is nobody's to keep"
    assert ends(0, "not_taken", "4 c1 closed failed") == []
    assert ends(5, "not_taken", "4 c1 closed failed") == ["I2"], "there was a caller to keep"
