"""Real traffic for the event-socket benchmarks: frames of a recorded call, made over for many calls."""

from __future__ import annotations

import re
from functools import cache

from fsroute.esl import Event
from tests.unit.esl.recordings import NAMES, parse, said_by

CALL = "three_prompts_queued_with_event_uuid"


def frame(payload: bytes) -> bytes:
    return b"Content-Length: %d\nContent-Type: text/event-plain\n\n%s" % (len(payload), payload)


def payload_of(event: Event) -> bytes:
    return event._head.strip(b"\n") + b"\n\n" + event.body


def long_events() -> list[bytes]:
    """The payloads of all recorded events with 170 to 260 headers."""
    payloads = []
    for name in NAMES:
        for message in parse(said_by("freeswitch", name)):
            if isinstance(message, Event) and message.content_type == "text/event-plain":
                payload = payload_of(message)
                if 170 <= payload.count(b"\n") <= 260:
                    payloads.append(payload)
    return payloads


@cache
def recorded_call() -> tuple[str, bytes, dict[tuple[str, str], bytes]]:
    """A real call: its uuid, its channel data, and its events by name and application."""
    data = said_by("freeswitch", CALL)
    channel, *rest = parse(data)
    assert isinstance(channel, Event)
    events: dict[tuple[str, str], bytes] = {}
    for event in rest:
        if isinstance(event, Event):
            events.setdefault((event.name, event.get("Application", "")), payload_of(event))
    return channel.uuid, data[: data.index(b"\n\n") + 2], events


class CallTraffic:
    """What FreeSWITCH says during the call `uuid`, byte for byte as recorded save for the uuids."""

    def __init__(self, uuid: str) -> None:
        recorded, channel, self._events = recorded_call()
        self._from, self._to = recorded.encode(), uuid.encode()
        self.channel_data = channel.replace(self._from, self._to)

    def event(self, name: str, application: str = "", event_uuid: str = "") -> bytes:
        payload = self._events[name, application].replace(self._from, self._to)
        if event_uuid:
            payload = re.sub(
                rb"Application-UUID: [^\n]*", b"Application-UUID: " + event_uuid.encode(), payload
            )
        return frame(payload)

    def application(self, name: str, event_uuid: str) -> bytes:
        """The events while an application runs."""
        said = [self.event("CHANNEL_EXECUTE", name, event_uuid)]
        if name == "answer":
            said += [self.event("CHANNEL_PROGRESS_MEDIA"), self.event("CHANNEL_ANSWER")]
        said.append(self.event("CHANNEL_EXECUTE_COMPLETE", name, event_uuid))
        return b"".join(said)

    def ending(self) -> bytes:
        """From the hang-up to the end of the socket."""
        notice = b"Content-Type: text/disconnect-notice\nControlled-Session-UUID: " + self._to
        return b"".join(
            [
                self.event("CHANNEL_HANGUP"),
                self.event("CHANNEL_HANGUP_COMPLETE"),
                notice + b"\nContent-Disposition: disconnect\nContent-Length: 0\n\n",
            ]
        )
