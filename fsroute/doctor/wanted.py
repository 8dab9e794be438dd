"""What a configuration needs of its switch and host: modules, contexts, profiles, ports, folders. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from fsroute.config import Config, Role

ROUTE = "fsroute_doctor"
"""The context of the test route, and the number that leads to it there."""

SEEN_BY_FSROUTE = "RESPONSE_TO_STATUS_ENQUIRY"
"""The hang-up cause (30, ITU-T Q.850) with which the call server answers the test route; nothing else uses it."""

NOBODY = "192.0.2.1"
"""An address that is nobody's (RFC 5737): an access list that admits it admits everybody."""

AT_SWITCH = frozenset({Role.CALLSERVER, Role.ACD, Role.CTI, Role.SCP})
ALWAYS = ("event_socket", "commands", "dptools", "sofia", "dialplan_xml")
OF_CALLSERVER = ("loopback", "sndfile", "tone_stream")
OF_ACD = ("conference", "spy")

_GATEWAY = re.compile(r"sofia/gateway/([A-Za-z0-9_.-]+)/")
_PROFILE = re.compile(r"sofia/([A-Za-z0-9_.-]+)/")
_STREAM = re.compile(r"local_stream://([A-Za-z0-9_.-]+)")


@dataclass(frozen=True, slots=True)
class Port:
    """A TCP port that fsroute itself listens at, and what for."""

    host: str
    port: int
    purpose: str


def entry_context(config: Config) -> str:
    """The context where the carriers' calls come in."""
    return config.install.entry_context or "public"


def serves_switch(config: Config) -> bool:
    """Whether any of this host's roles works with a FreeSWITCH."""
    return bool(AT_SWITCH & set(config.roles))


def modules(config: Config) -> tuple[str, ...]:
    """The modules that what is configured asks for, without ``mod_``."""
    found = [*ALWAYS]
    if Role.CALLSERVER in config.roles:
        found += OF_CALLSERVER
        if streams(config, (config.dialplan.hold_music,)):
            found.append("local_stream")
        if config.callserver.speech_engine:
            found.append(config.callserver.speech_engine.partition(":")[0])
    if Role.ACD in config.roles:
        found += OF_ACD
    return tuple(dict.fromkeys(found))


def contexts(config: Config) -> tuple[str, ...]:
    """The contexts that what is configured asks for."""
    found = []
    if Role.CALLSERVER in config.roles:
        found += ["fsroute", "fsroute_features", ROUTE]
    if Role.ACD in config.roles:
        found += ["fsroute_rendezvous", "fsroute_desk"]
    if Role.SCP in config.roles and config.scp.listen_port:
        found.append("fsroute_before_answer")
    return tuple(found)


def link_profile(config: Config) -> str:
    """The profile that network legs leave by; empty where they leave by a gateway."""
    found = _PROFILE.match(config.links.dial_string)
    return "" if found is None or found[1] == "gateway" else found[1]


def profiles(config: Config, templated: bool = True) -> tuple[str, ...]:
    """The SIP profiles that dial strings name; that of [agents] counts where agents are dialled by it (`templated`)."""
    dialled = [config.links.dial_string] if {Role.CALLSERVER, Role.ACD} & set(config.roles) else []
    if Role.ACD in config.roles:
        dialled += [*([config.agents.dial_string] if templated else []), config.agents.number_dial_string]
    if Role.CALLSERVER in config.roles:
        dialled.append(config.callserver.callback_dial_string)
    found = (_PROFILE.search(each) for each in dialled)
    return tuple(dict.fromkeys(each[1] for each in found if each is not None and each[1] != "gateway"))


def gateways(config: Config) -> tuple[str, ...]:
    """The gateways that dial strings name."""
    dialled = (
        config.callserver.callback_dial_string,
        config.agents.dial_string,
        config.agents.number_dial_string,
        config.links.dial_string,
    )
    return tuple(dict.fromkeys(name for each in dialled for name in _GATEWAY.findall(each)))


def streams(config: Config, of_queues: tuple[str, ...]) -> tuple[str, ...]:
    """The names of ``local_stream`` that hold music asks for."""
    asked = (config.callserver.hold_music, *of_queues)
    return tuple(dict.fromkeys(name for each in asked for name in _STREAM.findall(each)))


def ports(config: Config) -> tuple[Port, ...]:
    """Where this host's roles listen."""
    found = []
    if Role.CALLSERVER in config.roles and config.callserver.listen_port:
        found.append(Port(config.callserver.listen_host, config.callserver.listen_port, "[callserver]"))
    if Role.ACD in config.roles and config.acd.listen_port:
        found.append(Port(config.acd.listen_host, config.acd.listen_port, "[acd]"))
    if Role.APPSERVER in config.roles and config.appserver.sites and config.appserver.listen_port:
        found.append(Port(config.appserver.listen_host, config.appserver.listen_port, "[appserver]"))
    if Role.SCP in config.roles and config.scp.listen_port:
        found.append(Port(config.scp.listen_host, config.scp.listen_port, "[scp] listen_port"))
    if config.metrics.listen_port:
        found.append(Port(config.metrics.listen_host, config.metrics.listen_port, "[metrics]"))
    if Role.SCP in config.roles and config.scp.http_port:
        found.append(Port(config.scp.http_host, config.scp.http_port, "[scp] http_port"))
    return tuple(found)
