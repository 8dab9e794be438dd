"""What becomes of a call that is not taken, before anybody has answered it."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

from fsroute.callserver.line import CallerGone, Line
from fsroute.callserver.prompts import Prompts
from fsroute.errors import FsrouteError
from fsroute.esl.errors import SessionClosed
from fsroute.esl.session import Session
from fsroute.model.admission import Refusal

log = logging.getLogger(__name__)

MOST_MESSAGES = 100  # that are played at a time: more callers are refused without one
MESSAGE_LIMIT = 60.0  # seconds
TURNED_AWAY = "fsroute_turned_away"  # set on a channel that was sent to another number: not a second time


@dataclass(slots=True)
class TurningAway:
    """Turns calls away. `transfer_to` is dialplan and context of numbers."""

    transfer_to: str
    playing: set[str] = field(default_factory=set)

    def turn_away(self, session: Session, refusal: Refusal) -> None:
        """Until the caller is gone. A call that cannot be sent on is refused with the cause."""
        line, treatment = Line(session), refusal.treatment
        try:
            if treatment.do == "number" and line.get(f"variable_{TURNED_AWAY}") != "true":
                line.set_variable(TURNED_AWAY, "true")
                line.execute("transfer", f"{treatment.number} {self.transfer_to}")
                line.until_gone()
            elif treatment.do == "message" and len(self.playing) < MOST_MESSAGES:
                self._play(line, treatment.prompt)
            session.hangup(treatment.cause)
            line.until_gone()
        except CallerGone:
            pass
        except SessionClosed as closed:
            log.debug("a call that was not taken left its socket: %s", closed)
        except FsrouteError as error:
            log.debug("a call that was not taken: %s", error)
            session.leaving = True

    def _play(self, line: Line, prompt: str) -> None:
        self.playing.add(line.uuid)
        try:
            if line.get("Answer-State") != "answered":
                line.execute("pre_answer")
            line.set_variable("playback_terminators", "none")
            file = Prompts(None, line.get("variable_default_language")).file(prompt)
            line.completed(line.execute("playback", file), MESSAGE_LIMIT)
        finally:
            self.playing.discard(line.uuid)
