"""The table of customers: loaded by COPY, counted, forgotten."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

import msgspec
import psycopg

from fsroute.errors import StoreError
from fsroute.store.database import Database
from fsroute.store.faults import translate
from fsroute.store.queries import queries

Row = tuple[int, str, str, Mapping[str, str]]
"""(line, key, value, facts)."""


@dataclass(frozen=True, slots=True)
class Count:
    """How many customers of a contact center are known by a key, and when the last of them was loaded."""

    contact_center_id: str
    key: str
    customers: int
    loaded_at: datetime


class CustomerTable:
    """The customers of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def load(self, contact_center: str, rows: Iterable[Row], *, replace: bool = False) -> tuple[int, int]:
        """Enter rows, all or none; those that are there already are brought to what is new.

        With `replace` the contact center's others are forgotten. Returns how many keys were entered, and how many
        forgotten. What iterating `rows` raises ends the load, too.

        Raises:
            StoreError: the database refused, as where there is no such contact center.
        """
        named = queries()
        connection = self._database.connect("customers")
        try:
            with connection.transaction(), connection.cursor() as cursor:
                cursor.execute(
                    named["limit_statement"].text, {"milliseconds": "0"}
                )  # none: a list may be long
                cursor.execute(named["customers_incoming"].text)
                with cursor.copy(named["customers_copy"].text) as copy:
                    for line, key, value, facts in rows:
                        copy.write_row((line, key, value, msgspec.json.encode(dict(facts)).decode()))
                center = {"contact_center": contact_center}
                row = cursor.execute(named["customers_take"].text, center).fetchone()
                gone = (
                    cursor.execute(named["customers_forget_others"].text, center).rowcount if replace else 0
                )
        except psycopg.Error as error:
            raise translate(error, "customers") from error
        finally:
            connection.close()
        if row is None:
            raise StoreError("customers: nothing was counted")
        return int(row["count"]), gone

    def facts(self, contact_center: str, key: str, value: str) -> Mapping[str, str] | None:
        """What is known of a customer, None if there is none."""
        found = self._database.value("customer_facts", contact_center=contact_center, key=key, value=value)
        return found if isinstance(found, Mapping) else None

    def forget(self, contact_center: str, key: str, value: str) -> bool:
        """Delete what one key leads to; whether there was something."""
        return (
            self._database.execute("customers_forget", contact_center=contact_center, key=key, value=value)
            > 0
        )

    def counts(self) -> list[Count]:
        return [Count(**row) for row in self._database.run("customers_count")]
