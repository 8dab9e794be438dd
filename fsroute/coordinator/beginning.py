"""All that there is, as a leader finds it in the tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fsroute.coordinator.actions import Action
from fsroute.coordinator.estimates import Handling
from fsroute.coordinator.state import Coordinator
from fsroute.model.agent import Agent
from fsroute.model.contact import Demand
from fsroute.model.proxy_call import ProxyCall
from fsroute.store.rules import Rules
from fsroute.store.store import Store


@dataclass(frozen=True, slots=True)
class Beginning:
    """See `Coordinator.begin`."""

    calls: Sequence[ProxyCall]
    agents: Sequence[Agent]
    as_of: int
    closed: Mapping[str, bool]
    rates: Mapping[tuple[str, str], float]
    handling: Mapping[Demand, Handling]

    def tell(self, core: Coordinator, now: float) -> list[Action]:
        """To a core that has heard of nothing yet."""
        return core.begin(
            self.agents, self.calls, now, self.as_of, self.closed, self.rates, self.handling
        )  # fmt: skip


def read_all(store: Store, as_of: int) -> Beginning:
    """Agents are read after the calls, so that a reservation that ends in between is seen as ended.

    Args:
        store: of one database.
        as_of: the number of this reading of agents, see `AgentChanged`.
    """
    rules = Rules(store.database)
    closed = {center: keep for center, (_, keep) in rules.closed().items()}
    handling = {demand: Handling(mean, count) for demand, mean, count in store.proxy_calls.recent_handling()}
    calls = store.proxy_calls.live()
    return Beginning(calls, store.agents.all(), as_of, closed, rules.rates(), handling)
