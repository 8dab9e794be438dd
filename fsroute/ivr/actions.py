"""What an application is told (a happening) and what it wants done (a Do): values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from fsroute.model import Outcome

AgentResult = Literal["served", "overflowed", "refused", "failed"]
LookUpResult = Literal["found", "empty", "slow", "failed"]

ANY_DIGITS = ".+"
"""The expression for FreeSWITCH's ``play_and_get_digits``: the application itself judges what was keyed."""


# What happened


@dataclass(frozen=True, slots=True)
class Began:
    """The call is there, new or come back: do (again) what the position says."""


@dataclass(frozen=True, slots=True)
class Played:
    """What was to be played is over, or was ended by a key."""


@dataclass(frozen=True, slots=True)
class Digits:
    """The caller keyed `text`; terminators are not in it."""

    text: str


@dataclass(frozen=True, slots=True)
class NoInput:
    """The caller keyed nothing in the time given."""


@dataclass(frozen=True, slots=True)
class WrongInput:
    """The caller keyed something that cannot be meant."""


@dataclass(frozen=True, slots=True)
class AgentOutcome:
    """How asking for an agent ended."""

    result: AgentResult


@dataclass(frozen=True, slots=True)
class Said:
    """The caller said `text`, as a recogniser took it; `confidence` from 0 to 1. Never trusted."""

    text: str
    confidence: float = 1.0


@dataclass(frozen=True, slots=True)
class LookedUp:
    """What became of a look-up; `facts` by the names that the application server gives them."""

    result: LookUpResult
    facts: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Recorded:
    """The caller's message is kept; `seconds` that it lasts."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Declined:
    """The caller does not want to be called back, or nobody can be."""


@dataclass(frozen=True, slots=True)
class Failed:
    """What was asked for could not be done (a file that is gone, a transfer refused)."""

    reason: str = ""


@dataclass(frozen=True, slots=True)
class HungUp:
    """The caller's channel is gone."""


Happening = (
    Began
    | Played
    | Digits
    | NoInput
    | WrongInput
    | Said
    | AgentOutcome
    | LookedUp
    | Recorded
    | Declined
    | Failed
    | HungUp
)


# What to do


@dataclass(frozen=True, slots=True)
class Say:
    """Arguments of FreeSWITCH's ``say`` application, all of them checked: ``[A-Za-z0-9 .,@_+*#-]`` only."""

    language: str
    kind: str
    method: str
    text: str


@dataclass(frozen=True, slots=True)
class Play:
    """Play `items` one after the other: files relative to the application's folder, or a `Say`."""

    items: tuple[str | Say, ...]
    interruptible: bool = True


@dataclass(frozen=True, slots=True)
class Collect:
    """Play `files` and take digits, by one ``play_and_get_digits``; a key cuts the files short.

    The application counts the tries and plays its own words for wrong input, so `tries` is 1,
    `invalid_files` is empty and `min` is what makes silence an input (1): what came is judged by
    the application. Times in milliseconds. With a `grammar` the caller may also speak, where the
    switch has a recogniser: then `Said` is told. `secret`: nobody is to read in a kept call what
    was keyed.
    """

    files: tuple[str, ...]
    invalid_files: tuple[str, ...] = ()
    min: int = 1
    max: int = 1
    tries: int = 1
    timeout_ms: int = 5000
    digit_timeout_ms: int = 3000
    terminators: str = ""
    pattern: str = ANY_DIGITS
    grammar: str = ""
    secret: bool = False


@dataclass(frozen=True, slots=True)
class NeedAgent:
    """Request a proxy call in `queue`; `facts` are all that is known by name, for the agent's screen."""

    queue: str
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LookUp:
    """Ask the application server for `name`; play `meanwhile`, then music, until the answer is there.

    `contact_center` asks; empty: the one that was called. `timeout` in seconds.
    """

    name: str
    contact_center: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    timeout: float = 3.0
    meanwhile: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Record:
    """Play `files` and record a voice message; then tell `Recorded`, or `NoInput` if it is too short.

    Durations in seconds: at most `longest`, until `silence` or one of the `terminators`.
    """

    files: tuple[str, ...]
    longest: float
    silence: float
    shortest: float
    terminators: str = "#"
    beep: bool = True


@dataclass(frozen=True, slots=True)
class OfferCallback:
    """Offer to call back when an agent of `queue` is free: `Declined`, or else as for `NeedAgent`."""

    queue: str
    facts: Mapping[str, str] = field(default_factory=dict)
    prompt: str = ""


@dataclass(frozen=True, slots=True)
class Transfer:
    """Send the caller to `number` (digits, ``+``, ``*``, ``#``); the application is over.

    `after` is the outcome of an agent that was asked for and did not come, if there was one.
    """

    number: str
    after: Outcome | None = None


@dataclass(frozen=True, slots=True)
class HangUp:
    """End the call with `cause`; `outcome` is how the contact ended, as the application sees it."""

    cause: str
    outcome: Outcome


Do = Play | Collect | NeedAgent | LookUp | Record | OfferCallback | Transfer | HangUp


def describe(do: Do) -> str:
    """A sentence for a log line, without anything the caller said or keyed."""
    match do:
        case Play(items):
            return "play " + " ".join(_item(item) for item in items)
        case Collect(files):
            return f"take up to {do.max} digits after " + (" ".join(files) or "silence")
        case NeedAgent(queue):
            return f"ask for an agent of queue {queue}"
        case LookUp(name):
            return f"look up {name}"
        case Record(files):
            return "record a message after " + (" ".join(files) or "silence")
        case OfferCallback(queue):
            return f"offer to call back when an agent of queue {queue} is free"
        case Transfer():
            return "transfer to a number"
        case HangUp(cause, outcome):
            return f"hang up with {cause}, {outcome}"


def _item(item: str | Say) -> str:
    return item if isinstance(item, str) else f"say:{item.language}:{item.kind}:{item.method}"
