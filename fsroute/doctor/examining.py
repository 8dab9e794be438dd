"""Collects the facts of a host, each part within its limit, side by side where one does not need another."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TypeVar, cast

import gevent
from gevent import socket

from fsroute.config import Config, Role
from fsroute.doctor import asking, certificates, database, dialplan, host, sip, wanted
from fsroute.doctor.facts import (
    ApplicationFacts,
    CenterFacts,
    Facts,
    HostFacts,
    LinkAnswer,
    Missing,
    SocketAnswer,
    SwitchFacts,
    TrustFacts,
)
from fsroute.errors import FsrouteError
from fsroute.ivr.keyfiles import public_keys

log = logging.getLogger(__name__)

T = TypeVar("T")

MOST_LINKS = 200  # switches that are asked
CONNECT = 2.0  # seconds


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds that each part may take as a whole, whatever hangs."""

    host: float = 10.0
    database: float = 15.0
    switch: float = 30.0
    elsewhere: float = 10.0


@dataclass(frozen=True, slots=True)
class Sources:
    """What only the whole program knows: the check of the rules, and this host's applications and recordings."""

    rules: database.Rules
    applications: Callable[[], ApplicationFacts]
    sounds: tuple[str, ...] = ()


def collect(
    config: Config, config_path: Path | None, sources: Sources, limits: Limits | None = None
) -> Facts:
    """All facts; takes at most the sum of `limits`, and raises nothing."""
    limits = limits or Limits()
    looked = within(limits.database, "the database", lambda: database.look(config, sources.rules))
    server, center = (looked, looked) if isinstance(looked, Missing) else looked
    links = _beside(limits, "the other switches", lambda: _links(config, center))
    certified = _beside(limits, "certificates", lambda: certificates.look(config))
    applications = _beside(limits, "applications", sources.applications)
    trust = _beside(limits, "keys", lambda: _trust(config))
    switch = within(limits.switch, "the switch", lambda: _switch(config, center, sources.sounds))
    folders = switch.folders if isinstance(switch, SwitchFacts) else {}
    zones = center.time_zones if isinstance(center, CenterFacts) else ()
    see = on_a_thread(partial(host.look, config, config_path, folders, zones, sources.sounds))
    here = within(limits.host, "this host", see)
    sockets = within(limits.elsewhere, "the dialplan's sockets", lambda: _sockets(switch, here))
    return Facts(
        config, datetime.now(UTC), here, server, center, switch,
        links(), certified(), trust(), applications(), sockets,
    )  # fmt: skip


def within(seconds: float, what: str, do: Callable[[], T | Missing]) -> T | Missing:
    """What `do` returns; `Missing` with the reason where it fails, or takes longer."""
    worker = gevent.spawn(do)
    worker.join(seconds)
    if not worker.ready():
        worker.kill(block=False)
        return Missing(f"{what}: no answer within {seconds:g} s", "slow")
    if not worker.successful():
        log.debug("%s", what, exc_info=worker.exc_info)
        return Missing(f"{what}: {type(worker.exception).__name__}: {worker.exception}", "slow")
    found: T | Missing = worker.get()
    return found


def _beside(limits: Limits, what: str, do: Callable[[], T | Missing]) -> Callable[[], T | Missing]:
    """Begin now; the function that is returned waits for the end."""
    worker = gevent.spawn(lambda: within(limits.elsewhere, what, do))

    def wait() -> T | Missing:
        found: T | Missing = worker.get()
        return found

    return wait


def on_a_thread(do: Callable[[], T]) -> Callable[[], T]:
    """`do` on a thread: a file system that does not answer stops its caller, and is to stop nobody else."""

    def wait() -> T:
        return cast(T, gevent.get_hub().threadpool.spawn(do).get())

    return wait


# The switch


def _switch(config: Config, center: CenterFacts | Missing, sounds: tuple[str, ...]) -> SwitchFacts | Missing:
    if not wanted.serves_switch(config):
        return Missing("no role of this host works with a switch", "off")
    place = config.event_socket
    questions = asking.Questions(
        modules=wanted.modules(config),
        contexts=(wanted.entry_context(config), *wanted.contexts(config)),
        link_profile=wanted.link_profile(config),
        addresses=_addresses(config, center),
        files=sounds,
        route=Role.CALLSERVER in config.roles,
    )
    return asking.switch((place.host, place.port), place.password.reveal(), questions)


def _addresses(config: Config, center: CenterFacts | Missing) -> tuple[str, ...]:
    """The addresses that network legs of other switches come from, as far as they are known."""
    found: dict[str, None] = {}
    rows = center.switches if isinstance(center, CenterFacts) else ()
    for row in rows[:MOST_LINKS]:
        if row.switch_id != config.site.switch_id:
            try:
                place = sip.parse_address(row.link_address)
                found[str(socket.getaddrinfo(*place, type=socket.SOCK_DGRAM)[0][4][0])] = None
            except (OSError, ValueError) as error:
                log.debug("%s: %s", row.link_address, error)
    return tuple(found)


def _sockets(switch: SwitchFacts | Missing, here: HostFacts | Missing) -> tuple[SocketAnswer, ...] | Missing:
    if isinstance(switch, Missing):
        return Missing(switch.reason, switch.kind)
    hosts: dict[str, None] = {}
    for name, context in switch.contexts.items():
        if context and name.startswith("fsroute"):
            hosts |= dict.fromkeys(dialplan.socket_hosts(context))
    return tuple(_socket(each, here) for each in hosts)


def _socket(address: str, here: HostFacts | Missing) -> SocketAnswer:
    """By the kernel's word where it is a port of this host: a connection would be taken for a call."""
    name, _, port = address.rpartition(":")
    if isinstance(here, HostFacts) and name in ("127.0.0.1", "localhost", "::1"):
        there = any(str(each.port) == port for each in here.listening)
        return SocketAnswer(address, "" if there else "no program has that port")
    try:
        socket.create_connection((name, int(port)), CONNECT).close()
    except (OSError, ValueError) as error:
        return SocketAnswer(address, str(error))
    return SocketAnswer(address)


# Elsewhere


def _links(config: Config, center: CenterFacts | Missing) -> tuple[LinkAnswer, ...] | Missing:
    if isinstance(center, Missing):
        return center
    asked = [each for each in center.switches if each.switch_id != config.site.switch_id][:MOST_LINKS]
    workers = [gevent.spawn(sip.ask, each.switch_id, each.link_address) for each in asked]
    gevent.joinall(workers)
    return tuple(each.get() for each in workers)


def _trust(config: Config) -> tuple[TrustFacts, ...]:
    now = datetime.now(UTC).timestamp()
    return tuple(
        _keys(each.name, name, Path(each.keys), now)
        for each in config.applications_from
        for name in each.contact_centers
    )


def _keys(source: str, contact_center: str, folder: Path, now: float) -> TrustFacts:
    """How many keys are trusted now: neither revoked nor outside their terms."""
    try:
        found = [key for path in sorted((folder / contact_center).glob("*.pub")) for key in public_keys(path)]
    except FsrouteError as error:
        return TrustFacts(source, contact_center, 0, str(error))
    valid = [
        key for key in found
        if not key.revoked and (key.not_before or 0.0) <= now and (key.not_after is None or now < key.not_after)
    ]  # fmt: skip
    return TrustFacts(source, contact_center, len(valid))
