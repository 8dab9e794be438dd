"""The ``socket`` application: who is connected, what happens when the program is silent or gone."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from fsroute.switchsim import Agent, Answers, Network, Switch
from tests.integration.switchsim.conftest import ADA, QUICK, make_switch
from tests.integration.switchsim.program import Call, Program
from tests.waiting import until

GUARDED = replace(ADA, number_called="8005550101")
BACK = "local_stream://fallback"


def test_the_second_host_is_tried_when_the_first_refuses(network: Network, program: Program) -> None:
    switch = make_switch(network, "west", f"127.0.0.1:1|{program.host}")
    network.call(ADA, switch)
    call = program.wait_for_call()
    call.send("connect")
    until(lambda: call.messages)
    assert call.messages[0].get("variable_socket_host") == "127.0.0.1"


def test_the_dialplan_goes_on_when_nobody_can_be_reached(network: Network) -> None:
    switch = make_switch(network, "west", "127.0.0.1:1|127.0.0.1:2")
    call = network.call(ADA, switch)
    until(lambda: call.timeline.heard(BACK))


def test_a_server_that_closes_at_once_leaves_the_call_in_park_for_ever(
    network: Network, west: Switch, program: Program
) -> None:
    program.on_call = Call.close
    network.call(ADA)
    call = program.wait_for_call()
    until(lambda: call.is_closed)
    channel = next(iter(west.channels.values()))
    until(lambda: channel.is_controlled)
    time.sleep(0.1)
    assert channel.is_controlled
    assert west.logged == []


def test_a_refusal_with_connect_and_hangup_ends_the_call(
    network: Network, west: Switch, program: Program
) -> None:
    program.on_call = lambda call: call.send(
        "connect", "sendmsg\ncall-command: hangup\nhangup-cause: SWITCH_CONGESTION"
    )
    call = network.call(ADA)
    until(lambda: call.cause == "SWITCH_CONGESTION")


def test_a_silent_server_costs_its_time_and_then_the_call_is_parked(
    network: Network, west: Switch, program: Program
) -> None:
    began = time.monotonic()
    network.call(ADA)
    call = program.wait_for_call()
    channel = next(iter(west.channels.values()))
    until(lambda: call.is_closed)
    assert time.monotonic() - began >= QUICK.silence_limit
    until(lambda: channel.is_controlled)
    assert west.logged == []


def test_the_guard_saves_a_call_from_a_silent_server(
    network: Network, west: Switch, program: Program
) -> None:
    call = network.call(GUARDED)
    until(lambda: call.timeline.heard(BACK))


def test_the_guard_is_taken_back_by_sched_del(network: Network, west: Switch, program: Program) -> None:
    person = network.call(GUARDED)
    call = program.wait_for_call()
    call.take()
    uuid = call.messages[0]["Unique-ID"]
    assert call.ask(f"api sched_del {uuid}") == "+OK Deleted: 1"
    assert call.ask(f"api sched_del {uuid}") == "+OK Deleted: 0"
    call.execute("answer")
    call.wait_for("CHANNEL_ANSWER")
    time.sleep(1.1)
    assert not person.timeline.heard(BACK)


def test_an_idle_call_goes_on_when_the_program_is_gone(
    network: Network, west: Switch, program: Program
) -> None:
    network.call(ADA)
    call = program.wait_for_call()
    call.take()
    call.wait_for("CHANNEL_PARK")
    call.close()
    until(lambda: west.logged == ["went on"])


def test_an_application_runs_to_its_end_when_the_program_is_gone(
    network: Network, west: Switch, program: Program
) -> None:
    person = network.call(ADA)
    start(program, "playback", "long.wav")
    program.calls[0].close()
    until(lambda: west.logged == ["went on"])
    [played] = [one for one in person.timeline.stretches() if "long.wav" in one.what]
    assert played.lasted >= 0.4, "5 s at the network's speed, from the first to the last"


def test_with_socket_resume_an_application_ends_at_once(
    network: Network, west: Switch, program: Program
) -> None:
    network.call(ADA)
    call = start(program, "playback", "endless.wav", resume=True)
    call.close()
    until(lambda: west.logged == ["went on"])


def test_endless_music_outlives_the_program_until_it_is_broken(
    network: Network, west: Switch, program: Program
) -> None:
    person = network.call(ADA)
    call = start(program, "playback", "local_stream://moh", resume=True)
    uuid = call.messages[0]["Unique-ID"]
    call.close()
    time.sleep(0.2)
    assert west.logged == []
    assert person.timeline.now == "file local_stream://moh"
    assert west.api("uuid_break", uuid) == "+OK\n"
    until(lambda: west.logged == ["went on"])


@pytest.mark.parametrize("resume", [True, False])
def test_socket_resume_ends_a_conversation_when_the_program_is_gone(
    network: Network, west: Switch, program: Program, resume: bool
) -> None:
    network.add_agent(Agent("user/1001", "Ann", (Answers(after=0.1),)))
    person = network.call(ADA)
    call = start(program, "bridge", "user/1001", resume=resume)
    until(lambda: person.is_talking)
    call.close()
    time.sleep(0.2)
    assert person.is_talking is not resume
    network.agent_calls[0].hang_up()
    until(lambda: west.logged == ["went on"])


def start(program: Program, application: str, argument: str, *, resume: bool = False) -> Call:
    """Take the first call, answer, and begin an application."""
    call = program.wait_for_call()
    call.take()
    call.execute("answer")
    call.execute("set", f"socket_resume={str(resume).lower()}")
    call.wait_for("CHANNEL_EXECUTE_COMPLETE", Application="set")
    call.execute(application, argument)
    call.wait_for("CHANNEL_EXECUTE", Application=application)
    return call


def test_the_reply_to_another_first_command_is_never_sent(
    network: Network, west: Switch, program: Program
) -> None:
    network.call(ADA)
    call = program.wait_for_call()
    call.send("linger 5", "myevents")
    until(lambda: call.replies)
    assert call.replies == ["+OK Events Enabled"]


def test_too_many_pending_commands_cost_the_connection(
    network: Network, west: Switch, program: Program
) -> None:
    network.call(ADA)
    call = start(program, "playback", "local_stream://moh")
    lock = "sendmsg\ncall-command: execute\nexecute-app-name: playback\nexecute-app-arg: x\nevent-lock: true"
    call.send(lock.replace("execute-app-arg: x", "execute-app-arg: local_stream://moh"))
    call.wait_for("CHANNEL_EXECUTE", Application="playback")
    call.send(*[lock] * 257)
    until(lambda: call.is_closed)


def test_after_the_hang_up_the_connection_lingers(network: Network, west: Switch, program: Program) -> None:
    person = network.call(ADA)
    call = program.wait_for_call()
    call.take()
    uuid = call.messages[0]["Unique-ID"]
    person.hang_up()
    call.wait_for("CHANNEL_HANGUP_COMPLETE")
    assert call.ask(f"api uuid_exists {uuid}") == "true"
    until(lambda: call.is_closed)
    notices = [one for one in call.messages if one.content_type == "text/disconnect-notice"]
    assert [notice["Content-Disposition"] for notice in notices] == ["linger", "disconnect"]
    assert notices[0]["Linger-Time"] == "1"
    until(lambda: west.channels == {})


def test_without_linger_the_connection_ends_with_the_call(
    network: Network, west: Switch, program: Program
) -> None:
    person = network.call(ADA)
    call = program.wait_for_call()
    call.send("connect", "myevents")
    until(lambda: call.replies)
    person.hang_up()
    until(lambda: call.is_closed)
    notices = [one for one in call.messages if one.content_type == "text/disconnect-notice"]
    assert [notice["Content-Disposition"] for notice in notices] == ["disconnect"]


def test_an_application_without_lock_runs_inside_the_one_that_runs(
    network: Network, west: Switch, program: Program
) -> None:
    person = network.call(ADA)
    call = start(program, "playback", "local_stream://moh")
    call.execute("playback", "short.wav", event_uuid="nested")
    call.wait_for("CHANNEL_EXECUTE_COMPLETE", Application_UUID="nested")
    until(lambda: person.timeline.now == "file local_stream://moh")
    assert [one.what for one in person.timeline.stretches()][-3:] == [
        "file local_stream://moh",
        "file short.wav",
        "file local_stream://moh",
    ]


def test_locked_applications_run_one_after_the_other(
    network: Network, west: Switch, program: Program
) -> None:
    network.call(ADA)
    call = program.wait_for_call()
    call.take()
    for number in range(3):
        call.execute("playback", "short.wav", event_uuid=f"app-{number}", lock=True)
    call.wait_for("CHANNEL_EXECUTE_COMPLETE", Application_UUID="app-2")
    begun = [event["Application-UUID"] for event in call.events if event.name.startswith("CHANNEL_EXECUTE")]
    assert begun == ["app-0", "app-0", "app-1", "app-1", "app-2", "app-2"]


def test_uuid_break_all_drops_what_waits(network: Network, west: Switch, program: Program) -> None:
    network.call(ADA)
    call = start(program, "set", "a=b")
    call.execute("playback", "local_stream://moh", event_uuid="now", lock=True)
    call.execute("playback", "long.wav", event_uuid="dropped", lock=True)
    call.wait_for("CHANNEL_EXECUTE", Application_UUID="now")
    assert call.ask(f"api uuid_break {call.messages[0]['Unique-ID']} all") == "+OK"
    call.wait_for("CHANNEL_EXECUTE_COMPLETE", Application_UUID="now")
    call.execute("set", "x=y", event_uuid="after")
    call.wait_for("CHANNEL_EXECUTE_COMPLETE", Application_UUID="after")
    assert "dropped" not in {event.get("Application-UUID") for event in call.events}


def test_a_long_argument_comes_as_a_body(network: Network, west: Switch, program: Program) -> None:
    network.call(ADA)
    call = start(program, "set", "a=b")
    text = "long=" + "x" * 5000
    call.send(
        "sendmsg\ncall-command: execute\nexecute-app-name: set\nContent-Type: text/plain\n"
        f"Content-Length: {len(text)}\n\n{text}"
    )
    until(lambda: call.applications().count("set") == 3)
    assert call.ask(f"api uuid_getvar {call.messages[0]['Unique-ID']} long") == "x" * 5000


def test_without_full_there_is_no_api(network: Network, program: Program) -> None:
    switch = make_switch(network, "west", program.host)
    switch.dialplan.add(
        f"""<include><context name="bare"><extension name="a"><condition>
        <action application="socket" data="{program.host} async"/>
        </condition></extension></context></include>""",
        {},
    )
    network.call(ADA, switch)
    program.wait_for_call()
    uuid = next(iter(switch.channels))
    switch.api("uuid_transfer", f"{uuid} 1 XML bare")
    call = program.wait_for_call(2)
    call.send("connect")
    until(lambda: call.messages)
    assert call.messages[0]["Control"] == "single-channel"
    assert call.ask("api status") == "-ERR command not found"


@pytest.mark.parametrize(("sensitive", "events"), [("false", 4), ("true", 0)])
def test_a_pins_keys_are_taken_but_are_in_no_event(
    network: Network, west: Switch, program: Program, sensitive: str, events: int
) -> None:
    phone = network.call(ADA)
    call = program.wait_for_call()
    call.take()
    call.execute("answer")
    call.execute("set", f"sensitive_dtmf={sensitive}")
    call.execute(
        "play_and_get_digits", "4 4 1 3000 # short.wav short.wav keyed ^.+$ 1000", event_uuid="asked"
    )
    until(lambda: "waiting for digits" in phone.timeline.now)
    phone.press("2468")
    asked = call.wait_for("CHANNEL_EXECUTE_COMPLETE", Application_UUID="asked")
    assert asked.get("variable_keyed") == "2468"
    assert call.names.count("DTMF") == events
