"""How a channel runs applications: one after the other, nested by ``sendmsg``, left when it must.

Source: switch_core_session_exec, switch_ivr_parse_event, switch_ivr_park. Only the channel's own
greenlet calls these functions.
"""

from __future__ import annotations

import enum
import math
import time
from collections.abc import Callable
from contextlib import contextmanager
from typing import TYPE_CHECKING

import gevent

from fsroute.switchsim.causes import parse_cause
from fsroute.switchsim.encoding import is_true, leading_number
from fsroute.switchsim.states import Left
from fsroute.switchsim.variables import expand

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fsroute.switchsim.channel import Channel
    from fsroute.switchsim.commands import Command

Application = Callable[["Channel", str], None]

MEDIA_LIMIT = 2.0  # seconds an outbound channel may take to have media before its application is refused


class Rest(enum.Enum):
    """Why a rest ended."""

    TIME = "time"
    BROKEN = "broken"
    DIGIT = "digit"
    DONE = "done"


def rest(
    channel: Channel,
    seconds: float | None = None,
    *,
    on_digit: Callable[[str], bool] | None = None,
    until: Callable[[], bool] | None = None,
    breakable: bool = True,
) -> Rest:
    """Let `seconds` pass (None: no end) while an application runs.

    Commands that come by ``sendmsg`` run nested, unless the application was started with
    event-lock; the time that they take does not count. `on_digit` takes digits and says when to
    stop. ``uuid_break`` ends a `breakable` rest.

    Raises:
        Left: the channel must leave what it runs.
    """
    end = math.inf if seconds is None else time.monotonic() + seconds
    has_slept = False
    while True:
        channel.check()
        if until is not None and until():
            return Rest.DONE
        if channel.is_broken and breakable:
            channel.is_broken = False
            return Rest.BROKEN
        if channel.pending and not channel.event_lock:
            began = time.monotonic()
            if has_slept:
                _await_frame(channel)
            has_slept = False
            if channel.pending:  # uuid_break may have flushed it meanwhile
                run_pending(channel)
            end += time.monotonic() - began
            continue
        if on_digit is not None and _offer_digits(channel, on_digit):
            return Rest.DIGIT
        left = end - time.monotonic()
        if left <= 0:
            return Rest.TIME
        channel.wait(None if left == math.inf else left)
        has_slept = True


def _await_frame(channel: Channel) -> None:
    """A command is noticed between two frames of 20 ms; as late as events are on this switch."""
    if mean := channel.switch.event_latency:
        gevent.sleep(channel.switch.random.uniform(0, 2 * mean))
        channel.check()


def _offer_digits(channel: Channel, on_digit: Callable[[str], bool]) -> bool:
    while (digit := channel.take_digit()) is not None:
        if on_digit(digit):
            return True
    return False


def run_pending(channel: Channel) -> None:
    """Run the oldest queued ``sendmsg``."""
    command = channel.pending.popleft()
    kind = command.get("call-command").lower()
    locked = is_true(command.get("event-lock"))
    channel.event_lock += locked
    try:
        if kind == "execute":
            _run_command(channel, command)
        elif kind == "hangup":
            channel.hang_up(parse_cause(command.get("hangup-cause") or "NORMAL_CLEARING"))
    finally:
        channel.event_lock -= locked


def _run_command(channel: Channel, command: Command) -> None:
    name = command.get("execute-app-name")
    argument = command.get("execute-app-arg")
    if not argument and command.get("content-type").lower() == "text/plain":
        argument = command.body
    loops = leading_number(command.get("loops"), 1) if command.get("loops") else 1
    channel.broadcasts += 1
    before = channel.play("silence") if channel.sound != "silence" and channel.source is None else None
    try:
        while loops and channel.is_up:
            loops -= 1
            began = time.monotonic()
            run(channel, name, argument, command.get("event-uuid"))
            if channel.breaks_outer or time.monotonic() - began < 0.5:
                break
    finally:
        channel.broadcasts -= 1
        if before is not None:
            channel.play(*before)
        if channel.breaks_outer:
            channel.is_broken, channel.breaks_outer = True, False


def run(channel: Channel, name: str, argument: str, event_uuid: str = "") -> None:
    """Run one application with its two events around it.

    An unknown one hangs up with DESTINATION_OUT_OF_ORDER and sends neither.

    Raises:
        Left: the channel must leave what it runs.
    """
    if not channel.is_up:
        return
    found = channel.switch.applications.get(name)
    if found is None:
        channel.hang_up("DESTINATION_OUT_OF_ORDER")
        return
    application, needs_media = found
    if needs_media and not _get_media(channel):
        return
    data = expand(argument, channel.get, channel.switch.call_api)
    app_uuid = event_uuid or channel.switch.new_uuid()
    channel.update({"current_application": name})
    channel.set("current_application_data", data)
    channel.set("current_application_response", None)
    facts = (("Application", name), ("Application-Data", data)) if data else (("Application", name),)
    channel.fire("CHANNEL_EXECUTE", after=(*facts, ("Application-UUID", app_uuid)))
    channel.is_broken = False
    try:
        application(channel, data)
    finally:
        response = channel.variables.get("current_application_response") or "_none_"
        outcome = (("Application-Response", response), ("Application-UUID", app_uuid))
        channel.fire("CHANNEL_EXECUTE_COMPLETE", after=(*facts, *outcome))


def _get_media(channel: Channel) -> bool:
    """Answer early on an inbound channel; wait for media on an outbound one."""
    if not channel.has_media and channel.is_inbound:
        channel.pre_answer()
    elif not channel.has_media:
        end = time.monotonic() + MEDIA_LIMIT
        while not channel.has_media and time.monotonic() < end:
            channel.check()
            channel.wait(end - time.monotonic())
    return channel.has_media


@contextmanager
def sounding(channel: Channel, sound: str) -> Iterator[None]:
    """Send `sound` while the block runs, then what was sent before."""
    before = channel.play(sound)
    try:
        yield
    finally:
        channel.play(*before)


def play_file(channel: Channel, name: str, on_digit: Callable[[str], bool] | None = None) -> str:
    """Play a file to its end; returns FreeSWITCH's response text.

    Raises:
        Left: the channel must leave what it runs.
    """
    length = channel.switch.sounds.length(name)
    if length is None:
        return "FILE NOT FOUND"
    path = ("Playback-File-Path", name)
    channel.fire("PLAYBACK_START", after=(("Playback-File-Type", "file"), path))
    channel.plays_endless = length == math.inf
    try:
        with sounding(channel, f"file {name}"):
            how = rest(channel, length, on_digit=on_digit or (lambda _digit: False))
    except Left:
        channel.set("current_application_response", "PLAYBACK ERROR")
        raise
    finally:
        channel.plays_endless = False
    status = ("Playback-Status", "done" if how is Rest.TIME else "break")
    channel.fire("PLAYBACK_STOP", after=(("Playback-File-Type", "file"), path, status))
    return "FILE PLAYED"


def park(channel: Channel) -> None:
    """Hold the channel and run what ``sendmsg`` brings, until it is let go (switch_ivr_park).

    Raises:
        Left: the channel must leave what it runs.
    """
    if channel.is_controlled:
        return
    limit, _, cause = (channel.variables.get("park_timeout") or "").partition(":")
    channel.set("park_timeout", None)
    channel.is_controlled = True
    channel.fire("CHANNEL_PARK")
    try:
        how = rest(
            channel,
            leading_number(limit) if limit else None,
            on_digit=lambda _digit: False,
            until=lambda: not channel.is_controlled,
            breakable=False,
        )
        if how is Rest.TIME:
            channel.hang_up(parse_cause(cause or "NORMAL_CLEARING"))
    finally:
        channel.is_controlled = False
        channel.fire("CHANNEL_UNPARK")
