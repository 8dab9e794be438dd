"""Files of rules, tried in a database of their own: what they would be, checked as ``fsroute rules check`` does."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fsroute.errors import FsrouteError
from fsroute.routing.faults import Fault

if TYPE_CHECKING:
    from fsroute.config import Config
    from fsroute.model.agent import Agent
    from fsroute.routing.rules import RuleSet
    from fsroute.store.database import Database
    from fsroute.store.loading import Loaded
    from fsroute.store.scratch import Contents


class FaultyRules(FsrouteError):
    """A file of rules could not be loaded; `faults` are all that is wrong with it."""

    def __init__(self, source: str, faults: Sequence[Fault]) -> None:
        super().__init__("\n".join(f"{source}: {fault}" for fault in faults))
        self.faults = tuple(faults)


@dataclass(frozen=True, slots=True)
class Live:
    """What a live database holds: the rules in force, in words where they are from, and the rest."""

    rules: RuleSet
    source: str
    contents: Contents


def is_configured(config: Config, config_path: Path | None) -> bool:
    """There is a database of fsroute's: a configuration names it, or the embedded one has been made."""
    if not config.database.embedded or config_path is not None:
        return True
    return (config.state_path / "postgres" / "data").is_dir()


def live(config: Config) -> Live:
    """Read the rules in force and what they refer to, through a connection that cannot write.

    Raises:
        StoreError: the database cannot be read.
        RulesError: this program cannot read the version in force.
    """
    from fsroute.cli.store import connection_string
    from fsroute.routing.document import rule_set
    from fsroute.store.database import Database
    from fsroute.store.rules import Rules
    from fsroute.store.scratch import contents, read_only

    with (
        connection_string(config) as conninfo,
        Database(read_only(conninfo), min_size=1, max_size=1, application_name="fsroute command") as database,
    ):
        known = contents(database)
        if known.version is not None:
            version, document = known.version
            return Live(rule_set(document, version), f"version {version} of the database", known)
        rules = rule_set(Rules(database).queues(), None, lenient=True)
        return Live(rules, "the rows of the database's queues (no version)", known)


Try = Callable[[Path], tuple["Loaded", "Sequence[Agent]"]]
"""Checks a file of rules: what came of it, and the agents before it ran."""


@contextmanager
def trying(config: Config, contents: Contents) -> Iterator[Try]:
    """A function that tries files upon what there is; each sees nothing of the others.

    The function raises FaultyRules, FileRefused or StoreError where the file cannot be loaded.
    """
    from fsroute.store.scratch import scratch_database

    with scratch_database() as database:
        yield trying_in(database, config, contents)


def trying_in(database: Database, config: Config, contents: Contents) -> Try:
    """The same in an empty database that is there for it."""
    from fsroute import config as configuration
    from fsroute.cli.rules import loader
    from fsroute.store.scratch import fill

    fill(database, contents)
    each = loader(config, database)

    def check(path: Path) -> tuple[Loaded, Sequence[Agent]]:
        loaded = each.check(configuration.read(path), path.name)
        if loaded.is_refused:
            raise FaultyRules(path.name, loaded.faults)
        return loaded, each.house(database).agents

    return check
