"""A session of which only the traffic is known, played through the real transport: the event-socket layer alone.

Every chunk that FreeSWITCH sent goes into the real `Transport`, every command that was sent is sent again, and at the
end each command must have its reply and everything else must have been handed on as it was. So captures of another
application, of connections to a switch and of older versions are of use, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import gevent
from gevent.event import AsyncResult

from fsroute.errors import SwitchError
from fsroute.esl.messages import Message
from fsroute.esl.transport import Transport
from fsroute.replay.commands import Splitter
from fsroute.replay.differences import Difference, Kind
from fsroute.replay.format import Capture, Side
from fsroute.replay.transcript import Heard, Transcript
from fsroute.replay.virtual import running
from fsroute.replay.wire import Wire, WiredLoop


class _Receiver:
    """Keeps what the transport hands on."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.reason = ""

    def message_arrived(self, message: Message) -> None:
        self.messages.append(message)

    def connection_lost(self, reason: str) -> None:
        self.reason = reason


def play(capture: Capture, read: Transcript) -> tuple[Difference, ...]:
    """What the transport of today takes otherwise; nothing where it does as it did."""
    loop = WiredLoop(capture.header.at or 0.0)
    receiver = _Receiver()
    waiters: list[AsyncResult[Message]] = []
    with running(loop):
        wire = Wire(loop, lambda data: None)
        transport = Transport(wire.socket, receiver)
        splitter = Splitter()
        for chunk in capture.chunks:
            loop.at(chunk.t, _doing(chunk.data, chunk.side, wire, transport, splitter, waiters))
        loop.at(capture.duration, lambda: wire.deliver(b""))
        gevent.sleep(capture.duration + 1.0)
    return tuple(_compare(read, waiters, receiver, capture.duration))


def _doing(
    data: bytes,
    side: Side,
    wire: Wire,
    transport: Transport,
    splitter: Splitter,
    waiters: list[AsyncResult[Message]],
) -> Callable[[], None]:
    """What happens at the time of a chunk."""

    def do() -> None:
        if side is Side.FREESWITCH:
            wire.deliver(data)
            return
        commands = list(splitter.feed(data))
        try:
            waiters.extend(transport.ask(*commands) if commands else ())
        except SwitchError:  # the connection had ended: what was sent then went nowhere
            return

    return do


def _compare(
    read: Transcript, waiters: list[AsyncResult[Message]], receiver: _Receiver, end: float
) -> Iterator[Difference]:
    then = [item for item in read.heard if item.answers is None]
    for number, (before, now) in enumerate(zip(then, receiver.messages, strict=False)):
        if _words(before.message) != _words(now):
            yield Difference(
                Kind.CHANGED, f"message {number}", before.at, None, repr(before.message), repr(now)
            )
    if len(then) != len(receiver.messages):
        what = f"{len(receiver.messages)} messages are handed on, and {len(then)} were"
        yield Difference(Kind.MISSING, what, end)
    answers = {item.answers: item for item in read.heard if item.answers is not None}
    for number, waiter in enumerate(waiters):
        yield from _reply(number, answers.get(number), waiter, end)


def _reply(
    number: int, before: Heard | None, waiter: AsyncResult[Message], end: float
) -> Iterator[Difference]:
    now = waiter.value if waiter.successful() else None
    if before is None and now is None:
        return
    if before is None or now is None or _words(before.message) != _words(now):
        yield Difference(
            Kind.CHANGED, f"the reply to command {number}", end if before is None else before.at, None,
            repr(None if before is None else before.message), repr(now),
        )  # fmt: skip


def _words(message: Message) -> tuple[str, dict[str, str], bytes]:
    return message.content_type, message.headers(), message.body
