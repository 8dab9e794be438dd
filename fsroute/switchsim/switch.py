"""One stand-in switch: its channels, its event socket, its dialplan."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import gevent
from gevent.server import StreamServer

from fsroute.switchsim import thread
from fsroute.switchsim.api import APIS
from fsroute.switchsim.applications import APPLICATIONS
from fsroute.switchsim.applications.conference import Room
from fsroute.switchsim.callcenter import CallCenter
from fsroute.switchsim.channel import Channel
from fsroute.switchsim.dialplan import Dialplan
from fsroute.switchsim.encoding import leading_number
from fsroute.switchsim.events import Event, Headers, Stamp, header_line
from fsroute.switchsim.limits import Limits
from fsroute.switchsim.listener import Listener
from fsroute.switchsim.media import Sounds
from fsroute.switchsim.party import Party
from fsroute.switchsim.profile import CallerProfile
from fsroute.switchsim.registrations import Registrations

if TYPE_CHECKING:
    from gevent import socket

    from fsroute.switchsim.network import Network

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Options:
    """How a switch behaves. Times in seconds.

    `event_latency` is the mean of what an event waits (0 to 20 ms on a real one; 0 is for fast
    tests), and of what a ``sendmsg`` waits for an idle channel; `silence_limit` how long a program
    may be silent after it was connected; `state_delay` one step of a thread that waits for
    another; `contexts` the dialplan context by the profile that a call comes in on, `link_profile`
    the one that `link_address` belongs to; `recognisers` are the engines that ``play_and_detect_speech`` finds;
    `missing_modules` those that ``module_exists`` denies; `configurations` what ``xml_locate`` finds of the section
    configuration, by name; `max_sessions` and `sessions_per_second` are only said;
    `callcenter` whether mod_callcenter is loaded; `keeps_recordings` whether ``record`` writes its file.
    """

    event_latency: float = 0.010
    silence_limit: float = 25.0
    state_delay: float = 0.020
    park_delay: float = 0.001
    heartbeat: float = 20.0
    password: str = "ClueCon"
    contexts: Mapping[str, str] = field(
        default_factory=lambda: {
            "internal": "public",
            "external": "public",
            "fsroute_agents": "fsroute_features",
            "fsroute_link": "fsroute_rendezvous",
        }
    )
    link_profile: str = "fsroute_link"
    recognisers: frozenset[str] = frozenset()
    callcenter: bool = True
    keeps_recordings: bool = False
    missing_modules: frozenset[str] = frozenset()
    configurations: Mapping[str, str] = field(default_factory=dict)
    max_sessions: int = 1000
    sessions_per_second: int = 30


class Switch:
    """A FreeSWITCH stand-in in a `Network`.

    `dialplan` is XML text, several of them, or a `Dialplan`; `link_address` the ``host:port``
    under which other switches of the network reach it; `event_socket_port` 0 takes a free port
    (read it from `port` after `start`).
    """

    def __init__(
        self,
        name: str,
        network: Network,
        *,
        dialplan: str | Dialplan | Callable[[], Dialplan] = "<include/>",
        link_address: str = "",
        event_socket_port: int = 0,
        sounds: Sounds | None = None,
        options: Options | None = None,
        globals_: Mapping[str, str] | None = None,
    ) -> None:
        self.name: str = name
        self.network = network
        self.link_address = link_address
        self.port = event_socket_port
        self.options = options or Options()
        self.globals = {"hostname": name, "local_ip_v4": "127.0.0.1", **(globals_ or {})}
        self.sounds = sounds or Sounds(speed=network.speed)
        self.random = network.random
        self.applications = dict(APPLICATIONS)
        self.channels: dict[str, Channel] = {}
        self.rooms: dict[str, Room] = {}  # of conferences
        self.callcenter = CallCenter(self)
        self.registrations = Registrations(self)
        self.limits = Limits()
        self.listeners: set[Listener] = set()  # those that may want the events of any channel
        self.connections: set[Listener] = set()
        self.logged: list[str] = []
        self.sessions = self.peak = 0
        self.started = time.time()
        self.core_uuid = self.globals["core_uuid"] = self.new_uuid()
        self.stamp = Stamp(self.core_uuid, name)
        self._source = dialplan
        self.dialplan = self._read_dialplan()
        self._tasks: dict[str, list[gevent.Greenlet[..., object]]] = {}
        self._server: StreamServer | None = None
        self._heart: gevent.Greenlet[..., object] | None = None
        network.add_switch(self)

    # -- what others read often

    @property
    def event_latency(self) -> float:
        return self.options.event_latency

    @property
    def silence_limit(self) -> float:
        return self.options.silence_limit

    @property
    def state_delay(self) -> float:
        return self.options.state_delay

    @property
    def park_delay(self) -> float:
        return self.options.park_delay

    @property
    def password(self) -> str:
        return self.options.password

    @property
    def is_running(self) -> bool:
        return self._server is not None

    def new_uuid(self) -> str:
        return self.network.new_uuid()

    # -- life

    def start(self) -> None:
        """Open the event socket."""
        self._server = StreamServer(("127.0.0.1", self.port), self._accept)
        self._server.start()
        self.port = int(self._server.server_port or 0)
        self._heart = gevent.spawn(self._beat)

    def stop(self) -> None:
        """End every call with SYSTEM_SHUTDOWN and close the event socket."""
        for channel in list(self.channels.values()):
            channel.hang_up("SYSTEM_SHUTDOWN")
        self._close(Listener.finish)

    def crash(self) -> None:
        """Die as a process does: nobody is told, far ends find out by their media time-out."""
        for channel in list(self.channels.values()):
            if channel.party is not None:
                self.network.lose(channel.party)
            channel.party = None
        self._close(Listener.drop)
        for channel in list(self.channels.values()):
            channel.hang_up("CRASH")
        self.channels.clear()
        self.callcenter.forget()
        self.registrations.bindings.clear()

    def restart(self) -> None:
        """Crash and come up again with an empty memory, on the same port."""
        self.crash()
        self.core_uuid = self.globals["core_uuid"] = self.new_uuid()
        self.stamp = Stamp(self.core_uuid, self.name)
        self.started = time.time()
        self.start()

    def _close(self, end: Callable[[Listener], None]) -> None:
        if self._heart is not None:
            self._heart.kill()
        if self._server is not None:
            self._server.stop(timeout=1)
            self._server = None
        for connection in list(self.connections):
            end(connection)
        for group in list(self._tasks):
            self.unschedule(group)

    def _accept(self, connection: socket.socket, _address: object) -> None:
        listener = Listener(self, connection)
        listener.start()
        listener.wait()  # the server closes the connection when this returns

    def reload(self) -> None:
        """Read the dialplan again."""
        self.dialplan = self._read_dialplan()

    def _read_dialplan(self) -> Dialplan:
        if isinstance(self._source, str):
            return Dialplan.parse(self._source, globals_=self.globals)
        return self._source if isinstance(self._source, Dialplan) else self._source()

    def _beat(self) -> None:
        while True:
            gevent.sleep(self.options.heartbeat)
            self.fire(
                "HEARTBEAT",
                (
                    ("Event-Info", "System Ready"),
                    ("FreeSWITCH-Version", "1.11.2-release~64bit"),
                    ("Uptime-msec", str(int((time.time() - self.started) * 1000))),
                    ("Session-Count", str(len(self.channels))),
                    ("Max-Sessions", "5000"),
                    ("Session-Since-Startup", str(self.sessions)),
                    ("Idle-CPU", "90.000000"),
                ),
            )

    # -- channels

    def receive(
        self,
        party: Party,
        *,
        number: str,
        name: str,
        number_called: str,
        profile: str = "internal",
        variables: Mapping[str, str] | None = None,
        far_host: str = "127.0.0.1",
        context: str = "",
    ) -> Channel:
        """Take a new inbound call in on a SIP profile; without `context` the dialplan's follows from it."""
        caller = CallerProfile(
            uuid=self.new_uuid(),
            channel_name=f"sofia/{profile}/{number}@{far_host}",
            direction="inbound",
            destination_number=number_called,
            context=context or self.options.contexts.get(profile, "public"),
            caller_id_name=name or number,
            caller_id_number=number,
            username=number,
            dialplan="XML",
            network_addr="127.0.0.1",
        )
        channel = self._add(Channel(self, caller, party))
        channel.update(_sip_variables(channel, profile, number, name, number_called))
        channel.update(dict(variables or {}))
        gevent.spawn(thread.live, channel)
        return channel

    def dial(
        self, text: str, variables: Mapping[str, str], caller: Channel | None, caller_id: tuple[str, str]
    ) -> Channel:
        """Raise an outbound leg to an address.

        Raises:
            DialFailed: the address cannot be tried.
        """
        return self.network.dial(self, text, variables, caller, caller_id)

    def add_outbound(self, profile: CallerProfile, variables: Mapping[str, str]) -> Channel:
        """Make the channel of an outbound leg; its far end is set by the network."""
        channel = self._add(Channel(self, profile))
        channel.update({"direction": "outbound", "is_outbound": "true", "uuid": channel.uuid})
        channel.update({"call_uuid": channel.uuid, "session_id": str(self.sessions)})
        channel.update({"channel_name": profile.channel_name})
        channel.update(dict(variables))
        return channel

    def _add(self, channel: Channel) -> Channel:
        self.channels[channel.uuid] = channel
        self.sessions += 1
        self.peak = max(self.peak, len(self.channels))
        return channel

    def forget(self, channel: Channel) -> None:
        """Drop a channel that was destroyed, and what was scheduled for it."""
        self.channels.pop(channel.uuid, None)
        self.unschedule(channel.uuid)

    # -- api, events, tasks

    def api(self, name: str, argument: str) -> str:
        """Run an api command and return its text."""
        command = APIS.get(name)
        self.fire(
            "API", (("API-Command", name), *((("API-Command-Argument", argument),) if argument else ()))
        )
        if command is None:
            return f"-ERR {name} Command not found!\n"
        return command(self, argument) or "-ERR no reply\n"

    def call_api(self, name: str, argument: str) -> str:
        """Run an api command for ``${name(argument)}``."""
        command = APIS.get(name)
        return command(self, argument) if command is not None else ""

    def fire(self, name: str, headers: Headers, *, body: str = "", owner: str = "") -> None:
        """Send an event that belongs to no channel."""
        subclass = next((value for key, value in headers if key == "Event-Subclass"), "")
        listeners = [one for one in self.connections if one.wants(name, owner, subclass)]
        text = self.stamp.lines(name, time.time()) + "".join(header_line(*pair) for pair in headers)
        event = Event(name, text, subclass=subclass, owner=owner, body=body)
        for listener in listeners:
            listener.queue(event)

    def schedule(self, group: str, when: str, act: Callable[[], None]) -> None:
        """Do something after ``+seconds``, or at an epoch; `group` names it for `unschedule`."""
        seconds = leading_number(when.lstrip("+"))
        delay = seconds if when.startswith("+") else seconds - time.time()
        self._tasks.setdefault(group, []).append(gevent.spawn_later(max(0.0, delay), act))

    def unschedule(self, group: str) -> int:
        """Cancel what was scheduled under `group`; returns how many were left to cancel."""
        tasks = self._tasks.pop(group, [])
        waiting = [task for task in tasks if not task.ready() and task is not gevent.getcurrent()]
        for task in waiting:
            task.kill(block=False)
        return len(waiting)


def _sip_variables(
    channel: Channel, profile: str, number: str, name: str, number_called: str
) -> dict[str, str]:
    """Return the variables that mod_sofia sets on an inbound call, to the extent that anybody reads them."""
    return {
        "direction": "inbound",
        "uuid": channel.uuid,
        "session_id": str(channel.switch.sessions),
        "sip_from_user": number,
        "sip_from_host": "127.0.0.1",
        "sip_from_display": name,
        "channel_name": channel.profile.channel_name,
        "sip_call_id": channel.switch.new_uuid(),
        "sip_network_ip": "127.0.0.1",
        "sofia_profile_name": profile,
        "sip_to_user": number_called,
        "sip_req_user": number_called,
        "sip_user_agent": "switchsim",
        "call_uuid": channel.uuid,
    }
