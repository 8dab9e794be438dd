"""``callcenter_config``: mod_callcenter's lists and settings. Source: cc_config_api_function."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from fsroute.switchsim.callcenter import STATES, STATUSES, SYSTEM, Agent, Member
from fsroute.switchsim.variables import split_arguments

if TYPE_CHECKING:
    from fsroute.switchsim.callcenter import CallCenter
    from fsroute.switchsim.switch import Switch

_AGENT = (
    "name|instance_id|uuid|type|contact|status|state|max_no_answer|wrap_up_time|reject_delay_time|busy_delay_time|"
    "no_answer_delay_time|last_bridge_start|last_bridge_end|last_offered_call|last_status_change|no_answer_count|"
    "calls_answered|talk_time|ready_time|external_calls_count"
)
_NUMBERS = (
    "wrap_up_time", "busy_delay_time", "reject_delay_time", "no_answer_delay_time", "ready_time", "max_no_answer",
)  # fmt: skip
_TIER = "queue|agent|state|level|position"
_QUEUE = (
    "name|strategy|moh_sound|time_base_score|tier_rules_apply|tier_rule_wait_second|tier_rule_wait_multiply_level|"
    "tier_rule_no_agent_no_wait|discard_abandoned_after|abandoned_resume_allowed|max_wait_time|"
    "max_wait_time_with_no_agent|max_wait_time_with_no_agent_time_reached|record_template|calls_answered|"
    "calls_abandoned|ring_progressively_delay|skip_agents_with_external_calls|agent_no_answer_status"
)
_MEMBER = (
    "queue|instance_id|uuid|session_uuid|cid_number|cid_name|system_epoch|joined_epoch|rejoined_epoch|bridge_epoch|"
    "abandoned_epoch|base_score|skill_score|serving_agent|serving_system|state|score"
)


def callcenter_config(switch: Switch, argument: str) -> str:
    """``agent|tier|queue`` ``list|add|set|del|count``, as far as anybody asks for it."""
    words = split_arguments(argument, 12)
    center = switch.callcenter
    if not switch.options.callcenter:
        return "-ERR callcenter_config Command not found!\n"
    if words[:2] == ["agent", "list"]:
        return _table(_AGENT, map(_agent, center.agents.values()))
    if words[:2] == ["tier", "list"]:
        tiers = ((t.queue, t.agent, t.state, str(t.level), str(t.position)) for t in center.tiers)
        return _table(_TIER, tiers)
    if words[:3] == ["queue", "list", "members"]:
        members = [m for m in center.members.values() if not words[3:] or m.queue == words[3]]
        return _table(_MEMBER, map(_member, members))
    if words == ["queue", "list"]:
        rows = [_queue(queue.name, center) for queue in center.queues.values()]
        return _table(_QUEUE, rows, always=True)
    if words[:2] == ["queue", "count"] and len(words) > 2:
        return f"{center.count(words[2])}\n"
    return _change(center, words)


def _change(center: CallCenter, words: list[str]) -> str:
    match words:
        case ["agent", "add", name, *_]:
            center.add_agent(name)
        case ["agent", "del", name]:
            center.agents.pop(name, None)
        case ["agent", "set", key, name, *rest]:
            return _set(center, key, name, rest[0] if rest else "")
        case ["tier", "add", queue, agent, *rest]:
            center.add_tier(queue, agent, *map(int, rest))
        case ["tier", "del", queue, agent]:
            center.tiers = [tier for tier in center.tiers if (tier.queue, tier.agent) != (queue, agent)]
        case _:
            return "-ERR Invalid!\n"
    return "+OK\n"


def _set(center: CallCenter, key: str, name: str, value: str) -> str:
    agent = center.agents.get(name)
    if agent is None:
        return "-ERR Agent not found!\n"
    if key == "status":
        if value not in STATUSES:
            return "-ERR Invalid Agent Status!\n"
        center.set_status(name, value)
    elif key == "state":
        if value not in STATES:
            return "-ERR Invalid Agent State!\n"
        center.set_state(name, value)
    elif key == "contact":
        center.set_contact(name, value)
    elif key in _NUMBERS:
        setattr(agent, key, int(value) if value.isdigit() else 0)
    else:
        return "-ERR Invalid Agent Update KEY!\n"
    return "+OK\n"


def _table(heading: str, rows: Iterable[Sequence[str]], *, always: bool = False) -> str:
    """Without rows there is not even a heading, but for the queues."""
    lines = ["|".join(row) for row in rows]
    return "".join(f"{line}\n" for line in ((heading, *lines) if lines or always else ())) + "+OK\n"


def _agent(agent: Agent) -> tuple[str, ...]:
    numbers = (
        agent.max_no_answer, agent.wrap_up_time, agent.reject_delay_time, agent.busy_delay_time,
        agent.no_answer_delay_time, agent.last_bridge_start, agent.last_bridge_end, agent.last_offered_call,
        agent.last_status_change, agent.no_answer_count, agent.calls_answered, agent.talk_time, agent.ready_time, 0,
    )  # fmt: skip
    head = (agent.name, SYSTEM, agent.uuid, agent.kind, agent.contact, agent.status, agent.state)
    return (*head, *map(str, numbers))


def _queue(name: str, center: CallCenter) -> tuple[str, ...]:
    queue = center.queues[name]
    before = ("longest-idle-agent", queue.music, "queue", "false", "300", "true", "false", "60", "false")
    counted = (str(queue.answered), str(queue.abandoned))
    return (name, *before, str(queue.max_wait), "0", "5", "(null)", *counted, "10", "false", "(null)")


def _member(member: Member) -> tuple[str, ...]:
    session = "" if member.state == "Abandoned" else member.channel.uuid
    times = (member.joined, member.joined, 0, member.bridged, member.abandoned, member.base_score, 0)
    serving = SYSTEM if member.serving_agent else ""
    return (
        member.queue, SYSTEM, member.uuid, session, member.number, member.name, *map(str, times),
        member.serving_agent, serving, member.state, str(int(time.time()) - member.joined + member.base_score),
    )  # fmt: skip
