"""Recorded calls, replayed against the stand-in: the same events, in the same order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from fsroute.switchsim import Caller, HangUp, Network, Options, Press, Sounds, Switch, Wait, WaitFor
from tests.integration.switchsim.replaying import Application, Traffic, differences, picture, read
from tests.waiting import until

SPEED = 10.0
LENGTHS = {"test/welcome.wav": 3.44, "test/enter.wav": 2.3, "test/invalid.wav": 2.0, "test/goodbye.wav": 1.69}
DIGITS = "waiting for digits"

ADA = Caller("+14155550123", "Ada Lovelace", "8005550100")
ROBERT = Caller(
    "00+\n1",
    "Robert\nEvent-Name: CHANNEL_HANGUP\n\n'; DROP TABLE contacts;-- é中",
    "8005550100",
    host="127.0.0.1:50559",
)

CENTER_A = """<include><context name="public">
  <extension name="toll_free"><condition field="destination_number" expression="^8005550100$">
    <action application="socket" data="127.0.0.1:{port} async full"/>
  </condition></extension>
</context></include>"""

CENTER_B = """<include><context name="public">
  <extension name="answers"><condition field="destination_number" expression="^9198$">
    <action application="answer"/><action application="playback" data="silence_stream://2500"/>
  </condition></extension>
  <extension name="rings"><condition field="destination_number" expression="^9191$">
    <action application="ring_ready"/><action application="park"/>
  </condition></extension>
  <extension name="busy"><condition field="destination_number" expression="^9192$">
    <action application="hangup" data="USER_BUSY"/>
  </condition></extension>
</context></include>"""

SCRIPTS = {
    "call_is_redirected_before_answer": (),
    "caller_hangs_up_during_a_prompt": (WaitFor("silence_stream"), Wait(1.0), HangUp()),
    "caller_hangs_up_while_bridged": (WaitFor("silence_stream"), Wait(1.5), HangUp()),
    "caller_hangs_up_while_the_network_leg_rings": (WaitFor("silence"), Wait(2.0), HangUp()),
    "caller_id_tries_to_inject_headers": (),
    "caller_is_served_by_the_application": (WaitFor("enter.wav"), Wait(1.2), Press("2")),
    "caller_leaves_a_voice_message": (WaitFor("recording"), WaitFor("silence"), Press("#")),
    "caller_presses_a_wrong_digit_first": (
        WaitFor("enter.wav"),
        Wait(1.2),
        Press("9"),
        WaitFor("invalid.wav"),
        WaitFor("enter.wav"),
        Press("1"),
    ),
    "caller_presses_nothing": (),
    "caller_waits_on_hold_then_is_bridged_to_the_remote_center": (),
    "commands_that_fail": (),
    "network_leg_has_no_route": (),
    "network_leg_is_busy": (),
    "network_leg_is_not_answered": (),
    "three_prompts_queued_with_event_uuid": (),
}


@pytest.fixture
def network() -> Iterator[Network]:
    network = Network(speed=SPEED)
    contexts = {"internal": "public"}
    quick = Options(event_latency=0, contexts=contexts, link_profile="internal")
    Switch("fs-b", network, dialplan=CENTER_B, link_address="127.0.0.1:5070", options=quick).start()
    yield network
    for switch in network.switches.values():
        switch.stop()


def replay(network: Network, name: str, caller: Caller) -> tuple[Traffic, Traffic]:
    """Play a recording: (what FreeSWITCH sent, what the stand-in sent)."""
    recorded, turns = read(name)
    application = Application(turns, SPEED, recorded.data.uuid)
    switch = Switch(
        "fs-a",
        network,
        dialplan=CENTER_A.format(port=application.port),
        sounds=Sounds(LENGTHS, speed=SPEED),
        options=Options(event_latency=0),
    )
    switch.start()
    try:
        network.call(caller, switch)
        application.wait_for("CHANNEL_HANGUP_COMPLETE")
        until(lambda: len(application.traffic.replies) == len(recorded.replies))
    finally:
        application.stop()
    return recorded, application.traffic


def without_port(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """The stand-in's application listens on a free port."""
    return [row | {"Application-Data": "…"} if row.get("Application") == "socket" else row for row in rows]


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_recorded_call_gives_the_same_events(network: Network, name: str) -> None:
    who = ROBERT if "inject" in name else ADA
    caller = replace(who, script=SCRIPTS[name])

    recorded, played = replay(network, name, caller)

    assert [event.name for event in played.solid] == [event.name for event in recorded.solid]
    assert differences(picture([recorded.data]), picture([played.data])) == []
    found = differences(without_port(picture(recorded.solid)), without_port(picture(played.solid)))
    assert not found, "\n".join(found)
    digits = [event["DTMF-Digit"] for event in recorded.events if event.name == "DTMF"]
    assert [event["DTMF-Digit"] for event in played.events if event.name == "DTMF"] == digits
    assert played.replies == recorded.replies
