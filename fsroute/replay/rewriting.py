"""What a journal says of one call, and of all else that routing was told meanwhile: as items of a script. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from fsroute.acd.proxy_call import On
from fsroute.coordinator.actions import AgentChanged, CallChanged, ReservationLost
from fsroute.model.agent import Agent
from fsroute.model.proxy_call import ProxyCall
from fsroute.replay.happened import COORDINATORS, EITHERS, happened, is_ours
from fsroute.replay.journal import CallSeen, Entry
from fsroute.replay.script import Arrived, Item, Moved, Others, Sent, Told
from fsroute.replay.transcript import MICRO

LAG: Final = 0.03  # seconds from the commit of a row until routing is told of it
BEFORE: Final = 1e-4  # seconds
READ_WITHIN: Final = 1.0  # seconds after a reservation in which a follower reads the agent's row
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
    begins: float,
    closes: bool,
    leads: bool = True,
) -> Past:
    """Read the entries of a call's time.

    Args:
        entries: those between the call's beginning and its end.
        contact_id: whose rows are the call's own.
        known: its proxy calls that were live before.
        begins: when t was 0, in seconds since the epoch.
        closes: the session of the call itself closed the contact.
        leads: the entries are what a coordinator was told; if not, what somebody read who followed it.
    """
    reading = _Reading(contact_id, {call.proxy_call_id: call for call in known}, begins, closes, leads)
    for entry in entries:
        reading.take(entry)
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
            item = _hastened(item, earliest, ends, drops)
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


class _Reading:
    def __init__(
        self, contact_id: str, known: dict[int, ProxyCall], begins: float, closes: bool, leads: bool
    ) -> None:
        self.items: list[Item] = []
        self.firsts: list[ProxyCall] = []
        self.untold = ""
        self._contact_id = contact_id
        self._known = known
        self._begins = begins
        self._closes = closes
        self._leads = leads

    def take(self, entry: Entry) -> None:
        at = round(max(0.0, entry.at - self._begins), MICRO)
        event = entry.event
        if isinstance(event, CallChanged | CallSeen | ReservationLost) and self._is_own(event.call):
            assert event.call is not None
            self.items += self._own(at, event.call, isinstance(event, CallSeen))
            if not isinstance(event, ReservationLost):
                return
        if isinstance(event, CallSeen):
            return  # routing was not told of it
        if not self._leads and isinstance(event, AgentChanged):
            self._tell_in_time(at, event.agent, entry)
        else:
            self.items.append(Told(at, entry))

    def _tell_in_time(self, at: float, agent: Agent, entry: Entry) -> None:
        """Who follows reads an agent's row some time after the coordinator knew it: it knew it when it reserved."""
        for number in range(len(self.items) - 1, -1, -1):
            item = self.items[number]
            if item.at < at - READ_WITHIN:
                break
            if (
                isinstance(item, Moved)
                and item.on is On.AGENT_RESERVED
                and item.row.agent_id == agent.agent_id
            ):
                self.items.insert(number, Told(round(max(0.0, item.at - BEFORE), MICRO), entry))
                return
        self.items.append(Told(at, entry))

    def _is_own(self, call: ProxyCall | None) -> bool:
        return call is not None and call.contact_id == self._contact_id

    def _own(self, at: float, row: ProxyCall, seen: bool) -> Iterator[Item]:
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
        for on in ways:
            yield Moved(at, on, row) if self._ours(on, row) else Others(at, on, row, seen=seen)

    def _ours(self, on: On, row: ProxyCall) -> bool:
        if on is On.CALLER_GONE:
            return self._closes
        if on is On.AGENT_FAILED:
            return False
        return is_ours(on) or on in EITHERS or on in COORDINATORS
