"""Who there is: contact centers, sites, switches, queues, numbers and agents, as operators enter them by command.

Each `add` may be said again: what is there already stays, what is given anew replaces it.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from fsroute.errors import FsrouteError
from fsroute.store.database import Database, Row, Statements


class Unknown(FsrouteError):
    """What something is to belong to is not there; the text says how to add it."""


class Done(enum.StrEnum):
    """What an `add` has done."""

    ADDED = "added"
    CHANGED = "changed"
    UNCHANGED = "unchanged"


HOW_TO_ADD = {
    "contact center": "fsroute center add {name}",
    "site": "fsroute site add {name}",
    "switch": "fsroute switch add {name} --site SITE --link-address HOST:PORT",
    "agent": "fsroute agent add {name} --switch SWITCH --address ADDRESS",
}


@dataclass(frozen=True, slots=True)
class NewQueue:
    """What is known of a queue; None: as it is, or the table's default."""

    contact_center_id: str
    queue: str
    priority: int | None = None
    strategy: str | None = None
    hold_music: str | None = None
    longest_wait: float | None = None  # seconds
    refuse_when: str | None = None
    extension: str | None = None


@dataclass(frozen=True, slots=True)
class NewAgent:
    """What is known of an agent; None: as it is, or the table's default. The site is the switch's."""

    agent_id: str
    switch_id: str | None = None
    address: str | None = None
    name: str | None = None
    extension: str | None = None
    team: str | None = None
    wrap_up: float | None = None  # seconds
    set_aside: float | None = None  # seconds
    accept_key: str | None = None
    leg: str | None = None
    own_phone: bool | None = None
    hot_desk: bool | None = None


@dataclass(frozen=True, slots=True)
class Qualified:
    """Skills with levels and contact centers that an agent gets, and those that are taken away."""

    skills: Mapping[str, int]
    without_skills: tuple[str, ...] = ()
    serves: tuple[str, ...] = ()
    serves_no_more: tuple[str, ...] = ()
    medium: str = "voice"


class Registry:
    """The rows of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add_center(self, contact_center_id: str, name: str | None, time_zone: str | None) -> Done:
        return _done(
            self._database.one(
                "add_contact_center", contact_center_id=contact_center_id, name=name, time_zone=time_zone
            )
        )

    def add_site(self, site_id: str, name: str | None, capacity: int | None) -> Done:
        return _done(self._database.one("add_site", site_id=site_id, name=name, capacity=capacity))

    def add_switch(self, switch_id: str, site_id: str, link_address: str) -> Done:
        """Raises Unknown: there is no such site."""
        with self._checked({"site": (site_id,)}) as transaction:
            return _done(
                transaction.one("add_switch", switch_id=switch_id, site_id=site_id, link_address=link_address)
            )

    def add_queue(self, queue: NewQueue, skills: Mapping[str, int], without: tuple[str, ...]) -> Done:
        """Raises Unknown: there is no such contact center."""
        with self._checked({"contact center": (queue.contact_center_id,)}) as transaction:
            done = _done(transaction.one("add_queue", **asdict(queue)))
            key = {"contact_center_id": queue.contact_center_id, "queue": queue.queue}
            touched = sum(
                transaction.execute("add_queue_skill", **key, skill=skill, level=level)
                for skill, level in skills.items()
            )
            touched += sum(transaction.execute("drop_queue_skill", **key, skill=skill) for skill in without)
            return Done.CHANGED if touched and done is Done.UNCHANGED else done

    def add_number(self, number: str, contact_center_id: str, application: str) -> Done:
        """Raises Unknown: there is no such contact center."""
        with self._checked({"contact center": (contact_center_id,)}) as transaction:
            return _done(
                transaction.one(
                    "add_number", number=number, contact_center_id=contact_center_id, application=application
                )
            )

    def drop_number(self, number: str) -> bool:
        """True: it was there."""
        return self._database.execute("drop_number", number=number) > 0

    def add_agent(self, agent: NewAgent, qualified: Qualified) -> Done:
        """All of it, or nothing.

        Raises:
            Unknown: there is no such switch or contact center, or it is not said where a new agent is.
        """
        with self._checked({"contact center": (*qualified.serves, *qualified.serves_no_more)}) as transaction:
            place = _place(transaction, agent)
            done = _done(transaction.one("add_agent", **(asdict(agent) | place)))
            touched = _qualify(transaction, agent.agent_id, qualified)
            return Done.CHANGED if touched and done is Done.UNCHANGED else done

    def sites(self) -> list[Row]:
        return self._database.run("list_sites")

    def numbers(self) -> list[Row]:
        return self._database.run("list_numbers")

    def queues(self) -> list[Row]:
        return self._database.run("list_queues")

    @contextmanager
    def _checked(self, needed: Mapping[str, tuple[str, ...]]) -> Iterator[Statements]:
        """A transaction in which what is needed is there."""
        with self._database.transaction() as transaction:
            for what, names in needed.items():
                for name in names:
                    _require(transaction, what, name)
            yield transaction


def _require(transaction: Statements, what: str, name: str) -> None:
    if not transaction.value("is_there", what=what, name=name):
        how = HOW_TO_ADD[what].format(name=name)
        raise Unknown(f"there is no {what} {name}; to add it: {how}")


def _place(transaction: Statements, agent: NewAgent) -> dict[str, Any]:
    """Switch, its site, and address: those given, else those that the agent has."""
    known = transaction.one("agent_place", agent_id=agent.agent_id) or {}
    switch_id = agent.switch_id or known.get("switch_id")
    address = agent.address or known.get("address")
    if switch_id is None or address is None:
        raise Unknown(f"there is no agent {agent.agent_id}: a new one needs --switch and --address")
    _require(transaction, "switch", switch_id)
    site_id = transaction.value("site_of_switch", switch_id=switch_id)
    return {"switch_id": switch_id, "site_id": site_id, "address": address}


def _qualify(transaction: Statements, agent_id: str, qualified: Qualified) -> int:
    """How many rows were touched."""
    touched = 0
    for skill, level in qualified.skills.items():
        touched += transaction.execute("add_agent_skill", agent_id=agent_id, skill=skill, level=level)
    for skill in qualified.without_skills:
        touched += transaction.execute("drop_agent_skill", agent_id=agent_id, skill=skill)
    for statement, centers in (
        ("authorize_agent", qualified.serves),
        ("revoke_agent", qualified.serves_no_more),
    ):
        for center in centers:
            touched += transaction.execute(
                statement, agent_id=agent_id, contact_center_id=center, medium=qualified.medium
            )
    return touched


def _done(row: Row | None) -> Done:
    return Done.UNCHANGED if row is None else Done.ADDED if row["is_new"] else Done.CHANGED
