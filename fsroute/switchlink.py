"""This host's connection to its FreeSWITCH: one, shared by the roles that need it."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable

import gevent

from fsroute.errors import FsrouteError, SwitchError
from fsroute.esl import commands
from fsroute.esl.inbound import InboundClient
from fsroute.esl.messages import Event
from fsroute.esl.session import refuse_errors
from fsroute.esl.transport import Tap
from fsroute.outage import Outage
from fsroute.store.store import Store

log = logging.getLogger(__name__)

EVENTS = (
    "CHANNEL_PROGRESS",
    "CHANNEL_PROGRESS_MEDIA",
    "CHANNEL_ANSWER",
    "CHANNEL_PARK",
    "CHANNEL_UNPARK",
    "CHANNEL_BRIDGE",
    "CHANNEL_HANGUP",
    "CHANNEL_HOLD",
    "CHANNEL_UNHOLD",
    "DTMF",
    "CALL_UPDATE",
    "DETECTED_TONE",
    "callcenter::info",
    "fsroute::announced",
    "fsroute::reinvite",
    "fsroute::code",
)

_VERSION = re.compile(r"FreeSWITCH Version ([0-9A-Za-z.~+_-]{1,60})(?:\s|$)")
_CODECS = re.compile(r"<outbound-codecs>([^<]{0,500})</outbound-codecs>")
_CODEC = re.compile(r"[A-Z0-9@.:_-]{1,40}")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def version_in(said: str) -> str:
    """Out of what the api command ``version`` says; empty where there is none in it."""
    found = _VERSION.match(said)
    return f"FreeSWITCH {found[1]}" if found else ""


def link_codecs(said: str) -> str:
    """Of what ``sofia xmlstatus profile NAME`` says: the codecs that the profile offers, as one list; empty: none."""
    found = _CODECS.search(said)
    words = (each.strip().upper() for each in (found[1] if found else "").split(","))
    return ",".join(word for word in words if word and _CODEC.fullmatch(word))[:500]


class SwitchLink:
    """Events to whoever subscribed, commands to the switch, and its sign of life to the database.

    Args:
        beat: seconds between two signs of life.
        tap: gives who is shown a new connection, by its name.
    """

    def __init__(
        self,
        store: Store,
        switch_id: str,
        host: str,
        port: int,
        password: str,
        beat: float = 5.0,
        tap: Callable[[str], Tap | None] = lambda link: None,
    ) -> None:
        self.switch_id = switch_id
        self.core_uuid = ""
        self.version = ""
        """``FreeSWITCH 1.11.1-release~64bit``; empty until the switch has said it."""
        self._store = store
        self._beat = beat
        self._listeners: list[Callable[[Event], None]] = []
        self._on_up: list[Callable[[], None]] = []
        self._on_beat: list[Callable[[], None]] = []
        self._on_down: list[Callable[[], None]] = []
        self._outages: dict[str, Outage] = {}  # by what is done
        self._greenlet: gevent.Greenlet[..., None] | None = None
        self.client = InboundClient(
            host, port, password, events=EVENTS, on_event=self._event, on_up=self._up, on_down=self._down, tap=tap
        )  # fmt: skip

    def listen(
        self,
        on_event: Callable[[Event], None],
        on_up: Callable[[], None],
        on_beat: Callable[[], None] | None = None,
        on_down: Callable[[], None] | None = None,
    ) -> None:
        """Take part: `on_event` for each event, `on_up` whenever the link stands again, `on_beat` now and then.

        `on_down` when it is lost. `on_event` must not wait; the others run in greenlets of their own.
        """
        self._listeners.append(on_event)
        self._on_up.append(on_up)
        if on_beat is not None:
            self._on_beat.append(on_beat)
        if on_down is not None:
            self._on_down.append(on_down)

    def start(self) -> None:
        self.client.start()
        self._greenlet = gevent.spawn(self._beats)

    def stop(self) -> None:
        if self._greenlet is not None:
            self._greenlet.kill()
        self.client.stop()

    def api(self, command: str) -> str:
        """The output of an api command.

        Raises:
            SwitchError: FreeSWITCH refused it, or is not connected.
        """
        return self.client.api(command)

    def bgapi(self, command: str, job_uuid: str | None = None) -> str:
        return self.client.bgapi(command, job_uuid)

    def draft(self, command: str) -> None:
        """Begin a `bgapi` that is about to be wanted; see `InboundClient.draft`."""
        self.client.draft(command)

    def perform_draft(self, command: str) -> None:
        """End it; see `InboundClient.perform_draft`."""
        self.client.perform_draft(command)

    def execute(self, uuid: str, application: str, argument: str = "") -> None:
        """Queue an application on a channel, after those queued before.

        ``uuid_broadcast`` would begin 100 ms later (its ``lead-frames``).

        Raises:
            SwitchError: there is no such channel, or FreeSWITCH is not connected.
        """
        message = commands.sendmsg_execute(application, argument, uuid=uuid, lock=True)
        refuse_errors(self.client.command(message))

    def state(self, uuid: str) -> str:
        """A channel's state (``CS_PARK``, ``CS_EXCHANGE_MEDIA``…); empty if there is no such channel.

        Raises:
            SwitchUnavailable: the switch cannot be asked.
        """
        dump = self.client.api(f"uuid_dump {uuid}", check=False)
        return next((line[15:] for line in dump.splitlines() if line.startswith("Channel-State: ")), "")

    def exists(self, uuid: str) -> bool:
        """Whether the switch has a channel of this name.

        Raises:
            SwitchUnavailable: the switch cannot be asked.
        """
        return self.client.api(f"uuid_exists {uuid}", check=False).strip() == "true"

    def variable(self, uuid: str, name: str) -> str:
        """A channel variable; empty if it is not set or the channel is gone."""
        value = self.client.api(f"uuid_getvar {uuid} {name}", check=False).strip()
        return "" if value == "_undef_" or value.startswith("-ERR") else value

    def say_codecs(self, profile: str) -> None:
        """Tell the database which codecs a SIP profile offers; nothing where the switch does not say."""
        codecs = link_codecs(self.client.api(f"sofia xmlstatus profile {profile}", check=False))
        if codecs:
            self._store.agents.say_codecs(self.switch_id, codecs)

    def channels(self) -> list[dict[str, str]]:
        """What ``show channels`` says: a table that FreeSWITCH fills with some delay.

        Raises:
            SwitchError: the answer is no table.
        """
        return channels_listed(self.client.api("show channels as json"))

    def _event(self, event: Event) -> None:
        for listener in self._listeners:
            listener(event)

    def _up(self) -> None:
        gevent.spawn(self._came_up)

    def _down(self, _reason: str) -> None:
        for on_down in self._on_down:
            gevent.spawn(self._guarded, on_down)

    def _came_up(self) -> None:
        self._see()
        for on_up in self._on_up:
            self._guarded(on_up)

    def _beats(self) -> None:
        while True:
            gevent.sleep(self._beat)
            if self.client.connected:
                self._see()
                for on_beat in self._on_beat:
                    self._guarded(on_beat)

    def _see(self) -> None:
        self._guarded(self._write_sign_of_life)

    def _write_sign_of_life(self) -> None:
        core_uuid = self.client.api("global_getvar core_uuid", check=False).strip()
        if not _UUID.fullmatch(core_uuid):
            raise SwitchError(f"global_getvar core_uuid answered {core_uuid[:60]!r}")
        if core_uuid != self.core_uuid:
            self.version = version_in(self.client.api("version", check=False))
        self.core_uuid = core_uuid
        self._store.agents.see_switch(self.switch_id, self.core_uuid)

    def _guarded(self, do: Callable[[], None]) -> None:
        name = getattr(do, "__qualname__", str(do))
        outage = self._outages.setdefault(name, Outage(log, f"switch {self.switch_id}: {name}"))
        try:
            do()
            outage.over()
        except (FsrouteError, SwitchError, ValueError) as error:
            outage.failed(error)


def channels_listed(text: str) -> list[dict[str, str]]:
    """The rows of ``show channels as json``; without channels FreeSWITCH gives no rows.

    Raises:
        SwitchError: it is no such table, so that nobody takes the switch for one without calls.
    """
    try:
        table = json.loads(text or "{}")
    except (ValueError, RecursionError) as error:
        raise SwitchError(f"show channels as json: no JSON: {text[:80]!r}") from error
    rows = table.get("rows", []) if isinstance(table, dict) else None
    if not isinstance(rows, list):
        raise SwitchError(f"show channels as json: no table: {text[:80]!r}")
    found = [row for row in rows if isinstance(row, dict)]
    return [{name: value for name, value in row.items() if isinstance(value, str)} for row in found]
