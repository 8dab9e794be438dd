"""SQL scripts as a whole: samples and what operators write."""

from __future__ import annotations

from typing import Any

import psycopg

from fsroute.store.database import Database
from fsroute.store.faults import translate


def run_script(database: Database, text: str, name: str) -> None:
    """Perform a script in one transaction; `name` stands in errors.

    Raises:
        StoreError: the database refused a statement; nothing of the script was done.
    """
    rows_of(database, text, name)


def rows_of(database: Database, text: str, name: str) -> list[tuple[Any, ...]]:
    """The same; the rows of its last statement, none where that has none."""
    connection = database.connect("script")
    try:
        with connection.transaction():
            cursor = connection.execute(text.encode())
            while cursor.nextset():
                pass
            return [tuple(row.values()) for row in cursor] if cursor.description else []
    except psycopg.Error as error:
        raise translate(error, name) from error
    finally:
        connection.close()
