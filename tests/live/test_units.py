"""The package's units under a real systemd, beside a real FreeSWITCH: started, killed, restarted, used, purged.

All of it happens on a machine of its own (``machine.py``), which the tests share in their order: the last one takes
the package away.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from string import Template

import pytest

from tests.live.freeswitch import PASSWORD, Ports
from tests.live.machine import Machine, NoMachine, obstacle
from tests.live.own_switch import SHIPPED, OwnSwitch, shipped
from tests.live.rtp import tone
from tests.live.sipp import SCENARIOS
from tests.waiting import until

pytestmark = [pytest.mark.live, pytest.mark.timeout(900)]

ROOT = Path(__file__).resolve().parents[2]
NUMBER = "8005550166"
ROUTER, DATABASE = "fsroute.service", "fsroute-database.service"
MACHINES = {"clock", "scheduling", "descriptors", "disk", "database-connections"}
"""Checks whose outcome depends on the machine that the tests run on."""

CONFIGURATION = f"""\
state_dir = "/var/lib/fsroute"
secrets_file = "secrets.toml"

[site]
site_id = "here"
switch_id = "here-1"

[links]
address = "127.0.0.1:5090"

[dialplan]
numbers = ["{NUMBER}"]

[capture]
folder = "/var/lib/fsroute/captures"
"""

FREESWITCH = """\
[Service]
User=freeswitch
Group=freeswitch
ExecStart={program} -nf -nc -np -nonat -conf /etc/freeswitch -log /var/log/freeswitch \
 -run /run/freeswitch -db /var/lib/freeswitch/db -storage /var/lib/freeswitch/storage \
 -recordings /var/lib/freeswitch/recordings -sounds /usr/share/freeswitch/sounds -cache /var/lib/freeswitch/cache \
 -certs /etc/freeswitch/tls
RuntimeDirectory=freeswitch
LimitNOFILE=100000
UMask=0007
"""
"""As FreeSWITCH's package runs it: its own user, nothing open to others."""

FOLDERS = """\
useradd --system --user-group --home-dir /var/lib/freeswitch --shell /usr/sbin/nologin freeswitch
mkdir -p /run/freeswitch /var/log/freeswitch /usr/share/freeswitch/sounds
mkdir -p /var/lib/freeswitch/db /var/lib/freeswitch/storage /var/lib/freeswitch/recordings /var/lib/freeswitch/cache
chown -R freeswitch:freeswitch /etc/freeswitch /var/lib/freeswitch /var/log/freeswitch /usr/share/freeswitch
chmod -R o-rwx /etc/freeswitch /var/lib/freeswitch
chmod 2750 /var/lib/freeswitch/recordings
"""


@pytest.fixture(scope="module")
def machine(package: Path, program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """With FreeSWITCH's vanilla configuration, where its package puts it, and fsroute's package, nothing started."""
    if why := obstacle():
        pytest.skip(f"no systemd of its own can be started here: {why}")
    folder = tmp_path_factory.mktemp("units")
    made = Machine(folder / "machine")
    try:
        made.boot()
    except NoMachine as error:
        made.stop()
        pytest.skip(f"no systemd of its own can be started here: {error}")
    try:
        _put_freeswitch(made, program, folder)
        made.put("/tmp/fsroute.deb", package.read_bytes())
        made.do("dpkg", "--install", "/tmp/fsroute.deb")
        made.put("/etc/fsroute/fsroute.toml", CONFIGURATION, "0640")
        made.put("/etc/fsroute/secrets.toml", f'[event_socket]\npassword = "{PASSWORD}"\n', "0600")
        yield made
    finally:
        made.stop()


def _put_freeswitch(machine: Machine, program: Path, folder: Path) -> None:
    conf = shipped("vanilla")
    if conf is None:
        pytest.skip(f"FreeSWITCH's own configuration vanilla is not here; {SHIPPED} may say where")
    ports = Ports(16384, callers=5080, agents=5060, link=5090, event_socket=8021)
    machine.put_tree(OwnSwitch(program, folder / "switch", conf, ports).conf, "/etc/freeswitch")
    machine.do("sh", "-ec", FOLDERS)
    machine.put("/etc/systemd/system/freeswitch.service", FREESWITCH.format(program=program))
    machine.do("systemctl", "daemon-reload")


def _main(machine: Machine, unit: str) -> int:
    return int(machine.property(unit, "MainPID"))


def _server(machine: Machine) -> int:
    """The PostgreSQL that runs in the unit that is there for it."""
    found = [number for number, line in machine.processes(DATABASE).items() if "cluster_name=fsroute" in line]
    assert len(found) == 1
    return found[0]


def _serves(machine: Machine) -> bool:
    return machine.property(ROUTER, "ActiveState") == "active" and "coordinator" in machine.do(
        "fsroute", "status"
    )


def _is_back(machine: Machine, unit: str, before: int) -> bool:
    now = _main(machine, unit)
    return now not in (0, before) and machine.property(unit, "ActiveState") == "active"


def _freeswitch(machine: Machine, command: str) -> str:
    words = ["/opt/freeswitch/bin/fs_cli"] if not machine.attempt("which", "fs_cli").stdout else ["fs_cli"]
    return machine.attempt(*words, "-p", PASSWORD, "-x", command).stdout.decode(errors="replace")


def test_whoever_starts_fsroute_has_its_database_first_and_then_a_router_that_serves(
    machine: Machine,
) -> None:
    machine.do("systemctl", "start", ROUTER)
    for unit in (DATABASE, ROUTER):
        assert machine.property(unit, "ActiveState") == "active"
        user = machine.do("ps", "-o", "user=", "-p", str(_main(machine, unit)))
        assert user.strip() == "fsroute"
    assert "coordinator" in machine.do("fsroute", "status")
    assert len(machine.processes(ROUTER)) == 1, "the database is not the router's"
    _server(machine)
    for unit in (DATABASE, ROUTER):
        assert machine.property(unit, "NRestarts") == "0"


def test_the_journal_knows_what_is_a_warning(machine: Machine) -> None:
    lines = machine.do("journalctl", "--unit", ROUTER, "--output", "json").splitlines()
    priorities = {json.loads(line)["PRIORITY"] for line in lines}
    assert {"4", "6"} <= priorities, "no FreeSWITCH is there yet: a warning"
    assert all("MESSAGE" in json.loads(line) and "<6>" not in line for line in lines)


def test_a_router_that_is_killed_is_back_and_its_database_was_there_all_the_time(machine: Machine) -> None:
    router, server = _main(machine, ROUTER), _server(machine)
    machine.do("kill", "-KILL", str(router))
    until(lambda: _is_back(machine, ROUTER, router), 10)
    assert _serves(machine)
    assert _server(machine) == server


def test_a_database_that_is_killed_comes_back_in_its_own_unit(machine: Machine) -> None:
    """Were it the router that starts it, the next restart of the router would kill it."""
    router, keeper = _main(machine, ROUTER), _main(machine, DATABASE)
    machine.do("kill", "-KILL", str(keeper))
    until(lambda: _is_back(machine, DATABASE, keeper), 10)
    server = _server(machine)
    until(lambda: _serves(machine), 10)
    assert _main(machine, ROUTER) == router
    machine.do("systemctl", "restart", ROUTER)
    assert _serves(machine)
    assert _server(machine) == server


def test_a_database_that_is_stopped_is_shut_down_and_the_router_goes_on_with_the_next(
    machine: Machine,
) -> None:
    router = _main(machine, ROUTER)
    machine.do("systemctl", "stop", DATABASE)
    logged = "grep -h 'database system is shut down' /var/lib/fsroute/postgres/log/*.log"
    assert machine.do("sh", "-c", logged)
    assert machine.property(ROUTER, "ActiveState") == "active"
    machine.do("systemctl", "start", DATABASE)
    until(lambda: _serves(machine), 10)
    assert _main(machine, ROUTER) == router


def test_the_units_may_do_no_more_than_they_must(machine: Machine) -> None:
    machine.put("/home/secret", "a secret of somebody's")
    for unit in (DATABASE, ROUTER):
        process = str(_main(machine, unit))
        status = machine.do("cat", f"/proc/{process}/status")
        assert re.search(r"(?m)^CapEff:\s+0+$", status)
        assert re.search(r"(?m)^NoNewPrivs:\s+1$", status)
        assert re.search(r"(?m)^Seccomp:\s+2$", status)
        inside = ("nsenter", "--target", process, "--mount", "--")
        for refused in ("/etc/fsroute/made", "/usr/made", "/etc/freeswitch/made"):
            assert "Read-only file system" in machine.do(*inside, "touch", refused, status=1)
        assert machine.attempt(*inside, "test", "-e", "/home/secret").returncode == 1
        assert machine.attempt(*inside, "test", "-e", "/tmp/fsroute.deb").returncode == 1


def test_a_call_goes_through_all_of_it(machine: Machine) -> None:
    machine.do("systemctl", "start", "freeswitch")
    until(lambda: "external\t" in _freeswitch(machine, "sofia status"), 60)
    machine.do("fsroute", "center", "add", "acme", "--name", "Acme")
    machine.do("fsroute", "queue", "add", "acme", "support", "--skill", "orders")
    machine.do("fsroute", "number", "add", NUMBER, "--center", "acme", "--application", "orders")
    before = _tree(machine)
    machine.put("/tmp/before", before)
    machine.do("fsroute", "install")
    _freeswitch(machine, "load mod_spy")  # what is the administrator's to do
    until(lambda: _serves(machine), 10)

    machine.put("/tmp/caller.pcmu", b"".join(tone(440)))
    ending = (SCENARIOS / "hangs_up.xml").read_text()
    scenario = Template((SCENARIOS / "caller.xml").read_text()).substitute(
        audio="/tmp/caller.pcmu", ending=ending
    )
    machine.put("/tmp/caller.xml", scenario)
    local = ("-i", "127.0.0.1", "-mi", "127.0.0.1", "-p", "7000", "-mp", "7100", "-nostdin")
    machine.do("sipp", "127.0.0.1:5080", "-sf", "/tmp/caller.xml", "-s", NUMBER, "-m", "1", *local, limit=60)

    until(lambda: ".jsonl" in machine.do("ls", "/var/lib/fsroute/captures"), 10)
    until(lambda: "0 violations" in machine.attempt("fsroute", "audit").stdout.decode(), 10)
    assert "0 total" in _freeswitch(machine, "show channels")


def test_each_reads_what_the_other_writes_for_it(machine: Machine) -> None:
    machine.do("sh", "-ec", "umask 027; echo sound > /var/lib/freeswitch/recordings/a.wav")
    machine.do("chown", "-R", "freeswitch:freeswitch", "/var/lib/freeswitch/recordings")
    as_fsroute = ("setpriv", "--reuid=fsroute", "--regid=fsroute", "--init-groups")
    as_freeswitch = ("setpriv", "--reuid=freeswitch", "--regid=freeswitch", "--init-groups")
    machine.do("chmod", "0750", "/var/lib/freeswitch")
    machine.do(*as_fsroute, "cat", "/var/lib/freeswitch/recordings/a.wav")
    machine.do(*as_freeswitch, "sh", "-ec", "umask 007; echo voice > /var/lib/fsroute/voice_messages/a.wav")
    machine.do(*as_fsroute, "cat", "/var/lib/fsroute/voice_messages/a.wav")
    for own in ("/etc/fsroute/secrets.toml", "/var/lib/fsroute/postgres/pgpass", "/var/lib/fsroute/captures"):
        assert machine.attempt(*as_freeswitch, "cat", own).returncode == 1
        assert "Permission denied" in machine.do(*as_freeswitch, "ls", f"{own}/", status=2) or own.endswith(
            (".toml", "pgpass")
        )


def test_the_doctor_finds_both_services_well(machine: Machine) -> None:
    told = json.loads(machine.attempt("fsroute", "doctor", "--json").stdout)
    failed = [
        each for each in told["findings"] if each["state"] == "failed" and each["check"] not in MACHINES
    ]
    assert failed == []


def test_the_backup_of_the_documentation_is_made(machine: Machine) -> None:
    page = (ROOT / "docs" / "backup.md").read_text()
    found = re.search(r"(?s)# /etc/systemd/system/fsroute-backup\.service.*?\n(.*?)\n\n# /etc", page)
    prepared = re.search(r"(?m)^install -d .*/var/backups/fsroute$", page)
    assert found is not None
    assert prepared is not None
    machine.put("/etc/systemd/system/fsroute-backup.service", found[1])
    machine.do("sh", "-ec", prepared[0])
    machine.do("systemctl", "daemon-reload")
    machine.do("systemctl", "start", "fsroute-backup")
    assert machine.do("ls", "/var/backups/fsroute").count(".dump\n") == 1


def test_with_another_database_there_is_none_to_keep(machine: Machine) -> None:
    url = 'url = "host=/var/lib/fsroute/nowhere dbname=fsroute"'
    machine.put(
        "/etc/fsroute/secrets.toml", f'[event_socket]\npassword = "{PASSWORD}"\n[database]\n{url}\n', "0600"
    )
    machine.do("systemctl", "stop", ROUTER, DATABASE)
    machine.do("systemctl", "start", DATABASE)
    until(lambda: machine.property(DATABASE, "ActiveState") == "inactive", 10)
    assert machine.property(DATABASE, "Result") == "success"
    assert machine.property(DATABASE, "NRestarts") == "0"
    machine.put("/etc/fsroute/secrets.toml", f'[event_socket]\npassword = "{PASSWORD}"\n', "0600")
    machine.do("systemctl", "start", ROUTER)
    assert _serves(machine)


def test_an_upgrade_restarts_both_and_leaves_what_the_administrator_wrote(machine: Machine) -> None:
    before = [_main(machine, unit) for unit in (DATABASE, ROUTER)]
    machine.do("dpkg", "--install", "/tmp/fsroute.deb")
    assert all(_is_back(machine, unit, old) for unit, old in zip((DATABASE, ROUTER), before, strict=True))
    assert _serves(machine)
    assert "acme" in machine.do("fsroute", "status")
    assert machine.do("cat", "/etc/fsroute/fsroute.toml") == CONFIGURATION
    assert machine.do("stat", "-c", "%a %U", "/etc/fsroute/secrets.toml").strip() == "600 fsroute"


def test_what_is_stopped_is_stopped_in_order_and_what_is_purged_is_gone(machine: Machine) -> None:
    machine.do("fsroute", "uninstall")
    assert _tree(machine) == machine.do("cat", "/tmp/before")
    said = len(_stopped(machine))
    machine.do("dpkg", "--purge", "fsroute")
    until(lambda: len(_stopped(machine)) == said + 2, 10)
    assert _stopped(machine)[said:] == [ROUTER, DATABASE]
    for left in (
        "/etc/fsroute",
        "/var/lib/fsroute",
        "/usr/lib/fsroute",
        "/lib/systemd/system/fsroute.service",
    ):
        assert machine.attempt("test", "-e", left).returncode == 1, left
    assert "fsroute.service" not in machine.do("systemctl", "list-unit-files", "--no-pager")
    running = "ps -e -o user= -o args= | grep -c '^fsroute\\|[c]luster_name=fsroute'"
    assert machine.do("sh", "-c", running, status=1).strip() == "0"


def _stopped(machine: Machine) -> list[str]:
    """The units of ours that systemd says it has stopped, in order."""
    said = machine.do("journalctl", "_PID=1", "--output", "cat")
    return re.findall(r"(?m)^Stopped (fsroute[-a-z]*\.service)", said)


def _tree(machine: Machine) -> str:
    """Each file and folder of FreeSWITCH's configuration and sounds: mode, owner, time, and what is in it."""
    each = r"find /etc/freeswitch /usr/share/freeswitch -printf '%p %y %m %u:%g %T@\n' | sort"
    content = "find /etc/freeswitch /usr/share/freeswitch -type f -exec sha256sum {} + | sort"
    return machine.do("sh", "-ec", f"{each}; {content}")
