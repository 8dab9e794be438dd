"""The caller's channel as a call uses it: executions that are waited for, and the hang-up as a way out."""

from __future__ import annotations

from collections.abc import Callable

from fsroute.callserver.waiting import ended_by
from fsroute.esl.messages import Event
from fsroute.esl.session import Session

NO_EVENT = Event("", b"\n")
STOP_LIMIT = 2.0  # seconds for an execution to end
BREAK_AGAIN = 0.2  # seconds after which a break was lost
HANGUP_LIMIT = 2.0  # seconds for a channel to go after it was told to


class CallerGone(Exception):
    """The caller's channel hung up: the way out of whatever the call was doing."""


class ChannelTaken(Exception):
    """The switch bridges the caller's channel itself.

    The socket stays open, but what follows in the dialplan is not its business: the caller comes back as a session
    of its own.
    """


class Line:
    """One session of the outbound event socket. Methods raise `CallerGone` when the channel has hung up."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.execute = session.execute
        self.api = session.api
        self.clock = session.clock
        self.set_variable = session.set_variable
        self.set_variables = session.set_variables

    @property
    def uuid(self) -> str:
        return self.session.uuid

    def get(self, name: str) -> str:
        """A header of the channel data that came with the connection; empty if there is none."""
        return self.session.channel.get(name, "")

    def end_cause(self, cause: str, reason: str, *, goes_on: bool = False) -> str:
        """How a conversation ended (`ended_by`); a reason that was heeded says nothing of the next one.

        With `goes_on` it is still to be heeded by whoever goes on with the call.
        """
        ended = ended_by(cause, reason)
        if ended != cause and not goes_on:
            self.api(f"uuid_setvar {self.uuid} sip_reason")
        return ended

    def next(self, timeout: float | None) -> object:
        """The next event or posted object; None after `timeout` seconds."""
        item: object = self.session.next(timeout)
        if isinstance(item, Event) and item.name == "CHANNEL_HANGUP" and item.uuid == self.uuid:
            raise CallerGone(item.get("Hangup-Cause"))
        return item

    def completed(
        self, event_uuid: str, limit: float | None = None, other: Callable[[object], None] | None = None
    ) -> Event:
        """Wait until an execution is over; returns its CHANNEL_EXECUTE_COMPLETE.

        Args:
            event_uuid: the execution's.
            limit: seconds, after which an event without headers is returned.
            other: takes what is not an event of FreeSWITCH, and keys.
        """
        give_up = None if limit is None else self.clock() + limit
        while True:
            item = self.next(None if give_up is None else max(0.0, give_up - self.clock()))
            if isinstance(item, Event) and item.name != "DTMF":
                if item.name == "CHANNEL_EXECUTE_COMPLETE" and item.get("Application-UUID") == event_uuid:
                    return item
            elif item is not None and other is not None:
                other(item)
            if give_up is not None and self.clock() >= give_up:
                return NO_EVENT

    def stop(self, event_uuid: str, other: Callable[[object], None] | None = None) -> None:
        """End an execution that runs, such as music without end.

        A break is lost on an execution that has not begun yet, so it is sent until the end has come; ``all`` would
        drop that execution, and its end would never come.
        """
        give_up = self.clock() + STOP_LIMIT
        while self.clock() < give_up:
            self.api(f"uuid_break {self.uuid}")
            if self.completed(event_uuid, BREAK_AGAIN, other) is not NO_EVENT:
                return

    def until_gone(self) -> None:
        """After a hang-up or transfer: read on until the channel has left."""
        give_up = self.clock() + HANGUP_LIMIT
        while (left := give_up - self.clock()) > 0:
            self.next(left)
