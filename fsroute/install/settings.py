"""What the templates of ``fs_config`` are filled with, checked when it is made (as `fsroute.config.dialplan` is)."""

from __future__ import annotations

import ipaddress
import re

from msgspec import field

from fsroute.config import Secret, Section
from fsroute.config.dialplan import (
    ANY_NUMBER,
    NAME,
    NO_SERVICE,
    DialplanSettings,
    check_text,
    check_texts,
    one_of,
    within,
)
from fsroute.config.install import RTP_TIMERS
from fsroute.errors import ConfigurationError

__all__ = ["ANY_NUMBER", "MODULES", "NO_SERVICE", "DialplanSettings", "SwitchSettings", "User"]

MODULES = (
    "console", "logfile", "event_socket", "sofia", "loopback", "commands", "dptools", "dialplan_xml",
    "sndfile", "native_file", "local_stream", "tone_stream", "conference", "spy", "sms", "voicemail",
    "say_en",
)  # fmt: skip
_FOLDER = re.compile(r"/[A-Za-z0-9_./-]{1,200}")
_PASSWORD = re.compile(r"[!#%(-;=?-Z^-z|~-]{1,128}")  # printable ASCII without blanks, $ & " ' < > [ ] \ { }
_QUEUE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@-]*")
_CODEC = re.compile(r"[A-Za-z0-9@.-]+")


class User(Section, frozen=True):
    """A phone of an agent that registers."""

    name: str
    password: Secret

    def __post_init__(self) -> None:
        check_text("users", self.name, NAME)
        _check_secret(f"password of {self.name}", self.password)


class SwitchSettings(Section, frozen=True):
    """What ``fs_config`` is filled with: one FreeSWITCH that serves fsroute and nothing else.

    Several may run on one machine: give each its own ports and folder. `address` is where SIP and
    RTP are, the event socket is always on loopback. `caller_networks` and `link_networks` (CIDR) are
    who may call in. Calls are timed by `rtp_timer`, one of `RTP_TIMERS`, whose module need not be among the `modules`.
    `callcenter_queues` are mod_callcenter's, where that is among the `modules`. Network legs are by TLS alone where
    `link_certificates` names a folder with this switch's certificate and key (``agent.pem``) and the authority's
    (``cafile.pem``); `link_codecs` are those of the links.
    """

    event_socket_password: Secret
    name: str = "switch-1"
    address: str = "127.0.0.1"
    domain: str = "fsroute.invalid"
    callers_port: int = 5060
    agents_port: int = 5070
    link_port: int = 5090
    event_socket_port: int = 8021
    rtp_first: int = 16384
    rtp_last: int = 32767
    caller_networks: tuple[str, ...] = ("127.0.0.0/8",)
    link_networks: tuple[str, ...] = ("127.0.0.0/8",)
    users: tuple[User, ...] = ()
    codecs: tuple[str, ...] = ("PCMU", "PCMA")
    max_sessions: int = 2000
    sessions_per_second: int = 200
    rtp_timer: str = "soft"
    media_timeout_ms: int = 300_000
    session_timeout_s: int = 1800
    link_session_timeout_s: int = 120
    link_certificates: str = ""
    link_codecs: tuple[str, ...] = ()
    music_names: tuple[str, ...] = ("fsroute", "moh")
    modules: tuple[str, ...] = MODULES
    callcenter_queues: tuple[str, ...] = ()
    log_level: str = "notice"
    dialplan: DialplanSettings = field(default_factory=DialplanSettings)

    def __post_init__(self) -> None:
        _check_secret("event_socket_password", self.event_socket_password)
        check_text("name", self.name, NAME)
        check_text("domain", self.domain, NAME)
        check_texts("codecs", self.codecs, _CODEC)
        check_texts("link_codecs", self.link_codecs or self.codecs, _CODEC)
        self._check_link()
        check_texts("modules", self.modules, NAME)
        check_texts("music_names", self.music_names, NAME)
        for queue in self.callcenter_queues:
            check_text("callcenter_queues", queue, _QUEUE)
        check_text("log_level", self.log_level, re.compile("debug|info|notice|warning|err|crit|alert"))
        if (self.dialplan.most_calls or self.dialplan.most_calls_per_second) and "hash" not in self.modules:
            raise ConfigurationError("modules: most_calls and most_calls_per_second need mod_hash: add hash")
        self._check_network()
        one_of("rtp_timer", self.rtp_timer, RTP_TIMERS)
        within("session_timeout_s", self.session_timeout_s, 90, 86_400)
        within("link_session_timeout_s", self.link_session_timeout_s, 90, 86_400)
        within("media_timeout_ms", self.media_timeout_ms, 1000, 86_400_000)
        within("max_sessions", self.max_sessions, 1, 100_000)
        within("sessions_per_second", self.sessions_per_second, 1, 10_000)

    @property
    def loaded(self) -> tuple[str, ...]:
        """The modules, that of `rtp_timer` among them, in the order in which they are loaded.

        It is the first: threads that the others begin are not interrupted by its signal [mod_posix_timer_load in
        mod_posix_timer.c].
        """
        timer = RTP_TIMERS[self.rtp_timer]
        return (timer, *(each for each in self.modules if each != timer)) if timer else self.modules

    def _check_link(self) -> None:
        """A key for media that travels in the clear is none (RFC 4568, 7): both are secured, or neither is."""
        if self.link_certificates:
            check_text("link_certificates", self.link_certificates, _FOLDER)
        if bool(self.link_certificates) != self.dialplan.link_srtp:
            raise ConfigurationError("link_certificates (TLS) and dialplan.link_srtp go together")

    def _check_network(self) -> None:
        try:
            ipaddress.ip_address(self.address)
            for network in (*self.caller_networks, *self.link_networks):
                ipaddress.ip_network(network)
        except ValueError as error:
            raise ConfigurationError(f"address or networks: {error}") from error
        ports = (self.callers_port, self.agents_port, self.link_port)
        for port in (*ports, self.event_socket_port, self.rtp_first, self.rtp_last):
            within("ports", port, 1, 65535)
        if len(set(ports)) < len(ports):
            raise ConfigurationError("callers_port, agents_port and link_port must differ")
        if self.rtp_first >= self.rtp_last:
            raise ConfigurationError(f"rtp_first {self.rtp_first} is not below rtp_last {self.rtp_last}")


def _check_secret(name: str, secret: Secret) -> None:
    if not _PASSWORD.fullmatch(secret.reveal()):
        raise ConfigurationError(
            f"{name}: use 1 to 128 ASCII letters, digits and marks other than $&\"'<>[]{{}}\\"
        )
