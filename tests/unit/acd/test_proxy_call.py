from __future__ import annotations

import enum
from collections.abc import Iterable
from pathlib import Path

import pytest

from fsroute.acd import drawing
from fsroute.acd.proxy_call import (
    AGENT_LEG,
    AGENT_LEG_TABLE,
    CALL_TABLE,
    NETWORK_LEG,
    NETWORK_LEG_TABLE,
    PROXY_CALL,
    On,
    Row,
    Table,
)
from fsroute.errors import IllegalTransition
from fsroute.model.proxy_call import FINAL, LIVE, AgentLeg, NetworkLeg, State

PAGE = Path(__file__).parents[3] / "docs" / "state-tables.md"

Rows = Iterable[Row[State]] | Iterable[Row[AgentLeg]] | Iterable[Row[NetworkLeg]]

TABLES: dict[str, tuple[Rows, type[enum.StrEnum], set[enum.StrEnum]]] = {
    "proxy call": (PROXY_CALL, State, {State.REQUESTED}),
    "agent leg": (AGENT_LEG, AgentLeg, {AgentLeg.NONE}),
    "network leg": (NETWORK_LEG, NetworkLeg, {NetworkLeg.NONE, NetworkLeg.NOT_NEEDED}),
}


def reachable(rows: Rows, starts: set[enum.StrEnum]) -> set[str]:
    found = {str(start) for start in starts}
    while True:
        more = {str(row.target) for row in rows for source in row.sources if str(source) in found} - found
        if not more:
            return found
        found |= more


@pytest.mark.parametrize("name", TABLES)
def test_every_state_is_reachable(name: str) -> None:
    rows, states, starts = TABLES[name]
    assert reachable(rows, starts) == {str(state) for state in states}


@pytest.mark.parametrize("name", TABLES)
def test_no_line_is_said_twice(name: str) -> None:
    rows, _, _ = TABLES[name]
    lines = [(row.on, source) for row in rows for source in row.sources]
    assert len(lines) == len(set(lines))


def test_lines_that_contradict_each_other_are_no_table() -> None:
    here = Row((AgentLeg.NONE,), On.JOINED, AgentLeg.JOINED, "")
    there = Row((AgentLeg.NONE,), On.JOINED, AgentLeg.NONE, "")
    with pytest.raises(IllegalTransition, match="none leads to both joined and none"):
        Table([here, there])


def test_nothing_leads_out_of_a_final_state() -> None:
    assert not [row for row in PROXY_CALL if FINAL & set(row.sources)]


@pytest.mark.parametrize("state", sorted(LIVE))
def test_every_live_state_has_a_way_to_an_end(state: State) -> None:
    assert reachable(PROXY_CALL, {state}) & {str(final) for final in FINAL}


@pytest.mark.parametrize("state", sorted(LIVE))
def test_a_caller_may_hang_up_and_a_switch_may_die_in_every_live_state(state: State) -> None:
    assert CALL_TABLE.after(state, On.CALLER_GONE) in (State.ABANDONED, State.ENDED)
    assert CALL_TABLE.after(state, On.SWITCH_DIED) is State.LOST


def test_who_talked_is_served_and_who_did_not_has_abandoned() -> None:
    talked = {state for state in LIVE if CALL_TABLE.after(state, On.CALLER_GONE) is State.ENDED}
    assert talked == {State.BRIDGED}


@pytest.mark.parametrize("on", [on for on in On if on is not On.REQUESTED])
def test_every_event_moves_a_proxy_call(on: On) -> None:
    assert CALL_TABLE.targets(on)


@pytest.mark.parametrize("leg", [AgentLeg.DIALLING, AgentLeg.RINGING, AgentLeg.ANSWERED, AgentLeg.ACCEPTED])
def test_an_agent_may_fail_at_every_moment_before_the_join(leg: AgentLeg) -> None:
    assert AGENT_LEG_TABLE.after(leg, On.AGENT_FAILED) is AgentLeg.NONE


@pytest.mark.parametrize("leg", [NetworkLeg.WANTED, NetworkLeg.RAISING, NetworkLeg.PRESENT])
def test_a_network_leg_may_fail_at_every_moment_before_the_join(leg: NetworkLeg) -> None:
    assert NETWORK_LEG_TABLE.after(leg, On.NETWORK_LEG_FAILED) is NetworkLeg.WANTED
    assert NETWORK_LEG_TABLE.after(leg, On.NETWORK_LEG_GIVEN_UP) is NetworkLeg.NONE


def test_the_join_needs_agent_accepted_and_network_leg_present_or_not_needed() -> None:
    assert set(CALL_TABLE.targets(On.JOINED)) == {State.READY}
    assert set(AGENT_LEG_TABLE.targets(On.JOINED)) == {AgentLeg.ACCEPTED}
    assert set(NETWORK_LEG_TABLE.targets(On.JOINED)) == {NetworkLeg.PRESENT, NetworkLeg.NOT_NEEDED}


def test_a_token_is_good_for_one_network_leg_only() -> None:
    assert set(NETWORK_LEG_TABLE.targets(On.NETWORK_LEG_PRESENT)) == {NetworkLeg.RAISING}


def test_an_event_where_the_table_has_no_line_is_illegal() -> None:
    with pytest.raises(IllegalTransition, match="joined cannot happen in queued"):
        CALL_TABLE.after(State.QUEUED, On.JOINED)


def test_a_table_has_no_say_on_events_of_others() -> None:
    assert AGENT_LEG_TABLE.targets(On.LIMIT_PASSED) == {}


def test_the_page_in_the_documentation_is_drawn_from_the_tables() -> None:
    assert PAGE.read_text(encoding="utf-8") == drawing.page(), (
        "run: python -m fsroute.acd.drawing > docs/state-tables.md"
    )


def test_the_page_has_every_state_and_every_event() -> None:
    page = drawing.page()
    words = [*State, *AgentLeg, *NetworkLeg, *(on for on in On if on is not On.REQUESTED)]
    assert [word for word in words if f"`{word}`" not in page] == []
