"""The coordinator of a replay: the real core, told what it was told then and what this call does now.

Of the other calls and of the agents it hears what the journal has. What it decides for other calls is not performed:
the journal says what became of them. What it decides for the calls of this contact is performed on the rows in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from fsroute.coordinator.actions import (
    Action,
    AgentChanged,
    AgentRemoved,
    CallChanged,
    CenterChanged,
    Event,
    RatesChanged,
    Refresh,
    ReservationLost,
    Reserve,
    Tick,
)
from fsroute.coordinator.demands import place_of
from fsroute.coordinator.moves import move_of
from fsroute.coordinator.state import Coordinator
from fsroute.coordinator.strategies import Strategies
from fsroute.model.agent import Agent
from fsroute.model.proxy_call import ProxyCall
from fsroute.replay import journal
from fsroute.replay.journal import Closing, Worlds
from fsroute.replay.memory import Memory
from fsroute.replay.rows import agent_row
from fsroute.replay.virtual import VirtualLoop
from fsroute.store.proxy_calls import Attempt
from fsroute.store.store import Store

EPOCH = 1


class Leader:
    """Begins to lead when the contact first asks for an agent; until then it only takes notice.

    Args:
        own: whether a proxy call is one of this contact's.
        new_uuid: makes the identifier of an agent's leg.
    """

    def __init__(
        self,
        loop: VirtualLoop,
        store: Store,
        memory: Memory,
        world: Worlds,
        strategies: Strategies,
        own: Callable[[int], bool],
        new_uuid: Callable[[], str],
    ) -> None:
        self._loop = loop
        self._store = store
        self._memory = memory
        self._world = world
        self._own = own
        self._new_uuid = new_uuid
        self._core = Coordinator(strategies)
        self._leads = False
        self._claims: dict[
            int, str
        ] = {}  # of other calls: the agent whom the core believes to have asked for
        self._due = 0
        self.decided: list[Action] = []
        """What was decided for this contact, in order."""

    # What is heard -----------------------------------------------------------------------------------------

    def told(self, event: journal.Event) -> None:
        """Something of the journal that is not this contact's."""
        self._world.take(self._world.n + 1, self._store.now(), event)
        if isinstance(event, AgentChanged):
            self._agent_row(event.agent)
        if not self._leads:
            return
        if isinstance(event, CallChanged):
            self._others_call(event.call)
        elif isinstance(event, AgentChanged):
            self._refresh(event.agent.agent_id)
        elif isinstance(event, AgentRemoved):
            self._feed(AgentRemoved(event.agent_id, self._memory.next_agent_version()))
        elif isinstance(event, ReservationLost):
            if event.call is not None and not self._own(event.call.proxy_call_id):
                self._others_call(event.call)
            if event.agent is not None:
                self._agent_row(event.agent)
                self._refresh(event.agent.agent_id)
        elif isinstance(event, CenterChanged | RatesChanged | Tick):
            self._feed(event)

    def closed(self, before: Mapping[str, Closing], now: Mapping[str, Closing]) -> None:
        """Contact centers were closed by command; a process whose coordinator does not lead has it from its rules."""
        if self._world.leads or not self._leads:
            return
        for center in before.keys() | now.keys():
            if before.get(center) != now.get(center):
                keeps = center in now and now[center].keep_waiting
                self._feed(CenterChanged(center, center in now, keeps))

    def row_changed(self, call: ProxyCall) -> None:
        """A row of this contact's."""
        if not self._leads:
            self._begin()
        self._feed(CallChanged(call))

    def write_progress(self) -> None:
        """Position and expected wait, as the loop writes them every second; asked for before a row is read."""
        if self._leads and (progress := self._core.progress()):
            self._store.proxy_calls.write_progress(progress)

    # What is decided -----------------------------------------------------------------------------------------

    def _begin(self) -> None:
        self._leads = True
        world = self._world.now()
        calls = [call for number, call in world.calls.items() if not self._own(number)]
        closed = {center: closing.keep_waiting for center, closing in world.closed.items()}
        agents = self._store.agents.all()
        now = self._store.now()
        self._do(
            self._core.begin(agents, sorted(calls, key=place_of), now, 0, closed, world.rates, world.handling)
        )
        self._set_alarm()

    def _agent_row(self, agent: Agent) -> None:
        """As the journal has it, save that of this contact an agent holds what it holds now."""
        others = tuple(held for held in agent.reservations if not self._own(held.proxy_call_id))
        known = self._memory.tables.agents.get(agent.agent_id, {})
        row = agent_row(replace(agent, reservations=others), known.get("set_aside"))
        if known and self._is_older(agent):
            row["available_from"] = max(known["available_from"], row["available_from"])
        self._memory.tables.agents[agent.agent_id] = {**row, "version": self._memory.next_agent_version()}

    def _is_older(self, agent: Agent) -> bool:
        """It was read while the agent still had a contact of ours that has left since."""
        held = {each.proxy_call_id for each in agent.reservations}
        return any(
            row["agent_id"] == agent.agent_id and row["proxy_call_id"] in held and row["ended_at"] is not None
            for row in self._memory.tables.reservations
        )

    def _others_call(self, call: ProxyCall) -> None:
        claimed = self._claims.pop(call.proxy_call_id, None)
        if claimed is not None and call.agent_id != claimed:
            agent = next(iter(self._store.agents.some([claimed])), None)
            version = 0 if agent is None else agent.version
            self._feed(ReservationLost(call.proxy_call_id, claimed, call, agent, version))
        self._feed(CallChanged(call))

    def _refresh(self, agent_id: str) -> None:
        for agent in self._store.agents.some([agent_id]):
            self._feed(AgentChanged(agent, agent.version))

    def _feed(self, event: Event) -> None:
        self._do(self._core.apply(event, self._store.now()))
        self._set_alarm()

    def _set_alarm(self) -> None:
        self._loop.forget(self._due)
        deadline = self._core.deadline()
        if deadline is not None:
            after = max(0.0, deadline - self._store.now())
            self._due = self._loop.at(self._loop.monotonic() + after, lambda: self._feed(Tick()))

    def _do(self, actions: Iterable[Action]) -> None:
        for action in actions:
            if isinstance(action, Refresh):
                self._loop.run_callback(self._refresh, action.agent_id)
            elif self._own(action.proxy_call_id):
                self.decided.append(action)
                self._loop.run_callback(self._perform, action)
            elif isinstance(action, Reserve):
                self._claims[action.proxy_call_id] = action.agent_id

    def _perform(self, action: Action) -> None:
        if isinstance(action, Reserve):
            self._reserve(action)
            return
        assert not isinstance(action, Refresh)
        call = self._core.call(action.proxy_call_id)
        move = None if call is None else move_of(action, call)
        moved = None
        if call is not None and move is not None:
            moved = self._store.move(
                call, move.on, attempt=Attempt(agent_leg_uuid=move.agent_leg_uuid),
                end_reservation=move.end_reservation, epoch=EPOCH, set=move.set, data=move.data,
            )  # fmt: skip
        if moved is None and (row := self._store.proxy_calls.get(action.proxy_call_id)) is not None:
            self._feed(CallChanged(row))

    def _reserve(self, action: Reserve) -> None:
        number, agent_id = action.proxy_call_id, action.agent_id
        call = self._store.proxy_calls.reserve(EPOCH, number, agent_id, self._new_uuid(), dict(action.why))
        if call is not None:
            self._store.announce(self._core.call(number), call)
            return
        agent = next(iter(self._store.agents.some([agent_id])), None)
        version = 0 if agent is None else agent.version
        self._feed(ReservationLost(number, agent_id, self._store.proxy_calls.get(number), agent, version))
