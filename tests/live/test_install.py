"""fsroute on a FreeSWITCH with somebody else's configuration: put there, used, and taken away without a trace."""

from __future__ import annotations

import json
import random
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from fsroute.install.tree import read_tree
from tests.fix_database import perform
from tests.live import sipp
from tests.live.freeswitch import Ports
from tests.live.own_switch import SHIPPED, OwnSwitch, shipped
from tests.live.process import FsrouteRun
from tests.live.sites import gather_applications
from tests.waiting import until

pytestmark = pytest.mark.live

NUMBER = "8005550177"
MACHINES = {"clock", "scheduling", "descriptors", "disk", "database-connections"}
MUSIC = "tone_stream://%(1000,3000,440,480);loops=-1"


class Host:
    """A switch with its administrator's configuration, and fsroute beside it."""

    def __init__(self, program: Path, folder: Path, conf: Path, database: str) -> None:
        self.folder = folder
        self.database = database
        ports = Ports(random.randrange(20_000, 29_000, 2_000))
        self.switch = OwnSwitch(program, folder / "switch", conf, ports)
        self.run = FsrouteRun(folder / "run", "here", ports, database)
        self._configure(ports)

    def _configure(self, ports: Ports) -> None:
        """As an administrator would: the profile of this switch, and music that needs no file."""
        text = self.run.configuration.read_text().replace("fsroute_agents", "external")
        music = f'hold_music = "{MUSIC}"\n'
        text = text.replace("[callserver]\n", f"[callserver]\n{music}")
        self.run.configuration.write_text(
            f'{text}\n[links]\naddress = "127.0.0.1:{ports.link}"\n\n[dialplan]\n{music}'
        )

    def fsroute(self, *words: str, status: int = 0) -> str:
        command = [sys.executable, "-m", "fsroute", *words, "--config", str(self.run.configuration)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == status, f"{words}: {done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr

    def not_well(self) -> dict[str, list[str]]:
        """What `fsroute doctor` finds wrong, by check; without what depends on the machine that the tests run on."""
        command = [
            sys.executable,
            "-m",
            "fsroute",
            "doctor",
            "--json",
            "--config",
            str(self.run.configuration),
        ]
        done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)
        assert done.stdout, done.stderr
        found: dict[str, list[str]] = {}
        for each in json.loads(done.stdout)["findings"]:
            if each["state"] in ("warning", "failed") and each["check"] not in MACHINES:
                found.setdefault(each["check"], []).append(each["finding"])
        return found

    def contacts(self) -> int:
        with psycopg.connect(self.database, options="-c search_path=fsroute") as connection:
            row = connection.execute(
                "select count(*) from contact where number_called = %s", [NUMBER]
            ).fetchone()
        assert row is not None
        return int(row[0])


@pytest.fixture(params=["vanilla", "minimal"])
def host(
    request: pytest.FixtureRequest, program: Path, postgres: str, migrated_template: str
) -> Iterator[Host]:
    conf = shipped(request.param)
    if conf is None:
        pytest.skip(f"FreeSWITCH's own configuration {request.param} is not here; {SHIPPED} may say where")
    folder = Path(tempfile.mkdtemp(prefix="fsroute-install-"))
    perform(postgres, f"create database fsroute_install template {migrated_template}")
    database = make_conninfo(postgres, dbname="fsroute_install")
    with psycopg.connect(database, options="-c search_path=fsroute") as connection:
        connection.execute("insert into contact_center values ('acme', 'Acme -- & <Sons>')")
        connection.execute("insert into number_called values (%s, 'acme', 'orders')", [NUMBER])
    gather_applications(folder / "applications")
    made = Host(program, folder, conf, database)
    try:
        made.switch.start()
        yield made
    finally:
        made.run.stop()
        made.switch.stop()
        perform(postgres, "drop database if exists fsroute_install with (force)")
        shutil.rmtree(folder, ignore_errors=True)


def test_a_switch_of_somebody_else_s_serves_fsroute_s_callers_and_is_left_as_it_was(host: Host) -> None:
    switch = host.switch
    before = switch.snapshot()

    shown = host.fsroute("install", "--dry-run")
    assert f"+++ {switch.conf}/dialplan/fsroute.xml" in shown
    assert "mod_spy" in shown, "what is the administrator's to do"
    assert switch.snapshot() == before, "a dry run changes nothing"

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as somebody:
        somebody.bind(("127.0.0.1", switch.ports.link))
        assert "does not start" in host.fsroute("install", status=1)
    assert switch.snapshot() == before, "what the switch cannot serve is taken back"
    assert "<" not in switch.api("xml_locate dialplan context name fsroute").strip()[:1]

    host.fsroute("install")
    assert "nothing to do" in host.fsroute("install")
    assert f"@127.0.0.1:{switch.ports.link}" in switch.api("sofia status")

    host.run.start()
    host.fsroute("queue", "add", "acme", "support", "--hold-music", MUSIC)
    host.fsroute("agent", "add", "ann", "--switch", "here-1", "--address", "user/1001", "--for", "acme")
    for module in ("mod_spy", "mod_tone_stream"):  # what the installation says is the administrator's to do
        switch.api(f"load {module}")
    assert host.not_well() == {}
    caller = sipp.callers(host.folder, "caller", 1, NUMBER, switch.ports.callers, patient=False)
    assert caller.finish(30) == 0, caller.problems()
    until(lambda: host.contacts() == 1)
    host.run.stop()

    until(lambda: "0 total" in switch.api("show channels"), 10)
    host.fsroute("uninstall")
    assert switch.snapshot() == before
    assert "fsroute" not in switch.api("sofia status")
    assert "fsroute" not in switch.api("xml_locate dialplan context name public")


def test_a_configuration_is_read_as_freeswitch_reads_it(host: Host) -> None:
    """FreeSWITCH leaves what its preprocessor made of the files beside its log.

    Read again, since variables that stand at the end count at the beginning then.
    """
    assert "[Success]" in host.switch.api("reloadxml")
    ours = read_tree(host.switch.conf, host.switch.variables(), {}).expanded.text
    theirs = (host.switch.folder / "log" / "freeswitch.xml.fsxml").read_bytes()
    assert ours.encode("utf-8", "surrogateescape") == theirs


def test_network_legs_have_a_module_s_timer_once_it_is_loaded_and_will_be(host: Host) -> None:
    switch = host.switch
    mod_dir = switch.variables()["mod_dir"]
    if switch.api(f"file_exists {mod_dir}/mod_posix_timer.so").strip() != "true":
        pytest.skip(f"this FreeSWITCH has no {mod_dir}/mod_posix_timer.so")
    text = host.run.configuration.read_text()
    host.run.configuration.write_text(f'{text}\n[install]\nrtp_timer = "posix"\n')
    before = switch.snapshot()
    assert "which FreeSWITCH has not loaded" in host.fsroute("install", status=1)
    switch.api("load mod_posix_timer")
    assert "would not be after FreeSWITCH's next start" in host.fsroute("install", status=1)
    assert switch.snapshot() == before

    modules = switch.conf / "autoload_configs/modules.conf.xml"
    line = '<modules>\n<load module="mod_posix_timer"/>'
    modules.write_text(modules.read_text().replace("<modules>", line))
    host.fsroute("install")
    assert 'name="rtp-timer-name" value="posix"' in switch.api(
        "xml_locate configuration configuration name sofia.conf"
    )
    assert "timers are as they should be" in host.fsroute("doctor", "--only", "switch-settings")
