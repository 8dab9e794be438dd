"""SQL scripts as a whole: samples and what operators write."""

from __future__ import annotations

import psycopg

from fsroute.store.database import Database
from fsroute.store.faults import translate


def run_script(database: Database, text: str, name: str) -> None:
    """Perform a script in one transaction; `name` stands in errors.

    Raises:
        StoreError: the database refused a statement; nothing of the script was done.
    """
    connection = database.connect("script")
    try:
        with connection.transaction():
            connection.execute(text.encode())
    except psycopg.Error as error:
        raise translate(error, name) from error
    finally:
        connection.close()
