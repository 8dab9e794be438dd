"""Keys and speech of a caller: one question after the other on one line."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

from fsroute.callserver import speech
from fsroute.callserver.line import NO_EVENT, Line
from fsroute.esl.messages import Event
from fsroute.ivr import Collect, Digits, Happening, NoInput, WrongInput
from fsroute.ivr.hearing import said

log = logging.getLogger(__name__)

LISTENS_LIMIT = 60.0  # seconds for prompt and answer, after which a recogniser that says nothing is given up
ENDS_LISTENING = "#"
NO_RECOGNISER = frozenset({"ASR INIT ERROR", "GRAMMAR ERROR", "USAGE ERROR", "ERROR"})
"""What ``play_and_detect_speech`` responds when it could not listen (mod_dptools.c)."""


class Collector:
    """Asks the caller of a line. `engine` is the switch's recogniser; empty: keys only.

    A recogniser that fails is not asked again in this call.
    """

    def __init__(self, line: Line, engine: str = "") -> None:
        self._line = line
        self._engine = engine
        self._collections = 0

    def collect(self, do: Collect, folder: Path) -> Happening:
        """Play and take what the caller keys or says."""
        if self._engine and do.grammar:
            answer = self._listen(do, folder)
            if answer is not None:
                return answer
        return self._keys(do, folder)

    def _keys(self, do: Collect, folder: Path) -> Happening:
        self._collections += 1  # a variable of its own each time: an old answer is never taken for a new one
        variable = f"fsroute_digits_{self._collections}"
        application, argument = speech.collect(do, folder, variable)
        complete = self._line.completed(self._line.execute(application, argument))
        if digits := complete.get(f"variable_{variable}"):
            return Digits(digits)
        return WrongInput() if complete.get(f"variable_{variable}_invalid") else NoInput()

    def _listen(self, do: Collect, folder: Path) -> Happening | None:
        """The caller speaks or presses a key; None: the switch could not listen, so that keys alone are left."""
        line = self._line
        line.set_variable("playback_terminators", "any")
        application, argument = speech.detect(do, folder, self._engine)
        event_uuid = line.execute(application, argument)
        complete = line.completed(event_uuid, LISTENS_LIMIT + do.timeout_ms / 1000)
        if complete is NO_EVENT:
            # a break does not end it, a key does
            line.api(f"uuid_recv_dtmf {line.uuid} {ENDS_LISTENING}")
            line.completed(event_uuid, LISTENS_LIMIT)
            return NoInput()
        if complete.get("Application-Response", "") in NO_RECOGNISER:
            self._give_up(complete)
            return None
        return self._answer(do, folder, complete.get("variable_detect_speech_result", "") or "")

    def _give_up(self, complete: Event) -> None:
        log.warning(
            "no speech in this call: recogniser %s: %s", self._engine, complete.get("Application-Response")
        )
        self._engine = ""

    def _answer(self, do: Collect, folder: Path, result: str) -> Happening:
        if result.startswith(speech.KEY_PRESSED):
            return self._further(do, folder, result.removeprefix(speech.KEY_PRESSED).strip())
        return (said(result) or WrongInput()) if result.strip() else NoInput()

    def _further(self, do: Collect, folder: Path, first: str) -> Happening:
        """The rest of what is keyed, after a first key that ended the listening."""
        if first in do.terminators or not first:
            return NoInput()
        if do.max == 1:
            return Digits(first)
        rest = replace(do, files=(), min=0, max=do.max - 1, timeout_ms=do.digit_timeout_ms)
        keyed = self._keys(rest, folder)
        return Digits(first + keyed.text) if isinstance(keyed, Digits) else Digits(first)
