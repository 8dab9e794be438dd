"""The recorded remote center: an agent's leg is parked, a network leg comes, they are bridged."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from fsroute.esl import Event
from fsroute.esl.inbound import InboundClient
from fsroute.switchsim import Agent, Answers, Caller, Network, Options, Switch
from tests.integration.switchsim.replaying import Traffic, differences, picture, read
from tests.waiting import until

CENTER = """<include><context name="public">
  <extension name="network_legs"><condition field="destination_number" expression="^9190$">
    <action application="answer"/><action application="park"/>
  </condition></extension>
</context></include>"""

AGENT_LEG = "179c79ad-9979-4b8b-b762-5021b5e4bdf0"
AGENT = "sofia/internal/9193@127.0.0.1:5080"
VARIABLES = f"{{origination_uuid={AGENT_LEG},fsroute_contact=4711,ignore_early_media=true}}"
NOT_PLAYED = {"CODEC", "CALL_UPDATE", "API"}


@pytest.fixture
def switch() -> Iterator[Switch]:
    network = Network(speed=10)
    network.add_agent(Agent(AGENT, "9193", (Answers(after=2.0),)))
    switch = Switch("fs-b", network, dialplan=CENTER, options=Options(event_latency=0))
    switch.start()
    yield switch
    switch.stop()


def by_channel(events: list[Event]) -> list[list[Event]]:
    """The events of each channel, channels in the order of their appearance."""
    groups: dict[str, list[Event]] = {}
    for event in events:
        if event.uuid and event.name not in NOT_PLAYED:
            groups.setdefault(event.uuid, []).append(event)
    return list(groups.values())


def test_each_channel_of_the_remote_center_sends_what_was_recorded(switch: Switch) -> None:
    recorded, _ = read("remote_center_parks_the_agent_and_bridges_the_network_leg")
    played = Traffic()
    client = InboundClient(
        "127.0.0.1",
        switch.port,
        "ClueCon",
        events=["ALL"],
        on_event=played.messages.append,
        on_up=lambda: None,
        on_down=lambda _reason: None,
    )
    client.start()
    try:
        assert client.wait_connected(5.0)
        job = client.bgapi(f"originate {VARIABLES}{AGENT} &park()")
        until(lambda: any(event.name == "BACKGROUND_JOB" for event in played.events))
        answer = next(event for event in played.events if event.name == "BACKGROUND_JOB")
        assert (answer["Job-UUID"], answer.text) == (job, f"+OK {AGENT_LEG}")
        call = switch.network.call(Caller("0000000000", "", "9190"))
        until(lambda: sum(event.name == "CHANNEL_PARK" for event in played.events) == 2)
        assert call.channel is not None
        assert client.api(f"uuid_bridge {call.channel.uuid} {AGENT_LEG}") == f"+OK {AGENT_LEG}"
        until(lambda: any(event.name == "CHANNEL_BRIDGE" for event in played.events))
        until(lambda: call.is_talking)
        table = json.loads(client.api("show channels as json"))
        assert {row["uuid"]: row["state"] for row in table["rows"]} == {
            call.channel.uuid: "CS_SOFT_EXECUTE",
            AGENT_LEG: "CS_EXCHANGE_MEDIA",
        }
        assert client.api(f"uuid_kill {call.channel.uuid}") == "+OK"
        until(lambda: sum(event.name == "CHANNEL_DESTROY" for event in played.events) == 2)
        until(lambda: sum(event.get("Channel-State") == "CS_DESTROY" for event in played.events) == 2)
    finally:
        client.stop()

    for wanted, got in zip(by_channel(recorded.events), by_channel(played.events), strict=True):
        assert [event.name for event in got] == [event.name for event in wanted]
        found = differences(picture(wanted), picture(got))
        assert not found, "\n".join(found)
