"""Where a caller stands in an application: small enough to survive in a channel variable."""

from __future__ import annotations

import base64
import binascii
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Annotated, Literal

import msgspec

from fsroute.ivr.application import Application, PositionRefused
from fsroute.model import CallerInformation

logger = logging.getLogger(__name__)

SORRY = "!sorry"
"""The step of a caller who has been told that the application cannot go on."""

LONGEST_FACT = 200  # characters
MOST_FACTS = 32  # that an application makes
MOST_GIVEN = 16  # that a part is given besides
LONGEST_DUMP = 65_536  # characters
MOST_CALLERS = 4
"""How many applications may stand above a part: each has called the next one."""

Ask = Literal["", "silent", "invalid", "repeat"]
"""Why a menu or collect step asks again; empty when it asks for the first time."""


_Fact = Annotated[str, msgspec.Meta(max_length=LONGEST_FACT)]
_Count = Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]


class _StoredFrame(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """An application that has called another one; the letters are those of `_Stored`."""

    a: str
    v: str
    s: str
    l: str  # noqa: E741 - language
    f: Annotated[dict[str, _Fact], msgspec.Meta(max_length=MOST_FACTS + MOST_GIVEN)] = {}


class _Stored(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The form of a position in the channel variable; one letter a name keeps it small."""

    a: str  # application
    v: str  # version
    s: str  # step
    l: str  # noqa: E741 - language
    f: Annotated[dict[str, _Fact], msgspec.Meta(max_length=MOST_FACTS + MOST_GIVEN)] = {}  # facts learned
    t: _Count = 0  # tries used up
    n: _Count = 0  # steps since the last input
    d: bool = False  # served
    o: str = ""  # result of asking for an agent
    w: Ask = ""  # why it asks again
    h: bool = False  # the prompt was heard
    p: Annotated[int, msgspec.Meta(ge=0)] = 0  # proxy call whose result is known
    k: Annotated[
        tuple[_StoredFrame, ...], msgspec.Meta(max_length=MOST_CALLERS)
    ] = ()  # who called, outermost first


_decoder = msgspec.json.Decoder(_Stored)
_NO_FACTS: Mapping[str, str] = MappingProxyType({})

Library = Mapping[str, Application]
"""The applications that may be called as parts, by name: the same ones for a whole call."""

NO_LIBRARY: Library = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Frame:
    """An application that waits at its ``call`` step until the part that it called is over.

    `language` is the one that the caller heard at the call.
    """

    application: str
    version: str
    step: str
    language: str
    facts: Mapping[str, str] = field(default_factory=lambda: _NO_FACTS, repr=False)


@dataclass(frozen=True, slots=True)
class Position:
    """A caller's place in an application, with what was learned on the way.

    `tries` counts the silent and wrong answers at this step, `steps_since_input` the steps since
    the caller last keyed anything, `agent_result` is how asking for an agent ended, `heard` is
    true when a prompt without barge-in is over and digits are being taken. `answered` is the
    proxy call whose result the application has had: what a call that comes back finds is news or not by
    it. `caller` is not stored: who loads a position brings it along. `frames` are the applications that
    have called this one as a part, outermost first; `facts` are this one's own.
    """

    application: str
    version: str
    step: str
    language: str
    caller: CallerInformation = field(repr=False)
    facts: Mapping[str, str] = field(default_factory=lambda: _NO_FACTS, repr=False)
    tries: int = 0
    steps_since_input: int = 0
    served: bool = False
    agent_result: str = ""
    asks_again: Ask = ""
    heard: bool = False
    answered: int = 0
    frames: tuple[Frame, ...] = ()

    def dump(self) -> str:
        """The position as text of ``A-Za-z0-9_-``: JSON in base64url, fit for a channel variable."""
        stored = _Stored(
            a=self.application,
            v=self.version,
            s=self.step,
            l=self.language,
            f=dict(self.facts),
            t=self.tries,
            n=self.steps_since_input,
            d=self.served,
            o=self.agent_result,
            w=self.asks_again,
            h=self.heard,
            p=self.answered,
            k=tuple(
                _StoredFrame(frame.application, frame.version, frame.step, frame.language, dict(frame.facts))
                for frame in self.frames
            ),
        )
        return base64.urlsafe_b64encode(msgspec.json.encode(stored)).decode("ascii").rstrip("=")

    @classmethod
    def load(
        cls,
        application: Application,
        text: str,
        caller: CallerInformation,
        library: Library = NO_LIBRARY,
    ) -> Position:
        """The position that `dump` wrote; `application` is the outermost one.

        One of another version of its application is taken when its step still exists: that step begins
        anew. Where a part is gone, or its step, the caller stands at the step that called it.

        Raises:
            PositionRefused: damaged, of another application, or at a step that is not there.
        """
        stored = _decode(text)
        frames = [_frame(each) for each in stored.k]
        place = Frame(stored.a, stored.v, stored.s, stored.l, MappingProxyType(stored.f))
        levels = [*frames, place]
        if levels[0].application != application.name:
            raise PositionRefused(
                f"position of application {levels[0].application!r}, not {application.name!r}"
            )
        there = _levels_there(application, library, levels)
        here = levels[there - 1]
        running = application if there == 1 else library[here.application]
        as_it_was = there == len(levels) and here.version == running.version
        return cls(
            application=running.name,
            version=running.version,
            step=here.step,
            language=running.language_for(here.language),
            caller=caller,
            facts=here.facts,
            tries=stored.t if as_it_was else 0,
            steps_since_input=stored.n,
            served=stored.d,
            agent_result=stored.o,
            asks_again=stored.w if as_it_was else "",
            heard=stored.h and as_it_was,
            answered=stored.p,
            frames=tuple(levels[: there - 1]),
        )


def _frame(stored: _StoredFrame) -> Frame:
    return Frame(stored.a, stored.v, stored.s, stored.l, MappingProxyType(stored.f))


def _levels_there(application: Application, library: Library, levels: list[Frame]) -> int:
    """How many of the levels, from the outermost on, can be gone on with."""
    for number, level in enumerate(levels):
        running = application if number == 0 else library.get(level.application)
        if running is not None and (level.step in running.steps or level.step == SORRY):
            continue
        if number == 0:
            raise PositionRefused(f"application {application.name!r} has no step {level.step!r}")
        what = "is not here" if running is None else f"has no step {level.step!r} any more"
        logger.warning(
            "a caller goes on at step %s of %s: application %s, which it called, %s",
            levels[number - 1].step, levels[number - 1].application, level.application, what,
        )  # fmt: skip
        return number
    return len(levels)


def start(application: Application, caller: CallerInformation) -> Position:
    """The position before the first step, in the caller's language if the application speaks it."""
    return Position(
        application=application.name,
        version=application.version,
        step=application.start,
        language=application.language_for(caller.language),
        caller=caller,
    )


def resume(
    application: Application, text: str, caller: CallerInformation, library: Library = NO_LIBRARY
) -> Position:
    """The position that `text` holds; the start of the application when it is refused."""
    try:
        return Position.load(application, text, caller, library)
    except PositionRefused as error:
        logger.warning("a caller starts again: %s", error)
        return start(application, caller)


def _decode(text: str) -> _Stored:
    if len(text) > LONGEST_DUMP:
        raise PositionRefused("the stored position is too long")
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        return _decoder.decode(raw)
    except (binascii.Error, ValueError, RecursionError, msgspec.MsgspecError) as error:
        raise PositionRefused("the stored position is damaged") from error
