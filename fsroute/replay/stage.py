"""One call on the stage: the call server, the application and the coordinator, with all around them in memory."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

import gevent

from fsroute.acd import transfer
from fsroute.acd.proxy_call import On
from fsroute.callserver import noting
from fsroute.callserver.call import Call
from fsroute.callserver.desk import Desk, Settings, Signalled
from fsroute.callserver.library import Library
from fsroute.callserver.recordings import Recordings
from fsroute.callserver.role import READ
from fsroute.callserver.turning_away import TurningAway
from fsroute.coordinator.strategies import Strategies
from fsroute.esl.outbound import Greeting, OutboundServer
from fsroute.esl.session import Session
from fsroute.lookups.answers import Answer as LookUpAnswer
from fsroute.lookups.answers import Failed
from fsroute.model.admission import Refusal
from fsroute.model.contact import Outcome
from fsroute.model.proxy_call import NetworkLeg, ProxyCall
from fsroute.replay import journal
from fsroute.replay.commands import Command, Splitter, parse, readable
from fsroute.replay.happened import EITHERS
from fsroute.replay.ladder import origin_of
from fsroute.replay.leading import Leader
from fsroute.replay.memory import Memory, Tables
from fsroute.replay.pairing import Pair, Pairing
from fsroute.replay.roles import Roles
from fsroute.replay.run import LAST_MOMENTS, Asked, LedgerEvent, Question, Recalled, Run
from fsroute.replay.script import Item, Moved, Others, Released, Sent, Told, move_key
from fsroute.replay.tape import HARMLESS, Tape
from fsroute.replay.virtual import running
from fsroute.replay.wire import Wire, WiredLoop
from fsroute.routing.document import rule_set
from fsroute.routing.match import Routed
from fsroute.routing.rules import Inquiry, RuleSet
from fsroute.store.rulebook import Book, Closing, RuleBook
from fsroute.store.signals import Signals
from fsroute.store.store import COORDINATOR, Store, switch_topic

NO_JOURNAL = "there is no journal, so that nobody knows who could have served the call"
MOST_UNKNOWN = 50  # commands that were not sent then
LONGEST_LOOK_UP = 60.0  # seconds that a customer is waited for, since then told how long it took
AFTER_THE_END = 60.0  # seconds within which a call whose connection has ended is over
UNHEARD = 0.02  # seconds until a call server hears of a row that nobody had read before the next one
_ENDS = {
    On.AGENT_FAILED: "no_answer",
    On.JOIN_FAILED: "join_failed",
    On.NETWORK_LEG_GIVEN_UP: "network_leg_given_up",
    On.TRANSFERRED: "wrap_up",
    On.TRANSFERRED_OUT: "wrap_up",
    On.CALLER_UNREACHED: "caller_unreached",
    On.CALLBACK_GIVEN_UP: "callback_given_up",
    On.SWITCH_DIED: "lost",
}
"""Why a reservation ends by what others do."""


@dataclass(frozen=True, slots=True)
class Props:
    """All that a call needs around it.

    `proxy_calls` are the numbers that its proxy calls had then. `begins` is when t was 0, in seconds since the epoch.
    """

    items: tuple[Item, ...]
    tables: Tables
    world: journal.Worlds | None
    rules: RuleSet | None
    closed: Mapping[str, journal.Closing]
    keep_rules: bool  # whatever version the journal brings meanwhile
    library: Library
    settings: Settings
    strategies: Strategies
    own: frozenset[int]
    proxy_calls: tuple[int, ...]
    recalled: tuple[Recalled, ...]
    customer: tuple[tuple[float, Mapping[str, str]], ...]
    begins: float
    peer: str = "capture"
    refusal: Refusal | None = None  # the call was not taken, for what else was on the lines


class _Signals(Signals):
    """Tells who is on the stage, after the commit, and nobody else."""

    def __init__(self, loop: WiredLoop, tell: Any) -> None:
        self._loop = loop
        self._tell = tell

    def publish(self, topic: str, key: str | int | None, row: Any = None) -> None:
        self._loop.run_callback(self._tell, topic, row)


class _Store(Store):
    def __init__(self, database: Memory, signals: Signals, loop: WiredLoop) -> None:
        super().__init__(database, signals)
        self.now = loop.time  # type: ignore[method-assign]


class _Rules(RuleBook):
    """The rules of the moment, without a database to read them again from."""

    def __init__(self, stage: Stage, rules: RuleSet | None, closed: Mapping[str, journal.Closing]) -> None:
        super().__init__(stage.store)
        self._stage = stage
        self.hold(rules, closed)

    def hold(self, rules: RuleSet | None, closed: Mapping[str, journal.Closing]) -> None:
        closings = {name: Closing(each.prompt, each.keep_waiting) for name, each in closed.items()}
        self._book = None if rules is None else Book(rules, closings)

    def route(self, inquiry: Inquiry, now: datetime) -> Routed:
        if self._book is None:
            self._stage.cannot_go_on(NO_JOURNAL)
        routed = super().route(inquiry, now)
        self._stage.was_asked(inquiry, routed)
        return routed

    @property
    def is_known(self) -> bool:
        return self._book is not None

    def _read(self) -> bool:
        return False


class _Lookups:
    """Answers as the application servers did then, in the order in which they were asked."""

    def __init__(self, stage: Stage, recalled: tuple[Recalled, ...]) -> None:
        self._stage = stage
        self._left = list(recalled)

    def ask(
        self, name: str, contact_center: str, parameters: Mapping[str, str], timeout: float
    ) -> LookUpAnswer:
        self._stage.was_looked_up(name, parameters)
        found = next((each for each in self._left if each.name in (name, "")), None)
        if found is None:
            self._stage.cannot_go_on(f"the application asks for {name}, which was not asked for then")
            return Failed("it was not asked then")
        self._left.remove(found)
        gevent.sleep(found.after)
        return found.answer


class _Customers:
    """Who the customer is, as it was found then, and when: `found` are (seconds since the beginning, facts)."""

    def __init__(self, clock: Callable[[], float], found: Sequence[tuple[float, Mapping[str, str]]]) -> None:
        self._clock = clock
        self._left = list(found)
        self._is_asked_again = len(found) > 1

    def limit(self, contact_center: str) -> float:
        return LONGEST_LOOK_UP if self._left else 0.0

    def patience(self, contact_center: str) -> float:
        return 0.0

    def keys(
        self, contact_center: str, number: str, learned: Mapping[str, str]
    ) -> frozenset[tuple[str, str]]:
        """What is learned counts where somebody was looked up again."""
        return frozenset({("number", number), *(learned.items() if self._is_asked_again else ())})

    def facts(
        self, contact_center: str, number: str, learned: Mapping[str, str] = MappingProxyType({})
    ) -> Mapping[str, str]:
        if not self._left:
            return {}
        at, facts = self._left.pop(0)
        gevent.sleep(max(0.0, at - self._clock()))
        return facts


class _Notes:
    """Takes down what the call tells of itself, as a recorder does."""

    def __init__(self, then: Callable[[], float]) -> None:
        self._then = then
        self.taken: list[tuple[float, dict[str, Any]]] = []
        self.origin = ""

    @property
    def facts(self) -> dict[str, Any]:
        """All in one; of several under one key the last."""
        return {key: value for _, facts in self.taken for key, value in facts.items()}

    def noted(self, facts: Mapping[str, object]) -> None:
        self.taken.append((self._then(), dict(facts)))
        self.origin = origin_of(facts) or self.origin

    def received(self, data: bytes) -> None:
        """It is known: it was played."""

    def sent(self, data: bytes) -> None:
        """It comes over the wire."""

    def closed(self, reason: str) -> None:
        """The tape has ended."""

    def finished(self) -> None:
        """Nothing follows."""


class Stage:
    """Plays one call, once."""

    def __init__(self, props: Props) -> None:
        self._props = props
        self._loop = WiredLoop(props.begins)
        self._ids = itertools.count(1)
        highest = max((*props.tables.calls, *props.proxy_calls), default=0)
        numbers = itertools.chain(props.proxy_calls, itertools.count(highest + 1))
        self._memory = Memory(props.tables, self._loop.time, self._logged, numbers)
        self.store = _Store(self._memory, _Signals(self._loop, self._signalled), self._loop)
        self._own = set(props.own)
        self._roles = Roles()
        self._rows = [item for item in props.items if isinstance(item, Moved | Others)]
        self._places = {id(item): place for place, item in enumerate(self._rows)}
        outputs = [item for item in props.items if isinstance(item, Sent | Moved)]
        self.run = Run(Pairing(outputs, self._roles))
        self._tape = Tape(self._loop, props.items, self.run.pairing, self._take, self.cannot_go_on)
        self._rules = _Rules(self, props.rules, props.closed)
        self._leader: Leader | None = None
        if props.world is not None:
            self._leader = Leader(
                self._loop, self.store, self._memory, props.world, props.strategies, self._own.__contains__,
                self._new_uuid,
            )  # fmt: skip
            self._memory.before_read = self._leader.write_progress
        self._watched: dict[int, Session] = {}
        self._late: dict[int, float] = {}  # seconds by which the news of a reservation come later
        self._splitter = Splitter()
        self._notes = _Notes(self._tape.then)
        self._last = props.items[-1].at if props.items else 0.0
        self._channel = ""
        self._session_now: Session | None = None
        self._ended_then = {
            item.row.proxy_call_id
            for item in props.items
            if isinstance(item, Moved | Others) and not item.row.is_live
        }
        self._by_others = False
        self._unknowns = 0
        self._endless: bytes | None = None  # the end of music that was not played then, when it is broken

    def play(self) -> Run:
        """From the beginning to the end."""
        if self._leader is not None:
            self._loop.run_callback(self._resume, self._leader)
        with running(self._loop):
            wire = Wire(self._loop, self._heard)
            self._tape.wire = wire
            server = OutboundServer(
                self._serve,
                ("127.0.0.1", 0),
                greeting=Greeting(events=READ, only=True),
                new_session=self._session,
            )
            serving = gevent.spawn(server.accepted, wire.socket, self._props.peer)
            self._loop.run_callback(self._tape.start)
            serving.join(timeout=2 * self._last + AFTER_THE_END)
            self.run.ended_at = self._loop.monotonic()
            serving.kill()
            self.run.notes, self.run.facts = self._notes.taken, self._notes.facts
            self.run.log = self._tape.log
        return self.run

    def _resume(self, leader: Leader) -> None:
        """A contact that came back may wait already."""
        for call in self.store.proxy_calls.some(sorted(self._own)):
            if call.is_live:
                leader.row_changed(call)

    def _session(self, sock: Any) -> Session:
        return Session(sock, self._notes, clock=self._loop.monotonic, new_uuid=self._new_uuid)

    def _serve(self, session: Session) -> None:
        desk = Desk(
            self._props.settings, self.store, self._rules, self._props.library, self._watch, self._unwatch,
            self._new_uuid, self._new_token, _Lookups(self, self._props.recalled),
            customers=_Customers(self._loop.monotonic, self._props.customer),
            recordings=_Recordings(),
        )  # fmt: skip
        self._channel, self._session_now = session.uuid, session
        if self._props.refusal is not None:
            session.note(**noting.refused(self._props.refusal))
            TurningAway(self._props.settings.transfer_to).turn_away(session, self._props.refusal)
        else:
            Call(desk, session).run()

    # Names -------------------------------------------------------------------------------------------------

    def _new_uuid(self) -> str:
        return f"{next(self._ids):08x}-0000-4000-8000-000000000000"

    def _new_token(self) -> str:
        return f"fsr{next(self._ids):032x}"

    # What fsroute does ---------------------------------------------------------------------------------------

    def _heard(self, data: bytes) -> None:
        for raw in self._splitter.feed(data):
            self._command(raw, parse(raw))

    def _command(self, raw: bytes, command: Command) -> None:
        now = self._loop.monotonic()
        origin = self._notes.origin
        self.run.sent.append((now, raw, origin))
        self._tape.log.append((self._tape.then(), True, raw))
        if self._tape.stopped:
            return
        pair = self.run.pairing.take(command.key, readable(command), now, self._tape, origin)
        if pair.then is None or pair.again:
            self._unknown(command, pair)
        elif command.event_uuid:
            output = self.run.pairing.outputs[pair.then]
            assert isinstance(output, Sent)
            self._roles.bind(output.said.command.event_uuid, command.event_uuid)
        self._tape.met(pair)

    def _unknown(self, command: Command, pair: Pair) -> None:
        """A command that was not sent then: what would have come of it is known of some."""
        if pair.again and pair.then is not None:
            self._again(command, pair.then)
            return
        if command.is_execute and command.name not in HARMLESS:
            self.cannot_go_on(
                f"{command.name} was not asked for then: what the caller would have done is not known"
            )
            return
        self._unknowns += 1
        if self._unknowns > MOST_UNKNOWN:
            self.cannot_go_on(f"more than {MOST_UNKNOWN} commands are sent that were not sent then")
            return
        complete = _complete(command, self._channel) if command.is_execute else None
        if complete is not None and _has_no_end(command):
            self._endless, complete = complete, None
        if command.name == "uuid_break" and self._endless is not None:
            self._endless, complete = None, self._endless
        self._tape.answer_unknown(_reply(command), complete, 0.0)

    def _again(self, command: Command, number: int) -> None:
        output, answer = self.run.pairing.outputs[number], self._tape.answer_of(number)
        assert isinstance(output, Sent)
        self._roles.rebind(output.said.command.event_uuid, command.event_uuid)
        end = self._tape.complete_of(number)
        after = 0.0 if end is None else max(0.0, end.at - output.at)
        complete = None if end is None else self._roles.translate(end.heard.raw)
        reply = _reply(command) if answer is None else self._roles.translate(answer.heard.raw)
        self._tape.answer_unknown(reply, complete, after)

    def was_asked(self, inquiry: Inquiry, routed: Routed) -> None:
        self.run.asked.append(Asked(self._loop.monotonic(), inquiry, routed))
        if self._leader is None:
            self.cannot_go_on(NO_JOURNAL)

    def was_looked_up(self, name: str, parameters: Mapping[str, str]) -> None:
        question = Question(self._loop.monotonic(), name, dict(parameters), self._notes.origin)
        self.run.questions.append(question)

    def _logged(self, event: LedgerEvent) -> None:
        """A transition of the call's own row."""
        number = event.proxy_call_id
        if number is None or event.kind not in set(On):
            return
        self._own.add(number)
        if self._by_others:
            return
        now = self._loop.monotonic()
        pair = None
        if not self._tape.stopped:
            pair = self.run.pairing.take(move_key(event.kind), "", now, self._tape)
            if pair.then is not None:
                self._find_ways(self.run.pairing.outputs[pair.then])
        row = self.store.proxy_calls.some([number])
        self.run.moves.append((now, event, row[0] if row else None))
        if pair is not None:
            self._check_agent(event, pair, row[0] if row else None)
            self._tape.met(pair)

    def _find_ways(self, item: Item) -> None:
        """A network leg goes where it went then: the next row tells, since a switch may have got another address."""
        if not isinstance(item, Moved | Others):
            return
        place = self._places.get(id(item))
        rows = [item] if place is None else self._rows[place : place + 2]
        for row in (each.row for each in rows):
            if row.network_switch_id and row.network_address:
                switches = self._memory.tables.switches
                site, _ = switches.get(row.network_switch_id, ("", None))
                switches[row.network_switch_id] = (site, row.network_address)

    def _check_agent(self, event: LedgerEvent, pair: Pair, row: ProxyCall | None) -> None:
        if event.kind != On.AGENT_RESERVED:
            return
        then = None if pair.then is None else self.run.pairing.outputs[pair.then]
        if then is None and self._tape.then() > self._last - LAST_MOMENTS:
            return  # the journal of the call was over before it could hear of it
        if not isinstance(then, Moved):
            self.cannot_go_on(f"agent {event.agent_id} is reserved, and nobody was then")
        elif then.row.agent_id not in (None, event.agent_id):
            self.cannot_go_on(f"agent {event.agent_id} is reserved, and then it was {then.row.agent_id}")
        else:
            self._late[then.row.proxy_call_id] = then.news
        if isinstance(then, Moved) and then.row.agent_leg_uuid and row is not None and row.agent_leg_uuid:
            self._roles.bind(then.row.agent_leg_uuid, row.agent_leg_uuid)

    def cannot_go_on(self, why: str) -> None:
        """What follows cannot be compared."""
        if not self.run.stopped:
            self.run.stopped = why
            self.run.stopped_at = self._tape.then()
            self._tape.stop()

    # What others do --------------------------------------------------------------------------------------------

    def _take(self, item: Others | Told | Released) -> None:
        if isinstance(item, Told):
            self._told(item.entry.event)
            return
        if isinstance(item, Released):
            if self._session_now is not None and not self._session_now.hungup:
                gevent.spawn(self._session_now.release)
            return
        self._by_others = True
        try:
            moved = self._move(item)
        finally:
            self._by_others = False
        if (
            not moved and item.on not in EITHERS and item.on is not On.AGENT_LEFT
        ):  # whose reservation has ended
            call = self.store.proxy_calls.get(item.row.proxy_call_id)
            if call is not None and not call.is_live and call.proxy_call_id in self._ended_then:
                return  # it is over, now as then: who was slower comes too late
            state = "not there" if call is None else str(call.state)
            self.cannot_go_on(f"then came {item.on}, and the call is {state} now")

    def _told(self, event: journal.Event) -> None:
        if isinstance(event, journal.RulesChanged | journal.ClosedChanged) and self._props.world is not None:
            before = self._props.world.closed
            self._props.world.take(self._props.world.n + 1, self._loop.time(), event)
            self._swap(event)
            if self._leader is not None and isinstance(event, journal.ClosedChanged):
                self._leader.closed(before, event.closed)
            return
        if isinstance(event, journal.NumbersChanged):
            self._memory.tables.numbers.update(event.numbers)
        if self._leader is not None:
            self._leader.told(event)

    def _swap(self, event: journal.RulesChanged | journal.ClosedChanged) -> None:
        world = self._props.world
        assert world is not None
        rules = self._rules.rules if self._rules.is_known else None
        if isinstance(event, journal.RulesChanged) and not self._props.keep_rules:
            rules = rules_of(event.version, event.document)
        self._rules.hold(rules, world.closed)
        if rules is not None:
            tables = self._memory.tables
            tables.queues = {key: routing.dump() for key, routing in rules.queues.items()}
            for name, _ in rules.queues:
                tables.centers.setdefault(name, name)

    def _move(self, item: Others) -> bool:
        self._find_ways(item)
        call = self.store.proxy_calls.get(item.row.proxy_call_id)
        if call is None:
            return False
        if item.on is On.AGENT_LEFT:
            left = self.store.proxy_calls.agent_left(call.agent_leg_uuid or "", "as then")
            self.store.announce(call, left)
            return left is not None
        if item.on is On.CALLER_GONE:
            closed = self.store.close_contact(call.contact_id, Outcome.ABANDONED, {"by": "switch"}, call)
            return closed is not None
        moved = self.store.proxy_calls.move(
            call.proxy_call_id,
            item.on,
            network_leg=_wanted(item, call),
            end_reservation=_ENDS.get(item.on),
            set=dict(_values(item, call, self._props.begins)),
        )
        if moved is not None:
            news = item.news
            if item.quiet and self._leader is not None:
                self._loop.run_callback(self._leader.row_changed, moved)
                news += UNHEARD
            self._loop.at(self._loop.monotonic() + news, lambda: self.store.announce(call, moved))
        return moved is not None

    def _signalled(self, topic: str, row: ProxyCall | None) -> None:
        if row is None:
            return
        if topic == COORDINATOR and self._leader is not None:
            self._leader.row_changed(row)
        elif topic == switch_topic(self._props.settings.switch_id):
            after = self._late.pop(row.proxy_call_id, 0.0)
            if after:
                self._loop.at(self._loop.monotonic() + after, lambda: self._post(row))
            else:
                self._post(row)

    def _post(self, row: ProxyCall) -> None:
        session = self._watched.get(row.proxy_call_id)
        if session is not None:
            session.post(Signalled(row))

    def _watch(self, proxy_call_id: int, session: Session) -> None:
        self._watched[proxy_call_id] = session

    def _unwatch(self, proxy_call_id: int) -> None:
        self._watched.pop(proxy_call_id, None)


def _wanted(item: Others, call: ProxyCall) -> NetworkLeg | None:
    """With the lead ``ready`` the network leg is asked for when the agent has accepted."""
    wanted = call.network_leg is NetworkLeg.NONE and item.on is On.AGENT_ACCEPTED
    return NetworkLeg.WANTED if wanted else None


def _values(item: Others, call: ProxyCall, begins: float) -> Iterator[tuple[str, object]]:
    """The columns that change with what others did, as the row of then shows them."""
    row = item.row
    if item.on is On.NETWORK_LEG_PRESENT:
        yield "rendezvous_uuid", row.rendezvous_uuid
    if _wanted(item, call) is not None:
        yield "network_switch_id", call.agent_switch_id
    if item.on is On.CALLER_DIALLED:
        yield "channel_uuid", row.channel_uuid
    if item.on is On.TIME_LINE_STEP and row.treatment is not None:
        yield "treatment", row.treatment.dump()
        yield "time_line_done", row.time_line_done
    if item.on is On.TRANSFERRED:
        yield "routing", transfer.present(row)
    if item.on is On.TRANSFERRED_OUT and row.way is not None:
        yield "way", row.way.dump()
    if row.held_until is not None and item.on in (
        On.CALLER_UNREACHED,
        On.NETWORK_LEG_GIVEN_UP,
        On.JOIN_FAILED,
    ):
        yield "held_for", max(0.0, row.held_until.timestamp() - begins - item.at)


def _reply(command: Command) -> bytes:
    """What FreeSWITCH says to a command that it takes."""
    if command.verb == "api":
        return b"Content-Type: api/response\nContent-Length: 4\n\n+OK\n"
    return b"Content-Type: command/reply\nReply-Text: +OK\n\n"


def _complete(command: Command, uuid: str) -> bytes:
    """An application that has ended at once."""
    body = (
        f"Event-Name: CHANNEL_EXECUTE_COMPLETE\nUnique-ID: {uuid}\nApplication: {command.name}\n"
        f"Application-Response: FILE%20PLAYED\nApplication-UUID: {command.event_uuid}\n\n"
    ).encode()
    return b"Content-Length: %d\nContent-Type: text/event-plain\n\n%s" % (len(body), body)


def _has_no_end(command: Command) -> bool:
    """Music plays until it is broken."""
    return command.name == "playback" and "local_stream://" in command.argument


class _Recordings(Recordings):
    """A replay records nothing: these are the names that were given."""

    def __init__(self) -> None:
        self._given: set[Path] = set()

    def new(self, folder: Path, contact_id: str) -> Path:
        self._given.add(file := super().new(folder, contact_id))
        return file

    def discard(self, file: Path) -> None:
        self._given.discard(file)

    def _prepare(self, folder: Path) -> None:
        """There is none."""

    def _exists(self, file: Path) -> bool:
        return file in self._given


def rules_of(version: int | None, document: Mapping[str, Any]) -> RuleSet:
    """A version of the rules as a process reads it."""
    return rule_set(document, version, lenient=version is None)
