"""``fsroute capture`` as an operator uses it: one program, real files."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from fsroute.replay import format as captures

ROOT = Path(__file__).parents[3]
CAPTURES = ROOT / "tests" / "captures"
PCAPS = ROOT / "tests" / "unit" / "replay" / "pcap"


def fsroute(*words: str | Path, fails: bool = False) -> str:
    """What it prints; its errors where it `fails`."""
    command = [sys.executable, "-m", "fsroute", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=ROOT, check=False)
    assert (done.returncode != 0) == fails, done.stderr
    return done.stderr if fails else done.stdout


def test_a_call_is_shown_as_a_ladder() -> None:
    said = fsroute("capture", "show", CAPTURES / "caller_hangs_up_while_bridged.jsonl")
    assert "─ connect ──" in said
    assert '"Ada Lovelace" <+14155550123> calls 8005550100' in said
    assert "Caller-Network-Addr" not in said
    everything = fsroute("capture", "show", "--all", CAPTURES / "caller_hangs_up_while_bridged.jsonl")
    assert "Caller-Network-Addr: 127.0.0.1" in everything


def test_what_a_caller_wrote_does_not_reach_the_terminal() -> None:
    said = fsroute("capture", "show", "--all", CAPTURES / "caller_id_tries_to_inject_headers.jsonl")
    assert "Robert\\nEvent-Name" in said
    assert all(line.isprintable() for line in said.splitlines())


def test_recorded_traffic_is_imported_listed_and_shown(tmp_path: Path) -> None:
    names = fsroute(
        "capture", "import", PCAPS / "loopback.pcap", "--to", tmp_path, "--situation", "a caller waits"
    )
    assert len(names.splitlines()) == 2
    (call,) = tmp_path.glob("2*.jsonl")
    assert captures.load(call).header.situation == "a caller waits"
    listed = fsroute("capture", "list", tmp_path).splitlines()
    assert len(listed) == 3
    assert any(call.name in line and "5550199" in line for line in listed)
    assert "a caller waits" in fsroute("capture", "show", call)


def test_traffic_is_scrubbed_as_it_is_imported(tmp_path: Path) -> None:
    fsroute("capture", "import", PCAPS / "cooked.pcapng", "--to", tmp_path, "--scrub")
    (call,) = tmp_path.glob("2*.jsonl")
    assert b"5550199" not in call.read_bytes()
    assert captures.load(call).header.scrubbed
    assert captures.load(call).is_whole


def test_what_cannot_be_read_says_where(tmp_path: Path) -> None:
    path = tmp_path / "broken.jsonl"
    path.write_bytes(b'{"capture":2}\n{"t":1,"from":"fsr')
    assert "broken.jsonl, line 2: the line is cut off" in fsroute("capture", "show", path, fails=True)
    assert "unreadable" in fsroute("capture", "list", tmp_path, fails=True)
    assert "neither pcap nor pcapng" in fsroute("capture", "import", path, "--to", tmp_path / "x", fails=True)
