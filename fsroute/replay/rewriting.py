"""What a journal says of one call, and of all else that routing was told meanwhile: as items of a script. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import zip_longest
from typing import Final

from fsroute.acd.proxy_call import On
from fsroute.coordinator.actions import AgentChanged, CallChanged, ReservationLost
from fsroute.model.agent import Agent, AgentStatus, Authorization
from fsroute.model.proxy_call import ProxyCall
from fsroute.replay.happened import COORDINATORS, EITHERS, happened, is_ours
from fsroute.replay.journal import CallSeen, Entry
from fsroute.replay.script import Arrived, Item, Moved, Others, Sent, Told
from fsroute.replay.transcript import MICRO

LAG: Final = 0.03  # seconds from the commit of a row until routing is told of it
BEFORE: Final = 1e-4  # seconds
SHOWN_WITHIN: Final = 0.25  # seconds before that in which the switch may have shown it
SHOWS: Final = frozenset({
    On.AGENT_ACCEPTED, On.AGENT_FAILED, On.AGENT_LEFT, On.NETWORK_LEG_GIVEN_UP, On.JOIN_FAILED, On.TRANSFERRED,
    On.TRANSFERRED_OUT,
})  # fmt: skip
"""What is followed by the end of what the caller's channel runs."""


@dataclass(frozen=True, slots=True)
class Past:
    """What is known of a call's time in the queue.

    `untold`: why, from some moment on, it is not known what happened to the row. `rows` are the first of each proxy
    call that was asked for.
    """

    items: tuple[Item, ...] = ()
    rows: tuple[ProxyCall, ...] = ()
    untold: str = ""


def past(
    entries: Iterable[Entry],
    contact_id: str,
    known: Sequence[ProxyCall],
    agents: Mapping[str, Agent],
    begins: float,
    closed_at: float | None,
) -> Past:
    """Read the entries of a call's time.

    Args:
        entries: those between the call's beginning and its end.
        contact_id: whose rows are the call's own.
        known: its proxy calls that were live before.
        agents: who was known when the call began.
        begins: when t was 0, in seconds since the epoch.
        closed_at: when the session of the call itself closed the contact, in seconds since then; None: it did not.
    """
    entries = list(entries)
    staff = _Staff(agents, entries)
    reading = _Reading(
        contact_id, {call.proxy_call_id: call for call in known}, staff, begins, closed_at is not None
    )
    for entry in entries:
        reading.take(entry)
        staff.take(entry)
    if closed_at is not None:
        reading.close(closed_at)
    return Past(tuple(reading.items), tuple(reading.firsts), reading.untold)


def hastened(items: Sequence[Item], traffic: Sequence[Item]) -> list[Item]:
    """The same, with what others did to the row at the time of its commit instead of that of its news.

    A row is in the database before routing is told of it; a call server that reads it on an event knows it sooner than
    the journal. So it is put `LAG` earlier, and before an execution that ended for it, or before the call server
    dropped a leg for it.
    """
    ends = [each.at for each in traffic if isinstance(each, Arrived) and _is_end(each)]
    drops = [each.at for each in traffic if isinstance(each, Sent) and each.said.command.name == "uuid_kill"]
    found: list[Item] = []
    earliest = 0.0
    for item in items:
        if isinstance(item, Others):
            known = item.at
            item = _hastened(item, earliest, ends, drops)
            if item.quiet:
                item = replace(item, news=round(known - item.at, MICRO))
        if isinstance(item, Others | Moved):
            earliest = item.at
        found.append(item)
    return found


def _hastened(item: Others, earliest: float, ends: Sequence[float], drops: Sequence[float]) -> Others:
    told = item.at if item.seen else max(earliest, item.at - LAG)
    if item.on not in SHOWS or (item.seen and item.on is On.AGENT_ACCEPTED):
        return replace(item, at=told)
    since = max(earliest, item.at - SHOWN_WITHIN)
    drop = next((each for each in drops if since <= each <= item.at), None)
    if drop is not None:
        return replace(item, at=max(earliest, min(told, round(drop - BEFORE, MICRO))))
    end = max((each for each in ends if since <= each <= item.at), default=None)
    if end is None:
        return replace(item, at=told)
    at = max(earliest, min(told, round(end - BEFORE, MICRO)))
    return replace(item, at=at, news=round(max(told, end + BEFORE) - at, MICRO))


def _is_end(item: Arrived) -> bool:
    return item.heard.message.get("Event-Name") == "CHANNEL_EXECUTE_COMPLETE"


class _Staff:
    """The agents as a journal knows them, which may be later than they were."""

    def __init__(self, agents: Mapping[str, Agent], entries: Iterable[Entry]) -> None:
        self._known = dict(agents)
        self._rest = deque(entry for entry in entries if isinstance(entry.event, AgentChanged))

    def take(self, entry: Entry) -> None:
        """Call it with all entries in order."""
        if isinstance(entry.event, AgentChanged):
            self._rest.popleft()
            self._known[entry.event.agent.agent_id] = entry.event.agent

    def reserved(self, row: ProxyCall) -> Agent | None:
        """The agent of a reservation as its maker must have known it; None: as is known already.

        A process whose coordinator does not lead reads agents a moment after they have changed: an agent who logs on
        may be reserved before it has heard of it. But whoever was reserved was free.
        """
        if row.agent_id is None or row.reserved_at is None:
            return None
        known = self._known.get(row.agent_id)
        if known is not None and _is_free(known, row.reserved_at):
            return None
        ahead = (entry.event.agent for entry in self._rest if isinstance(entry.event, AgentChanged))
        told = next((agent for agent in ahead if agent.agent_id == row.agent_id), known)
        if told is None:
            return _agent_of(row, row.agent_id, row.reserved_at)
        return replace(
            told,
            status=AgentStatus.AVAILABLE,
            available_from=min(told.available_from, row.reserved_at),
            idle_since=min(told.idle_since, row.reserved_at),
            reservations=(),
        )


def _agent_of(row: ProxyCall, agent_id: str, free_since: datetime) -> Agent:
    """Somebody of whom nothing is known but this reservation: able and authorized to serve just this."""
    demand, switch_id = row.demand, row.agent_switch_id or ""
    return Agent(
        agent_id=agent_id,
        name=row.agent_name or agent_id,
        site_id=row.caller_site_id if switch_id == row.switch_id else next(iter(demand.sites), switch_id),
        switch_id=switch_id,
        address=row.agent_address or "",
        skills=dict(demand.skills),
        authorizations=(Authorization(demand.contact_center_id, demand.medium, free_since),),
        status=AgentStatus.AVAILABLE,
        available_from=free_since,
        idle_since=free_since,
        accept_key=row.accept_key,
        team=next(iter(demand.teams), None),
    )


def _is_free(agent: Agent, at: datetime) -> bool:
    return agent.status is AgentStatus.AVAILABLE and agent.available_from <= at


class _Reading:
    def __init__(
        self, contact_id: str, known: dict[int, ProxyCall], staff: _Staff, begins: float, closes: bool
    ) -> None:
        self.items: list[Item] = []
        self.firsts: list[ProxyCall] = []
        self.untold = ""
        self._contact_id = contact_id
        self._known = known
        self._staff = staff
        self._begins = begins
        self._closes = closes

    def take(self, entry: Entry) -> None:
        at = round(max(0.0, entry.at - self._begins), MICRO)
        event = entry.event
        if isinstance(event, CallChanged | CallSeen | ReservationLost) and self._is_own(event.call):
            assert event.call is not None
            self.items += self._own(at, entry, event.call)
            if not isinstance(event, ReservationLost):
                return
        if isinstance(event, CallSeen):
            return  # routing was not told of it
        self.items.append(Told(at, entry))

    def _is_own(self, call: ProxyCall | None) -> bool:
        return call is not None and call.contact_id == self._contact_id

    def close(self, at: float) -> None:
        """The session closed the contact; a journal need not have the row of that, if another process leads."""
        rows = [row for row in self._known.values() if row.is_live]
        self.items += [Moved(at, On.CALLER_GONE, row) for row in rows[-1:]]

    def _own(self, at: float, entry: Entry, row: ProxyCall) -> Iterator[Item]:
        before = self._known.get(row.proxy_call_id)
        if before is not None and row.version <= before.version:
            return
        self._known[row.proxy_call_id] = row
        if before is None:
            self.firsts.append(row)
            yield Moved(at, On.REQUESTED, row)
        ways = happened(before, row)
        if ways is None:
            self.untold = (
                self.untold or f"what became of the call between its rows is not known at {at:.3f} s"
            )
            return
        seen = isinstance(entry.event, CallSeen)
        for on, then in zip_longest(ways, ways[1:]):
            if on is On.AGENT_RESERVED:
                if not row.is_live:
                    continue  # as the caller left: nobody can tell who it was
                committed = self._reserved_at(at, row)
                yield from self._free(committed, entry, row)
                yield Moved(committed, on, row, round(at - committed, MICRO))
            elif self._ours(on, row):
                yield Moved(at, on, row)
            else:
                yield Others(at, on, row, seen=seen, quiet=then is On.AGENT_RESERVED)

    def _reserved_at(self, at: float, row: ProxyCall) -> float:
        """The row says when it was committed, which is before anybody heard of it."""
        earliest = self.items[-1].at if self.items else 0.0
        if row.reserved_at is None:
            return at
        return max(earliest, min(at, round(row.reserved_at.timestamp() - self._begins, MICRO)))

    def _free(self, at: float, entry: Entry, row: ProxyCall) -> Iterator[Told]:
        agent = self._staff.reserved(row)
        if agent is not None:
            yield Told(at, replace(entry, event=AgentChanged(agent, 0)))

    def _ours(self, on: On, row: ProxyCall) -> bool:
        if on is On.CALLER_GONE:
            return self._closes
        if on is On.AGENT_FAILED:
            return False
        if on is On.TIME_LINE_STEP and row.time_line_done > len(row.time_line):
            return False  # somebody's hand
        return is_ours(on) or on in EITHERS or on in COORDINATORS
