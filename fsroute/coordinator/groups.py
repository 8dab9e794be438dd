"""Groups of agents who are interchangeable: the idle ones in each order that a strategy wants. Pure."""

from __future__ import annotations

import heapq
from collections.abc import Iterable

from fsroute.coordinator.demands import DemandClass, Medium
from fsroute.coordinator.strategies import Rank, Turn
from fsroute.model.agent import Agent
from fsroute.routing.eligibility import Qualification


class AgentGroup:
    """Agents who are interchangeable now for one medium; the idle ones in each order that is in use.

    Orders have numbers. Whenever another agent becomes the first of an order, the classes of that order are told:
    a choice is then made among turns that lie ready.
    """

    def __init__(self, qualification: Qualification, medium: Medium, ranks: Iterable[Rank]) -> None:
        self.qualification = qualification
        self.site_id = qualification.site_id
        self.medium = medium
        self.members = 0
        self.on_duty = 0
        self.idle_count = 0
        self.classes: list[DemandClass] = []
        self.idle: dict[str, tuple[Agent, int, list[Turn]]] = {}  # agent, load, turns
        self._ranks: list[Rank] = []
        self._heaps: list[list[Turn]] = []
        self._heads: list[Turn] = []
        self._by_order: list[list[DemandClass]] = []
        for rank in ranks:
            self.add_order(rank)

    def backlog(self) -> int:
        return sum(demand.waiting_count for demand in self.classes)

    def add_order(self, rank: Rank) -> None:
        heap: list[Turn] = []
        for agent_id, (agent, load, turns) in self.idle.items():
            turns.append((*rank(agent, load), agent_id))
            heap.append(turns[-1])
        heapq.heapify(heap)
        self._ranks.append(rank)
        self._heaps.append(heap)
        self._heads.append(heap[0] if heap else ())
        self._by_order.append([])

    def join(self, demand: DemandClass) -> None:
        """These agents may serve the class from now on."""
        self.classes.append(demand)
        self._by_order[demand.order].append(demand)
        demand.groups[self] = None
        if self.idle:
            demand.idle_groups[self] = self._heads[demand.order]

    def part(self, demand: DemandClass) -> None:
        self.classes.remove(demand)
        self._by_order[demand.order].remove(demand)

    def add_idle(self, agent: Agent, load: int) -> None:
        agent_id = agent.agent_id
        turns = [(*rank(agent, load), agent_id) for rank in self._ranks]
        self.idle[agent_id] = (agent, load, turns)
        self.idle_count += 1
        self.medium.idle += 1
        self.medium.where_idle[agent_id] = self
        for number, turn in enumerate(turns):
            heap = self._heaps[number]
            if len(heap) > 2 * len(self.idle) + 16:
                heap[:] = [entry[2][number] for entry in self.idle.values()]
                heapq.heapify(heap)
            else:
                heapq.heappush(heap, turn)
            if heap[0] is turn:
                self._tell(number, turn)

    def remove_idle(self, agent_id: str) -> None:
        """Its turns stay in the heaps until they come to the top."""
        _, _, turns = self.idle.pop(agent_id)
        self.idle_count -= 1
        self.medium.idle -= 1
        del self.medium.where_idle[agent_id]
        if not self.idle:
            for demand in self.classes:
                del demand.idle_groups[self]
            for heap in self._heaps:
                heap.clear()
            return
        for number, turn in enumerate(turns):
            if self._heads[number] is turn:
                self._advance(number)

    def _advance(self, number: int) -> None:
        heap, idle = self._heaps[number], self.idle
        while (entry := idle.get(heap[0][-1])) is None or entry[2][number] is not heap[0]:
            heapq.heappop(heap)
        self._tell(number, heap[0])

    def _tell(self, number: int, head: Turn) -> None:
        self._heads[number] = head
        for demand in self._by_order[number]:
            demand.idle_groups[self] = head
