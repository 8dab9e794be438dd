"""One event-socket connection, inbound or outbound: commands in, replies and events out.

Source: mod_event_socket.c. A reader greenlet answers commands, a writer greenlet sends events, as
late as FreeSWITCH would: its loop looks at its queue every 20 ms, or as soon as bytes arrive.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from typing import TYPE_CHECKING

import gevent
from gevent import socket
from gevent.event import Event as Flag
from gevent.lock import Semaphore

from fsroute.switchsim import replies
from fsroute.switchsim.commands import CommandReader, CommandTooLong
from fsroute.switchsim.encoding import is_true

if TYPE_CHECKING:
    from fsroute.switchsim.channel import Channel
    from fsroute.switchsim.events import Event
    from fsroute.switchsim.switch import Switch

log = logging.getLogger(__name__)

MAX_QUEUE = 100_501  # events behind before FreeSWITCH kills the listener
GOODBYE_LIMIT = 1.0  # seconds that a farewell may take
GOODBYE = "Disconnected, goodbye.\nSee you at ClueCon! http://www.cluecon.com/\n"


class Listener:
    """A connection with its subscriptions; `channel` is the call of an outbound one."""

    def __init__(
        self,
        switch: Switch,
        connection: socket.socket,
        channel: Channel | None = None,
        *,
        is_full: bool = True,
    ) -> None:
        self.switch = switch
        self.channel = channel
        self.is_full = is_full
        self.is_authorized = channel is not None
        self.is_connected = False
        self.has_command = False
        self.is_finished = False
        self.linger: int | None = None  # seconds; -1 without an end
        self.names: set[str] = set()
        self.subclasses: set[str] = set()
        self.my_events = ""  # the one Unique-ID that is listened to
        self.filters: list[tuple[str, str]] = []
        self._socket = connection
        self._events: deque[Event] = deque()
        self._wake = Flag()
        self._poke = Flag()
        self._lock = Semaphore()
        self._lingers_until: float | None = None
        self._greenlets: list[gevent.Greenlet[..., object]] = []

    def start(self) -> None:
        """Begin to read and write."""
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.switch.connections.add(self)
        if self.channel is not None:
            self.channel.listeners.add(self)
            if not self.channel.is_up:  # it hung up while the connection was made
                self._wake.set()
        self._greenlets = [gevent.spawn(self._read), gevent.spawn(self._write)]

    def wait(self) -> None:
        """Until the connection is over."""
        gevent.joinall(self._greenlets)

    # -- subscriptions

    def wants(self, name: str, uuid: str, subclass: str = "") -> bool:
        """Whether an event of that name about that channel is to be sent, filters aside."""
        if self.is_finished or (name not in self.names and "ALL" not in self.names):
            return False
        if name == "CUSTOM" and "ALL" not in self.names and subclass not in self.subclasses:
            return False
        return not self.my_events or uuid == self.my_events

    def queue(self, event: Event) -> None:
        """Take an event to be sent when its time has come."""
        if self.is_finished or (self.filters and not self._passes(event)):
            return
        if len(self._events) >= MAX_QUEUE:
            log.warning("%s kills a listener that does not read", self.switch.name)
            gevent.spawn(self.finish)
            return
        self._events.append(event)
        self._wake.set()

    def _passes(self, event: Event) -> bool:
        """Apply the filters in order: a header that fits lets in, one marked ``-`` keeps out."""
        passes = False
        for name, wanted in self.filters:
            value = event.header(name)
            if value is None:
                continue
            excludes = wanted.startswith("-")
            if passes and not excludes:
                continue
            if replies.fits(value, wanted.lstrip("+- ")):
                if excludes:
                    return False
                passes = True
        return passes

    # -- reading

    def _read(self) -> None:
        reader = CommandReader()
        try:
            self._greet()
            self._socket.settimeout(self.switch.silence_limit)
            while data := self._socket.recv(65536):
                self._poke.set()
                for command in reader.feed(data):
                    self._socket.settimeout(None)
                    if not replies.answer(self, command):
                        return
        except (OSError, CommandTooLong) as error:
            log.debug("%s lost an event socket: %s", self.switch.name, error)
        finally:
            self.finish()

    def _greet(self) -> None:
        if self.channel is None:
            self.send(b"Content-Type: auth/request\n\n")

    def reply(self, text: str) -> None:
        """Send a command's reply, cut as FreeSWITCH cuts it."""
        self.send(
            f"Content-Type: command/reply\nReply-Text: {text[:511]}\n\n".encode(errors="surrogateescape")
        )

    def send(self, data: bytes) -> None:
        """Write bytes; whoever comes second waits."""
        with self._lock:
            self._socket.sendall(data)

    # -- writing

    def channel_is_down(self) -> None:
        """The call of this connection ended: say so, and linger if that was wished."""
        self._wake.set()

    def _write(self) -> None:
        try:
            while not self.is_finished:
                self._wake.wait(self._time_left())
                self._wake.clear()
                self._delay()
                self._flush()
                if not self._goes_on():
                    break
        except OSError as error:
            log.debug("%s cannot write to an event socket: %s", self.switch.name, error)
        self.finish()

    def _time_left(self) -> float | None:
        if self._lingers_until is None:
            return None
        return max(0.0, self._lingers_until - time.time())

    def _delay(self) -> None:
        """Wait as FreeSWITCH's loop does, up to 20 ms, or until bytes arrive."""
        mean = self.switch.event_latency
        if mean and self._events:
            self._poke.clear()
            self._poke.wait(self.switch.random.uniform(0, 2 * mean))

    def _flush(self) -> None:
        while self._events:
            batch = b"".join(self._events.popleft().frame() for _ in range(min(len(self._events), 64)))
            self.send(batch)

    def _goes_on(self) -> bool:
        """After a hang-up: send the linger notice once, stop when lingering is over."""
        if self.channel is None or self.channel.is_up:
            return True
        if self.linger is None:
            return False
        if self._lingers_until is None:
            self._lingers_until = 1e12 if self.linger < 0 else int(time.time()) + self.linger + 1.0
            self.send(self._linger_notice(self.channel))
        return time.time() < self._lingers_until

    def _linger_notice(self, channel: Channel) -> bytes:
        notice = (
            "Content-Type: text/disconnect-notice\n"
            f"Controlled-Session-UUID: {channel.uuid}\nContent-Disposition: linger\n"
            f"Channel-Name: {channel.profile.channel_name}\nLinger-Time: {self.linger}\n"
            "Content-Length: 0\n\n"
        )
        return notice.encode(errors="surrogateescape")[:511]

    # -- the end

    def finish(self) -> None:
        """Say goodbye, close, and let the call go on without this connection. Once."""
        if self.is_finished:
            return
        self.is_finished = True
        self.switch.connections.discard(self)
        self.switch.listeners.discard(self)
        if self._lock.acquire(timeout=GOODBYE_LIMIT):
            try:
                self._socket.settimeout(GOODBYE_LIMIT)
                self._socket.sendall(self._goodbye())
            except OSError:
                log.debug("%s could not say goodbye", self.switch.name)
            finally:
                self._lock.release()
        self._close()
        if self.channel is not None:
            self.channel.release(self)
            self.channel.lose_socket(resumes=is_true(self.channel.get("socket_resume")))

    def _goodbye(self) -> bytes:
        controlled = f"Controlled-Session-UUID: {self.channel.uuid}\n" if self.channel else ""
        disposition = "Content-Disposition: disconnect\n" if self.channel else ""
        head = f"Content-Type: text/disconnect-notice\n{controlled}{disposition}"
        return f"{head}Content-Length: {len(GOODBYE)}\n\n{GOODBYE}".encode()

    def drop(self) -> None:
        """Close without a word, as a process that dies does."""
        self.is_finished = True
        self.switch.connections.discard(self)
        self.switch.listeners.discard(self)
        self._close()
        if self.channel is not None:
            self.channel.release(self)

    def _close(self) -> None:
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._socket.close()  # whoever reads or writes is told by an OSError
        self._wake.set()
        self._poke.set()
