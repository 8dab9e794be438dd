"""Applications that play, ask and record."""

from __future__ import annotations

import math
import re
import time
import wave
from pathlib import Path
from typing import TYPE_CHECKING

from fsroute.switchsim.bridging import transfer
from fsroute.switchsim.encoding import leading_number
from fsroute.switchsim.running import Rest, play_file, rest, sounding
from fsroute.switchsim.variables import split_arguments

if TYPE_CHECKING:
    from fsroute.switchsim.channel import Channel

MAX_DIGITS = 127
RECOGNISER_PATIENCE = 5.0  # seconds after the prompt in which somebody must speak


def playback(channel: Channel, data: str) -> None:
    """Play a file; the digits of ``playback_terminators`` (``*`` by default) end it."""
    terminators = channel.get("playback_terminators") or "*"
    terminators = {"any": "1234567890*#", "none": ""}.get(terminators.lower(), terminators)

    def ends(digit: str) -> bool:
        if digit in terminators:
            channel.set("playback_terminator_used", digit)
        return digit in terminators

    channel.set("playback_terminator_used", None)
    began = time.monotonic()
    channel.set("current_application_response", play_file(channel, data, ends))
    channel.set("playback_ms", str(int((time.monotonic() - began) * 1000)))


def endless_playback(channel: Channel, data: str) -> None:
    """Play a file again and again until ``uuid_break`` or the end of the call."""
    if channel.switch.sounds.length(data) is None:
        channel.set("current_application_response", "FILE NOT FOUND")
        return
    channel.plays_endless = True
    try:
        with sounding(channel, f"file {data}"):
            rest(channel, on_digit=lambda _digit: False)
    finally:
        channel.plays_endless = False
    channel.set("current_application_response", "FILE PLAYED")


def loop_playback(channel: Channel, data: str) -> None:
    """Play ``+times file``; without a number twice."""
    count, file = (data[1:].partition(" ")[::2]) if data.startswith("+") else ("2", data)
    loops = leading_number(count)
    while loops:
        loops -= 1
        channel.set("current_application_response", play_file(channel, file))


def gentones(channel: Channel, data: str) -> None:
    play_file(channel, f"tone_stream://{data.partition('|')[0]}")


def echo(channel: Channel, data: str) -> None:
    """Send back what comes, without an end."""
    with sounding(channel, "echo"):
        rest(channel)


def say(channel: Channel, data: str) -> None:
    """``module[:language] type method [gender] text``: takes time by the length of the text."""
    words = split_arguments(data, 4)
    if len(words) < 4:
        return
    text = words[3]
    head, _, tail = text.partition(" ")
    if head.lower() in {"feminine", "masculine", "neuter"} and tail:
        text = tail
    with sounding(channel, f"say {words[1]} {text}"):
        rest(channel, channel.switch.sounds.say_length(text), on_digit=lambda _digit: False)


def record(channel: Channel, data: str) -> None:
    """``path [limit [threshold [silence]]]`` in seconds; the far end is silent from the start here.

    A file of that name is empty from the first moment on (switch_ivr_record_file).
    """
    words = split_arguments(data)
    keeps = channel.switch.options.keeps_recordings
    if keeps:
        Path(words[0]).write_bytes(b"")
    limit = leading_number(words[1]) if len(words) > 1 else 0
    silence = leading_number(words[3]) if len(words) > 3 else 0
    seconds = min(limit or math.inf, silence or math.inf)
    terminators = channel.get("playback_terminators") or "*"
    channel.set("silence_hits_exhausted", "false")
    began = time.monotonic()
    try:
        with sounding(channel, "recording"):
            how = rest(
                channel, None if seconds == math.inf else seconds, on_digit=lambda digit: digit in terminators
            )
    finally:
        if keeps:
            _write_silence(words[0], time.monotonic() - began)
    if how is Rest.TIME and silence and silence <= (limit or math.inf):
        channel.set("silence_hits_exhausted", "true")
    channel.set("record_seconds", str(int(time.monotonic() - began)))
    channel.set("record_ms", str(int((time.monotonic() - began) * 1000)))


def _write_silence(path: str, seconds: float) -> None:
    with wave.open(path, "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(bytes(2 * round(8000 * seconds)))


def play_and_detect_speech(channel: Channel, data: str) -> None:
    """``file detect:engine grammar``: what the far end says or one of playback_terminators, in detect_speech_result.

    Source: play_and_detect_speech_function, switch_ivr_play_and_detect_speech. Every grammar is known here.
    """
    file, _, detect = data.partition("detect:")
    words = split_arguments(detect, 2)
    channel.set("detect_speech_result", None)
    if len(words) < 2:
        channel.set("current_application_response", "USAGE ERROR")
        return
    if words[0].partition(":")[0] not in channel.switch.options.recognisers:
        channel.set("current_application_response", "ASR INIT ERROR")
        return
    channel.set("detect_speech_result", _recognised(channel, file.strip()))
    channel.set("current_application_response", "DONE")


def _recognised(channel: Channel, file: str) -> str:
    terminators = channel.get("playback_terminators") or ""
    terminators = {"any": "1234567890*#", "none": ""}.get(terminators.lower(), terminators)
    pressed: list[str] = []

    def ends(digit: str) -> bool:
        if digit in terminators:
            pressed.append(digit)
        return digit in terminators

    channel.is_listened_to = True
    channel.words.clear()
    try:
        play_file(channel, file, ends)
        patience = RECOGNISER_PATIENCE / channel.switch.network.speed
        if not pressed:
            with sounding(channel, "waiting for speech"):
                rest(channel, patience, on_digit=ends, until=lambda: bool(channel.words), breakable=False)
    finally:
        channel.is_listened_to = False
    if pressed:
        channel.set("playback_terminator_used", pressed[0])
        return f"DIGIT: {pressed[0]}"
    return channel.words.popleft() if channel.words else ""


def read(channel: Channel, data: str) -> None:
    """``min max file variable timeout terminators [digit timeout]`` (switch_ivr_read)."""
    words = split_arguments(data)
    words += [""] * (7 - len(words))
    low, high = leading_number(words[0]), leading_number(words[1])
    timeout = max(leading_number(words[4]), 1000)
    _Collection(channel, low, high, timeout, words[5] or "#", leading_number(words[6])).ask(
        words[2], words[3]
    )


def play_and_get_digits(channel: Channel, data: str) -> None:
    """``min max tries timeout terminators file invalid_file variable regexp digit_timeout failure``.

    Source: switch_play_and_get_digits.
    """
    words = split_arguments(data)
    words += [""] * (11 - len(words))
    low = max(leading_number(words[0]), 0)
    timeout = max(leading_number(words[3]), 1000)
    collection = _Collection(
        channel,
        low,
        max(leading_number(words[1]), low),
        timeout,
        words[4] or "#",
        leading_number(words[9]),
    )
    variable, regexp = words[7], words[8]
    if regexp and variable:
        channel.set(f"{variable}_invalid", None)
    for _ in range(leading_number(words[2])):
        if _accepted(channel, collection, words[5], variable, regexp):
            return
        if words[6]:
            play_file(channel, words[6])
    if words[10]:
        transfer(channel, words[10])


def _accepted(channel: Channel, collection: _Collection, file: str, variable: str, regexp: str) -> bool:
    """Ask once: true when what was pressed is taken."""
    digits = collection.ask(file, variable)
    if not digits:
        return collection.low == 0 and channel.get("read_terminator_used") is not None
    if len(digits) < collection.low:
        return False
    if not regexp or re.search(regexp, digits):
        return True
    channel.set(variable, None)
    channel.set(f"{variable}_invalid", digits)
    return False


class _Collection:
    """What is asked for: how many digits, how long to wait for the first and for each further one."""

    def __init__(
        self, channel: Channel, low: int, high: int, timeout: int, terminators: str, digit_timeout: int
    ) -> None:
        self.channel = channel
        self.low = low
        self.high = min(high, MAX_DIGITS)
        self.timeout = timeout / 1000
        self.digit_timeout = (digit_timeout or timeout) / 1000
        self.terminators = "" if terminators.lower() == "none" else terminators

    def ask(self, file: str, variable: str) -> str:
        """Play `file`, collect, and set `variable`, read_result and read_terminator_used."""
        self.digits, self.terminator = "", ""
        self.channel.set("read_result", None)
        self.channel.set("read_terminator_used", None)
        if file:
            play_file(self.channel, file, self._take)
        with sounding(self.channel, "waiting for digits"):
            self._collect()
        result = "success" if len(self.digits) >= self.low and (self.digits or self.terminator) else "timeout"
        self.channel.update({"read_result": result, "read_terminator_used": self.terminator})
        if variable:
            self.channel.set(variable, self.digits)
        return self.digits

    @property
    def _is_full(self) -> bool:
        return bool(self.terminator) or len(self.digits) >= self.high

    def _take(self, digit: str) -> bool:
        """Take a digit; anything pressed ends the prompt."""
        if digit in self.terminators:
            self.terminator = digit
        else:
            self.digits += digit
        return True

    def _collect(self) -> None:
        while not self._is_full:
            wait = self.digit_timeout if self.digits else self.timeout
            if rest(self.channel, wait, on_digit=self._take) is not Rest.DIGIT:
                return
