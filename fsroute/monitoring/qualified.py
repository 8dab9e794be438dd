"""What an agent may serve, as the ledger tells it from time to time: pure.

The database logs a ``qualified`` event when a change of an agent's skills, authorizations, slots, site or team
commits. What happened before an agent's first such event is judged by that event, and without any by the agent's
row.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from fsroute.model.agent import ONE_AT_A_TIME, Agent, Authorization, MediumSlots
from fsroute.model.contact import Demand
from fsroute.monitoring.events import Event

QUALIFIED = "qualified"
ALWAYS = datetime(1970, 1, 1, tzinfo=UTC)

Window = tuple[float, float]
"""A period, in seconds since the epoch."""


@dataclass(frozen=True, slots=True)
class Qualification:
    """What makes agents interchangeable for the audit. `slots` are (medium, slots of it), where they are not one."""

    skills: frozenset[tuple[str, int]]
    authorizations: frozenset[Authorization]
    slots: frozenset[tuple[str, MediumSlots]] = frozenset()
    site_id: str = ""
    team: str | None = None
    standing: bool = False  # only with a standing leg is there anybody to serve

    @classmethod
    def of(cls, agent: Agent) -> Qualification:
        return cls(
            frozenset(agent.skills.items()),
            frozenset(agent.authorizations),
            frozenset(agent.media.items()),
            agent.site_id,
            agent.team,
            agent.leg == "standing",
        )

    @classmethod
    def load(cls, data: Mapping[str, Any]) -> Qualification:
        """As a ``qualified`` event carries it; an agent who was removed may serve nothing."""
        return cls(
            frozenset((str(skill), int(level)) for skill, level in data.get("skills", {}).items()),
            frozenset(_authorization(*each) for each in data.get("authorizations", ())),
            frozenset(
                (str(medium), MediumSlots(int(slots), int(weight)))
                for medium, (slots, weight) in data.get("media", {}).items()
            ),
            str(data.get("site_id", "")),
            data.get("team"),
            data.get("leg") == "standing",
        )

    @property
    def media(self) -> set[str]:
        return {each.medium for each in self.authorizations}

    def slots_of(self, medium: str) -> MediumSlots:
        return dict(self.slots).get(medium, ONE_AT_A_TIME)

    def is_trained(self, demand: Demand) -> bool:
        """Has the skills at their levels, and is of a site and a team that are asked for."""
        levels = dict(self.skills)
        return (
            all(levels.get(skill, -1) >= level for skill, level in demand.skills)
            and (not demand.sites or self.site_id in demand.sites)
            and (not demand.teams or self.team in demand.teams)
        )

    def windows(self, demand: Demand) -> list[Window]:
        """When the agent is authorized for a demand's contact center and medium."""
        return [
            _window(each)
            for each in self.authorizations
            if (each.contact_center_id, each.medium) == (demand.contact_center_id, demand.medium)
        ]

    def is_authorized(self, demand: Demand, at: float) -> bool:
        return any(begin <= at < end for begin, end in self.windows(demand))


def at_first(agents: Mapping[str, Agent], first: Iterable[Event]) -> dict[str, Qualification]:
    """Agent to qualification at the first event to be read; `first` has one ``qualified`` event for each."""
    by_rows = {agent_id: Qualification.of(agent) for agent_id, agent in agents.items()}
    return by_rows | {event.agent_id or "": Qualification.load(event.data) for event in first}


def _authorization(center: str, medium: str, begin: float | None, end: float | None) -> Authorization:
    until = None if end is None else datetime.fromtimestamp(float(end), UTC)
    since = ALWAYS if begin is None else datetime.fromtimestamp(float(begin), UTC)
    return Authorization(center, medium, since, until)


def _window(authorization: Authorization) -> Window:
    until = authorization.valid_until
    return authorization.valid_from.timestamp(), float("inf") if until is None else until.timestamp()
