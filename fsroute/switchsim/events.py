"""Events as FreeSWITCH sends them: a name, header lines and perhaps a body, serialised once."""

from __future__ import annotations

import time
from functools import lru_cache
from urllib.parse import unquote

from fsroute.switchsim.encoding import url_encode


def _words(*lines: str) -> frozenset[str]:
    return frozenset(word for line in lines for word in line.split())


EVENT_NAMES = _words(
    "CHANNEL_CREATE CHANNEL_DESTROY CHANNEL_STATE CHANNEL_CALLSTATE CHANNEL_ANSWER CHANNEL_HANGUP",
    "CHANNEL_HANGUP_COMPLETE CHANNEL_EXECUTE CHANNEL_EXECUTE_COMPLETE CHANNEL_HOLD CHANNEL_UNHOLD",
    "CHANNEL_BRIDGE CHANNEL_UNBRIDGE CHANNEL_PROGRESS CHANNEL_PROGRESS_MEDIA CHANNEL_OUTGOING",
    "CHANNEL_PARK CHANNEL_UNPARK CHANNEL_APPLICATION CHANNEL_ORIGINATE CHANNEL_UUID CHANNEL_DATA",
    "CUSTOM CLONE API LOG INBOUND_CHAN OUTBOUND_CHAN STARTUP SHUTDOWN PUBLISH UNPUBLISH TALK NOTALK",
    "SESSION_CRASH MODULE_LOAD MODULE_UNLOAD DTMF MESSAGE PRESENCE_IN NOTIFY_IN PRESENCE_OUT",
    "PRESENCE_PROBE MESSAGE_WAITING MESSAGE_QUERY ROSTER CODEC BACKGROUND_JOB DETECTED_SPEECH",
    "DETECTED_TONE PRIVATE_COMMAND HEARTBEAT TRAP ADD_SCHEDULE DEL_SCHEDULE EXE_SCHEDULE RE_SCHEDULE",
    "RELOADXML NOTIFY PHONE_FEATURE CALL_UPDATE FAILURE SOCKET_DATA MEDIA_BUG_START MEDIA_BUG_STOP",
    "CONFERENCE_DATA CALL_SETUP_REQ CALL_SETUP_RESULT CALL_DETAIL DEVICE_STATE TEXT SHUTDOWN_REQUESTED",
    "RECORD_START RECORD_STOP PLAYBACK_START PLAYBACK_STOP GENERAL COMMAND SESSION_HEARTBEAT",
    "RECV_INFO RECV_RTCP_MESSAGE SEND_MESSAGE SEND_INFO RECV_MESSAGE REQUEST_PARAMS CALL_SECURE NAT",
)

MY_EVENTS = _words(
    "CHANNEL_ANSWER CHANNEL_APPLICATION CHANNEL_BRIDGE CHANNEL_CREATE CHANNEL_DATA CHANNEL_DESTROY",
    "CHANNEL_EXECUTE CHANNEL_EXECUTE_COMPLETE CHANNEL_HANGUP CHANNEL_HANGUP_COMPLETE CHANNEL_ORIGINATE",
    "CHANNEL_UUID CHANNEL_OUTGOING CHANNEL_PARK CHANNEL_PROGRESS CHANNEL_PROGRESS_MEDIA CHANNEL_STATE",
    "CHANNEL_UNBRIDGE CHANNEL_UNPARK DETECTED_SPEECH DTMF NOTALK TALK",
)
"""The 23 types of ``myevents`` (parse_command in mod_event_socket.c)."""

Headers = tuple[tuple[str, str], ...]


@lru_cache(maxsize=16384)
def header_line(name: str, value: str) -> str:
    """Return one header line with its value encoded and its line end."""
    return f"{name}: {url_encode(value)}\n"


class Event:
    """One event, already in its plain form; `text` ends with the empty line that closes the headers."""

    __slots__ = ("_headers", "name", "owner", "subclass", "text", "uuid")

    def __init__(
        self, name: str, text: str, *, uuid: str = "", subclass: str = "", owner: str = "", body: str = ""
    ) -> None:
        self.name = name
        self.subclass = subclass
        self.uuid = uuid
        self.owner = owner
        self.text = (
            f"{text}Content-Length: {len(body.encode('utf-8', 'surrogateescape'))}\n\n{body}"
            if body
            else text + "\n"
        )
        self._headers: dict[str, str] | None = None

    def header(self, name: str) -> str | None:
        """Return a decoded header, whatever the case of its name; only filters look."""
        if self._headers is None:
            head = self.text.split("\n\n", 1)[0]
            pairs = (line.partition(": ") for line in head.split("\n"))
            self._headers = {key.lower(): unquote(value) for key, _, value in pairs}
        return self._headers.get(name.lower())

    def frame(self) -> bytes:
        """Return the event with its outer header, as it crosses the socket."""
        body = self.text.encode("utf-8", "surrogateescape")
        return b"Content-Length: %d\nContent-Type: text/event-plain\n\n%b" % (len(body), body)


class Stamp:
    """The headers that every event begins with; what changes once a second is made once a second."""

    def __init__(self, core_uuid: str, name: str) -> None:
        self._core = (
            f"Core-UUID: {core_uuid}\nFreeSWITCH-Hostname: {url_encode(name)}\n"
            f"FreeSWITCH-Switchname: {url_encode(name)}\nFreeSWITCH-IPv4: 127.0.0.1\n"
            "FreeSWITCH-IPv6: %3A%3A1\n"
        )
        self._second = 0
        self._dates = ""
        self.sequence = 0

    def lines(self, event_name: str, now: float) -> str:
        """Return the first headers of an event of that name, fired at `now` (seconds since the epoch)."""
        second = int(now)
        if second != self._second:
            self._second = second
            local = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(second))
            gmt = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(second))
            self._dates = f"Event-Date-Local: {url_encode(local)}\nEvent-Date-GMT: {url_encode(gmt)}\n"
        self.sequence += 1
        return (
            f"Event-Name: {event_name}\n{self._core}{self._dates}"
            f"Event-Date-Timestamp: {int(now * 1_000_000)}\nEvent-Calling-File: switchsim\n"
            f"Event-Calling-Function: fire\nEvent-Calling-Line-Number: 1\nEvent-Sequence: {self.sequence}\n"
        )
