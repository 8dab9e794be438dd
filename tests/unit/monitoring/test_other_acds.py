"""What must always hold where another ACD serves a contact: a ledger that violates it is found."""

from __future__ import annotations

from tests.unit.monitoring.ledger import agent, invariants, lines

THEIRS = """
    0     leader  leader
    1     c1      arrived
    2     c1      requested            acd=callcenter
    2.01  c1      taken
    2.02  c1      acd_entered
    5     c1      acd_offered          network_leg=wanted
    5.1   c1      network_leg_raised
    5.2   c1      network_leg_present
    6     c1      agent_accepted
    6.1   c1      joined
    60    c1      agent_left
    60.1  c1      conversation_over
    63    c1      closed               served
    90    end
"""
IDLE = agent("ann")


def test_a_contact_of_another_acd_violates_nothing_though_an_agent_of_ours_is_idle() -> None:
    assert invariants(THEIRS, IDLE) == []


def test_the_same_wait_without_another_acd_is_found() -> None:
    ours = lines(THEIRS.replace(" acd=callcenter", ""), 0, 4) + "30 end"
    assert invariants(ours, IDLE) == ["I3"]


def test_an_agent_of_ours_reserved_for_it_is_found() -> None:
    assert "I2" in invariants(lines(THEIRS, 0, 5) + "3 c1 agent_reserved ann", IDLE)


def test_a_contact_that_stands_there_twice_or_is_offered_from_nowhere_is_found() -> None:
    assert invariants(lines(THEIRS, 0, 5) + "3 c1 acd_entered") == ["I2"]
    assert invariants(lines(THEIRS, 0, 5) + "3 c1 acd_left\n4 c1 acd_entered") == []
    assert invariants(lines(THEIRS, 0, 4) + "3 c1 acd_offered") == ["I2"]


def test_what_another_acd_does_to_a_contact_of_ours_is_found() -> None:
    ours = lines(THEIRS.replace(" acd=callcenter", ""), 0, 4)
    assert invariants(ours + "2.05 c1 acd_entered") == ["I2"]


def test_a_join_without_the_network_leg_is_found_there_too() -> None:
    assert "I5" in invariants(lines(THEIRS, 0, 6) + "6 c1 agent_accepted\n6.1 c1 joined")


def test_a_leg_while_waiting_is_in_order_only_where_the_acd_tells_of_no_offers() -> None:
    early = lines(THEIRS, 0, 5) + "3 c1 network_leg_wanted"
    assert invariants(early) == ["I8"]
    told = early.replace("acd=callcenter", "acd=sip")
    assert invariants(told) == []
    assert invariants(told.replace("acd=sip", "acd=sip lead=ready")) == ["I8"]
    assert invariants(lines(told, 0, 4) + "3 c1 network_leg_wanted") == ["I8"], "it is not entered yet"


def test_after_a_transfer_to_a_queue_of_ours_the_usual_counts_again() -> None:
    transferred = lines(THEIRS, 0, 10) + "20 c1 transferred queue=main skills=\n"
    assert invariants(transferred + "20.05 c1 limit_passed\n20.05 c1 closed overflowed", IDLE) == []
    assert invariants(transferred + "30 end", IDLE) == ["I3"]
    assert invariants(transferred + "20.05 c1 acd_entered\n20.06 end", IDLE) == ["I2"]


def test_a_time_line_that_leads_back_to_our_queue_begins_a_wait() -> None:
    back = lines(THEIRS, 0, 5) + "20 c1 time_line_step queue=main skills=\n30 end"
    assert invariants(back, IDLE) == ["I3"]
