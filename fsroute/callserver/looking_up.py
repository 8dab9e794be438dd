"""A call asks the application server; the caller hears something until the answer is there."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

import gevent

from fsroute.callserver.line import Line
from fsroute.esl.messages import Event
from fsroute.ivr import LookedUp, LookUp
from fsroute.lookups.answers import Answer, Empty, Failed, Found, Slow

log = logging.getLogger(__name__)

GRACE = 0.25  # seconds; for a wait that nobody notices nothing is played
MOST_PIECES = 50  # of music that ends at once, because the switch cannot play it
LATE = 0.2  # seconds that who asks may overrun the time given


class Lookups(Protocol):
    """Who asks the application servers; gives an answer within `timeout` seconds, and never raises."""

    def ask(
        self, name: str, contact_center: str, parameters: Mapping[str, str], timeout: float
    ) -> Answer: ...


class NoLookups:
    """Where no application server is known."""

    def ask(self, name: str, contact_center: str, parameters: Mapping[str, str], timeout: float) -> Answer:
        return Failed("no application server is configured")


@dataclass(frozen=True, slots=True)
class Answered:
    """Posted into the call's mailbox; `question` tells the answer from one that came too late."""

    question: object
    answer: Answer


def look_up(
    lookups: Lookups, line: Line, do: LookUp, contact_center: str, sounds: tuple[str, ...], music: str
) -> LookedUp:
    """Ask, and play `sounds`, then `music`, until the answer is there or the time is over.

    Raises:
        CallerGone, SessionClosed: the caller hung up, or the connection went.
    """
    answer = meanwhile(
        line,
        lambda: _asked(lookups, do, contact_center),
        do.timeout + LATE,
        iter((*sounds, *[music] * MOST_PIECES)),
    )
    if isinstance(answer, Failed):
        log.warning("look-up %s failed: %s", do.name, answer.reason)
    return _told(answer)


def meanwhile(line: Line, ask: Callable[[], Answer], limit: float, sounds: Iterator[str]) -> Answer:
    """What `ask` returns, within `limit` seconds; the caller hears `sounds` if that is not at once.

    Raises:
        CallerGone, SessionClosed: the caller hung up, or the connection went.
    """
    question = object()
    asking = gevent.spawn(lambda: line.session.post(Answered(question, ask())))
    try:
        return _heard_meanwhile(line, question, limit, sounds)
    finally:
        asking.kill(block=False)


def _asked(lookups: Lookups, do: LookUp, contact_center: str) -> Answer:
    try:
        return lookups.ask(do.name, contact_center, do.parameters, do.timeout)
    except Exception as error:  # a caller waits for an answer, whatever it is
        log.exception("look-up %s", do.name)
        return Failed(type(error).__name__)


def _heard_meanwhile(line: Line, question: object, limit: float, sounds: Iterator[str]) -> Answer:
    began = line.clock()
    playing = ""
    while (passed := line.clock() - began) < limit:
        if not playing and passed >= GRACE:
            line.set_variable("playback_terminators", "none")
            playing = _begun(line, sounds)
        item = line.next((limit if playing or passed >= GRACE else min(GRACE, limit)) - passed)
        if isinstance(item, Answered) and item.question is question:
            if playing:
                line.stop(playing)
            return item.answer
        if _is_over(item, playing):
            playing = _begun(line, sounds)
    if playing:
        line.stop(playing)
    return Slow()


def _begun(line: Line, sounds: Iterator[str]) -> str:
    """The execution of the next sound; empty when there is none left."""
    sound = next(sounds, "")
    return line.execute("playback", sound) if sound else ""


def _is_over(item: object, playing: str) -> bool:
    return (
        isinstance(item, Event)
        and item.name == "CHANNEL_EXECUTE_COMPLETE"
        and bool(playing)
        and item.get("Application-UUID") == playing
    )


def _told(answer: Answer) -> LookedUp:
    match answer:
        case Found(facts):
            return LookedUp("found", facts)
        case Empty():
            return LookedUp("empty")
        case Slow():
            return LookedUp("slow")
    return LookedUp("failed")
