"""A program behind the ``socket`` application, as plain as can be: bytes out, messages in."""

from __future__ import annotations

from collections.abc import Callable

import gevent
from gevent import socket
from gevent.server import StreamServer

from fsroute.esl import Connection, Event, Message
from tests.waiting import until


class Call:
    """One connection from the switch."""

    def __init__(self, connection: socket.socket) -> None:
        self.messages: list[Message] = []
        self.is_closed = False
        self._socket = connection
        self._parser = Connection()

    def read(self) -> None:
        """Collect messages until the switch closes; the target of a greenlet."""
        try:
            while data := self._socket.recv(65536):
                self._parser.receive_data(data)
                while isinstance(message := self._parser.next_event(), Message):
                    self.messages.append(message)
        except OSError:
            pass
        self.is_closed = True

    def send(self, *commands: str) -> None:
        self._socket.sendall("".join(f"{command}\n\n" for command in commands).encode())

    def ask(self, command: str) -> str:
        """Send one command and return its reply."""
        before = len(self.replies)
        self.send(command)
        until(lambda: len(self.replies) > before)
        return self.replies[before]

    def execute(
        self, application: str, argument: str = "", *, event_uuid: str = "", lock: bool = False
    ) -> None:
        lines = ["sendmsg", "call-command: execute", f"execute-app-name: {application}"]
        lines += [f"execute-app-arg: {argument}"] if argument else []
        lines += [f"Event-UUID: {event_uuid}"] if event_uuid else []
        lines += ["event-lock: true"] if lock else []
        self.send("\n".join(lines))

    def take(self) -> None:
        """Do what every program does first."""
        self.send("connect", "linger 1", "myevents")
        until(lambda: len(self.replies) == 2)

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    @property
    def replies(self) -> list[str]:
        found = [one for one in self.messages if not isinstance(one, Event)]
        found = [one for one in found if one.content_type != "text/disconnect-notice"]
        return [one.reply_text or one.text for one in found]

    @property
    def events(self) -> list[Event]:
        return [one for one in self.messages if isinstance(one, Event) and one.name != "CHANNEL_DATA"]

    @property
    def names(self) -> list[str]:
        return [event.name for event in self.events]

    def applications(self, name: str = "CHANNEL_EXECUTE_COMPLETE") -> list[str]:
        return [event["Application"] for event in self.events if event.name == name]

    def wait_for(self, name: str, **headers: str) -> Event:
        """Wait for an event with these headers (underscores stand for dashes)."""

        def found() -> list[Event]:
            wanted = {key.replace("_", "-"): value for key, value in headers.items()}
            return [
                event
                for event in self.events
                if event.name == name and all(event.get(key) == value for key, value in wanted.items())
            ]

        until(found)
        return found()[0]


class Program:
    """Listens; `calls` grows with each connection, `on_call` is run for each."""

    def __init__(self, on_call: Callable[[Call], None] | None = None) -> None:
        self.calls: list[Call] = []
        self.on_call = on_call
        self._server = StreamServer(("127.0.0.1", 0), self._accept)
        self._server.start()
        self.port = int(self._server.server_port or 0)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def _accept(self, connection: socket.socket, _address: object) -> None:
        call = Call(connection)
        self.calls.append(call)
        if self.on_call is not None:
            gevent.spawn(self.on_call, call)
        call.read()

    def wait_for_call(self, number: int = 1) -> Call:
        until(lambda: len(self.calls) >= number)
        return self.calls[number - 1]

    def stop(self) -> None:
        self._server.stop()
