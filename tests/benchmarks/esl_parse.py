"""Events parsed per second, five keys read of each, beside greenswitch in the same run.

    python -m tests.benchmarks.esl_parse [seconds]

The events are all recorded ones with 170 to 260 headers. "from bytes" includes finding the frames
in the stream; "event only" begins with the payload of one event.
"""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Callable
from typing import Any

import greenswitch.esl

from fsroute.esl import NEED_DATA, Connection, Event
from tests.benchmarks.esl_traffic import frame, long_events

KEYS = (
    "Event-Name",
    "Unique-ID",
    "Caller-Caller-ID-Number",
    "variable_current_application",
    "Application-UUID",
)
CHUNK = 65_536


def read(get: Callable[[str], Any]) -> None:
    for key in KEYS:
        get(key)


def ours_from_bytes(stream: bytes) -> int:
    connection, count = Connection(), 0
    for at in range(0, len(stream), CHUNK):
        connection.receive_data(stream[at : at + CHUNK])
        while (message := connection.next_event()) is not NEED_DATA:
            assert isinstance(message, Event)
            read(message.get)
            count += 1
    return count


def ours_eager(stream: bytes) -> int:
    """All headers of every event, as a dictionary."""
    connection, count = Connection(), 0
    for at in range(0, len(stream), CHUNK):
        connection.receive_data(stream[at : at + CHUNK])
        while (message := connection.next_event()) is not NEED_DATA:
            assert isinstance(message, Event)
            read(message.headers().get)
            count += 1
    return count


class _Greenswitch(greenswitch.esl.ESLProtocol):  # type: ignore[misc]
    """greenswitch's own reading loop over bytes in memory."""

    def __init__(self, stream: bytes) -> None:
        super().__init__()
        self.sock_file = io.BufferedReader(io.BytesIO(stream))
        self._esl_event_queue = self
        self.connected = True
        self.count = 0

    def put(self, event: Any) -> None:
        read(event.headers.get)
        self.count += 1


def greenswitch_from_bytes(stream: bytes) -> int:
    reader = _Greenswitch(stream)
    reader.receive_events()
    return reader.count


def ours_event_only(payloads: list[bytes]) -> int:
    for payload in payloads:
        read(Event.plain(payload).get)
    return len(payloads)


def greenswitch_event_only(payloads: list[bytes]) -> int:
    for payload in payloads:
        read(greenswitch.esl.ESLEvent(payload.decode("utf-8")).headers.get)
    return len(payloads)


def rate(work: Callable[[Any], int], over: Any, seconds: float) -> float:
    """Events per second of CPU; the best of three."""
    best = 0.0
    for _ in range(3):
        count, begin = 0, time.process_time()
        while time.process_time() - begin < seconds / 3:
            count += work(over)
        best = max(best, count / (time.process_time() - begin))
    return best


def main(seconds: float = 2.0) -> None:
    payloads = long_events()
    stream = b"".join(frame(payload) for payload in payloads)
    count = len(payloads)
    headers = sum(payload.count(b"\n") for payload in payloads) / count
    print(f"{count} recorded events, {headers:.0f} headers and {len(stream) / count:.0f} bytes each")
    base = rate(greenswitch_from_bytes, stream, seconds)
    print(f"from bytes   greenswitch           {base:9.0f} events/s")
    for name, work in (("fsroute", ours_from_bytes), ("fsroute, all headers", ours_eager)):
        figure = rate(work, stream, seconds)
        print(f"from bytes   {name:<20}  {figure:9.0f} events/s  {figure / base:5.2f} x")
    base = rate(greenswitch_event_only, payloads, seconds)
    figure = rate(ours_event_only, payloads, seconds)
    print(f"event only   greenswitch           {base:9.0f} events/s")
    print(f"event only   fsroute               {figure:9.0f} events/s  {figure / base:5.2f} x")


if __name__ == "__main__":
    main(*map(float, sys.argv[1:]))
