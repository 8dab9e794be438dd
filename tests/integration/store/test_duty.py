"""What agents declare and do, by the functions that psql, `fsroute agent` and dialled codes all call."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from fsroute.errors import Declined, UnknownAgent
from fsroute.model.agent import AgentStatus
from fsroute.model.agent_state import Doing
from fsroute.store.agents import Agents
from fsroute.store.duty import Duty
from tests.fix_center import Center
from tests.integration.store.duties import doing, in_wrap_up, logged, missed


@pytest.fixture
def duty(center: Center) -> Duty:
    return Duty(center.database)


# What is seen ------------------------------------------------------------------------------------------------


def test_the_state_follows_the_reservation_from_the_offer_to_the_end_of_wrap_up(
    center: Center, duty: Duty
) -> None:
    assert doing(duty) == ("available", "idle", None)
    call = center.offered()
    assert doing(duty) == ("available", "reserved", None)
    for leg, state in (("ringing", "ringing"), ("answered", "connecting"), ("accepted", "connecting")):
        center.sql("update proxy_call set agent_leg = %(leg)s", leg=leg)
        assert doing(duty) == ("available", state, None)
    center.sql(
        "update proxy_call set agent_leg = 'joined', state = 'bridged', bridged_at = clock_timestamp()"
    )
    talking = duty.state("ann")
    assert (talking.state, talking.contacts, talking.contact_center_name) == (
        Doing.TALKING, 1, "Blue Mail Order",
    )  # fmt: skip
    assert talking.contact_id == call.contact_id
    center.proxy_calls.agent_left(call.agent_leg_uuid or "", "NORMAL_CLEARING")
    wrap_up = duty.state("ann")
    assert (wrap_up.state, wrap_up.state_reason, wrap_up.contacts) == (Doing.WRAP_UP, None, 0)
    assert wrap_up.state_until is not None
    assert (wrap_up.state_until - wrap_up.state_since).total_seconds() == pytest.approx(5, abs=0.1)
    center.sql("update agent set available_from = clock_timestamp()")
    assert doing(duty) == ("available", "idle", None)


def test_who_did_not_answer_is_set_aside_with_the_reason(center: Center, duty: Duty) -> None:
    missed(center)
    assert doing(duty) == ("available", "set_aside", "no_answer")
    assert duty.state("ann").missed == 1


def test_who_is_on_break_or_logged_out_is_away_unless_something_is_in_hand(
    center: Center, duty: Duty
) -> None:
    duty.take_break("bob", "lunch")
    assert doing(duty, "bob") == ("on_break", "away", None)
    center.offered()
    duty.log_off("ann")
    assert doing(duty) == ("logged_out", "reserved", None)


def test_a_caller_on_hold_and_a_consultation_are_seen(center: Center, duty: Duty) -> None:
    call = center.bridged()
    for kind, state in (
        ("held", "held"), ("resumed", "talking"), ("consulting", "consulting"), ("consultation_over", "talking"),
    ):  # fmt: skip
        center.sql(
            "insert into contact_event (contact_id, contact_center_id, kind) values (%(id)s, 'blue', %(kind)s)",
            id=call.contact_id, kind=kind,
        )  # fmt: skip
        assert doing(duty) == ("available", state, None)


def test_of_several_contacts_the_one_furthest_on_is_told(center: Center, duty: Duty) -> None:
    center.sql("insert into agent_medium values ('ann', 'voice', 2, 50)")
    talk = center.bridged()
    center.offered()
    state = duty.state("ann")
    assert (state.state, state.contacts, state.proxy_call_id) == (Doing.TALKING, 2, talk.proxy_call_id)


def test_an_agent_whose_standing_leg_is_missing_is_away(center: Center, duty: Duty) -> None:
    center.sql("update agent set leg = 'standing'")
    assert doing(duty) == ("available", "away", "no_standing_leg")
    center.sql("update agent set standing_leg_uuid = 'x'")
    assert doing(duty) == ("available", "idle", None)


def test_all_agents_are_listed_with_their_skills(center: Center, duty: Duty) -> None:
    ann, bob = duty.states()
    assert (ann.agent_id, bob.agent_id) == ("ann", "bob")
    assert (dict(ann.skills), ann.address) == ({"orders": 2, "english": 2}, "user/ann")


def test_an_unknown_agent_has_no_state(duty: Duty) -> None:
    with pytest.raises(UnknownAgent, match="nobody"):
        duty.state("nobody")


# Log-on, break, ready ------------------------------------------------------------------------------------


def test_a_shift_that_begins_counts_from_none_and_comes_last_in_the_idle_order(
    center: Center, duty: Duty
) -> None:
    center.sql("update agent set contacts_served = 7, missed = 2, idle_since = 'epoch'")
    duty.log_off("ann")
    before = center.agent()
    assert (before["contacts_served"], before["missed"]) == (7, 2)
    duty.log_on("ann")
    ann = center.agent()
    assert (ann["status"], ann["contacts_served"], ann["missed"]) == ("available", 0, 0)
    assert ann["idle_since"] > before["idle_since"]
    assert ann["pause"] <= 0


def test_a_break_does_not_begin_the_count_again(center: Center, duty: Duty) -> None:
    center.sql("update agent set contacts_served = 7")
    duty.take_break("ann")
    duty.ready("ann")
    assert center.agent()["contacts_served"] == 7


def test_who_logs_on_again_changes_nothing(center: Center, duty: Duty) -> None:
    before = center.agent()
    duty.log_on("ann")
    after = center.agent()
    assert after["idle_since"] == before["idle_since"]
    assert center.agent_kinds() == []


def test_a_break_and_ready_are_for_those_who_are_logged_on(center: Center, duty: Duty) -> None:
    duty.log_off("ann")
    for ask in (duty.take_break, duty.ready, duty.end_wrap_up):
        with pytest.raises(Declined, match="agent ann is logged out: log on first") as caught:
            ask("ann")
        assert caught.value.reason == "logged_out"
    assert center.agent()["status"] == "logged_out"


@pytest.mark.parametrize("reason", ["", "x" * 81, "two\nlines", "a\x7f"])
def test_a_reason_is_one_short_line(duty: Duty, reason: str) -> None:
    with pytest.raises(Declined, match="1 to 80 characters"):
        duty.take_break("ann", reason)


def test_logging_off_during_a_talk_lets_it_go_on_and_no_other_offer_comes(center: Center, duty: Duty) -> None:
    call = center.bridged()
    duty.log_off("ann", "end of shift")
    assert center.live_reservations() == [("ann", call.proxy_call_id)]
    assert doing(duty) == ("logged_out", "talking", None)
    center.proxy_calls.agent_left(call.agent_leg_uuid or "", "NORMAL_CLEARING")
    center.sql("update agent set available_from = 'epoch'")
    assert center.reserve(center.queued()) is None


def test_ready_ends_a_set_aside_at_once(center: Center, duty: Duty) -> None:
    missed(center)
    assert center.reserve(center.queued()) is None
    duty.ready("ann")
    assert doing(duty) == ("available", "idle", None)
    assert center.agent()["missed"] == 0
    [pause] = logged(center, "pause")
    assert (pause["reason"], pause["pause_s"]) == ("no_answer", 0)
    assert pause["was_s"] == pytest.approx(30, abs=1)
    assert center.reserve(center.queued()) is not None


# Wrap-up -------------------------------------------------------------------------------------------------


def test_wrap_up_can_be_ended_and_made_longer(center: Center, duty: Duty) -> None:
    in_wrap_up(center)
    duty.extend_wrap_up("ann", 60)
    assert center.agent()["pause"] == pytest.approx(65, abs=1)
    duty.end_wrap_up("ann")
    ann = center.agent()
    assert ann["pause"] <= 0
    assert doing(duty) == ("available", "idle", None)
    assert [event["pause_s"] for event in logged(center, "pause")] == [pytest.approx(65, abs=1), 0]
    duty.end_wrap_up("ann")  # it was over: no error
    assert len(logged(center, "pause")) == 2


def test_ending_wrap_up_during_a_break_leaves_the_break(center: Center, duty: Duty) -> None:
    in_wrap_up(center)
    duty.take_break("ann")
    assert doing(duty) == ("on_break", "wrap_up", None)
    duty.end_wrap_up("ann")
    assert doing(duty) == ("on_break", "away", None)


def test_a_set_aside_is_no_wrap_up(center: Center, duty: Duty) -> None:
    missed(center)
    for ask in (duty.end_wrap_up, lambda agent_id: duty.extend_wrap_up(agent_id, 5)):
        with pytest.raises(Declined, match="not in wrap-up"):
            ask("ann")
    assert doing(duty) == ("available", "set_aside", "no_answer")


def test_wrap_up_is_not_made_longer_when_it_is_over_nor_without_bounds(center: Center, duty: Duty) -> None:
    with pytest.raises(Declined, match="not in wrap-up"):
        duty.extend_wrap_up("ann", 5)
    in_wrap_up(center)
    for seconds in (0, -5, 3601, float("nan"), float("inf")):
        with pytest.raises(Declined, match=r"0\.001 to 3600"):
            duty.extend_wrap_up("ann", seconds)


# Hot-desking ---------------------------------------------------------------------------------------------


def test_an_agent_who_may_logs_on_elsewhere_and_is_home_again_with_the_next_shift(
    center: Center, duty: Duty
) -> None:
    center.sql("update agent set hot_desk = true where agent_id = 'ann'")
    duty.log_off("ann")
    duty.log_on("ann", "user/desk7", "home")
    ann = center.agent()
    assert (ann["address"], ann["switch_id"], ann["site_id"]) == ("user/desk7", "home", "west")
    assert (ann["home_address"], ann["home_switch_id"]) == ("user/ann", "away")
    duty.log_on("ann")  # on duty already: stays
    assert center.agent()["address"] == "user/desk7"
    duty.log_on("ann", "user/desk8")
    duty.log_off("ann")
    duty.log_on("ann")
    ann = center.agent()
    assert (ann["address"], ann["switch_id"], ann["site_id"]) == ("user/ann", "away", "east")
    assert (ann["home_address"], ann["home_switch_id"]) == (None, None)
    assert [(event["switch_id"], event["home"]) for event in logged(center, "relocated")] == [
        ("home", False), ("home", False), ("away", True),
    ]  # fmt: skip
    assert "desk7" not in str(logged(center, "relocated", "status"))


def test_an_agent_may_not_move_unless_allowed_nor_with_a_contact_nor_to_nowhere(
    center: Center, duty: Duty
) -> None:
    with pytest.raises(Declined, match="hot_desk is off") as caught:
        duty.log_on("ann", "user/desk7")
    assert caught.value.reason == "may_not_move"
    center.sql("update agent set hot_desk = true")
    for address in ("", "user/a,user/b", "${x}", "a\nb"):
        with pytest.raises(Declined, match="no address"):
            duty.log_on("ann", address)
    with pytest.raises(Declined, match="no switch moon"):
        duty.log_on("ann", None, "moon")
    center.offered()
    with pytest.raises(Declined, match="has a contact at away"):
        duty.log_on("ann", "user/desk7", "home")
    duty.log_on("ann", "user/ann", "away")  # where the agent is
    assert center.agent()["address"] == "user/ann"


def test_a_shift_begins_with_the_leg_that_the_agent_calls_in(center: Center, duty: Duty) -> None:
    duty.log_off("ann")
    with pytest.raises(Declined, match="no standing leg"):
        duty.stand("ann", "away", "leg-1")
    assert duty.state("ann").status is AgentStatus.LOGGED_OUT
    center.sql("update agent set leg = 'standing'")
    with pytest.raises(Declined, match="hot_desk is off"):
        duty.stand("ann", "home", "leg-1")
    duty.stand("ann", "away", "leg-1")
    state = duty.state("ann")
    assert (state.status, state.state, state.standing) == (AgentStatus.AVAILABLE, Doing.IDLE, True)
    assert center.agent()["standing_leg_uuid"] == "leg-1"


# A plain psql session takes effect at once --------------------------------------------------------------


@pytest.fixture
def heard(center: Center) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    with psycopg.connect(center.database.conninfo, autocommit=True) as connection:
        connection.execute('listen "fsroute.coordinator"')
        yield connection


@pytest.mark.parametrize(
    "statement",
    [
        "select * from agent_log_off('ann')",
        "select * from agent_break('ann', 'lunch')",
        "select agent_pause('ann', 1)",
        "update agent set team = 'red' where agent_id = 'ann'",
        "update agent set address = 'user/x' where agent_id = 'ann'",
        "update agent_skill set level = 3 where agent_id = 'ann' and skill = 'orders'",
        "delete from agent_authorization where agent_id = 'ann'",
        "insert into agent_medium values ('ann', 'chat', 3, 30)",
    ],
)
def test_the_coordinator_hears_of_what_psql_changes(
    center: Center, heard: psycopg.Connection[tuple[Any, ...]], statement: str
) -> None:
    center.sql(statement)
    [note] = heard.notifies(timeout=30, stop_after=1)
    assert note.payload == '["a:ann"]'


def test_what_every_contact_writes_of_an_agent_is_no_news(
    center: Center, heard: psycopg.Connection[tuple[Any, ...]]
) -> None:
    center.bridged()
    missed(center)
    center.sql("notify \"fsroute.coordinator\", 'end'")
    assert [note.payload for note in heard.notifies(timeout=30, stop_after=1)] == ["end"]


def test_the_functions_answer_with_the_agents_state(center: Center) -> None:
    [row] = center.sql("select agent_id, status, state from agent_break('ann', 'lunch')")
    assert row == {"agent_id": "ann", "status": "on_break", "state": "away"}


def test_the_status_of_the_program_is_that_of_psql(center: Center, duty: Duty) -> None:
    """One place for the rule, whichever way is taken."""
    Agents(center.database).set_status("ann", AgentStatus.LOGGED_OUT)
    center.sql("update agent set contacts_served = 3")
    Agents(center.database).set_status("ann", AgentStatus.AVAILABLE)
    assert duty.state("ann").contacts_served == 0
