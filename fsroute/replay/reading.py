"""From captures and their journals to what routing was asked and what it saw: the notes alone are read.

A capture says of each request what the rules were asked (`AskedNote`), and how far the journal had come. All requests
of many calls are answered by one way through each journal.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from fsroute.model.agent import Agent
from fsroute.model.contact import CallerInformation
from fsroute.replay import format as captures
from fsroute.replay import journal as journals
from fsroute.replay.decision import Asked, Seen
from fsroute.replay.elsewhere import CannotBeTold, CapturedCall, Request
from fsroute.replay.faults import CaptureError
from fsroute.replay.format import Capture
from fsroute.replay.journal import EXCERPT, NAME, Journal, Pointer, World, Worlds
from fsroute.routing.document import rule_set
from fsroute.routing.faults import RulesError
from fsroute.routing.rules import Inquiry, RuleSet

MOST_REQUESTS = 1000  # of one call
LATEST = 253_402_300_799.0  # seconds since the epoch: the end of the year 9999


class AskedNote(msgspec.Struct, frozen=True):
    """The note ``asked``: what the rules were asked. `at` and `arrived_at` are in seconds since the epoch.

    `journal` is how far the journal had come.
    """

    queue: str
    at: float
    journal: dict[str, Any] | None = None
    number: str = ""
    medium: str = "voice"
    language: str = "en"
    facts: dict[str, str] = {}
    customer: dict[str, str] = {}
    arrived_at: float | None = None


class RoutedNote(msgspec.Struct, frozen=True):
    """The note ``routed``, as far as it is looked at: what the rules answered."""

    rule: str | None = None
    rules_version: int | None = None
    preferred_agent: str | None = None
    reason: str | None = None
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class Unseen:
    """A call of which it is known what was asked, and where the journal stood each time; not yet what was seen."""

    call: CapturedCall
    pointers: tuple[Pointer, ...] = ()


def paths_of(given: Iterable[Path]) -> Iterator[Path]:
    """The captures that are meant: files as they are, of folders what lies below them, in the order of their names."""
    for path in given:
        if path.is_dir():
            yield from sorted(file for file in path.rglob("*.jsonl") if NAME.fullmatch(file.name) is None)
        else:
            yield path


# Captures


def read_call(path: Path) -> Unseen | None:
    """What a capture asked for; None: it is a connection to a switch, and no call.

    Raises:
        CaptureError: it is damaged, of another version, or was cut off.
        CannotBeTold: it does not say what has to be known.
    """
    capture = captures.load_notes(path)
    if capture.header.session != captures.OUTBOUND:
        return None
    if capture.header.capture < captures.VERSION:
        raise CannotBeTold("a capture of version 1 does not say what routing was asked")
    facts = capture.facts
    pairs = list(_pairs(capture))[:MOST_REQUESTS]
    if not capture.is_whole and not pairs:
        raise CannotBeTold("a part of the call is missing: whether it asked for an agent is not known")
    call = CapturedCall(
        str(path), _text(facts, "contact_center"), _text(facts, "number_called"), _application(facts)
    )
    found = [_request(call, capture.header.site, number, *notes) for number, notes in enumerate(pairs, 1)]
    requests, pointers = tuple(request for request, _ in found), tuple(pointer for _, pointer in found)
    return Unseen(replace(call, requests=requests), pointers)


def _pairs(capture: Capture) -> Iterator[tuple[object, object]]:
    """The notes ``asked`` and ``routed`` that belong together, None for the one that is not there.

    A database that was away is asked again: of several ``asked`` before one answer the last counts.
    """
    asked: object = None
    for note in capture.notes:
        asked = note.facts.get("asked", asked)
        if "routed" in note.facts:
            yield asked, note.facts["routed"]
            asked = None
    if asked is not None:
        yield asked, None


def _request(
    call: CapturedCall, site: str, number: int, note: object, answer: object
) -> tuple[Request, Pointer]:
    if note is None:
        raise CannotBeTold(f"request {number}: the capture does not say what the rules were asked")
    try:
        asked = msgspec.convert(note, AskedNote)
        routed = RoutedNote() if answer is None else msgspec.convert(answer, RoutedNote)
    except msgspec.ValidationError as error:
        raise CannotBeTold(f"request {number}: the note on its routing is damaged: {error}") from None
    pointer = Pointer.load(asked.journal)
    if pointer is None or not 0.0 <= asked.at <= LATEST:
        raise CannotBeTold(f"request {number}: the capture does not say where the journal stood")
    inquiry = Inquiry(call.contact_center_id, asked.queue, _caller(call, asked))
    return (
        Request(
            Asked(number, asked.at, inquiry, site, routed.preferred_agent),
            Seen(),
            routed.rules_version,
            routed.rule,
            is_known=answer is not None and routed.fault is None,
            noted=answer if isinstance(answer, dict) else {},
        ),
        pointer,
    )


def _caller(call: CapturedCall, asked: AskedNote) -> CallerInformation:
    arrived_at = asked.at if asked.arrived_at is None else min(max(asked.arrived_at, 0.0), LATEST)
    return CallerInformation(
        number=asked.number,
        name="",
        number_called=call.number_called,
        arrived_at=datetime.fromtimestamp(arrived_at, UTC),
        medium=asked.medium,
        language=asked.language,
        facts=asked.facts,
        customer=asked.customer,
    )


def _text(facts: Mapping[str, Any], name: str) -> str:
    value = facts.get(name)
    if not isinstance(value, str):
        raise CannotBeTold(f"the capture does not say {name.replace('_', ' ')}")
    return value


def _application(facts: Mapping[str, Any]) -> str:
    known = facts.get("application")
    return _text(known if isinstance(known, dict) else {}, "name")


# Journals


@dataclass(slots=True)
class _Journals:
    """The journals of one folder, each gone through once. `rules` are those in force, by the document they are of."""

    folder: Path
    seen: dict[Pointer, tuple[Seen, RuleSet | None]] = field(default_factory=dict)
    faults: dict[str, str] = field(default_factory=dict)
    _rules: dict[int, tuple[Mapping[str, Any], RuleSet | None]] = field(default_factory=dict)

    def look_up(self, pointers: Iterable[Pointer]) -> None:
        numbers: dict[str, set[int]] = defaultdict(set)
        for pointer in pointers:
            numbers[pointer.file].add(pointer.n)
        for file, wanted in sorted(numbers.items()):
            try:
                self._go_through(load(self.folder, file), file, sorted(wanted))
            except CaptureError as error:
                self.faults[file] = str(error)

    def _go_through(self, journal: Journal, file: str, wanted: Sequence[int]) -> None:
        making, at = Worlds(journal.header.leads), 0
        agents: Sequence[Agent] = ()
        for n in wanted:
            if not journal.first <= n <= journal.last:
                continue
            before = at
            while at < len(journal.entries) and journal.entries[at].n <= n:
                entry = journal.entries[at]
                making.take(entry.n, entry.at, entry.event)
                at += 1
            if at > before:
                agents = tuple(making.agents.values())
            closed = {center: closing.prompt for center, closing in making.closed.items()}
            rules = self._rules_of(making.rules, making.rules_version)
            self.seen[Pointer(file, n)] = Seen(agents, closed, making.rates), rules

    def _rules_of(self, document: Mapping[str, Any] | None, version: int | None) -> RuleSet | None:
        if document is None:
            return None
        known = self._rules.get(id(document))
        if known is None:
            try:
                known = document, rule_set(document, version, lenient=version is None)
            except RulesError:
                known = document, None
            self._rules[id(document)] = (
                known  # with the document: its id is nobody else's as long as it lives
            )
        return known[1]

    def answer(self, pointer: Pointer) -> tuple[Seen, RuleSet | None]:
        found = self.seen.get(pointer)
        if found is not None:
            return found
        raise CannotBeTold(
            self.faults.get(pointer.file)
            or f"{pointer.file} holds no entry {pointer.n}: it was cut off, or is another"
        )


def load(folder: Path, file: str) -> Journal:
    """A journal by its name, whether or not it is still being written.

    Raises:
        CaptureError: it is not there, or damaged.
    """
    part = folder / f"{file}.part"
    return journals.load(part if part.exists() and not (folder / file).exists() else folder / file)


@dataclass(frozen=True, slots=True)
class LastWord:
    """What a journal says at its end: the rules' document and its version, and the agents."""

    document: Mapping[str, Any]
    agents: Sequence[Agent]
    rules_version: int | None

    @property
    def version(self) -> tuple[int, Mapping[str, Any]] | None:
        return None if self.rules_version is None else (self.rules_version, self.document)


def newest_document(folders: Iterable[Path]) -> LastWord | None:
    """The last word of the newest journal in some folders; None: there is none, or it knows no rules.

    Journals of excerpts have the rules of one contact center each: of those all are heard.

    Raises:
        CaptureError: it is damaged.
    """
    files = [
        (found["run"], int(found["number"]), file)
        for folder in folders
        for file in (folder.iterdir() if folder.is_dir() else ())
        if (found := NAME.fullmatch(file.name.removesuffix(".part"))) is not None
    ]
    if not files:
        return None
    newest = journals.load(max(files)[-1])
    if newest.end != EXCERPT:
        return _last_word(newest.world_at(newest.last))
    excerpts = [each for *_, file in files if (each := journals.load(file)).end == EXCERPT]
    worlds = [each.world_at(each.last) for each in excerpts]
    return _together(sorted(worlds, key=lambda world: world.at, reverse=True))


def _last_word(world: World) -> LastWord | None:
    if world.rules is None:
        return None
    return LastWord(world.rules, tuple(world.agents.values()), world.rules_version)


def _together(worlds: Iterable[World]) -> LastWord | None:
    """What excerpts know, the newest first: of each contact center and each agent what is known last."""
    tables: dict[str, Any] = {}
    agents: dict[str, Agent] = {}
    known, versions = set[str](), list[int]()
    for world in worlds:
        if world.rules is None:
            continue
        versions += [] if world.rules_version is None else [world.rules_version]
        for table, rows in world.rules.items():
            if isinstance(rows, list):
                there = tables.setdefault(table, [])
                numbers = {_of(row, "number") for row in there} - {""}
                there += [
                    row
                    for row in rows
                    if row not in there
                    and _of(row, "contact_center_id") not in known
                    and _of(row, "number") not in numbers
                ]
            else:
                tables.setdefault(table, rows)
        known |= {str(row["contact_center_id"]) for row in world.rules.get("contact_center") or ()}
        agents = dict(world.agents) | agents
    return LastWord(tables, tuple(agents.values()), max(versions, default=None)) if tables else None


def _of(row: object, name: str) -> str:
    return str(row.get(name) or "") if isinstance(row, Mapping) else ""


def with_what_was_seen(
    calls: Iterable[Unseen], journal: Path | None = None
) -> Iterator[CapturedCall | tuple[str, str]]:
    """Each call with what routing saw at each request, or (name, reason) of one of which that is not known.

    The journal lies beside the call, or in the folder `journal`.
    """
    known = list(calls)
    by_folder: dict[Path, list[Unseen]] = defaultdict(list)
    for each in known:
        by_folder[journal or Path(each.call.name).parent].append(each)
    answers = {folder: _Journals(folder) for folder in by_folder}
    for folder, group in by_folder.items():
        answers[folder].look_up(pointer for each in group for pointer in each.pointers)
    for each in known:
        try:
            yield _seen(each, answers[journal or Path(each.call.name).parent])
        except CannotBeTold as error:
            yield each.call.name, str(error)


def _seen(unseen: Unseen, answers: _Journals) -> CapturedCall:
    requests = []
    for request, pointer in zip(unseen.call.requests, unseen.pointers, strict=True):
        seen, rules = answers.answer(pointer)
        requests.append(replace(request, seen=seen, rules=rules))
    return replace(unseen.call, requests=tuple(requests))
