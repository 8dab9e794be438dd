"""What the templates of ``dialplans`` and ``fs_config`` are filled with, checked when it is made.

Every text goes into FreeSWITCH's XML, and some into regular expressions and application arguments,
where ``$`` is expanded and a line end or a blank begins something new. So each has a pattern.
"""

from __future__ import annotations

import ipaddress
import re

from msgspec import field

from fsroute.config import Secret, Section
from fsroute.errors import ConfigurationError

ANY_NUMBER = "*"
MODULES = (
    "console", "logfile", "event_socket", "sofia", "loopback", "commands", "dptools", "dialplan_xml",
    "sndfile", "native_file", "local_stream", "tone_stream", "conference", "spy", "sms", "voicemail",
    "say_en",
)  # fmt: skip
NO_SERVICE = "tone_stream://%(274,0,913.8);%(274,0,1370.6);%(380,1000,1776.7);loops=3"
"""The special information tone (ITU-T E.180): said to callers when fsroute cannot be reached."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_NUMBER = re.compile(r"\+?[0-9]{1,20}")
_FEATURE_PREFIX = re.compile(r"[*#][0-9]{0,3}")
_SOCKET = re.compile(r"[A-Za-z0-9.-]+:[0-9]{1,5}")
_FILE = re.compile(r"[A-Za-z0-9/][A-Za-z0-9_.:/%();,= -]*")
_TRANSFER = re.compile(r"[0-9A-Za-z_+*#-]+ [A-Za-z]+ [A-Za-z0-9_.-]+")
_FOLDER = re.compile(r"/[A-Za-z0-9_./-]{1,200}")
_PASSWORD = re.compile(r"[!#%(-;=?-Z^-z|~-]{1,128}")  # printable ASCII without blanks, $ & " ' < > [ ] \ { }
_CODEC = re.compile(r"[A-Za-z0-9@.-]+")


class DialplanSettings(Section, frozen=True):
    """What ``dialplans`` is filled with. Names end in their unit.

    `numbers` are the toll-free numbers, as the network says them (a leading + may be absent
    there); ``("*",)`` takes every number. `callservers` are tried in turn for each call. Those in
    `numbers_before_answer` go to one of the `routing_processors` first, before anybody has answered. A caller
    that loses fsroute is back at a socket every `pause_ms`, up to `tries` times, and may lose it
    `returns` times in one call. `fallback_transfer` is ``extension dialplan context``; without one
    the caller hears `fallback_message` and is released. While an agent consults somebody, the other end of
    the conversation hears music for at most `held_s`. Between two keys of an agent's feature code may pass
    `code_digit_ms`; so late comes a ``*`` that begins none. `conference_profile` is mod_conference's. Agents'
    phones dial `feature_prefix` and the digit of a feature (`fsroute.agentdesk.features`); `feature_numbers` lead
    agents to all of them from any telephone.
    """

    numbers: tuple[str, ...] = ()
    numbers_before_answer: tuple[str, ...] = ()
    callservers: tuple[str, ...] = ("127.0.0.1:8084",)
    routing_processors: tuple[str, ...] = ("127.0.0.1:8086",)
    guard_s: int = 8
    pause_ms: int = 1500
    tries: int = 40
    returns: int = 50
    hold_music: str = "local_stream://fsroute"
    fallback_transfer: str = ""
    fallback_message: str = NO_SERVICE
    rendezvous_s: int = 90
    link_media_timeout_ms: int = 60_000
    held_s: int = 900
    code_digit_ms: int = 3000
    conference_profile: str = "default"
    feature_prefix: str = "*5"
    feature_numbers: tuple[str, ...] = ()
    link_srtp: bool = False

    def __post_init__(self) -> None:
        for number in self.numbers:
            if number != ANY_NUMBER:
                _check("numbers", number, _NUMBER)
        for number in self.numbers_before_answer:
            if number != ANY_NUMBER:
                _check("numbers_before_answer", number, _NUMBER)
        _check_all("callservers", self.callservers, _SOCKET)
        _check_all("routing_processors", self.routing_processors, _SOCKET)
        _check("hold_music", self.hold_music, _FILE)
        _check("fallback_message", self.fallback_message, _FILE)
        if self.fallback_transfer:
            _check("fallback_transfer", self.fallback_transfer, _TRANSFER)
        _check("feature_prefix", self.feature_prefix, _FEATURE_PREFIX)
        for number in self.feature_numbers:
            _check("feature_numbers", number, _NUMBER)
        _within("guard_s", self.guard_s, 2, 60)
        _within("pause_ms", self.pause_ms, 100, 10_000)
        _within("tries", self.tries, 1, 1000)
        _within("returns", self.returns, 1, 1000)
        _within("rendezvous_s", self.rendezvous_s, 5, 3600)
        _within("link_media_timeout_ms", self.link_media_timeout_ms, 1000, 86_400_000)
        _within("held_s", self.held_s, 10, 86_400)
        _within("code_digit_ms", self.code_digit_ms, 200, 10_000)
        _check("conference_profile", self.conference_profile, _NAME)


class User(Section, frozen=True):
    """A phone of an agent that registers."""

    name: str
    password: Secret

    def __post_init__(self) -> None:
        _check("users", self.name, _NAME)
        _check_secret(f"password of {self.name}", self.password)


class SwitchSettings(Section, frozen=True):
    """What ``fs_config`` is filled with: one FreeSWITCH that serves fsroute and nothing else.

    Several may run on one machine: give each its own ports and folder. `address` is where SIP and
    RTP are, the event socket is always on loopback. `caller_networks` and `link_networks` (CIDR) are
    who may call in. Network legs are by TLS alone where `link_certificates` names a folder with this switch's
    certificate and key (``agent.pem``) and the authority's (``cafile.pem``); `link_codecs` are those of the links.
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
    media_timeout_ms: int = 300_000
    session_timeout_s: int = 1800
    link_session_timeout_s: int = 120
    link_certificates: str = ""
    link_codecs: tuple[str, ...] = ()
    music_names: tuple[str, ...] = ("fsroute", "moh")
    modules: tuple[str, ...] = MODULES
    log_level: str = "notice"
    dialplan: DialplanSettings = field(default_factory=DialplanSettings)

    def __post_init__(self) -> None:
        _check_secret("event_socket_password", self.event_socket_password)
        _check("name", self.name, _NAME)
        _check("domain", self.domain, _NAME)
        _check_all("codecs", self.codecs, _CODEC)
        _check_all("link_codecs", self.link_codecs or self.codecs, _CODEC)
        self._check_link()
        _check_all("modules", self.modules, _NAME)
        _check_all("music_names", self.music_names, _NAME)
        _check("log_level", self.log_level, re.compile("debug|info|notice|warning|err|crit|alert"))
        self._check_network()
        _within("session_timeout_s", self.session_timeout_s, 90, 86_400)
        _within("link_session_timeout_s", self.link_session_timeout_s, 90, 86_400)
        _within("media_timeout_ms", self.media_timeout_ms, 1000, 86_400_000)
        _within("max_sessions", self.max_sessions, 1, 100_000)
        _within("sessions_per_second", self.sessions_per_second, 1, 10_000)

    def _check_link(self) -> None:
        """A key for media that travels in the clear is none (RFC 4568, 7): both are secured, or neither is."""
        if self.link_certificates:
            _check("link_certificates", self.link_certificates, _FOLDER)
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
            _within("ports", port, 1, 65535)
        if len(set(ports)) < len(ports):
            raise ConfigurationError("callers_port, agents_port and link_port must differ")
        if self.rtp_first >= self.rtp_last:
            raise ConfigurationError(f"rtp_first {self.rtp_first} is not below rtp_last {self.rtp_last}")


def _check(name: str, text: str, pattern: re.Pattern[str]) -> None:
    if not pattern.fullmatch(text):
        raise ConfigurationError(f"{name}: {text!r} is not allowed in a FreeSWITCH configuration")


def _check_all(name: str, texts: tuple[str, ...], pattern: re.Pattern[str]) -> None:
    if not texts:
        raise ConfigurationError(f"{name} is empty")
    for text in texts:
        _check(name, text, pattern)


def _check_secret(name: str, secret: Secret) -> None:
    if not _PASSWORD.fullmatch(secret.reveal()):
        raise ConfigurationError(
            f"{name}: use 1 to 128 ASCII letters, digits and marks other than $&\"'<>[]{{}}\\"
        )


def _within(name: str, number: int, low: int, high: int) -> None:
    if not low <= number <= high:
        raise ConfigurationError(f"{name}: {number} is not between {low} and {high}")
