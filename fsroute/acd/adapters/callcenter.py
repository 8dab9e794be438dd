"""FreeSWITCH's mod_callcenter: the entry is a member of its queue. Pure.

The channel ``null/…`` has no media but silence. mod_callcenter (``mod_callcenter.c``, ``callcenter_function`` and
``outbound_agent_thread_run``) bridges it with the agent's channel and then waits for the end of that *channel*, not
of the bridge: so the agent's channel may be bridged with somebody else, and state, talk time and wrap-up stay right.
Before that bridge it must be let alone, or mod_callcenter would take it back.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from fsroute.acd.adapters import (
    ENTRY,
    AgentLeft,
    AgentThere,
    Ask,
    FaultyAcd,
    Joinable,
    Left,
    NotTaken,
    Offering,
    Signal,
    Waits,
    required,
)
from fsroute.acd.dial import shown_name, shown_number
from fsroute.acd.serving import REASONS
from fsroute.callcenter.info import SENT_BY
from fsroute.esl.messages import Event
from fsroute.model.other_acd import OtherAcd
from fsroute.model.proxy_call import ProxyCall

EVENT = "callcenter::info"
SECONDS_PER_PRIORITY = 86_400  # a day of waiting: one step of priority comes before whoever came earlier
HIGHEST_SCORE = 2_000_000_000  # mod_callcenter reads it with atoi
FINAL = frozenset({"TIMEOUT", "NO_AGENT_TIMEOUT"})
"""Cancel reasons that are limits of the queue there (``MEMBER_CANCEL_REASON_CHART``)."""

_QUEUE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,79}(@[A-Za-z0-9_.-]{1,80})?")


class Callcenter:
    """The adapter ``callcenter``."""

    def check(self, parameters: Mapping[str, str]) -> None:
        required(parameters, ("queue", "seconds_per_priority", "tells_offers"), ("queue",))
        if _QUEUE.fullmatch(parameters["queue"]) is None:
            raise FaultyAcd(f"queue {parameters['queue']!r} is no name of a queue")
        seconds = parameters.get("seconds_per_priority", "0")
        if re.fullmatch(r"[0-9]{1,9}", seconds) is None:
            raise FaultyAcd(f"seconds_per_priority {seconds!r} is no number of seconds")

    def enter(self, call: ProxyCall, acd: OtherAcd, entry_uuid: str, token: str, now: float) -> str:
        """The callee of an originated channel is what mod_callcenter and the agents see as the caller."""
        variables = (
            f"origination_uuid={entry_uuid}",
            f"{ENTRY}={call.proxy_call_id}",
            f"cc_base_score={score(call, acd, now)}",
            "cc_moh_override=silence_stream://-1",
            f"origination_callee_id_number={shown_number(call.caller_number)}",
            f"origination_callee_id_name='{shown_name(call.caller_name, call.caller_number)}'",
            "hangup_after_bridge=true",
        )
        return f"originate {{{','.join(variables)}}}null/fsroute &callcenter({acd.parameters['queue']})"

    def answered(self, acd: OtherAcd, entry_uuid: str) -> Iterable[tuple[str, str]]:
        return ()

    def hear(self, acd: OtherAcd, entry_uuid: str, event: Event) -> Iterator[Signal]:
        if event.name == "CHANNEL_BRIDGE":
            if event.get("Bridge-A-Unique-ID") == entry_uuid:
                yield Joinable()
        elif _is_of_callcenter(event) and event.get("CC-Member-Session-UUID") == entry_uuid:
            yield from _heard(event)

    def look(self, acd: OtherAcd, entry_uuid: str, ask: Ask) -> Iterator[Signal]:
        yield Waits()
        member = _members(acd, ask).get(entry_uuid, {})
        agent, leg = member.get("serving_agent", ""), _value(ask(f"uuid_getvar {entry_uuid} cc_agent_uuid"))
        if leg and ask(f"uuid_exists {leg}").strip() == "true":
            yield AgentThere(agent, leg)
            yield Joinable()
        elif member.get("state") == "Trying" and agent not in ("", "ring-all", "ring-progressively"):
            yield Offering(agent)

    def places(self, acd: OtherAcd, ask: Ask) -> Mapping[str, int]:
        """By score, the highest first: the order in which mod_callcenter looks at its members."""
        waiting = [row for row in _members(acd, ask).values() if row["state"] in ("Waiting", "Trying")]
        waiting.sort(key=lambda row: (-_whole(row["score"]), _whole(row["joined_epoch"])))
        return {row["session_uuid"]: number for number, row in enumerate(waiting, 1)}

    def serves(self, event: Event) -> str:
        is_one = _is_of_callcenter(event) and event.get("CC-Action") == "bridge-agent-start"
        return event.get("CC-Queue", "") if is_one else ""

    def queue(self, acd: OtherAcd) -> str:
        return acd.parameters["queue"]


def score(call: ProxyCall, acd: OtherAcd, now: float) -> int:
    """What a member has to begin with: the score is seconds of waiting, and it has waited since the contact came."""
    step = int(acd.parameters.get("seconds_per_priority", SECONDS_PER_PRIORITY))
    waited = max(0, round(now - call.arrived_at.timestamp()))
    return max(-HIGHEST_SCORE, min(HIGHEST_SCORE, waited + step * call.priority))


def _is_of_callcenter(event: Event) -> bool:
    """Not what fsroute tells of its own queues in mod_callcenter's form, for tools that listen to that."""
    return event.name == "CUSTOM" and event.get(SENT_BY[0]) != SENT_BY[1]


def _heard(event: Event) -> Iterator[Signal]:
    action, agent = event.get("CC-Action", ""), event.get("CC-Agent", "")
    if action in ("member-queue-start", "member-queue-resume"):
        yield Waits()
    elif action == "agent-offering":
        yield Offering(agent)
    elif action == "bridge-agent-fail":
        yield NotTaken(agent, REASONS.get(event.get("CC-Hangup-Cause", ""), "failed"))
    elif action == "bridge-agent-start":
        yield AgentThere(agent, event.get("CC-Agent-UUID", ""))
    elif action == "bridge-agent-end":
        yield AgentLeft(event.get("Hangup-Cause", ""))
    elif action == "member-queue-end" and event.get("CC-Cause") == "Cancel":
        reason = event.get("CC-Cancel-Reason", "")
        yield Left(f"acd_{reason.lower() or 'cancel'}", reason in FINAL)


def _members(acd: OtherAcd, ask: Ask) -> dict[str, dict[str, str]]:
    """The rows of the queue's members, by session."""
    lines = ask(f"callcenter_config queue list members {acd.parameters['queue']}").splitlines()
    if not lines or not lines[0].startswith("queue|"):
        return {}
    names = lines[0].split("|")
    rows = (dict(zip(names, line.split("|"), strict=False)) for line in lines[1:] if "|" in line)
    return {row["session_uuid"]: row for row in rows if _is_whole(row)}


def _is_whole(row: Mapping[str, str]) -> bool:
    """A name may hold a bar, and moves all that is after it."""
    return {"session_uuid", "state", "score", "joined_epoch"} <= set(row)


def _whole(text: str) -> int:
    return int(text) if re.fullmatch(r"-?[0-9]{1,18}", text) else 0


def _value(text: str) -> str:
    """What ``uuid_getvar`` says, empty for none."""
    value = text.strip()
    return "" if value == "_undef_" or value.startswith("-ERR") else value


CALLCENTER = Callcenter()
