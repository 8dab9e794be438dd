"""The server that FreeSWITCH's ``socket`` application connects to: one connection per call."""

from __future__ import annotations

import _socket
import errno
import logging
import os
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import gevent
from gevent.event import Event as Flag
from gevent.server import StreamServer

from fsroute.errors import SwitchError
from fsroute.esl import commands
from fsroute.esl.errors import CommandRefused, SessionClosed
from fsroute.esl.session import Session, refuse_errors
from fsroute.esl.transport import wait_for

logger = logging.getLogger(__name__)

BACKLOG: Final = 4096  # connects that wait in the kernel; its own limit is net.core.somaxconn
ACCEPT_PAUSE: Final = 0.05  # seconds between tries while the process has no file descriptor left
REFUSAL_TIMEOUT: Final = 5.0  # seconds that a refused call may take to hang up
MOST_REFUSED: Final = 500  # calls that are being refused at a time; others wait in the kernel
OUT_OF_RESOURCES: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


@dataclass(frozen=True, slots=True)
class Greeting:
    """What the server says to FreeSWITCH before a call's handler runs. Times in seconds.

    `events` are subscribed to beside those of ``myevents``, or in place of them with `only`: FreeSWITCH holds each
    event that is subscribed to, of any channel, against every outbound socket, and a filter costs it less than
    ``myevents``. `guarded` says that the dialplan has a ``sched_transfer`` before its ``socket`` application, to be
    cancelled now. `linger` None: not at all. With `looks` the call is looked at (:meth:`Session.look`): the handler
    connects to it, and cancels the guard then.

    `connect_timeout` is longer than a dialplan's guard lasts by default (8 s): a connection that is closed before its
    ``connect`` was answered leaves the call in park, and one that waits serves a switch that takes its time.
    """

    connect_timeout: float = 10.0
    linger: int | None = 5
    myevents: bool = True
    events: Sequence[str] = ()
    only: bool = False
    guarded: bool = True
    looks: bool = False

    @property
    def cancels(self) -> bool:
        """The dialplan's guard is taken off before the handler runs."""
        return self.guarded and not self.looks

    @property
    def needs_full(self) -> bool:
        """Something is said that FreeSWITCH takes only with ``full`` on the ``socket`` application."""
        return self.guarded or self.linger is not None or bool(self.events)

    def commands(self, uuid: str) -> list[bytes]:
        said = [commands.api(f"sched_del {uuid}")] if self.cancels else []
        if self.linger is not None:
            said.append(commands.linger(self.linger))
        if self.only:
            said.append(commands.filter_("Unique-ID", uuid))
        elif self.myevents:
            said.append(commands.myevents())
        if self.events:
            said.append(commands.events(self.events))
        return said


def hang_up(session: Session) -> None:
    """Refuse a call: FreeSWITCH answers 503, so that the network may try elsewhere.

    A closed connection alone would leave the call in park for ever.
    """
    refuse_errors(session.command(commands.hangup("SWITCH_CONGESTION")))
    session.leaving = True
    session.wait_hungup(REFUSAL_TIMEOUT)


class OutboundServer:
    """Accepts calls and runs `handler(session)` for each in a greenlet of its own.

    When the handler returns or fails and the call still lives, the call goes back to the dialplan.
    Above `max_sessions` a call is connected and given to `on_refuse`, which hangs it up.
    """

    def __init__(
        self,
        handler: Callable[[Session], None],
        address: tuple[str, int],
        *,
        max_sessions: int = 10_000,
        on_refuse: Callable[[Session], None] = hang_up,
        greeting: Greeting | None = None,
        new_session: Callable[[_socket.socket], Session] = Session,
    ) -> None:
        self.sessions: set[Session] = set()
        """The calls that are being handled; refused ones are not among them."""
        self.refused = 0
        self.refusing = 0
        """Calls that are being refused now."""
        self.max_sessions = max_sessions
        self.most_refused = MOST_REFUSED
        self._handler = handler
        self._new_session = new_session
        self._on_refuse = on_refuse
        self._greeting = greeting or Greeting()
        self._empty = Flag()
        self._empty.set()
        self._listener = _Listener(address, self.accepted, backlog=BACKLOG)
        self._listener.is_full = lambda: self.refusing >= self.most_refused

    @property
    def address(self) -> tuple[str, int]:
        """Where the server listens; the real port when 0 was asked for."""
        return str(self._listener.server_host), int(self._listener.server_port or 0)

    def start(self) -> None:
        """Listen and accept.

        Raises:
            OSError: the address cannot be listened on.
        """
        self._listener.start()
        logger.info("outbound event socket listens on %s:%d", *self.address)

    def stop(self, timeout: float | None = None) -> int:
        """Accept no more, wait for the calls to end, and give the rest back to the dialplan.

        `timeout` in seconds; None waits for all. Returns how many were left.
        """
        self._listener.stop()
        self._empty.wait(timeout)
        left = list(self.sessions)
        for session in left:
            if not session.hungup:
                session.note(released=True)
        gevent.joinall([gevent.spawn(session.release) for session in left])
        logger.info("outbound event socket stopped, %d calls were left", len(left))
        return len(left)

    def accepted(self, sock: _socket.socket, peer: object) -> None:
        """Serve a connection of FreeSWITCH's until its call is over; for who accepts elsewhere, too."""
        session = self._new_session(sock)
        try:
            self._serve(session)
        except SessionClosed as error:
            logger.info("call %s left: %s", session.uuid or peer, error)
        except SwitchError as error:
            logger.warning("call %s: %s", session.uuid or peer, error)
        except Exception:
            logger.exception("call %s: its handler failed", session.uuid or peer)
        finally:
            self._finish(session)

    def _serve(self, session: Session) -> None:
        if len(self.sessions) >= self.max_sessions:
            self._refuse(session)
            return
        self.sessions.add(session)
        self._empty.clear()
        self._greet(session)
        logger.info("call %s opened", session.uuid)
        self._handler(session)

    def _greet(self, session: Session) -> None:
        greeting = self._greeting
        begin = session.look if greeting.looks else session.connect
        channel = begin(greeting.connect_timeout)
        if greeting.needs_full and channel.get("Control", "full") != "full":
            raise CommandRefused("the dialplan's socket application lacks the word full")
        said = greeting.commands(session.uuid)
        pairs = zip(session.send(*said), said, strict=True)
        replies = [wait_for(*pair, greeting.connect_timeout) for pair in pairs]
        for reply in replies[1:] if greeting.cancels else replies:  # a guard may have run out already
            refuse_errors(reply)

    def _refuse(self, session: Session) -> None:
        self.refused += 1
        self.refusing += 1
        try:
            session.connect(self._greeting.connect_timeout)
            logger.info("call %s refused: %d calls are handled already", session.uuid, len(self.sessions))
            self._on_refuse(session)
        finally:
            self.refusing -= 1
            self._listener.resume()

    def _finish(self, session: Session) -> None:
        session.release()
        session.finish()
        self.sessions.discard(session)
        if not self.sessions:
            self._empty.set()
        logger.info("call %s closed: %s", session.uuid, session.reason)


class _Listener(StreamServer):
    """gevent's server, with plain sockets and patience when file descriptors run out."""

    max_delay = ACCEPT_PAUSE
    is_full: Callable[[], bool] = staticmethod(lambda: False)

    def full(self) -> bool:
        """Asked before each accept; whoever makes room calls `resume`."""
        return self.is_full()

    def resume(self) -> None:
        """Accept again, where `full` has stopped it."""
        if self.started and not self.is_full():
            self.start_accepting()

    @classmethod
    def get_listener(cls, address: Any, backlog: int | None = None, family: Any = None) -> socket.socket:
        """As gevent's, but it leaves no socket behind when the address is taken."""
        listener = socket.create_server(address, family=family, backlog=backlog)
        listener.setblocking(False)
        return listener

    def do_read(self) -> Any:
        listener: Any = self.socket
        try:
            descriptor, peer = listener._accept()
        except BlockingIOError:
            return None
        except OSError as error:
            if error.errno not in OUT_OF_RESOURCES:
                raise
            self._pause(error)
            return None
        return _socket.socket(fileno=descriptor), peer

    def do_close(self, sock: _socket.socket, *_: Any) -> None:
        sock.close()

    def _pause(self, error: OSError) -> None:
        """The waiting calls stay in the backlog; their dialplan's guard takes those that wait too long."""
        logger.error("no call can be accepted for now: %s", os.strerror(error.errno or 0))
        self.stop_accepting()
        timer: Any = self.loop.timer(ACCEPT_PAUSE)
        timer.start(self._accept_again)
        self._timer = timer

    def _accept_again(self) -> None:
        if self.started:
            self.stop_accepting()  # drops the timer
            self.start_accepting()
