"""Which version of a remote center's application serves at which switch, as the status shows it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from fsroute.store.database import Database

TOPIC = "applications"
"""The topic of what was published; the key is the application's name."""


@dataclass(frozen=True, slots=True)
class ApplicationVersion:
    """One row; without a name it tells of the source itself, without a version nothing serves."""

    switch_id: str
    source: str
    name: str
    contact_center_id: str
    state: str
    message: str
    version: str | None
    sequence: int | None
    sha256: str | None
    fetched_at: datetime | None
    checked_at: datetime | None
    expires_at: datetime | None


class ApplicationVersions:
    """The rows of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def report(
        self,
        switch_id: str,
        source: str,
        name: str,
        contact_center_id: str,
        state: str,
        message: str,
        *,
        version: str | None = None,
        sequence: int | None = None,
        sha256: str | None = None,
        fetched_at: float | None = None,
        checked_at: float | None = None,
        expires_at: float | None = None,
    ) -> None:
        """Write how an application is at a switch; times in seconds since the epoch."""
        self._database.execute(
            "report_application",
            switch_id=switch_id,
            source=source,
            name=name,
            contact_center_id=contact_center_id,
            state=state,
            message=message[:1000].replace("\0", " "),
            version=version,
            sequence=sequence,
            sha256=sha256,
            fetched_at=fetched_at,
            checked_at=checked_at,
            expires_at=expires_at,
        )

    def forget(self, switch_id: str, sources: Iterable[str]) -> None:
        """Of a switch, keep only what these sources give."""
        self._database.execute("forget_applications", switch_id=switch_id, sources=list(sources))

    def forget_one(self, switch_id: str, source: str, name: str) -> None:
        """Of a source, an application that it gives no more."""
        self._database.execute("forget_application", switch_id=switch_id, source=source, name=name)

    def all(self) -> list[ApplicationVersion]:
        return [ApplicationVersion(**row) for row in self._database.run("application_versions")]
