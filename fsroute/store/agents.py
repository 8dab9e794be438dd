"""Agents and switches in SQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from fsroute.acd.standing import StandingAgent
from fsroute.errors import FsrouteError
from fsroute.model.agent import Agent, AgentStatus, Authorization, Held, MediumSlots
from fsroute.store.database import Statements

ALWAYS = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class SwitchRow:
    """A switch as the database holds it; `core_uuid` names the FreeSWITCH process last seen."""

    switch_id: str
    site_id: str
    link_address: str
    core_uuid: str | None
    seen_at: datetime | None


class Agents:
    """The agents and switches of one database."""

    def __init__(self, database: Statements) -> None:
        self._database = database

    def all(self) -> list[Agent]:
        return [from_row(row) for row in self._database.run("agents", agent_ids=None)]

    def some(self, agent_ids: Sequence[str]) -> list[Agent]:
        return [from_row(row) for row in self._database.run("agents", agent_ids=list(agent_ids))]

    def versions(self) -> dict[str, int]:
        """The version of each agent's row: what a reader of before has to read again."""
        return {row["agent_id"]: row["version"] for row in self._database.run("agent_versions")}

    def set_status(self, agent_id: str, status: AgentStatus, reason: str | None = None) -> None:
        """Declare an agent available, on break or logged out.

        Raises:
            UnknownAgent: there is no such agent.
        """
        self._database.one("set_agent_status", agent_id=agent_id, status=str(status), reason=reason)

    def standing(self, switch_id: str, agent_id: str | None = None) -> list[StandingAgent]:
        """Agents of a switch with a standing leg, all or the one: as their rows are."""
        rows = self._database.run("standing_agents", switch_id=switch_id, agent_id=agent_id)
        return [
            StandingAgent(
                row["agent_id"],
                row["address"],
                row["leg"],
                AgentStatus(row["status"]),
                row["standing_leg_uuid"],
            )
            for row in rows
        ]

    def standing_leg_up(self, agent_id: str, uuid: str) -> bool:
        """This channel is the agent's standing leg; False: the agent is to have none."""
        return bool(self._database.value("standing_leg_up", agent_id=agent_id, uuid=uuid))

    def standing_leg_lost(self, agent_id: str, uuid: str, reason: str) -> bool:
        """The channel is gone; False: it was the agent's standing leg no more."""
        return bool(self._database.value("standing_leg_lost", agent_id=agent_id, uuid=uuid, reason=reason))

    def announcement(self, contact_center_id: str) -> str:
        """What a contact center's agents hear before the join: a file or a tone; empty for nothing."""
        return self._database.value("agent_announcement", contact_center_id=contact_center_id) or ""

    def register_switch(self, site_id: str, switch_id: str, link_address: str | None) -> None:
        """Enter a site and a switch that are not known yet; `link_address` (``host:port``) replaces a known one."""
        self._database.execute(
            "register_switch", site_id=site_id, switch_id=switch_id, link_address=link_address
        )

    def see_switch(self, switch_id: str, core_uuid: str) -> None:
        """Note that a switch answers, and which FreeSWITCH process it is.

        Raises:
            FsrouteError: the database has no such switch.
        """
        if self._database.one("see_switch", switch_id=switch_id, core_uuid=core_uuid) is None:
            raise FsrouteError(f"switch {switch_id!r} is not in the database: add it to the table switch")

    def say_codecs(self, switch_id: str, codecs: str) -> None:
        """Note which codecs a switch's link profile offers."""
        self._database.execute("switch_codecs", switch_id=switch_id, codecs=codecs[:500])

    def switch_away(self, switch_id: str, reason: str) -> bool:
        """The switch does not answer: none of its agents is offered anything until it is back. Whether it is news."""
        return bool(self._database.value("switch_away", switch_id=switch_id, reason=reason))

    def unattended_switches(self) -> list[str]:
        """Those with agents whose acd has not renewed its lease; away by what is known are left out."""
        return [row["switch_id"] for row in self._database.run("switches_unattended")]

    def switch_back(self, switch_id: str) -> bool:
        """It answers again, and so do its agents. Whether it had been away."""
        return bool(self._database.value("switch_back", switch_id=switch_id))

    def switches(self) -> dict[str, SwitchRow]:
        return {row["switch_id"]: SwitchRow(**row) for row in self._database.run("switches")}


def from_json(row: Mapping[str, Any]) -> Agent:
    """The same view's row, as the database makes JSON of it."""
    return from_row({**row, **{name: _moment(row[name]) for name in _MOMENTS}})


_MOMENTS = ("available_from", "idle_since", "last_reserved_at")


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def from_row(row: Mapping[str, Any]) -> Agent:
    """A row of the view ``agent_detail`` as a value."""
    return Agent(
        agent_id=row["agent_id"],
        name=row["name"],
        site_id=row["site_id"],
        switch_id=row["switch_id"],
        address=row["address"],
        skills={str(skill): int(level) for skill, level in row["skills"].items()},
        authorizations=tuple(_authorization(*entry) for entry in row["authorizations"]),
        status=AgentStatus(row["status"]),
        available_from=row["available_from"],
        idle_since=row["idle_since"],
        reservations=tuple(Held(*held) for held in row["reservations"]),
        wrap_up=row["wrap_up"],
        accept_key=row["accept_key"],
        team=row["team"],
        media={str(medium): MediumSlots(*slots) for medium, slots in row["media"].items()},
        contacts_served=row["contacts_served"],
        last_reserved_at=row["last_reserved_at"],
        rate=row["rate"],
        leg=row["leg"],
        standing_leg_uuid=row["standing_leg_uuid"],
        version=row["version"],
    )


def _authorization(center: str, medium: str, begin: float | None, end: float | None) -> Authorization:
    until = None if end is None else datetime.fromtimestamp(float(end), UTC)
    return Authorization(
        center, medium, ALWAYS if begin is None else datetime.fromtimestamp(float(begin), UTC), until
    )
