"""Checks of the switch itself. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from fsroute.config import Role
from fsroute.config.install import RTP_TIMERS
from fsroute.doctor import wanted
from fsroute.doctor.facts import Facts, HostFacts, Missing, SwitchFacts
from fsroute.doctor.finding import Check, Group, Verdict, failed, ok, skipped, warning
from fsroute.doctor.replies import DEFAULT_PASSWORD, numbers

OLDEST = (1, 10)
CLOCK_LIMIT = 2.0  # seconds; the switch tells whole ones
LOOPBACK = ("127.", "::1", "localhost", "::ffff:127.")
SECTION = "[event_socket] in fsroute's configuration"

_EVENT_SOCKET_CURES = {
    "password": f"write the password of event_socket.conf.xml into {SECTION}: password_file = a file of mode 0600",
    "admitted": "let this host in by apply-inbound-acl in event_socket.conf.xml (loopback.auto for loopback)",
    "slow": "look whether FreeSWITCH stands still (fs_cli -x status, its log, load): restart it if it does",
    "off": "",
}
_EVENT_SOCKET_CURE = (
    f"start FreeSWITCH (systemctl status freeswitch); its mod_event_socket must listen where {SECTION} says"
)


_UNTIMED = "who sends nothing there hears nothing, and hang-ups are noticed seconds later"


def of_switch(facts: Facts) -> SwitchFacts:
    """The switch of facts that a check needs."""
    assert not isinstance(facts.switch, Missing)
    return facts.switch


def event_socket(facts: Facts) -> Iterator[Verdict]:
    """Whether the switch lets us in and answers."""
    said, place = facts.switch, facts.config.event_socket
    if not isinstance(said, Missing):
        yield ok(f"FreeSWITCH {said.version} answers at {place.host}:{place.port}")
    elif said.kind == "off":
        yield skipped(said.reason)
    else:
        yield failed(said.reason, _EVENT_SOCKET_CURES.get(said.kind, _EVENT_SOCKET_CURE))


def password(facts: Facts) -> Iterator[Verdict]:
    """Whether the event socket has the password that everybody knows."""
    if of_switch(facts).default_password or facts.config.event_socket.password.reveal() == DEFAULT_PASSWORD:
        yield warning(
            "the event socket has FreeSWITCH's own default password, which everybody knows",
            "choose another in event_socket.conf.xml and in [event_socket] of fsroute's configuration; then fs_cli -x"
            " 'reload mod_event_socket', and restart fsroute",
        )
    else:
        yield ok("the event socket's password is not the default one")


def exposed(facts: Facts) -> Iterator[Verdict]:
    """Whether the event socket can be reached from elsewhere: whoever is let in is root of all calls."""
    listens = _listens_at(facts)
    beyond = [address for address in listens if not address.startswith(LOOPBACK)]
    acl = of_switch(facts).event_socket.acl or "loopback.auto"  # mod_event_socket's own default
    if not listens:
        yield skipped("it is not known at which address the event socket listens")
    elif not beyond:
        yield ok(f"the event socket listens on loopback only ({', '.join(listens)})")
    else:
        yield warning(
            f"the event socket listens at {', '.join(beyond)}, beyond loopback: only the list {acl} guards it",
            "set listen-ip to 127.0.0.1 in event_socket.conf.xml; fsroute runs on the switch's own host",
        )


def _listens_at(facts: Facts) -> tuple[str, ...]:
    """As the kernel says; where the switch is on another host, as event_socket.conf says."""
    host, place = facts.host, facts.config.event_socket
    if isinstance(host, HostFacts) and place.host.startswith(LOOPBACK):
        found = tuple(each.address for each in host.listening if each.port == place.port)
        if found:
            return found
    written = of_switch(facts).event_socket.listen_ip
    return (written,) if written else ()


def version(facts: Facts) -> Iterator[Verdict]:
    """Whether the switch is one that fsroute was tested with."""
    said = of_switch(facts).version
    if not said:
        yield warning("the switch does not say its version", "see what fs_cli -x version says")
    elif numbers(said) < OLDEST:
        yield warning(
            f"FreeSWITCH {said} is older than {OLDEST[0]}.{OLDEST[1]}, the oldest that fsroute is meant for",
            "install a newer FreeSWITCH; fsroute is tested with 1.11",
        )
    else:
        yield ok(f"FreeSWITCH {said}")


def takes_calls(facts: Facts) -> Iterator[Verdict]:
    """Whether the switch is ready and not paused."""
    switch = of_switch(facts)
    if switch.paused:
        yield failed("the switch is paused: it takes no calls", "fs_cli -x 'fsctl resume'")
    elif not switch.load.ready:
        yield failed("the switch says that it is not ready", "wait for its start to end; then see its log")
    else:
        yield ok(f"the switch takes calls ({switch.load.sessions} sessions now)")


def modules(facts: Facts) -> Iterator[Verdict]:
    """Whether the modules that the configuration asks for are loaded."""
    loaded = of_switch(facts).modules
    missing = [name for name, there in sorted(loaded.items()) if not there]
    if missing:
        names = ", ".join(f"mod_{each}" for each in missing)
        yield failed(
            f"not loaded: {names}",
            f"fs_cli -x 'load mod_{missing[0]}', and a line <load module=\"mod_{missing[0]}\"/> in"
            " modules.conf.xml; where the module is not installed, install its package first",
        )
    else:
        yield ok(f"all {len(loaded)} modules that are needed are loaded")


def limits(facts: Facts) -> Iterator[Verdict]:
    """Whether the switch's own limits admit the calls that fsroute is configured for."""
    load, wants = of_switch(facts).load, facts.config.callserver.max_sessions
    if Role.CALLSERVER not in facts.config.roles or not load.max_sessions:
        yield skipped("this host takes no calls, or the switch does not say its limits")
        return
    if load.sessions >= 0.9 * load.max_sessions:
        yield failed(
            f"{load.sessions} of {load.max_sessions} sessions are in use: soon calls are refused",
            "raise max-sessions in switch.conf.xml (fs_cli -x 'fsctl max_sessions N' at once)",
        )
    elif load.max_sessions < wants:
        yield warning(
            f"the switch takes {load.max_sessions} sessions, [callserver] max_sessions is {wants};"
            " a call that is served needs two or three",
            "raise max-sessions in switch.conf.xml, or lower [callserver] max_sessions",
        )
    elif 0 < load.sessions_per_second < 30:
        yield warning(
            f"the switch takes {load.sessions_per_second} new sessions a second: callers, agents and network legs share"
            " them",
            "raise sessions-per-second in switch.conf.xml (fs_cli -x 'fsctl sps N' at once)",
        )
    else:
        yield ok(f"{load.max_sessions} sessions, {load.sessions_per_second} new ones a second")


def clock(facts: Facts) -> Iterator[Verdict]:
    """Whether the switch's clock goes as this host's."""
    off = of_switch(facts).clock
    if abs(off) > CLOCK_LIMIT:
        yield warning(
            f"the switch's clock is {off:+.0f} s off this host's",
            "fs_cli -x 'fsctl sync_clock_when_idle'; then see that this host's clock is synchronised",
        )
    else:
        yield ok("the switch's clock goes as this host's")


def profiles(facts: Facts) -> Iterator[Verdict]:
    """Whether the SIP profiles that dial strings name run."""
    there = of_switch(facts).profiles
    for name in _profiles(facts):
        profile = there.get(name)
        if profile is None:
            yield failed(
                f"there is no SIP profile {name}, which a dial string names",
                "fsroute install writes fsroute_link; name another profile in the dial string, or make this one",
            )
        elif not profile.running:
            yield failed(
                f"the SIP profile {name} does not run",
                f"fs_cli -x 'sofia profile {name} start', and see FreeSWITCH's log: its port may be taken",
            )
        else:
            yield ok(f"the SIP profile {name} runs ({profile.address})")


def _profiles(facts: Facts) -> tuple[str, ...]:
    """Those that dial strings name, as far as somebody is dialled by them."""
    templated = isinstance(facts.center, Missing) or facts.center.templated > 0
    return wanted.profiles(facts.config, templated)


def gateways(facts: Facts) -> Iterator[Verdict]:
    """Whether the gateways that dial strings name are there and up."""
    there = {each.name: each for each in of_switch(facts).gateways}
    named = wanted.gateways(facts.config)
    if not named:
        yield skipped("no dial string names a gateway")
    for name in named:
        gateway = there.get(name)
        if gateway is None:
            yield failed(f"there is no gateway {name}, which a dial string names", "add it to a SIP profile")
        elif gateway.status == "DOWN" or gateway.state not in ("REGED", "NOREG"):
            yield failed(
                f"the gateway {name} is {gateway.state}, {gateway.status}",
                f"fs_cli -x 'sofia status gateway {name}': password, address, and whether the carrier answers",
            )
        else:
            yield ok(f"the gateway {name} is {gateway.state}, {gateway.status or 'not pinged'}")


def music(facts: Facts) -> Iterator[Verdict]:
    """Whether there is the music that callers are to hear while they wait."""
    of_queues = () if isinstance(facts.center, Missing) else facts.center.hold_music
    there = of_switch(facts).streams
    missing = [each for each in wanted.streams(facts.config, of_queues) if each not in there]
    if not missing:
        yield ok("the hold music is there")
    elif "default" in there:
        yield warning(
            f"local_stream has no {', '.join(missing)}: callers hear the stream `default` instead",
            f"a directory {missing[0]} in local_stream.conf.xml (fsroute install prints it); then fs_cli -x reloadxml,"
            f" and 'local_stream start {missing[0]}'",
        )
    else:
        yield failed(
            f"local_stream has no {', '.join(missing)}: callers would wait in silence",
            f"a directory {missing[0]} in local_stream.conf.xml (fsroute install prints it); then fs_cli -x reloadxml,"
            f" and 'local_stream start {missing[0]}'",
        )


def sounds(facts: Facts) -> Iterator[Verdict]:
    """Whether the switch sees the recordings that fsroute has it play."""
    files = of_switch(facts).files
    missing = [path for path, there in sorted(files.items()) if not there]
    if missing:
        yield failed(
            f"FreeSWITCH cannot see {missing[0]}"
            + (f" and {len(missing) - 1} others" if missing[1:] else ""),
            "let FreeSWITCH's user enter each folder on the way (chmod o+x, or the group freeswitch)",
        )
    elif files:
        yield ok(f"FreeSWITCH sees fsroute's recordings ({len(files)} looked for)")
    else:
        yield skipped("this host plays no recordings")


def settings(facts: Facts) -> Iterator[Verdict]:
    """The settings that cost calls, as docs/freeswitch.md tells."""
    switch = of_switch(facts)
    wrong = [*_half_speed(switch), *_not_timed(switch), *_timers_missing(switch)]
    yield from wrong or [ok(f"timers are as they should be{_cheaper(switch)}")]


def _half_speed(switch: SwitchFacts) -> Iterator[Verdict]:
    timer = switch.parameters.get("enable-softtimer-timerfd", "")
    if timer not in ("", "true", "broadcast"):
        yield warning(
            f"enable-softtimer-timerfd is {timer}: prompts and music run at half their speed in 1.11.1",
            "take the parameter out of switch.conf.xml, and restart FreeSWITCH",
        )


def _not_timed(switch: SwitchFacts) -> Iterator[Verdict]:
    slow = _timed_by(switch, "none")
    if slow:
        yield warning(
            f"rtp-timer-name is none in {slow}: each hang-up is noticed 20 ms later",
            "set it to soft in the SIP profile",
        )


def _timers_missing(switch: SwitchFacts) -> Iterator[Verdict]:
    """Timers that profiles name and that are not there, now or after the next start."""
    for timer, there in sorted(switch.timers.items()):
        profiles = _timed_by(switch, timer)
        module = f"mod_{RTP_TIMERS[timer]}" if RTP_TIMERS.get(timer) else ""
        line = f'put <load module="{module}"/> first into modules.conf.xml'
        if profiles and not there:
            cure = f"set it to soft, and fs_cli -x 'sofia profile {profiles.partition(',')[0]} rescan'"
            if module:
                package = f"freeswitch-{module.replace('_', '-')}"
                cure += f"; or {line}, and restart FreeSWITCH (Debian's package: {package})"
            yield failed(
                f"rtp-timer-name is {timer} in {profiles}, and the switch has no such timer: {_UNTIMED}",
                cure,
            )
        elif profiles and module and module not in switch.listed_modules:
            yield warning(
                f"rtp-timer-name is {timer} in {profiles}, and {module} is loaded, but not by modules.conf.xml: after"
                f" FreeSWITCH's next start {_UNTIMED}",
                line,
            )


def _cheaper(switch: SwitchFacts) -> str:
    """A timer that would take less of the processor, where there is one."""
    profiles = _timed_by(switch, "soft")
    if not switch.posix_timer or not profiles:
        return ""
    return (
        f"; rtp-timer-name posix in place of soft ({profiles}) takes some 15 % less of FreeSWITCH's processor time with"
        " many calls (docs/freeswitch.md)"
    )


def _timed_by(switch: SwitchFacts, timer: str) -> str:
    """The SIP profiles that run with a timer."""
    return ", ".join(
        sorted(each.name for each in switch.profiles.values() if each.running and each.rtp_timer == timer)
    )


def codecs(facts: Facts) -> Iterator[Verdict]:
    """Whether the profiles that fsroute uses have a codec in common, so that nothing is transcoded."""
    used = [each for name in _profiles(facts) if (each := of_switch(facts).profiles.get(name))]
    lists = {each.name: _codecs(each.codecs_out or each.codecs_in) for each in used}
    said = {name: each for name, each in lists.items() if each}
    if len(said) < 2:
        yield skipped("fewer than two SIP profiles say which codecs they take")
        return
    common = frozenset.intersection(*said.values())
    if not common:
        lines = "; ".join(f"{name}: {', '.join(sorted(each))}" for name, each in sorted(said.items()))
        yield warning(
            f"the SIP profiles have no codec in common ({lines}): every call is transcoded",
            "give them one list, global_codec_prefs in vars.xml",
        )
    else:
        yield ok(f"the SIP profiles have {', '.join(sorted(common))} in common")


def _codecs(text: str) -> frozenset[str]:
    return frozenset(
        each.partition("@")[0].strip().upper() for each in text.split(",") if each.strip() and "$" not in each
    )


CHECKS = (
    Check("event-socket", Group.SWITCH, event_socket),
    Check("event-socket-password", Group.SWITCH, password, ("switch",)),
    Check("event-socket-exposed", Group.SWITCH, exposed, ("switch",)),
    Check("switch-version", Group.SWITCH, version, ("switch",)),
    Check("switch-takes-calls", Group.SWITCH, takes_calls, ("switch",)),
    Check("modules", Group.SWITCH, modules, ("switch",)),
    Check("switch-limits", Group.SWITCH, limits, ("switch",)),
    Check("switch-clock", Group.SWITCH, clock, ("switch",)),
    Check("sip-profiles", Group.SWITCH, profiles, ("switch",)),
    Check("gateways", Group.SWITCH, gateways, ("switch",)),
    Check("codecs", Group.SWITCH, codecs, ("switch",)),
    Check("hold-music", Group.SWITCH, music, ("switch",)),
    Check("sounds", Group.SWITCH, sounds, ("switch",)),
    Check("switch-settings", Group.SWITCH, settings, ("switch",)),
)
