"""What ``callcenter::info`` says when a proxy call goes from one row to the next. Pure.

A signal is a hint and may be merged with others, so this goes by what is: of the row seen last and the present one
follow all steps in between, in mod_callcenter's order and with its headers (mod_callcenter.c,
`outbound_agent_thread_run` and `callcenter_function`).

===============================  ==========================================================================
step                             events (CC-Action)
===============================  ==========================================================================
queued                           member-queue-start, members-count
an agent is reserved             agent-state-change Receiving, agent-offering
caller and agent talk            bridge-agent-start, members-count, agent-state-change In a queue call
the agent does not take it       bridge-agent-fail, agent-state-change Waiting
the talk is over                 bridge-agent-end, agent-state-change Waiting
the proxy call is over           member-queue-end, members-count
an agent's status changes        agent-status-change
===============================  ==========================================================================
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from fsroute.acd.dial import shown_name, shown_number
from fsroute.model.agent import AgentStatus
from fsroute.model.proxy_call import ProxyCall, State

SUBCLASS = "callcenter::info"
SENT_BY = ("Sent-By", "fsroute")
"""By this header those who read the real module's events know that these are not."""

SYSTEM = "single_box"  # mod_callcenter's name for a host that shares its agents with no other
TYPE = "callback"
TALKED = "SUCCESS"  # CC-Hangup-Cause of a leg that came about

STATUSES = {
    AgentStatus.AVAILABLE: "Available",
    AgentStatus.ON_BREAK: "On Break",
    AgentStatus.LOGGED_OUT: "Logged Out",
}
CAUSES = {
    "no_answer": "NO_ANSWER",
    "key_not_pressed": "NO_ANSWER",
    "busy": "USER_BUSY",
    "refused": "CALL_REJECTED",
    "gone": "DESTINATION_OUT_OF_ORDER",
    "caller_gone": "ORIGINATOR_CANCEL",
    "network": "NETWORK_OUT_OF_ORDER",
}
"""CC-Hangup-Cause of bridge-agent-fail, by why the reservation ended."""

OTHER_CAUSE = "NORMAL_UNSPECIFIED"
CANCELLED = {
    State.OVERFLOWED: "TIMEOUT",
    State.REFUSED: "NO_AGENT_TIMEOUT",
}
"""CC-Cancel-Reason of who was not served, where it is not that the caller left (BREAK_OUT)."""

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Info:
    """One event: its CC- headers in order. `count_of` (contact center, queue): CC-Count is still to be found."""

    headers: Headers
    count_of: tuple[str, str] | None = None

    @property
    def action(self) -> str:
        return dict(self.headers)["CC-Action"]


@dataclass(frozen=True, slots=True)
class Naming:
    """What tools know queues and agents by: templates with {queue} and {contact_center}, and with {agent}."""

    queue: str = "{queue}@{contact_center}"
    agent: str = "{agent}"

    def of_queue(self, contact_center_id: str, queue: str) -> str:
        return self.queue.format(queue=queue, contact_center=contact_center_id)

    def of_agent(self, agent_id: str) -> str:
        return self.agent.format(agent=agent_id)


class Step(enum.Enum):
    """What happens to a member of a queue; each with the row that tells whom it concerns."""

    JOINED = enum.auto()
    RESERVED = enum.auto()
    FAILED = enum.auto()  # the agent does not take it
    TALKING = enum.auto()
    TALKED = enum.auto()
    LEFT = enum.auto()


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of a proxy call: its row, and the row of the talk that was last, if there was one."""

    row: ProxyCall
    talk: ProxyCall | None = None


def steps(before: ProxyCall | None, after: ProxyCall) -> Iterator[tuple[Step, ProxyCall]]:
    """What has happened from one row to the other, in order; `before` None: it was not known."""
    if before is None or _queue(before) != _queue(after):
        if before is not None:
            yield from _let_go(before, after)
            yield Step.LEFT, before
        yield Step.JOINED, after
        before = None
    talked = before is not None and before.state is State.BRIDGED
    talks = after.state is State.BRIDGED
    is_same = before is not None and before.agent_leg_uuid == after.agent_leg_uuid and (talks or not talked)
    if before is not None and not is_same:
        yield from _let_go(before, after)
    if after.agent_leg_uuid is not None:
        if not is_same:
            yield Step.RESERVED, after
        if talks and not (is_same and talked):
            yield Step.TALKING, after
    if not after.is_live:
        yield Step.LEFT, after


def _let_go(before: ProxyCall, after: ProxyCall) -> Iterator[tuple[Step, ProxyCall]]:
    """The agent of `before`, if there was one, has the contact no more: after a talk, seen or not, or without one."""
    if before.agent_leg_uuid is None:
        return
    if before.state is State.BRIDGED:
        yield Step.TALKED, before
    elif after.bridged_at not in (None, before.bridged_at) and after.state is not State.BRIDGED:
        talk = replace(before, state=State.BRIDGED, bridged_at=after.bridged_at)
        yield Step.TALKING, talk
        yield Step.TALKED, talk
    else:
        yield Step.FAILED, before


def _queue(row: ProxyCall) -> tuple[str, str]:
    return (row.contact_center_id, row.queue)


@dataclass(frozen=True, slots=True)
class Teller:
    """Tells events at one switch; moments are seconds since the epoch."""

    switch_id: str
    naming: Naming = Naming()

    def call(
        self, seen: Seen | None, after: ProxyCall, now: float, reason: Callable[[ProxyCall], str]
    ) -> tuple[Seen | None, list[Info]]:
        """What happened from what was seen to the row `after`, and what is to be remembered; None: nothing any more.

        `reason` says why the reservation of a row ended; it is asked where an agent did not take the contact.
        """
        if seen is None and not after.is_live:
            return None, []
        if seen is not None and after.version < seen.row.version:
            return seen, []
        before, talk = (None, None) if seen is None else (seen.row, seen.talk)
        told: list[Info] = []
        for step, row in steps(before, after):
            talk = row if step is Step.TALKING else None if step is Step.JOINED else talk
            if step is Step.FAILED:
                cause = "caller_gone" if after.state in (State.ABANDONED, State.LOST) else reason(row)
                told += self._fails(row, CAUSES.get(cause, OTHER_CAUSE), now)
            else:
                told += self._tell(step, row, talk, now)
        return (Seen(after, talk) if after.is_live else None), told

    def _tell(self, step: Step, row: ProxyCall, talk: ProxyCall | None, now: float) -> Iterator[Info]:
        match step:
            case Step.JOINED:
                return self._joins(row)
            case Step.RESERVED:
                return self._offers(row)
            case Step.TALKING:
                return self._talks(row, now)
            case Step.TALKED:
                return self._ends(row, now)
        return self._leaves(row, talk, now)

    def status(self, agent_id: str, status: AgentStatus) -> Info:
        return Info(
            (
                ("CC-Agent", self.naming.of_agent(agent_id)),
                ("CC-Action", "agent-status-change"),
                ("CC-Agent-Status", STATUSES[status]),
            )
        )

    # Steps

    def _joins(self, row: ProxyCall) -> Iterator[Info]:
        if row.switch_id == self.switch_id:
            yield Info((*self._action(row, "member-queue-start"), *_member(row)))
            yield self._count(row)

    def _offers(self, row: ProxyCall) -> Iterator[Info]:
        yield self._state(row, "Receiving")
        agent = (*self._agent(row), ("CC-Agent-Type", TYPE), ("CC-Agent-System", SYSTEM))
        yield Info((*self._action(row, "agent-offering"), *agent, *_member(row)))

    def _talks(self, row: ProxyCall, now: float) -> Iterator[Info]:
        times = (*_called(row), _answered(row, now), _joined(row))
        agent = (*self._agent(row), ("CC-Agent-System", SYSTEM), _leg(row))
        yield Info((*self._action(row, "bridge-agent-start"), *agent, *times, *_member(row)))
        if row.switch_id == self.switch_id:
            yield self._count(row)
        yield self._state(row, "In a queue call")

    def _fails(self, row: ProxyCall, cause: str, now: float) -> Iterator[Info]:
        yield Info(
            (
                *self._action(row, "bridge-agent-fail"),
                ("CC-Hangup-Cause", cause),
                *self._agent(row),
                ("CC-Agent-System", SYSTEM),
                *_called(row),
                ("CC-Agent-Aborted-Time", _seconds(now)),
                *_member(row),
                _joined(row),
            )
        )
        yield self._state(row, "Waiting")

    def _ends(self, row: ProxyCall, now: float) -> Iterator[Info]:
        yield Info(
            (
                *self._action(row, "bridge-agent-end"),
                ("CC-Hangup-Cause", TALKED),
                *self._agent(row),
                ("CC-Agent-System", SYSTEM),
                _leg(row),
                ("CC-Agent-Bridged", "true"),
                *_called(row),
                _answered(row, now),
                _joined(row),
                ("CC-Bridge-Terminated-Time", _seconds(now)),
                *_member(row),
            )
        )
        yield self._state(row, "Waiting")

    def _leaves(self, row: ProxyCall, talk: ProxyCall | None, now: float) -> Iterator[Info]:
        if row.switch_id != self.switch_id:
            return
        action = self._action(row, "member-queue-end")
        leaving = ("CC-Member-Leaving-Time", _seconds(now))
        if talk is not None:
            served = (*self._agent(talk), ("CC-Agent-System", SYSTEM), _leg(talk))
            times = (*_called(talk), _answered(talk, now), leaving, _joined(talk))
            cause = (("CC-Hangup-Cause", TALKED), ("CC-Cause", "Terminated"))
            yield Info((*action, *cause, *served, *times, *_member(row)))
        else:
            why = CANCELLED.get(row.state, "BREAK_OUT")
            cause = (("CC-Cause", "Cancel"), ("CC-Cancel-Reason", why))
            yield Info((*action, leaving, _joined(row), *cause, *_member(row)))
        yield self._count(row)

    # Headers

    def _action(self, row: ProxyCall, action: str) -> Headers:
        queue = self.naming.of_queue(row.contact_center_id, row.queue)
        return (("CC-Queue", queue), ("CC-Action", action))

    def _agent(self, row: ProxyCall) -> Headers:
        return (("CC-Agent", self.naming.of_agent(row.agent_id or "")),)

    def _state(self, row: ProxyCall, state: str) -> Info:
        return Info((*self._agent(row), ("CC-Action", "agent-state-change"), ("CC-Agent-State", state)))

    def _count(self, row: ProxyCall) -> Info:
        return Info(self._action(row, "members-count"), (row.contact_center_id, row.queue))


def counted(info: Info, count: int) -> Info:
    """A members-count with its number."""
    return Info((*info.headers, ("CC-Count", str(count)), ("CC-Selection", "Single-Queue")))


def _member(row: ProxyCall) -> Headers:
    return (
        ("CC-Member-UUID", row.contact_id),
        ("CC-Member-Session-UUID", row.channel_uuid),
        ("CC-Member-CID-Name", shown_name(row.caller_name, row.caller_number)),
        ("CC-Member-CID-Number", shown_number(row.caller_number)),
    )


def _leg(row: ProxyCall) -> tuple[str, str]:
    return ("CC-Agent-UUID", row.agent_leg_uuid or "")


def _called(row: ProxyCall) -> Headers:
    return () if row.reserved_at is None else (("CC-Agent-Called-Time", _moment(row.reserved_at)),)


def _answered(row: ProxyCall, now: float) -> tuple[str, str]:
    moment = row.accepted_at or row.bridged_at
    return ("CC-Agent-Answered-Time", _seconds(now) if moment is None else _moment(moment))


def _joined(row: ProxyCall) -> tuple[str, str]:
    return ("CC-Member-Joined-Time", _moment(row.queued_at or row.arrived_at))


def _moment(moment: datetime) -> str:
    return _seconds(moment.timestamp())


def _seconds(moment: float) -> str:
    return str(int(moment))
