from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest

from fsroute.acd.orders import Orders
from fsroute.errors import Unanswered
from fsroute.store.store import Store


class Transfers:
    """A command that was taken once, by a statement whose answer may have been lost."""

    def __init__(self, answers: list[object]) -> None:
        self._answers = answers
        self.finished: list[tuple[int, str]] = []

    def take(self, command_id: int, switch_id: str) -> object:
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def finish(self, command_id: int, result: str) -> None:
        self.finished.append((command_id, result))


def orders(transfers: Transfers) -> Orders:
    return Orders(cast(Store, SimpleNamespace(transfers=transfers)), "east-1", lambda agent_id: None)


def test_who_gave_a_command_that_was_taken_without_an_answer_is_told_that_it_was_not_done() -> None:
    transfers = Transfers([Unanswered("gone"), None])
    desk = orders(transfers)
    with pytest.raises(Unanswered):
        desk.signalled("x:7")
    desk.signalled("x:7")
    assert transfers.finished == [(7, "the database went away before it was done")]


def test_a_command_that_another_process_took_is_its_own() -> None:
    transfers = Transfers([None])
    orders(transfers).signalled("x:7")
    assert transfers.finished == []


def test_a_command_that_was_not_taken_after_all_is_done_when_it_is_told_again() -> None:
    command = SimpleNamespace(agent_id="ann", kind="hold", data={})
    transfers = Transfers([Unanswered("gone"), command])
    desk = orders(transfers)
    with pytest.raises(Unanswered):
        desk.signalled("x:7")
    desk.signalled("x:7")
    assert transfers.finished == [(7, "there is no talk")]
