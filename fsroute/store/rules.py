"""The rules in SQL: the tables that operators write, the versions that count, and who is closed by command."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from fsroute.errors import FsrouteError
from fsroute.store.database import Database, Statements

Document = Mapping[str, Any]


class UnknownContactCenter(FsrouteError):
    """There is no contact center by this name."""


class UnknownVersion(FsrouteError):
    """There is no version of the rules by this number."""


@dataclass(frozen=True, slots=True)
class Version:
    """One version as a list shows it."""

    version: int
    loaded_at: datetime
    loaded_by: str
    source: str
    digest: str
    rules: int
    queues: int


@dataclass(frozen=True, slots=True)
class ContactCenter:
    """A contact center as a list shows it; `closing` is how it is closed by command."""

    contact_center_id: str
    name: str
    time_zone: str
    closed_at: datetime | None
    closing: Mapping[str, Any] | None


class Rules:
    """The rules of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # What counts

    def newest(self) -> int | None:
        """The version in force; None: there is none yet."""
        value = self._database.value("rules_newest")
        return None if value is None else int(value)

    def document(self, version: int) -> Document:
        """The snapshot of a version.

        Raises:
            UnknownVersion: there is none.
        """
        row = self._database.one("rules_version", version=version)
        if row is None:
            raise UnknownVersion(f"there is no version {version} of the rules")
        return _document(row["document"])

    def queues(self) -> Document:
        """The rows of the queues alone: the rules where there is no version."""
        return _document(self._database.value("rules_queues"))

    def tables(self) -> Document:
        """The rule tables as they stand, loaded or not."""
        return _document(self._database.value("rules_document"))

    def versions(self) -> list[Version]:
        return [Version(**row) for row in self._database.run("rules_versions")]

    def contacts_of_versions(self) -> dict[int, int]:
        """How many contacts each version has routed."""
        rows = self._database.run("rules_contacts_of_versions")
        return {int(row["version"]): int(row["contacts"]) for row in rows}

    def rates(self) -> dict[tuple[str, str], float]:
        """What a network leg costs per minute, by the caller's site and the agent's."""
        rows = self._database.run("rules_network_rates")
        return {(row["from_site_id"], row["to_site_id"]): row["rate"] for row in rows}

    # Closed by command

    def contact_centers(self) -> list[ContactCenter]:
        return [ContactCenter(**row) for row in self._database.run("contact_centers")]

    def closed(self) -> dict[str, tuple[str, bool]]:
        """By contact center that is closed by command: the prompt, and whether who waits may stay."""
        rows = self._database.run("closed_contact_centers")
        return {row["contact_center_id"]: (row["prompt"], bool(row["keep_waiting"])) for row in rows}

    def close_center(self, contact_center_id: str, prompt: str, keep_waiting: bool, by: str) -> None:
        """Close a contact center at once; every running process hears it by the commit.

        Raises:
            UnknownContactCenter: there is none by this name.
        """
        self.require(contact_center_id)
        self._database.run(
            "close_contact_center",
            contact_center_id=contact_center_id,
            prompt=prompt,
            keep_waiting=keep_waiting,
            by=by,
        )

    def open_center(self, contact_center_id: str, by: str) -> None:
        """Open it again.

        Raises:
            UnknownContactCenter: there is none by this name.
        """
        self.require(contact_center_id)
        self._database.run("open_contact_center", contact_center_id=contact_center_id, by=by)

    def require(self, contact_center_id: str) -> None:
        """Raises UnknownContactCenter where there is none by this name."""
        known = [center.contact_center_id for center in self.contact_centers()]
        if contact_center_id not in known:
            raise UnknownContactCenter(
                f"there is no contact center {contact_center_id}, only {', '.join(known)}"
            )


def write(statements: Statements, document: Document, by: str, source: str) -> tuple[int, bool]:
    """Write the next version in an open transaction; returns it, and False if the newest holds the same."""
    row = statements.one("rules_write", document=Jsonb(dict(document)), by=by, source=source)
    assert row is not None
    return int(row["version"]), bool(row["is_new"])


def _document(value: Any) -> Document:
    return value if isinstance(value, Mapping) else {}
