"""The player: a captured call runs through the call server, the application and the coordinator of today."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any

import msgspec

from fsroute.callserver.caller import caller_information
from fsroute.callserver.desk import Settings
from fsroute.callserver.library import Library
from fsroute.coordinator.strategies import Strategies, load
from fsroute.esl.messages import Event
from fsroute.lookups.answers import Answer, Empty, Failed, Found, Slow
from fsroute.model.admission import Refusal
from fsroute.model.proxy_call import ProxyCall
from fsroute.replay import comparing, socketplay
from fsroute.replay.accepting import accepted
from fsroute.replay.beside import Journals, opened, pointer_of
from fsroute.replay.differences import Difference
from fsroute.replay.faults import CaptureError
from fsroute.replay.format import OUTBOUND, VERSION, Capture, Note, Side
from fsroute.replay.guessing import settings_of
from fsroute.replay.journal import Worlds
from fsroute.replay.ladder import origin_of
from fsroute.replay.memory import Tables
from fsroute.replay.rewriting import Past, hastened, past
from fsroute.replay.rows import agent_row, call_row, reservation_row
from fsroute.replay.run import Asked, Recalled, Run
from fsroute.replay.script import End, Item, Released, in_order, spoken
from fsroute.replay.stage import Props, Stage
from fsroute.replay.transcript import MICRO, Chunk, Transcript, Unreadable, transcript
from fsroute.routing.rules import RuleSet

TOLERANCE = 0.5  # seconds by which a command may come sooner or later
LONGEST_LOOKUP = 3600.0  # seconds: what was never answered

OTHER_APPLICATION = "it is of version 1, and was made by another application"
INBOUND_SESSION = "it is a connection of fsroute to a switch, and no call"


@dataclass(frozen=True, slots=True)
class Replayed:
    """What became of one call.

    `stopped` says why nothing was compared from `stopped_at` on (seconds of then); empty: all was. `skipped` says why
    it was not replayed at all. `remarks` are worth knowing and no differences: another version of the application.
    `outcome` is how the contact ends now. `asked` is each time that the rules were asked for a routing: what they
    answered now, by ``.inquiry``, ``.routed``. `sent` is what fsroute sends now: seconds, bytes, and what made it.
    """

    capture: Capture
    differences: tuple[Difference, ...] = ()
    stopped: str = ""
    stopped_at: float | None = None
    skipped: str = ""
    remarks: tuple[str, ...] = ()
    outcome: str | None = None
    asked: tuple[Asked, ...] = ()
    sent: tuple[tuple[float, bytes, str], ...] = ()
    accepted: Capture | None = field(default=None, compare=False)
    """The call as it is now, for who accepts it: what FreeSWITCH sent then, with what fsroute sends now."""

    @property
    def name(self) -> str:
        return self.capture.name

    @property
    def is_same(self) -> bool:
        return not self.differences


class Player:
    """Replays calls one after the other; what many of them need is read once.

    Args:
        journals: those that the calls' notes point to.
        library: the applications of today.
        rules: those of today; None: the ones that the journal says were in force.
        tolerance: seconds by which a command may come sooner or later.
        settings: of the call server, where they are known better than a capture tells.
    """

    def __init__(
        self,
        journals: Journals,
        library: Library,
        *,
        rules: RuleSet | None = None,
        tolerance: float = TOLERANCE,
        settings: Settings | None = None,
        strategies: Strategies | None = None,
    ) -> None:
        self._journals = journals
        self._library = library
        self._rules = rules
        self._tolerance = tolerance
        self._settings = settings
        self._strategies = _installed() if strategies is None else strategies

    def replay(self, capture: Capture) -> Replayed:
        """Replay one session; nothing waits, nothing outside is touched, and it is the same each time.

        Raises:
            CaptureError: it cannot be replayed: it is damaged, joined in the middle, or does not fit its journal.
        """
        read = _read(capture)
        why = _no_call(capture)
        if why:
            found = socketplay.play(capture, read)
            remarks = (f"{why}: the event-socket layer alone was played",)
            return Replayed(capture, differences=found, remarks=remarks)
        why = _no_caller(capture, read)
        if why:
            return Replayed(capture, skipped=why)
        then = _Then(capture, read, self._journals)
        application = then.facts.get("application") or {}
        name = str(application.get("name", ""))
        if name and name not in self._library:
            return Replayed(capture, skipped=f"its application {name} is not here")
        run = Stage(self._props(then)).play()
        found = comparing.compare(then.story(), run, self._tolerance)
        return Replayed(
            capture,
            differences=found,
            stopped=run.stopped or then.past.untold,
            stopped_at=run.stopped_at,
            remarks=tuple(_remarks(application, run)),
            outcome=run.facts.get("outcome"),
            asked=tuple(run.asked),
            sent=tuple(run.sent),
            accepted=None if run.stopped else accepted(capture, run),
        )

    def _props(self, then: _Then) -> Props:
        rules = then.rules if self._rules is None else self._rules
        return Props(
            items=then.items,
            tables=then.tables(rules),
            world=then.going,
            rules=rules,
            closed={} if then.going is None else then.going.closed,
            keep_rules=self._rules is not None,
            library=self._library,
            settings=self._settings or then.settings(),
            strategies=self._strategies,
            own=frozenset(call.proxy_call_id for call in then.known),
            proxy_calls=tuple(row.proxy_call_id for row in then.past.rows),
            recalled=tuple(_recalled(then.capture)),
            customer=tuple(_customer(then.capture)),
            begins=then.begins,
            refusal=_refusal(then.capture),
        )


@cache
def _installed() -> Strategies:
    return load()


def replay(
    capture: Capture, journals: Journals, library: Library, *, rules: RuleSet | None = None
) -> Replayed:
    """Replay one session; see `Player`, which is quicker for many."""
    return Player(journals, library, rules=rules).replay(capture)


class _Then:
    """What a capture and its journal say of the call, made ready."""

    def __init__(self, capture: Capture, read: Transcript, journals: Journals) -> None:
        self.capture = capture
        self.read = read
        self.facts = capture.facts
        data = read.channel_data
        self.channel = data if isinstance(data, Event) else Event("", b"\n")
        self.begins = capture.header.at or 0.0
        self.contact_id = str(self.facts.get("contact") or self.channel.get("variable_fsroute_contact", ""))
        pointer = pointer_of(self.facts, "journal")
        world = None if pointer is None else journals.world(pointer)
        self.going: Worlds | None = None if world is None else opened(world)
        self.rules = None if world is None or pointer is None else journals.rules(pointer, world)
        self.known: list[ProxyCall] = [
            call
            for call in ({} if world is None else world.calls).values()
            if call.contact_id == self.contact_id
        ]
        entries = () if pointer is None else journals.between(pointer, pointer_of(self.facts, "journal_end"))
        agents = {} if world is None else world.agents
        closed_at = next((note.t for note in capture.notes if note.facts.get("outcome") is not None), None)
        self.past: Past = past(entries, self.contact_id, self.known, agents, self.begins, closed_at)
        self.items = self._items()

    def _items(self) -> tuple[Item, ...]:
        end = End(round(self.capture.duration, MICRO))
        traffic = spoken(self.read.items)
        released = [Released(note.t) for note in self.capture.notes if note.facts.get("released") is True]
        return (*in_order(released, hastened(self.past.items, traffic), traffic), end)

    def story(self) -> comparing.Story:
        return comparing.Story(
            self.facts,
            self.past.rows,
            tuple(_routed(self.capture)),
            tuple(_recalled(self.capture)),
            tuple((note.t, text) for note in self.capture.notes if (text := origin_of(note.facts))),
            self._over_at(),
        )

    def _over_at(self) -> float | None:
        for heard in self.read.heard:
            message = heard.message
            if (
                isinstance(message, Event)
                and message.name == "CHANNEL_HANGUP"
                and message.uuid == self.channel.uuid
            ):
                return heard.at
        return None

    def settings(self) -> Settings:
        addresses = {
            row.network_address
            for item in self.past.items
            if (row := getattr(item, "row", None)) is not None and row.network_address
        }
        commands = [said.command for said in self.read.commands]
        switch_id = self.capture.header.switch or "switch"
        return settings_of(commands, switch_id, sorted(addresses))

    def tables(self, rules: RuleSet | None) -> Tables:
        tables = Tables()
        self._centers(tables, rules)
        self._agents(tables)
        self._contact(tables)
        return tables

    def _centers(self, tables: Tables, rules: RuleSet | None) -> None:
        going, header = self.going, self.capture.header
        document: Mapping[str, Any] = {} if going is None or going.rules is None else going.rules
        for row in document.get("contact_center") or ():
            tables.centers[str(row["contact_center_id"])] = str(row.get("name") or row["contact_center_id"])
        if rules is not None:
            tables.queues = {key: routing.dump() for key, routing in rules.queues.items()}
            for name, _ in rules.queues:
                tables.centers.setdefault(name, name)
        if going is not None:
            tables.numbers = dict(going.numbers)
        center, number = self.facts.get("contact_center"), self.facts.get("number_called")
        application = self.facts.get("application") or {}
        if center and number:
            tables.numbers[str(number)] = (str(center), str(application.get("name", "")))
        if center:
            tables.centers.setdefault(str(center), str(center))
        tables.switches[header.switch or "switch"] = (header.site, None)

    def _agents(self, tables: Tables) -> None:
        if self.going is None:
            return
        own = {call.proxy_call_id for call in self.known}
        for agent in self.going.agents.values():
            row = agent_row(agent)
            row["held_for_others"] = [held for held in row["held_for_others"] if held[0] not in own]
            tables.agents[agent.agent_id] = row
            tables.switches.setdefault(agent.switch_id, (agent.site_id, None))
        for call in (*self.known, *self.past.rows, *self._rows()):
            if call.network_switch_id is not None:
                site = tables.switches.get(call.network_switch_id, ("", None))[0]
                tables.switches[call.network_switch_id] = (site, call.network_address)

    def _rows(self) -> Iterator[ProxyCall]:
        for item in self.past.items:
            row = getattr(item, "row", None)
            if isinstance(row, ProxyCall):
                yield row

    def _contact(self, tables: Tables) -> None:
        """A contact that had arrived before this session, with what was known of it when the call came back."""
        contact_id = self.channel.get("variable_fsroute_contact", "")
        if not contact_id:
            return
        caller = caller_information(self.channel, self.begins)
        application = self.facts.get("application") or {}
        arrived = self.facts.get("arrived_at")
        at = datetime.fromtimestamp(arrived, UTC) if isinstance(arrived, int | float) else caller.arrived_at
        first = self.known[0] if self.known else None
        tables.contacts[contact_id] = {
            "contact_id": contact_id, "contact_center_id": str(self.facts.get("contact_center", "")),
            "medium": caller.medium, "switch_id": self.capture.header.switch or "switch",
            "channel_uuid": self.channel.uuid if first is None else first.channel_uuid,
            "core_uuid": self.channel.get("Core-UUID"),
            "number_called": str(self.facts.get("number_called") or caller.number_called),
            "application": str(application.get("name", "")), "arrived_at": at, "ended_at": None, "outcome": None,
            "rule": None, "rules_version": None,
        }  # fmt: skip
        tables.personal[contact_id] = {
            "contact_id": contact_id, "contact_center_id": str(self.facts.get("contact_center", "")),
            "caller_number": caller.number if first is None else first.caller_number,
            "caller_name": caller.name if first is None else first.caller_name,
            "language": caller.language, "facts": {}, "customer": _known_customer(self.facts),
            "network": dict(caller.network), "callback_number": None if first is None else first.callback_number,
            "application_state": self.facts.get("state"),
        }  # fmt: skip
        for call in self.known:
            tables.calls[call.proxy_call_id] = call_row(call)
            held = reservation_row(call)
            if held is not None:
                tables.reservations.append(held)


def _no_caller(capture: Capture, read: Transcript) -> str:
    """Why a call is none of a caller's; empty: it is one."""
    if "serves" in capture.facts:
        return "the doctor asked" if capture.facts["serves"] == "doctor" else "an agent called fsroute itself"
    data = read.channel_data
    contact = None if data is None else data.get("variable_fsroute_contact")
    if data is not None and contact and data.get("variable_fsroute_consultation") == contact:
        return "an agent consulted somebody"
    return ""


def _no_call(capture: Capture) -> str:
    """Why a capture is no call that can be played; empty: it is one."""
    if capture.header.session != OUTBOUND:
        return INBOUND_SESSION
    return OTHER_APPLICATION if capture.header.capture < VERSION else ""


def _read(capture: Capture) -> Transcript:
    name = capture.name or "capture"
    if capture.header.joined:
        raise CaptureError(name, 1, "the session was joined in the middle: its beginning is not there")
    if capture.header.missing:
        raise CaptureError(name, 1, f"{capture.header.missing} bytes of it are missing")
    try:
        return transcript(Chunk(c.t, c.side is Side.FSROUTE, c.data) for c in capture.chunks)
    except Unreadable as error:
        raise CaptureError(name, 0, str(error)) from error


def _refusal(capture: Capture) -> Refusal | None:
    """Why the call was not taken, and what became of it; None: it was.

    Raises:
        CaptureError: the note does not say that in the words of this version.
    """
    noted = capture.facts.get("refused")
    if noted is None:
        return None
    try:
        return msgspec.convert(noted, Refusal)
    except msgspec.ValidationError as error:
        raise CaptureError(capture.name or "capture", 0, f"the note 'refused' is not one: {error}") from error


def _recalled(capture: Capture) -> Iterator[Recalled]:
    """What application servers answered, with the time that it took."""
    began, name = 0.0, ""
    for note in capture.notes:
        step, happened = note.facts.get("step"), note.facts.get("happened")
        if isinstance(happened, Mapping) and happened.get("what") == "LookedUp":
            yield Recalled(str(happened.get("name") or name), note.t - began, _answer(happened))
        if isinstance(step, Mapping):  # the next one, in the same note
            began, name = note.t, ""


def _known_customer(facts: Mapping[str, Any]) -> dict[str, Any]:
    caller = facts.get("caller")
    customer = caller.get("customer") if isinstance(caller, Mapping) else None
    return dict(customer) if isinstance(customer, Mapping) else {}


def _customer(capture: Capture) -> Iterator[tuple[float, Mapping[str, str]]]:
    """What was found out about who calls, and when; what a call that came back knew already is no part of it."""
    for note in capture.notes:
        customer = note.facts.get("customer")
        if isinstance(customer, Mapping) and "came_back" not in note.facts:
            yield note.t, {str(key): str(value) for key, value in customer.items()}


def _answer(happened: Mapping[str, Any]) -> Answer:
    result = happened.get("result")
    if result == "found":
        facts = happened.get("facts") or {}
        return Found(
            {str(key): str(value) for key, value in facts.items()} if isinstance(facts, Mapping) else {}
        )
    if result == "empty":
        return Empty()
    return Slow() if result == "slow" else Failed("as then")


def _routed(capture: Capture) -> Iterator[Mapping[str, Any]]:
    for note in capture.notes:
        if isinstance(note, Note) and isinstance(note.facts.get("routed"), Mapping):
            yield {**note.facts["routed"], "t": note.t}


def _remarks(application: Mapping[str, Any], run: Run) -> Iterator[str]:
    now = run.facts.get("application") or {}
    if application.get("version") not in (None, now.get("version")) and now:
        yield f"application {now['name']} is version {now['version']} now, and was {application['version']}"
