"""Calls between people and switches: what is joined, what fails, and what everybody hears."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from fsroute.switchsim import (
    Agent,
    Answers,
    Busy,
    CallerCall,
    Dead,
    Fault,
    Network,
    NoAnswer,
    Press,
    Rejects,
    Switch,
    WaitFor,
)
from fsroute.switchsim.people import Behaviour, Caller
from tests.integration.switchsim.conftest import ADA
from tests.integration.switchsim.program import Call, Program
from tests.waiting import until

TOKEN = "fsr" + "0123456789abcdef" * 2
LINK = f"sofia/fsroute_link/{TOKEN}@127.0.0.1:5072"
MUSIC = "transfer_ringback=local_stream://moh,ignore_early_media=true,continue_on_fail=true"
AGENT_LEG = "11111111-2222-4333-8444-555555555555"


def held_caller(network: Network, program: Program, caller: Caller = ADA) -> tuple[CallerCall, Call]:
    """A caller who was answered and hears music, and the connection that controls the call."""
    person = network.call(caller, network.switches["west"])
    call = program.wait_for_call()
    call.take()
    call.execute("answer")
    call.execute("set", "continue_on_fail=true")
    call.execute("set", "hangup_after_bridge=false")
    call.wait_for("CHANNEL_EXECUTE_COMPLETE", Application_Data="hangup_after_bridge=false")
    return person, call


def agent(network: Network, *behaviours: Behaviour, address: str = "user/1001") -> None:
    network.add_agent(Agent(address, "Ann", behaviours))


def parked_agent(east: Switch) -> None:
    """Dial the agent as the acd does; returns when the leg is answered and parked."""
    dialled = east.api("originate", f"{{origination_uuid={AGENT_LEG}}}user/1001 &park()")
    assert dialled == f"+OK {AGENT_LEG}\n"


def network_leg(east: Switch) -> str:
    """The uuid of the network leg that rings at the rendezvous."""

    def legs() -> list[str]:
        return [one.uuid for one in east.channels.values() if one.profile.destination_number == TOKEN]

    until(legs)
    until(lambda: east.channels[legs()[0]].is_controlled)
    return legs()[0]


def test_late_answer_joins_caller_and_agent_without_a_silence(
    network: Network, west: Switch, east: Switch, program: Program
) -> None:
    agent(network, Answers(after=0.5))
    person, call = held_caller(network, program)
    call.execute("bridge", f"{{{MUSIC}}}{LINK}")
    leg = network_leg(east)
    assert person.timeline.now == "file local_stream://moh"
    assert not east.channels[leg].is_answered

    parked_agent(east)
    assert east.api("uuid_answer", leg) == "+OK\n"
    assert east.api("uuid_bridge", f"{leg} {AGENT_LEG}") == f"+OK {AGENT_LEG}\n"

    until(lambda: person.talked_with == "Ann")
    until(lambda: network.agent_calls[0].timeline.now == "talking with Ada Lovelace")
    bridged = call.wait_for("CHANNEL_BRIDGE")
    assert bridged["Other-Leg-Destination-Number"] == TOKEN
    assert bridged["variable_originate_disposition"] == "SUCCESS"
    assert person.timeline.silences() == []


def test_when_the_agent_ends_a_late_answered_call_the_caller_is_still_there(
    network: Network, west: Switch, east: Switch, program: Program
) -> None:
    agent(network, Answers(after=0.1, talk=1.0))
    person, call = held_caller(network, program)
    call.execute("bridge", f"{{{MUSIC}}}{LINK}")
    leg = network_leg(east)
    parked_agent(east)
    east.api("uuid_answer", leg)
    east.api("uuid_bridge", f"{leg} {AGENT_LEG}")
    ended = call.wait_for("CHANNEL_EXECUTE_COMPLETE", Application="bridge")
    assert ended["variable_last_bridge_hangup_cause"] == "NORMAL_CLEARING"
    assert person.cause is None
    until(lambda: east.channels == {})


def test_digits_cross_the_join(network: Network, west: Switch, east: Switch, program: Program) -> None:
    agent(network, Answers(after=0.1))
    caller = Caller(ADA.number, ADA.name, ADA.number_called, script=(WaitFor("talking"), Press("42#")))
    _, call = held_caller(network, program, caller)
    call.execute("bridge", f"{{{MUSIC}}}{LINK}")
    leg = network_leg(east)
    parked_agent(east)
    east.api("uuid_answer", leg)
    east.api("uuid_bridge", f"{leg} {AGENT_LEG}")
    until(lambda: "".join(network.agent_calls[0].digits) == "42#")


@pytest.mark.parametrize(
    ("behaviour", "variables", "cause", "status"),
    [
        (Busy(), "", "USER_BUSY", "BUSY"),
        (Rejects(after=0.1), "", "CALL_REJECTED", "DONTCALL"),
        (NoAnswer(), "leg_timeout=1", "NO_ANSWER", "NOANSWER"),
        (NoAnswer(), "originate_timeout=1", "NO_ANSWER", "NOANSWER"),
        (Dead(), "leg_progress_timeout=1", "PROGRESS_TIMEOUT", "PROGRESS_TIMEOUT"),
    ],
)
def test_a_leg_that_fails_leaves_its_cause_and_the_caller(
    network: Network,
    west: Switch,
    program: Program,
    behaviour: Behaviour,
    variables: str,
    cause: str,
    status: str,
) -> None:
    agent(network, behaviour)
    person, call = held_caller(network, program)
    call.execute("bridge", f"{{{variables}}}user/1001")
    failed = call.wait_for("CHANNEL_EXECUTE_COMPLETE", Application="bridge")
    assert failed["variable_originate_disposition"] == cause
    assert failed["variable_DIALSTATUS"] == status
    assert failed["variable_originate_failed_cause"] == cause
    assert person.cause is None


def test_without_continue_on_fail_a_busy_leg_hangs_up_the_caller(
    network: Network, west: Switch, program: Program
) -> None:
    agent(network, Busy())
    person, call = held_caller(network, program)
    call.execute("unset", "continue_on_fail")
    call.execute("bridge", "user/1001")
    until(lambda: person.cause == "USER_BUSY")


@pytest.mark.parametrize(
    ("fault", "cause"),
    [
        (Fault("no route"), "NORMAL_TEMPORARY_FAILURE"),
        (Fault("refuse", cause="USER_BUSY"), "USER_BUSY"),
        (Fault("dead"), "PROGRESS_TIMEOUT"),
    ],
)
def test_faults_of_the_network_can_be_scripted(
    network: Network, west: Switch, east: Switch, program: Program, fault: Fault, cause: str
) -> None:
    network.fail("127.0.0.1:5072", fault)
    _, call = held_caller(network, program)
    call.execute("bridge", f"{{leg_progress_timeout=1}}{LINK}")
    failed = call.wait_for("CHANNEL_EXECUTE_COMPLETE", Application="bridge")
    assert failed["variable_originate_disposition"] == cause


def test_a_fault_may_happen_a_number_of_times(
    network: Network, west: Switch, east: Switch, program: Program
) -> None:
    network.fail("127.0.0.1:5072", Fault("no route", times=1))
    _, call = held_caller(network, program)
    call.execute("bridge", LINK, event_uuid="first", lock=True)
    call.wait_for("CHANNEL_EXECUTE_COMPLETE", Application_UUID="first")
    call.execute("bridge", LINK, event_uuid="second", lock=True)
    network_leg(east)


def test_nobody_listens_at_an_unknown_address(network: Network, west: Switch) -> None:
    assert west.api("originate", "sofia/internal/nobody@127.0.0.1:5999 &park()") == (
        "-ERR NORMAL_TEMPORARY_FAILURE\n"
    )
    assert west.api("originate", "user/nobody &park()") == "-ERR USER_NOT_REGISTERED\n"
    assert west.api("originate", "error/USER_BUSY &park()") == "-ERR USER_BUSY\n"


def test_a_dead_leg_gives_music_only_with_instant_ringback(
    network: Network, west: Switch, program: Program
) -> None:
    agent(network, Dead())
    person, call = held_caller(network, program)
    call.execute("bridge", f"{{{MUSIC},leg_progress_timeout=1}}user/1001")
    call.wait_for("CHANNEL_EXECUTE_COMPLETE", Application="bridge")
    assert not person.timeline.heard("moh")
    call.execute("bridge", f"{{{MUSIC},instant_ringback=true}}user/1001")
    until(lambda: person.timeline.now == "file local_stream://moh")


def test_an_answered_caller_without_ringback_is_in_silence(
    network: Network, west: Switch, program: Program
) -> None:
    agent(network, NoAnswer())
    person, call = held_caller(network, program)
    call.execute("bridge", "user/1001")
    until(lambda: network.agent_calls)
    time.sleep(0.4)
    person.hang_up()
    assert person.timeline.silences() != []


def test_a_cut_link_ends_both_sides_by_their_media_timeout(
    network: Network, west: Switch, east: Switch, program: Program
) -> None:
    agent(network, Answers(after=0.1))
    person, call = held_caller(network, program)
    call.execute("bridge", f"{{{MUSIC}}}{LINK}")
    leg = network_leg(east)
    parked_agent(east)
    east.api("uuid_answer", leg)
    east.api("uuid_bridge", f"{leg} {AGENT_LEG}")
    until(lambda: person.is_talking)
    assert network.cut("west", "east") == 1
    until(lambda: person.timeline.now == "silence")
    ended = call.wait_for("CHANNEL_EXECUTE_COMPLETE", Application="bridge")
    assert ended["variable_last_bridge_hangup_cause"] == "MEDIA_TIMEOUT"
    until(lambda: network.agent_calls[0].cause == "NORMAL_CLEARING")
    assert person.cause is None


def test_switches_that_are_parted_lose_a_talk_and_no_leg_that_rings(
    network: Network, west: Switch, east: Switch, program: Program
) -> None:
    agent(network, Answers(after=0.1))
    person, call = held_caller(network, program)
    call.execute("bridge", f"{{{MUSIC}}}{LINK}")
    leg = network_leg(east)
    parked_agent(east)
    network.part("west", "east")
    east.api("uuid_answer", leg)
    east.api("uuid_bridge", f"{leg} {AGENT_LEG}")
    time.sleep(2 * network.media_timeout)
    assert person.timeline.now == "file local_stream://moh", (
        "the answer does not get through, nor is it missed"
    )
    network.rejoin("west", "east")
    until(lambda: person.is_talking)
    network.part("west", "east")
    ended = call.wait_for("CHANNEL_EXECUTE_COMPLETE", Application="bridge")
    assert ended["variable_last_bridge_hangup_cause"] == "MEDIA_TIMEOUT"
    until(lambda: network.agent_calls[0].cause == "NORMAL_CLEARING")
    network.rejoin("west", "east")
    assert person.cause is None


def test_uuid_bridge_resumes_the_first_and_hangs_up_the_second(
    network: Network, west: Switch, program: Program
) -> None:
    agent(network, Answers(after=0.1))
    person, call = held_caller(network, program)
    parked_agent(west)
    uuid = call.messages[0]["Unique-ID"]
    assert west.api("uuid_bridge", f"{uuid} {AGENT_LEG}") == f"+OK {AGENT_LEG}\n"
    until(lambda: person.is_talking)
    assert call.applications()[-1] == "socket"
    network.agent_calls[0].hang_up()
    until(lambda: west.logged == ["went on"])
    assert person.cause is None


def test_the_second_of_a_uuid_bridge_is_hung_up_when_the_first_ends(
    network: Network, west: Switch, program: Program
) -> None:
    agent(network, Answers(after=0.1))
    person, call = held_caller(network, program)
    parked_agent(west)
    west.api("uuid_bridge", f"{call.messages[0]['Unique-ID']} {AGENT_LEG}")
    until(lambda: person.is_talking)
    person.hang_up()
    until(lambda: network.agent_calls[0].cause == "NORMAL_CLEARING")


def test_uuid_bridge_needs_media_on_one_side(network: Network, west: Switch, east: Switch) -> None:
    network.call(Caller("1", "", TOKEN), east)
    network.call(Caller("2", "", TOKEN), east)
    assert east.api("uuid_bridge", " ".join(east.channels)) == "-ERR Invalid uuid\n"


def test_a_parked_leg_gives_up_after_its_time(network: Network, east: Switch) -> None:
    east.dialplan.add(
        """<context name="public"><extension name="a"><condition field="destination_number" expression="^77$">
        <action application="set" data="park_timeout=1:NO_USER_RESPONSE"/>
        <action application="park"/></condition></extension></context>""",
        {},
    )
    call = network.call(Caller("1", "", "77"), east)
    until(lambda: call.cause == "NO_USER_RESPONSE")
    assert sum(one.lasted for one in call.timeline.stretches()) >= 0.9


def test_the_agents_telephone_shows_the_callers_number(network: Network, east: Switch) -> None:
    agent(network, Answers(after=0.1))
    shown = "origination_caller_id_number=+14155550123,origination_caller_id_name='Ada, Lovelace'"
    east.api("originate", f"{{{shown}}}user/1001 &park()")
    ringing = network.agent_calls[0]
    assert (ringing.shown_number, ringing.shown_name) == ("+14155550123", "Ada, Lovelace")


def test_an_agent_presses_a_key_to_accept(network: Network, east: Switch) -> None:
    agent(network, Answers(after=0.1, key="1"))
    ask = "'&play_and_get_digits(1 1 1 2000 # short.wav short.wav accepted)'"
    east.api("originate", f"{{origination_uuid={AGENT_LEG}}}user/1001 {ask}")
    channel = east.channels[AGENT_LEG]
    until(lambda: channel.get("accepted") == "1")


def test_an_agents_refer_is_refused_and_the_conversation_goes_on(
    network: Network, west: Switch, program: Program
) -> None:
    agent(network, Answers(after=0.1, refers_after=0.2))
    person, call = held_caller(network, program)
    call.execute("bridge", "user/1001")
    until(lambda: network.agent_calls and network.agent_calls[0].refers_refused == 1)
    assert person.is_talking


def test_behaviours_follow_each_other_call_by_call(network: Network, east: Switch) -> None:
    agent(network, Busy(), Answers(after=0.1))
    results = [east.api("originate", "user/1001 &park()")[:4] for _ in range(3)]
    assert results == ["-ERR", "+OK ", "+OK "]


def test_the_first_of_several_legs_wins_and_the_others_lose_the_race(network: Network, east: Switch) -> None:
    agent(network, Answers(after=5.0))
    agent(network, Answers(after=0.1), address="user/1002")
    east.api("originate", "user/1001,user/1002 &park()")
    until(lambda: network.agent_calls[0].cause == "LOSE_RACE")
    assert network.agent_calls[1].is_answered


def test_a_caller_without_patience_hangs_up(network: Network, west: Switch, program: Program) -> None:
    caller = Caller(ADA.number, ADA.name, ADA.number_called, patience=2.0)
    person, _ = held_caller(network, program, caller)
    until(lambda: person.cause == "NORMAL_CLEARING")


def test_a_caller_who_gives_up_takes_the_network_leg_down(
    network: Network, west: Switch, east: Switch, program: Program
) -> None:
    person, call = held_caller(network, program)
    call.execute("bridge", f"{{{MUSIC}}}{LINK}")
    network_leg(east)
    person.hang_up()
    until(lambda: east.channels == {})
    failed = call.wait_for("CHANNEL_EXECUTE_COMPLETE", Application="bridge")
    assert failed["variable_originate_disposition"] == "ORIGINATOR_CANCEL"


def test_a_switch_that_dies_leaves_the_callers_channel_to_the_other_one(
    network: Network, west: Switch, east: Switch, program: Program
) -> None:
    agent(network, Answers(after=0.1))
    person, call = held_caller(network, program)
    call.execute("bridge", f"{{{MUSIC}}}{LINK}")
    leg = network_leg(east)
    parked_agent(east)
    east.api("uuid_answer", leg)
    east.api("uuid_bridge", f"{leg} {AGENT_LEG}")
    until(lambda: person.is_talking)
    east.restart()
    call.wait_for("CHANNEL_EXECUTE_COMPLETE", Application="bridge")
    assert person.cause is None
    call.execute("bridge", LINK, event_uuid="again")
    network_leg(east)


def test_the_same_seed_gives_the_same_uuids() -> None:
    def uuids(make: Callable[[], Network]) -> list[str]:
        network = make()
        return [network.new_uuid() for _ in range(3)]

    assert uuids(lambda: Network(seed=3)) == uuids(lambda: Network(seed=3))
    assert uuids(lambda: Network(seed=3)) != uuids(lambda: Network(seed=4))


def test_a_limit_refuses_the_call_above_it_until_the_other_has_hung_up(network: Network) -> None:
    plan = """<include><context name="public"><extension name="all">
      <condition field="destination_number" expression=".*">
        <action application="limit" data="hash here calls 1 !SWITCH_CONGESTION"/>
        <action application="answer"/><action application="park"/>
      </condition></extension></context></include>"""
    switch = Switch("limited", network, dialplan=plan)
    switch.start()
    first = network.call(ADA, switch)
    until(lambda: first.is_answered)
    second = network.call(ADA, switch)
    until(second.over.is_set)
    assert (second.cause, second.is_answered) == ("SWITCH_CONGESTION", False)
    first.hang_up()
    until(lambda: not switch.channels)
    third = network.call(ADA, switch)
    until(lambda: third.is_answered)
    switch.stop()
