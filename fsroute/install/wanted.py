"""Which files fsroute wants on a FreeSWITCH that somebody else administers, and what is in them."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

import msgspec

from fsroute.config import Config
from fsroute.install.checks import ENTRY
from fsroute.install.music import music
from fsroute.install.render import (
    AGENTS_ENTRY,
    CALLERS_ENTRY,
    LINK_PROFILE,
    LINKS_LIST,
    digits,
    render,
    render_dialplans,
)
from fsroute.install.settings import ANY_NUMBER, DialplanSettings

CONF, SOUNDS = "conf", "sounds"
"""The roots that files go below: FreeSWITCH's ``conf_dir``, and the folder that its ``sounds_dir`` is in (which may not
be there yet). A target is ``root/path``."""
_NUMBER = re.compile(r"(?!fsroute_)[0-9A-Za-z+*#_.-]{1,64}")
_ANYWHERE = ("0.0.0.0", "::", "")


@dataclass(frozen=True, slots=True)
class Number:
    """A toll-free number as the database has it, and the name of the company that is called by it."""

    number: str
    company: str


@dataclass(frozen=True, slots=True)
class Known:
    """What the database tells: all numbers, and the link addresses (``host:port``) of the other switches."""

    numbers: tuple[Number, ...] = ()
    links: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Wanted:
    """Contents by target, and what the operator should know of how they came about."""

    files: Mapping[str, bytes]
    notes: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    contexts: tuple[str, ...] = ()
    link_port: int | None = None
    link_networks: tuple[str, ...] = ()
    """Those that must go into acl.conf.xml, since they cannot stand in the profile itself."""


@dataclass(slots=True)
class _Made:
    files: dict[str, bytes] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def wanted(config: Config, known: Known, sounds_dir: PurePosixPath) -> Wanted:
    """The files for `config`; `sounds_dir` is FreeSWITCH's.

    Raises:
        ConfigurationError: a template cannot be filled.
    """
    made = _Made()
    settings = dialplan_settings(config)
    numbers = tuple(
        _numbers(settings, known if config.install.numbers_from_database else Known(), made.notes)
    )
    settings = _with_numbers(settings, ())
    centers = {each.number: each.company for each in known.numbers}
    _add_dialplans(made, config, settings, numbers, centers)
    port, listed = _add_link_profile(made, config, known)
    for path, content in music(sounds_dir / "fsroute").items():
        made.files[f"{SOUNDS}/{sounds_dir.name}/fsroute/{path}"] = content
    contexts = tuple(PurePosixPath(name).stem for name in made.files if _is_context(name))
    return Wanted(made.files, tuple(made.notes), numbers, contexts, port, listed)


def dialplan_settings(config: Config) -> DialplanSettings:
    """[dialplan], where what was left alone is what this host's own sections say."""
    given, usual = config.dialplan, DialplanSettings()
    changes: dict[str, object] = {}
    if given.callservers == usual.callservers and config.callserver.listen_port:
        changes["callservers"] = (_reached(config.callserver.listen_host, config.callserver.listen_port),)
    if given.routing_processors == usual.routing_processors and config.scp.listen_port:
        changes["routing_processors"] = (_reached(config.scp.listen_host, config.scp.listen_port),)
    if given.hold_music == usual.hold_music:
        changes["hold_music"] = config.callserver.hold_music
    return msgspec.structs.replace(given, **changes)


def _reached(host: str, port: int) -> str:
    return f"{'127.0.0.1' if host in _ANYWHERE else host}:{port}"


def _with_numbers(settings: DialplanSettings, numbers: tuple[str, ...]) -> DialplanSettings:
    return msgspec.structs.replace(settings, numbers=numbers)


def _numbers(settings: DialplanSettings, known: Known, notes: list[str]) -> Iterator[str]:
    """The toll-free numbers, each once, whether written with a + or without."""
    seen: set[str] = set()
    for number in (*settings.numbers, *(each.number for each in known.numbers)):
        if number != ANY_NUMBER and not _NUMBER.fullmatch(number):
            notes.append(f"the number {number[:70]!r} in the database is none that can be called: left out")
        elif digits(number) and digits(number) not in seen:
            seen.add(digits(number))
            yield number
    if not seen:
        notes.append("there are no toll-free numbers yet: run this again when there are")


def _add_dialplans(
    made: _Made,
    config: Config,
    settings: DialplanSettings,
    numbers: tuple[str, ...],
    centers: Mapping[str, str],
) -> None:
    texts = render_dialplans(settings, for_agents=True)
    agents = texts.pop(AGENTS_ENTRY)
    del texts[CALLERS_ENTRY]
    for path, text in texts.items():
        made.files[f"{CONF}/dialplan/{path}"] = text.encode()
    if config.install.entry_context:
        values = {name: getattr(settings, name) for name in settings.__struct_fields__}
        values |= {"numbers": numbers, "centers": dict(centers)}
        entry = render(f"dialplans/{CALLERS_ENTRY}", **values)
        made.files[f"{CONF}/dialplan/{config.install.entry_context}/{ENTRY}"] = entry.encode()
    if config.install.feature_context:
        target = f"{CONF}/dialplan/{config.install.feature_context}/{ENTRY}"
        made.files[target] = _joined(made.files.get(target), agents)


def _joined(entry: bytes | None, agents: str) -> bytes:
    """Both entries in one file, where callers and agents share a context."""
    if entry is None:
        return agents.encode()
    inside = agents.partition("<include>\n")[2].partition("</include>")[0].encode()
    return entry.replace(b"</include>", inside + b"</include>")


def _add_link_profile(made: _Made, config: Config, known: Known) -> tuple[int | None, tuple[str, ...]]:
    """The profile for network legs; returns its port, and networks that need an access list of their own."""
    if not config.links.address:
        made.notes.append("[links] address is empty: no profile for network legs, this switch stands alone")
        return None, ()
    host, _, port = config.links.address.rpartition(":")
    networks = config.install.link_networks or tuple(_networks(known.links, made.notes))
    inline = bool(networks) and not any(":" in network for network in networks)
    if not networks:
        made.notes.append(
            "no other switch is known: the profile for network legs takes none until there is one"
        )
    text = render(
        f"fs_config/{LINK_PROFILE}",
        address=config.install.link_ip or (host if _is_address(host) else "$${local_ip_v4}"),
        link_port=int(port),
        link_acl=networks if inline else (LINKS_LIST,),
        link_session_timeout_s=config.install.link_session_timeout_s,
        codecs=config.install.link_codecs,
        link_codecs=(),  # those above are the link's alone
        link_certificates=config.install.link_certificates,
        rtp_timer=config.install.rtp_timer,
        hold_music=dialplan_settings(config).hold_music,
    )
    made.files[f"{CONF}/{LINK_PROFILE}"] = text.encode()
    return int(port), () if inline else networks


def _networks(links: tuple[str, ...], notes: list[str]) -> Iterator[str]:
    for host in dict.fromkeys(address.rpartition(":")[0].strip("[]") for address in links):
        if _is_address(host):
            yield str(ipaddress.ip_network(host))
        else:
            notes.append(f"the switch {host} is known by name: give its network in [install] link_networks")


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _is_context(target: str) -> bool:
    """Whether a target is a context of our own: it lies in ``dialplan`` itself."""
    return PurePosixPath(target).parent == PurePosixPath(CONF, "dialplan")
