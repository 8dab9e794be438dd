"""Keeps the journal: what the coordinator of this process is told, or else the rows that this process sees.

While the coordinator leads, its core says what it was told (`JournalledCore`). While it does not, the keeper follows
the rows as a standby does. Either way each version of a proxy call's row that anybody in this process has read or made
is in the journal.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from time import monotonic
from typing import Any, Final

import gevent

from fsroute.coordinator.actions import Action, AgentChanged, AgentRemoved, CallChanged, RatesChanged, Tick
from fsroute.coordinator.actions import Event as Told
from fsroute.coordinator.beginning import Following
from fsroute.coordinator.estimates import Handling
from fsroute.coordinator.state import Coordinator
from fsroute.coordinator.strategies import Strategies
from fsroute.errors import StoreError
from fsroute.model.agent import Agent
from fsroute.model.contact import Demand
from fsroute.model.proxy_call import ProxyCall
from fsroute.replay.folder import stamp
from fsroute.replay.journal import (
    ApplicationsChanged,
    CallRemoved,
    CallSeen,
    ClosedChanged,
    Closing,
    Event,
    NumbersChanged,
    RulesChanged,
    World,
    Worlds,
)
from fsroute.replay.recorder import Recorder
from fsroute.store.rulebook import Book
from fsroute.store.rules import Rules
from fsroute.store.store import COORDINATOR, Store

log = logging.getLogger(__name__)

FOLLOW_INTERVAL: Final = 0.25  # seconds for which keys are gathered before the rows are read
MOST_MISSED: Final = 10_000  # keys that wait to be read; beyond that everything is


class Keeper:
    """The journal of one process, in files that follow each other.

    Args:
        applications: the versions of those that calls find now, by name.
        max_size, max_age: bytes and seconds after which a new file begins.
        is_leader: whether the coordinator of this process leads.
    """

    def __init__(
        self,
        recorder: Recorder,
        store: Store,
        applications: Callable[[], Mapping[str, str]],
        max_size: int,
        max_age: float,
        is_leader: Callable[[], bool] = lambda: False,
    ) -> None:
        self._is_leader = is_leader
        self._recorder = recorder
        self._store = store
        self._applications = applications
        self._max_size, self._max_age = max_size, max_age
        self._worlds = Worlds()
        self._run = ""
        self._number = 0
        self._began = 0.0
        self._missed: set[str | None] = {None}
        self._versions: dict[int, int] = {}  # of the live calls' rows that the journal has
        self._following = Following(store)
        self._greenlet: gevent.Greenlet[..., None] | None = None

    def start(self) -> None:
        """Begin the first file; the rows follow as soon as the database gives them."""
        self._run = stamp(self._store.now())
        self._begin("")
        self._recorder.pointer = self.pointer
        self._recorder.on_restart = self._restart
        self._store.proxy_calls.on_row = self._seen
        self._store.signals.subscribe(COORDINATOR, self._signalled)
        self._greenlet = gevent.spawn(self._follow)

    def stop(self) -> None:
        self._store.proxy_calls.on_row = None
        if self._greenlet is not None:
            self._greenlet.kill()

    def pointer(self) -> dict[str, Any]:
        """Where the journal stands now, as a call's note has it."""
        versions = self._applications()
        if versions != self._worlds.applications:
            self._take(ApplicationsChanged(versions))
        return {"file": self._name(), "n": self._worlds.n}

    def world(self) -> World:
        """What the journal says that routing knows now."""
        return self._worlds.now()

    def rules_swapped(self, book: Book) -> None:
        """A process's rule book has this now: for `RuleBook.on_swap`."""
        if (self._worlds.rules_version, self._worlds.rules) != (book.rules.version, book.document):
            self._take(RulesChanged(book.rules.version, book.document))
            self._take(NumbersChanged(dict(book.rules.numbers)))
        closed = {name: Closing(each.prompt, each.keep_waiting) for name, each in book.closed.items()}
        if closed != self._worlds.closed:
            self._take(ClosedChanged(closed))

    # The coordinator leads -----------------------------------------------------------------------------

    def new_core(self, strategies: Strategies) -> Coordinator:
        """For `CoordinatorRole`: a core that tells the journal what it is told."""
        return JournalledCore(strategies, self)

    def began(
        self,
        agents: Iterable[Agent],
        calls: Iterable[ProxyCall],
        now: float,
        closed: Mapping[str, bool],
        rates: Mapping[tuple[str, str], float],
        handling: Mapping[Demand, Handling],
    ) -> None:
        """The core begins with these: a file that begins with them, too."""
        worlds = self._worlds
        worlds.leads = True
        worlds.n += 1
        worlds.at = now
        worlds.agents = {agent.agent_id: agent for agent in agents}
        worlds.calls = {call.proxy_call_id: call for call in calls}
        worlds.closed = {
            name: Closing(worlds.closed.get(name, Closing()).prompt, keep) for name, keep in closed.items()
        }
        worlds.rates, worlds.handling = dict(rates), dict(handling)
        self._begin("this process leads")

    def told(self, event: Told, now: float) -> None:
        if self._worlds.leads:
            self._take(event, now)

    # Another process leads -----------------------------------------------------------------------------

    def _signalled(self, key: str | int | None, row: object) -> None:
        if self._worlds.leads:
            return
        if isinstance(row, ProxyCall):
            self._seen(row)
        elif key is None or len(self._missed) >= MOST_MISSED:
            self._missed = {None}
        elif None not in self._missed:
            self._missed.add(str(key))

    def _seen(self, call: ProxyCall) -> None:
        """Somebody in this process has read a row; called often, and mostly with a known version."""
        number, version = call.proxy_call_id, call.version
        if self._versions.get(number, 0 if call.is_live else version) >= version:
            return
        if call.is_live:
            self._versions[number] = version
        else:
            del self._versions[number]
        self._take(CallSeen(call) if self._worlds.leads else CallChanged(call))

    def _follow(self) -> None:
        while True:
            gevent.sleep(FOLLOW_INTERVAL)
            if self._worlds.leads and not self._is_leader():
                self._worlds.leads = False
                self._begin("this process leads no longer")
                self._missed.add(None)
            if self._worlds.leads or not self._missed:
                continue
            missed, self._missed = self._missed, set()
            try:
                self._read(missed)
            except StoreError as error:
                log.debug("not followed: %s", error)
                self._missed |= missed

    def _read(self, missed: set[str | None]) -> None:
        following = self._following
        before = {number: call.version for number, call in self._worlds.calls.items()}
        if None in missed:
            following.catch_up(anew=True)
            self._take(RatesChanged(Rules(self._store.database).rates()))
        else:
            keys = [key.partition(":") for key in missed if key is not None]
            asked = [int(name) for kind, _, name in keys if kind == "p"]
            following.read(asked, [name for kind, _, name in keys if kind == "a"])
            before = {number: before[number] for number in asked if number in before}
        if not self._worlds.leads:
            self._adopt(following.calls, following.agents, before)

    def _adopt(
        self, calls: Mapping[int, ProxyCall], agents: Mapping[str, Agent], before: Mapping[int, int]
    ) -> None:
        """What has changed by a reading; `before` it these calls were known, by their versions."""
        worlds = self._worlds
        for agent_id in worlds.agents.keys() - agents.keys():
            self._take(AgentRemoved(agent_id))
        for agent_id, agent in agents.items():
            known = worlds.agents.get(agent_id)
            if known is None or known.version != agent.version:
                worlds.agents.pop(agent_id, None)  # a lost version may have been given twice
                self._take(AgentChanged(agent, agent.version))
        for call in calls.values():
            self._seen(call)
        for number, version in before.items():
            known_call = worlds.calls.get(number)
            if known_call is not None and known_call.version == version and number not in calls:
                self._versions.pop(number, None)
                self._take(CallRemoved(number))

    # Files -------------------------------------------------------------------------------------------

    def _take(self, event: Event, now: float | None = None) -> None:
        worlds = self._worlds
        at = self._store.now() if now is None else now
        worlds.take(worlds.n + 1, at, event)
        self._recorder.happened(worlds.n, at, event)
        if self._recorder.journal_size > self._max_size or monotonic() - self._began > self._max_age:
            self._begin("rotated")

    def _begin(self, why: str) -> None:
        self._number += 1
        self._began = monotonic()
        self._recorder.journal_began(self._name(), self._worlds.now(), why)

    def _restart(self) -> None:
        self._begin("captured again")

    def _name(self) -> str:
        return f"journal-{self._run}-{self._number}.jsonl"


class JournalledCore(Coordinator):
    """A core that tells a journal what it is told; ticks only where they decide something."""

    def __init__(self, strategies: Strategies | None, keeper: Keeper) -> None:
        super().__init__(strategies)
        self._keeper = keeper

    def begin(
        self,
        agents: Iterable[Agent],
        calls: Iterable[ProxyCall],
        now: float,
        as_of: int = 0,
        closed: Mapping[str, bool] | None = None,
        rates: Mapping[tuple[str, str], float] | None = None,
        handling: Mapping[Demand, Handling] | None = None,
    ) -> list[Action]:
        agents, calls = list(agents), list(calls)
        self._keeper.began(agents, calls, now, closed or {}, rates or {}, handling or {})
        return super().begin(agents, calls, now, as_of, closed, rates, handling)

    def apply(self, event: Told, now: float) -> list[Action]:
        actions = super().apply(event, now)
        if actions or not isinstance(event, Tick):
            self._keeper.told(event, now)
        return actions
