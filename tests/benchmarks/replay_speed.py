"""How many calls a second are replayed on one core.

    python -m tests.benchmarks.replay_speed FOLDER [SECONDS]

Every capture below FOLDER is replayed again and again for so many seconds (10), each time from the file on; printed are
calls and seconds of conversation per second of one core. Captures are made by ``fsroute run --capture``, or by the
flow tests.
"""

from __future__ import annotations

import sys
from pathlib import Path
from time import process_time

from fsroute.app import sample_folder
from fsroute.callserver.library import Library
from fsroute.ivr import load
from fsroute.replay import format as captures
from fsroute.replay.beside import Journals
from fsroute.replay.player import Player
from fsroute.replay.reading import paths_of


def main(folder: Path, seconds: float) -> None:
    application = load(Path(sample_folder()) / "orders")
    library = Library({application.name: application})
    files = list(paths_of([folder]))
    players = {file.parent: Player(Journals((file.parent,)), library) for file in files}
    calls, talked, differ = 0, 0.0, 0
    began = process_time()
    while process_time() - began < seconds:
        for file in files:
            capture = captures.load(file)
            differ += not players[file.parent].replay(capture).is_same
            calls += 1
            talked += capture.duration
    took = process_time() - began
    print(f"{len(files)} captures, {calls} replays, {differ} of them differ")
    print(f"{calls / took:8.1f} calls/s    {1000 * took / calls:6.2f} ms of CPU a call")
    print(f"{talked / took:8.1f} seconds of conversation in one")


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else 10.0)
