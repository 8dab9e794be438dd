"""`fsroute doctor` at a real switch: all well, and broken on purpose."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.live.two_sites import TwoSites
from tests.waiting import until

pytestmark = pytest.mark.live

NOT_OF_A_TEST = {
    "clock",
    "scheduling",
    "descriptors",
    "disk",
    "database-connections",
    "agents",
    "rules-check",
}
"""What depends on the machine that the tests run on, or on what other tests left in the database."""


class Doctor:
    """The command as a process of its own, with a configuration that a test may change."""

    def __init__(self, configuration: Path) -> None:
        self._configuration = configuration
        self.text = configuration.read_text()

    def examine(self, *options: str) -> tuple[int, dict[str, list[dict[str, Any]]]]:
        """The exit status, and the findings by check."""
        place = self._configuration.with_name("doctor.toml")
        place.write_text(self.text)
        place.chmod(0o600)
        command = [sys.executable, "-m", "fsroute", "doctor", "--json", "--config", str(place), *options]
        done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)
        assert done.stdout, done.stderr
        found: dict[str, list[dict[str, Any]]] = {}
        for each in json.loads(done.stdout)["findings"]:
            found.setdefault(each["check"], []).append(each)
        return done.returncode, found


@pytest.fixture
def doctor(two_sites: TwoSites) -> Doctor:
    two_sites.revive()
    return Doctor(two_sites.west_run.configuration)


def test_two_sites_that_are_well_have_no_finding(doctor: Doctor, two_sites: TwoSites) -> None:
    two_sites.execute(
        "insert into fsroute.contact_center (contact_center_id, name) values ('doctored', 'Doctored')"
        " on conflict do nothing"
    )
    two_sites.execute(
        "insert into fsroute.number_called values ('8005550999', 'doctored', 'orders') on conflict do nothing"
    )
    _, found = doctor.examine()
    wrong = {
        name: each
        for name, lines in found.items()
        for each in lines
        if each["state"] in ("warning", "failed") and name not in NOT_OF_A_TEST
    }
    assert wrong == {}
    assert {
        each["state"]
        for name in ("test-route", "numbers", "links", "link-codecs", "modules")
        for each in found[name]
    } == {"ok"}
    assert two_sites.west.channels() == 0, "the test route leaves nothing behind"
    assert two_sites.query("select 1 from fsroute.contact where strpos(number_called, 'doctor') > 0") == []


def test_a_wrong_password_is_told_from_a_wrong_port(doctor: Doctor, two_sites: TwoSites) -> None:
    right = doctor.text
    doctor.text = right.replace('password = "live-test"', 'password = "live-tesd"')
    status, found = doctor.examine("--only", "switch", "--only", "dialplan")
    assert status == 2
    assert "refuses the password" in found["event-socket"][0]["finding"]
    assert {each["state"] for name, lines in found.items() if name != "event-socket" for each in lines} == {
        "skipped"
    }
    ports = two_sites.west.ports
    doctor.text = right.replace(f"port = {ports.event_socket}", f"port = {ports.carrier}")
    _, found = doctor.examine("--only", "event-socket")
    assert "refused" in found["event-socket"][0]["finding"]
    assert "start FreeSWITCH" in found["event-socket"][0]["cure"]


def test_a_module_that_is_not_loaded_is_named(doctor: Doctor, two_sites: TwoSites) -> None:
    switch = two_sites.west
    switch.api("unload mod_spy")
    try:
        status, found = doctor.examine("--only", "modules")
    finally:
        switch.api("load mod_spy")
    assert (status, found["modules"][0]["finding"]) == (2, "not loaded: mod_spy")
    assert "load mod_spy" in found["modules"][0]["cure"]


def test_a_context_that_is_not_there_is_named(doctor: Doctor, two_sites: TwoSites) -> None:
    with _without(two_sites, "dialplan/fsroute_desk.xml"):
        status, found = doctor.examine("--only", "dialplan")
    assert status == 2
    assert found["contexts"][0]["finding"] == "the dialplan has no context fsroute_desk"


def test_numbers_that_lead_elsewhere_are_named(doctor: Doctor, two_sites: TwoSites) -> None:
    with _without(two_sites, "dialplan/public/00_fsroute.xml"):
        status, found = doctor.examine("--only", "numbers")
    assert status == 2
    assert "no_such_number" in found["numbers"][0]["finding"]


def test_a_call_server_that_does_not_run_is_found_by_the_test_route(
    doctor: Doctor, two_sites: TwoSites
) -> None:
    two_sites.west_run.kill()
    try:
        status, found = doctor.examine("--only", "dialplan", "--only", "ports")
    finally:
        two_sites.west_run.start()
    assert status == 2
    assert "NETWORK_OUT_OF_ORDER" in found["test-route"][0]["finding"]
    assert found["sockets"][0]["state"] == "failed"
    assert found["ports"][0]["state"] == "warning"


def test_a_switch_that_stands_still_does_not_keep_the_doctor(doctor: Doctor, two_sites: TwoSites) -> None:

    pid = two_sites.west.pid
    os.kill(pid, signal.SIGSTOP)
    try:
        status, found = doctor.examine("--only", "event-socket")
    finally:
        os.kill(pid, signal.SIGCONT)
    assert status == 2
    assert found["event-socket"][0]["state"] == "failed"
    two_sites.revive()


@contextmanager
def _without(sites: TwoSites, path: str) -> Iterator[None]:
    """A file of west's configuration is away meanwhile."""
    switch = sites.west
    file = switch.folder / "conf" / path
    text = file.read_text()
    file.unlink()
    try:
        until(lambda: "OK" in switch.api("reloadxml"), 10)
        yield
    finally:
        file.write_text(text)
        until(lambda: "OK" in switch.api("reloadxml"), 10)
