"""What the two sides of greenswitch have in common: handlers by event name, and ``send``."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, TypeVar

import gevent
from gevent.queue import SimpleQueue
from greenswitch.esl import NotConnectedError

from fsroute.errors import SwitchUnavailable
from fsroute.esl import commands
from fsroute.esl.greenswitch.events import ESLEvent
from fsroute.esl.messages import DISCONNECT_NOTICE, Message

logger = logging.getLogger(__name__)

Handler = Callable[[ESLEvent], Any]
_H = TypeVar("_H", bound=Handler)


class ESLProtocol:
    """Handlers run one after the other in a greenlet that begins with the first event for one.

    A subclass may define ``before_handle(event)`` and ``after_handle(event)``.
    """

    command_timeout = 120.0  # seconds; greenswitch waits for ever

    def __init__(self) -> None:
        self.event_handlers: dict[str, list[Handler]] = {}
        self._lingering = False
        self._events: SimpleQueue[ESLEvent | None] | None = None

    @property
    def connected(self) -> bool:
        raise NotImplementedError

    def register_handle(self, name: str, handler: Handler) -> None:
        """Call `handler` with each event of this name, CUSTOM subclass, ``DISCONNECT``, ``log`` or ``*``."""
        handlers = self.event_handlers.setdefault(name, [])
        if handler not in handlers:
            handlers.append(handler)

    def unregister_handle(self, name: str, handler: Handler) -> None:
        if name not in self.event_handlers:
            raise ValueError(f"No handlers found for event: {name}")
        self.event_handlers[name].remove(handler)
        if not self.event_handlers[name]:
            del self.event_handlers[name]

    def handle(self, name: str) -> Callable[[_H], _H]:
        """Register the decorated function for events called `name`."""

        def register(handler: _H) -> _H:
            self.register_handle(name, handler)
            return handler

        return register

    def send(self, data: str) -> ESLEvent:
        """Send a command and wait for its reply.

        Raises:
            NotConnectedError: not connected, or no reply within `command_timeout`.
            OutboundSessionHasGoneAway: the call went while the reply was awaited.
            ValueError: an empty line within `data` would start another command.
        """
        command = commands.block(data)
        if not self.connected:
            raise NotConnectedError
        try:
            return ESLEvent(self._request(command))
        except TimeoutError as error:
            raise NotConnectedError(str(error)) from error
        except SwitchUnavailable as error:
            raise self._gone(error) from error

    def stop(self) -> None:
        raise NotImplementedError

    def _request(self, command: bytes) -> Message:
        raise NotImplementedError

    def _gone(self, error: SwitchUnavailable) -> Exception:
        gone: Exception = NotConnectedError(str(error))
        return gone

    def _message_arrived(self, message: Message) -> None:
        """In the hub: leave the message to the handlers' greenlet, if there is a handler at all."""
        if not self.event_handlers:
            return
        if self._events is None:
            self._events = SimpleQueue()
            gevent.spawn(self.process_events)
        self._events.put(ESLEvent(message))

    def _no_more_messages(self) -> None:
        if self._events is not None:
            self._events.put(None)

    def process_events(self) -> None:
        """The handlers' greenlet; ends after the last event of the connection."""
        events = self._events
        while events is not None:
            event = events.get()
            if event is None:
                self._events = None
                return
            handlers = self._handlers_of(event)
            if handlers:
                for handler in self._with_hooks(handlers):
                    self._safe_exec_handler(handler, event)

    def _handlers_of(self, event: ESLEvent) -> list[Handler]:
        name = event.get("Event-Name")
        if name == "CUSTOM":
            name = event.get("Event-Subclass")
        if event.content_type == DISCONNECT_NOTICE:
            name = "DISCONNECT"
        elif event.content_type == "log/data":
            name = "log"
        return self.event_handlers.get(name or "") or self.event_handlers.get("*") or []

    def _with_hooks(self, handlers: list[Handler]) -> list[Handler]:
        before, after = getattr(self, "before_handle", None), getattr(self, "after_handle", None)
        return [handler for handler in (before, *handlers, after) if handler is not None]

    def _safe_exec_handler(self, handler: Handler, event: ESLEvent) -> None:
        try:
            handler(event)
        except Exception:
            logger.exception("ESL %s raised exception.", getattr(handler, "__name__", handler))
