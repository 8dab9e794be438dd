"""What tests of agents' duty do to the call center again and again."""

from __future__ import annotations

from typing import Any

from fsroute.store.duty import Duty
from tests.fix_center import Center


def doing(duty: Duty, agent_id: str = "ann") -> tuple[str, str, str | None]:
    state = duty.state(agent_id)
    return str(state.status), str(state.state), state.state_reason


def logged(center: Center, *kinds: str) -> list[dict[str, Any]]:
    rows = center.sql(
        "select kind, data from agent_event where agent_id = 'ann' and kind = any(%(kinds)s) order by event_id",
        kinds=list(kinds),
    )
    return [row["data"] for row in rows]


def in_wrap_up(center: Center) -> None:
    call = center.bridged()
    center.proxy_calls.agent_left(call.agent_leg_uuid or "", "NORMAL_CLEARING")


def missed(center: Center, reason: str = "no_answer") -> None:
    """An offer to ann ends so."""
    center.set_free()
    call = center.offered()
    center.sql("select end_reservation(%(id)s, %(reason)s)", id=call.proxy_call_id, reason=reason)
