"""mod_callcenter of the stand-in, held against the recorded one; registrations."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from fsroute.esl import Event
from fsroute.esl.inbound import InboundClient
from fsroute.switchsim import Agent, Answers, Caller, HangUp, Network, NoAnswer, Options, Switch, Wait
from tests.integration.switchsim.replaying import read
from tests.waiting import until

CENTER = """<include><context name="public">
  <extension name="support"><condition field="destination_number" expression="^9195$">
    <action application="answer"/>
    <action application="callcenter" data="support@default"/>
    <action application="hangup"/>
  </condition></extension>
</context></include>"""
AGENT = "sofia/internal/9193@127.0.0.1:5080"
OWN = {
    "CC-Member-UUID",
    "CC-Member-Session-UUID",
    "CC-Agent-UUID",
    "CC-Member-CID-Name",
    "CC-Member-CID-Number",
}


@pytest.fixture
def switch() -> Iterator[Switch]:
    network = Network(speed=10)
    network.add_agent(Agent(AGENT, "9193", (Answers(after=2.0, talk=15.0),)))
    switch = Switch("fs-b", network, dialplan=CENTER, options=Options(event_latency=0))
    switch.callcenter.add_queue("support@default")
    switch.start()
    yield switch
    switch.stop()


class Ear(InboundClient):
    """Hears everything of a switch, and keeps it."""

    def __init__(self, port: int) -> None:
        self.events: list[Event] = []
        super().__init__("127.0.0.1", port, "ClueCon", events=["ALL"], on_event=self.events.append)


@pytest.fixture
def ear(switch: Switch) -> Iterator[Ear]:
    client = Ear(switch.port)
    client.start()
    assert client.wait_connected(5.0)
    yield client
    client.stop()


def told(events: list[Event]) -> list[list[tuple[str, str]]]:
    """The headers of mod_callcenter's events; what is a name or a moment of its own is only there or not."""
    found = []
    for event in events:
        if event.get("Event-Subclass", "") != "callcenter::info":
            continue
        names = [name for name in _names(event) if name.startswith("CC-")]
        found.append([(name, _value(event, name)) for name in names])
    return found


def _names(event: Event) -> list[str]:
    return [line.partition(b":")[0].decode() for line in event._head.split(b"\n") if line]


def _value(event: Event, name: str) -> str:
    return "…" if name in OWN or name.endswith("-Time") else event.get(name, "")


def test_a_member_is_served_as_it_was_recorded(switch: Switch, ear: Ear) -> None:
    recorded, _ = read("mod_callcenter_queue_serves_a_member")
    center = switch.callcenter
    ear.api("callcenter_config agent add ann@default callback")
    ear.api(f"callcenter_config agent set contact ann@default {AGENT}")
    ear.api("callcenter_config agent set status ann@default Available")
    ear.api("callcenter_config agent set state ann@default Waiting")
    ear.api("callcenter_config agent set wrap_up_time ann@default 1")
    ear.api("callcenter_config tier add support@default ann@default 1 1")
    switch.network.call(Caller("0000000000", "", "9195"))
    until(lambda: center.agents["ann@default"].last_bridge_end > 0, 10)
    until(lambda: len(told(ear.events)) == len(told(recorded.events)), 5)
    assert told(ear.events) == told(recorded.events)
    with pytest.raises(Exception, match="Invalid Agent Status"):
        ear.api("callcenter_config agent set status ann@default On Break")
    lists = {
        name: ear.api(f"callcenter_config {name}")
        for name in ("agent list", "queue list", "queue list members")
    }
    assert lists["agent list"].split("\n")[0].startswith("name|instance_id|uuid|type|contact|status|state|")
    assert "support@default|longest-idle-agent" in lists["queue list"]
    assert "|1|0|" in lists["queue list"], "answered and abandoned"
    assert lists["queue list members"] == "+OK"


def test_a_member_who_hangs_up_is_canceled_and_the_agent_is_left_alone(switch: Switch, ear: Ear) -> None:
    center = switch.callcenter
    switch.network.add_agent(Agent(AGENT, "9193", (NoAnswer(),)))
    center.add_agent("ann@default", AGENT, "Available")
    center.add_tier("support@default", "ann@default")
    switch.network.call(Caller("0000000000", "", "9195", (Wait(10), HangUp())))
    until(lambda: len(told(ear.events)) == 11, 10)
    assert [dict(one)["CC-Action"] for one in told(ear.events)][3:] == [
        "member-queue-start", "members-count", "agent-state-change", "agent-offering", "member-queue-end",
        "members-count", "bridge-agent-fail", "agent-state-change",
    ]  # fmt: skip
    ended = next(dict(one) for one in told(ear.events) if dict(one).get("CC-Action") == "member-queue-end")
    assert (ended["CC-Cause"], ended["CC-Cancel-Reason"]) == ("Cancel", "BREAK_OUT")
    until(lambda: center.agents["ann@default"].state == "Waiting")
    assert center.queues["support@default"].abandoned == 1
    until(lambda: not switch.channels)


def test_a_telephone_registers_and_goes(switch: Switch, ear: Ear) -> None:
    switch.registrations.register("2001", "here", "<sip:2001@127.0.0.1:5062>", "one")
    switch.registrations.register("2002", "here", call_id="two")
    rows = json.loads(ear.api("show registrations as json"))["rows"]
    assert [(row["reg_user"], row["realm"], row["token"]) for row in rows] == [
        ("2001", "here", "one"),
        ("2002", "here", "two"),
    ]
    switch.registrations.unregister("one")
    switch.registrations.expire("two")
    until(lambda: sum(event.get("Event-Subclass", "").startswith("sofia::") for event in ear.events) == 4)
    assert json.loads(ear.api("show registrations as json")) == {"row_count": 0}
