"""Recorded network traffic that becomes captures: pcap and pcapng of whoever recorded it."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from fsroute.replay import format as captures
from fsroute.replay.faults import CaptureError
from fsroute.replay.importing import imported
from tests.fuzz.running import Target

FOLDER = Path(__file__).parents[2] / "unit" / "replay" / "pcap"
LONGEST_SEED = 300_000  # bytes

TOKENS = (
    b"\xd4\xc3\xb2\xa1",
    b"\xa1\xb2\xc3\xd4",
    b"\x4d\x3c\xb2\xa1",
    b"\x0a\x0d\x0d\x0a",
    b"\x06\0\0\0",
    b"\x01\0\0\0",
    b"\xff\xff\xff\xff",
    b"\0\0\0\0",
    b"\x45\0",
    b"\x60\0",
    b"connect\n\n",
    b"auth ClueCon\n\n",
    b"Content-Type: auth/request\n\n",
    b"Content-Length: 99999999\nContent-Type: text/event-plain\n\n",
)


def _seeds() -> Sequence[bytes]:
    return [path.read_bytes()[:LONGEST_SEED] for path in sorted(FOLDER.glob("*.pcap*"))]


def run(data: bytes) -> str:
    with tempfile.NamedTemporaryFile(suffix=".pcap") as file:
        file.write(data)
        file.flush()
        found = 0
        try:
            for capture in imported(Path(file.name)):
                found += 1
                captures.parse(captures.write(capture), "x.jsonl")
        except CaptureError:
            return f"refused after {min(found, 2)}"
    return f"{min(found, 2)} sessions"


TARGET = Target(_seeds, run, TOKENS)
