"""From mod_callcenter's queues, agents and tiers to fsroute's rows, with a remark on all that is not the same. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from fsroute.importing.callcenter import Agent, Queue, SetUp, Tier
from fsroute.importing.names import Names, parted, slug
from fsroute.importing.people import LEGS, declared, dialled, miss_then, set_aside
from fsroute.importing.plan import AgentRow, NumberRow, Plan, QueueRow
from fsroute.importing.queues import (
    announcements,
    music,
    offer_timeout,
    refuse_when,
    tell_without_counterpart,
)
from fsroute.importing.remarks import ImportRefused, Place, Remark, shown
from fsroute.importing.tiers import Ladder, ladder, remarks_of_rules, strategy


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the operator says: where the agents sit, whose calls these are, and which numbers lead to which queue."""

    site: str = "local"
    switch: str = "switch-1"
    link_address: str = "127.0.0.1:5090"
    time_zone: str = "UTC"
    contact_center: str | None = None  # None: by the domains of the queues
    numbers: Mapping[str, str] = field(default_factory=dict)  # number to queue, as in the file
    application: str | None = None  # that answers them; None: named like the queue
    sound_prefix: str = ""  # of announcements


def plan(set_up: SetUp, wishes: Wishes) -> tuple[Plan, list[Remark]]:
    """The rows, and what has no counterpart.

    Raises:
        ImportRefused: a number leads to a queue that there is not.
    """
    return _Mapping(set_up, wishes).plan()


class _Mapping:
    def __init__(self, set_up: SetUp, wishes: Wishes) -> None:
        self._set_up = set_up
        self._wishes = wishes
        self._remarks: list[Remark] = []
        self._agent_ids = Names()
        self._skills = Names()
        self._queue_names: dict[str, Names] = defaultdict(Names)
        self._tiers: dict[str, list[Tier]] = defaultdict(list)
        for tier in set_up.tiers.values():
            if self._is_whole(tier):
                self._tiers[tier.queue].append(tier)
        self._ladders: dict[str, Ladder] = {
            name: ladder(queue, self._tiers[name], self._skill(name)) for name, queue in set_up.queues.items()
        }

    def plan(self) -> tuple[Plan, list[Remark]]:
        centers = {self._center(name): self._center_name(name) for name in self._set_up.queues}
        queues = tuple(self._queue(queue) for queue in self._set_up.queues.values())
        agents = tuple(row for each in self._set_up.agents.values() if (row := self._agent(each)) is not None)
        self._settings()
        whole_plan = Plan(
            slug(self._wishes.site),
            slug(self._wishes.switch),
            self._wishes.link_address,
            self._wishes.time_zone,
            tuple(centers.items()),
            queues,
            agents,
            tuple(self._numbers()),
        )
        return whole_plan, sorted(self._remarks)

    def _say(self, place: Place, text: str, do: str = "") -> None:
        self._remarks.append(Remark(place, text, do))

    # Names

    def _center(self, queue: str) -> str:
        return slug(self._wishes.contact_center or parted(queue)[1], "default")

    def _center_name(self, queue: str) -> str:
        return self._wishes.contact_center or parted(queue)[1] or "default"

    def _queue_name(self, queue: str) -> str:
        return self._queue_names[self._center(queue)].of(queue, slug(parted(queue)[0], "queue"))

    def _skill(self, queue: str) -> str:
        """Of its own for each queue, since a level means a place in that queue."""
        name = slug(parted(queue)[0], "queue")
        return self._skills.of(queue, name, slug(f"{name}-{self._center(queue)}"))

    def _agent_id(self, agent: str) -> str:
        return self._agent_ids.of(agent, slug(parted(agent)[0], "agent"), slug(agent, "agent"))

    # Tiers

    def _is_whole(self, tier: Tier) -> bool:
        queue, agent = shown(tier.queue), shown(tier.agent)
        if tier.queue not in self._set_up.queues:
            self._say(tier.place, f"tier of agent {agent}: there is no queue {queue}", "it is left out")
        elif tier.agent not in self._set_up.agents:
            text = f"tier of queue {queue}: there is no agent {agent}"
            self._say(
                tier.place, text, "give the list that callcenter_config agent list prints, if it has it"
            )
        else:
            return True
        return False

    # Queues

    def _queue(self, queue: Queue) -> QueueRow:
        tiers = self._tiers[queue.name]
        chosen, remarks = strategy(queue, tiers)
        self._remarks += remarks + remarks_of_rules(queue, tiers)
        tell_without_counterpart(queue, self._say)
        rungs = self._ladders[queue.name]
        longest = queue.whole("max-wait-time") or None
        heard = announcements(queue, longest, self._wishes.sound_prefix, self._say)
        steps = sorted([*rungs.steps, *heard], key=lambda step: step.after)
        return QueueRow(
            self._center(queue.name),
            self._queue_name(queue.name),
            chosen,
            music(queue, self._say),
            offer_timeout(queue, tiers, self._set_up, self._say),
            longest,
            refuse_when(queue, self._say),
            self._skill(queue.name),
            rungs.asked,
            tuple(steps),
        )

    # Agents

    def _agent(self, agent: Agent) -> AgentRow | None:
        name, kind = shown(agent.name), agent.text("type")
        if kind not in LEGS:
            self._say(agent.place, f"agent {name} has no type that mod_callcenter knows: left out")
            return None
        tiers = [tier for queue in self._tiers.values() for tier in queue if tier.agent == agent.name]
        return AgentRow(
            self._agent_id(agent.name),
            "".join(letter for letter in agent.name if letter.isprintable())[:100] or "agent",
            dialled(agent, self._say),
            LEGS[kind],
            declared(agent, self._say),
            agent.whole("wrap-up-time"),
            set_aside(agent, self._say),
            agent.whole("max-no-answer") or None,
            miss_then(agent, (self._set_up.queues[tier.queue] for tier in tiers), self._say),
            tuple(
                sorted((self._skill(tier.queue), self._level(tier)) for tier in tiers),
            ),
            tuple(sorted({self._center(tier.queue) for tier in tiers})),
        )

    def _level(self, tier: Tier) -> int:
        return dict(self._ladders[tier.queue].levels)[tier.agent]

    # What is called, and what is set

    def _numbers(self) -> Iterable[NumberRow]:
        for number, queue in self._wishes.numbers.items():
            if queue not in self._set_up.queues:
                raise ImportRefused(
                    f"--number {shown(number)}={shown(queue)}: there is no queue {shown(queue)}"
                )
            name = self._queue_name(queue)
            yield NumberRow(number, self._center(queue), name, self._wishes.application or name)

    def _settings(self) -> None:
        for key in ("odbc-dsn", "dbname"):
            if key in self._set_up.settings:
                place = self._set_up.settings[key].place
                text = f"{key}: agents and tiers added later are in mod_callcenter's database alone"
                self._say(
                    place,
                    text,
                    "give --agent-list and --tier-list as callcenter_config prints them",
                )
