"""What an action writes: one transition of one proxy call, as a value. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from fsroute.acd.proxy_call import On
from fsroute.coordinator.actions import (
    Action,
    Expire,
    Overflow,
    RaiseNetworkLeg,
    Refuse,
    Step,
    Take,
    WantCaller,
)
from fsroute.model.proxy_call import ProxyCall, State
from fsroute.model.routing import Way

TREATMENTS = frozenset({"offer_callback", "voice_message", "number", "announce"})
"""Steps of a time line that the caller hears of; the caller's site carries them out."""


@dataclass(frozen=True, slots=True)
class Move:
    """A transition: the arguments of ``Store.move``."""

    on: On
    set: Mapping[str, object] = field(default_factory=dict)
    data: Mapping[str, object] = field(default_factory=dict)
    agent_leg_uuid: str | None = None  # the attempt that must still be the present one
    end_reservation: str | None = None


def move_of(action: Action, call: ProxyCall) -> Move | None:
    """What `action` writes, by the row as it is known; None: nothing, it is out of date."""
    if isinstance(action, Take):
        return Move(On.TAKEN)
    if isinstance(action, Refuse):
        data = {"reason": action.reason}
        if action.reason == "center_closed":  # with the usual message, unless the contact center has its own
            return Move(
                On.CENTER_CLOSED, set={"way": Way("announce", prompt="center_closed").dump()}, data=data
            )
        return Move(On.NOBODY_MAY_SERVE, data=data)
    if isinstance(action, Overflow):
        return Move(On.LIMIT_PASSED, set={"way": call.overflow.dump()}, data={"reason": action.reason})
    if isinstance(action, Expire) and call.acd is not None:
        return Move(
            On.AGENT_FAILED, set={"acd_entry_is": action.agent_leg_uuid}, data={"reason": "unreachable"}
        )
    if isinstance(action, Expire):
        return Move(
            On.AGENT_FAILED,
            data={"reason": "unreachable"},
            agent_leg_uuid=action.agent_leg_uuid,
            end_reservation="unreachable",
        )
    if isinstance(action, RaiseNetworkLeg):
        return Move(On.NETWORK_LEG_WANTED, set={"network_switch_id": action.switch_id})
    if isinstance(action, WantCaller):
        return Move(On.CALLER_WANTED)
    return _step(action.number, call) if isinstance(action, Step) else None


def _step(number: int, call: ProxyCall) -> Move | None:
    """A step of the time line changes the demand or the priority, or is to be heard by the caller.

    A caller who has hung up to be called back hears nothing; the step counts as done.
    """
    if number != call.time_line_done or number >= len(call.time_line):
        return None
    step = call.time_line[number]
    changes: dict[str, object] = {"time_line_done": number + 1}
    if step.do == "priority":
        changes["priority"] = call.priority + step.priority
    elif step.do in TREATMENTS:
        if call.state is State.QUEUED:
            changes["treatment"] = step.dump()
    else:
        demand = step.changed(call.demand)
        if demand.skills != call.demand.skills:
            changes["skills"] = [list(pair) for pair in demand.skills]
        if demand.sites != call.demand.sites:
            changes["sites"] = list(demand.sites)
        if demand.teams != call.demand.teams:
            changes["teams"] = list(demand.teams)
    return Move(On.TIME_LINE_STEP, set=changes, data={"do": step.do, "number": number, "after_s": step.after})
