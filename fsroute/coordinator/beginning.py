"""All that there is, as a leader finds it: known to a standby that has followed, else read from the tables.

Rows have versions. Whoever knows rows of before compares the versions, which is cheap, and reads again what has
changed meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from fsroute.coordinator.actions import Action
from fsroute.coordinator.estimates import Handling
from fsroute.coordinator.state import Coordinator
from fsroute.model.agent import Agent
from fsroute.model.proxy_call import ProxyCall
from fsroute.store.rules import Rules
from fsroute.store.store import Store

K = TypeVar("K", int, str)


@dataclass(frozen=True, slots=True)
class News:
    """What is new in the tables, and what is there no more."""

    calls: Sequence[ProxyCall]
    agents: Sequence[Agent]
    calls_gone: frozenset[int]
    agents_gone: frozenset[str]


def news(store: Store, calls: Mapping[int, int], agents: Mapping[str, int]) -> News:
    """The difference to rows of these versions, by their keys.

    Agents are read after the calls, so that a reservation that ends in between is seen as ended.
    """
    call_versions = store.proxy_calls.versions()
    new_calls = _differing(call_versions, calls)
    if len(new_calls) == len(call_versions):
        call_rows = store.proxy_calls.live()
    else:
        call_rows = store.proxy_calls.some(new_calls) if new_calls else []
    agent_versions = store.agents.versions()
    new_agents = _differing(agent_versions, agents)
    if len(new_agents) == len(agent_versions):
        agent_rows = store.agents.all()
    else:
        agent_rows = store.agents.some(new_agents) if new_agents else []
    return News(
        call_rows,
        agent_rows,
        frozenset(calls.keys() - call_versions.keys()),
        frozenset(agents.keys() - agent_versions.keys()),
    )


def _differing(present: Mapping[K, int], known: Mapping[K, int]) -> list[K]:
    return [key for key, version in present.items() if known.get(key) != version]


class Following:
    """The rows of all agents and live proxy calls, kept by a process that does not lead."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.calls: dict[int, ProxyCall] = {}
        self.agents: dict[str, Agent] = {}

    def read(self, proxy_call_ids: Iterable[int], agent_ids: Iterable[str]) -> None:
        """Signals named these."""
        numbers, names = set(proxy_call_ids), set(agent_ids)
        calls = self._store.proxy_calls.some(list(numbers)) if numbers else []
        self._adopt_calls(calls)
        for number in numbers - {call.proxy_call_id for call in calls}:
            self.calls.pop(number, None)
        agents = self._store.agents.some(list(names)) if names else []
        self._adopt_agents(agents)
        for name in names - {agent.agent_id for agent in agents}:
            self.agents.pop(name, None)

    def catch_up(self) -> int:
        """Make good for whatever was missed; how many rows were."""
        found = news(
            self._store,
            {number: call.version for number, call in self.calls.items()},
            {name: agent.version for name, agent in self.agents.items()},
        )
        for number in found.calls_gone:
            del self.calls[number]
        for name in found.agents_gone:
            del self.agents[name]
        self._adopt_calls(found.calls)
        self._adopt_agents(found.agents)
        return len(found.calls) + len(found.agents)

    def begin(self, core: Coordinator, now: float) -> list[Action]:
        """Tell a core that has heard of nothing yet; these rows are forgotten, since they will not be kept."""
        rules = Rules(self._store.database)
        closed = {center: keep for center, (_, keep) in rules.closed().items()}
        handling = {
            demand: Handling(mean, count)
            for demand, mean, count in self._store.proxy_calls.recent_handling()
        }  # fmt: skip
        calls, agents = self.calls, self.agents
        self.calls, self.agents = {}, {}
        return core.begin(agents.values(), calls.values(), now, 0, closed, rules.rates(), handling)

    def _adopt_calls(self, calls: Iterable[ProxyCall]) -> None:
        for call in calls:
            known = self.calls.get(call.proxy_call_id)
            if not call.is_live:
                self.calls.pop(call.proxy_call_id, None)
            elif known is None or known.version < call.version:
                self.calls[call.proxy_call_id] = call

    def _adopt_agents(self, agents: Iterable[Agent]) -> None:
        for agent in agents:
            known = self.agents.get(agent.agent_id)
            if known is None or known.version < agent.version:
                self.agents[agent.agent_id] = agent
