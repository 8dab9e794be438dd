"""How many calls a second are replayed on one core.

    python -m tests.benchmarks.replay_speed [FOLDER] [SECONDS]

Every capture below FOLDER (tests/replay/captures, calls of a real FreeSWITCH) is replayed again and again for so many
seconds (10), each time from the file on; printed are calls and seconds of conversation per second of one core, and
whether all that fsroute sent, to the microsecond, was the same each time. Captures are made by
``fsroute run --capture``.
"""

from __future__ import annotations

import sys
import tempfile
from hashlib import sha256
from pathlib import Path
from time import process_time

from fsroute.callserver.library import Library
from fsroute.ivr import load
from fsroute.replay import format as captures
from fsroute.replay.beside import Journals
from fsroute.replay.player import Player
from fsroute.replay.reading import paths_of
from tests.replay.situations import FOLDER, gather


def library() -> Library:
    with tempfile.TemporaryDirectory() as folder:
        loaded = [load(each) for each in sorted(gather(Path(folder) / "applications").iterdir())]
    return Library({each.name: each for each in loaded})


def main(folder: Path, seconds: float) -> None:
    applications = library()
    files = list(paths_of([folder]))
    players = {file.parent: Player(Journals((file.parent,)), applications) for file in files}
    calls, talked, differ = 0, 0.0, 0
    results: dict[Path, set[bytes]] = {file: set() for file in files}
    began = process_time()
    while process_time() - began < seconds:
        for file in files:
            capture = captures.load(file)
            found = players[file.parent].replay(capture)
            differ += not found.is_same
            results[file].add(sha256(repr(found.sent).encode()).digest())
            calls += 1
            talked += capture.duration
    took = process_time() - began
    changing = sum(len(each) > 1 for each in results.values())
    print(
        f"{len(files)} captures, {calls} replays, {differ} of them differ, {changing} captures gave two results"
    )
    print(f"{calls / took:8.1f} calls/s    {1000 * took / calls:6.2f} ms of CPU a call")
    print(f"{talked / took:8.1f} seconds of conversation in one")


if __name__ == "__main__":
    given = sys.argv[1:]
    main(Path(given[0]) if given else FOLDER, float(given[1]) if len(given) > 1 else 10.0)
