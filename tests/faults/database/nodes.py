"""PostgreSQL servers of a test's own on loopback: a primary, a standby that streams from it, and what befalls them."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg.conninfo import make_conninfo

from fsroute.store import binaries
from fsroute.store.binaries import Binaries
from fsroute.store.scratch import SETTINGS, new_folder
from tests.ports import free_port
from tests.waiting import until

ROLE = DATABASE = "fsroute"
LIMIT = 30.0  # seconds for a server to start, to stop or to be promoted, on a busy machine


class Node:
    """One server; its role is a superuser, and may come in without a password from this machine."""

    def __init__(self, folder: Path, **settings: str) -> None:
        folder.mkdir(mode=0o711)
        self._user = binaries.account(folder / "data")
        if self._user is not None:
            os.chown(folder, self._user.uid, self._user.gid)
        self._programs: Binaries = binaries.usable(binaries.find(), self._user, folder.parent)
        self.folder = folder
        self.data = folder / "data"
        self.port = free_port()
        self.settings = {"fsync": "off", "listen_addresses": "127.0.0.1", "unix_socket_directories": str(folder),
                         "port": str(self.port)} | SETTINGS | settings  # fmt: skip

    @property
    def conninfo(self) -> str:
        return make_conninfo(host="127.0.0.1", port=self.port, user=ROLE, dbname=DATABASE)

    def initialize(self) -> None:
        self._run("initdb", f"--pgdata={self.data}", f"--username={ROLE}", "--auth=trust", "--no-sync",
                  "--encoding=UTF8", "--locale=C")  # fmt: skip

    def follow(self, primary: Node) -> None:
        """Become a standby that streams from `primary`, as `pg_basebackup` makes one."""
        place = make_conninfo(host="127.0.0.1", port=primary.port, user=ROLE, application_name="standby")
        self._run("pg_basebackup", "--write-recovery-conf", "--wal-method=stream", "--checkpoint=fast", "--no-sync",
                  f"--pgdata={self.data}", f"--dbname={place}")  # fmt: skip

    def start(self) -> None:
        options = " ".join(f"-c {name}='{value}'" for name, value in self.settings.items())
        self._run(
            "pg_ctl", "start", "--wait", f"--pgdata={self.data}", f"--log={self.folder}/log", f"-o {options}"
        )

    def promote(self) -> None:
        self._run("pg_ctl", "promote", "--wait", f"--pgdata={self.data}")

    def stop(self) -> None:
        """Whoever is connected is sent away."""
        if self._pid():
            self._run("pg_ctl", "stop", "--wait", "--mode=fast", f"--pgdata={self.data}")

    def kill(self) -> None:
        """kill -9 of the postmaster; its children see that it is gone, and go."""
        os.kill(self._pid(), signal.SIGKILL)
        until(lambda: not self._answers(), LIMIT)
        (self.data / "postmaster.pid").unlink(missing_ok=True)

    def query(self, statement: str) -> list[tuple[object, ...]]:
        place = make_conninfo(self.conninfo, dbname="postgres")
        with psycopg.connect(place, autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def _pid(self) -> int:
        try:
            return int((self.data / "postmaster.pid").read_text().splitlines()[0])
        except (FileNotFoundError, IndexError):
            return 0

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.conninfo, connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def _run(self, program: str, *arguments: str) -> None:
        """Not through `binaries.run`: a server that is started goes on with what it was given to write to."""
        with (self.folder / "programs.log").open("ab") as log:
            done = subprocess.run(
                [self._programs.program(program), *arguments], stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, cwd="/", env=binaries.ENVIRONMENT, timeout=2 * LIMIT, check=False,
                **binaries.identity(self._user),
            )  # fmt: skip
        assert done.returncode == 0, (self.folder / "programs.log").read_text()[-2000:]


@contextmanager
def primary(**settings: str) -> Iterator[Node]:
    """A server of its own, with an empty database."""
    folder = new_folder()
    node = Node(folder / "a", **settings)
    try:
        node.initialize()
        node.start()
        node.query(f"create database {DATABASE}")
        yield node
    finally:
        node.stop()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def pair(*, synchronous: bool = True) -> Iterator[tuple[Node, Node]]:
    """A primary with a standby; `synchronous`: what the one has confirmed, the other has."""
    with primary() as first:
        second = Node(first.folder.parent / "b")
        try:
            second.follow(first)
            second.start()
            until(lambda: first.query("select 1 from pg_stat_replication where state = 'streaming'"), LIMIT)
            if synchronous:
                first.query("alter system set synchronous_standby_names = 'standby'")
                first.query("select pg_reload_conf()")
                until(
                    lambda: first.query("select 1 from pg_stat_replication where sync_state = 'sync'"), LIMIT
                )
            yield first, second
        finally:
            second.stop()


def either(*ports: int, user: str = ROLE, dbname: str = DATABASE) -> str:
    """The connection string for several servers of this host: whichever takes writes."""
    return make_conninfo(
        host=",".join("127.0.0.1" for _ in ports),
        port=",".join(map(str, ports)),
        user=user,
        dbname=dbname,
        target_session_attrs="read-write",
        connect_timeout=2,
    )
