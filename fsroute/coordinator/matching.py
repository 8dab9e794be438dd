"""Who may serve whom, joined once: classes of waiting contacts and groups of agents. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from fsroute.coordinator.demands import DemandClass, Medium, Place, most_imbalanced
from fsroute.coordinator.estimates import Handling
from fsroute.coordinator.groups import AgentGroup
from fsroute.coordinator.strategies import LONGEST_IDLE, Rank, Strategy, Surcharge, Turn
from fsroute.model.agent import Agent
from fsroute.model.contact import HEAD_PRIORITY, Demand
from fsroute.model.proxy_call import ProxyCall
from fsroute.routing.eligibility import Qualification

MOST_CLASSES = 1000  # beyond that one is forgotten as soon as nobody waits in it
ARRIVALS_COUNTED = 4096  # arrivals of a medium, after which all count for half


class Matching:
    """All classes and groups, each class joined with the groups that may serve it."""

    def __init__(self) -> None:
        self.rates: dict[tuple[str, str], float] = {}
        self.alone: dict[str, int] = {}  # agent → classes that ask for this agent and no other
        self.shaken: dict[DemandClass, None] = {}  # agents came or went since somebody looked
        self._media: dict[str, Medium] = {}
        self._classes: dict[tuple[Demand, str], DemandClass] = {}
        self._numbers: dict[int, DemandClass] = {}
        self._handling: dict[Demand, Handling] = {}
        self._groups: dict[tuple[Qualification, str], AgentGroup] = {}
        self._orders: dict[Rank, int] = {LONGEST_IDLE.rank: 0}
        self._count = 0

    def classes(self) -> Iterable[DemandClass]:
        return self._classes.values()

    @property
    def is_full(self) -> bool:
        """Demands of rules that are no more, perhaps, or made up by applications."""
        return len(self._classes) > MOST_CLASSES

    def numbered(self, number: int) -> DemandClass | None:
        return self._numbers.get(number)

    def groups(self) -> Iterable[AgentGroup]:
        return self._groups.values()

    def learn(self, handling: Mapping[Demand, Handling]) -> None:
        """Handling times from before this core."""
        self._handling.update(handling)
        for demand in self._classes.values():
            demand.handling = demand.handling or handling.get(demand.demand)

    def class_of(self, demand: Demand, strategy: Strategy = LONGEST_IDLE) -> DemandClass:
        known = self._classes.get((demand, strategy.name))
        return self._new_class(demand, strategy) if known is None else known

    def _new_class(self, demand: Demand, strategy: Strategy) -> DemandClass:
        order = self._orders.get(strategy.rank)
        if order is None:
            order = self._orders[strategy.rank] = len(self._orders)
            for group in self._groups.values():
                group.add_order(strategy.rank)
        self._count += 1
        made = DemandClass(self._count, demand, strategy, self._medium(demand.medium), order)
        made.handling = self._handling.get(demand)
        self._classes[demand, strategy.name] = self._numbers[self._count] = made
        if demand.agent_id is not None:
            self.alone[demand.agent_id] = self.alone.get(demand.agent_id, 0) + 1
        for group in self._groups.values():
            _join(group, made)
        return made

    def forget_class(self, demand: DemandClass) -> None:
        """Nobody waits in it, and nobody else will ask for the same, or there are too many."""
        del self._classes[demand.demand, demand.strategy.name], self._numbers[demand.number]
        for group in demand.groups:
            group.part(demand)
        agent_id = demand.demand.agent_id
        if agent_id is not None:
            self.alone[agent_id] -= 1
            if not self.alone[agent_id]:
                del self.alone[agent_id]

    def enter(self, qualification: Qualification, medium: str, on_duty: bool) -> AgentGroup:
        """One agent more of this qualification."""
        group = self._groups.get((qualification, medium))
        if group is None:
            group = AgentGroup(qualification, self._medium(medium), self._orders)
            self._groups[qualification, medium] = group
            for demand in self._classes.values():
                _join(group, demand)
        group.members += 1
        if on_duty:
            self.count_on_duty(group, 1)
        return group

    def leave(self, group: AgentGroup, medium: str, on_duty: bool) -> None:
        """One agent less; a group without members is forgotten."""
        group.members -= 1
        if on_duty:
            self.count_on_duty(group, -1)
        if not group.members:
            del self._groups[group.qualification, medium]
            for demand in self._classes.values():
                if group in demand.groups or group in demand.prospects:
                    self.shaken[demand] = None
                demand.groups.pop(group, None)
                demand.prospects.pop(group, None)
                demand.fits.pop(group, None)

    def count_on_duty(self, group: AgentGroup, by: int) -> None:
        group.on_duty += by
        group.medium.on_duty += by
        for demand in group.classes:
            demand.on_duty += by
            demand.changed_hands()
            self.shaken[demand] = None

    def count_arrival(self, demand: DemandClass) -> None:
        medium = demand.medium
        demand.arrivals += 1
        medium.arrivals += 1
        if medium.arrivals >= ARRIVALS_COUNTED:
            medium.arrivals = 0.0
            for one in self._classes.values():
                if one.medium is medium:
                    one.arrivals /= 2
                    medium.arrivals += one.arrivals

    def choose(self, demand: DemandClass, call: ProxyCall) -> Turn:
        """The key of the first of the idle agents who may serve a class, in the order of its strategy."""
        strategy, medium = demand.strategy, demand.medium
        if _goes_back(strategy, call):
            agent_id = call.preferred_agent_id or ""
            group = medium.where_idle.get(agent_id)
            if group is not None and group in demand.groups:
                return group.idle[agent_id][2][demand.order]
        if strategy.surcharge is not None:
            return min(_with_surcharge(strategy.surcharge, demand, call))
        heads = demand.idle_groups.values()
        if strategy.weigh is not None:
            groups = list(demand.idle_groups)
            weight, head = min(
                zip(strategy.weigh(groups, list(heads), call, medium), heads, strict=True)
            )  # fmt: skip
            return (weight, *head)
        if strategy.fit is not None:
            fit, head = min(zip(map(demand.fits.__getitem__, demand.idle_groups), heads, strict=True))
            return (fit, *head)
        return min(heads)

    def key_of(
        self, demand: DemandClass, call: ProxyCall, group: AgentGroup, agent: Agent, load: int
    ) -> Turn:
        """The key of one agent in the order of a class's strategy, the only one there is to choose from."""
        strategy = demand.strategy
        head: Turn = (*strategy.rank(agent, load), agent.agent_id)
        if agent.agent_id == call.preferred_agent_id and _goes_back(strategy, call):
            return head
        if strategy.weigh is not None:
            return (strategy.weigh([group], [head], call, demand.medium)[0], *head)
        if strategy.surcharge is not None:
            return (strategy.surcharge(group.site_id, call, demand.medium) + head[0], *head)
        return head if strategy.fit is None else (demand.fits[group], *head)

    def first(self, group: AgentGroup) -> DemandClass | None:
        """The class whose head a freed agent of this group turns to."""
        best = self.earliest(group)
        if best is None or not best.is_balanced:
            return best
        return most_imbalanced(best, group.classes)

    def earliest(self, group: AgentGroup) -> DemandClass | None:
        """The class whose head stands before those of all others that this group may serve."""
        best: DemandClass | None = None
        head: Place | None = None
        for demand in group.classes:
            place = demand.head
            if place is not None and (head is None or place < head):
                best, head = demand, place
        return best

    def _medium(self, name: str) -> Medium:
        known = self._media.get(name)
        if known is None:
            known = self._media[name] = Medium(self.rates)
        return known


def _with_surcharge(surcharge: Surcharge, demand: DemandClass, call: ProxyCall) -> Iterator[Turn]:
    """The key of the first at each site: of one site's agents the order is that of their ranks."""
    firsts: dict[str, Turn] = {}
    for group, head in demand.idle_groups.items():
        site_id = group.site_id
        if site_id not in firsts or head < firsts[site_id]:
            firsts[site_id] = head
    for site_id, head in firsts.items():
        yield (surcharge(site_id, call, demand.medium) + head[0], *head)


def _goes_back(strategy: Strategy, call: ProxyCall) -> bool:
    """The contact's former agent is chosen before all others."""
    return strategy.prefers_last_agent or call.priority >= HEAD_PRIORITY


def _join(group: AgentGroup, demand: DemandClass) -> None:
    if group.medium is not demand.medium:
        return
    if group.qualification.may_serve(demand.demand):
        group.join(demand)
        demand.on_duty += group.on_duty
        demand.changed_hands()
        if demand.strategy.fit is not None:
            demand.fits[group] = demand.strategy.fit(group.qualification, demand.demand)
    elif group.qualification.could_serve(demand.demand):
        demand.prospects[group] = None
