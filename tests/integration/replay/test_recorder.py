"""The recorder: what it keeps, what it leaves out, and that nothing that happens to its disk happens to the calls."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import gevent
import pytest

from fsroute.errors import ConfigurationError
from fsroute.replay import format as captures
from fsroute.replay.faults import Truncated
from fsroute.replay.folder import Folder, Kept, call_name, link_name, stamp, too_many
from fsroute.replay.format import Capture, Side
from fsroute.replay.recorder import About, OutboundTap, Recorder
from fsroute.replay.writer import Limits
from tests.waiting import until

UUID = "c7512d7c-87d0-4091-88d4-79bed36e095e"
CHANNEL = f"Event-Name: CHANNEL_DATA\nUnique-ID: {UUID}\nContent-Type: command/reply\n\n".encode()
NOW = 1_764_362_172.5


class FullDisk(Folder):
    """A folder on a disk that is full while `is_full`."""

    is_full = False

    def append(self, part: str, *pieces: bytes) -> None:
        if self.is_full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        super().append(part, *pieces)


class Counting(Folder):
    writes = 0

    def append(self, part: str, *pieces: bytes) -> None:
        self.writes += 1
        super().append(part, *pieces)


def recorder(
    path: Path, limits: Limits | None = None, *, sample: float = 1.0, max_queue: int = 1 << 20
) -> Recorder:
    return Recorder(
        FullDisk(path), limits or Limits(), About("east", "east-1"), lambda: NOW, sample=sample, max_queue=max_queue,
        retry=0.1, patience=0.2, switch_version=lambda: "FreeSWITCH 1.11.1",
    )  # fmt: skip


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Recorder]:
    made = recorder(tmp_path / "kept")
    made.start()
    yield made
    made.stop()


def tapped(by: Recorder, uuid: str = UUID) -> OutboundTap:
    """A call that has begun."""
    tap = by.outbound()
    assert tap is not None
    tap.sent(b"connect\n\n")
    data = CHANNEL.replace(UUID.encode(), uuid.encode())
    tap.received(data[:30])
    tap.received(data[30:])
    return tap


def kept(path: Path) -> list[Capture]:
    return [captures.load(each) for each in sorted(path.glob("*.jsonl"))]


def test_a_call_is_kept_under_its_name(running: Recorder, tmp_path: Path) -> None:
    tap = tapped(running)
    tap.noted({"contact_center": "ac/me"})
    tap.closed("FreeSWITCH has ended the session")
    tap.noted({"outcome": "served"})
    tap.finished()
    running.stop()
    (capture,) = kept(tmp_path / "kept")
    assert capture.name == "20251128T203612.500Z-ac_me-c7512d7c.jsonl"
    assert capture.said_by(Side.FREESWITCH) == CHANNEL
    assert capture.header.freeswitch == "FreeSWITCH 1.11.1"
    assert capture.facts == {
        "contact_center": "ac/me", "outcome": "served", "end": "FreeSWITCH has ended the session",
    }  # fmt: skip
    assert capture.is_whole
    assert list((tmp_path / "kept").iterdir()) == [tmp_path / "kept" / capture.name]


def test_the_sample_is_of_channels_and_the_same_everywhere(tmp_path: Path) -> None:
    one, other = recorder(tmp_path / "one", sample=0.25), recorder(tmp_path / "other", sample=0.25)
    uuids = [f"{number:08x}-67d0-4091-88d4-79bed36e095e" for number in range(2000)]
    chosen = {uuid for uuid in uuids if one.is_sampled(uuid)}
    assert chosen == {uuid for uuid in uuids if other.is_sampled(uuid)}
    assert 400 < len(chosen) < 600
    one.start()
    for uuid in uuids[:40]:
        tapped(one, uuid).finished()
    one.stop()
    assert len(kept(tmp_path / "one")) == len(chosen & set(uuids[:40]))


def test_a_call_that_is_over_soon_costs_one_write(tmp_path: Path) -> None:
    made = Recorder(counting := Counting(tmp_path), Limits(), About("east", "east-1"), lambda: NOW)
    made.start()
    tap = tapped(made)
    for number in range(200):
        tap.received(b"x" * 200)
        tap.noted({"step": number})
    tap.finished()
    made.stop()
    assert counting.writes == 1
    (capture,) = kept(tmp_path)
    assert capture.is_whole
    assert len(capture.lines) == 2 + 1 + 400 + 1
    assert [note.facts["step"] for note in capture.notes if "step" in note.facts] == list(range(200))


def test_what_a_long_call_has_said_is_not_kept_in_memory(tmp_path: Path) -> None:
    made = recorder(tmp_path)
    made.start()
    tap = tapped(made)
    for _ in range(40):
        tap.received(b"x" * 10_000)
        gevent.sleep(0)
    until(lambda: sum(path.stat().st_size for path in tmp_path.glob("*.part")) > 400_000, 10)
    tap.received(b'\xff not UTF-8 \x00"\\')
    tap.finished()
    made.stop()
    (capture,) = kept(tmp_path)
    assert capture.said_by(Side.FREESWITCH) == CHANNEL + b"x" * 400_000 + b'\xff not UTF-8 \x00"\\'


def test_a_call_that_is_too_long_is_cut_and_says_so(tmp_path: Path) -> None:
    made = recorder(tmp_path, Limits(max_file_size=1000))
    made.start()
    tap = tapped(made)
    for _ in range(50):
        tap.received(b"x" * 100)
    tap.finished()
    made.stop()
    (capture,) = kept(tmp_path)
    facts = capture.facts
    assert facts["truncated"] == "max_file_size"
    assert facts["dropped"] + len(capture.said_by(Side.FREESWITCH)) == 5000 + len(CHANNEL)
    assert not capture.is_whole


def test_a_link_goes_on_in_another_file_between_two_frames(tmp_path: Path) -> None:
    made = recorder(tmp_path, Limits(max_file_size=1000))
    made.start()
    tap = made.inbound("events")
    assert tap is not None
    tap.sent(b"auth ClueCon\n\n")
    frame = b"Content-Length: 100\nContent-Type: text/event-plain\n\n" + b"y" * 100
    said = b"Content-Type: auth/request\n\n" + frame * 40
    for at in range(0, len(said), 77):
        tap.received(said[at : at + 77])
    tap.closed("closed by us")
    made.stop()
    found = sorted(kept(tmp_path), key=lambda each: each.header.part)
    assert len(found) > 2
    assert [each.header.part for each in found] == list(range(1, len(found) + 1))
    assert [each.header.continues for each in found[1:]] == [each.name for each in found[:-1]]
    assert [each.header.joined for each in found] == [False] + [True] * (len(found) - 1)
    assert b"".join(each.said_by(Side.FREESWITCH) for each in found) == said
    assert all(each.said_by(Side.FREESWITCH).startswith(b"Content-") for each in found[:-1])
    assert found[0].said_by(Side.FSROUTE) == b"auth ***\n\n"


def test_a_full_queue_stops_capturing_and_nothing_else(tmp_path: Path) -> None:
    made = recorder(tmp_path, max_queue=20_000)
    made.start()
    tap = tapped(made)
    for _ in range(300):
        tap.received(b"x" * 1000)  # faster than any thread: the hub does not give way in between
    assert made.stops == 1
    assert made.outbound() is None
    tap.noted({"outcome": "served"})
    tap.closed("over")
    tap.finished()
    until(lambda: made.runs, 10)
    later = tapped(made, "later678")
    later.finished()
    made.stop()
    cut, whole = sorted(kept(tmp_path), key=lambda each: each.name)
    assert not cut.is_whole
    assert cut.facts["truncated"]
    assert whole.is_whole


def test_a_full_disk_stops_capturing_until_there_is_room(tmp_path: Path) -> None:
    made = recorder(tmp_path)
    made.start()
    folder = made._folder
    assert isinstance(folder, FullDisk)
    tap = tapped(made)
    until(lambda: any(tmp_path.glob("*.part")), 10)
    folder.is_full = True
    tap.received(b"x" * 100_000)
    until(lambda: not made.runs, 10)
    assert made.stops == 1
    assert made.outbound() is None
    tap.finished()
    folder.is_full = False
    until(lambda: made.runs, 10)
    tapped(made, "later678").finished()
    made.stop()
    cut, whole = sorted(kept(tmp_path), key=lambda each: each.name)
    assert (cut.facts["truncated"], cut.said_by(Side.FREESWITCH)) == ("given up", CHANNEL)
    assert whole.is_whole


def test_a_folder_that_cannot_be_written_to_is_refused_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="captures cannot be kept in"):
        recorder(tmp_path / "file" / "kept").start()


DIES = """
from gevent import monkey
monkey.patch_all()
import os, sys
from pathlib import Path
import tests.integration.replay.test_recorder as here
made = here.recorder(Path(sys.argv[1]))
made.start()
here.tapped(made)
here.until(lambda: any(Path(sys.argv[1]).glob("*.part")), 10)
os._exit(1)
"""


def test_what_a_crash_leaves_says_that_it_is_cut_off(tmp_path: Path) -> None:
    command = [sys.executable, "-c", DIES, str(tmp_path)]
    subprocess.run(command, check=False, timeout=60, cwd=Path(__file__).parents[3])
    (part,) = tmp_path.glob("*.part")
    with part.open("ab") as file:
        file.write(b'{"t":7.1,"from":"fsr')
    with pytest.raises(Truncated):
        captures.load(part)
    alive = recorder(tmp_path)
    alive.start()
    tap = tapped(alive, "alive678")
    until(lambda: any(tmp_path.glob("*.part")), 10)
    second = Folder(tmp_path)  # another process of the same folder
    second.open()
    assert len(list(tmp_path.glob("*.part"))) == 1, "what is being written is left alone"
    second.close()
    tap.finished()
    alive.stop()
    cut, whole = sorted(kept(tmp_path), key=lambda each: "alive" in each.name)
    assert (cut.facts["end"], cut.facts["truncated"]) == ("the process ended", "the process ended")
    assert cut.said_by(Side.FREESWITCH) == CHANNEL
    assert whole.is_whole
    assert [each.name for each in tmp_path.iterdir() if each.name.startswith(".")] == []


# What is deleted ---------------------------------------------------------------------------------------------


def call(age: float, size: int = 10, length: float = 60.0) -> Kept:
    return Kept(call_name(NOW - age - length, "acme", f"{int(age):08x}"), size, NOW - age)


def journal(age: float, number: int, size: int = 10) -> Kept:
    return Kept(f"journal-{stamp(NOW - 100_000)}-{number}.jsonl", size, NOW - age)


def test_what_is_too_old_goes_and_then_the_oldest_until_the_rest_fits() -> None:
    files = [call(10), call(20), call(30), call(4000)]
    assert too_many(files, NOW, 3600, 1000) == [call(4000).name]
    assert too_many(files, NOW, 3600, 20) == [call(4000).name, call(30).name]
    assert too_many(files, NOW, 3600, 0) == [
        each.name for each in sorted(files, key=lambda each: each.written)
    ]


def test_a_journal_stays_as_long_as_a_call_that_may_point_into_it() -> None:
    files = [journal(1000, 1), call(990), journal(500, 2), call(400), journal(100, 3)]
    assert too_many(files, NOW, 3600, 1000) == []
    assert too_many(files, NOW, 600, 1000) == [call(990).name, journal(1000, 1).name, journal(500, 2).name]
    assert too_many([journal(5000, 1)], NOW, 3600, 1000) == [journal(5000, 1).name]


def test_links_count_as_calls() -> None:
    old = Kept(link_name(NOW - 9000, "east-1", "events", 2), 10, NOW - 8000)
    assert too_many([old], NOW, 3600, 1000) == [old.name]


def test_files_of_others_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    name = call_name(1.0, "acme", "12345678")
    (tmp_path / name).write_text("")
    os.utime(tmp_path / name, (1, 1))
    folder = Folder(tmp_path)
    folder.open()
    assert folder.tidy(NOW, 10.0, 1000) == 1
    folder.close()
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
