"""Checks of the dialplan: whether calls come to fsroute. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from fsroute.config import Role
from fsroute.doctor import dialplan, wanted
from fsroute.doctor.facts import Facts, Missing
from fsroute.doctor.finding import Check, Group, Verdict, count, failed, ok, skipped, warning
from fsroute.doctor.on_switch import of_switch

RENDER = "fsroute install (or fsroute render dialplan) writes it; then fs_cli -x reloadxml"
MOST_NUMBERS = 10  # that one line names

_ROUTES = {
    "NORMAL_TEMPORARY_FAILURE": "the call server of an older fsroute gave the call up",
    "NO_ANSWER": "the call server took the call and said nothing within 5 s",
    "NETWORK_OUT_OF_ORDER": "no call server answers at the addresses of the `socket` application",
    "DESTINATION_OUT_OF_ORDER": "mod_loopback is not loaded, or the extension calls an application that is not there",
    "CHAN_NOT_IMPLEMENTED": "mod_loopback is not loaded",
    "NO_ROUTE_DESTINATION": "the context has no extension for it",
    "SWITCH_CONGESTION": "the call server refuses calls: it has as many as [callserver] max_sessions",
    "+OK": "somebody answered it who is not fsroute",
}


def contexts(facts: Facts) -> Iterator[Verdict]:
    """Whether the contexts that the configuration asks for are loaded."""
    loaded = of_switch(facts).contexts
    missing = [name for name in wanted.contexts(facts.config) if not loaded.get(name)]
    if missing:
        yield failed(f"the dialplan has no context {', '.join(missing)}", RENDER)
    else:
        yield ok(f"the contexts are loaded: {', '.join(wanted.contexts(facts.config))}")


def test_route(facts: Facts) -> Iterator[Verdict]:
    """Whether a call that the switch places through the rendered extension comes to the call server."""
    switch = of_switch(facts)
    if Role.CALLSERVER not in facts.config.roles:
        yield skipped("this host takes no calls")
    elif not switch.route:
        yield skipped(f"the context {wanted.ROUTE}, which leads to the call server, is not loaded")
    elif switch.route == wanted.SEEN_BY_FSROUTE:
        yield ok("a call placed through the dialplan came to the call server")
    else:
        why = _ROUTES.get(switch.route, "see FreeSWITCH's log")
        yield failed(
            f"a call placed through the dialplan ended with {switch.route}: {why}",
            "start fsroute (systemctl status fsroute) where the `socket` application leads to",
        )


def sockets(facts: Facts) -> Iterator[Verdict]:
    """Whether somebody listens at each address that the ``socket`` application names."""
    assert not isinstance(facts.sockets, Missing)
    for each in facts.sockets:
        if each.fault:
            yield failed(
                f"nobody listens at {each.address}, where `socket` leads to: {each.fault}",
                "start fsroute there, or let [dialplan] callservers say where [callserver] listens",
            )
        else:
            yield ok(f"somebody listens at {each.address}, where `socket` leads to")
    if not facts.sockets:
        yield skipped("no context leads to a socket")


def numbers(facts: Facts) -> Iterator[Verdict]:
    """Whether the numbers of the database lead to fsroute in the context where calls come in."""
    assert not isinstance(facts.center, Missing)
    name = wanted.entry_context(facts.config)
    context = of_switch(facts).contexts.get(name, "")
    called = [each for each in sorted(facts.center.numbers) if each]
    if not called:
        yield warning("no number is in the database: no call is served", "fsroute number add NUMBER")
    elif not context:
        yield failed(f"the dialplan has no context {name}", RENDER)
    else:
        yield from _numbers(name, context, called)


def _numbers(name: str, context: str, called: list[str]) -> Iterator[Verdict]:
    lost, doubtful = [], set()
    for number in called:
        try:
            led = dialplan.leads(context, number)
        except ValueError as error:
            yield failed(f"the context {name} cannot be read: {error}", RENDER)
            return
        if not led.to_fsroute:
            lost.append(f"{number} ({led.extension or 'no extension'})")
        doubtful |= set(led.doubtful)
    if lost:
        more = f" and {len(lost) - MOST_NUMBERS} more" if len(lost) > MOST_NUMBERS else ""
        yield failed(
            f"not to fsroute, but to the extension named: {', '.join(lost[:MOST_NUMBERS])}{more}",
            "run fsroute install again after a number was added; move 00_fsroute.xml before what takes them",
        )
    else:
        maybe = f"; unless {', '.join(sorted(doubtful))} takes them before" if doubtful else ""
        yield ok(f"from the context {name} to fsroute: {count(len(called), 'number')}{maybe}")


def conferences(facts: Facts) -> Iterator[Verdict]:
    """Whether a conference leaves its members alone when it ends, and has its profile."""
    switch = of_switch(facts)
    context = switch.contexts.get("fsroute_desk", "")
    if not context:
        yield skipped("the context fsroute_desk is not loaded")
    elif not dialplan.sets(context, "set", "hangup_after_conference=false"):
        yield failed(
            "hangup_after_conference=false is not set in fsroute_desk: who leaves a conference is hung up",
            RENDER,
        )
    else:
        missing = sorted(_conference_profiles(context) - switch.conference_profiles)
        if missing:
            yield failed(
                f"conference.conf has no profile {', '.join(missing)}: agents cannot confer",
                "name one that is there in [dialplan] conference_profile, or add it to conference.conf.xml",
            )
        else:
            yield ok("conferences are set up")


def _conference_profiles(context: str) -> set[str]:
    root = dialplan.parse(context)
    said = (each.get("data", "") for each in root.iter("action") if each.get("application") == "conference")
    return {each.partition("@")[2].partition("+")[0] for each in said if "@" in each}


CHECKS = (
    Check("contexts", Group.DIALPLAN, contexts, ("switch",)),
    Check("numbers", Group.DIALPLAN, numbers, ("switch", "center")),
    Check("sockets", Group.DIALPLAN, sockets, ("switch", "sockets")),
    Check("test-route", Group.DIALPLAN, test_route, ("switch",)),
    Check("conferences", Group.DIALPLAN, conferences, ("switch",)),
)
