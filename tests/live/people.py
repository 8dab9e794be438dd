"""How agents behave: functions for `Phone(…, behave)`."""

from __future__ import annotations

import gevent

from tests.live.sip import Call


def answers_at_once(call: Call) -> None:
    call.answer()


def never_answers(call: Call) -> None:
    call.ring()


def is_busy(call: Call) -> None:
    call.refuse(486, "Busy Here")


def declines(call: Call) -> None:
    call.refuse(603, "Decline")


def says_nothing(call: Call) -> None:
    """No response at all, as from a dead host."""


class AnswersAfter:
    """Rings, and answers after `seconds`."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def __call__(self, call: Call) -> None:
        call.ring()
        gevent.sleep(self._seconds)
        call.answer()
