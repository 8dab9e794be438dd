"""Sites whose fsroute is a process of its own, to be killed; switches and people are in the test's process."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import gevent

from fsroute.app import sample_folder
from fsroute.config import Role
from fsroute.demo.centers import DEFAULT_CONTEXT, CenterSettings
from fsroute.install.render import render_dialplans
from fsroute.install.settings import DialplanSettings
from fsroute.store.database import Database
from fsroute.store.signals import Signals
from fsroute.store.store import Store
from fsroute.switchsim import CallerCall, Dialplan, Network, Switch
from tests.integration.flow.conftest import FAST, World
from tests.ports import free_port
from tests.waiting import until

CONFIGURATION = """\
state_dir = "{folder}"
applications = ["{applications}"]
roles = [{roles}]
[site]
site_id = "{site}"
switch_id = "{switch}"
[database]
url = "{database}"
[event_socket]
port = {event_socket}
[callserver]
listen_port = {port}
callback_dial_string = "sofia/gateway/carrier/{{number}}"
[timing]
heartbeat = 1.0
lease = {lease}
drain = {drain}
"""
SAMPLE = sample_folder() / "orders"
PAUSE_MS = 6_000  # at the speed of the network 0.3 s: the dialplan's music is a file that plays
START_LIMIT = 30.0  # seconds until a process serves, on a machine that is busy with other tests


class Process:
    """``fsroute run`` beside one switch; it looks at nothing unasked (`tests.unasked`)."""

    def __init__(
        self, folder: Path, name: str, site: CenterSettings, switch: Switch, database: str,
        roles: tuple[Role, ...] = tuple(Role), drain: float = 2.0, options: tuple[str, ...] = (),
        applications: Path = SAMPLE, more: str = "", lease: float = 600.0,
    ) -> None:  # fmt: skip
        self._options = options
        self.port = free_port()
        self.log_file = folder / f"{name}.log"
        self._configuration = folder / f"{name}.toml"
        self._configuration.write_text(
            CONFIGURATION.format(
                folder=folder,
                applications=applications,
                roles=", ".join(f'"{role}"' for role in roles),
                site=site.site_id,
                switch=site.switch_id,
                database=database,
                event_socket=switch.port,
                port=self.port,
                drain=drain,
                lease=lease,
            )
            + more
        )
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Return when it serves."""
        served = self.log().count("fsroute serves")
        with self.log_file.open("ab") as output:
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "tests.unasked_run",
                    "run",
                    "--config",
                    str(self._configuration),
                    *self._options,
                ],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        until(lambda: self.log().count("fsroute serves") > served or not self.runs(), START_LIMIT)
        assert self.runs(), self.log()[-2000:]

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def runs(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        """kill -9."""
        self.send(signal.SIGKILL)
        self.wait(30.0)

    def send(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            os.kill(self._process.pid, number)

    def wait(self, limit: float) -> None:
        if self._process is not None:
            self._process.wait(limit)
            self._process = None

    def log(self) -> str:
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    def moments(self, text: str) -> list[float]:
        """When it logged lines with `text`, in seconds since the epoch."""
        lines = [line for line in self.log().splitlines() if text in line]
        return [datetime.fromisoformat(line.split()[0]).timestamp() for line in lines]

    def came_back(self) -> int:
        """How many calls came back to it, in all its lives."""
        return len(re.findall(r"call came back", self.log()))


def start(*processes: Process) -> None:
    """All of them at once; returns when they serve."""
    gevent.joinall([gevent.spawn(process.start) for process in processes], raise_error=True)


class Site:
    """A stand-in switch, and the processes that serve it."""

    def __init__(self, settings: CenterSettings, network: Network) -> None:
        self.settings = settings
        self.processes: list[Process] = []
        self.switch = Switch(
            settings.switch_id,
            network,
            link_address=settings.link_address,
            options=FAST,
            dialplan=self._render,
        )
        self.switch.start()

    def add(
        self, folder: Path, database: str, roles: tuple[Role, ...] = tuple(Role), drain: float = 2.0
    ) -> Process:
        name = f"{self.settings.switch_id}-{len(self.processes)}"
        process = Process(folder, name, self.settings, self.switch, database, roles, drain)
        self.processes.append(process)
        self.switch.reload()
        return process

    def _settings(self) -> DialplanSettings:
        sockets = tuple(f"127.0.0.1:{process.port}" for process in self.processes) or ("127.0.0.1:1",)
        return DialplanSettings(numbers=("*",), callservers=sockets, pause_ms=PAUSE_MS)

    def _render(self) -> Dialplan:
        texts = render_dialplans(self._settings())
        public = texts.pop("public/00_fsroute.xml")
        plan = Dialplan.parse(DEFAULT_CONTEXT, *texts.values())
        plan.add(public, {}, "public")
        return plan


@dataclass
class Apart(World):
    """The two centers, each with processes of its own; the test looks on through a store of its own."""

    looker: Store | None = None
    late: float = 5.0
    """Each of the processes may have been kept waiting for the processor."""

    @property
    def west_site(self) -> Site:
        assert isinstance(self.west, Site)
        return self.west

    @property
    def east_site(self) -> Site:
        assert isinstance(self.east, Site)
        return self.east

    @property
    def store(self) -> Store:
        assert self.looker is not None
        return self.looker

    def state_of(self, call: CallerCall) -> str:
        text = (
            "select state from proxy_call join contact_personal using (contact_id)"
            " where caller_number = '{}' order by proxy_call_id desc limit 1"
        )
        rows = self.query(text.format(call.caller.number))
        return str(rows[0][0]) if rows else ""

    def outcome_of(self, call: CallerCall) -> str | None:
        text = (
            "select outcome from contact join contact_personal using (contact_id) where caller_number = '{}'"
        )
        rows = self.query(text.format(call.caller.number))
        assert len(rows) <= 1, "a caller has one contact, however often the process dies"
        return rows[0][0] if rows else None


def open_store(conninfo: str) -> Store:
    database = Database(conninfo, min_size=1, max_size=2)
    database.open()
    signals = Signals(database)
    signals.start()
    return Store(database, signals)
