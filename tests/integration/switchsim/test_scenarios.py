"""Whole scripts, and the dialplans that fsroute renders, on the stand-in."""

from __future__ import annotations

import gevent

from fsroute.install.render import render_dialplans
from fsroute.install.settings import DialplanSettings
from fsroute.switchsim import Agent, Answers, Busy, Caller, Dialplan, Fault, Network, Scenario, Switch
from tests.integration.switchsim.conftest import ADA, QUICK
from tests.integration.switchsim.program import Program
from tests.waiting import until

OFFICE = """<include><context name="public"><extension name="all"><condition>
  <action application="answer"/>
  <action application="set" data="continue_on_fail=true"/>
  <action application="bridge" data="user/1001|user/1002"/>
</condition></extension></context></include>"""


def rendered(network: Network, *callservers: str, **settings: int) -> Switch:
    """A switch with the dialplan that fsroute renders for it."""
    texts = render_dialplans(DialplanSettings(numbers=("*",), callservers=callservers, **settings))  # type: ignore[arg-type]
    plan = Dialplan()
    for name, text in texts.items():
        plan.add(text, {}, "public" if name.startswith("public/") else "default")
    switch = Switch("west", network, dialplan=plan, link_address="127.0.0.1:5062", options=QUICK)
    switch.start()
    return switch


def test_a_scenario_is_a_value_that_is_played(network: Network) -> None:
    Switch("office", network, dialplan=OFFICE, options=QUICK).start()
    scenario = Scenario(
        callers=(
            Caller("1", "Ada", "800", talk=2.0),
            Caller("2", "Grace", "800", starts=1.0),
        ),
        agents=(
            Agent("user/1001", "Ann", (Busy(), Answers(after=0.5, talk=1.0))),
            Agent("user/1002", "Bob", (Answers(after=0.5),)),
        ),
    )
    calls = gevent.joinall(network.play(scenario), timeout=30)
    people = [person for greenlet in calls if (person := greenlet.value) is not None]
    for person in people:
        assert person.over.wait(30)
    assert [person.talked_with for person in people] == ["Bob", "Ann"]


def test_without_fsroute_the_caller_hears_music_between_tries_and_then_the_fallback(
    network: Network,
) -> None:
    switch = rendered(network, "127.0.0.1:1", tries=3, pause_ms=300)
    call = network.call(ADA)
    assert call.over.wait(60)
    music = [one.lasted for one in call.timeline.stretches() if "local_stream://fsroute" in one.what]
    assert 0.9 <= sum(music) < 30, "three times 0.3 s, as fast as the machine is"
    assert call.timeline.stretches()[-1].what.startswith("file tone_stream://%(274")
    assert call.cause == "NORMAL_TEMPORARY_FAILURE"
    assert call.timeline.silences() == []
    until(lambda: switch.channels == {})


def test_a_call_that_lost_fsroute_finds_it_again(network: Network, program: Program) -> None:
    rendered(network, program.host)
    person = network.call(ADA)
    first = program.wait_for_call()
    first.take()
    uuid = first.messages[0]["Unique-ID"]
    assert first.messages[0]["variable_fsroute_number_called"] == ADA.number_called
    assert first.ask(f"api sched_del {uuid}") == "+OK Deleted: 1"
    first.execute("answer")
    first.execute("set", "fsroute_contact=4711")
    first.wait_for("CHANNEL_EXECUTE_COMPLETE", Application_Data="fsroute_contact=4711")
    first.close()
    again = program.wait_for_call(2)
    again.send("connect")
    until(lambda: again.messages)
    assert again.messages[0]["Unique-ID"] == uuid
    assert again.messages[0]["variable_fsroute_contact"] == "4711"
    assert again.messages[0]["variable_fsroute_returns"] == "."
    assert person.cause is None


def test_a_rendezvous_token_rings_and_a_wrong_one_is_refused(network: Network) -> None:
    east = rendered(network, "127.0.0.1:1")
    west = Switch("far", network, options=QUICK)
    west.start()
    address = "sofia/fsroute_link/{}@127.0.0.1:5062"
    gevent.spawn(west.api, "originate", address.format("fsr" + "0" * 32) + " &park()")
    until(lambda: any(channel.is_controlled for channel in east.channels.values()))
    leg = next(iter(east.channels.values()))
    assert leg.is_ringing
    assert not leg.has_media
    refused = west.api("originate", address.format("fsr-guess") + " &park()")
    assert refused == "-ERR UNALLOCATED_NUMBER\n"


def test_a_slow_link_delays_what_crosses_it(network: Network) -> None:
    rendered(network, "127.0.0.1:1")
    west = Switch("far", network, options=QUICK)
    west.start()
    network.fail("127.0.0.1:5062", Fault("delay", seconds=0.2))
    refusal = gevent.spawn(west.api, "originate", "sofia/fsroute_link/guess@127.0.0.1:5062 &park()")
    assert until(lambda: refusal.ready()) >= 0.4


def test_an_application_runs_on_answer(network: Network) -> None:
    west = Switch("far", network, options=QUICK)
    west.start()
    network.add_agent(Agent("user/1001", "Ann", (Answers(after=0.1),)))
    reply = west.api("originate", "{execute_on_answer='set answered=yes'}user/1001 &park()")
    channel = west.channels[reply.split()[1]]
    until(lambda: channel.get("answered") == "yes")
