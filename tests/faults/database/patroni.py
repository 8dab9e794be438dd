"""A cluster that chooses its primary itself: Patroni, two servers and an etcd, of a test's own on loopback.

Patroni comes from ``PATH``, or ``FSROUTE_PATRONI`` names the program; etcd from ``PATH``. The servers are PostgreSQL
as fsroute finds it. docs/database.md tells how to install both.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import psycopg

from fsroute.errors import StoreError
from fsroute.store import binaries
from fsroute.store.scratch import new_folder
from tests.faults.database.nodes import either
from tests.ports import free_port
from tests.waiting import until

PROGRAM = "FSROUTE_PATRONI"
SCOPE, SUPERUSER = "fsroute", "postgres"
LOOP, TTL = (
    2,
    20,
)  # seconds: how often Patroni looks, and how long a leader that says nothing leads (20 at least)
START_LIMIT = 180.0  # seconds for both servers to be made
CHOOSE_LIMIT = 120.0  # seconds for another primary, and for the old one to be its standby
ASK_LIMIT = 5.0  # seconds for an answer of Patroni
NAMES = ("a", "b")


def program() -> Path | None:
    """Patroni's, where there is one."""
    named = os.environ.get(PROGRAM) or shutil.which("patroni")
    return Path(named) if named else None


def lacking() -> str:
    """Why no cluster can be had here; empty: it can."""
    patroni, user = program(), binaries.account(Path("/nonexistent"))
    if patroni is None or shutil.which("etcd") is None:
        missing = "Patroni" if patroni is None else "etcd"
        return f"{missing} is not installed (docs/database.md); {PROGRAM} may name Patroni's program"
    try:
        binaries.run([str(patroni), "--version"], user)
    except StoreError as error:
        whose = "" if user is None else f" as {user.name}"
        return f"Patroni does not run{whose}: {error}"
    return ""


@dataclass
class Server:
    """One of the two, and its Patroni; `kill` is kill -9 of both."""

    name: str
    folder: Path
    port: int
    rest: int
    patroni: subprocess.Popen[bytes] | None = None

    @property
    def configuration(self) -> Path:
        return self.folder / "patroni.json"

    def kill(self, number: signal.Signals = signal.SIGKILL) -> None:
        """The one that would start it again goes first; SIGQUIT leaves no shared memory behind."""
        if self.patroni is not None:
            self.patroni.kill()
            self.patroni.wait()
            self.patroni = None
        with suppress(FileNotFoundError, ProcessLookupError):
            os.kill(int((self.folder / "data" / "postmaster.pid").read_text().splitlines()[0]), number)


@dataclass
class Cluster:
    """Its servers by name, and what befalls them; ask `lacking` first."""

    folder: Path
    servers: dict[str, Server] = field(default_factory=dict)

    def __post_init__(self) -> None:
        patroni = program()
        assert patroni is not None
        self._patroni = patroni
        self._user = binaries.account(self.folder / "data")
        self._postgres = binaries.usable(binaries.find(), self._user, self.folder)
        self._etcd_port = free_port()
        self._etcd: subprocess.Popen[bytes] | None = None
        self._numbers = itertools.count(1)
        for name in NAMES:
            self.servers[name] = Server(name, self._new_folder(name), free_port(), free_port())

    @property
    def primary(self) -> Server | None:
        """The one that leads, where one does."""
        found = [
            each["name"] for each in self.members() if each["role"] == "leader" and each["state"] == "running"
        ]
        return self.servers[found[0]] if found else None

    @property
    def standby(self) -> Server | None:
        """The one that has what the primary has confirmed."""
        found = [
            each["name"]
            for each in self.members()
            if each["role"] == "sync_standby" and each["state"] == "streaming"
        ]
        return self.servers[found[0]] if found else None

    @property
    def is_whole(self) -> bool:
        return self.primary is not None and self.standby is not None

    def start(self) -> None:
        """Until one leads, the other follows synchronously, and there is an empty database."""
        place, folder = f"http://127.0.0.1:{self._etcd_port}", self._new_folder("etcd")
        self._etcd = self._spawn(
            "etcd", "etcd", "--data-dir", str(folder / "data"), "--listen-client-urls", place,
            "--advertise-client-urls", place, "--listen-peer-urls", "http://127.0.0.1:0",
        )  # fmt: skip
        for server in self.servers.values():
            server.configuration.write_text(json.dumps(self._configuration(server)))
            self.start_server(server)
        until(lambda: self.is_whole, START_LIMIT)

    def new_database(self) -> str:
        """The connection string of one that is empty: to whichever server takes writes."""
        name = f"fsroute_{next(self._numbers)}"
        with psycopg.connect(self._conninfo("postgres"), autocommit=True) as connection:
            connection.execute(f"create database {name}".encode())
        return self._conninfo(name)

    def start_server(self, server: Server) -> None:
        server.patroni = self._spawn(server.name, str(self._patroni), str(server.configuration))

    def switch_over(self) -> None:
        """As an operator does it: the standby leads, and the primary follows."""
        primary, standby = self.primary, self.standby
        assert primary is not None
        assert standby is not None
        self._control("switchover", SCOPE, "--leader", primary.name, "--candidate", standby.name, "--force")

    def members(self) -> list[dict[str, Any]]:
        """What Patroni says of its servers; whichever Patroni answers."""
        for server in self.servers.values():
            with (
                suppress(URLError, OSError, ValueError),
                urlopen(f"http://127.0.0.1:{server.rest}/cluster", timeout=ASK_LIMIT) as answer,
            ):
                members: list[dict[str, Any]] = json.load(answer)["members"]
                return members
        return []

    def stop(self) -> None:
        for server in self.servers.values():
            server.kill(signal.SIGQUIT)
        if self._etcd is not None:
            self._etcd.terminate()
            self._etcd.wait()

    def _conninfo(self, database: str) -> str:
        return either(*(server.port for server in self.servers.values()), user=SUPERUSER, dbname=database)

    def _configuration(self, server: Server) -> dict[str, Any]:
        """JSON is YAML."""
        host = "127.0.0.1"
        return {
            "scope": SCOPE,
            "name": server.name,
            "restapi": {"listen": f"{host}:{server.rest}", "connect_address": f"{host}:{server.rest}"},
            "etcd3": {"hosts": [f"{host}:{self._etcd_port}"]},
            "bootstrap": {
                "dcs": {
                    "ttl": TTL,
                    "loop_wait": LOOP,
                    "retry_timeout": 5,
                    "synchronous_mode": True,
                    "postgresql": {"use_pg_rewind": True, "parameters": {"max_connections": 200}},
                },
                "initdb": [{"encoding": "UTF8"}, {"locale": "C"}, "data-checksums"],
            },
            "postgresql": {
                "listen": f"{host}:{server.port}",
                "connect_address": f"{host}:{server.port}",
                "data_dir": str(server.folder / "data"),
                "bin_dir": str(self._postgres.folder),
                "pgpass": str(server.folder / "pgpass"),
                "authentication": {
                    "superuser": {"username": SUPERUSER},
                    "replication": {"username": "replicator"},
                    "rewind": {"username": "rewind"},
                },
                "pg_hba": [
                    "local all all trust",
                    f"host all all {host}/32 trust",
                    f"host replication all {host}/32 trust",
                ],
                "parameters": {"unix_socket_directories": str(server.folder), "fsync": "off"},
            },
        }  # fmt: skip

    def _control(self, *arguments: str) -> None:
        configuration = self.servers["a"].configuration
        binaries.run(
            [str(self._patroni.with_name("patronictl")), "-c", str(configuration), *arguments], self._user
        )

    def _new_folder(self, name: str) -> Path:
        folder = self.folder / name
        folder.mkdir(mode=0o711)
        if self._user is not None:
            os.chown(folder, self._user.uid, self._user.gid)
        return folder

    def _spawn(self, name: str, *command: str) -> subprocess.Popen[bytes]:
        with (self.folder / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", start_new_session=True,
                env=binaries.ENVIRONMENT, **binaries.identity(self._user),
            )  # fmt: skip


@contextmanager
def cluster() -> Iterator[Cluster]:
    """One that serves."""
    folder = new_folder()
    made = Cluster(folder)
    try:
        made.start()
        yield made
    finally:
        made.stop()
        shutil.rmtree(folder, ignore_errors=True)
