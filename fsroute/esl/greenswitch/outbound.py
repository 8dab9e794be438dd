"""greenswitch's OutboundSession: one call, driven by methods that may block."""

from __future__ import annotations

import _socket
import functools
import uuid as uuids
from collections.abc import Callable
from typing import Any, Literal, ParamSpec, TypeVar

from gevent.event import AsyncResult
from greenswitch.esl import OutboundSessionHasGoneAway

from fsroute.errors import SwitchUnavailable
from fsroute.esl import commands
from fsroute.esl.errors import CommandRefused, ProtocolError
from fsroute.esl.greenswitch.events import ESLEvent
from fsroute.esl.greenswitch.protocol import ESLProtocol
from fsroute.esl.messages import Event, Message
from fsroute.esl.session import Session
from fsroute.esl.transport import plain_socket

P = ParamSpec("P")
R = TypeVar("R")

LINGER = 30  # seconds, where greenswitch's application names none


class _Call(Session):
    """The session underneath; it tells the face what comes, and keeps no mailbox."""

    __slots__ = ("face",)
    face: OutboundSession

    def deliver(self, event: Event) -> None:
        self.face._event_arrived(event)

    def message_arrived(self, message: Message) -> None:
        if not isinstance(message, Event):
            self.face._notice_arrived(message)
        super().message_arrived(message)

    def connection_lost(self, reason: str) -> None:
        super().connection_lost(reason)
        self.face._lost()


class OutboundSession(ESLProtocol):
    """One call. `block=True` waits for the application's end, and needs ``myevents()`` before."""

    def __init__(self, client_address: object, sock: Any) -> None:
        super().__init__()
        self.client_address = client_address
        self.expected_events: dict[str, list[tuple[str, str, AsyncResult[ESLEvent]]]] = {}
        self._awaited: dict[str, AsyncResult[ESLEvent]] = {}
        self._session_data: dict[str, str] | None = None
        self.call = _Call(plain_socket(sock))
        self.call.face = self
        self.call.context = self

    @property
    def connected(self) -> bool:
        return not self.call.closed

    @property
    def session_data(self) -> dict[str, str]:
        """The channel data of ``connect``: never refreshed."""
        if self._session_data is None and self.call.uuid:
            self._session_data = ESLEvent(self.call.channel).headers
        return self._session_data or {}

    @property
    def uuid(self) -> str | None:
        return self.call.channel.get("variable_uuid")

    @property
    def call_uuid(self) -> str | None:
        return self.call.channel.get("variable_call_uuid")

    @property
    def caller_id_number(self) -> str | None:
        return self.call.channel.get("Caller-Caller-ID-Number")

    def connect(self) -> dict[str, str]:
        """Ask for the channel data, once.

        Raises:
            OutboundSessionHasGoneAway: FreeSWITCH does not answer.
        """
        if not self.call.uuid:
            try:
                self.call.connect()
            except (SwitchUnavailable, ProtocolError) as error:
                self.call.close(str(error))
                raise OutboundSessionHasGoneAway(str(error)) from error
        return self.session_data

    def call_command(
        self,
        app_name: str,
        app_args: object = None,
        block: bool = False,
        response_timeout: float | None = None,
    ) -> ESLEvent:
        """Queue an application; the reply, or with `block` its CHANNEL_EXECUTE_COMPLETE.

        Raises:
            OutboundSessionHasGoneAway: the call is gone, or FreeSWITCH refused the application.
            gevent.Timeout: with `block`, no end within `response_timeout` seconds.
            ValueError: an argument holds a line end.
        """
        if self._lingering:
            raise OutboundSessionHasGoneAway
        event_uuid = str(uuids.uuid4())
        ended: AsyncResult[ESLEvent] = AsyncResult()
        if block:
            self._awaited[event_uuid] = ended
        try:
            reply = self._queue(app_name, app_args, event_uuid)
            return ended.get(timeout=response_timeout) if block else reply  # type: ignore[return-value]
        finally:
            self._awaited.pop(event_uuid, None)

    def myevents(self) -> None:
        self.send("myevents")

    def answer(self) -> str | None:
        return self.call_command("answer").data

    def park(self) -> None:
        self.call_command("park")

    def linger(self, timeout: float | None = None) -> None:
        self.send(f"linger {LINGER if timeout is None else timeout}")

    def playback(self, path: str, block: bool = True) -> ESLEvent | None:
        return self._run("playback", path, block)

    def play_and_get_digits(
        self,
        min_digits: object = None,
        max_digits: object = None,
        max_attempts: object = None,
        timeout: object = None,
        terminators: object = None,
        prompt_file: object = None,
        error_file: object = None,
        variable: object = None,
        digits_regex: object = None,
        digit_timeout: object = None,
        transfer_on_fail: object = None,
        block: bool = True,
        response_timeout: float | None = 30,
    ) -> str | None:
        """The digits that the caller pressed; None without `block`."""
        arguments = [min_digits, max_digits, max_attempts, timeout, terminators, prompt_file]
        arguments += [error_file, variable, digits_regex, digit_timeout, transfer_on_fail]
        text = " ".join(str(argument) for argument in arguments)
        event = self._run("play_and_get_digits", text, block, response_timeout)
        return None if event is None else event.get(f"variable_{variable}")

    def say(
        self,
        module_name: str = "en",
        lang: str | None = None,
        say_type: str = "NUMBER",
        say_method: str = "pronounced",
        gender: str = "FEMININE",
        text: object = None,
        block: bool = True,
        response_timeout: float | None = 30,
    ) -> ESLEvent | None:
        module = f"{module_name}:{lang}" if lang else module_name
        return self._run("say", f"{module} {say_type} {say_method} {gender} {text}", block, response_timeout)

    def bridge(self, args: str, block: bool = True, response_timeout: float | None = None) -> ESLEvent:
        return self.call_command("bridge", args, block=block, response_timeout=response_timeout)

    def hangup(self, cause: str = "NORMAL_CLEARING") -> None:
        self.call_command("hangup", cause)

    def uuid_break(self) -> None:
        if self._lingering:
            raise OutboundSessionHasGoneAway
        self.send(f"api uuid_break {self.uuid}")

    def stop(self) -> None:
        """Close the socket; a call that still lives goes on in the dialplan."""
        self.call.release()

    def register_expected_event(
        self,
        expected_event: str,
        expected_variable: str,
        expected_value: str,
        async_response: AsyncResult[ESLEvent],
    ) -> None:
        """Set `async_response` to the next `expected_event` whose channel variable has this value."""
        expected = (expected_variable, expected_value, async_response)
        self.expected_events.setdefault(expected_event, []).append(expected)

    def raise_if_disconnected(self) -> None:
        """Raise OutboundSessionHasGoneAway when the caller has hung up."""
        if self.call.hungup or not self.call.uuid:
            raise OutboundSessionHasGoneAway

    def while_connected(self) -> WhileConnected:
        """A context manager, or a decorator, that checks the call before and after."""
        return WhileConnected(self)

    def _run(
        self, application: str, argument: str, block: bool, response_timeout: float | None = None
    ) -> ESLEvent | None:
        event = self.call_command(application, argument, block, response_timeout)
        return event if block else None

    def _queue(self, application: str, argument: object, event_uuid: str) -> ESLEvent:
        text = "" if argument is None else str(argument)
        command = commands.sendmsg_execute(application, text, event_uuid=event_uuid)
        if application == "hangup":
            self.call.leaving = True
        try:
            return ESLEvent(self.call.queue(command, event_uuid, self.command_timeout))
        except (CommandRefused, SwitchUnavailable) as error:
            raise OutboundSessionHasGoneAway(str(error)) from error

    def _request(self, command: bytes) -> Message:
        return self.call.command(command, self.command_timeout)

    def _gone(self, error: SwitchUnavailable) -> Exception:
        gone: Exception = OutboundSessionHasGoneAway(str(error))
        return gone

    def _event_arrived(self, event: Event) -> None:
        if self._awaited and event.name == "CHANNEL_EXECUTE_COMPLETE":
            ended = self._awaited.get(event.get("Application-UUID", ""))
            if ended is not None:
                ended.set(ESLEvent(event))
        for expected in list(self.expected_events.get(event.name, ())):
            variable, value, response = expected
            if event.get(f"variable_{variable}") == value:
                self.expected_events[event.name].remove(expected)
                response.set(ESLEvent(event))
        self._message_arrived(event)

    def _notice_arrived(self, notice: Message) -> None:
        if notice.get("Content-Disposition") == "linger":
            self._lingering = True
        self._fail_what_is_awaited()
        self._message_arrived(notice)

    def _lost(self) -> None:
        self._fail_what_is_awaited()
        self._no_more_messages()

    def _fail_what_is_awaited(self) -> None:
        expected = [response for events in self.expected_events.values() for _, _, response in events]
        for response in [*self._awaited.values(), *expected]:
            response.set_exception(OutboundSessionHasGoneAway())
        self.expected_events.clear()


class WhileConnected:
    """Raises OutboundSessionHasGoneAway when the call is gone, on the way in and on the way out."""

    def __init__(self, outbound_session: OutboundSession) -> None:
        self.outbound_session = outbound_session

    def __enter__(self) -> WhileConnected:
        self.outbound_session.raise_if_disconnected()
        return self

    def __exit__(self, *_: object) -> Literal[False]:
        self.outbound_session.raise_if_disconnected()
        return False

    def __call__(self, func: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(func)
        def decorator(*args: P.args, **kwargs: P.kwargs) -> R:
            with self:
                return func(*args, **kwargs)

        return decorator


def session_of(sock: _socket.socket) -> Session:
    """A new face over `sock`, as the session that the server handles."""
    return OutboundSession(None, sock).call
