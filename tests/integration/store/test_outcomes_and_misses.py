"""What agents say of their contacts, and what becomes of those who do not take theirs."""

from __future__ import annotations

import pytest

from fsroute.errors import Declined
from fsroute.model.agent import AgentStatus
from fsroute.model.contact import Outcome
from fsroute.store.duty import Duty
from tests.fix_center import Center
from tests.integration.store.duties import in_wrap_up, logged, missed


@pytest.fixture
def duty(center: Center) -> Duty:
    return Duty(center.database)


# Outcome codes -------------------------------------------------------------------------------------------

CODES = "insert into outcome_code values ('blue', '1', 'order placed'), ('blue', '2', 'no order')"


def test_an_outcome_code_is_of_the_contact_in_talk(center: Center, duty: Duty) -> None:
    center.sql(CODES)
    in_wrap_up(center)
    center.set_free()
    call = center.bridged()
    outcome = duty.outcome("ann", "2", "wants it in green")
    assert (outcome.contact_id, outcome.contact_center_id, outcome.meaning) == (
        call.contact_id, "blue", "no order",
    )  # fmt: skip
    row = center.sql(
        "select outcome_code, note from contact join contact_personal using (contact_id)"
        " where contact_id = %(id)s",
        id=call.contact_id,
    )
    assert row == [{"outcome_code": "2", "note": "wants it in green"}]
    event = center.events(call.contact_id)[-1]
    assert (event["kind"], event["agent_id"], event["data"]) == ("outcome_code", "ann", {"code": "2"})
    assert logged(center, "outcome_code") == [{"code": "2"}]


def test_an_outcome_code_in_wrap_up_is_of_the_last_contact_though_the_next_one_rings(
    center: Center, duty: Duty
) -> None:
    center.sql(CODES)
    in_wrap_up(center)
    first = center.value("select contact_id::text from contact")
    assert duty.outcome("ann", "1").contact_id == first
    center.set_free()
    center.offered()
    assert duty.outcome("ann", "2").contact_id == first
    assert center.value("select outcome_code from contact where contact_id::text = %(id)s", id=first) == "2"
    assert logged(center, "outcome_code") == [{"code": "1"}, {"code": "2"}]


def test_an_unknown_outcome_code_is_refused_with_the_list(center: Center, duty: Duty) -> None:
    in_wrap_up(center)
    with pytest.raises(Declined, match="contact center blue has no outcome code 9; it has none"):
        duty.outcome("ann", "9")
    center.sql(CODES)
    with pytest.raises(Declined, match=r"it has 1 \(order placed\), 2 \(no order\)") as caught:
        duty.outcome("ann", "9")
    assert caught.value.reason == "unknown_code"
    assert center.value("select count(*) from contact where outcome_code is not null") == 0


def test_an_agent_without_a_contact_gives_no_outcome_code(center: Center, duty: Duty) -> None:
    center.sql(CODES)
    missed(center)
    with pytest.raises(Declined, match="no contact to give") as caught:
        duty.outcome("ann", "1")
    assert caught.value.reason == "no_contact"


def test_a_contact_is_one_record_still_when_its_code_comes_after_its_end(center: Center, duty: Duty) -> None:
    center.sql(CODES)
    call = center.bridged()
    center.contacts.close(call.contact_id, Outcome.SERVED, {})
    duty.outcome("ann", "1")
    assert center.kinds(call.contact_id)[-2:] == ["closed", "outcome_code"]


# Offers that are not taken -----------------------------------------------------------------------------------


def test_no_number_of_missed_offers_changes_a_status_by_default(center: Center, duty: Duty) -> None:
    for _ in range(4):
        missed(center)
    assert duty.state("ann").missed == 4
    assert duty.state("ann").status is AgentStatus.AVAILABLE


@pytest.mark.parametrize(("then", "status"), [("on_break", "on_break"), ("logged_out", "logged_out")])
def test_an_agent_who_misses_so_many_offers_in_a_row_is_sent_away(
    center: Center, duty: Duty, then: str, status: str
) -> None:
    center.sql("update agent set miss_limit = 3, miss_then = %(then)s", then=then)
    missed(center)
    missed(center, "refused")
    assert duty.state("ann").status is AgentStatus.AVAILABLE
    missed(center, "key_not_pressed")
    state = duty.state("ann")
    assert (state.status, state.status_reason) == (status, "missed 3")
    assert logged(center, "status") == [{"status": status, "reason": "missed 3"}]


def test_a_talk_begins_the_count_again_and_a_fault_of_the_systems_is_no_miss(
    center: Center, duty: Duty
) -> None:
    center.sql("update agent set miss_limit = 3")
    missed(center)
    missed(center)
    missed(center, "unreachable")
    missed(center, "abandoned")
    assert duty.state("ann").missed == 2
    center.set_free()
    in_wrap_up(center)
    assert duty.state("ann").missed == 0
