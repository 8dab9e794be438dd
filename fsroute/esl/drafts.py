"""Commands that are on their way before it is certain that they shall be performed: all of them but the end.

FreeSWITCH reads a command byte by byte, each a turn given away, and performs it at the empty line: on a busy host most
of the time from a command to what it does is spent on reading it. Who is about to know that a command is wanted
begins it meanwhile; two bytes are left to be read then. A draft that is not wanted after all is dropped by closing
its connection, which FreeSWITCH takes for a command that never came.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

import gevent
from gevent.event import AsyncResult

from fsroute.errors import SwitchError
from fsroute.esl.errors import SessionClosed
from fsroute.esl.link import Link, Listener, NotAdmitted
from fsroute.esl.messages import Message

logger = logging.getLogger(__name__)

COUNT: Final = 2  # drafts at once; who finds none free sends the whole command when the time has come
KEPT: Final = 1.0  # seconds after which a draft is not wanted any more
PAUSE: Final = 1.0  # seconds before a connection that was lost is made anew
NOT_ADMITTED_PAUSE: Final = 30.0  # FreeSWITCH leaks a little with every connection that it rejects
MOST_UNASKED: Final = 100  # replies to drafts that were ended early, whose sender has not asked for them yet


class Drafts:
    """Connections for drafts, each with one at most; `open` makes one, for whom it is told of."""

    def __init__(self, open: Callable[[Listener], Link], count: int = COUNT, kept: float = KEPT) -> None:
        self._pages = [_Page(open, kept) for _ in range(count)]
        self._unasked: dict[bytes, AsyncResult[Message]] = {}

    def start(self) -> None:
        """Connect in the background, and again whenever a connection is lost."""
        for page in self._pages:
            page.start()

    def stop(self, reason: str) -> None:
        for page in self._pages:
            page.stop(reason)

    def begin(self, command: bytes) -> bool:
        """Send all of `command` but its end; whether there was room for it. Never waits."""
        page = next((each for each in self._pages if each.is_free), None)
        if page is not None:
            page.begin(command)
        return page is not None

    def end(self, command: bytes) -> None:
        """Send the end of `command`, if it was begun; whoever performs it next has its reply. Never waits."""
        if (reply := self._end(command)) is not None:
            self._unasked[command] = reply
            if len(self._unasked) > MOST_UNASKED:
                del self._unasked[next(iter(self._unasked))]

    def perform(self, command: bytes) -> AsyncResult[Message] | None:
        """Send the end of `command` if that was not done; what will have the reply, or None where it was not begun."""
        reply = self._unasked.pop(command, None)
        return self._end(command) if reply is None else reply

    def _end(self, command: bytes) -> AsyncResult[Message] | None:
        page = next((each for each in self._pages if each.command == command), None)
        return None if page is None else page.perform()


class _Page:
    """One connection, and the draft on it."""

    def __init__(self, open: Callable[[Listener], Link], kept: float) -> None:
        self.command: bytes | None = None
        """The draft; None where there is none."""
        self._open = open
        self._kept = kept
        self._link: Link | None = None
        self._keeper: gevent.Greenlet[..., None] | None = None
        self._limit: gevent.Greenlet[..., None] | None = None

    @property
    def is_free(self) -> bool:
        """A draft that is dropped takes the connection along: there must be no reply to come."""
        return self._link is not None and self.command is None and not self._link.transport.awaits_reply

    def start(self) -> None:
        self._keeper = gevent.spawn(self._connect)

    def stop(self, reason: str) -> None:
        if self._keeper is not None:
            self._keeper.kill(block=False)
            self._keeper = None
        self._close(reason)

    def begin(self, command: bytes) -> None:
        assert self._link is not None
        self.command = command
        self._limit = gevent.spawn_later(self._kept, self._drop)
        try:
            self._link.transport.begin(command)
        except SessionClosed:
            self._close("lost")

    def perform(self) -> AsyncResult[Message] | None:
        assert self._link is not None
        assert self.command is not None
        command = self._take_out()
        try:
            return self._link.transport.end(command)
        except SessionClosed:
            self._close("lost")  # with half a command, nothing may follow
            return None

    def message_arrived(self, message: Message) -> None:
        """For the link: nothing is asked for but replies."""

    def link_lost(self, reason: str) -> None:
        """For the link."""
        self._link = None
        self._take_out()
        if self._keeper is not None:
            self._keeper = gevent.spawn_later(PAUSE, self._connect)

    def _connect(self) -> None:
        while True:
            try:
                link = self._open(self)
            except SwitchError as error:
                logger.debug("no connection for drafts: %s", error)
                gevent.sleep(NOT_ADMITTED_PAUSE if isinstance(error, NotAdmitted) else PAUSE)
                continue
            if self._keeper is not gevent.getcurrent():  # stopped in the same turn
                link.close("stopped")
                return
            if not link.transport.closed:
                self._link = link
                return
            gevent.sleep(PAUSE)  # closed with the answer: nobody is told of that

    def _drop(self) -> None:
        logger.debug("a draft was not wanted")
        self._close("a draft was not wanted")

    def _close(self, reason: str) -> None:
        link, self._link = self._link, None
        self._take_out()
        if link is not None:
            link.close(reason)

    def _take_out(self) -> bytes:
        """The draft is none any more; its limit is for no other."""
        command, self.command = self.command, None
        limit, self._limit = self._limit, None
        if limit is not None and limit is not gevent.getcurrent():
            limit.kill(block=False)
        return command or b""
