"""A call that only asks whether it comes here: `fsroute doctor` places it, nobody else does.

It comes by a context of its own (``dialplans/fsroute_doctor.xml``) on a loopback channel. The answer is its hang-up
cause, which nothing else uses; no contact is opened, and nobody is told.
"""

from __future__ import annotations

from typing import Final

from fsroute.esl.session import Session

CAUSE: Final = "RESPONSE_TO_STATUS_ENQUIRY"
"""30 of ITU-T Q.850."""

END_LIMIT: Final = 2.0  # seconds for the hang-up


def is_one(session: Session) -> bool:
    """By what the dialplan has set; callers cannot set a channel's variables."""
    return session.channel.get("variable_fsroute_doctor", "") == "true"


def answer(session: Session) -> None:
    """Say that the call server has the call."""
    session.note(serves="doctor")
    session.hangup(CAUSE)
    session.wait_hungup(END_LIMIT)
