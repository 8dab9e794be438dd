"""Asks the switch over its event socket, by a connection of its own; every question has a limit."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from fsroute.doctor import replies, wanted
from fsroute.doctor.facts import Missing, Profile, SwitchFacts
from fsroute.errors import FsrouteError
from fsroute.esl import commands
from fsroute.esl.errors import CommandTimeout
from fsroute.esl.link import Link, NotAdmitted, WrongPassword
from fsroute.esl.messages import Message

ANSWER = 4.0  # seconds for one answer
ROUTE = 5  # seconds that the test route may take; whole ones, as FreeSWITCH counts them
OWN_TIMERS = frozenset({"soft", "none"})
"""Values of ``rtp-timer-name`` that need no module."""
_TIMER = re.compile(r"[A-Za-z0-9_-]{1,40}")


@dataclass(frozen=True, slots=True)
class Questions:
    """What is asked beside what is always asked."""

    modules: Sequence[str] = ()
    contexts: Sequence[str] = ()
    link_profile: str = ""
    addresses: Sequence[str] = ()  # of the other switches
    files: Sequence[str] = ()
    route: bool = False


class _Nobody:
    """No event is asked for, so none is listened to."""

    def message_arrived(self, message: Message) -> None:
        """Nothing to do."""

    def link_lost(self, reason: str) -> None:
        """Whoever asks next is told."""


class Asking:
    """One connection, asked one question after the other."""

    def __init__(self, address: tuple[str, int], password: str) -> None:
        self._link = Link.open(address, password, _Nobody(), ANSWER)

    def api(self, command: str, timeout: float = ANSWER) -> str:
        """What an api command says, whatever that is; raises SwitchError where nothing is said."""
        return self._link.request(commands.api(command), timeout).text

    def configuration(self, name: str) -> str:
        return self.api(f"xml_locate configuration configuration name {name}")

    def close(self) -> None:
        self._link.close("examined")


def switch(address: tuple[str, int], password: str, questions: Questions) -> SwitchFacts | Missing:
    """What the switch says; `Missing` with the reason where it does not."""
    place = f"{address[0]}:{address[1]}"
    try:
        asking = Asking(address, password)
    except WrongPassword:
        return Missing(f"{place}: FreeSWITCH refuses the password of [event_socket]", "password")
    except NotAdmitted as error:
        return Missing(f"{place}: {error}", "admitted")
    except FsrouteError as error:
        said = re.sub(r"\[Errno \d+\] ", "", str(error))
        return Missing(said if place in said else f"{place}: {said}", "refused")
    try:
        return _facts(asking, questions)
    except CommandTimeout as error:
        return Missing(f"{place}: it lets us in, but does not answer: {error}", "slow")
    except FsrouteError as error:
        return Missing(f"{place}: it let us in, then: {error}", "slow")
    finally:
        asking.close()


def _facts(asking: Asking, questions: Questions) -> SwitchFacts:
    variables = replies.variables(asking.api("global_getvar"))
    event_socket, default_password = replies.event_socket(asking.configuration("event_socket.conf"))
    facts = SwitchFacts(
        version=replies.version(asking.api("version")),
        core_uuid=variables.get("core_uuid", ""),
        folders=replies.folders(variables),
        load=replies.load(asking.api("status")),
        event_socket=event_socket,
        default_password=default_password,
        paused=asking.api("fsctl pause_check inbound").strip() == "true",
        modules={
            each: asking.api(f"module_exists mod_{each}").strip() == "true" for each in questions.modules
        },
        contexts={each: _context(asking, each) for each in questions.contexts},
        profiles=_profiles(asking, variables),
        gateways=replies.gateways(asking.api("sofia xmlstatus gateway")),
        streams=replies.names(asking.configuration("local_stream.conf"), "directory"),
        conference_profiles=replies.names(asking.configuration("conference.conf"), "profile"),
        parameters=replies.parameters(asking.configuration("switch.conf")),
        files={each: asking.api(f"file_exists {each}").strip() == "true" for each in questions.files},
        clock=_clock(asking),
    )
    timers = _timers(asking, facts.profiles)
    facts = replace(
        facts,
        admits=_admits(asking, facts.profiles, questions),
        timers=timers,
        listed_modules=_listed_modules(asking) if timers else frozenset(),
        posix_timer=_is_installed(asking, variables, "mod_posix_timer"),
    )
    return replace(facts, route=_route(asking, facts)) if questions.route else facts


def _context(asking: Asking, name: str) -> str:
    said = asking.api(f"xml_locate dialplan context name {name}")
    return said if said.lstrip().startswith("<") else ""


def _profiles(asking: Asking, variables: Mapping[str, str]) -> dict[str, Profile]:
    """As they are written, and at which address they run."""
    running = replies.running(asking.api("sofia xmlstatus"))
    written = replies.profiles(asking.configuration("sofia.conf"))
    return {
        name: replace(
            written.get(name, Profile(name, False)), running=name in running, address=running.get(name, "")
        )
        for name in {*written, *running}
    }


def _admits(asking: Asking, profiles: Mapping[str, Profile], questions: Questions) -> dict[str, bool]:
    """Whom the links' profile lets in, by the lists that it names; nothing where it names none."""
    acls = profiles[questions.link_profile].acls if questions.link_profile in profiles else ()
    asked = dict.fromkeys((*questions.addresses, wanted.NOBODY)) if acls else {}
    return {each: any(asking.api(f"acl {each} {acl}").strip() == "true" for acl in acls) for each in asked}


def _timers(asking: Asking, profiles: Mapping[str, Profile]) -> dict[str, bool]:
    """Whether there are the timers that profiles name beside FreeSWITCH's own: each is had for one tick of 20 ms."""
    named = {each.rtp_timer for each in profiles.values() if _TIMER.fullmatch(each.rtp_timer)}
    said = {name: replies.timer(asking.api(f"timer_test 20 1 {name}")) for name in sorted(named - OWN_TIMERS)}
    return {name: there for name, there in said.items() if there is not None}


def _listed_modules(asking: Asking) -> frozenset[str]:
    files = (f"{when}modules.conf" for when in ("", "pre_load_", "post_load_"))
    return frozenset().union(*(replies.listed_modules(asking.configuration(each)) for each in files))


def _is_installed(asking: Asking, variables: Mapping[str, str], module: str) -> bool:
    """Whether the file of a module lies where FreeSWITCH looks for it."""
    folder = variables.get("mod_dir", "")
    return bool(folder) and asking.api(f"file_exists {folder}/{module}.so").strip() == "true"


def _clock(asking: Asking) -> float:
    """The switch's clock minus ours, in seconds; it tells whole ones, so half of one is added."""
    before = time.time()
    said = asking.api("strftime %s").strip()
    middle = (before + time.time()) / 2
    return float(said) + 0.5 - middle if said.isascii() and said.isdigit() and len(said) < 12 else 0.0


def _route(asking: Asking, facts: SwitchFacts) -> str:
    """Place the test route: a loopback channel through a context that leads to the call server, which hangs it up.

    Nobody is dialled: that context holds one ``socket`` and a ``hangup``, and must be loaded.
    """
    if not facts.contexts.get(wanted.ROUTE):
        return ""
    dialled = (
        f"{{ignore_early_media=true,originate_timeout={ROUTE}}}loopback/{wanted.ROUTE}/{wanted.ROUTE}/XML"
    )
    try:
        return replies.route(asking.api(f"originate {dialled} &park", ROUTE + 2.0))
    except CommandTimeout:
        return "NO_ANSWER"
