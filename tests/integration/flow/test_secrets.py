"""A whole run with marked secrets: none of them is in a log, in the list of processes, or in a capture."""

from __future__ import annotations

import secrets
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from fsroute import resources
from fsroute.agentdesk import pin as pins
from fsroute.demo.centers import EAST, WEST
from fsroute.store.embedded import administrator
from fsroute.switchsim import Answers, Caller, Network, Press, WaitFor
from tests.integration.flow import processes
from tests.integration.flow.conftest import FAST
from tests.integration.flow.processes import Apart, Process, Site, open_store
from tests.ports import free_port
from tests.waiting import until

PIN = "927461"
EVENT_SOCKET, DATABASE, TOKEN, SITE = (
    f"marked-{name}-{secrets.token_hex(8)}" for name in ("socket", "db", "token", "site")
)
MARKED = {"event socket": EVENT_SOCKET, "database": DATABASE, "token": TOKEN, "site": SITE, "PIN": PIN}

MORE = """
[scp]
http_port = {port}
http_token = "{token}"
[appserver]
listen_port = {appserver}
[[appserver.sites]]
site = "west"
contact_centers = ["acme"]
secret = "{site}"
[log]
level = "debug"
[capture]
folder = "{folder}"
scrub = {scrub}
"""


@dataclass
class Marked:
    apart: Apart
    processes: list[Process]
    folders: list[Path]
    listed: list[str] = field(default_factory=list)


@pytest.fixture
def login(conninfo: str) -> Iterator[str]:
    """A login whose password is marked; it may do what the owner may."""
    name = f"marked_{secrets.token_hex(4)}"
    with psycopg.connect(administrator(conninfo), autocommit=True) as connection:
        connection.execute(f"create role {name} login password '{DATABASE}' in role fsroute".encode())
        given: dict[str, Any] = conninfo_to_dict(conninfo) | {"user": name, "password": DATABASE}
        given.pop("passfile", None)
        yield make_conninfo(**given)
        connection.execute(f"drop role {name}".encode())


@pytest.fixture(params=[False, True], ids=["captures", "scrubbed captures"])
def marked(
    request: pytest.FixtureRequest, conninfo: str, login: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Marked]:
    monkeypatch.setattr(processes, "FAST", msgspec.structs.replace(FAST, password=EVENT_SOCKET)
                        if isinstance(FAST, msgspec.Struct) else _with_password())  # fmt: skip
    sample = (resources.folder("sql") / "samples" / "two_sites.sql").read_text("utf-8")
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute(sample.encode())
        connection.execute("update fsroute.agent set wrap_up = 0, set_aside = 5")
        connection.execute("update fsroute.agent set extension = '2001' where agent_id = 'ann'")
    network = Network(speed=20.0, media_timeout=0.3)
    west, east = (Site(each, network) for each in (WEST, EAST))
    apart = Apart(conninfo, network, west, east, looker=open_store(conninfo))  # type: ignore[arg-type]
    apart.store.duty.set_pin("ann", pins.encode(PIN, secrets.token_bytes(16)))
    made = Marked(apart, [], [])
    try:
        for site in (east, west):
            process = site.add(tmp_path, login)
            folder = tmp_path / f"captures-{site.settings.switch_id}"
            _configure(process, folder, request.param)
            made.processes.append(process)
            made.folders.append(folder)
        processes.start(*made.processes)
        yield made
    finally:
        for process in made.processes:
            process.send(signal.SIGKILL)
            process.wait(30.0)
        for site in (west, east):
            site.switch.stop()
        apart.store.signals.stop()
        apart.store.database.close()


def _with_password() -> object:
    from dataclasses import replace

    return replace(FAST, password=EVENT_SOCKET)


def _configure(process: Process, folder: Path, scrub: bool) -> None:
    path = process._configuration
    text = path.read_text().replace("[event_socket]\n", f'[event_socket]\npassword = "{EVENT_SOCKET}"\n')
    more = MORE.format(
        port=free_port(), appserver=free_port(), token=TOKEN, site=SITE, folder=folder,
        scrub="true" if scrub else "false",
    )  # fmt: skip
    path.write_text(text + more)
    path.chmod(0o600)


def test_no_secret_is_in_a_log_a_list_of_processes_or_a_capture(marked: Marked) -> None:
    apart = marked.apart
    desk = Caller(
        "2001", "Ann", "*50", (WaitFor("waiting for digits"), Press(f"{PIN}#")), profile="fsroute_agents",
        user="2001@fsroute.invalid",
    )  # fmt: skip
    apart.log_on("ann", Answers(after=0.1))
    apart.store.duty.log_off("ann")
    call = apart.network.call(desk, apart.east_site.switch)
    until(lambda: call.cause is not None, 30)
    assert str(apart.store.duty.state("ann").status) == "available", "the PIN was taken"
    talk = apart.call_for_an_agent()
    until(lambda: talk.is_talking, 30)
    listed = subprocess.run(["ps", "axww", "-o", "args"], capture_output=True, text=True, check=True).stdout
    assert all(str(process._configuration) in listed for process in marked.processes)
    talk.hang_up()
    apart.wait_for_outcomes("served", limit=20)
    for process in marked.processes:
        process.send(signal.SIGTERM)
        process.wait(20.0)
    logs = "".join(process.log() for process in marked.processes)
    captures = "".join(
        path.read_text(errors="replace") for folder in marked.folders for path in folder.glob("*.jsonl")
    )
    assert "auth" in logs
    assert "CHANNEL_DATA" in captures
    for name, secret in MARKED.items():
        assert secret not in listed, f"{name}: in the list of processes"
        assert secret not in logs, f"{name}: in a log: {_around(logs, secret)}"
        if (
            name != "PIN"
            or "true" in marked.processes[0]._configuration.read_text().rpartition("scrub = ")[2]
        ):
            assert secret not in captures, f"{name}: in a capture: {_around(captures, secret)}"
    with psycopg.connect(apart.conninfo) as connection:
        rows = connection.execute(
            "select data::text from fsroute.agent_event union all select data::text from fsroute.contact_event"
        )
        assert PIN not in str(rows.fetchall())


def _around(text: str, secret: str) -> str:
    at = text.index(secret)
    return text[max(0, at - 200) : at + 100]
