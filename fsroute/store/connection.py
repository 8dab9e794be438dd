"""One connection to the database, set up as all of fsroute's are."""

from __future__ import annotations

import enum
import ipaddress
import socket
from typing import Any

import gevent
import msgspec
import psycopg
import psycopg.waiting
from psycopg.adapt import AdaptersMap
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import DictRow, dict_row
from psycopg.types.json import JsonbDumper, set_json_loads
from psycopg.types.string import StrDumper

from fsroute.errors import DatabaseUnavailable, StoreError
from fsroute.store.faults import translate

SCHEMA = "fsroute"
OLDEST_SERVER = 150000
STATEMENT_TIMEOUT = 5.0  # seconds

type_map = AdaptersMap(psycopg.adapters)
type_map.register_dumper(dict, JsonbDumper)
type_map.register_dumper(enum.StrEnum, StrDumper)
set_json_loads(msgspec.json.decode, type_map)

Connection = psycopg.Connection[DictRow]

_DEFAULTS = {
    "connect_timeout": "5",
    # A dead host shows within some 11 s, not within two hours.
    "keepalives_idle": "5",
    "keepalives_interval": "2",
    "keepalives_count": "3",
    "tcp_user_timeout": "10000",
    # With several hosts in the string: the primary, whichever that is.
    "target_session_attrs": "read-write",
}


def parameters(conninfo: str, application_name: str, statement_timeout: float) -> dict[str, Any]:
    """The parameters of libpq for a connection string: what it says goes before our defaults.

    Raises:
        StoreError: the string is malformed.
    """
    try:
        given = conninfo_to_dict(conninfo)
    except psycopg.Error as error:
        raise StoreError(f"the connection string is malformed: {error}") from None
    settings = {
        "search_path": SCHEMA,
        "timezone": "UTC",
        "statement_timeout": f"{statement_timeout * 1000:.0f}",
        "idle_in_transaction_session_timeout": "15000",
        # A statement whose greenlet was killed ends soon after its connection is closed.
        "client_connection_check_interval": "1000",
        "jit": "off",
    }
    ours = " ".join(f"-c {name}={value}" for name, value in settings.items())
    options = f"{ours} {given.get('options') or ''}".strip()
    return {**_DEFAULTS, "application_name": application_name, **given, "options": options}


def as_role(conninfo: str, role: str) -> str:
    """The connection string of a session that acts as `role`, of which its login is a member; '': as the login itself.

    Raises:
        StoreError: the string is malformed.
    """
    if not role:
        return conninfo
    try:
        options = conninfo_to_dict(conninfo).get("options") or ""
        return make_conninfo(conninfo, options=f"{options} -c role={role}".strip())
    except psycopg.Error as error:
        raise StoreError(f"the connection string is malformed: {error}") from None


def connect(wanted: dict[str, Any]) -> Connection:
    """A connection in autocommit mode whose rows are dicts.

    Raises:
        DatabaseUnavailable: the server is not there, or takes nobody now.
        StoreError: the server refuses us, or is too old.
    """
    _check_patched()
    try:
        connection = psycopg.connect(
            **with_addresses(wanted),
            autocommit=True,
            row_factory=dict_row,
            context=type_map,
            prepare_threshold=2,
        )
    except psycopg.Error as error:
        raise translate(error) from error
    except (gevent.GreenletExit, gevent.Timeout) as error:
        # A greenlet that was killed keeps its trace, and that would keep the connection, half made and open.
        raise error.with_traceback(None) from None
    if connection.info.server_version < OLDEST_SERVER:
        connection.close()
        raise StoreError(f"fsroute needs PostgreSQL {OLDEST_SERVER // 10000} or newer")
    return connection


def is_alive(connection: Connection) -> bool:
    """Look, without asking the server, whether it has hung up on an idle connection; takes a microsecond."""
    try:
        connection.pgconn.consume_input()  # reads the farewell, if there is one
        connection.pgconn.consume_input()  # finds the end of the stream behind it
    except psycopg.Error:
        return False
    return not connection.closed


def with_addresses(wanted: dict[str, Any]) -> dict[str, Any]:
    """`wanted` with the names of hosts resolved, by gevent: libpq would stop the whole process for it.

    Raises:
        DatabaseUnavailable: no name could be resolved.
    """
    hosts = str(wanted.get("host") or "").split(",")
    if wanted.get("hostaddr") or not any(_is_name(host) for host in hosts):
        return wanted
    ports = str(wanted.get("port") or "5432").split(",")
    ports = ports if len(ports) == len(hosts) else ports[:1] * len(hosts)
    places: list[tuple[str, str, str]] = []
    faults: list[str] = []
    for host, port in zip(hosts, ports, strict=True):
        try:
            places += [(host, address, port) for address in _addresses(host)]
        except OSError as error:
            faults.append(f"{host}: {error}")
    if not places:
        raise DatabaseUnavailable(f"cannot find the database: {'; '.join(faults)}")
    names, addresses, numbers = (",".join(column) for column in zip(*places, strict=True))
    return {**wanted, "host": names, "hostaddr": addresses, "port": numbers}


def _addresses(host: str) -> list[str]:
    if not _is_name(host):
        return [host if not host.startswith("/") else ""]
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def _is_name(host: str) -> bool:
    if not host or host.startswith(("/", "@")):
        return False
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return True
    return False


def _check_patched() -> None:
    """See that gevent patched first: psycopg chooses how it waits when it is imported."""
    if psycopg.waiting.wait is getattr(psycopg.waiting, "wait_c", None):
        raise StoreError(
            "psycopg was imported before gevent.monkey.patch_all(): each query would stop all calls"
        )
