"""fsroute's own agents and calls of one switch, by signals and rows, as events of activity."""

from __future__ import annotations

import logging
from collections.abc import Callable
from time import monotonic

import gevent
from gevent.event import Event as Flag

from fsroute.cti.own import OwnAgents, OwnCounted, own_agent, own_call
from fsroute.errors import StoreError
from fsroute.model.activity import AgentActivity
from fsroute.model.proxy_call import ProxyCall
from fsroute.outage import Outage
from fsroute.store.activity import OwnActivity
from fsroute.store.signals import Subscription
from fsroute.store.store import COORDINATOR, Store, switch_topic

log = logging.getLogger(__name__)

GATHER = 0.05  # seconds between two reads of rows that signals named: as often as is written
RETRY = 1.0
WHOLE = 2.0  # seconds between two looks at what no contact changes (skills, queues), and at agents who may have come
MOST_STRANGERS = 10_000


class Owning:
    """Tells `apply` of each change; reads everything at the start, after lost signals, and every `interval` seconds.

    Args:
        store: rows and signals.
        switch_id: whose.
        counted: the newest call that has been counted, and those that are in hand as far as it is known.
        interval: seconds.
    """

    def __init__(
        self, store: Store, switch_id: str, counted: Callable[[], tuple[int, list[int]]], interval: float
    ) -> None:
        self._store = store
        self._switch_id = switch_id
        self._rows = OwnActivity(store.database, switch_id)
        self._counted = counted
        self._interval = interval
        self._apply: Callable[[object], None] = lambda event: None
        self._known: dict[str, AgentActivity] = {}  # agents at the switch
        self._with_call: dict[int, str] = {}  # proxy call to the agent of this switch who has it
        self._calls: set[int] = set()  # to be read
        self._agents: set[str] = set()
        self._whole: set[str] = set()  # of them, with what no contact changes
        self._later: set[str] = (
            set()
        )  # agents who changed in some way, and strangers: to be read whole, in a while
        self._all = True
        self._all_at = monotonic()
        self._began = False
        self._wanted = Flag()
        self._unread = Outage(log, f"agents and calls of switch {switch_id} cannot be read")
        self._subscriptions: list[Subscription] = []
        self._greenlets: list[gevent.Greenlet[..., None]] = []

    def start(self, apply: Callable[[object], None]) -> None:
        self._apply = apply
        topics = ((switch_topic(self._switch_id), self._signalled), (COORDINATOR, self._agent_signalled))
        self._subscriptions = [self._store.signals.subscribe(topic, heard) for topic, heard in topics]
        self._greenlets = [gevent.spawn(self._keep), gevent.spawn(self._look_at_whole)]
        self._wanted.set()

    def stop(self) -> None:
        for subscription in self._subscriptions:
            self._store.signals.unsubscribe(subscription)
        self._subscriptions = []
        gevent.killall(self._greenlets)

    def _signalled(self, key: str | int | None, row: object) -> None:
        if key is None:
            self._all = True
        elif isinstance(row, ProxyCall):
            self._seen(row)
        else:
            number = str(key).removeprefix("p:")
            if number.isdigit():
                self._calls.add(int(number))
        self._wanted.set()

    def _agent_signalled(self, key: str | int | None, _row: object) -> None:
        """Of all agents there are; those of this switch matter. What has changed nobody says."""
        name = str(key).removeprefix("a:") if str(key).startswith("a:") else ""
        if key is None:
            self._all = True
        elif name in self._known:
            self._agents.add(name)
            self._later.add(name)
        else:
            if name and len(self._later) < MOST_STRANGERS:
                self._later.add(name)
            return
        self._wanted.set()

    def _look_at_whole(self) -> None:
        while True:
            gevent.sleep(WHOLE)
            if self._later:
                self._whole |= self._later
                self._later.clear()
                self._wanted.set()

    def _seen(self, call: ProxyCall) -> None:
        """A row: the caller may be of this switch, the agent too."""
        if call.switch_id == self._switch_id:
            self._apply(own_call(call))
        before = self._with_call.pop(call.proxy_call_id, None)
        here = call.agent_id if call.agent_switch_id == self._switch_id else None
        if here is not None and call.is_live:
            self._with_call[call.proxy_call_id] = here
        self._agents |= {name for name in (before, here) if name is not None}

    def _keep(self) -> None:
        while True:
            if not self._wanted.wait(self._interval) or monotonic() - self._all_at > self._interval:
                self._all = True
            self._wanted.clear()
            try:
                self._read()
                self._unread.over()
            except StoreError as error:
                self._unread.failed(error)
                self._all = True
                gevent.sleep(RETRY)
                self._wanted.set()
            gevent.sleep(GATHER)

    def _read(self) -> None:
        if self._all:
            self._all, self._all_at = False, monotonic()
            self._read_all()
            return
        calls, self._calls = self._calls, set()
        if calls:
            for call in self._store.proxy_calls.some(sorted(calls)):
                self._seen(call)
        names, self._agents = self._agents, set()
        whole, self._whole = self._whole, set()
        if names or whole:
            self._read_some(names - whole, whole | (names - self._known.keys()))

    def _read_some(self, names: set[str], whole: set[str]) -> None:
        """Of agents who are known what changes with every contact, of others everything."""
        changing = names - whole
        agents = (*self._read_states(sorted(changing)), *(self._read_agents(sorted(whole)) if whole else ()))
        for name in changing | whole:
            self._known.pop(name, None)
        self._known.update((agent.key.agent, agent) for agent in agents)
        self._apply(OwnAgents(agents, False, frozenset(changing | whole)))

    def _read_all(self) -> None:
        self._calls, self._agents, self._whole = set(), set(), set()
        self._later.clear()
        agents = self._read_agents(None)
        self._known = {agent.key.agent: agent for agent in agents}
        self._apply(OwnAgents(agents, True))
        newest, in_hand = self._counted()
        self._count_unseen(newest)
        live = self._store.proxy_calls.live_of_caller_switch(self._switch_id)
        missing = (set(in_hand) | self._with_call.keys()) - {call.proxy_call_id for call in live}
        over = self._store.proxy_calls.some(sorted(missing)) if missing else []
        for call in [*live, *over]:
            self._seen(call)

    def _count_unseen(self, newest: int) -> None:
        """Calls that came and went while nobody looked; where nobody ever did, nothing of the past counts."""
        if not (newest or self._began):
            self._apply(OwnCounted(self._rows.newest_call()))
        for call in self._rows.calls_over_since(newest) if newest or self._began else ():
            self._apply(own_call(call, unseen=True))
        self._began = True

    def _read_agents(self, names: list[str] | None) -> tuple[AgentActivity, ...]:
        return tuple(
            own_agent(moment, skills, {queue: (level, 1) for queue, level in queues.items()})
            for moment, skills, queues in self._rows.agents(names)
        )

    def _read_states(self, names: list[str]) -> tuple[AgentActivity, ...]:
        known = self._known
        return tuple(
            own_agent(moment, known[moment.agent_id].skills, known[moment.agent_id].queues)
            for moment in (self._rows.states(names) if names else ())
        )
