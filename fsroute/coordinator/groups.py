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

    `heads` has the first idle agent's turn for each order, by the order's number.
    """

    def __init__(self, qualification: Qualification, medium: Medium, ranks: Iterable[Rank]) -> None:
        self.qualification = qualification
        self.medium = medium
        self.members = 0
        self.on_duty = 0
        self.classes: list[DemandClass] = []
        self.idle: dict[str, tuple[Agent, int, list[Turn]]] = {}  # agent, load, turns
        self._ranks: list[Rank] = []
        self._heaps: list[list[Turn]] = []
        self.heads: list[Turn] = []
        for rank in ranks:
            self.add_order(rank)

    @property
    def idle_count(self) -> int:
        return len(self.idle)

    def backlog(self) -> int:
        return sum(len(demand.waiting) for demand in self.classes)

    def add_order(self, rank: Rank) -> None:
        heap: list[Turn] = []
        for agent_id, (agent, load, turns) in self.idle.items():
            turns.append((*rank(agent, load), agent_id))
            heap.append(turns[-1])
        heapq.heapify(heap)
        self._ranks.append(rank)
        self._heaps.append(heap)
        self.heads.append(heap[0] if heap else ())

    def add_idle(self, agent: Agent, load: int) -> None:
        if not self.idle:
            for demand in self.classes:
                demand.idle_groups[self] = None
        agent_id = agent.agent_id
        turns = [(*rank(agent, load), agent_id) for rank in self._ranks]
        self.idle[agent_id] = (agent, load, turns)
        self.medium.idle += 1
        for number, turn in enumerate(turns):
            heap = self._heaps[number]
            heapq.heappush(heap, turn)
            self.heads[number] = heap[0]
            if len(heap) > 2 * len(self.idle) + 16:
                self._compact(number)

    def remove_idle(self, agent_id: str) -> None:
        """Its turns stay in the heaps until they come to the top."""
        _, _, turns = self.idle.pop(agent_id)
        self.medium.idle -= 1
        if not self.idle:
            for demand in self.classes:
                del demand.idle_groups[self]
            for heap in self._heaps:
                heap.clear()
            return
        for number, turn in enumerate(turns):
            if self.heads[number] is turn:
                self._advance(number)

    def _advance(self, number: int) -> None:
        heap, idle = self._heaps[number], self.idle
        while (entry := idle.get(heap[0][-1])) is None or entry[2][number] is not heap[0]:
            heapq.heappop(heap)
        self.heads[number] = heap[0]

    def _compact(self, number: int) -> None:
        heap = [turns[number] for _, _, turns in self.idle.values()]
        heapq.heapify(heap)
        self._heaps[number] = heap
        self.heads[number] = heap[0]
