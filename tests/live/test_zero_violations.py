"""After everything else: what must always hold did hold, in all the calls of this run."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.live.figures import noted
from tests.live.two_sites import TwoSites
from tests.waiting import until

pytestmark = pytest.mark.live


def test_no_channel_and_no_reservation_is_left(two_sites: TwoSites) -> None:
    until(lambda: two_sites.channels() == 0)
    assert not two_sites.live_reservations()
    assert not two_sites.query("select * from contact where ended_at is null")
    assert not two_sites.query("select * from proxy_call where ended_at is null")


def test_the_audit_finds_no_violation(two_sites: TwoSites) -> None:
    configuration = str(two_sites.east_run.configuration)
    audit = subprocess.run(
        [sys.executable, "-m", "fsroute", "audit", "--config", configuration], capture_output=True, text=True
    )
    noted(f"audit over all calls of the run: {audit.stdout.strip().splitlines()[-1]}")
    assert (audit.returncode, "0 violations" in audit.stdout) == (0, True), (
        audit.stdout[-4000:] + audit.stderr
    )


def test_no_process_complained(two_sites: TwoSites) -> None:
    for run in (two_sites.west_run, two_sites.east_run):
        assert "Traceback" not in run.log(), run.log()[run.log().index("Traceback") - 300 :][:3000]
