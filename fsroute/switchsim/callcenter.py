"""mod_callcenter: queues, agents, tiers and members of one switch, and the events that tell of them.

Source: mod_callcenter.c of FreeSWITCH 1.11. The order of events and what the lists say is that of the module: the
dispatcher looks ten times a second, eligibility is counted in whole seconds, an agent who hangs up is noticed within a
tenth of a second. Left out: ring-all and its like (agents are taken by the time since their last offer), tier rules,
standby agents, recording, announcements, members who come back for their place.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import gevent

from fsroute.switchsim import bridging
from fsroute.switchsim.events import Headers
from fsroute.switchsim.originate import originate

if TYPE_CHECKING:
    from fsroute.switchsim.channel import Channel
    from fsroute.switchsim.switch import Switch

SUBCLASS = ("Event-Subclass", "callcenter::info")
STATUSES = ("Logged Out", "Available", "Available (On Demand)", "On Break")
STATES = ("Waiting", "Receiving", "In a queue call", "Idle", "Reserved")
PASS = 0.1  # seconds between two looks of the dispatcher, and at an agent's channel
BRIDGE_LIMIT = 3.0  # seconds that a bridge may take to stand
ORIGINATE_TIMEOUT = 60  # seconds
SYSTEM = "single_box"


@dataclass(slots=True)
class Queue:
    """One queue; `answered` and `abandoned` count since it was loaded. `max_wait` in seconds, 0: for ever."""

    name: str
    music: str = "local_stream://default"
    max_wait: int = 0
    answered: int = 0
    abandoned: int = 0


@dataclass(slots=True)
class Agent:
    """One row of ``agents``. Moments in whole seconds since the epoch, durations in whole seconds."""

    name: str
    kind: str = "callback"
    contact: str = ""
    status: str = "Logged Out"
    state: str = "Waiting"
    uuid: str = ""
    max_no_answer: int = 0
    wrap_up_time: int = 0
    reject_delay_time: int = 0
    busy_delay_time: int = 0
    no_answer_delay_time: int = 0
    last_bridge_start: int = 0
    last_bridge_end: int = 0
    last_offered_call: int = 0
    last_status_change: int = 0
    no_answer_count: int = 0
    calls_answered: int = 0
    talk_time: int = 0
    ready_time: int = 0

    def may_be_offered(self, now: int) -> bool:
        return (
            self.status not in ("Logged Out", "On Break")
            and self.state == "Waiting"
            and self.last_bridge_end < now - self.wrap_up_time
            and self.ready_time <= now
        )


@dataclass(slots=True)
class Tier:
    queue: str
    agent: str
    state: str = "Ready"
    level: int = 1
    position: int = 1


@dataclass(slots=True)
class Member:
    """One row of ``members``; `channel` is the call."""

    queue: str
    uuid: str
    channel: Channel
    joined: int
    number: str
    name: str
    base_score: int = 0
    state: str = "Waiting"
    serving_agent: str = ""
    bridged: int = 0
    abandoned: int = 0
    cancel_reason: str = "NONE"
    is_served: bool = False

    @property
    def is_in_queue(self) -> bool:
        return self.state in ("Waiting", "Trying")


class CallCenter:
    """The module as it is loaded in one switch. What it holds is read and changed directly by tests."""

    def __init__(self, switch: Switch) -> None:
        self.switch = switch
        self.queues: dict[str, Queue] = {}
        self.agents: dict[str, Agent] = {}
        self.tiers: list[Tier] = []
        self.members: dict[str, Member] = {}
        self._dispatcher: gevent.Greenlet[..., None] | None = None

    # -- set up

    def add_queue(self, name: str, **settings: object) -> Queue:
        self.queues[name] = Queue(name, **settings)  # type: ignore[arg-type]
        return self.queues[name]

    def add_agent(self, name: str, contact: str = "", status: str = "", **settings: object) -> Agent:
        """As a configuration file does: the row first, then its contact and status."""
        agent = self.agents[name] = Agent(name, **settings)  # type: ignore[arg-type]
        self._tell(
            ("CC-Agent", name), ("CC-Agent-Type", agent.kind), ("CC-Action", "agent-add"),
        )  # fmt: skip
        if contact:
            self.set_contact(name, contact)
        if status:
            self.set_status(name, status)
        return agent

    def add_tier(self, queue: str, agent: str, level: int = 1, position: int = 1) -> None:
        self.tiers.append(Tier(queue, agent, level=level, position=position))

    def set_status(self, name: str, status: str) -> None:
        agent = self.agents[name]
        agent.status, agent.last_status_change = status, int(time.time())
        self._tell(("CC-Agent", name), ("CC-Action", "agent-status-change"), ("CC-Agent-Status", status))

    def set_state(self, name: str, state: str) -> None:
        agent = self.agents.get(name)
        if agent is None:
            return
        agent.state = state
        if state == "Receiving":
            agent.last_offered_call = int(time.time())
        self._tell(("CC-Agent", name), ("CC-Action", "agent-state-change"), ("CC-Agent-State", state))

    def set_contact(self, name: str, contact: str) -> None:
        self.agents[name].contact = contact
        self._tell(
            ("CC-Agent", name), ("CC-Action", "agent-contact-change"), ("CC-Agent-Contact", contact),
        )  # fmt: skip

    def count(self, queue: str) -> int:
        """How many wait; counting tells everybody (``cc_queue_count``)."""
        every = queue.startswith("*")
        count = sum(
            member.is_in_queue and (every or member.queue == queue) for member in self.members.values()
        )
        selection = "All-Queues" if every else "Single-Queue"
        self._tell(
            ("CC-Queue", queue), ("CC-Action", "members-count"), ("CC-Count", str(count)), ("CC-Selection", selection),
        )  # fmt: skip
        return count

    def forget(self) -> None:
        """The process died: members and counters are gone, agents and tiers lie in a file."""
        if self._dispatcher is not None:
            self._dispatcher.kill(block=False)
            self._dispatcher = None
        self.members.clear()
        for queue in self.queues.values():
            queue.answered = queue.abandoned = 0
        for agent in self.agents.values():
            agent.state, agent.uuid = "Waiting", ""

    def _tell(self, *headers: tuple[str, str]) -> None:
        self.switch.fire("CUSTOM", (SUBCLASS, *headers))

    # -- members

    def join(self, queue: str, channel: Channel) -> Member:
        """A call becomes a member; it hears of its fate by `Member`."""
        profile = channel.profile
        member = Member(
            queue, self.switch.new_uuid(), channel, int(time.time()), profile.caller_id_number,
            profile.caller_id_name, int(channel.get("cc_base_score") or 0),
        )  # fmt: skip
        channel.update({"cc_side": "member", "cc_member_uuid": member.uuid, "cc_queue": queue})
        channel.update({"cc_queue_joined_epoch": str(member.joined)})
        for name in ("cc_agent_found", "cc_agent_bridged"):
            channel.set(name, None)
        channel.fire("CUSTOM", after=(SUBCLASS, *self._of(member, "member-queue-start"), *_member(member)))
        self.members[member.uuid] = member
        self.count(queue)
        if self._dispatcher is None:
            self._dispatcher = gevent.spawn(self._dispatch)
        return member

    def leave(self, member: Member) -> None:
        """The call stopped waiting: an agent has it, or it is canceled."""
        channel, queue = member.channel, self.queues[member.queue]
        if member.cancel_reason == "NONE" and not member.is_served:
            member.cancel_reason = "BREAK_OUT"
        if channel.is_up and member.cancel_reason == "NONE":
            channel.set("cc_cause", "answered")
            queue.answered += 1
            self.count(member.queue)  # the agent's thread has not noted the answer yet
            return
        member.state, member.abandoned = "Abandoned", int(time.time())
        for leg in list(self.switch.channels.values()):
            if leg.variables.get("cc_member_pre_answer_uuid") == member.uuid:
                leg.hang_up("ORIGINATOR_CANCEL")
        head = self._of(member, "member-queue-end")
        times = (("CC-Member-Leaving-Time", _now()), ("CC-Member-Joined-Time", str(member.joined)))
        why = (("CC-Cause", "Cancel"), ("CC-Cancel-Reason", member.cancel_reason))
        channel.fire("CUSTOM", after=(SUBCLASS, *head, *times, *why, *_member(member)))
        channel.update({"cc_cause": "cancel", "cc_cancel_reason": member.cancel_reason})
        queue.abandoned += 1
        self.count(member.queue)

    def _of(self, member: Member, action: str) -> Headers:
        return (("CC-Queue", member.queue), ("CC-Action", action))

    # -- the dispatcher

    def _dispatch(self) -> None:
        while True:
            now = int(time.time())
            for member in sorted(self.members.values(), key=lambda each: self._place(each, now)):
                if member.state == "Waiting":
                    self._find_agent(member, now)
            gevent.sleep(PASS)

    @staticmethod
    def _place(member: Member, now: int) -> int:
        return -(now - member.joined + member.base_score)

    def _find_agent(self, member: Member, now: int) -> None:
        queue = self.queues[member.queue]
        if queue.max_wait and now - member.joined >= queue.max_wait:
            member.cancel_reason = "TIMEOUT"
            member.channel.poke()
            return
        for tier, agent in self._agents_of(member.queue):
            if tier.state in ("Ready", "No Answer") and agent.may_be_offered(now):
                member.state, member.serving_agent = "Trying", agent.name
                tier.state = "Offering"
                self.set_state(agent.name, "Receiving")
                gevent.spawn(self._offer, member, agent, tier)
                return

    def _agents_of(self, queue: str) -> Iterator[tuple[Tier, Agent]]:
        tiers = [tier for tier in self.tiers if tier.queue == queue and tier.agent in self.agents]
        tiers.sort(key=lambda tier: (tier.level, self.agents[tier.agent].last_offered_call, tier.position))
        return ((tier, self.agents[tier.agent]) for tier in tiers)

    # -- an agent's thread

    def _offer(self, member: Member, agent: Agent, tier: Tier) -> None:
        channel = member.channel
        called = _now()
        who = (("CC-Agent", agent.name), ("CC-Agent-Type", agent.kind), ("CC-Agent-System", SYSTEM))
        self._tell(*self._of(member, "agent-offering"), *who, *_member(member))
        variables = {
            "cc_queue": member.queue, "cc_member_uuid": member.uuid, "cc_member_session_uuid": channel.uuid,
            "cc_member_pre_answer_uuid": member.uuid, "cc_agent": agent.name, "cc_side": "agent",
            "ignore_early_media": "true",
        }  # fmt: skip
        given = ",".join(f"{name}={value}" for name, value in variables.items())
        caller_id = (member.name, member.number)
        leg, cause = originate(
            self.switch, f"{{{given}}}{agent.contact}", timeout=ORIGINATE_TIMEOUT, caller_id=caller_id
        )
        if leg is None:
            self._not_taken(member, agent, called, cause)
            tier.state = "No Answer" if cause in ("NO_ANSWER", "NO_USER_RESPONSE") else "Ready"
        else:
            self._taken(member, agent, tier, leg, called)
            tier.state = "Ready"
        on_demand = agent.status == "Available (On Demand)" and leg is not None
        self.set_state(agent.name, "Idle" if on_demand else "Waiting")

    def _taken(self, member: Member, agent: Agent, tier: Tier, leg: Channel, called: str) -> None:
        leg.set("cc_member_pre_answer_uuid", None)
        answered = _now()
        head = (*self._of(member, "bridge-agent-start"), *_agent(agent), ("CC-Agent-UUID", leg.uuid))
        times = (
            ("CC-Agent-Called-Time", called),
            ("CC-Agent-Answered-Time", answered),
            ("CC-Member-Joined-Time", str(member.joined)),
        )
        leg.fire("CUSTOM", after=(SUBCLASS, *head, *times, *_member(member)))
        member.channel.update({"cc_agent_found": "true", "cc_agent_uuid": leg.uuid})
        bridged = self._bridge(member, leg)
        if bridged:
            member.state, member.bridged = "Answered", int(time.time())
            agent.uuid, agent.last_bridge_start, agent.no_answer_count = leg.uuid, int(time.time()), 0
            agent.calls_answered += 1
            tier.state = "Active Inbound"
            self.set_state(agent.name, "In a queue call")
        while bridged and leg.is_up:
            gevent.sleep(PASS)
        self._over(member, agent, leg, bridged, times)

    def _bridge(self, member: Member, leg: Channel) -> bool:
        member.is_served = True
        if not bridging.uuid_bridge(member.channel, leg):
            member.is_served = False
            leg.hang_up("ORIGINATOR_CANCEL")
            return False
        end = time.monotonic() + BRIDGE_LIMIT
        while leg.partner is None and leg.is_up and time.monotonic() < end:
            gevent.sleep(0.01)
        return leg.partner is not None

    def _over(self, member: Member, agent: Agent, leg: Channel, bridged: bool, times: Headers) -> None:
        """The agent's channel ended, noticed by a look every tenth of a second."""
        head = self._of(member, "bridge-agent-end")
        who = (*_agent(agent), ("CC-Agent-UUID", leg.uuid))
        told = (
            ("CC-Agent-Bridged", "true" if bridged else "false"),
            *times,
            ("CC-Bridge-Terminated-Time", _now()),
        )
        cause = ("CC-Hangup-Cause", "SUCCESS")
        leg.fire("CUSTOM", after=(SUBCLASS, *head, cause, *who, *told, *_member(member)))
        if not bridged:
            return
        now = int(time.time())
        agent.uuid, agent.last_bridge_end = "", now
        agent.talk_time += now - agent.last_bridge_start
        self.members.pop(member.uuid, None)
        ended = (*self._of(member, "member-queue-end"), cause, ("CC-Cause", "Terminated"), *who)
        left = (*times[:2], ("CC-Member-Leaving-Time", _now()), times[2])
        member.channel.fire("CUSTOM", after=(SUBCLASS, *ended, *left, *_member(member)))

    def _not_taken(self, member: Member, agent: Agent, called: str, cause: str) -> None:
        if member.state == "Trying":
            member.state, member.serving_agent = "Waiting", ""
        delay = 0
        if cause in ("USER_BUSY", "NORMAL_CIRCUIT_CONGESTION"):
            delay = agent.busy_delay_time
        elif cause == "CALL_REJECTED":
            delay = agent.reject_delay_time
        elif cause == "USER_NOT_REGISTERED":
            delay = 5
        elif cause not in ("LOSE_RACE", "ORIGINATOR_CANCEL"):
            delay = agent.no_answer_delay_time
            self._no_answer(member, agent)
        if delay:
            agent.ready_time = int(time.time()) + delay
        head = (*self._of(member, "bridge-agent-fail"), ("CC-Hangup-Cause", cause), *_agent(agent))
        times = (("CC-Agent-Called-Time", called), ("CC-Agent-Aborted-Time", _now()))
        self._tell(*head, *times, *_member(member), ("CC-Member-Joined-Time", str(member.joined)))

    def _no_answer(self, member: Member, agent: Agent) -> None:
        agent.no_answer_count += 1
        if 0 < agent.max_no_answer <= agent.no_answer_count:
            self._tell(
                ("CC-Agent", agent.name), ("CC-Action", "agent-max-no-answer"),
                ("CC-Agent-No-Answer-Count", str(agent.max_no_answer)), ("CC-Agent-No-Answer-Status", "On Break"),
                ("CC-Member-UUID", member.uuid), ("CC-Member-Session-UUID", member.channel.uuid),
            )  # fmt: skip
            self.set_status(agent.name, "On Break")


def _agent(agent: Agent) -> Headers:
    return (("CC-Agent", agent.name), ("CC-Agent-System", SYSTEM))


def _member(member: Member) -> Headers:
    return (
        ("CC-Member-UUID", member.uuid),
        ("CC-Member-Session-UUID", member.channel.uuid),
        ("CC-Member-CID-Name", member.name),
        ("CC-Member-CID-Number", member.number),
    )


def _now() -> str:
    return str(int(time.time()))
