"""What a test run may ask for: databases, rules, a site with a stand-in switch, callers, replays.

Each ``do_NAME`` answers one request (`fsroute.testing.station`); its arguments and its answer are JSON's values. What
was made for one test goes by the connection string of its database.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from fsroute import config
from fsroute.cli import explanation
from fsroute.cli.explaining import Question, answer
from fsroute.cli.rules import loader
from fsroute.config import Config
from fsroute.errors import FsrouteError
from fsroute.store.database import Database
from fsroute.store.scratch import Copies, scratch_server
from fsroute.store.script import rows_of, run_script
from fsroute.store.signals import Signals
from fsroute.store.store import Store
from fsroute.testing.replays import Replays
from fsroute.testing.site import Site


class House:
    """All that was made for a test run, and is gone after it."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._copies: Copies | None = None
        self._databases: dict[str, Database] = {}
        self._sites: dict[str, Site] = {}
        self._replays: dict[tuple[object, ...], Replays] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for conninfo in list(self._databases):
            self.do_drop_database(conninfo)
        self._stack.close()

    # Databases

    def do_new_database(self, files: Sequence[str] = ()) -> str:
        """A fresh, migrated database in which these files of SQL were performed; its connection string."""
        if self._copies is None:
            self._copies = Copies(self._stack.enter_context(scratch_server()))
        conninfo = self._copies.new()
        database = Database(conninfo, min_size=1, max_size=4, application_name="fsroute tests")
        database.open()
        self._databases[conninfo] = database
        for file in files:
            run_script(database, config.read(Path(file)), file)
        return conninfo

    def do_drop_database(self, database: str) -> None:
        """The test is over."""
        self.do_close_site(database)
        known = self._databases.pop(database, None)
        if known is not None and self._copies is not None:
            known.close()
            self._copies.drop(database)

    def do_query(self, database: str, text: str) -> list[tuple[Any, ...]]:
        """Perform SQL; the rows of its last statement."""
        return rows_of(self._databases[database], text, "the test's SQL")

    # Rules

    def do_load_rules(self, database: str, path: str, applications: Sequence[str]) -> list[str]:
        """Load a file of rules; returns the warnings."""
        opened = self._databases[database]
        loaded = loader(_config(applications), opened).load(config.read(Path(path)), path, "the test")
        if loaded.is_refused:
            raise FsrouteError("\n".join(f"{path}: {fault}" for fault in loaded.faults))
        return [str(fault) for fault in loaded.faults]

    def do_route(
        self, database: str, applications: Sequence[str], question: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        """What would become of a contact, as ``fsroute rules explain --json`` says it, and as it says it in words."""
        opened = self._databases[database]
        found = answer(
            Store(opened, Signals(opened)),
            loader(_config(applications), opened),
            Question(**question),
            datetime.now(UTC),
        )
        return {**explanation.document(found), "words": "\n".join(explanation.lines(found))}

    # A site

    def do_open_site(self, database: str, name: str, applications: Sequence[str], capture: str = "") -> None:
        """Start a call server and all else of one site, beside a stand-in switch; `capture` is where calls are kept."""
        if database not in self._sites:
            opened = self._databases[database]
            self._sites[database] = Site.open(name, opened, _config(applications), capture)

    def do_close_site(self, database: str) -> None:
        site = self._sites.pop(database, None)
        if site is not None:
            site.close()

    def do_at_site(self, database: str, what: str, values: Mapping[str, Any]) -> Any:
        """Something that the site or a caller of it does: a method of `Site`."""
        doing = getattr(self._sites[database], f"do_{what}")
        return doing(**values)

    # Replays

    def do_replay(
        self, path: str, rules: str, applications: Sequence[str], journal: str, update: bool
    ) -> Mapping[str, Any]:
        """Run a capture through the fsroute of today; `rules` and `journal` may be empty."""
        key = (rules, tuple(applications), journal)
        if key not in self._replays:
            self._replays[key] = Replays(self, rules, _config(applications), journal)
        return self._replays[key].replay(Path(path), update)

    def new_database(self) -> Database:
        """One that is there until the end."""
        return self._databases[self.do_new_database()]


def _config(applications: Sequence[str]) -> Config:
    return Config(applications=tuple(applications))
