"""The functions of ``sql/schema.sql`` that change a proxy call, on rows in memory: read the two side by side.

Each takes the memory first, then what its namesake in SQL takes, and gives the row (without the columns that the view
adds), or None where the race is lost and nothing was changed. What guards the functions against each other there —
locks, the leader's epoch — has no counterpart: here one thing happens at a time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from fsroute.errors import StoreError

if TYPE_CHECKING:
    from fsroute.replay.memory import Memory

Row = dict[str, Any]

FINAL = frozenset({"ended", "abandoned", "lost", "overflowed", "refused", "unreached"})
WAITING = frozenset({"queued", "callback"})
KEEPS_PLACE = frozenset({
    "abandoned", "join_failed", "lost", "conversation_lost", "caller_unreached", "callback_given_up",
})  # fmt: skip
FREE_AT_ONCE = KEEPS_PLACE | {"network_leg_given_up"}
SET_ASIDE = 30.0  # seconds; of an agent of whom nothing else is known
ONE_SLOT = (1, 100, None)


def route(memory: Memory, contact_id: str, routing: Mapping[str, Any]) -> Row | None:
    """``route_proxy_call``."""
    contact = memory.tables.contacts.get(contact_id)
    if contact is None or contact["ended_at"] is not None:
        return None
    contact["rule"], contact["rules_version"] = routing.get("rule"), routing.get("rules_version")
    live = _live_of(memory, contact_id)
    if live is not None:
        return live  # asked again after a restart: the live one stands
    if (contact["contact_center_id"], routing["queue"]) not in memory.tables.queues:
        raise StoreError(f"contact center {contact['contact_center_id']} has no queue {routing['queue']}")
    row = _new_call(memory, contact, routing)
    memory.tables.calls[row["proxy_call_id"]] = row
    memory.log("requested", contact_id, proxy_call_id=row["proxy_call_id"], state="requested")
    return row


def _live_of(memory: Memory, contact_id: str) -> Row | None:
    calls = memory.tables.calls.values()
    return next((row for row in calls if row["contact_id"] == contact_id and row["ended_at"] is None), None)


def _new_call(memory: Memory, contact: Row, routing: Mapping[str, Any]) -> Row:
    said = ("queue", "medium", "skills", "priority", "lead", "hold_music", "strategy", "offer_timeout",
            "network_leg_timeout", "network_leg_tries", "refuse_when")  # fmt: skip
    carried = ("contact_id", "contact_center_id", "arrived_at", "switch_id", "channel_uuid")
    return {
        **blank_call(),
        **{name: contact[name] for name in carried},
        **{name: routing[name] for name in said},
        **{name: routing.get(name) for name in ("longest_wait", "longest_queue", "rule", "rules_version",
                                                 "only_agent_id", "acd")},
        **{name: list(routing.get(name) or []) for name in ("sites", "teams", "time_line")},
        **{name: dict(routing.get(name) or {}) for name in ("callback", "overflow")},
        "proxy_call_id": next(memory.numbers),
        "preferred_agent_id": _preferred(memory, contact, routing),
    }  # fmt: skip


def blank_call() -> Row:
    """The columns of ``proxy_call`` with their defaults."""
    nothing = (
        "network_switch_id", "network_leg_uuid", "rendezvous_uuid", "token_digest", "token_expires_at", "held_until",
        "longest_wait", "position", "expected_wait", "queued_at", "accepted_at", "bridged_at", "ended_at", "rule",
        "rules_version", "only_agent_id", "preferred_agent_id", "longest_queue", "treatment", "way",
        "expected_wait_basis", "back_to", "expected_wait_error", "acd", "acd_entry_uuid", "acd_agent", "acd_leg_uuid",
        "acd_since",
    )  # fmt: skip
    return {
        **dict.fromkeys(nothing),
        "state": "requested", "agent_leg": "none", "network_leg": "none", "caller_leg": "present",
        "network_leg_failures": 0, "version": 1, "time_line_done": 0, "callback_failures": 0, "treatment_number": 0,
    }  # fmt: skip


def _preferred(memory: Memory, contact: Row, routing: Mapping[str, Any]) -> str | None:
    """With ``last_agent``: who served somebody of this number last."""
    asks = memory.tables.personal.get(contact["contact_id"])
    if routing["strategy"] != "last_agent" or asks is None or not asks["caller_number"]:
        return None
    same = {
        name for name, row in memory.tables.personal.items()
        if row["contact_center_id"] == asks["contact_center_id"] and row["caller_number"] == asks["caller_number"]
    }  # fmt: skip
    served = [
        r["agent_id"] for r in memory.tables.reservations
        if r["contact_id"] in same and r["end_reason"] in ("wrap_up", "conversation_lost", None)
    ]  # fmt: skip
    return served[-1] if served else None


def move(
    memory: Memory,
    proxy_call_id: int,
    kind: str,
    from_: Sequence[str] | None,
    to: Sequence[str] | None,
    agent_leg_from: Sequence[str] | None,
    agent_leg_to: Sequence[str] | None,
    network_leg_from: Sequence[str] | None,
    network_leg_to: Sequence[str] | None,
    agent_leg_uuid: str | None,
    network_leg_uuid: str | None,
    end_reservation: str | None,
    epoch: int | None,
    set_: Mapping[str, Any],
    data: Mapping[str, Any],
) -> Row | None:
    """``move_proxy_call``."""
    p = memory.tables.calls.get(proxy_call_id)
    if p is None:
        return None
    if kind == "time_line_step" and set_.get("time_line_done") != p["time_line_done"] + 1:
        return None  # it was done before
    routing = set_.get("routing")
    if kind == "time_line_step" and _is_back(p):
        routing = p["back_to"]
    state = _target(from_, to, p["state"])
    agent_leg = _target(agent_leg_from, agent_leg_to, p["agent_leg"])
    network_leg = _target(network_leg_from, network_leg_to, p["network_leg"])
    caller_leg = _target(set_.get("caller_leg_from"), set_.get("caller_leg_to"), p["caller_leg"])
    if state is None or agent_leg is None or network_leg is None or caller_leg is None:
        return None
    held = memory.live_reservation(proxy_call_id)
    if agent_leg_uuid is not None and (held is None or held["agent_leg_uuid"] != agent_leg_uuid):
        return None
    if network_leg_uuid is not None and p["network_leg_uuid"] != network_leg_uuid:
        return None
    if "acd_entry_is" in set_ and (p["acd_entry_uuid"] or "") != set_["acd_entry_is"]:
        return None
    if state == "queued" and caller_leg != "present":
        state = "callback"
    if end_reservation is not None or state not in ("offered", "ready", "bridged"):
        _end_reservation(memory, proxy_call_id, end_reservation or kind)
    if state in WAITING and p["state"] not in WAITING:  # back in the queue: no legs
        agent_leg = network_leg = "none"
        caller_leg = caller_leg if caller_leg == "present" else "absent"
    if state in FINAL:
        agent_leg = network_leg = "none"
    _beside(memory, p, set_, routing)
    before, agent_id = dict(p), None if held is None else held["agent_id"]
    p.update(
        state=state, agent_leg=agent_leg, network_leg=network_leg, caller_leg=caller_leg, version=p["version"] + 1,
        network_leg_failures=_failures(before, kind, state),
        callback_failures=before["callback_failures"] + (kind == "caller_unreached"),
        **_demand(before, set_ if routing is None else routing),
        **_preference(memory, before, kind, set_, agent_id),
        **_routed(before, set_, routing),
        **_of_the_queue(before, state, set_),
        **_of_the_leg(memory, before, network_leg, set_),
        **_moments(memory, before, state, set_),
        **_at_other_acd(memory, before, kind, state, set_, routing),
    )  # fmt: skip
    if "priority" in set_:
        p["priority"] = set_["priority"]
    memory.log(kind, p["contact_id"], proxy_call_id=proxy_call_id, agent_id=agent_id, state=state,
               data={**data, "from": before["state"]})  # fmt: skip
    return p


def _is_back(p: Row) -> bool:
    line = p["time_line"]
    return bool(p["time_line_done"] < len(line) and line[p["time_line_done"]].get("do") == "back")


def _target(source: Sequence[str] | None, target: Sequence[str] | None, present: str) -> str | None:
    """What the parallel lists lead to; without lists nothing changes, None: not from here."""
    if source is None or target is None:
        return present
    return target[source.index(present)] if present in source else None


def _beside(memory: Memory, p: Row, set_: Mapping[str, Any], routing: Mapping[str, Any] | None) -> None:
    """What a transition writes into other tables."""
    contact = memory.tables.contacts.get(p["contact_id"])
    personal = memory.tables.personal.get(p["contact_id"])
    if "callback_number" in set_ and personal is not None:
        personal["callback_number"] = set_["callback_number"]
    if contact is None:
        return
    if "channel_uuid" in set_:
        contact["channel_uuid"] = set_["channel_uuid"]
        contact["core_uuid"] = set_.get("core_uuid") or contact["core_uuid"]
    if routing is not None:
        contact["rule"], contact["rules_version"] = routing.get("rule"), routing.get("rules_version")


def _failures(p: Row, kind: str, state: str) -> int:
    failures: int = p["network_leg_failures"]
    if kind == "network_leg_failed":
        return failures + 1
    if kind == "network_leg_given_up" or (state in WAITING and p["state"] not in WAITING):
        return 0
    return failures


def _demand(p: Row, said: Mapping[str, Any]) -> Row:
    skills = p["skills"] if said.get("skills") is None else said["skills"]
    lists = {name: list(said[name] or []) if name in said else p[name] for name in ("sites", "teams")}
    only = said["only_agent_id"] if "only_agent_id" in said else p["only_agent_id"]
    return {"skills": skills, **lists, "only_agent_id": only}


def _preference(memory: Memory, p: Row, kind: str, set_: Mapping[str, Any], agent_id: str | None) -> Row:
    if "preferred_agent_id" in set_:
        return {"preferred_agent_id": set_["preferred_agent_id"]}
    if kind != "conversation_lost":
        return {}
    reserved = [r["agent_id"] for r in memory.tables.reservations if r["proxy_call_id"] == p["proxy_call_id"]]
    return {"preferred_agent_id": agent_id or (reserved[-1] if reserved else None)}


def _routed(p: Row, set_: Mapping[str, Any], routing: Mapping[str, Any] | None) -> Row:
    done = set_.get("time_line_done")
    if routing is None:
        return {} if done is None else {"time_line_done": done}
    kept = ("queue", "strategy", "lead", "hold_music", "offer_timeout", "network_leg_timeout", "network_leg_tries",
            "refuse_when", "time_line", "callback", "overflow", "priority")  # fmt: skip
    row = {
        name: p[name] if routing.get(name) is None else routing[name] for name in kept if name != "priority"
    }
    row |= {name: routing.get(name) for name in ("rule", "rules_version", "longest_wait", "longest_queue")}
    row["time_line_done"] = routing.get("time_line_done") or 0
    row["back_to"] = None
    if "back_to" in set_:
        before = p["back_to"] if p["only_agent_id"] is not None else None
        row["back_to"] = set_["back_to"] if before is None else before
    return row


def _at_other_acd(
    memory: Memory, p: Row, kind: str, state: str, set_: Mapping[str, Any], routing: Mapping[str, Any] | None
) -> Row:
    """Where the contact stands that an ACD of another make serves; another routing begins anew."""
    offered = state not in WAITING
    row = {
        "acd_agent": (set_.get("acd_agent") or p["acd_agent"]) if offered else None,
        "acd_leg_uuid": set_.get("acd_leg", p["acd_leg_uuid"]) if offered else None,
    }
    if routing is not None:
        return {**row, "acd": routing.get("acd"), "acd_entry_uuid": None, "acd_since": None}
    if "acd_entry" in set_:
        row["acd_entry_uuid"] = set_["acd_entry"] or None
    if kind in ("acd_entered", "acd_left", "acd_offered"):
        row["acd_since"] = memory.moment()
    return row


def _of_the_queue(p: Row, state: str, set_: Mapping[str, Any]) -> Row:
    treatment = None
    if state == "queued":
        treatment = set_["treatment"] if "treatment" in set_ else p["treatment"]
    waits = state in WAITING
    return {
        "treatment": treatment,
        "treatment_number": p["treatment_number"] + ("treatment" in set_),
        "way": set_.get("way"),
        "position": p["position"] if waits else None,
        "expected_wait": p["expected_wait"] if waits else None,
        "expected_wait_basis": p["expected_wait_basis"] if waits else None,
    }


def _of_the_leg(memory: Memory, p: Row, leg: str, set_: Mapping[str, Any]) -> Row:
    def kept(name: str, gone: tuple[str, ...]) -> Any:
        return None if leg in gone else p[name] if set_.get(name) is None else set_[name]

    expires = memory.moment(set_["token_lifetime"]) if "token_lifetime" in set_ else None
    return {
        "channel_uuid": set_.get("channel_uuid") or p["channel_uuid"],
        "network_switch_id": kept("network_switch_id", ("none",)),
        "network_leg_uuid": kept("network_leg_uuid", ("none", "wanted")),
        "rendezvous_uuid": kept("rendezvous_uuid", ("none", "wanted", "raising")),
        "token_digest": (set_.get("token_digest") or p["token_digest"]) if leg == "raising" else None,
        "token_expires_at": expires or (p["token_expires_at"] if leg == "raising" else None),
    }


def _moments(memory: Memory, p: Row, state: str, set_: Mapping[str, Any]) -> Row:
    now, waits = memory.moment(), state in WAITING
    queued = p["queued_at"]
    if waits:  # a lost conversation waits anew
        queued = now if p["state"] == "bridged" else queued or now
    accepted = p["accepted_at"]
    if state == "ready" and p["state"] != "ready":
        accepted = now
    elif waits or state == "offered":
        accepted = None
    return {
        "held_until": memory.moment(set_["held_for"])
        if "held_for" in set_
        else p["held_until"]
        if waits
        else None,
        "queued_at": queued,
        "accepted_at": accepted,
        "bridged_at": now if state == "bridged" and p["state"] != "bridged" else p["bridged_at"],
        "ended_at": now if state in FINAL else None,
    }


def _end_reservation(memory: Memory, proxy_call_id: int, reason: str) -> str | None:
    """``end_reservation``."""
    held = memory.live_reservation(proxy_call_id)
    if held is None:
        return None
    held["ended_at"], held["end_reason"] = memory.moment(), reason
    agent_id: str = held["agent_id"]
    agent = memory.tables.agents.get(agent_id)
    if agent is None:
        return agent_id
    keeps, pause = reason in KEEPS_PLACE, 0.0
    if reason not in FREE_AT_ONCE:
        own = agent["media"].get(held["medium"], ONE_SLOT)[2]
        wrap_up = agent["wrap_up"] if own is None else own
        pause = wrap_up if reason == "wrap_up" else agent.get("set_aside", SET_ASIDE)
    free_at = memory.moment() + timedelta(seconds=pause)
    agent["available_from"] = max(agent["available_from"], free_at)
    agent["idle_since"] = agent["idle_since"] if keeps else free_at
    agent["last_reserved_at"] = held["reserved_at"]
    agent["contacts_served"] += reason in ("wrap_up", "conversation_lost")
    agent["version"] = memory.next_agent_version()
    return agent_id


def reserve(
    memory: Memory, proxy_call_id: int, agent_id: str, agent_leg_uuid: str, data: Mapping[str, Any]
) -> Row | None:
    """``reserve_agent``."""
    p, a = memory.tables.calls.get(proxy_call_id), memory.tables.agents.get(agent_id)
    if (
        p is None
        or p["state"] not in ("requested", "queued", "callback")
        or a is None
        or p["acd"] is not None
    ):
        return None
    slot = _slot(memory, p, a) if _may_serve(memory, p, a) else None
    if slot is None:
        return None
    weight = a["media"].get(p["medium"], ONE_SLOT)[1]
    memory.tables.reservations.append({
        "agent_id": agent_id, "slot": slot, "medium": p["medium"], "weight": weight, "proxy_call_id": proxy_call_id,
        "contact_id": p["contact_id"], "agent_switch_id": a["switch_id"], "agent_leg_uuid": agent_leg_uuid,
        "reserved_at": memory.moment(), "ended_at": None, "end_reason": None,
    })  # fmt: skip
    a["last_reserved_at"] = memory.moment()
    a["version"] = memory.next_agent_version()
    leg = _network_leg(p, a)
    if p["state"] == "requested":
        memory.log(
            "taken", p["contact_id"], proxy_call_id=proxy_call_id, state="queued", data={"from": "requested"}
        )
    p.update(
        state="offered", queued_at=p["queued_at"] or memory.moment(), agent_leg="dialling", network_leg=leg,
        network_switch_id=None if leg in ("not_needed", "none") else a["switch_id"],
        network_leg_uuid=p["network_leg_uuid"] if leg in ("raising", "present") else None,
        rendezvous_uuid=p["rendezvous_uuid"] if leg == "present" else None,
        token_digest=p["token_digest"] if leg == "raising" else None,
        caller_leg="wanted" if p["caller_leg"] == "absent" else p["caller_leg"],
        treatment=None, network_leg_failures=0, held_until=None, position=None, expected_wait=None,
        expected_wait_basis=None, version=p["version"] + 1,
    )  # fmt: skip
    memory.log("agent_reserved", p["contact_id"], proxy_call_id=proxy_call_id, agent_id=agent_id, state="offered",
               data=data)  # fmt: skip
    return p


def _may_serve(memory: Memory, p: Row, a: Row) -> bool:
    now = memory.moment()
    if a["status"] != "available" or a["available_from"] > now:
        return False
    if p["only_agent_id"] not in (None, a["agent_id"]):
        return False
    if (p["teams"] and a["team"] not in p["teams"]) or (p["sites"] and a["site_id"] not in p["sites"]):
        return False
    if not all(a["skills"].get(skill, -1) >= level for skill, level in p["skills"]):
        return False
    at = now.timestamp()
    return any(
        center == p["contact_center_id"] and medium == p["medium"]
        and (begin is None or begin <= at) and (end is None or at < end)
        for center, medium, begin, end in a["authorizations"]
    )  # fmt: skip


def _slot(memory: Memory, p: Row, a: Row) -> int | None:
    """The lowest free slot of the medium, if its weight fits beside what the agent has."""
    slots, weight, _ = a["media"].get(p["medium"], ONE_SLOT)
    held = memory.agent_detail(a)["reservations"]
    if weight + sum(each[3] for each in held) > 100:
        return None
    taken = {slot for _, medium, slot, _ in held if medium == p["medium"]}
    return next((slot for slot in range(1, slots + 1) if slot not in taken), None)


def _network_leg(p: Row, a: Row) -> str:
    if a["switch_id"] == p["switch_id"]:
        return "not_needed"
    leg: str = p["network_leg"]
    if leg in ("wanted", "raising", "present") and p["network_switch_id"] == a["switch_id"]:
        return leg
    return "none" if p["lead"] == "ready" else "wanted"


def agent_left(memory: Memory, agent_leg_uuid: str, data: Mapping[str, Any]) -> Row | None:
    """``agent_left``."""
    rows = memory.tables.reservations
    held = next((r for r in rows if r["agent_leg_uuid"] == agent_leg_uuid and r["ended_at"] is None), None)
    p = None if held is None else memory.tables.calls.get(held["proxy_call_id"])
    if p is None or p["state"] != "bridged":
        return None
    agent_id = _end_reservation(memory, p["proxy_call_id"], "wrap_up")
    p.update(agent_leg="none", version=p["version"] + 1)
    memory.log("agent_left", p["contact_id"], proxy_call_id=p["proxy_call_id"], agent_id=agent_id, state="bridged",
               data={**data, "from": "bridged"})  # fmt: skip
    return p


def close_contact(
    memory: Memory,
    contact_id: str,
    outcome: str,
    kind: str,
    data: Mapping[str, Any],
    from_: Sequence[str],
    to: Sequence[str],
    hand_over: bool = False,
) -> Row:
    """``close_contact``: what its query calls closed, closed_proxy_call_id and closed_agent_id."""
    nothing = {"closed": False, "closed_proxy_call_id": None, "closed_agent_id": None}
    c = memory.tables.contacts.get(contact_id)
    if c is None or c["ended_at"] is not None:
        return nothing
    calls = [row for row in memory.tables.calls.values() if row["contact_id"] == contact_id]
    p = max(calls, key=lambda row: int(row["proxy_call_id"]), default=None)
    ends = p is not None and p["state"] in from_
    if p is not None and ends and p["caller_leg"] != "present" and "cancel_callback" not in data:
        return nothing
    state = None if p is None else p["state"]
    agent_id, number = None, None
    if p is not None and ends:
        state, number = to[list(from_).index(p["state"])], p["proxy_call_id"]
        agent_id = _end_reservation(memory, number, "wrap_up" if state == "ended" else state)
        before = p["state"]
        p.update(state=state, agent_leg="none", network_leg="none", network_switch_id=None, token_digest=None,
                 position=None, expected_wait=None, ended_at=memory.moment(), version=p["version"] + 1)  # fmt: skip
        memory.log(kind, contact_id, proxy_call_id=number, agent_id=agent_id, state=state,
                   data={**data, "from": before})  # fmt: skip
    c["ended_at"], c["outcome"] = memory.moment(), _outcome(state, outcome)
    memory.log("closed", contact_id, data={**data, "outcome": c["outcome"]})
    return {"closed": True, "closed_proxy_call_id": number, "closed_agent_id": agent_id}


def _outcome(state: str | None, said: str) -> str:
    """A proxy call's own end decides the outcome before what its closer says."""
    if state == "ended":
        return "transferred" if said == "transferred" else "served"
    if state == "abandoned":
        return "failed" if said == "failed" else "abandoned"
    return state if state in ("lost", "unreached", "overflowed", "refused") else said
