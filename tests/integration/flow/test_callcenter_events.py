"""Who listens to mod_callcenter's events at a switch hears of fsroute's queues and agents there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import gevent
import msgspec
import psycopg
import pytest

from fsroute import resources
from fsroute.app import sample_folder
from fsroute.config import Config, Events
from fsroute.demo.centers import EAST, WEST, Center
from fsroute.esl.inbound import InboundClient
from fsroute.esl.messages import Event
from fsroute.ivr import load
from fsroute.model import AgentStatus
from fsroute.switchsim import Answers, Network, NoAnswer
from tests.integration.flow.conftest import FAST, World
from tests.waiting import until

CALLED = ("CC-Agent-Called-Time", "CC-Agent-Answered-Time", "CC-Member-Joined-Time")


class Telling(Center):
    """A site whose process sends the events."""

    def _config(self) -> Config:
        return msgspec.structs.replace(
            super()._config(), events=Events(callcenter=True, agent_name="{agent}@default")
        )


@dataclass
class Tool:
    """A wallboard of the days of mod_callcenter, at one switch."""

    client: InboundClient
    events: list[Event] = field(default_factory=list)

    def told(self) -> list[str]:
        """The actions; of states and statuses what they are."""
        return [
            event.get("CC-Agent-State") or event.get("CC-Agent-Status") or event.get("CC-Action", "")
            for event in self.events
        ]

    def last(self, action: str) -> Event:
        return next(event for event in reversed(self.events) if event.get("CC-Action") == action)


def tool(center: Center) -> Tool:
    heard: list[Event] = []

    def hear(event: Event) -> None:
        if event.get("Event-Subclass") == "callcenter::info":
            heard.append(event)

    client = InboundClient(
        "127.0.0.1", center.switch.port, "ClueCon", events=("callcenter::info",), on_event=hear
    )
    client.start()
    assert client.wait_connected(5)
    return Tool(client, heard)


@pytest.fixture
def world(conninfo: str) -> Iterator[World]:
    sample = (resources.folder("sql") / "samples" / "two_sites.sql").read_text("utf-8")
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute(sample.encode())
        connection.execute("update fsroute.agent set wrap_up = 0, set_aside = 5")
    network = Network(speed=20.0)
    application = load(Path(sample_folder()) / "orders")
    centers = [
        Telling(each, conninfo, network, {application.name: application}, FAST) for each in (WEST, EAST)
    ]
    world = World(conninfo, network, centers[0], centers[1])
    try:
        for center in centers:
            center.start()
            assert center.app is not None
            assert center.app.callcenter_events is not None
            until(partial(getattr, center.app.callcenter_events, "is_ready"), 10)
        yield world
    finally:
        for center in centers:
            center.stop()


IN_QUEUE = ["member-queue-start", "members-count"]
OFFER = ["Receiving", "agent-offering"]
TALK = ["bridge-agent-start", "members-count", "In a queue call"]
OVER = ["bridge-agent-end", "Waiting"]
OUT = ["member-queue-end", "members-count"]


def test_a_call_is_told_at_the_callers_switch_from_queue_to_end(world: World) -> None:
    west, east = tool(world.west), tool(world.east)
    world.log_on("ann", Answers(after=0.2, talk=1))
    world.call_for_an_agent()
    world.wait_for_outcomes("served")
    until(lambda: west.told()[-2:] == OUT, 5)
    assert west.told() == [*IN_QUEUE, *OFFER, *TALK, *OVER, *OUT]
    until(lambda: east.told()[-2:] == OVER, 5)
    assert east.told() == ["Available", *OFFER, "bridge-agent-start", "In a queue call", *OVER]
    start = west.last("bridge-agent-start")
    assert (start.name, start.get("Event-Subclass")) == ("CUSTOM", "callcenter::info")
    assert start.get("Sent-By") == "fsroute"
    assert (start.get("CC-Queue"), start.get("CC-Agent")) == ("support@acme", "ann@default")
    assert (start.get("CC-Member-CID-Number"), start.get("CC-Member-CID-Name")) == ("+14155550123", "Ada")
    assert all(int(start.get(name, "0")) > 1_700_000_000 for name in CALLED)
    [(channel, contact)] = world.query("select channel_uuid, contact_id::text from contact")
    assert (start.get("CC-Member-Session-UUID"), start.get("CC-Member-UUID")) == (channel, contact)
    assert west.events[1].get("CC-Count") == "1"
    assert west.last("members-count").get("CC-Count") == "0"
    for each in (west, east):
        each.client.stop()
    world.assert_nothing_violated()


def test_agents_who_do_not_answer_and_callers_who_leave_are_told(world: World) -> None:
    west, east = tool(world.west), tool(world.east)
    world.log_on("ann", NoAnswer())
    world.query("update queue set offer_timeout = 0.5 returning 1")
    call = world.call_for_an_agent()
    until(lambda: "bridge-agent-fail" in west.told(), 10)
    assert west.last("bridge-agent-fail").get("CC-Hangup-Cause") == "NO_ANSWER"
    call.hang_up()
    world.wait_for_outcomes("abandoned")
    until(lambda: west.told()[-2:] == OUT, 5)
    end = west.last("member-queue-end")
    assert (end.get("CC-Cause"), end.get("CC-Cancel-Reason")) == ("Cancel", "BREAK_OUT")
    world.declare("ann", AgentStatus.ON_BREAK)
    until(lambda: east.told()[-1:] == ["On Break"], 5)
    for each in (west, east):
        each.client.stop()


def test_a_switch_that_takes_no_events_delays_nobody(world: World) -> None:
    """The connection for events is lost again and again; calls do not notice."""
    assert world.west.app is not None
    events = world.west.app.callcenter_events
    assert events is not None
    events._password = "wrong"
    if events._link is not None:
        events._link.close("test")
    world.log_on("ann", Answers(after=0.1, talk=0.5))
    world.call_for_an_agent()
    world.wait_for_outcomes("served")
    until(lambda: events.dropped > 0, 5)
    world.assert_nothing_violated()
    world.assert_nothing_left()


def test_of_two_processes_beside_one_switch_one_sends(world: World) -> None:
    west = tool(world.west)
    second = Telling(WEST, world.conninfo, world.network, {}, FAST)
    second.switch = world.west.switch
    app = second.start_app()
    assert app.callcenter_events is not None
    gevent.sleep(0)
    world.log_on("ann", Answers(after=0.1, talk=0.3))
    world.call_for_an_agent()
    world.wait_for_outcomes("served")
    until(lambda: west.told()[-2:] == OUT, 5)
    assert west.told().count("member-queue-start") == 1
    assert not app.callcenter_events.is_ready
    app.stop()
    west.client.stop()
