"""What an application may want, tried by a person at a terminal. Pure.

Each action is one row of `MANNERS`: how it is told, what is asked of the person who tries, and what
the answer means to the application. An action that has no row counts as failed, and the person is told.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, get_args

from fsroute.ivr import canned
from fsroute.ivr.actions import (
    AgentOutcome,
    AgentResult,
    Collect,
    Declined,
    Digits,
    Do,
    Failed,
    HangUp,
    Happening,
    LookUp,
    NeedAgent,
    NoInput,
    OfferCallback,
    Play,
    Played,
    Record,
    Recorded,
    Say,
    Transfer,
)
from fsroute.ivr.application import Application
from fsroute.ivr.position import NO_LIBRARY, Library, Position
from fsroute.ivr.saying import KINDS
from fsroute.ivr.transcripts import Texts

_SAY_AS = {method: word for word, method in KINDS.items()}
_CLOCKS = {"current_date": "%Y-%m-%d", "current_time": "%H:%M"}


@dataclass(frozen=True, slots=True)
class Trial:
    """A conversation as far as it went. `texts` are those of each application, by its name."""

    application: Application
    position: Position
    do: Do | None = None
    library: Library = field(default_factory=lambda: NO_LIBRARY)
    texts: Mapping[str, Texts] = field(default_factory=dict, repr=False)
    answers: canned.Answers = field(default_factory=dict, repr=False)

    @property
    def running(self) -> Application:
        """The application that the caller is in: this one, or a part."""
        return self.library.get(self.position.application, self.application)


@dataclass(frozen=True, slots=True)
class Over:
    """The call is over, and how."""

    line: str


Answer = Happening | Over | None
"""What an answer comes to; None: it means nothing, and is asked for again."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How one kind of action is tried. Without a question `hear` is asked at once, with an empty line."""

    tell: Callable[[Trial, Any], Iterator[str]]
    hear: Callable[[Trial, Any, str], Answer]
    question: Callable[[Trial, Any], str] = lambda trial, do: ""


# What is heard


def _items(trial: Trial, items: Sequence[str | Say]) -> Iterator[str]:
    for item in items:
        yield f"  {_said(item) if isinstance(item, Say) else _played(trial, item)}"


def _played(trial: Trial, path: str) -> str:
    """A recording by its name, its language and what is said in it."""
    _, language, name = path.split("/", 2)
    name = name.removesuffix(".wav")
    text = trial.texts.get(trial.running.name, {}).get(language, {}).get(name)
    return f"{name} [{language}]" + (f": {text}" if text else "")


def _said(say: Say) -> str:
    """What the switch says."""
    word = _SAY_AS.get((say.kind, say.method), say.kind)
    text = say.text
    if say.kind in _CLOCKS and re.fullmatch("-?[0-9]{1,11}", text):
        text = datetime.fromtimestamp(int(text), UTC).strftime(_CLOCKS[say.kind])
    return f"(says {word}) [{say.language}]: {text}"


# What is wanted, and what may be answered


def _play(trial: Trial, do: Play) -> Iterator[str]:
    return _items(trial, do.items)


def _ask(trial: Trial, do: Collect) -> Iterator[str]:
    return _items(trial, do.files)


def _keys(trial: Trial, do: Collect, line: str) -> Answer:
    """As the switch takes them: up to a terminator, or as many as there may be."""
    if re.fullmatch("[0-9A-D*#]*", line) is None:
        return None
    keys = line
    for terminator in do.terminators:
        keys = keys.partition(terminator)[0]
    return Digits(keys[: do.max]) if keys else NoInput()


def _need_agent(trial: Trial, do: NeedAgent) -> Iterator[str]:
    yield f"An agent of queue {do.queue} is asked for; the caller waits with music."
    for name, value in sorted(do.facts.items()):
        yield f"  on the agent's screen: {name} = {value}"


def _outcome(trial: Trial, do: object, line: str) -> Answer:
    found = [result for result in get_args(AgentResult) if line and result.startswith(line.lower())]
    return AgentOutcome(found[0]) if len(found) == 1 else None


def _look_up(trial: Trial, do: LookUp) -> Iterator[str]:
    asked = ", ".join(f"{name} = {value}" for name, value in sorted(do.parameters.items()))
    yield f"Look-up {do.name} is asked" + (f" with {asked}" if asked else "")
    yield from _items(trial, do.meanwhile)


def _look_up_question(trial: Trial, do: LookUp) -> str:
    known = canned.find(trial.answers, do.name, do.parameters)
    return "" if known else "answer (name=value; …, empty, slow, failed)> "


def _looked_up(trial: Trial, do: LookUp, line: str) -> Answer:
    known = canned.find(trial.answers, do.name, do.parameters)
    return known.answer if known else canned.typed(line)


def _record(trial: Trial, do: Record) -> Iterator[str]:
    yield from _items(trial, do.files)
    yield f"  a message of at most {do.longest:g} s is recorded"


def _recorded(trial: Trial, do: Record, line: str) -> Answer:
    if not line:
        return NoInput()
    seconds = float(line) if re.fullmatch(r"[0-9]{1,4}(\.[0-9]{1,3})?", line) else None
    if seconds is None:
        return None
    return Recorded(min(seconds, do.longest)) if seconds >= do.shortest else NoInput()


def _offer(trial: Trial, do: OfferCallback) -> Iterator[str]:
    if do.prompt:
        yield from _items(trial, (trial.running.recording(trial.position.language, do.prompt),))
    yield f"The caller may be called back when an agent of queue {do.queue} is free."


def _offered(trial: Trial, do: OfferCallback, line: str) -> Answer:
    if line.lower() == "taken":
        return Over("The caller is called back later; the call is over.")
    return Declined() if line.lower() == "declined" else _outcome(trial, do, line)


def _transfer(trial: Trial, do: Transfer) -> Iterator[str]:
    yield f"The caller is transferred to {do.number}."


def _transferred(trial: Trial, do: Transfer, line: str) -> Answer:
    match line.lower():
        case "" | "y" | "yes":
            return Over(f"The call goes on at {do.number}.")
        case "n" | "no":
            return Failed("the transfer was refused")
    return None


def _hang_up(trial: Trial, do: HangUp) -> Iterator[str]:
    yield f"The call is over: {do.outcome} ({do.cause})."


def _unknown(trial: Trial, do: object) -> Iterator[str]:
    yield f"The application wants {type(do).__name__}, which cannot be tried here; it counts as failed."


MANNERS: Mapping[type, Manner] = {
    Play: Manner(_play, lambda trial, do, line: Played()),
    Collect: Manner(_ask, _keys, lambda trial, do: f"keys (at most {do.max})> "),
    NeedAgent: Manner(_need_agent, _outcome, lambda trial, do: "served, overflowed, refused or failed> "),
    LookUp: Manner(_look_up, _looked_up, _look_up_question),
    Record: Manner(_record, _recorded, lambda trial, do: "seconds of the message (empty: silence)> "),
    OfferCallback: Manner(
        _offer, _offered, lambda trial, do: "taken, declined, served, overflowed, refused or failed> "
    ),
    Transfer: Manner(_transfer, _transferred, lambda trial, do: "does it succeed? (Y/n)> "),
    HangUp: Manner(_hang_up, lambda trial, do, line: Over("")),
}
UNKNOWN = Manner(_unknown, lambda trial, do, line: Failed("cannot be tried"))


def manner_of(do: object) -> Manner:
    """How an action is tried."""
    return MANNERS.get(type(do), UNKNOWN)
