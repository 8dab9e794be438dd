"""The journal: what the coordinator was told, in that order, so that what routing saw can be rebuilt.

One file is one process from its start, or from a rotation, or from the moment it began to lead, until the next of
these. The first line is the header; the `snapshot` lines after it say all that was known then, in the same form as
what follows::

    {"journal": 1, "site": "east", "switch": "east-1", "at": 1764362172.5, "leads": true, "snapshot": 5, …}
    {"n": 41, "at": 1764362172.5, "event": "RulesChanged", "value": {"version": 7, "document": {…}}}
    {"n": 41, "at": 1764362172.5, "event": "AgentChanged", "value": {"agent": {…}, "as_of": 3}}
    …
    {"n": 42, "at": 1764362180.1, "event": "CallChanged", "value": {"call": {…}}}
    {"end": "rotated", "n": 977}

`n` counts what was taken in, through all files of a process; lines of a snapshot have the n that the snapshot holds.
A process that leads writes the inputs of its coordinator as they were applied (and a `Tick` where the passing of time
alone decided something), any other one the rows that it followed and read. The files of one process are
``journal-<UTC stamp>-<number>.jsonl`` with one stamp. ``docs/captures.md`` has the rest.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import Any, Final

import msgspec

from fsroute.coordinator.actions import (
    AgentChanged,
    AgentLeaves,
    AgentRemoved,
    CallChanged,
    CenterChanged,
    RatesChanged,
    ReservationLost,
    Tick,
)
from fsroute.coordinator.estimates import Handling
from fsroute.model.agent import Agent
from fsroute.model.contact import Demand
from fsroute.model.proxy_call import ProxyCall
from fsroute.replay.faults import CaptureError, OtherVersion, Truncated
from fsroute.replay.format import MAX_FILE, lines_of

VERSION: Final = 1
EXCERPT: Final = "excerpt"
"""The end of a journal that was cut out for one call: it has one contact center's rules alone."""
MAX_LINE: Final = 64 << 20  # bytes; the rules of a large center are one line
MAX_ENTRIES: Final = 5_000_000

NAME: Final = re.compile(r"journal-(?P<run>[0-9TZ.]+)-(?P<number>[0-9]+)\.jsonl")


@dataclass(frozen=True, slots=True)
class RulesChanged:
    """A version of the rules counts from now on. `version` None: `document` has the rows of the queues alone."""

    version: int | None
    document: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Closing:
    """How a contact center is closed by command."""

    prompt: str = ""
    keep_waiting: bool = False


@dataclass(frozen=True, slots=True)
class ClosedChanged:
    """All contact centers that are closed by command, as the call server knows them."""

    closed: Mapping[str, Closing]


@dataclass(frozen=True, slots=True)
class NumbersChanged:
    """All numbers called: to (contact center, application)."""

    numbers: Mapping[str, tuple[str, str]]


@dataclass(frozen=True, slots=True)
class ApplicationsChanged:
    """All applications that calls find by name: to their versions."""

    applications: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class HandlingKnown:
    """Handling times of the recent past, as a coordinator learns them when it begins to lead."""

    handling: Mapping[Demand, Handling]


@dataclass(frozen=True, slots=True)
class CallRemoved:
    """There is no such live proxy call any more, and nobody saw how it ended."""

    proxy_call_id: int


@dataclass(frozen=True, slots=True)
class CallSeen:
    """Somebody in a process that leads has read or made this row, of which its coordinator may hear later, or never.

    It changes no world: what the coordinator knew it was told by `CallChanged`.
    """

    call: ProxyCall


Event = (
    CallChanged
    | CallSeen
    | CallRemoved
    | AgentChanged
    | AgentLeaves
    | AgentRemoved
    | ReservationLost
    | CenterChanged
    | RatesChanged
    | Tick
    | RulesChanged
    | ClosedChanged
    | NumbersChanged
    | ApplicationsChanged
    | HandlingKnown
)


@dataclass(frozen=True, slots=True)
class Entry:
    """Something was taken in: the `n`-th since the process began, `at` seconds since the epoch (database's clock)."""

    n: int
    at: float
    event: Event


@dataclass(frozen=True, slots=True)
class Header:
    """The first line. `snapshot` counts the lines that say what was known then; `leads`: a coordinator's inputs."""

    site: str
    switch: str
    at: float
    leads: bool
    snapshot: int
    fsroute: str = ""
    process: str = ""
    scrubbed: bool = False
    journal: int = VERSION


@dataclass(frozen=True, slots=True)
class Pointer:
    """Where a call stands in a journal: after the entry `n` of this file."""

    file: str
    n: int

    @classmethod
    def load(cls, document: object) -> Pointer | None:
        """As a note has it (``{"file": …, "n": …}``); None: there is none, or it is damaged."""
        if not isinstance(document, dict):
            return None
        file, n = document.get("file"), document.get("n")
        if not isinstance(file, str) or not isinstance(n, int):
            return None
        return cls(file, n) if NAME.fullmatch(file) else None

    def dump(self) -> dict[str, Any]:
        return {"file": self.file, "n": self.n}


@dataclass(frozen=True, slots=True)
class World:
    """What routing knew after the entry `n`, which was taken in `at` seconds since the epoch.

    `rules` is the document of `rules_version` (``rule_set(rules, rules_version)`` reads it); None: nothing was read
    yet. `calls` are the live proxy calls. `rates` are as in `RatesChanged`.
    """

    n: int = 0
    at: float = 0.0
    leads: bool = False
    rules_version: int | None = None
    rules: Mapping[str, Any] | None = None
    closed: Mapping[str, Closing] = field(default_factory=dict)
    numbers: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    applications: Mapping[str, str] = field(default_factory=dict)
    rates: Mapping[tuple[str, str], float] = field(default_factory=dict)
    handling: Mapping[Demand, Handling] = field(default_factory=dict)
    agents: Mapping[str, Agent] = field(default_factory=dict)
    calls: Mapping[int, ProxyCall] = field(default_factory=dict)


class Worlds:
    """A world in the making: takes entries one after the other."""

    def __init__(self, leads: bool = False) -> None:
        self.leads = leads
        self.n = 0
        self.at = 0.0
        self.rules_version: int | None = None
        self.rules: Mapping[str, Any] | None = None
        self.closed: dict[str, Closing] = {}
        self.numbers: Mapping[str, tuple[str, str]] = {}
        self.applications: Mapping[str, str] = {}
        self.rates: Mapping[tuple[str, str], float] = {}
        self.handling: Mapping[Demand, Handling] = {}
        self.agents: dict[str, Agent] = {}
        self.calls: dict[int, ProxyCall] = {}

    def take(self, n: int, at: float, event: Event) -> None:
        self.n, self.at = n, at
        _TAKE[type(event)](self, event)

    def now(self) -> World:
        """As it is; what is taken later does not change it."""
        return World(
            self.n,
            self.at,
            self.leads,
            self.rules_version,
            self.rules,
            dict(self.closed),
            self.numbers,
            self.applications,
            self.rates,
            self.handling,
            dict(self.agents),
            dict(self.calls),
        )

    def adopt_call(self, call: ProxyCall) -> None:
        known = self.calls.get(call.proxy_call_id)
        if known is not None and known.version > call.version:
            return
        if call.is_live:
            self.calls[call.proxy_call_id] = call
        else:
            self.calls.pop(call.proxy_call_id, None)

    def adopt_agent(self, agent: Agent) -> None:
        known = self.agents.get(agent.agent_id)
        if known is None or known.version <= agent.version:
            self.agents[agent.agent_id] = agent

    def _call_changed(self, event: CallChanged) -> None:
        self.adopt_call(event.call)

    def _call_removed(self, event: CallRemoved) -> None:
        self.calls.pop(event.proxy_call_id, None)

    def _agent_changed(self, event: AgentChanged) -> None:
        self.adopt_agent(event.agent)

    def _agent_removed(self, event: AgentRemoved) -> None:
        self.agents.pop(event.agent_id, None)

    def _reservation_lost(self, event: ReservationLost) -> None:
        if event.call is not None:
            self.adopt_call(event.call)
        if event.agent is not None:
            self.adopt_agent(event.agent)
        else:
            self.agents.pop(event.agent_id, None)

    def _center_changed(self, event: CenterChanged) -> None:
        if not event.closed:
            self.closed.pop(event.contact_center_id, None)
            return
        known = self.closed.get(event.contact_center_id, Closing())
        self.closed[event.contact_center_id] = Closing(known.prompt, event.keep_waiting)

    def _rates_changed(self, event: RatesChanged) -> None:
        self.rates = event.rates

    def _nothing(self, event: Tick | CallSeen | AgentLeaves) -> None:
        """No row that routing knows of is another one."""

    def _rules_changed(self, event: RulesChanged) -> None:
        self.rules_version, self.rules = event.version, event.document

    def _closed_changed(self, event: ClosedChanged) -> None:
        self.closed = dict(event.closed)

    def _numbers_changed(self, event: NumbersChanged) -> None:
        self.numbers = event.numbers

    def _applications_changed(self, event: ApplicationsChanged) -> None:
        self.applications = event.applications

    def _handling_known(self, event: HandlingKnown) -> None:
        self.handling = event.handling


_TAKE: Final[Mapping[type, Callable[[Worlds, Any], None]]] = {
    CallChanged: Worlds._call_changed,
    CallSeen: Worlds._nothing,
    CallRemoved: Worlds._call_removed,
    AgentChanged: Worlds._agent_changed,
    AgentLeaves: Worlds._nothing,
    AgentRemoved: Worlds._agent_removed,
    ReservationLost: Worlds._reservation_lost,
    CenterChanged: Worlds._center_changed,
    RatesChanged: Worlds._rates_changed,
    Tick: Worlds._nothing,
    RulesChanged: Worlds._rules_changed,
    ClosedChanged: Worlds._closed_changed,
    NumbersChanged: Worlds._numbers_changed,
    ApplicationsChanged: Worlds._applications_changed,
    HandlingKnown: Worlds._handling_known,
}  # fmt: skip


def events_of(world: World) -> Iterator[Event]:
    """A world as the events that make it: the lines of a snapshot, the agents before the calls."""
    if world.rules is not None:
        yield RulesChanged(world.rules_version, world.rules)
    yield ClosedChanged(world.closed)
    yield NumbersChanged(world.numbers)
    yield ApplicationsChanged(world.applications)
    yield RatesChanged(world.rates)
    yield HandlingKnown(world.handling)
    for agent in world.agents.values():
        yield AgentChanged(agent, agent.version)
    for call in world.calls.values():
        yield CallChanged(call)


@dataclass(frozen=True, slots=True)
class Journal:
    """One file. `entries` begin with the `header.snapshot` lines of the snapshot. `end` None: it was cut off."""

    header: Header
    entries: tuple[Entry, ...]
    name: str = ""
    end: str | None = None

    @property
    def first(self) -> int:
        """The n of the snapshot: the least that `world_at` can tell of."""
        return self.entries[0].n if self.entries else 0

    @property
    def last(self) -> int:
        return self.entries[-1].n if self.entries else 0

    @property
    def snapshot(self) -> World:
        """What was known when the file began: what ``Coordinator.begin`` is told."""
        return self.world_at(self.first)

    def after(self, n: int, until: int | None = None) -> tuple[Entry, ...]:
        """The entries after `n` up to and with `until`, those of the snapshot left out; until the end if None."""
        begin = max(bisect_right(self.entries, n, key=_number), self.header.snapshot)
        stop = len(self.entries) if until is None else bisect_right(self.entries, until, key=_number)
        return self.entries[begin:stop]

    def world_at(self, n: int) -> World:
        """What was known after the entry `n`.

        Raises:
            CaptureError: this file does not hold it.
        """
        return next(self.worlds_at([n]))[1]

    def worlds_at(self, numbers: Iterable[int]) -> Iterator[tuple[int, World]]:
        """(n, world) for each of `numbers`, in rising order: one way through the file.

        Raises:
            CaptureError: this file does not hold one of them.
        """
        making, at = Worlds(self.header.leads), 0
        for n in sorted(set(numbers)):
            if not self.first <= n <= self.last:
                what = f"it holds the entries {self.first} to {self.last}, not {n}"
                raise CaptureError(self.name or "journal", 0, what)
            stop = bisect_right(self.entries, n, key=_number)
            for entry in self.entries[at:stop]:
                making.take(entry.n, entry.at, entry.event)
            at = stop
            yield n, making.now()


def _number(entry: Entry) -> int:
    return entry.n


def successor(name: str) -> str:
    """The name of the file in which the same process went on."""
    found = NAME.fullmatch(name)
    if found is None:
        raise CaptureError(name, 0, "this is no name of a journal")
    return f"journal-{found['run']}-{int(found['number']) + 1}.jsonl"


# Writing -------------------------------------------------------------------------------------------


def header_line(header: Header) -> bytes:
    document = msgspec.to_builtins(header)
    return msgspec.json.encode({"journal": document.pop("journal"), **document}) + b"\n"


def entry_line(n: int, at: float, event: Event) -> bytes:
    """One entry; a value that JSON has no form for goes as lists."""
    return (
        msgspec.json.encode({"n": n, "at": at, "event": type(event).__name__, "value": dump(event)}) + b"\n"
    )


def end_line(n: int, why: str) -> bytes:
    return msgspec.json.encode({"end": why, "n": n}) + b"\n"


def dump(event: Event) -> object:
    """What ``value`` holds."""
    if isinstance(event, RatesChanged):
        return {"rates": [[*pair, rate] for pair, rate in event.rates.items()]}
    if isinstance(event, HandlingKnown):
        return {"handling": list(event.handling.items())}
    return event


def write(journal: Journal) -> Iterator[bytes]:
    """The lines of a file."""
    yield header_line(journal.header)
    for entry in journal.entries:
        yield entry_line(entry.n, entry.at, entry.event)
    if journal.end is not None:
        yield end_line(journal.last, journal.end)


# Reading -------------------------------------------------------------------------------------------


class _Rates(msgspec.Struct):
    rates: list[tuple[str, str, float]]


class _HandlingTimes(msgspec.Struct):
    handling: list[tuple[Demand, Handling]]


class _Raw(msgspec.Struct):
    n: int
    at: float
    event: str
    value: msgspec.Raw = msgspec.Raw(b"{}")


_PLAIN: Final[Mapping[str, msgspec.json.Decoder[Any]]] = {
    kind.__name__: msgspec.json.Decoder(kind)
    for kind in (
        CallChanged, CallSeen, CallRemoved, AgentChanged, AgentLeaves, AgentRemoved, ReservationLost, CenterChanged,
        Tick, RulesChanged, ClosedChanged, NumbersChanged, ApplicationsChanged,
    )
}  # fmt: skip
_HEADER: Final = msgspec.json.Decoder(Header)
_ENTRY: Final = msgspec.json.Decoder(_Raw)
_RATES: Final = msgspec.json.Decoder(_Rates)
_HANDLING: Final = msgspec.json.Decoder(_HandlingTimes)


def event_of(name: str, value: bytes) -> Event:
    """The reverse of `dump`, from JSON.

    Raises:
        ValueError: there is no such event, or it does not hold what it must.
    """
    if name == "RatesChanged":
        return RatesChanged({(here, there): rate for here, there, rate in _RATES.decode(value).rates})
    if name == "HandlingKnown":
        return HandlingKnown(dict(_HANDLING.decode(value).handling))
    decoder = _PLAIN.get(name)
    if decoder is None:
        raise ValueError(f"there is no event {name[:40]!r}")
    event: Event = decoder.decode(value)
    return event


def load(path: Path) -> Journal:
    """Read a file. One that is still being written (``.part``), or was cut off, is read as far as it goes.

    Raises:
        CaptureError: it is damaged, or cannot be read.
        OtherVersion: it is of a version that this program does not read.
        Truncated: it ends within its snapshot.
    """
    return parse(lines_of(path, MAX_FILE, MAX_LINE), path.name.removesuffix(".part"), str(path))


def parse(lines: Iterable[bytes], name: str = "", where: str = "") -> Journal:
    """Read the lines of a journal; `where` names the file in errors. Raises as `load`."""
    where = where or name or "journal"
    header: Header | None = None
    entries: list[Entry] = []
    end: str | None = None
    for number, line in enumerate(lines, 1):
        if end is not None:
            raise CaptureError(where, number, "a line after the end")
        if not line.endswith(b"\n") and len(line) <= MAX_LINE:
            break  # the process was cut off within it
        if header is None:
            header = _header(where, line)
            continue
        last = entries[-1].n if entries else None
        read = _line(where, number, line, last, len(entries) < header.snapshot)
        if isinstance(read, str):
            end = read
        else:
            entries.append(read)
    if header is None or len(entries) < header.snapshot:
        raise Truncated(where, 0, "it ends within its snapshot")
    return Journal(header, tuple(entries), name, end)


def _header(where: str, line: bytes) -> Header:
    try:
        document = json.loads(line)
        version = document.get("journal") if isinstance(document, dict) else None
        if not isinstance(version, int) or isinstance(version, bool):
            raise CaptureError(where, 1, 'no journal: its first line has no "journal" with a version')
        if version != VERSION:
            raise OtherVersion(where, 1, f"a journal of version {version}; this fsroute reads {VERSION}")
        return _HEADER.decode(line)
    except (ValueError, RecursionError) as error:
        raise CaptureError(where, 1, f"the header is damaged: {error}") from error


def _line(where: str, number: int, line: bytes, last: int | None, in_snapshot: bool) -> Entry | str:
    if len(line) > MAX_LINE or number > MAX_ENTRIES:
        raise CaptureError(where, number, f"more than {MAX_LINE} bytes in a line, or {MAX_ENTRIES} lines")
    try:
        if line.startswith(b'{"end":'):
            return str(json.loads(line)["end"])
        raw = _ENTRY.decode(line)
        entry = Entry(raw.n, raw.at, event_of(raw.event, bytes(raw.value)))
    except (ValueError, RecursionError) as error:
        raise CaptureError(where, number, f"damaged: {error}") from error
    if not isfinite(entry.at):
        raise CaptureError(where, number, "at is no time")
    expected = entry.n if last is None else last if in_snapshot else last + 1
    if entry.n != expected:
        raise CaptureError(where, number, f"entry {entry.n} where {expected} should be")
    return entry
