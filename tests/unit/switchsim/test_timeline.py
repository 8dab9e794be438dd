from __future__ import annotations

from fsroute.switchsim.timeline import Heard, Timeline


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def timeline(*entries: tuple[float, str], end: float) -> Timeline:
    """What was heard from which second on."""
    clock = Clock()
    line = Timeline(clock)
    for at, what in entries:
        clock.now = 100.0 + at
        line.add(what)
    clock.now = 100.0 + end
    line.close()
    return line


def test_stretches_follow_each_other_up_to_the_end() -> None:
    line = timeline((0, "ringing"), (2, "file a.wav"), (5, "talking with Ann"), end=9)
    assert line.stretches() == [
        Heard(0, "ringing", 2),
        Heard(2, "file a.wav", 3),
        Heard(5, "talking with Ann", 4),
    ]


def test_what_goes_on_is_one_stretch() -> None:
    assert timeline((0, "ringing"), (1, "ringing"), end=2).stretches() == [Heard(0, "ringing", 2)]


def test_a_long_silence_is_noticed_and_a_short_one_is_not() -> None:
    line = timeline((0, "file a"), (1, "silence"), (1.2, "file b"), (2, "silence"), end=3)
    assert line.silences() == [Heard(2, "silence", 1)]


def test_a_change_taken_back_at_once_leaves_no_trace() -> None:
    line = timeline((0, "talking with Ann"), (1, "silence"), (1, "talking with Ann"), end=2)
    assert line.stretches() == [Heard(0, "talking with Ann", 2)]


def test_what_begins_with_the_end_leaves_no_trace() -> None:
    line = timeline((0, "file a"), (1, "silence"), end=1.0001)
    assert [one.what for one in line.stretches()] == ["file a"]


def test_nothing_is_heard_after_the_end() -> None:
    line = timeline((0, "ringing"), end=1)
    assert not line.add("file a")
    assert not line.heard("file a")
