"""What an application wants done on the caller's line, done: prompts, keys, speech, look-ups, messages."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fsroute.callserver import speech
from fsroute.callserver.collecting import Collector
from fsroute.callserver.desk import Desk
from fsroute.callserver.line import Line
from fsroute.callserver.looking_up import look_up
from fsroute.callserver.ways import record_message
from fsroute.ivr import Collect, Digits, Happening, LookUp, NoInput, Play, Played, Record, Recorded

TIME_ZONE = "timezone"


class Performer:
    """For one caller. `folder` is always that of the application that is running."""

    def __init__(self, desk: Desk, line: Line, music: str) -> None:
        self._desk = desk
        self._line = line
        self._music = music
        self._collector = Collector(line, desk.settings.speech_engine)

    def play(self, do: Play, folder: Path) -> Happening:
        self._line.set_variable("playback_terminators", "any" if do.interruptible else "none")
        with self._clock_in_utc(speech.needs_utc(do)):
            for application, argument in speech.play(do, folder):
                complete = self._line.completed(self._line.execute(application, argument))
                if do.interruptible and (key := complete.get("variable_playback_terminator_used")):
                    return Digits(key)
        return Played()

    def collect(self, do: Collect, folder: Path) -> Happening:
        return self._collector.collect(do, folder)

    def look_up(self, do: LookUp, folder: Path, contact_center_id: str) -> Happening:
        sounds = (speech.one_file([str(folder / file) for file in do.meanwhile]),) if do.meanwhile else ()
        center = do.contact_center or contact_center_id
        return look_up(self._desk.lookups, self._line, do, center, sounds, self._music)

    def record(self, do: Record, folder: Path, contact_id: str) -> Happening:
        sounds = [speech.one_file([str(folder / file) for file in do.files])] if do.files else []
        seconds = record_message(self._desk, self._line, contact_id, do, sounds)
        return Recorded(seconds) if seconds else NoInput()

    @contextmanager
    def _clock_in_utc(self, is_needed: bool) -> Iterator[None]:
        """Dates and times are given in UTC; afterwards the channel's own time zone holds again."""
        if is_needed:
            self._line.set_variable(TIME_ZONE, "UTC")
        yield
        if is_needed:
            self._line.set_variable(TIME_ZONE, self._line.get(f"variable_{TIME_ZONE}"))
