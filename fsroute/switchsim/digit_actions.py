"""Digit actions (``bind_digit_action``): digits that a leg catches before anybody else has them.

As in switch_ivr_async.c (switch_ivr_dmachine_*): a realm has bindings; digits that may yet become one wait, digits
that cannot pass on at once, all of them, and so do those that waited too long. A realm of one regular expression
lets nothing pass until it matches.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import gevent

USUAL_TIMEOUT = 1.5  # seconds between two digits


@dataclass(frozen=True, slots=True)
class Binding:
    """What a row of digits does: runs `application` with `argument`."""

    digits: str  # or a regular expression after ~
    application: str
    argument: str

    @property
    def expression(self) -> re.Pattern[str] | None:
        return re.compile(self.digits[1:]) if self.digits.startswith("~") else None


class DigitActions:
    """Those of one channel. `act` performs a binding for the digits caught, `pass_on` gives digits on."""

    def __init__(
        self,
        act: Callable[[Binding, str], None],
        pass_on: Callable[[str], None],
        timeout: float = USUAL_TIMEOUT,
    ) -> None:
        self._act = act
        self._pass_on = pass_on
        self._timeout = timeout
        self._realms: dict[str, list[Binding]] = {}
        self._realm = ""
        self._waiting = ""
        self._timer: gevent.Greenlet[..., None] | None = None

    def bind(self, realm: str, binding: Binding) -> None:
        """Add a binding; the first realm that is bound is the one in use."""
        self._realms.setdefault(realm, []).append(binding)
        self._realm = self._realm or realm

    def choose(self, realm: str) -> None:
        self._realm = realm
        self._let_pass()

    def feed(self, digit: str) -> None:
        """Take a digit in."""
        if self._timer is not None:
            self._timer.kill(block=False)
        self._waiting += digit
        bindings = self._realms.get(self._realm, [])
        match = next((each for each in bindings if self._is_whole(each)), None)
        if match is not None:
            caught, self._waiting = self._waiting, ""
            self._act(match, caught)
        elif any(each.expression or each.digits.startswith(self._waiting) for each in bindings):
            self._timer = gevent.spawn_later(self._timeout, self._let_pass)
        else:
            self._let_pass()

    def _is_whole(self, binding: Binding) -> bool:
        expression = binding.expression
        return bool(expression.search(self._waiting)) if expression else binding.digits == self._waiting

    def _let_pass(self) -> None:
        waiting, self._waiting = self._waiting, ""
        if waiting:
            self._pass_on(waiting)
