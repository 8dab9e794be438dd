"""The coordinator at work: one leader feeds events to the core and performs the actions it gets back."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from functools import partial
from itertools import count
from uuid import uuid4

import gevent
from gevent.pool import Pool
from gevent.queue import Empty, Queue

from fsroute.coordinator.absences import Absences
from fsroute.coordinator.actions import (
    Action,
    AgentChanged,
    AgentLeaves,
    AgentRemoved,
    CallChanged,
    CenterChanged,
    Event,
    Expire,
    Overflow,
    RaiseNetworkLeg,
    RatesChanged,
    Refresh,
    Refuse,
    ReservationLost,
    Reserve,
    Step,
    Take,
    Tick,
    WantCaller,
)
from fsroute.coordinator.beginning import Following, news, unknown, went_back
from fsroute.coordinator.demands import place_of
from fsroute.coordinator.moves import move_of
from fsroute.coordinator.state import Coordinator
from fsroute.coordinator.strategies import Strategies, load
from fsroute.errors import Fenced, StoreError
from fsroute.model.agent import Agent
from fsroute.model.proxy_call import ProxyCall
from fsroute.outage import Outage
from fsroute.store.claims import Claim
from fsroute.store.lease import Lease
from fsroute.store.proxy_calls import Attempt
from fsroute.store.rulebook import TOPIC as RULES
from fsroute.store.rules import Rules
from fsroute.store.store import COORDINATOR, UNHEARD, Store, switch_topic

log = logging.getLogger(__name__)

PROGRESS_INTERVAL = 1.0  # seconds between two writings of position and expected wait
MOST_UNREAD = 20_000  # signals that wait to be decided on
WORKERS = 8  # statements under way at once: they share the commits
FOLLOW_INTERVAL = 0.25  # seconds for which a standby gathers keys before it reads the rows
ATTEND_INTERVAL = 1.0  # seconds between two looks at who drives the switches
UNHEARD_EVERY = 5  # looks: whoever dies between a commit and its signal has told nobody
RETRY_DELAY = 0.5  # seconds before a failed action's rows are read again


class CoordinatorRole:
    """Campaigns, leads while the lease holds, and starts over when it is lost.

    While another process leads, this one follows: it keeps the rows current by the signals that the leader acts
    on, so that a takeover reads only what has changed since the last of them.

    Args:
        new_uuid: makes the identifier of an agent's leg; passed in for tests.
        strategies: those of the installed packages if None.
        new_core: makes a core each time this process begins to lead.

    Raises:
        FaultyStrategy: an installed strategy is none.
    """

    def __init__(
        self,
        store: Store,
        lease: Lease,
        new_uuid: Callable[[], str] = lambda: str(uuid4()),
        strategies: Strategies | None = None,
        new_core: Callable[[Strategies], Coordinator] = Coordinator,
    ) -> None:
        self._new_core = new_core
        self._store = store
        self._lease = lease
        self._new_uuid = new_uuid
        self._inbox: Queue[Event | tuple[str, ProxyCall | None] | None] = Queue()
        self._workers = Pool(WORKERS)
        self._stopped = False
        self._rules = Rules(store.database)
        self._strategies = load() if strategies is None else strategies
        self._core = new_core(self._strategies)
        self._greenlet: gevent.Greenlet[..., None] | None = None
        self._follower: gevent.Greenlet[..., None] | None = None
        self._attendant: gevent.Greenlet[..., None] | None = None
        self._missed: set[str | None] = {None}  # keys of rows to be read by a standby; None: any
        self._fenced = False
        self._overrun = False
        self._following = Following(store)
        self._freed: dict[str, Agent] = {}  # handed over by this process: their rows need not be read
        self._outage = Outage(log, "what is decided waits for the database")
        self._leading = Outage(log, "the coordinator leads no longer")
        self.epoch: int | None = None

    def start(self) -> None:
        self._store.signals.subscribe(COORDINATOR, self._signalled)
        self._store.signals.subscribe(RULES, lambda key, row: self._signalled("r:", row))
        self._greenlet = gevent.spawn(self._run)
        self._follower = gevent.spawn(self._follow)
        self._attendant = gevent.spawn(self._attend)

    def stop(self) -> None:
        self._stopped = True
        if self._greenlet is not None:
            self._greenlet.kill()
        if self._follower is not None:
            self._follower.kill()
        if self._attendant is not None:
            self._attendant.kill()
        self._store.hand_over_agents(None)
        self._workers.kill()
        self._lease.resign()

    @property
    def is_leader(self) -> bool:
        return self.epoch is not None

    def waiting(self) -> int:
        return self._core.waiting()

    def _run(self) -> None:
        while True:
            try:
                epoch = self._lease.campaign()
                if epoch is not None:
                    self._lead(epoch)
            except StoreError as error:
                self._leading.failed(error)
                self._lease.resign()
                gevent.sleep(RETRY_DELAY)
            except Exception:  # a fault of ours: to hold the lease without leading would stop every site
                log.exception("the coordinator leads no longer")
                self._lease.resign()
                gevent.sleep(RETRY_DELAY)
            finally:
                self.epoch = None
                self._store.hand_over_agents(None)
                self._missed.add(None)

    def _lead(self, epoch: int) -> None:
        self.epoch = epoch
        self._leading.over()
        log.info("this process leads the coordination center, epoch %d", epoch)
        self._core = self._new_core(self._strategies)
        self._fenced = False
        while not self._inbox.empty():
            self._inbox.get()
        self._freed.clear()
        self._store.hand_over_agents(self._await_turn)
        self._begin(epoch)
        self._store.hand_over_agents(self._let_go, self._leaves)
        next_progress = 0.0
        while self._lease.held and not self._fenced:
            now = self._store.now()
            if now >= next_progress:
                self._write_progress()
                next_progress = now + PROGRESS_INTERVAL
            due = min(self._core.deadline() or next_progress, next_progress)
            self._take(self._next(max(0.0, due - now)))
        raise Fenced("the lease was lost")

    def _begin(self, epoch: int) -> None:
        began = time.monotonic()
        read = self._following.catch_up()
        self._store.hint_at(*self._following.untold)
        self._do(self._following.begin(self._core, self._store.now()))
        took = time.monotonic() - began
        agents, waiting = len(self._core.agents()), self._core.waiting()
        log.info(
            "leading: %d agents, %d contacts wait, %d rows read, %.3f s", agents, waiting, read, took
        )  # fmt: skip
        self._store.database.execute(
            "log_leader_begins", epoch=epoch, agents=agents, waiting=waiting, read=read, took=took
        )

    def _load(self) -> None:
        """All that is in the tables: what a lost signal costs, and a lost connection.

        The core hears of the agents first, lest it refuse a call for which nobody seems to be there, and of the
        calls in the order of the queue.
        """
        calls = {number: call.version for number in self._core.calls() if (call := self._core.call(number))}
        agents = {name: agent.version for name in self._core.agents() if (agent := self._core.agent(name))}
        found = news(self._store, unknown(calls), unknown(agents))
        if went_back(found, calls, agents) or any(
            self._core.is_over(row.proxy_call_id) for row in found.calls
        ):
            raise StoreError("the database has lost what it had said: the leader begins anew")
        for row in found.agents:
            self._feed(AgentChanged(row, row.version))
        for call in sorted(found.calls, key=place_of):
            self._feed(CallChanged(call))
        for agent_id in found.agents_gone:
            self._feed(AgentRemoved(agent_id, agents[agent_id]))
        for proxy_call_id in found.calls_gone:
            self._take((f"p:{proxy_call_id}", None))
        self._take(("c:", None))
        self._take(("r:", None))

    def _next(self, timeout: float) -> Event | tuple[str, ProxyCall | None] | None:
        if self._overrun and self._inbox.empty():
            self._overrun = False
            log.error("more than %d signals waited to be decided on: everything is read again", MOST_UNREAD)
            return None
        try:
            return self._inbox.get(timeout=timeout)
        except Empty:
            return Tick()

    def _signalled(self, key: str | int | None, row: object) -> None:
        if self.epoch is None:
            self._missed.add(None if key is None else str(key))
        elif self._inbox.qsize() >= MOST_UNREAD:
            self._overrun = True  # who is so far behind reads all of it when that much is decided
        elif isinstance(row, ProxyCall):
            self._inbox.put(CallChanged(row))
        elif key is None:
            self._inbox.put(None)
        else:
            self._inbox.put((str(key), None))

    def _await_turn(self, agent: Agent, _call: ProxyCall) -> None:
        """An agent who was freed is decided on after what has come before."""
        self._freed[agent.agent_id] = agent
        self._inbox.put(AgentChanged(agent, agent.version))

    def _let_go(self, agent: Agent, call: ProxyCall) -> None:
        """Decide in the greenlet of who freed the agent: the reservation is on its way before that one goes on."""
        if not self._inbox.empty() or self._workers.full():
            self._await_turn(agent, call)
            return
        self._freed[agent.agent_id] = agent
        try:
            self._feed(CallChanged(call))
        except Exception:  # a fault of ours is no concern of who freed the agent: the leader begins anew
            log.exception("not decided: agent=%s", agent.agent_id)
            self._fenced = True
        self._inbox.put(Tick())  # the loop looks anew how long it may sleep
        gevent.sleep(0)

    def _leaves(self, call: ProxyCall) -> Claim | None:
        """What an agent turns to who is about to leave a talk: both go to the database in one statement."""
        if self.epoch is None or call.agent_id is None or not self._inbox.empty() or self._workers.full():
            return None
        try:
            actions = self._core.apply(AgentLeaves(call.agent_id, call.proxy_call_id), self._store.now())
        except Exception:  # as in `_let_go`
            log.exception("not decided: agent=%s", call.agent_id)
            self._fenced = True
            self._inbox.put(Tick())
            return None
        decided = [one for one in actions if isinstance(one, Reserve) and one.leaving is not None]
        due = [one for one in actions if one not in decided]
        if due:  # beside it; in another greenlet, for this one may be ended before the claim is on its way
            gevent.spawn(self._do, due)
        return self._claim(self.epoch, decided[0]) if decided else None

    def _claim(self, epoch: int, action: Reserve) -> Claim:
        call = self._core.call(action.proxy_call_id)
        assert call is not None
        return Claim(
            epoch,
            call,
            action.agent_id,
            self._new_uuid(),
            dict(action.why),
            reserved=partial(self._answered, action),
            failed=partial(self._failed, action),
        )

    def _attend(self) -> None:
        """The leader takes switches that nobody drives for away: their agents would be offered contacts in vain.

        Whoever comes to drive one says that it is back.
        """
        absences = Absences()
        for look in count(1):
            gevent.sleep(ATTEND_INTERVAL)
            try:
                if self.epoch is not None and look % UNHEARD_EVERY == 0:
                    self._hear_unheard()
                away = [] if self.epoch is None else absences.seen(self._store.agents.unattended_switches())
                for switch_id in away:
                    if self._store.agents.switch_away(switch_id, "nobody drives it"):
                        log.warning(
                            "switch %s is driven by nobody: its agents are offered nothing", switch_id
                        )
                        # who has come to drive it meanwhile looks, and says that it is back
                        self._store.signals.publish(switch_topic(switch_id), None)
            except StoreError as error:
                log.debug("not looked who drives the switches: %s", error)
                absences.forget()

    def _hear_unheard(self) -> None:
        """Rows whose newest version no signal told of: the process that wrote them died before it could."""
        calls = {number: call.version for number in self._core.calls() if (call := self._core.call(number))}
        agents = {name: agent.version for name in self._core.agents() if (agent := self._core.agent(name))}
        found = news(self._store, calls, agents)
        for row in found.agents:
            self._inbox.put(AgentChanged(row, row.version))
        for call in sorted(found.calls, key=place_of):
            self._inbox.put(CallChanged(call))
        for proxy_call_id in found.calls_gone:
            self._inbox.put((f"p:{proxy_call_id}", None))

    def _follow(self) -> None:
        """While somebody else leads."""
        while True:
            gevent.sleep(FOLLOW_INTERVAL)
            if self.epoch is not None or not self._missed:
                continue
            missed, self._missed = self._missed, set()
            try:
                self._read_missed(missed)
            except StoreError as error:
                log.debug("not followed: %s", error)
                self._missed |= missed

    def _read_missed(self, missed: set[str | None]) -> None:
        if None in missed:
            self._following.catch_up(anew=True)
            return
        keys = [key.partition(":") for key in missed if key is not None]
        self._following.read(
            [int(name) for kind, _, name in keys if kind == "p"],
            [name for kind, _, name in keys if kind == "a"],
        )

    def _take(self, item: Event | tuple[str, ProxyCall | None] | None) -> None:
        if item is None:
            self._load()
        elif isinstance(item, tuple):
            self._workers.spawn(self._guarded, self._read, item[0])
        else:
            self._feed(item)

    def _feed(self, event: Event) -> None:
        self._do(self._core.apply(event, self._store.now()))

    def _do(self, actions: Iterable[Action]) -> None:
        for action in actions:
            if isinstance(action, Refresh) and (agent := self._told(action.agent_id)) is not None:
                self._feed(AgentChanged(agent, agent.version))
            else:
                self._workers.spawn(self._guarded, self._perform, action)

    def _told(self, agent_id: str) -> Agent | None:
        """What was told by whoever freed an agent; None where it is older than what is known: the row must be read."""
        agent, known = self._freed.pop(agent_id, None), self._core.agent(agent_id)
        if agent is None or (known is not None and agent.version < known.version):
            return None
        return agent

    def _guarded(self, do: Callable[..., None], subject: Action | str) -> None:
        """Perform one action; a failing database is no reason to forget what the action was about."""
        try:
            do(subject)
            self._outage.over()
        except StoreError as error:
            self._failed(subject, error)
        except Exception:  # a fault of ours: what the action was about must not be stuck for it
            log.exception("not done: %s", subject)
            gevent.spawn_later(RETRY_DELAY, self._retry, subject)

    def _failed(self, subject: Action | str, error: StoreError) -> None:
        if isinstance(error, Fenced):
            log.warning("%s", error)
            self._fenced = True
            self._inbox.put(Tick())
        else:
            self._outage.failed(f"{subject}: {error}")
            gevent.spawn_later(RETRY_DELAY, self._retry, subject)

    def _retry(self, subject: Action | str) -> None:
        if self._stopped:
            return
        if isinstance(subject, Reserve):
            self._workers.spawn(self._guarded, self._reservation_lost, subject)
        elif isinstance(subject, Refresh | str):
            self._workers.spawn(
                self._guarded,
                self._read,
                f"a:{subject.agent_id}" if isinstance(subject, Refresh) else subject,
            )
        else:
            self._workers.spawn(self._guarded, self._read, f"p:{subject.proxy_call_id}")

    def _read(self, key: str) -> None:
        kind, _, name = key.partition(":")
        if kind == "p":
            call = self._store.proxy_calls.get(int(name))
            if call is not None:
                self._inbox.put(CallChanged(call))
            return
        if key == UNHEARD:
            self._hear_unheard()
            return
        if kind == "c":
            self._read_centers()
            return
        if kind == "r":
            self._inbox.put(RatesChanged(self._rules.rates()))
            return
        agents = self._store.agents.some([name])
        if agents:
            self._inbox.put(AgentChanged(agents[0], agents[0].version))
        elif (known := self._core.agent(name)) is not None:
            self._inbox.put(AgentRemoved(name, known.version))

    def _read_centers(self) -> None:
        """Which contact centers are closed by command, all of them: there are few."""
        closed = self._rules.closed()
        for center in self._core.closed_centers() - set(closed):
            self._inbox.put(CenterChanged(center, False))
        for center, (_, keep_waiting) in closed.items():
            self._inbox.put(CenterChanged(center, True, keep_waiting))

    # Actions -------------------------------------------------------------------------------------------

    def _perform(self, action: Action) -> None:
        if isinstance(action, Reserve):
            self._reserve(action)
        elif isinstance(action, Refresh):
            self._read(f"a:{action.agent_id}")
        else:
            self._move(action)

    def _reserve(self, action: Reserve) -> None:
        assert self.epoch is not None
        call = self._store.proxy_calls.reserve(
            self.epoch, action.proxy_call_id, action.agent_id, self._new_uuid(), dict(action.why)
        )
        if call is None:
            self._reservation_lost(action)
        else:
            self._reserved(action, call)

    def _answered(self, action: Reserve, call: ProxyCall | None) -> None:
        """What came of a claim that went with an agent's leaving.

        The acd hears of it, and dials, before anything else is done with the news; what the agent has left is heard
        by the loop, when this greenlet is through.
        """
        self._inbox.put(Tick())
        if call is None:
            gevent.spawn(self._guarded, self._reservation_lost, action)
            return
        self._reserved(action, call)
        gevent.sleep(0)  # who is told of it
        gevent.sleep(0)  # whom they start

    def _reserved(self, action: Reserve, call: ProxyCall) -> None:
        self._freed.pop(action.agent_id, None)  # of before this reservation
        before = self._core.call(action.proxy_call_id)  # an early network leg may be elsewhere
        self._store.announce(before, call)

    def _reservation_lost(self, action: Reserve) -> None:
        agents = self._store.agents.some([action.agent_id])
        call = self._store.proxy_calls.get(action.proxy_call_id)
        agent = agents[0] if agents else None
        if (
            call is not None and call.agent_id == action.agent_id
        ):  # only the answer was lost: the acd has not heard
            self._store.announce(call)
        known = agent or self._core.agent(action.agent_id)
        as_of = 0 if known is None else known.version
        self._inbox.put(ReservationLost(action.proxy_call_id, action.agent_id, call, agent, as_of))

    def _move(self, action: Take | Refuse | Overflow | Expire | Step | RaiseNetworkLeg | WantCaller) -> None:
        if self.epoch is None:  # without an epoch it would not be asked whether this process leads still
            raise Fenced("this process leads no longer")
        call = self._core.call(action.proxy_call_id)
        move = None if call is None else move_of(action, call)
        moved = None
        if call is not None and move is not None:
            moved = self._store.move(
                call,
                move.on,
                attempt=Attempt(agent_leg_uuid=move.agent_leg_uuid),
                end_reservation=move.end_reservation,
                epoch=self.epoch,
                set=move.set,
                data=move.data,
            )
        if moved is None:  # somebody else was first: go on from what is true
            self._read(f"p:{action.proxy_call_id}")

    def _write_progress(self) -> None:
        """Position and expected wait, for whoever announces them to read: no signal, which everybody would follow."""
        progress = self._core.progress()
        if not progress:
            return
        try:
            self._store.proxy_calls.write_progress(progress)
        except StoreError as error:
            self._outage.failed(f"positions: {error}")
