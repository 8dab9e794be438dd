"""Where a caller goes who is in no queue (any more): a message, another number, or a message of their own."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from fsroute.callserver.desk import Desk
from fsroute.callserver.line import CallerGone, Line
from fsroute.callserver.prompts import Prompts
from fsroute.callserver.speech import one_argument
from fsroute.errors import StoreError
from fsroute.ivr import Record
from fsroute.model.contact import Outcome
from fsroute.model.proxy_call import ProxyCall, State
from fsroute.model.routing import Way

log = logging.getLogger(__name__)

CLOSED = "center_closed"  # the recording for callers of a contact center that is closed by command
BEEP = "tone_stream://%(400,0,1000)"
ENDS_MESSAGE = "#"
SILENT_BELOW = 200  # energy, as mod_dptools' ``record`` takes it
SHORTEST_MESSAGE = 1.0  # seconds

OUTCOMES = {
    State.OVERFLOWED: Outcome.OVERFLOWED,
    State.REFUSED: Outcome.REFUSED,
    State.ENDED: Outcome.TRANSFERRED,
}
"""How a contact ends whose proxy call ended in this state with a way of its own."""


@dataclass(frozen=True, slots=True)
class NotQueued:
    """The rules have another way for a contact than a queue. `reason` is ``rule`` or ``center_closed``."""

    way: Way
    reason: str
    rule: str | None = None
    rules_version: int | None = None

    @property
    def outcome(self) -> Outcome:
        return Outcome.OVERFLOWED if self.way.do in ("number", "voice_message") else Outcome.REFUSED


def way_of(call: ProxyCall, closing: Way | None) -> tuple[Way, Outcome] | None:
    """The way of a proxy call that is over; None: the application goes on.

    `closing` is what callers of its contact center hear while it is closed by command.
    """
    outcome = OUTCOMES.get(call.state)
    way = call.way
    if call.state is State.REFUSED and (way is None or way.prompt == CLOSED):
        way = closing or way  # the message of its own, if there is one
    if outcome is None or way is None or way.do == "application":
        return None
    return way, outcome


def announce(line: Line, prompts: Prompts, prompt: str) -> None:
    """Play a message to its end; a key ends it no earlier."""
    line.set_variable("playback_terminators", "none")
    line.completed(line.execute("playback", prompts.file(prompt or "closed")))


def take_message(desk: Desk, line: Line, prompts: Prompts, contact_id: str, prompt: str) -> None:
    """The caller leaves a message: until ``#``, silence, the longest time, or the hang-up.

    A caller who hangs up has left the message all the same.
    """
    announce(line, prompts, prompt or "voice_message")
    line.completed(line.execute("playback", BEEP))
    settings = desk.settings
    path = desk.recordings.new(settings.voice_messages, contact_id)
    line.set_variable("playback_terminators", ENDS_MESSAGE)
    limits = f"{round(settings.message_limit)} {SILENT_BELOW} {round(settings.message_silence)}"
    began = desk.store.now()
    try:
        complete = line.completed(line.execute("record", f"{one_argument(str(path))} {limits}"))
    except CallerGone:
        _keep(desk, contact_id, path, desk.store.now() - began)
        raise
    _keep(desk, contact_id, path, float(complete.get("variable_record_ms") or 0.0) / 1000)
    announce(line, prompts, "voice_message_thanks")


def record_message(desk: Desk, line: Line, contact_id: str, do: Record, sounds: list[str]) -> float:
    """A voice message that the application asks for; seconds of it, 0 where next to nothing was said.

    A caller who hangs up has left the message all the same. A contact has one message: the newest.
    """
    line.set_variable("playback_terminators", "none")
    for sound in [*sounds, *([BEEP] if do.beep else [])]:
        line.completed(line.execute("playback", sound))
    path = desk.recordings.new(desk.settings.voice_messages, contact_id)
    line.set_variable("playback_terminators", do.terminators or "none")
    limits = f"{max(1, round(do.longest))} {SILENT_BELOW} {max(1, round(do.silence))}"
    began = desk.store.now()
    try:
        complete = line.completed(line.execute("record", f"{one_argument(str(path))} {limits}"))
    except CallerGone:
        _keep(desk, contact_id, path, desk.store.now() - began, do.shortest)
        raise
    lasted = _milliseconds(complete.get("variable_record_ms")) / 1000
    fell_silent = complete.get("variable_silence_hits_exhausted") == "true"
    spoken = lasted - do.silence if fell_silent else lasted
    if spoken < do.shortest or spoken <= 0:
        desk.recordings.discard(path)
        return 0.0
    _keep(desk, contact_id, path, lasted, do.shortest)
    return lasted


def _milliseconds(text: str | None) -> int:
    return int(text) if text and text.isdecimal() and len(text) < 12 else 0


def _keep(
    desk: Desk, contact_id: str, path: Path, seconds: float, shortest: float = SHORTEST_MESSAGE
) -> None:
    if seconds < shortest:
        desk.recordings.discard(path)
        return
    try:
        desk.arrears.write(contact_id, partial(_write, desk, contact_id, path, seconds))
    except StoreError as error:
        log.error("a voice message is in no table: %s contact=%s file=%s", error, contact_id, path)


def _write(desk: Desk, contact_id: str, path: Path, seconds: float) -> None:
    """A contact has one message, the newest: the one before goes when the table tells of this one."""
    before = desk.store.contacts.keep_message(contact_id, str(path), seconds)
    if before is not None and Path(before).parent == path.parent:
        desk.recordings.discard(Path(before))
