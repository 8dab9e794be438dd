"""Looks at the database, by a connection of its own; starts nothing."""

from __future__ import annotations

import time
from collections.abc import Callable

from fsroute.config import Config
from fsroute.doctor.facts import (
    ApplicationRow,
    CenterFacts,
    DatabaseFacts,
    LeaseRow,
    Missing,
    RuleFault,
    SwitchRow,
)
from fsroute.errors import FsrouteError, StoreError
from fsroute.store.database import Database
from fsroute.store.embedded import EmbeddedPostgres
from fsroute.store.migrate import check, migrations

STATEMENT = 4.0  # seconds for one statement
TRIES = 3  # of which the fastest is the round trip

Rules = Callable[[Database], tuple[int | None, tuple[RuleFault, ...]]]
"""Checks the rules in force: their version, and the faults."""

Looked = tuple[DatabaseFacts | Missing, CenterFacts | Missing]


def look(config: Config, rules: Rules) -> Looked:
    """The server, and the rows where the schema is ours."""
    found = _connection_string(config)
    if isinstance(found, Missing):
        return found, Missing("the database is not reached")
    try:
        with Database(
            found, min_size=1, max_size=1, application_name="fsroute doctor", statement_timeout=STATEMENT
        ) as database:
            return _look(config, database, rules)
    except FsrouteError as error:
        return Missing(_one_line(error)), Missing("the database is not reached")


def _connection_string(config: Config) -> str | Missing:
    if not config.database.embedded:
        return config.database.url.reveal()
    folder = config.state_path / "postgres"
    try:
        found = EmbeddedPostgres(folder).running()
    except OSError as error:
        return Missing(f"{folder}: {error.strerror}: run this as root or as the user of fsroute")
    return found or Missing(f"fsroute's own database in {folder} does not run", "stopped")


def _look(config: Config, database: Database, rules: Rules) -> Looked:
    server = _server(database)
    if not server.missing_migrations and not server.schema_fault:
        try:
            return server, _center(config, database, rules)
        except FsrouteError as error:
            return server, Missing(f"the rows of the database cannot be read: {_one_line(error)}")
    return server, Missing("the schema of the database is not that of this fsroute")


def _server(database: Database) -> DatabaseFacts:
    trips, row, middle = [], None, 0.0
    for _ in range(TRIES):
        before, began = time.time(), time.monotonic()
        row = database.one("doctor_server")
        trips.append(time.monotonic() - began)
        middle = before + trips[-1] / 2
    assert row is not None
    missing, fault = _schema(database, bool(row["has_schema"]))
    return DatabaseFacts(
        server=row["server"],
        round_trip=min(trips),
        clock=row["now"] - middle,
        missing_migrations=missing,
        schema_fault=fault,
        connections=row["connections"],
        max_connections=row["max_connections"],
        encrypted=row["encrypted"],
        local=row["local"],
    )


def _schema(database: Database, has_schema: bool) -> tuple[tuple[str, ...], str]:
    """The migrations that are missing, and why the schema can never be ours."""
    rows = database.run("migration_versions") if has_schema else []
    try:
        missing = check({row["version"]: row["name"] for row in rows}, migrations())
    except StoreError as error:
        return (), str(error)
    return tuple(f"{each.version:04d}_{each.name}" for each in missing), ""


def _center(config: Config, database: Database, rules: Rules) -> CenterFacts:
    version, faults = rules(database)
    applications = database.run("doctor_applications", switch_id=config.site.switch_id)
    people = database.one("doctor_agents") or {}
    return CenterFacts(
        switches=tuple(SwitchRow(**row) for row in database.run("doctor_switches")),
        leases=tuple(
            LeaseRow(row["name"], row["holder"], bool(row["valid"])) for row in database.run("status_leases")
        ),
        numbers={row["number"]: row["application"] for row in database.run("doctor_numbers")},
        hold_music=tuple(row["hold_music"] for row in database.run("doctor_music")),
        applications=tuple(ApplicationRow(**row) for row in applications),
        rules_version=version,
        rule_faults=faults,
        time_zones=tuple(row["time_zone"] for row in database.run("doctor_time_zones")),
        agents=int(people.get("agents", 0)),
        templated=int(people.get("templated", 0)),
    )


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
