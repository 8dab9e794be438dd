from __future__ import annotations

from dataclasses import replace

import pytest

from fsroute.acd.transfer import RINGBACK, consulting, dump, load, may_be_dialled, present, to_agent, to_queue
from fsroute.model.contact import Demand
from fsroute.model.routing import Routing, TimeLineStep
from tests.unit.rows import proxy_call

CALL = replace(
    proxy_call(),
    priority=7,
    longest_wait=90.0,
    time_line=(TimeLineStep(30, "priority", priority=1), TimeLineStep(60, "offer_callback")),
    time_line_done=1,
)


def test_the_present_routing_is_what_the_contact_has_with_how_far_its_time_line_is() -> None:
    routing = present(CALL)
    assert routing["queue"] == CALL.queue
    assert routing["skills"] == [list(pair) for pair in CALL.demand.skills]
    assert (routing["priority"], routing["longest_wait"], routing["time_line_done"]) == (7, 90.0, 1)
    assert [step["do"] for step in routing["time_line"]] == ["priority", "offer_callback"]


def test_for_one_agent_nothing_else_counts_and_after_a_while_everything_is_as_before() -> None:
    routing = to_agent(CALL, "bob", 45.0)
    assert (routing["only_agent_id"], routing["skills"], routing["sites"], routing["teams"]) == (
        "bob",
        [],
        [],
        [],
    )
    assert (routing["longest_wait"], routing["refuse_when"]) == (None, "never")
    assert routing["time_line"] == [{"after": 45.0, "do": "back"}]
    assert routing["time_line_done"] == 0


def test_of_a_transfer_to_an_agent_nothing_is_left_in_another_queue() -> None:
    routing = to_queue(Routing("billing", Demand("blue", "voice", (("billing", 1),))))
    assert (routing["queue"], routing["skills"]) == ("billing", [["billing", 1]])
    emptied: dict[str, object] = {"only_agent_id": None, "sites": [], "teams": [], "time_line": []}
    assert {name: routing[name] for name in emptied} == emptied


def test_who_consults_hears_ringing_and_is_asked_nothing() -> None:
    routing = consulting(present(CALL), CALL, 60.0)
    assert routing["hold_music"] == RINGBACK
    assert [step["do"] for step in routing["time_line"]] == ["priority"]
    assert routing["longest_wait"] == 60.0
    assert consulting(present(replace(CALL, longest_wait=20.0)), CALL, 60.0)["longest_wait"] == 20.0
    assert routing["overflow"] == {"do": "application"}
    assert routing["priority"] == 7


def test_a_routing_survives_as_a_channel_variable() -> None:
    routing = to_agent(CALL, "bob", 45.0)
    text = dump(routing)
    assert load(text) == routing
    assert not set(text) & set(" ,${}'\"\n")


@pytest.mark.parametrize("number", ["1001", "+14155550123", "*97", "0#1"])
def test_agents_may_send_a_contact_to_what_is_a_number_and_fits_the_pattern(number: str) -> None:
    assert may_be_dialled(number, ".*")
    assert not may_be_dialled(number, "7[0-9]{3}")
    assert not may_be_dialled(number, "")


@pytest.mark.parametrize(
    "number",
    ["", "+", "1 2", "12@evil.example", "{origination_uuid=x}12", "1,2", "1|2", "12\n", "1" * 21, "٣"],
)
def test_what_is_no_number_goes_nowhere_whatever_the_pattern_takes(number: str) -> None:
    assert not may_be_dialled(number, "(?s).*")
