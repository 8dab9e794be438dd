"""Checks of the database. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from fsroute.config import Role
from fsroute.doctor.facts import CenterFacts, DatabaseFacts, Facts, Missing
from fsroute.doctor.finding import Check, Group, Verdict, failed, ok, skipped, warning

OLDEST = 15
SLOW = 0.05  # seconds for one round trip: a reservation is one
CLOCK_LIMIT = 0.1  # seconds (architecture: a skew above it raises an alarm)
NEARLY_ALL = 0.9  # of the connections

_CURES = {
    "stopped": "start fsroute (systemctl start fsroute): it starts its own database",
    "schema": "fsroute migrate",
    "slow": "see what the server does (pg_stat_activity), and the network between",
}
_CURE = "see [database] url: host, port, name, password; whether PostgreSQL runs, and pg_hba.conf admits this host"


def of_database(facts: Facts) -> DatabaseFacts:
    """The database of facts that a check needs."""
    assert not isinstance(facts.database, Missing)
    return facts.database


def of_center(facts: Facts) -> CenterFacts:
    """The rows of facts that a check needs."""
    assert not isinstance(facts.center, Missing)
    return facts.center


def reached(facts: Facts) -> Iterator[Verdict]:
    """Whether the database answers."""
    said = facts.database
    if isinstance(said, Missing):
        yield failed(said.reason, _CURES.get(said.kind, _CURE))
    elif said.round_trip > SLOW:
        yield warning(
            f"the database answers after {said.round_trip * 1000:.0f} ms: each decision waits for it",
            "put the coordinator near the database; see its load and the network between",
        )
    else:
        yield ok(f"the database answers within {said.round_trip * 1000:.1f} ms")


def version(facts: Facts) -> Iterator[Verdict]:
    major = of_database(facts).server // 10000
    if major < OLDEST:
        yield failed(f"PostgreSQL {major} is too old", f"fsroute needs PostgreSQL {OLDEST} or newer")
    else:
        yield ok(f"PostgreSQL {major}")


def migrations(facts: Facts) -> Iterator[Verdict]:
    """Whether the schema is that of this program."""
    database = of_database(facts)
    if database.schema_fault:
        yield failed(database.schema_fault, "install the fsroute that the database belongs to")
    elif database.missing_migrations:
        yield failed(f"not applied: {', '.join(database.missing_migrations)}", "fsroute migrate")
    else:
        yield ok("the schema is that of this fsroute")


def leader(facts: Facts) -> Iterator[Verdict]:
    """Whether somebody gives contacts to agents."""
    lease = next((each for each in of_center(facts).leases if each.name == "coordinator"), None)
    if lease is not None and lease.valid and lease.holder:
        yield ok(f"{lease.holder.partition(':')[0]} leads")
        return
    here = Role.COORDINATOR in facts.config.roles
    yield failed(
        "nobody leads: no contact is given to an agent, callers wait"
        + ("" if lease is None or not lease.holder else f"; the last was {lease.holder.partition(':')[0]}"),
        "start fsroute here (systemctl start fsroute)"
        if here
        else "start fsroute on a host whose roles hold coordinator",
    )


def clock(facts: Facts) -> Iterator[Verdict]:
    """Whether this host's clock goes as the database's."""
    off = of_database(facts).clock
    if abs(off) > CLOCK_LIMIT:
        yield warning(
            f"this host's clock is {-off:+.3f} s off the database's: arrivals are corrected by it",
            "synchronise both hosts with one time server (chrony)",
        )
    else:
        yield ok(f"this host's clock is {-off * 1000:+.0f} ms off the database's")


def connections(facts: Facts) -> Iterator[Verdict]:
    """Whether the server has connections left."""
    database = of_database(facts)
    if database.max_connections and database.connections >= NEARLY_ALL * database.max_connections:
        yield warning(
            f"{database.connections} of {database.max_connections} connections are in use",
            "raise max_connections of the server, or lower [database] pool_max",
        )
    else:
        yield ok(f"{database.connections} of {database.max_connections} connections are in use")


def encrypted(facts: Facts) -> Iterator[Verdict]:
    """Whether names and numbers travel in the clear."""
    database = of_database(facts)
    if database.local:
        yield skipped("the database is on this host")
    elif not database.encrypted:
        yield warning(
            "the connection to the database is not encrypted: callers' names and numbers go over it",
            "sslmode=verify-full in [database] url, or an encrypted link between the hosts",
        )
    else:
        yield ok("the connection to the database is encrypted")


CHECKS = (
    Check("database-reached", Group.DATABASE, reached),
    Check("database-version", Group.DATABASE, version, ("database",)),
    Check("migrations", Group.DATABASE, migrations, ("database",)),
    Check("leader", Group.DATABASE, leader, ("center",)),
    Check("database-clock", Group.DATABASE, clock, ("database",)),
    Check("database-connections", Group.DATABASE, connections, ("database",)),
    Check("database-encryption", Group.DATABASE, encrypted, ("database",)),
)
