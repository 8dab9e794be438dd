"""One call on its outbound event socket."""

from __future__ import annotations

import _socket
import enum
import logging
import re
import uuid as uuids
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Any, Final, Literal

from gevent.event import AsyncResult
from gevent.event import Event as Flag
from gevent.queue import Empty, SimpleQueue

from fsroute.esl import commands
from fsroute.esl.errors import CommandRefused, CommandTimeout, RemoteProtocolError, SessionClosed
from fsroute.esl.messages import API_RESPONSE, DISCONNECT_NOTICE, Event, Message
from fsroute.esl.pending import PendingApplications
from fsroute.esl.transport import COMMAND_TIMEOUT, Tap, Transport

logger = logging.getLogger(__name__)

UUID: Final = re.compile(r"[0-9A-Za-z_.-]{1,64}")  # origination_uuid may be any word
MAX_UNREAD: Final = 5_000  # entries of a mailbox; a call that is left unread so long has lost its handler
HANGUP_TIMEOUT: Final = 5.0  # seconds that a hang-up that was asked for may take
SHOWS_PARK: Final = frozenset({"CHANNEL_PARK", "CHANNEL_EXECUTE", "CHANNEL_EXECUTE_COMPLETE"})
PARK_TIMEOUT: Final = 1.0  # seconds that the park of an async socket may take to begin


class Phase(enum.Enum):
    """How far a call is on its socket::

        from      on                                     to
        live      CHANNEL_HANGUP of the channel          hung_up
        live      disconnect notice, disposition linger  hung_up
        any       disconnect notice, any other           gone
        any       end of file, protocol error, close     gone

    While `hung_up` FreeSWITCH lingers: the last events still come.
    """

    LIVE = enum.auto()
    HUNG_UP = enum.auto()
    GONE = enum.auto()


class _Gone(enum.Enum):
    GONE = enum.auto()


_GONE: Final = _Gone.GONE


class Session:
    """One call: its commands, and the one mailbox that its greenlet reads.

    The mailbox holds the call's events and whatever other greenlets post, in the order of
    arrival. All methods may be called from any greenlet of the thread; :meth:`next` from one.
    """

    __slots__ = (
        "__weakref__",
        "_changed",
        "_looks_on",
        "_parked",
        "_phase",
        "_transport",
        "channel",
        "clock",
        "context",
        "events",
        "leaving",
        "new_uuid",
        "pending",
        "uuid",
    )

    def __init__(
        self,
        sock: _socket.socket,
        tap: Tap | None = None,
        *,
        clock: Callable[[], float] = monotonic,
        new_uuid: Callable[[], str] = lambda: str(uuids.uuid4()),
    ) -> None:
        self.clock = clock
        """Seconds that never go back, by which this call's limits are kept."""
        self.new_uuid = new_uuid
        self.uuid = ""
        """The channel's Unique-ID; empty until :meth:`connect`."""
        self.channel = Event("", b"\n")
        """The channel data that answered ``connect``; URL-decoded on access, never refreshed."""
        self.context: Any = None
        """For the application: whatever belongs to this call."""
        self.events: SimpleQueue[Any] = SimpleQueue()
        self.pending = PendingApplications()
        self._phase = Phase.LIVE
        self._changed: Flag | None = None  # set when _phase or _parked changes; made by who waits
        self._parked = False  # the channel has shown that it is in park, where a socket may close
        self._looks_on = (
            False  # nothing but `look` was said: FreeSWITCH waits for `connect`, and does not park yet
        )
        self.leaving = False
        """A hang-up was asked for: :meth:`release` waits for it."""
        self._transport = Transport(sock, self, tap)

    @property
    def closed(self) -> bool:
        """The connection is gone; nothing can be sent."""
        return self._phase is Phase.GONE

    @property
    def hungup(self) -> bool:
        """The channel has hung up, or its connection is gone."""
        return self._phase is not Phase.LIVE

    @property
    def reason(self) -> str | None:
        """Why the connection is gone; None while it stands."""
        return self._transport.reason

    def connect(self, timeout: float = 2.0) -> Event:
        """Ask for the channel data: the first command of every outbound socket.

        Raises:
            CommandTimeout: no answer within `timeout` seconds.
            RemoteProtocolError: the answer is no channel data.
            SessionClosed: the connection is gone.
        """
        reply = self._transport.request(commands.connect(), timeout)
        if not isinstance(reply, Event) or not reply.uuid:
            raise RemoteProtocolError(f"connect was answered by {reply.reply_text or reply!r}")
        self._looks_on = False
        self.channel = reply
        self.uuid = reply.uuid
        return reply

    def look(self, timeout: float = 2.0) -> Event:
        """Ask for the channel data without :meth:`connect`, which may follow, and must before the call is released.

        A parked channel without media looks for what it is to do every 20 ms (`switch_ivr_park`), one that is not
        connected to looks every millisecond whether it still is up (`socket_function`): so a :meth:`redirect` is
        done at once. Nothing can be executed until then, and the dialplan's guard should be left alone, since a
        process that dies here leaves the channel parked.

        The reply to the first command of a socket is never sent, so the channel's name is asked for twice.

        Raises:
            As :meth:`connect`.
        """
        self._transport.send(commands.channel_uuid())
        name = self._transport.request(commands.channel_uuid(), timeout).reply_text
        if UUID.fullmatch(name) is None:
            raise RemoteProtocolError(f"a channel's uuid is {name[:80]!r}")
        reply = self._transport.request(commands.api(f"uuid_dump {name}"), timeout)
        data = Event.plain(reply.body)
        if reply.content_type != API_RESPONSE or data.uuid != name:
            raise RemoteProtocolError(f"uuid_dump was answered by {reply.text[:80]!r}")
        self._looks_on = True
        self.channel, self.uuid = data, name
        return data

    def redirect(self, uris: Sequence[str], timeout: float = COMMAND_TIMEOUT) -> None:
        """Have the caller's side call elsewhere: 302 with one URI, 300 with several; then the channel hangs up.

        Raises:
            CommandRefused: the channel is gone.
            CommandTimeout, InvalidCommand, SessionClosed: as :meth:`command`.
        """
        target = commands.uris(uris)
        if not self._looks_on:
            self.execute("redirect", target, timeout=timeout)
        elif (said := self.api(f"uuid_redirect {self.uuid} {target}", timeout)).startswith("-"):
            raise CommandRefused(said)

    def send(self, *commands: bytes) -> list[AsyncResult[Message]]:
        """Send commands in a row without waiting; each result becomes the reply to its command."""
        return self._transport.ask(*commands)

    def command(self, command: bytes, timeout: float = COMMAND_TIMEOUT) -> Message:
        """Send and wait for the reply, whatever it says.

        Raises:
            CommandTimeout: no reply within `timeout` seconds.
            SessionClosed: the connection is gone.
        """
        return self._transport.request(command, timeout)

    def execute(
        self,
        application: str,
        argument: str = "",
        *,
        event_uuid: str | None = None,
        lock: bool = False,
        multiline: bool = False,
        timeout: float = COMMAND_TIMEOUT,
    ) -> str:
        """Queue an application and return its Event-UUID.

        Its end comes into the mailbox as CHANNEL_EXECUTE_COMPLETE with that ``Application-UUID``;
        an unknown application instead hangs up with DESTINATION_OUT_OF_ORDER. Without `lock`,
        what is queued while it runs is run inside of it (two prompts: the second is heard at once,
        and ends first); with `lock` it waits its turn.

        Raises:
            CommandRefused: FreeSWITCH answered -ERR, or 200 applications wait already.
            CommandTimeout: no reply within `timeout` seconds.
            InvalidCommand: a value holds a line end or a NUL.
            SessionClosed: the connection is gone.
        """
        event_uuid = event_uuid or self.new_uuid()
        command = commands.sendmsg_execute(
            application, argument, event_uuid=event_uuid, lock=lock, multiline=multiline
        )
        self.leaving = self.leaving or application == "hangup"
        self.queue(command, event_uuid, timeout)
        return event_uuid

    def queue(self, command: bytes, event_uuid: str, timeout: float = COMMAND_TIMEOUT) -> Message:
        """Send a ``sendmsg`` that will be pending until `event_uuid` ends; its reply.

        Raises:
            As :meth:`execute`.
        """
        self.pending.admit(event_uuid)
        try:
            return refuse_errors(self.command(command, timeout))
        except (CommandRefused, SessionClosed):
            self.pending.withdraw(event_uuid)
            raise

    def api(self, command: str, timeout: float = COMMAND_TIMEOUT) -> str:
        """The output of an api command without its last line end, ``-ERR …`` included.

        Raises:
            CommandRefused: the socket may not use api commands (it lacks ``full``).
            CommandTimeout: no reply within `timeout` seconds.
            InvalidCommand: `command` holds a line end or a NUL.
            SessionClosed: the connection is gone.
        """
        reply = self.command(commands.api(command), timeout)
        if reply.content_type != API_RESPONSE:
            raise CommandRefused(reply.reply_text)
        if command.startswith("uuid_break ") and command.endswith(" all"):
            self.pending.flush()
        return reply.text

    def set_variable(self, name: str, value: str, timeout: float = COMMAND_TIMEOUT) -> None:
        """Set a channel variable; it holds at once, whatever runs on the channel.

        Raises:
            InvalidCommand: no such name can be, or the value holds a line end, a NUL or ``$``.
            CommandRefused: FreeSWITCH answered -ERR (the channel is gone).
            CommandTimeout, SessionClosed: as :meth:`command`.
        """
        refuse_errors(self.command(commands.setvar(self.uuid, name, value), timeout))

    def set_variables(self, timeout: float = COMMAND_TIMEOUT, /, **variables: str) -> None:
        """Set channel variables together, by one command.

        Raises:
            As :meth:`set_variable`; InvalidCommand also for a value with ``;``.
        """
        refuse_errors(self.command(commands.setvars(self.uuid, variables), timeout))

    def get_variable(self, name: str, timeout: float = COMMAND_TIMEOUT) -> str | None:
        """A channel variable as it is now; None when it is not set.

        Through ``uuid_getvar``: the command ``getvar`` desynchronises the stream on some values.
        """
        value = self.api(f"uuid_getvar {self.uuid} {commands.token(name, 'a variable')}", timeout)
        return None if value == "_undef_" else value

    def hangup(self, cause: str = "NORMAL_CLEARING", timeout: float = COMMAND_TIMEOUT) -> None:
        """Hang the channel up at once, whatever runs on it; a channel that is gone is no error.

        Through ``uuid_kill``: a ``sendmsg`` would wait behind an application queued with `lock`.

        Raises:
            CommandTimeout, SessionClosed: as :meth:`command`.
        """
        self.leaving = True
        self.command(commands.api(f"uuid_kill {self.uuid} {commands.token(cause, 'a cause')}"), timeout)

    def release(self, timeout: float = PARK_TIMEOUT) -> None:
        """Give the call back to the dialplan, which goes on behind its ``socket`` application.

        An async socket that closes before the channel is parked leaves it parked for ever; so this
        waits until the channel has shown that it is, at most `timeout` seconds. After a
        :meth:`hangup` it waits for that instead.
        """
        if self.uuid and not self.closed:
            if self._looks_on and not self.hungup:
                self._connect_to_release()
            if self.leaving:
                self.wait_hungup(HANGUP_TIMEOUT)
            self._wait(lambda: self._parked or self.hungup, timeout)
            try:
                self.command(commands.exit_(), 1.0)
            except (CommandTimeout, SessionClosed):
                pass
        self.close("given back to the dialplan" if self.uuid else "connect was not answered")

    def _connect_to_release(self) -> None:
        try:
            self.connect(1.0)
        except (CommandTimeout, RemoteProtocolError, SessionClosed) as error:
            logger.debug("call %s: not connected for its release: %s", self.uuid, error)

    def wait_hungup(self, timeout: float | None) -> bool:
        """Wait until the channel has hung up or the connection is gone; False after `timeout` seconds."""
        return self._wait(lambda: self.hungup, timeout)

    def close(self, reason: str = "closed by us") -> None:
        """Close the connection as it is; :meth:`release` is what a live call needs."""
        self._transport.close(reason)

    def note(self, **facts: object) -> None:
        """Tell whoever watches this session what is known from now on; nobody does as a rule."""
        if self._transport.tap is not None:
            self._transport.tap.noted(facts)

    def finish(self) -> None:
        """Whoever served the call is through with it."""
        if self._transport.tap is not None:
            self._transport.tap.finished()

    @property
    def is_watched(self) -> bool:
        """Notes are read by somebody."""
        return self._transport.tap is not None

    def post(self, item: object) -> bool:
        """Put `item` into the mailbox; False when the call is gone and nobody will read it.

        A mailbox that nobody reads closes the socket, as unread events do.
        """
        if self.closed or self._is_unread():
            return False
        self.events.put(item)
        return True

    def next(self, timeout: float | None = None) -> Any:
        """The next event or posted object, in order of arrival; None after `timeout` seconds.

        Raises:
            SessionClosed: the call is gone and the mailbox is empty.
        """
        try:
            item = self.events.get(timeout=timeout)
        except Empty:
            return None
        if item is _GONE:
            self.events.put(_GONE)
            raise SessionClosed(self.reason or "the call is gone")
        return item

    def message_arrived(self, message: Message) -> None:
        """For the transport."""
        if isinstance(message, Event):
            self._event_arrived(message)
        elif message.content_type == DISCONNECT_NOTICE:
            self._notice_arrived(message)

    def connection_lost(self, reason: str) -> None:
        """For the transport."""
        self._phase = Phase.GONE
        self._signal()
        self.events.put(_GONE)

    def _event_arrived(self, event: Event) -> None:
        name = event.name
        if name.startswith("CHANNEL_") and self._is_own(event):
            if name == "CHANNEL_EXECUTE_COMPLETE":
                self.pending.ended(event.get("Application-UUID", ""))
            elif name == "CHANNEL_HANGUP":
                self._hung_up()
            if not self._parked and name in SHOWS_PARK:
                self._parked = True
                self._signal()
        if not self._is_unread():
            self.deliver(event)

    def _is_unread(self) -> bool:
        """The mailbox is full: the call has lost its handler."""
        if len(self.events) < MAX_UNREAD:
            return False
        logger.error("call %s: %d events unread, its socket is closed", self.uuid, MAX_UNREAD)
        self.close(f"{MAX_UNREAD} events unread")
        return True

    def deliver(self, event: Event) -> None:
        """Where an event goes; called in the hub."""
        self.events.put(event)

    def _is_own(self, event: Event) -> bool:
        """About this channel; before the answer to ``connect`` has been taken there is no other."""
        return not self.uuid or event.uuid == self.uuid

    def _notice_arrived(self, notice: Message) -> None:
        if notice.get("Content-Disposition") == "linger":
            self._hung_up()
        else:
            self.close("FreeSWITCH has ended the session")

    def _hung_up(self) -> None:
        if self._phase is Phase.LIVE:
            self._phase = Phase.HUNG_UP
        self._signal()

    def _signal(self) -> None:
        if self._changed is not None:
            self._changed.set()

    def _wait(self, done: Callable[[], bool], timeout: float | None) -> bool:
        limit = None if timeout is None else self.clock() + timeout
        while not done():
            if self._changed is None or self._changed.is_set():
                self._changed = Flag()
            if not self._changed.wait(None if limit is None else max(0.0, limit - self.clock())):
                return False
        return True

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> Literal[False]:
        self.release()
        return False

    def __repr__(self) -> str:
        return f"<Session {self.uuid} {self._phase.name.lower()}>"


def refuse_errors(reply: Message) -> Message:
    """`reply`, unless it is ``-ERR``.

    Raises:
        CommandRefused: it is; the text is the reply.
    """
    refusal = reply.refusal
    if refusal is not None:
        raise CommandRefused(refusal)
    return reply
