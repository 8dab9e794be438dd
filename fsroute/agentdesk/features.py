"""What agents can do by dialled code: the codes, and from where each needs a PIN. Pure."""

from __future__ import annotations

import enum


class Feature(enum.StrEnum):
    """What an agent asks for; the digit that follows the prefix of the feature codes."""

    LOG_ON = "0"
    LOG_OFF = "1"
    BREAK = "2"  # the digit that may follow is the reason's
    READY = "3"
    END_WRAP_UP = "4"
    OUTCOME = "5"  # the outcome code follows
    STATUS = "6"
    STANDING = "7"


NEEDS_PIN = frozenset({Feature.LOG_ON, Feature.STANDING})
"""What begins a shift is asked a PIN for at the agent's own phone too; the rest harms nobody there."""

MENU = "menu"
"""In place of a code: the agent is asked for it, and for the next one after it."""

LONGEST_ARGUMENT = 8  # digits


def feature_of(code: str) -> Feature | None:
    """The feature of a dialled digit; None: there is none."""
    try:
        return Feature(code)
    except ValueError:
        return None
