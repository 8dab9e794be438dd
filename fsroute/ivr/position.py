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
MOST_FACTS = 32
LONGEST_DUMP = 32_768  # characters

Ask = Literal["", "silent", "invalid"]
"""Why a menu or collect step asks again; empty when it asks for the first time."""


_Fact = Annotated[str, msgspec.Meta(max_length=LONGEST_FACT)]
_Count = Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]


class _Stored(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The form of a position in the channel variable; one letter a name keeps it small."""

    a: str  # application
    v: str  # version
    s: str  # step
    l: str  # noqa: E741 - language
    f: Annotated[dict[str, _Fact], msgspec.Meta(max_length=MOST_FACTS)] = {}  # facts learned
    t: _Count = 0  # tries used up
    n: _Count = 0  # steps since the last input
    d: bool = False  # served
    o: str = ""  # result of asking for an agent
    w: Ask = ""  # why it asks again
    h: bool = False  # the prompt was heard
    p: Annotated[int, msgspec.Meta(ge=0)] = 0  # proxy call whose result is known


_decoder = msgspec.json.Decoder(_Stored)
_NO_FACTS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Position:
    """A caller's place in an application, with what was learned on the way.

    `tries` counts the silent and wrong answers at this step, `steps_since_input` the steps since
    the caller last keyed anything, `agent_result` is how asking for an agent ended, `heard` is
    true when a prompt without barge-in is over and digits are being taken. `answered` is the
    proxy call whose result the application has had: what a call that comes back finds is news or not by
    it. `caller` is not stored: who loads a position brings it along.
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
        )
        return base64.urlsafe_b64encode(msgspec.json.encode(stored)).decode("ascii").rstrip("=")

    @classmethod
    def load(cls, application: Application, text: str, caller: CallerInformation) -> Position:
        """The position that `dump` wrote.

        One of another version of the application is taken when its step still exists.

        Raises:
            PositionRefused: damaged, of another application, or at a step that is not there.
        """
        stored = _decode(text)
        if stored.a != application.name:
            raise PositionRefused(f"position of application {stored.a!r}, not {application.name!r}")
        if stored.s != SORRY and stored.s not in application.steps:
            raise PositionRefused(f"application {application.name!r} has no step {stored.s!r}")
        return cls(
            application=application.name,
            version=application.version,
            step=stored.s,
            language=application.language_for(stored.l),
            caller=caller,
            facts=MappingProxyType(stored.f),
            tries=stored.t,
            steps_since_input=stored.n,
            served=stored.d,
            agent_result=stored.o,
            asks_again=stored.w,
            heard=stored.h,
            answered=stored.p,
        )


def start(application: Application, caller: CallerInformation) -> Position:
    """The position before the first step, in the caller's language if the application speaks it."""
    return Position(
        application=application.name,
        version=application.version,
        step=application.start,
        language=application.language_for(caller.language),
        caller=caller,
    )


def resume(application: Application, text: str, caller: CallerInformation) -> Position:
    """The position that `text` holds; the start of the application when it is refused."""
    try:
        return Position.load(application, text, caller)
    except PositionRefused as error:
        logger.warning("a caller starts again: %s", error)
        return start(application, caller)


def _decode(text: str) -> _Stored:
    if len(text) > LONGEST_DUMP:
        raise PositionRefused("the stored position is too long")
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        return _decoder.decode(raw)
    except (binascii.Error, ValueError, msgspec.MsgspecError) as error:
        raise PositionRefused("the stored position is damaged") from error
