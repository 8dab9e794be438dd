"""Admission limits in SQL: those of contact centers, the shares of the processes, and what was refused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg.types.json import Jsonb

from fsroute.model.admission import Dealt, Limit, Share, Treatment, Use, Why
from fsroute.store.database import Database

TOPIC = "admission"
"""The topic of limits that changed; SQL publishes it."""


@dataclass(frozen=True, slots=True)
class CenterLimit:
    """The limit of a contact center, and the numbers that it is called by."""

    contact_center_id: str
    limit: Limit
    numbers: tuple[str, ...]


class Admissions:
    """The limits of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def limits(self) -> list[CenterLimit]:
        """Of each contact center that has one."""
        return [
            CenterLimit(
                row["contact_center_id"],
                Limit(
                    row["calls"],
                    row["per_second"],
                    Treatment(row["treatment"], row["cause"], row["number"], row["prompt"]),
                ),
                tuple(row["numbers"]),
            )
            for row in self._database.run("admission_limits")
        ]

    def share(self, process: str, switch_id: str, uses: Sequence[Use], lifetime: float) -> list[Dealt]:
        """Tell what a process has of each limit; returns what it may have, for `lifetime` seconds."""
        used = [
            {
                "scope": use.scope,
                "calls": use.limit.calls,
                "per_second": use.limit.per_second,
                "present": use.present,
                "demand": round(
                    use.demand, 6
                ),  # it fades, and what is all but nothing is an underflow to PostgreSQL
                "held": use.held.calls,
                "held_rate": use.held.per_second,
            }
            for use in uses
        ]
        rows = self._database.run(
            "share_admission", process=process, switch_id=switch_id, used=Jsonb(used), lifetime=lifetime
        )
        return [
            Dealt(row["scope"], Share(row["granted"], row["rate"]), Share(row["due"], row["due_rate"]))
            for row in rows
        ]

    def give_back(self, process: str) -> None:
        """The process ends: others may have what it had."""
        self._database.execute("give_admission_back", process=process)

    def refused(self, switch_id: str, counts: Iterable[tuple[tuple[str, str, Why, str], int]]) -> None:
        """Write down how many calls to each number were refused, whose limit it was, and why."""
        refused = [
            {"number_called": number, "scope": scope, "reason": str(why), "treatment": do, "calls": calls}
            for (number, scope, why, do), calls in counts
        ]
        self._database.execute("note_refusals", switch_id=switch_id, refused=Jsonb(refused))

    # For operators -----------------------------------------------------------------------------------------

    def status(self) -> list[Mapping[str, Any]]:
        return list(self._database.run("status_admission"))

    def set_limit(self, contact_center_id: str, limit: Limit) -> None:
        """Raises StoreConflict where there is no such contact center."""
        treatment = limit.treatment
        self._database.execute(
            "set_admission_limit",
            contact_center_id=contact_center_id,
            calls=limit.calls,
            per_second=limit.per_second,
            treatment=treatment.do,
            cause=treatment.cause,
            number=treatment.number,
            prompt=treatment.prompt,
        )

    def lift_limit(self, contact_center_id: str) -> None:
        self._database.execute("lift_admission_limit", contact_center_id=contact_center_id)
