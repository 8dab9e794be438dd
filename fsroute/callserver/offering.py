"""An application offers to call back: the same talk as with a waiting caller, before there is a place in the queue."""

from __future__ import annotations

from fsroute.callserver.dialogue import Chosen, Declined, Do, Heard, Key, Listen, Silence, Speak
from fsroute.callserver.line import Line
from fsroute.callserver.speech import one_file
from fsroute.callserver.talk import Talk, Waiter
from fsroute.esl.messages import Event


class Offer:
    """One talk. Between questions, while it listens, the caller hears `music`."""

    def __init__(self, line: Line, waiter: Waiter, music: str) -> None:
        self._line = line
        self._waiter = waiter
        self._music = music
        self._talk = Talk(waiter)
        self._playing = ""
        self._speaks = False

    def number(self, caller_number: str, prompt: str = "") -> str | None:
        """The number to call; None: the caller does not want it.

        Raises:
            CallerGone, SessionClosed: the caller hung up, or the connection went.
        """
        self._line.set_variable("playback_terminators", "none")
        do: Do | None = self._talk.begin(caller_number, prompt)
        while True:
            if isinstance(do, Chosen | Declined):
                self._stop()
                return do.number if isinstance(do, Chosen) else None
            self._perform(do)
            do = self._hear(self._line.next(self._patience()))

    def _perform(self, do: Do | None) -> None:
        if isinstance(do, Speak):
            self._play(one_file(self._waiter.prompts.files(do.prompts)), speaks=True)
        elif isinstance(do, Listen):
            self._talk.listen(self._line.clock() + do.seconds)
            if self._speaks or not self._playing:
                self._play(self._music, speaks=False)

    def _hear(self, item: object) -> Do | None:
        if isinstance(item, Event) and item.name == "DTMF":
            return self._talk.hear(Key(item.get("DTMF-Digit", "")))
        if isinstance(item, Event) and item.get("Application-UUID") == self._playing:
            return self._ended() if item.name == "CHANNEL_EXECUTE_COMPLETE" else None
        return self._talk.hear(Silence()) if self._talk.is_silent(self._line.clock()) else None

    def _ended(self) -> Do | None:
        self._playing = ""
        if self._speaks:
            return self._talk.hear(Heard())
        self._play(self._music, speaks=False)
        return None

    def _patience(self) -> float | None:
        until = self._talk.listens_until
        return max(0.0, until - self._line.clock()) if until else None

    def _play(self, sound: str, *, speaks: bool) -> None:
        self._stop()
        self._playing, self._speaks = self._line.execute("playback", sound), speaks

    def _stop(self) -> None:
        """News that come meanwhile are heard afterwards."""
        news: list[object] = []
        if self._playing:
            self._line.stop(self._playing, news.append)
            self._playing = ""
        for item in news:
            self._line.session.post(item)
