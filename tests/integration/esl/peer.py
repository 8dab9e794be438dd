"""A small scripted FreeSWITCH on real sockets: one call of it, and its port 8021."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import uuid4

import gevent

UUID = "6f1c2a51-0b57-4b0a-9d7e-3d3d0c2f6a10"
LIMIT = 30.0  # seconds that anything in these tests may take


_opened: list[Peer] = []


def close_all() -> None:
    """Close every connection that a test has left open."""
    while _opened:
        _opened.pop().close()


def event(name: str, uuid: str = UUID, body: str = "", **headers: str) -> bytes:
    """An event in plain format; underscores in header names become dashes, save in ``variable_…``."""
    lines = [f"Event-Name: {name}", f"Unique-ID: {uuid}"]
    for key, value in headers.items():
        lines.append(f"{key if key.startswith('variable_') else key.replace('_', '-')}: {value}")
    if body:
        lines.append(f"Content-Length: {len(body.encode())}")
    payload = ("\n".join(lines) + "\n\n" + body).encode()
    return b"Content-Length: %d\nContent-Type: text/event-plain\n\n%s" % (len(payload), payload)


def reply(text: str = "+OK") -> bytes:
    return f"Content-Type: command/reply\nReply-Text: {text}\n\n".encode()


def api_reply(body: str) -> bytes:
    return b"Content-Type: api/response\nContent-Length: %d\n\n%s" % (len(body.encode()), body.encode())


def channel_data(uuid: str = UUID, control: str = "full", name: str = "Bob") -> bytes:
    return (
        f"Event-Name: CHANNEL_DATA\nUnique-ID: {uuid}\nCaller-Caller-ID-Name: {name}\n"
        "Caller-Caller-ID-Number: 1000\n"
        f"variable_uuid: {uuid}\nvariable_call_uuid: {uuid}\nContent-Type: command/reply\n"
        f"Reply-Text: %2BOK%0A\nSocket-Mode: async\nControl: {control}\n\n"
    ).encode()


def linger_notice(uuid: str = UUID) -> bytes:
    return (
        f"Content-Type: text/disconnect-notice\nControlled-Session-UUID: {uuid}\n"
        "Content-Disposition: linger\nChannel-Name: sofia/internal/1000@host\nLinger-Time: 5\n"
        "Content-Length: 0\n\n"
    ).encode()


def disconnect_notice(uuid: str = UUID) -> bytes:
    return (
        f"Content-Type: text/disconnect-notice\nControlled-Session-UUID: {uuid}\n"
        "Content-Disposition: disconnect\nContent-Length: 4\n\nbye\n"
    ).encode()


class Peer:
    """One end of a connection: reads commands, sends bytes; every read has a limit."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.sock.settimeout(LIMIT)
        self.file = sock.makefile("rb")
        self.newlines = 0  # bare ones, between commands
        _opened.append(self)

    def command(self) -> str:
        """The next command, its body included; "" at the end of the file, amid a command too."""
        lines: list[bytes] = []
        while line := self.file.readline():
            if line != b"\n":
                lines.append(line)
            elif lines:
                break
            else:
                self.newlines += 1
        else:
            lines = []
        lengths = [int(line[15:]) for line in lines if line.lower().startswith(b"content-length:")]
        body = self.file.read(lengths[0]) if lengths else b""
        return b"".join(lines).decode().rstrip("\n") + ("\n\n" + body.decode() if body else "")

    def expect(self, text: str, *answers: bytes) -> str:
        """The next command must contain `text`; then send `answers`."""
        command = self.command()
        assert text in command, f"{command!r} instead of {text!r}"
        self.send(*answers)
        return command

    def send(self, *pieces: bytes) -> None:
        if pieces:
            self.sock.sendall(b"".join(pieces))

    def is_closed(self) -> bool:
        """Wait for the other side's close; commands on the way are passed over."""
        while self.command():
            pass
        return True

    def close(self) -> None:
        self.file.close()
        self.sock.close()


class Call(Peer):
    """A call that connects to an outbound server."""

    def __init__(self, address: tuple[str, int], uuid: str = UUID) -> None:
        super().__init__(socket.create_connection(address, LIMIT))
        self.uuid = uuid

    def greet(self) -> Call:
        """Answer what the server says before its handler runs."""
        self.expect("connect", channel_data(self.uuid))
        self.expect(f"api sched_del {self.uuid}", api_reply("+OK\n"))
        self.expect("linger 5", reply("+OK will linger 5 seconds"))
        self.expect("myevents", reply("+OK Events Enabled"), event("CHANNEL_PARK", self.uuid))
        return self

    def execute(self, text: str) -> str:
        """The next command must queue an application with `text`; answer +OK, return its Event-UUID."""
        command = self.expect(text, reply())
        return next(line[12:] for line in command.split("\n") if line.startswith("Event-UUID: "))

    def complete(self, event_uuid: str, **headers: str) -> None:
        self.send(event("CHANNEL_EXECUTE_COMPLETE", self.uuid, Application_UUID=event_uuid, **headers))

    def hang_up(self) -> None:
        self.send(linger_notice(self.uuid), event("CHANNEL_HANGUP", self.uuid), disconnect_notice(self.uuid))


@dataclass
class Switch:
    """FreeSWITCH's port 8021. `answer` turns an api command into its output."""

    password: str = "ClueCon"
    answer: Callable[[str], str | None] = lambda command: "+OK\n"
    greeting: bytes = b"Content-Type: auth/request\n\n"
    connections: list[Peer] = field(default_factory=list)
    said: list[tuple[int, str]] = field(default_factory=list)  # (connection, command)

    def __post_init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=100)
        self.address: tuple[str, int] = self.listener.getsockname()
        self._greenlets: list[gevent.Greenlet[..., None]] = [gevent.spawn(self._accept)]

    def commands(self, number: int | None = None) -> list[str]:
        return [said for connection, said in self.said if number in (None, connection)]

    def subscriber(self) -> Peer:
        """The connection that subscribed last."""
        numbers = [number for number, said in self.said if said.startswith("event ")]
        return self.connections[numbers[-1]]

    def drop(self) -> None:
        for peer in self.connections:
            try:
                peer.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def stop(self) -> None:
        gevent.killall(self._greenlets)
        self.listener.close()
        self.drop()

    def _accept(self) -> None:
        while True:
            sock, _ = self.listener.accept()
            peer = Peer(sock)
            sock.settimeout(None)
            self.connections.append(peer)
            self._greenlets.append(gevent.spawn(self._serve, peer, len(self.connections) - 1))

    def _serve(self, peer: Peer, number: int) -> None:
        try:
            peer.send(self.greeting)
            while command := peer.command():
                self.said.append((number, command))
                answer = self._reply(command)
                if answer is not None:
                    peer.send(answer)
                if answer == reply("-ERR invalid"):
                    break
        except OSError:
            pass
        peer.close()

    def _reply(self, command: str) -> bytes | None:
        word, _, rest = command.partition(" ")
        if word == "auth":
            return reply("+OK accepted") if rest == self.password else reply("-ERR invalid")
        if word == "api":
            output = self.answer(rest)
            return None if output is None else api_reply(output)
        if word == "bgapi":
            job = rest.partition("Job-UUID: ")[2] or str(uuid4())
            return (
                f"Content-Type: command/reply\nReply-Text: +OK Job-UUID: {job}\nJob-UUID: {job}\n\n".encode()
            )
        return reply("+OK")
