"""Commands of then, as letters, and which one a command of now is taken for."""

from __future__ import annotations

from fsroute.replay.commands import Command
from fsroute.replay.pairing import Pairing
from fsroute.replay.roles import Roles
from fsroute.replay.script import Sent
from fsroute.replay.transcript import Said


class Now:
    """A clock that has come to the end of the recording."""

    def then(self) -> float:
        return 100.0

    def now_of(self, then: float) -> float:
        return then


def paired(then: str, now: str) -> list[str]:
    """For each command of now the one of then, with ~ where it is changed; - where there is none.

    A command is an application and its argument: ``p1`` plays 1, ``d1`` takes digits.
    """
    outputs = [
        Sent(float(number), Said(float(number), Command("execute", word[0], word[1:]), b"", number), word[1:])
        for number, word in enumerate(then.split())
    ]
    pairing = Pairing(outputs, Roles())
    for word in now.split():
        pairing.take(("execute", word[0], ""), word[1:], 0.0, Now())
    return ["-" if pair.then is None else f"{'' if pair.same else '~'}{pair.then}" for pair in pairing.pairs]


def test_the_same_is_the_same() -> None:
    assert paired("p1 d1 p2", "p1 d1 p2") == ["0", "1", "2"]


def test_one_with_another_argument_is_changed() -> None:
    assert paired("p1 d1 p2", "p1 d9 p2") == ["0", "~1", "2"]


def test_one_that_is_left_out_disturbs_no_other() -> None:
    assert paired("p1 p2 d1 p3", "p1 d1 p3") == ["0", "2", "3"]


def test_a_new_one_is_told_from_a_changed_one_by_what_follows() -> None:
    assert paired("p1 p2", "p9 p1 p2") == ["-", "0", "1"]


def test_another_application_is_new() -> None:
    assert paired("p1 p2", "p1 b7 p2") == ["0", "-", "1"]


def test_two_in_another_order_are_both_found() -> None:
    assert paired("p1 d1 p2", "d1 p1 p2") == ["1", "0", "2"]
