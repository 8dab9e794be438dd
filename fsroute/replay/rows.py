"""Rows of the database made of values: the reverse of what the store reads. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from fsroute.model.agent import Agent, MediumSlots
from fsroute.model.proxy_call import ProxyCall

Row = dict[str, Any]


_PLAIN = (
    "proxy_call_id", "contact_id", "contact_center_id", "queue", "priority", "arrived_at", "queued_at", "switch_id",
    "channel_uuid", "strategy", "hold_music", "offer_timeout", "network_leg_timeout", "network_leg_tries",
    "network_leg_failures", "held_until", "longest_wait", "refuse_when", "position", "expected_wait",
    "network_switch_id", "network_leg_uuid", "rendezvous_uuid", "accepted_at", "bridged_at", "version", "rule",
    "rules_version", "preferred_agent_id", "longest_queue", "time_line_done", "callback_failures", "treatment_number",
    "expected_wait_basis", "expected_wait_error", "acd_entry_uuid", "acd_agent", "acd_leg_uuid", "acd_since",
)  # fmt: skip


def call_row(call: ProxyCall) -> Row:
    """A row of ``proxy_call``; what no value tells (the token, when it ended) is left open."""
    demand = call.demand
    return {
        **{name: getattr(call, name) for name in _PLAIN},
        "medium": demand.medium,
        "skills": [list(pair) for pair in demand.skills],
        "sites": list(demand.sites),
        "teams": list(demand.teams),
        "only_agent_id": demand.agent_id,
        "state": str(call.state),
        "agent_leg": str(call.agent_leg),
        "network_leg": str(call.network_leg),
        "caller_leg": str(call.caller_leg),
        "lead": str(call.lead),
        "time_line": [step.dump() for step in call.time_line],
        "callback": call.callback.dump(),
        "overflow": call.overflow.dump(),
        "treatment": None if call.treatment is None else call.treatment.dump(),
        "way": None if call.way is None else call.way.dump(),
        "acd": None if call.acd is None else call.acd.dump(),
        "token_digest": None,
        "token_expires_at": None,
        "back_to": None,
        "ended_at": None if call.is_live else call.arrived_at,
    }


def reservation_row(call: ProxyCall) -> Row | None:
    """The live reservation that a row tells of."""
    if call.agent_id is None:
        return None
    return {
        "agent_id": call.agent_id, "slot": 1, "medium": call.demand.medium, "weight": 100,
        "proxy_call_id": call.proxy_call_id, "contact_id": call.contact_id, "agent_switch_id": call.agent_switch_id,
        "agent_leg_uuid": call.agent_leg_uuid, "reserved_at": call.reserved_at, "ended_at": None, "end_reason": None,
    }  # fmt: skip


def agent_row(agent: Agent, set_aside: float | None = None) -> Row:
    """A row of ``agent_detail`` with ``set_aside``; what the agent holds of calls that are not there is kept apart."""
    row = {name: getattr(agent, name) for name in (
        "agent_id", "name", "site_id", "switch_id", "address", "accept_key", "wrap_up", "available_from", "idle_since",
        "team", "contacts_served", "last_reserved_at", "rate", "leg", "standing_leg_uuid", "version",
    )}  # fmt: skip
    if set_aside is not None:
        row["set_aside"] = set_aside
    return {
        **row,
        "status": str(agent.status),
        "skills": dict(agent.skills),
        "authorizations": [
            [each.contact_center_id, each.medium, _epoch(each.valid_from), _epoch(each.valid_until)]
            for each in agent.authorizations
        ],
        "media": {medium: _slots(slots) for medium, slots in agent.media.items()},
        "held_for_others": [
            [held.proxy_call_id, held.medium, held.slot, held.weight] for held in agent.reservations
        ],
    }


def _slots(slots: MediumSlots) -> list[Any]:
    return [slots.slots, slots.weight, slots.wrap_up]


def _epoch(moment: datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()
