"""Rows for tests of pure decisions."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from fsroute.model.contact import Demand, Lead
from fsroute.model.proxy_call import AgentLeg, NetworkLeg, ProxyCall, State

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)

_OFFERED: dict[str, Any] = {
    "agent_id": "anna",
    "agent_name": "Anna",
    "agent_address": "user/1001",
    "agent_switch_id": "b",
    "agent_leg_uuid": "agent-leg",
    "network_switch_id": "b",
    "network_address": "192.0.2.2:5080",
    "reserved_at": NOON,
}


def proxy_call(
    state: State = State.QUEUED, network_leg: NetworkLeg = NetworkLeg.NONE, **changes: Any
) -> ProxyCall:
    """A proxy call in `state`, with what a row of that state has; the caller hangs on switch a."""
    row = ProxyCall(
        proxy_call_id=7,
        contact_id="contact",
        contact_center_id="shop",
        contact_center_name="The Shop",
        queue="sales",
        demand=Demand("shop", "voice"),
        priority=0,
        arrived_at=NOON,
        queued_at=NOON,
        switch_id="a",
        channel_uuid="caller",
        caller_number="+498912345",
        caller_name="Bob",
        state=state,
        agent_leg=AgentLeg.NONE,
        network_leg=network_leg,
        strategy="longest_idle",
        lead=Lead(),
        hold_music="local_stream://moh",
        offer_timeout=20.0,
        network_leg_timeout=10.0,
        network_leg_tries=3,
        network_leg_failures=0,
        longest_wait=None,
        refuse_when="never",
    )
    if state in (State.OFFERED, State.READY, State.BRIDGED):
        row = replace(row, **_OFFERED)
    if network_leg in (NetworkLeg.RAISING, NetworkLeg.PRESENT, NetworkLeg.JOINED):
        row = replace(row, network_leg_uuid="leg")
    if network_leg in (NetworkLeg.PRESENT, NetworkLeg.JOINED):
        row = replace(row, rendezvous_uuid="network-leg")
    return replace(row, **changes)
