"""A database of its own for one purpose, thrown away after it: nothing that is tried in it is anybody's."""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.sql import Identifier
from psycopg.types.json import Jsonb

from fsroute.errors import StoreError
from fsroute.model.agent import Agent
from fsroute.store.agents import ALWAYS, Agents
from fsroute.store.database import Database, Statements
from fsroute.store.embedded import EmbeddedPostgres
from fsroute.store.faults import translate
from fsroute.store.migrate import migrate
from fsroute.store.queries import queries

ROOM = 1_000_000_000  # bytes that must be free in memory for a server to lie there
SETTINGS = {
    "autovacuum": "off"
}  # its workers belong to the superuser: a database they look at cannot be dropped


@contextmanager
def scratch_server() -> Iterator[str]:
    """The connection string of a PostgreSQL that is there for the block; its data survives nothing.

    Raises:
        StoreError: it cannot be started.
    """
    folder = new_folder()
    server = EmbeddedPostgres(folder, safe=False, settings=SETTINGS)
    try:
        yield server.start()
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def scratch_database() -> Iterator[Database]:
    """A migrated, empty database that is there for the block; raises as `scratch_server`."""
    with scratch_server() as conninfo:
        migrate(conninfo)
        with Database(conninfo, min_size=1, max_size=2, application_name="fsroute scratch") as database:
            yield database


class Copies:
    """Fresh databases on a scratch server, each a copy of one that is migrated once."""

    def __init__(self, server: str) -> None:
        self._server = server
        self._numbers = itertools.count(1)
        self._template = ""

    def new(self) -> str:
        """The connection string of one more; raises StoreError."""
        if not self._template:
            template = "fsroute_template"
            self._perform("testing_create_database", template, "template1")
            migrate(make_conninfo(self._server, dbname=template))
            self._template = template
        name = f"fsroute_copy_{next(self._numbers)}"
        self._perform("testing_create_database", name, self._template)
        return make_conninfo(self._server, dbname=name)

    def drop(self, conninfo: str) -> None:
        """It is wanted no more, whoever is still connected."""
        self._perform("testing_drop_database", str(conninfo_to_dict(conninfo)["dbname"]))

    def _perform(self, name: str, database: str, template: str = "") -> None:
        text = queries()[name].text
        try:
            with psycopg.connect(self._server, autocommit=True) as connection:
                for mark, value in ((b"{name}", database), (b"{template}", template)):
                    text = text.replace(mark, Identifier(value or "-").as_bytes(connection))
                connection.execute(text)
        except psycopg.Error as error:
            raise translate(error, name) from error


def new_folder(mode: int = 0o711) -> Path:
    """A temporary folder that the server's user may pass.

    In memory where that is large enough, which makes a copy of a database ten times as fast.
    """
    memory = Path("/dev/shm")
    fits = memory.is_dir() and shutil.disk_usage(memory).free > ROOM
    fits = fits and not os.statvfs(memory).f_flag & os.ST_NOEXEC  # the binaries may be copied there
    folder = Path(tempfile.mkdtemp(prefix="fsroute-scratch-", dir=memory if fits else None))
    folder.chmod(mode)
    return folder


def read_only(conninfo: str) -> str:
    """The same database, in which nothing can be written; a standby will do.

    Raises:
        StoreError: the string is malformed.
    """
    try:
        options = conninfo_to_dict(conninfo).get("options") or ""
    except psycopg.Error as error:
        raise StoreError(f"the connection string is malformed: {error}") from None
    options = f"{options} -c default_transaction_read_only=on".strip()
    return make_conninfo(conninfo, target_session_attrs="any", options=options)


@dataclass(frozen=True, slots=True)
class Contents:
    """What a scratch database is filled with: the rows of the rule tables, the agents, and the sites besides theirs.

    `version` is the version in force with its document, None where there is none.
    """

    document: Mapping[str, Any]
    agents: Sequence[Agent] = ()
    sites: Sequence[str] = ()
    version: tuple[int, Mapping[str, Any]] | None = None


EMPTY = Contents({"format": 1})


def contents(database: Statements) -> Contents:
    """What there is in a database."""
    newest = database.one("rules_newest_document")
    return Contents(
        database.value("rules_document"),
        Agents(database).all(),
        [row["site_id"] for row in database.run("rules_sites")],
        None if newest is None else (int(newest["version"]), newest["document"]),
    )


def fill(database: Database, contents: Contents) -> None:
    """Put in the rules, and all that they and rules to come refer to.

    Raises:
        StoreError: it does not fit together, as where a contact center is missing.
    """
    document = Jsonb(dict(contents.document))
    switches = {agent.switch_id: agent.site_id for agent in contents.agents}
    sites = {*contents.sites, *switches.values(), *(agent.site_id for agent in contents.agents)}
    with database.transaction() as transaction:
        transaction.execute("scratch_centers", document=document)
        transaction.execute("scratch_numbers", document=document)
        transaction.execute("scratch_sites", site_ids=sorted(sites))
        transaction.execute("scratch_switches", switch_ids=[*switches], site_ids=[*switches.values()])
        enter_agents(transaction, [_row(agent) for agent in contents.agents])
        transaction.execute("rules_restore_queues", document=document)
        transaction.execute("rules_restore", document=document)
        if contents.version is not None:
            version, known = contents.version
            transaction.execute("scratch_version", version=version, document=Jsonb(dict(known)))


def enter_agents(statements: Statements, rows: Sequence[Mapping[str, Any]]) -> None:
    """Enter agents with their skills, media and authorizations: rows as `fill` makes them, perhaps with an address."""
    statements.execute("scratch_agents", agents=Jsonb(rows))


def _row(agent: Agent) -> dict[str, Any]:
    return {
        "agent_id": agent.agent_id,
        "name": agent.name,
        "site_id": agent.site_id,
        "switch_id": agent.switch_id,
        "status": str(agent.status),
        "team": agent.team,
        "rate": agent.rate,
        "wrap_up": agent.wrap_up,
        "skills": dict(agent.skills),
        "authorizations": [
            [
                each.contact_center_id,
                each.medium,
                None if each.valid_from == ALWAYS else each.valid_from.isoformat(),
                each.valid_until and each.valid_until.isoformat(),
            ]
            for each in agent.authorizations
        ],
        "media": {
            medium: [slots.slots, slots.weight, slots.wrap_up] for medium, slots in agent.media.items()
        },
    }
