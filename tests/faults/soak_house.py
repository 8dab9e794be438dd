"""What the soak runs on: a database, two stand-in switches, and a process for each role, to be killed."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gevent
import psycopg

from fsroute.app import sample_folder
from fsroute.config import Role
from fsroute.demo.centers import DEFAULT_CONTEXT, EAST, WEST, CenterSettings
from fsroute.install.render import render_dialplans
from fsroute.install.settings import DialplanSettings
from fsroute.store.migrate import migrate
from fsroute.switchsim import Dialplan, Network, Options, Switch
from tests.faults.soak_database import DatabaseServer
from tests.ports import free_port

SPEED = 20.0  # how much faster people talk and prompts play than in life
PAUSE_MS = 6_000  # of the dialplan between two tries, before that speed
FAST = Options(event_latency=0.0, state_delay=0.001, heartbeat=1.0)
START_LIMIT = 60.0  # seconds for all processes to serve
IMPORTING = (
    5.0  # seconds in which a process that starts would be ended by a signal that it does not handle yet
)
MOST_LINKS = 100  # that are remembered though they are over
TELL_LIMIT = 5.0  # seconds for a process to count its greenlets
CONFIGURATION = """\
state_dir = "{folder}"
applications = ["{applications}"]
roles = ["{role}"]
[site]
site_id = "{site}"
switch_id = "{switch}"
[database]
url = "{database}"
[event_socket]
port = {event_socket}
[callserver]
listen_port = {port}
[timing]
heartbeat = 1.0
[log]
level = "warning"
"""
PARTS = (
    ("callserver-1", WEST, Role.CALLSERVER),
    ("callserver-2", WEST, Role.CALLSERVER),
    ("acd-west", WEST, Role.ACD),
    ("acd-east", EAST, Role.ACD),
    ("coordinator-1", WEST, Role.COORDINATOR),
    ("coordinator-2", EAST, Role.COORDINATOR),
    ("cti-west", WEST, Role.CTI),
    ("cti-east", EAST, Role.CTI),
)
"""Every process: its name, its site, its role."""


@dataclass(frozen=True, slots=True)
class Size:
    """A process at one moment: `rss` in MiB, `greenlets` None where it did not tell."""

    rss: float
    greenlets: int | None = None


@dataclass
class Part:
    """One process of fsroute."""

    name: str
    role: Role
    folder: Path
    configuration: Path
    port: int
    kills: int = 0
    began: float = 0.0
    _child: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        counted = self.folder / f"{self.name}.greenlets"
        environment = {**os.environ, "FSROUTE_SOAK_GREENLETS": str(counted)}
        with (self.folder / f"{self.name}.log").open("ab") as output:
            self._child = subprocess.Popen(
                [sys.executable, "-m", "tests.faults.soak_child", "run", "--config", str(self.configuration)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env=environment,
            )
        self.began = time.monotonic()

    @property
    def pid(self) -> int:
        """0: it does not run."""
        return self._child.pid if self._child is not None else 0

    @property
    def runs(self) -> bool:
        return self._child is not None and self._child.poll() is None

    def kill(self) -> None:
        """kill -9, and the process is waited for."""
        if self._child is not None:
            self._child.send_signal(signal.SIGKILL)
            self._child.wait()
            self.kills += 1
            self._child = None

    def rss(self) -> float:
        """MiB that are resident now."""
        return rss(self._child.pid) if self._child is not None else 0.0

    def size(self) -> Size:
        """Its memory and greenlets now; a process that is just starting does not count its greenlets."""
        if self._child is None or not self.runs:
            return Size(0.0)
        pid = self._child.pid
        counted = self.folder / f"{self.name}.greenlets"
        counted.unlink(missing_ok=True)
        if time.monotonic() - self.began > IMPORTING:
            os.kill(pid, signal.SIGUSR1)
            give_up = time.monotonic() + TELL_LIMIT
            while not counted.exists() and time.monotonic() < give_up and self.runs:
                gevent.sleep(0.02)
        told = counted.read_text() if counted.exists() else ""
        return Size(rss(pid), int(told) if told.isdecimal() else None)


def rss(pid: int) -> float:
    """MiB of a process's memory that is resident; 0 where it is gone."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except OSError:
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


@dataclass
class House:
    """All of it; `kill` and `restart_database` are what happens to it."""

    folder: Path
    conninfo: str
    network: Network
    server: DatabaseServer
    switches: dict[str, Switch] = field(default_factory=dict)
    parts: dict[str, Part] = field(default_factory=dict)

    def build(self) -> None:
        for site in (WEST, EAST):
            self.switches[site.switch_id] = Switch(
                site.switch_id, self.network, link_address=site.link_address, options=FAST, dialplan=self._render
            )  # fmt: skip
            self.switches[site.switch_id].start()
        for name, site, role in PARTS:
            self.parts[name] = self._part(name, site, role)
        for switch in self.switches.values():
            switch.reload()

    def start(self) -> None:
        for part in self.parts.values():
            part.start()

    def _part(self, name: str, site: CenterSettings, role: Role) -> Part:
        port = free_port()
        path = self.folder / f"{name}.toml"
        path.write_text(
            CONFIGURATION.format(
                folder=self.folder,
                applications=sample_folder() / "orders",
                role=role,
                site=site.site_id,
                switch=site.switch_id,
                database=self.conninfo,
                event_socket=self.switches[site.switch_id].port,
                port=port,
            )
        )
        return Part(name, role, self.folder, path, port)

    def _render(self) -> Dialplan:
        ports = [part.port for part in self.parts.values() if part.role is Role.CALLSERVER] or [1]
        sockets = tuple(f"127.0.0.1:{port}" for port in ports)
        texts = render_dialplans(DialplanSettings(numbers=("*",), callservers=sockets, pause_ms=PAUSE_MS))
        public = texts.pop("public/00_fsroute.xml")
        plan = Dialplan.parse(DEFAULT_CONTEXT, *texts.values())
        plan.add(public, {}, "public")
        return plan

    def wait_until(self, serves: Callable[[], bool]) -> None:
        give_up = time.monotonic() + START_LIMIT
        while not serves():
            dead = [part.name for part in self.parts.values() if not part.runs]
            if dead or time.monotonic() > give_up:
                raise RuntimeError(f"not started: {', '.join(dead) or 'too slow'} (logs in {self.folder})")
            gevent.sleep(0.1)

    def listens(self) -> bool:
        """The call servers take calls."""
        for part in self.parts.values():
            if part.role is Role.CALLSERVER:
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", part.port)):
                        return False
        return True

    def sizes(self) -> dict[str, Size]:
        found = {name: part.size() for name, part in self.parts.items()}
        return {**found, "stand-ins": Size(rss(os.getpid()))}

    def left(self) -> dict[str, int]:
        """What has not ended.

        Raises:
            psycopg.Error: the database is away.
        """
        tables = {"contacts": "contact", "proxy calls": "proxy_call", "reservations": "reservation"}
        text = "select count(*) from {} where ended_at is null"
        counts = {name: int(self.rows(text.format(table))[0][0]) for name, table in tables.items()}
        return {**counts, "channels": sum(len(switch.channels) for switch in self.switches.values())}

    def rows(self, text: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.conninfo, options="-c search_path=fsroute") as connection:
            return connection.execute(text.encode()).fetchall()

    def forget_calls(self) -> None:
        """The network remembers all calls that are over, for tests that ask."""
        network = self.network
        network.caller_calls.clear()
        network.agent_calls.clear()
        if len(network.links) > MOST_LINKS:
            network.links = [link for link in network.links if link.near.is_up]

    def stop(self) -> None:
        for part in self.parts.values():
            part.kill()
        for switch in self.switches.values():
            switch.stop()


@contextmanager
def house(folder: Path, network: Network, server: DatabaseServer) -> Iterator[House]:
    """A migrated database and what stands on it; not started yet."""
    with ExitStack() as stack:
        stack.callback(server.stop)
        conninfo = server.start()
        built = House(folder, conninfo, network, server)
        stack.callback(built.stop)
        migrate(conninfo)
        built.build()
        yield built
