from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from fsroute.store.activity import ActivityWriting
from tests.fix_center import Center
from tests.integration.store.activity_rows import ANN, SUPPORT, writing


@pytest.fixture
def rows(center: Center) -> ActivityWriting:
    site = SUPPORT | {"source": "site", "queue": ""}
    found = writing(center)
    found.write({"whole": True, "agents": [ANN], "queues": [SUPPORT, site], "link": "up", "seen": True})
    return found


def fsroute(center: Center, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "FSROUTE_DATABASE_URL": center.database.conninfo, "HOME": str(folder)}
    return subprocess.run(
        [sys.executable, "-m", "fsroute", *arguments],
        capture_output=True, text=True, timeout=60, env=environment, check=True,
    )  # fmt: skip


def test_activity_is_shown_with_its_age(center: Center, rows: ActivityWriting, tmp_path: Path) -> None:
    lines = [line.split("\t") for line in fsroute(center, tmp_path, "activity").stdout.splitlines()]
    activity = next(line for line in lines if line[:2] == ["activity", "away"])
    assert activity[2:4] == ["east", "up"]
    assert activity[5:] == ["2", "1", "1", "0", "known"]
    line = next(line for line in lines if line[:4] == ["lines", "away", "callcenter", "support"])
    assert line[4] == "2"
    agent = next(line for line in lines if line[:3] == ["agents", "away", "callcenter"])
    assert agent[3:6] == ["ann", "available", "idle"]
    assert agent[-2:] == ["user/ann", "support:1"]


def test_activity_that_is_too_old_is_called_stale(
    center: Center, rows: ActivityWriting, tmp_path: Path
) -> None:
    center.sql("update site_activity set known_at = known_at - interval '1 minute'")
    assert "\tstale" in fsroute(center, tmp_path, "activity", "--no-agents", "--no-queues").stdout
    rows.write({"link": "down"})
    shown = fsroute(center, tmp_path, "status").stdout
    assert any(
        line.startswith("activity\taway") and line.endswith("\tlink down") for line in shown.splitlines()
    )


def test_activity_is_printed_as_json_for_one_site(
    center: Center, rows: ActivityWriting, tmp_path: Path
) -> None:
    [line] = fsroute(center, tmp_path, "activity", "--json", "--site", "east").stdout.splitlines()
    document = json.loads(line)
    assert (document["switch_id"], document["state"]) == ("away", "known")
    assert document["agents"][0]["agent"] == "ann"
    assert document["queues"][0]["windows"]["60"]["offered"] == 3
    assert fsroute(center, tmp_path, "activity", "--json", "--site", "west").stdout == ""
