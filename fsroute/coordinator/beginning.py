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
from fsroute.model.proxy_call import AgentLeg, CallerLeg, NetworkLeg, ProxyCall, State
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


def unknown(versions: Mapping[K, int]) -> dict[K, int]:
    """The same keys with a version that no row has: whoever compares reads all of them."""
    return dict.fromkeys(versions, -1)


def went_back(read: News, calls: Mapping[int, int], agents: Mapping[str, int]) -> bool:
    """Whether rows are older than they were known to be: the database has lost what it had said."""
    return any(call.version < calls.get(call.proxy_call_id, 0) for call in read.calls) or any(
        agent.version < agents.get(agent.agent_id, 0) for agent in read.agents
    )


def _differing(present: Mapping[K, int], known: Mapping[K, int]) -> list[K]:
    return [key for key, version in present.items() if known.get(key) != version]


def _is_asked_for(call: ProxyCall) -> bool:
    """The agent's site is to dial, or the caller's is to raise a network leg or to call back."""
    dials = call.state is State.OFFERED and call.agent_leg is AgentLeg.DIALLING
    return dials or call.network_leg is NetworkLeg.WANTED or call.caller_leg is CallerLeg.WANTED


class Following:
    """The rows of all agents and live proxy calls, kept by a process that does not lead."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.calls: dict[int, ProxyCall] = {}
        self.agents: dict[str, Agent] = {}
        self.untold: list[ProxyCall | None] = []
        """Of which a leader who died may not have told: what the last `catch_up` found changed, as it was and as it is,
        and calls for which somebody at a site is asked to do something."""

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

    def catch_up(self, anew: bool = False) -> int:
        """Make good for whatever was missed; how many rows were.

        What differs is taken, an older version too: a database that was restored from a crash may have lost the
        last of what it had said. `anew`: read everything, since a lost version may have been given twice.
        """
        calls = {number: call.version for number, call in self.calls.items()}
        agents = {name: agent.version for name, agent in self.agents.items()}
        found = news(self._store, *(unknown(calls), unknown(agents)) if anew else (calls, agents))
        known = [call for call in found.calls if call.proxy_call_id in calls]
        before = [self.calls.get(call.proxy_call_id) for call in known]
        gone = [self.calls.pop(number, None) for number in found.calls_gone]
        self.untold = [*before, *known, *gone, *(call for call in found.calls if _is_asked_for(call))]
        for name in found.agents_gone:
            self.agents.pop(name, None)
        self._adopt_calls(found.calls, calls)
        self._adopt_agents(found.agents, agents)
        return len(found.calls) + len(found.agents)

    def begin(self, core: Coordinator, now: float) -> list[Action]:
        """Tell a core that has heard of nothing yet; these rows are forgotten, since they will not be kept."""
        rules = Rules(self._store.database)
        closed = {center: keep for center, (_, keep) in rules.closed().items()}
        handling = {
            demand: Handling(mean, count, square)
            for demand, mean, count, square in self._store.proxy_calls.recent_handling()
        }  # fmt: skip
        calls, agents = self.calls, self.agents
        self.calls, self.agents = {}, {}
        return core.begin(agents.values(), calls.values(), now, 0, closed, rules.rates(), handling)

    def _adopt_calls(self, calls: Iterable[ProxyCall], before: Mapping[int, int] | None = None) -> None:
        """The newer of two; with the versions of `before` they were read, the one that was read since."""
        for call in calls:
            number = call.proxy_call_id
            known = self.calls.get(number)
            if not call.is_live:
                self.calls.pop(call.proxy_call_id, None)
            elif known is None or known.version < call.version or known.version == (before or {}).get(number):
                self.calls[call.proxy_call_id] = call

    def _adopt_agents(self, agents: Iterable[Agent], before: Mapping[str, int] | None = None) -> None:
        for agent in agents:
            name = agent.agent_id
            known = self.agents.get(name)
            if known is None or known.version < agent.version or known.version == (before or {}).get(name):
                self.agents[name] = agent
