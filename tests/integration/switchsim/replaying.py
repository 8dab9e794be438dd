"""The application side of a recording, played against the stand-in, and what to compare."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from pathlib import Path

import gevent
from gevent import socket
from gevent.event import Event as Flag
from gevent.server import StreamServer

from fsroute.esl import Connection, Event, Message

FOLDER = Path(__file__).parents[2] / "captures"
QUICK = {"linger 5": "linger 1", " 3000 # ": " 1000 # ", "playback_ms": "playback_ms"}
"""What is changed in a recording so that its replay takes a second: (as recorded, as played)."""

READ = (
    "Channel-State",
    "Channel-Call-State",
    "Channel-State-Number",
    "Channel-Name",
    "Call-Direction",
    "Answer-State",
    "Channel-HIT-Dialplan",
    "Hangup-Cause",
    "Caller-Direction",
    "Caller-Caller-ID-Name",
    "Caller-Caller-ID-Number",
    "Caller-ANI",
    "Caller-Destination-Number",
    "Caller-Context",
    "Caller-Dialplan",
    "Caller-Channel-Name",
    "Caller-Network-Addr",
    "Application",
    "Application-Response",
    "Other-Type",
    "Other-Leg-Direction",
    "Other-Leg-Destination-Number",
    "Other-Leg-Caller-ID-Number",
    "Other-Leg-Channel-Name",
    "DTMF-Digit",
    "DTMF-Duration",
    "DTMF-Source",
    "Job-Command",
    "Original-Channel-Call-State",
    "Channel-Call-State-Number",
    "Socket-Mode",
    "Control",
    "variable_direction",
    "variable_channel_name",
    "variable_sip_from_user",
    "variable_sip_from_display",
    "variable_sip_to_user",
    "variable_sip_req_user",
    "variable_sofia_profile_name",
    "variable_socket_host",
    "variable_current_application",
    "variable_fsroute_contact",
    "variable_hangup_after_bridge",
    "variable_continue_on_fail",
    "variable_menu_choice",
    "variable_menu_choice_invalid",
    "variable_originate_disposition",
    "variable_DIALSTATUS",
    "variable_originate_failed_cause",
    "variable_last_bridge_hangup_cause",
    "variable_bridge_hangup_cause",
    "variable_hangup_cause",
    "variable_hangup_cause_q850",
    "variable_sip_hangup_disposition",
    "variable_bridge_channel",
)
"""Headers whose values must be the same."""

IDENTITIES = (
    "Unique-ID",
    "Caller-Unique-ID",
    "Channel-Call-UUID",
    "Application-UUID",
    "Other-Leg-Unique-ID",
    "Bridge-A-Unique-ID",
    "Bridge-B-Unique-ID",
    "variable_uuid",
    "variable_bridge_uuid",
    "variable_signal_bond",
    "variable_last_bridge_to",
)
"""Headers that hold a uuid: the same relations, not the same values."""

LOOSE = frozenset({"CHANNEL_PARK", "DTMF"})
"""Events whose place differs from one recording to the next."""


@dataclass(frozen=True, slots=True)
class Turn:
    """Commands that were sent after so many solid events, and `gap` seconds after the last of them."""

    commands: bytes
    events: int
    gap: float


@dataclass(slots=True)
class Traffic:
    """What a switch sent, in order, and when (seconds since the first byte)."""

    messages: list[Message] = field(default_factory=list)

    @property
    def events(self) -> list[Event]:
        return [one for one in self.messages if isinstance(one, Event) and one.name != "CHANNEL_DATA"]

    @property
    def solid(self) -> list[Event]:
        return [event for event in self.events if event.name not in LOOSE]

    @property
    def data(self) -> Event:
        return next(one for one in self.messages if isinstance(one, Event) and one.name == "CHANNEL_DATA")

    @property
    def replies(self) -> list[str]:
        """Everything else but goodbyes: the texts of replies and the bodies of api responses."""
        others = [one for one in self.messages if not isinstance(one, Event)]
        return [one.reply_text or one.text for one in others if one.content_type != "text/disconnect-notice"]

    @property
    def notices(self) -> list[Message]:
        return [one for one in self.messages if one.content_type == "text/disconnect-notice"]


def read(name: str) -> tuple[Traffic, list[Turn]]:
    """Return what FreeSWITCH sent in a recording and what the application did, made quick."""
    traffic, turns = Traffic(), list[Turn]()
    connection = Connection()
    heard_at = 0.0
    with (FOLDER / f"{name}.jsonl").open(encoding="utf-8") as file:
        chunks = [json.loads(line) for line in file][1:]
    for chunk in chunks:
        data = chunk["data"].encode("utf-8", "surrogateescape")
        if chunk["from"] == "freeswitch":
            connection.receive_data(_unquickened(data))
            while isinstance(message := connection.next_event(), Message):
                traffic.messages.append(message)
            heard_at = chunk["t"]
        elif not any(notice["Content-Disposition"] == "disconnect" for notice in traffic.notices):
            turns.append(Turn(_quick(data), len(traffic.solid), chunk["t"] - heard_at))
    return traffic, turns


def _quick(data: bytes) -> bytes:
    for recorded, played in QUICK.items():
        data = data.replace(recorded.encode(), played.encode())
    return data


def _unquickened(data: bytes) -> bytes:
    return data.replace(b"will linger 5 seconds", b"will linger 1 seconds")


class Application:
    """Listens as the recorded application did, and says what it said when it is its turn."""

    def __init__(self, turns: list[Turn], speed: float, recorded_uuid: str) -> None:
        self.traffic = Traffic()
        self.moved = Flag()
        self._turns = turns
        self._speed = speed
        self._recorded_uuid = recorded_uuid.encode()
        self._server = StreamServer(("127.0.0.1", 0), self._serve)
        self._server.start()
        self.port = self._server.server_port

    def stop(self) -> None:
        self._server.stop()

    def wait_for(self, name: str, limit: float = 10.0) -> None:
        """Wait until an event of that name came."""
        end = time.monotonic() + limit
        while not any(event.name == name for event in self.traffic.events):
            assert self.moved.wait(end - time.monotonic()), f"no {name} within {limit:g} s"
            self.moved.clear()

    def _serve(self, connection: socket.socket, _address: object) -> None:
        speaker = gevent.spawn(self._speak, connection)
        parser = Connection()
        try:
            while data := connection.recv(65536):
                parser.receive_data(data)
                while isinstance(message := parser.next_event(), Message):
                    self.traffic.messages.append(message)
                self.moved.set()
        finally:
            speaker.kill()

    def _speak(self, connection: socket.socket) -> None:
        for turn in self._turns:
            while len(self.traffic.solid) < turn.events:
                gevent.sleep(0.001)
            gevent.sleep(turn.gap / self._speed if turn.gap > 0.3 else 0)
            commands = turn.commands
            if self._recorded_uuid in commands:
                commands = commands.replace(self._recorded_uuid, self.traffic.data.uuid.encode())
            connection.sendall(commands)


def picture(events: list[Event]) -> list[dict[str, str]]:
    """Return what is compared of each event; uuids become names in the order of their appearance."""
    names: dict[str, str] = {}
    rows = []
    for event in events:
        row = {"Event-Name": event.name}
        row |= {key: value for key in READ if (value := event.get(key)) is not None}
        row |= {
            key: names.setdefault(value, f"uuid {len(names)}")
            for key in IDENTITIES
            if (value := event.get(key)) is not None
        }
        if (data := event.get("Application-Data")) is not None:
            row["Application-Data"] = names.get(data) or _quick(data.encode()).decode()
        rows.append(row)
    return rows


def differences(recorded: list[dict[str, str]], played: list[dict[str, str]]) -> list[str]:
    """Return a line for every header that is not the same."""
    found = []
    for number, (wanted, got) in enumerate(zip(recorded, played, strict=True)):
        found += [
            f"{number} {wanted['Event-Name']} {key}: {wanted.get(key)!r} recorded, {got.get(key)!r} played"
            for key in sorted({*wanted, *got})
            if wanted.get(key) != got.get(key)
        ]
    return found
