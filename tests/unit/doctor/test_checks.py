from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from fsroute.config import Callserver, Config, DialplanSettings
from fsroute.doctor import wanted
from fsroute.doctor.checks import CHECKS, chosen, examine
from fsroute.doctor.facts import (
    ApplicationFacts,
    ApplicationRow,
    Certificate,
    Disk,
    EventSocketFacts,
    Facts,
    Folder,
    Gateway,
    LeaseRow,
    LinkAnswer,
    Listening,
    Load,
    Missing,
    Profile,
    RuleFault,
    SocketAnswer,
    SwitchProcess,
    TrustFacts,
)
from fsroute.doctor.finding import Finding, Group, State, worst
from fsroute.doctor.wanted import NOBODY
from fsroute.errors import ConfigurationError
from tests.unit.doctor.well import (
    CENTER,
    CONFIG,
    HOST,
    NOW,
    PROFILES,
    SWITCH,
    WELL,
    center,
    config,
    database,
    host,
    switch,
)

WEST, EAST = CENTER.switches[1], CENTER.switches[0]


def findings(facts: Facts, name: str) -> list[Finding]:
    return list(examine(facts, chosen([name])))


def bad(facts: Facts, name: str) -> list[Finding]:
    return [each for each in findings(facts, name) if each.state in (State.WARNING, State.FAILED)]


def test_a_host_at_which_all_is_well_has_no_finding_and_every_check_is_asked() -> None:
    found = list(examine(WELL))
    assert [
        each for each in found if each.state is not State.OK and each.check != "database-encryption"
    ] == []
    assert {each.check for each in found} == {each.name for each in CHECKS}


def test_names_of_checks_and_groups_are_used_once() -> None:
    names = [each.name for each in CHECKS]
    assert len({*names, *map(str, Group)}) == len(names) + len(Group)


BROKEN: list[tuple[str, Facts, State, str]] = [
    ("secrets", host(open_secrets=("/etc/fsroute/fsroute.toml",)), State.FAILED, "others may read"),
    ("ports", host(listening=()), State.WARNING, "does not run here"),
    ("ports", host(listening=(Listening("0.0.0.0", 8084, 9, "nginx"),)), State.FAILED, "nginx, process 9"),
    ("folders", host(folders=(Folder("/m", "FreeSWITCH", "voice messages", "/m does not let it in"),)),
     State.FAILED, "FreeSWITCH cannot use /m"),
    ("disk", host(disks=(Disk("/", 10**12, 10**10),)), State.FAILED, "1%"),
    ("disk", host(disks=(Disk("/", 10**12, 5 * 10**10),)), State.WARNING, "5%"),
    ("disk", host(disks=(Disk("/", 10**12, 5 * 10**11, 1000, 3),)), State.WARNING, "inodes"),
    ("clock", host(clock_synchronised=False), State.WARNING, "not synchronised"),
    ("clock", host(clock_error=3.0), State.WARNING, "3.0 s"),
    ("clock", host(clock_synchronised=None), State.SKIPPED, "does not tell"),
    ("descriptors", host(descriptors=1024), State.WARNING, "1024"),
    ("descriptors", host(switch_process=SwitchProcess(7, "fs", 1024)), State.WARNING, "FreeSWITCH may open 1024"),
    ("scheduling", host(switch_process=SwitchProcess(7, "fs", 999_999, nice=19)), State.WARNING, "nice 19"),
    ("scheduling", host(switch_process=None), State.SKIPPED, "not seen"),
    ("time-zones", host(time_zones={"Mars/Olympus": False}), State.FAILED, "Mars/Olympus"),
    ("database-reached", replace(WELL, database=Missing("x:5432: refused")), State.FAILED, "refused"),
    ("database-reached", database(round_trip=0.2), State.WARNING, "200 ms"),
    ("database-version", database(server=140003), State.FAILED, "PostgreSQL 14"),
    ("migrations", database(missing_migrations=("0020_link_codecs",)), State.FAILED, "0020_link_codecs"),
    ("migrations", database(schema_fault="the database has schema version 99"), State.FAILED, "99"),
    ("leader", center(leases=()), State.FAILED, "nobody leads"),
    ("leader", center(leases=(LeaseRow("coordinator", "east-host:1:x", False),)), State.FAILED, "last was east-host"),
    ("database-clock", database(clock=0.4), State.WARNING, "-0.400 s"),
    ("database-connections", database(connections=195), State.WARNING, "195 of 200"),
    ("database-encryption", database(local=False), State.WARNING, "not encrypted"),
    ("event-socket", replace(WELL, switch=Missing("8021: refuses the password", "password")), State.FAILED, "password"),
    ("event-socket", replace(WELL, switch=Missing("no role", "off")), State.SKIPPED, "no role"),
    ("event-socket-password", switch(default_password=True), State.WARNING, "default password"),
    ("event-socket-exposed", host(listening=(Listening("0.0.0.0", 8021),)), State.WARNING, "0.0.0.0"),
    ("event-socket-exposed", replace(host(listening=()), switch=replace(
        SWITCH, event_socket=EventSocketFacts("::", ""))), State.WARNING, "loopback.auto"),
    ("switch-version", switch(version="1.8.7"), State.WARNING, "older than 1.10"),
    ("switch-version", switch(version=""), State.WARNING, "does not say"),
    ("switch-takes-calls", switch(paused=True), State.FAILED, "paused"),
    ("switch-takes-calls", switch(load=Load(False)), State.FAILED, "not ready"),
    ("modules", switch(modules={"spy": False, "sofia": True}), State.FAILED, "mod_spy"),
    ("switch-limits", switch(load=Load(True, 980, 1000, 100)), State.FAILED, "980 of 1000"),
    ("switch-limits", switch(load=Load(True, 1, 500, 100)), State.WARNING, "500 sessions"),
    ("switch-limits", switch(load=Load(True, 1, 5000, 10)), State.WARNING, "10 new sessions"),
    ("switch-clock", switch(clock=-75.2), State.WARNING, "-75 s"),
    ("sip-profiles", switch(profiles={}), State.FAILED, "no SIP profile fsroute_link"),
    ("sip-profiles", switch(profiles={**PROFILES, "fsroute_link": replace(PROFILES["fsroute_link"], running=False)}),
     State.FAILED, "does not run"),
    ("gateways", switch(gateways=()), State.FAILED, "no gateway carrier"),
    ("gateways", switch(gateways=(Gateway("carrier", "FAIL_WAIT", "DOWN"),)), State.FAILED, "FAIL_WAIT"),
    ("codecs", switch(profiles={
        "fsroute_link": Profile("fsroute_link", True, codecs_out="G722"),
        "fsroute_agents": Profile("fsroute_agents", True, codecs_out="PCMU"),
    }), State.WARNING, "no codec in common"),
    ("hold-music", switch(streams=frozenset()), State.FAILED, "silence"),
    ("hold-music", switch(streams=frozenset({"default"})), State.WARNING, "`default`"),
    ("sounds", switch(files={"/prompts/a.wav": False}), State.FAILED, "cannot see /prompts/a.wav"),
    ("switch-settings", switch(parameters={"enable-softtimer-timerfd": "false"}), State.WARNING, "half their speed"),
    ("switch-settings", switch(profiles={"x": Profile("x", True, rtp_timer="none")}), State.WARNING, "in x"),
    ("switch-settings", switch(profiles={"x": Profile("x", True, rtp_timer="posix")}, timers={"posix": False}),
     State.FAILED, "posix in x, and the switch has no such timer"),
    ("switch-settings", switch(profiles={"x": Profile("x", True, rtp_timer="posix")}, timers={"posix": True},
                               listed_modules=frozenset({"mod_sofia"})),
     State.WARNING, "after FreeSWITCH's next start"),
    ("contexts", switch(contexts={**SWITCH.contexts, "fsroute_desk": ""}), State.FAILED, "no context fsroute_desk"),
    ("numbers", center(numbers={"8005550199": "orders"}), State.FAILED, "8005550199 (no extension)"),
    ("numbers", center(numbers={}), State.WARNING, "no number"),
    ("numbers", switch(contexts={}), State.FAILED, "no context public"),
    ("numbers", switch(contexts={"public": "<context"}), State.FAILED, "cannot be read"),
    ("sockets", replace(WELL, sockets=(SocketAnswer("127.0.0.1:8084", "refused"),)), State.FAILED, "nobody listens"),
    ("test-route", switch(route="NETWORK_OUT_OF_ORDER"), State.FAILED, "no call server"),
    ("test-route", switch(route="NO_ANSWER"), State.FAILED, "said nothing"),
    ("test-route", switch(route="+OK"), State.FAILED, "not fsroute"),
    ("test-route", switch(route=""), State.SKIPPED, "not loaded"),
    ("conferences", switch(conference_profiles=frozenset()), State.FAILED, "no profile default"),
    ("conferences", switch(contexts={"fsroute_desk": "<context/>"}), State.FAILED, "hangup_after_conference"),
    ("switch-entered", center(switches=(EAST,)), State.FAILED, "does not know the switch west-1"),
    ("switch-entered", center(switches=(replace(WEST, site_id="north"),)), State.FAILED, "site north"),
    ("switch-alone", center(leases=(LeaseRow("switch:west-1", "other:1:x", True),)), State.FAILED, "other drives"),
    ("switch-alone", center(switches=(replace(WEST, core_uuid="c9"),), leases=()), State.FAILED, "another FreeSWITCH"),
    ("link-address", center(switches=(EAST, replace(WEST, link_address="127.0.0.1:5090"))),
     State.FAILED, "no other host"),
    ("link-address", center(switches=(EAST, replace(WEST, link_address=EAST.link_address))), State.FAILED, "east-1"),
    ("links", replace(WELL, links=(LinkAnswer("east-1", "192.0.2.20:5090", fault="no answer"),)),
     State.FAILED, "no answer"),
    ("links", center(switches=(replace(EAST, seen=400.0), WEST)), State.WARNING, "400 s ago"),
    ("link-acl", switch(admits={"192.0.2.20": False, NOBODY: False}), State.FAILED, "refuses 192.0.2.20"),
    ("link-acl", switch(admits={NOBODY: True}), State.FAILED, "everybody"),
    ("link-acl", switch(profiles={"fsroute_link": Profile("fsroute_link", True)}),
     State.FAILED, "calls from everybody"),
    ("link-codecs", center(switches=(EAST, replace(WEST, codecs="G729"))),
     State.WARNING, "east-1: PCMU,PCMA; west-1: G729"),
    ("applications-load", replace(WELL, applications=ApplicationFacts(faults=("x.toml: no start",))),
     State.FAILED, "no start"),
    ("applications-of-numbers", replace(center(applications=()), applications=ApplicationFacts()),
     State.FAILED, "8005550100 (orders)"),
    ("bundles", center(applications=()), State.WARNING, "nothing was heard of east"),
    ("bundles", center(applications=(ApplicationRow("orders", "east", "refused", "untrusted", "1.1"),)),
     State.WARNING, "refused: untrusted"),
    ("bundles", center(applications=(ApplicationRow("orders", "east", "refused", "untrusted", ""),)),
     State.FAILED, "untrusted"),
    ("bundles", center(applications=(ApplicationRow("orders", "east", "serving", "", "1.1", 86400.0),)),
     State.WARNING, "expires in 1 days"),
    ("bundles", center(applications=(ApplicationRow("orders", "east", "serving", "", "1.1", None, 9000.0),)),
     State.WARNING, "9000 s ago"),
    ("trust", replace(WELL, trust=(TrustFacts("east", "acme", 0),)), State.FAILED, "no key for acme"),
    ("trust", replace(WELL, trust=(TrustFacts("east", "acme", 0, "a.pub: line 1"),)), State.FAILED, "line 1"),
    ("certificates", replace(WELL, certificates=(Certificate("c.pem", NOW + timedelta(days=3)),)),
     State.WARNING, "in 3 days"),
    ("certificates", replace(WELL, certificates=(Certificate("c.pem", NOW - timedelta(days=3)),)),
     State.FAILED, "ended 2026-05-01"),
    ("certificates", replace(WELL, certificates=(Certificate("c.pem", NOW + timedelta(9), NOW + timedelta(1)),)),
     State.FAILED, "valid from"),
    ("certificates", replace(WELL, certificates=(Certificate("c.pem", fault="no such file"),)),
     State.FAILED, "no such file"),
    ("rules-check", center(rule_faults=(RuleFault(True, "rule x: no queue"),)), State.FAILED, "rule x"),
    ("rules-check", center(rule_faults=(RuleFault(False, "rule y never matches"),)), State.WARNING, "rule y"),
    ("agents", center(agents=0), State.WARNING, "no agent"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "facts", "state", "words"), BROKEN)
def test_what_is_not_as_it_should_be_is_found_with_its_cure(
    name: str, facts: Facts, state: State, words: str
) -> None:
    found = findings(facts, name)
    assert worst(found) is state
    told = next(each for each in found if each.state is state)
    assert words in told.finding
    assert bool(told.cure) is (state is not State.SKIPPED)


def test_every_check_has_been_seen_broken() -> None:
    assert {name for name, _, _, _ in BROKEN} == {each.name for each in CHECKS}


def test_a_number_that_another_extension_takes_is_named_with_it() -> None:
    taken = SWITCH.contexts["public"].replace(
        '<extension name="fsroute_1">',
        '<extension name="theirs"><condition field="destination_number" expression="^8005">'
        '<action application="answer"/></condition></extension><extension name="fsroute_1">',
    )
    (told,) = bad(switch(contexts={"public": taken}), "numbers")
    assert "8005550100 (theirs)" in told.finding


def test_the_profile_of_agents_is_not_asked_for_where_nobody_is_dialled_by_it() -> None:
    facts = replace(
        switch(profiles={"fsroute_link": PROFILES["fsroute_link"]}), center=replace(CENTER, templated=0)
    )
    assert bad(facts, "sip-profiles") == []
    assert bad(replace(facts, center=CENTER), "sip-profiles")


def test_who_might_take_a_number_before_fsroute_is_named() -> None:
    (told,) = findings(WELL, "numbers")
    assert (told.state, told.finding.endswith("unless unloop takes them before")) == (State.OK, True)


@pytest.mark.parametrize(
    ("timer", "words"),
    [
        ("posix", ("mod_posix_timer", "freeswitch-mod-posix-timer", "sofia profile x rescan")),
        ("timerfd", ("mod_timerfd", "freeswitch-mod-timerfd", "sofia profile x rescan")),
        ("sotf", ("set it to soft", "sofia profile x rescan")),
    ],
)
def test_the_cure_of_a_timer_that_is_not_there_is_its_module_or_the_switch_s_own(
    timer: str, words: tuple[str, ...]
) -> None:
    profiles = {"x": Profile("x", True, rtp_timer=timer), "y": Profile("y", False, rtp_timer=timer)}
    (told,) = bad(switch(profiles=profiles, timers={timer: False}), "switch-settings")
    assert f"{timer} in x," in told.finding
    assert all(each in told.cure for each in words)
    assert ("mod_" in told.cure) is (timer != "sotf")


@pytest.mark.parametrize("timers", [{"posix": True}, {}])
def test_a_timer_that_is_there_or_that_the_switch_does_not_tell_of_is_no_fault(
    timers: dict[str, bool],
) -> None:
    facts = switch(
        profiles={"x": Profile("x", True, rtp_timer="posix")},
        timers=timers,
        listed_modules=frozenset({"mod_posix_timer"}),
        posix_timer=True,
    )
    (told,) = findings(facts, "switch-settings")
    assert (told.state, told.finding) == (State.OK, "timers are as they should be")


@pytest.mark.parametrize(
    ("installed", "running", "hint"), [(True, True, True), (True, False, False), (False, True, False)]
)
def test_a_timer_that_takes_less_of_the_processor_is_named_where_it_is_installed(
    installed: bool, running: bool, hint: bool
) -> None:
    facts = switch(profiles={"x": Profile("x", running, rtp_timer="soft")}, posix_timer=installed)
    (told,) = findings(facts, "switch-settings")
    assert told.state is State.OK
    assert ("posix in place of soft (x)" in told.finding) is hint


def test_a_part_that_is_missing_skips_what_needs_it_and_is_told_once() -> None:
    found = list(examine(replace(WELL, switch=Missing("8021: refused", "refused"))))
    assert [each.check for each in found if each.state is State.FAILED] == ["event-socket"]
    assert {each.finding for each in found if each.check == "modules"} == {"the switch is not reached"}


def test_a_host_without_a_switch_is_asked_for_none() -> None:
    facts = replace(config('roles = ["coordinator"]'), switch=Missing("no role works with a switch", "off"))
    found = [each for each in examine(facts) if each.group in (Group.SWITCH, Group.DIALPLAN)]
    assert {each.state for each in found} == {State.SKIPPED}


def test_the_secret_of_the_event_socket_is_in_no_finding() -> None:
    facts = replace(WELL, host=replace(HOST, open_secrets=("/etc/x",)))
    assert all("not-the-default" not in each.finding + each.cure for each in examine(facts))
    assert "not-the-default" not in repr(facts)


def test_checks_are_chosen_by_name_and_by_group() -> None:
    assert {each.group for each in chosen(["sites"])} == {Group.SITES}
    assert [each.name for each in chosen(["disk", "leader"])] == ["disk", "leader"]
    with pytest.raises(ConfigurationError, match="no check and no group 'discs'"):
        chosen(["discs"])


def test_the_default_configuration_can_be_examined_with_nothing_there() -> None:
    found = list(examine(Facts(Config(), NOW)))
    assert worst(found) is State.FAILED
    assert CONFIG.site.switch_id == "west-1"


def test_hold_music_that_is_no_stream_of_the_switch_needs_no_module_for_one() -> None:
    music = "tone_stream://%(1000,3000,440,480)"
    config = Config(callserver=Callserver(hold_music=music), dialplan=DialplanSettings(hold_music=music))
    assert "local_stream" in wanted.modules(Config())
    assert "local_stream" not in wanted.modules(config)
