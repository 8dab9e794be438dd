"""The sections that say what a host is, what it serves, and with what."""

from __future__ import annotations

import enum
import re
from typing import Annotated, Literal

from msgspec import Meta

from fsroute.callserver.numbers import NORTH_AMERICA
from fsroute.config.section import (
    Count,
    Name,
    Port,
    Seconds,
    Secret,
    Section,
    require_fields,
)


class Role(enum.StrEnum):
    """What a process may be; ``run`` starts those that the configuration lists."""

    CALLSERVER = "callserver"
    COORDINATOR = "coordinator"
    ACD = "acd"
    APPSERVER = "appserver"
    CTI = "cti"
    SCP = "scp"


class Site(Section, frozen=True):
    """Which site this host belongs to, and which FreeSWITCH it serves."""

    site_id: Name = "local"
    switch_id: Name = "switch-1"


class Database(Section, frozen=True):
    """Where the database is. Without a `url` fsroute starts its own in `state_dir`/postgres.

    `roles` are the database roles that parts of this process act as (docs/security.md); others act as the login.
    """

    url: Secret = Secret("")
    url_file: str = ""
    pool_min: Count = 2
    pool_max: Count = 10
    statement_timeout: Seconds = 5.0
    roles: dict[Role, Annotated[str, Meta(pattern=r"^[a-z_][a-z0-9_]{0,62}$")]] = {}

    def __post_init__(self) -> None:
        if self.pool_min > self.pool_max:
            raise ValueError(f"pool_min {self.pool_min} is above pool_max {self.pool_max}")

    @property
    def embedded(self) -> bool:
        return not self.url


class EventSocket(Section, frozen=True):
    """FreeSWITCH's inbound event socket (event_socket.conf.xml on that host)."""

    host: str = "127.0.0.1"
    port: Port = 8021
    password: Secret = Secret("ClueCon")
    password_file: str = ""


class Callserver(Section, frozen=True):
    """The outbound event-socket server that the dialplan's ``socket`` connects to.

    `fallback` is where a call goes that fsroute itself must give up: ``extension dialplan context``
    as FreeSWITCH's ``transfer`` takes them. Who asked to be called back is dialled by
    `callback_dial_string`, in which ``{number}`` is filled in; empty: nobody is called back. The whole
    number must match `callback_numbers`, which keeps callers from having expensive ones dialled. With
    `callback_recognise` who shows the number of somebody who waits for that takes the place.
    `voice_messages` is the folder that FreeSWITCH records into; empty: `state_dir`/voice_messages.
    `speech_engine` is the recogniser that ``play_and_detect_speech`` is given; empty: callers use keys only.
    """

    listen_host: str = "127.0.0.1"
    listen_port: Annotated[int, Meta(ge=0, le=65535)] = 8084
    max_sessions: Count = 1000
    fallback: str = "fsroute_fallback XML fsroute"
    hold_music: str = "local_stream://fsroute"
    callback_dial_string: str = ""
    callback_numbers: str = NORTH_AMERICA
    callback_recognise: bool = False
    voice_messages: str = ""
    voice_message_limit: Seconds = 180.0
    voice_message_silence: Seconds = 5.0
    speech_engine: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.:-]{0,64}$")] = ""

    def __post_init__(self) -> None:
        if self.callback_dial_string:
            require_fields("callback_dial_string", self.callback_dial_string, {"number"})
        try:
            re.compile(self.callback_numbers)
        except re.error as error:
            raise ValueError(f"callback_numbers: no regular expression: {error}") from error


class Links(Section, frozen=True):
    """How network legs travel between switches.

    `address` is this switch's own, as the other switches dial it: ``host:port`` of its link
    profile. It is entered into the database at the start; empty leaves there what is there.
    `dial_string` is what the caller's switch dials; ``{token}`` and ``{address}``, the agent's
    switch's as the database holds it, are filled in.
    """

    address: Annotated[str, Meta(pattern=r"^([A-Za-z0-9_.-]+:[0-9]{1,5})?$")] = ""
    dial_string: str = "sofia/fsroute_link/{token}@{address}"

    def __post_init__(self) -> None:
        require_fields("dial_string", self.dial_string, {"token", "address"})


class Agents(Section, frozen=True):
    """How an agent's address becomes something to dial.

    ``{address}`` is the agent's address as the database holds it; one that names its endpoint
    already (``sofia/...``, ``user/...``, ``loopback/...``) is dialled as it stands.

    Agents may send a contact on to the telephone numbers that match `transfer_numbers` as a whole (empty:
    to none), and consult them where `number_dial_string` says what to dial for ``{number}``. An agent
    whom a contact is transferred to has `transfer_wait` to take it; then it goes back where it came from. An
    agent who transfers one to a queue that the agent serves, too, is offered nothing for `transfer_pause` at least.
    """

    dial_string: str = "sofia/fsroute_agents/{address}"
    transfer_numbers: str = ""
    number_dial_string: str = ""
    transfer_wait: Seconds = 60.0
    transfer_pause: Annotated[float, Meta(ge=0)] = 10.0

    def __post_init__(self) -> None:
        require_fields("dial_string", self.dial_string, {"address"})
        if self.number_dial_string:
            require_fields("number_dial_string", self.number_dial_string, {"number"})
        try:
            re.compile(self.transfer_numbers)
        except re.error as error:
            raise ValueError(f"transfer_numbers: no regular expression: {error}") from error


class Acd(Section, frozen=True):
    """Where ACDs of other makes say over HTTP how far their calls are; `listen_port` 0: nowhere."""

    listen_host: str = "127.0.0.1"
    listen_port: Annotated[int, Meta(ge=0, le=65535)] = 0


class Timing(Section, frozen=True):
    """Times in seconds."""

    heartbeat: Seconds = 5.0  # between signs of life in the database
    token_lifetime: Seconds = 60.0  # of a rendezvous token
    lease: Seconds = 10.0  # the leader's, after the death of its host
    drain: Seconds = 30.0  # for present calls, after SIGTERM


class Events(Section, frozen=True):
    """Events for tools that know mod_callcenter: ``callcenter::info`` at this switch, for fsroute's queues and agents.

    `queue_name` and `agent_name` are what the tools know them by.
    """

    callcenter: bool = False
    queue_name: str = "{queue}@{contact_center}"
    agent_name: str = "{agent}"

    def __post_init__(self) -> None:
        fields = {"queue", "contact_center"} if "{contact_center}" in self.queue_name else {"queue"}
        require_fields("queue_name", self.queue_name, fields)
        require_fields("agent_name", self.agent_name, {"agent"})


class Process(Section, frozen=True):
    """How the process runs. `realtime_priority` is 1 to 99 for round-robin real-time scheduling, 0 for none."""

    realtime_priority: Annotated[int, Meta(ge=0, le=99)] = 0


class Log(Section, frozen=True):
    """What is logged, and how."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["lines", "json"] = "lines"
