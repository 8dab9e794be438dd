"""Callers who want to be forgotten: what is theirs goes, and the ledger stays whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fsroute.store.database import Database


@dataclass(frozen=True, slots=True)
class CallersContact:
    """A contact of the caller's. `live`: it has not ended; `waits`: nobody is on the line, to be called back."""

    contact_id: str
    channel_uuid: str
    live: bool
    waits: bool
    caller_name: str


@dataclass(frozen=True, slots=True)
class Recording:
    """A voice message that is to be deleted on the host of its switch."""

    switch_id: str
    path: str


class Erasure:
    """What a request for erasure does in one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def numbers(self, number: str, tail: str, contact_center: str | None) -> list[str]:
        """Texts where numbers of callers stand that are `number`, or end in `tail`."""
        rows = self._database.run(
            "caller_numbers", number=number, tail=tail, contact_center_id=contact_center
        )
        return [row["number"] for row in rows]

    def contacts(self, numbers: Sequence[str], contact_center: str | None) -> list[CallersContact]:
        rows = self._database.run("caller_contacts", numbers=list(numbers), contact_center_id=contact_center)
        return [CallersContact(**row) for row in rows]

    def erase(
        self, numbers: Sequence[str], contact_center: str | None, by: str, request: str
    ) -> dict[str, int]:
        """Everything by these numbers but what is live; how much there was, by what it is."""
        found: dict[str, Any] = self._database.value(
            "erase_caller", numbers=list(numbers), contact_center_id=contact_center, by=by, request=request
        )
        return {str(name): int(count) for name, count in found.items()}

    def recordings(self) -> list[Recording]:
        """Those of erased callers that are still to be deleted, at any switch."""
        return [Recording(**row) for row in self._database.run("erased_recordings")]

    def is_deleted(self, recording: Recording) -> None:
        self._database.execute("forget_erased_recording", switch_id=recording.switch_id, path=recording.path)
