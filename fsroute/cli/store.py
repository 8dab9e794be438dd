"""The database as commands use it: opened for one command, closed after it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fsroute.config import Config
    from fsroute.store.store import Store


@contextmanager
def connection_string(config: Config) -> Iterator[str]:
    """The configured database's; fsroute's own is started for the block unless it runs already."""
    if not config.database.embedded:
        yield config.database.url.reveal()
        return
    from fsroute.store.embedded import EmbeddedPostgres

    server = EmbeddedPostgres(config.state_path / "postgres")
    try:
        yield server.start()
    finally:
        server.stop(only_started=True)


@contextmanager
def opened(config: Config) -> Iterator[Store]:
    """A store whose signals reach the processes that serve; they are sent before the block's end."""
    from fsroute.store.database import Database
    from fsroute.store.signals import Signals
    from fsroute.store.store import Store

    with (
        connection_string(config) as conninfo,
        Database(conninfo, min_size=1, max_size=2, application_name="fsroute command") as database,
    ):
        signals = Signals(database)
        signals.start()
        try:
            yield Store(database, signals)
        finally:
            signals.stop()
