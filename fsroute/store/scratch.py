"""A database of its own for one purpose, thrown away after it: nothing that is tried in it is anybody's."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.types.json import Jsonb

from fsroute.errors import StoreError
from fsroute.model.agent import Agent
from fsroute.store.agents import ALWAYS
from fsroute.store.database import Database
from fsroute.store.embedded import EmbeddedPostgres
from fsroute.store.migrate import migrate
from fsroute.store.rules import write

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


def fill(
    database: Database, document: Mapping[str, Any], agents: Sequence[Agent], sites: Iterable[str]
) -> None:
    """Put in the rules of a document as the version in force, and all that they and rules to come refer to.

    Raises:
        StoreError: the document or the agents do not fit together, as where a contact center is missing.
    """
    switches = {agent.switch_id: agent.site_id for agent in agents}
    site_ids = sorted({*sites, *switches.values(), *(agent.site_id for agent in agents)})
    with database.transaction() as transaction:
        for name in ("scratch_centers", "scratch_numbers"):
            transaction.execute(name, document=Jsonb(document))
        transaction.execute("scratch_sites", site_ids=site_ids)
        transaction.execute("scratch_switches", switch_ids=list(switches), site_ids=list(switches.values()))
        transaction.execute("scratch_agents", agents=Jsonb([_row(agent) for agent in agents]))
        for name in ("rules_restore_queues", "rules_restore"):
            transaction.execute(name, document=Jsonb(document))
        if document.get("routing_rule"):
            write(transaction, document, "", "the rules in force")


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
