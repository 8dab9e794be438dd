"""A tool that listens to a real switch's event socket hears mod_callcenter's events of fsroute's queues."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from fsroute.esl.inbound import InboundClient
from fsroute.esl.messages import Event
from tests.live.freeswitch import PASSWORD
from tests.live.test_one_call import talking
from tests.live.two_sites import ContactCenter, TwoSites
from tests.waiting import until

pytestmark = pytest.mark.live

Company = Callable[..., ContactCenter]


@pytest.fixture
def heard(two_sites: TwoSites) -> Iterator[list[Event]]:
    """What a tool hears at west, while the process there sends the events."""
    west = two_sites.west_run
    plain = west.configuration.read_text()
    west.configuration.write_text(plain + "\n[events]\ncallcenter = true\n")
    west.stop()
    west.start()
    events: list[Event] = []

    def hear(event: Event) -> None:
        if event.get("Event-Subclass") == "callcenter::info":
            events.append(event)

    port = two_sites.west.ports.event_socket
    client = InboundClient("127.0.0.1", port, PASSWORD, events=("callcenter::info",), on_event=hear)
    client.start()
    assert client.wait_connected(5)
    yield events
    client.stop()
    west.configuration.write_text(plain)
    west.stop()
    west.start()


def test_a_real_switch_passes_the_events_on(
    company: Company, heard: list[Event], two_sites: TwoSites
) -> None:
    acme = company()
    until(lambda: "events of mod_callcenter are sent" in two_sites.west_run.log(), 15)
    caller, _ = talking(acme)
    until(lambda: any(event.get("CC-Agent-State") == "In a queue call" for event in heard), 5)
    caller.hang_up()
    until(
        lambda: [event.get("CC-Action") for event in heard][-2:] == ["member-queue-end", "members-count"], 10
    )
    assert [event.get("CC-Action") for event in heard if event.get("CC-Queue")] == [
        "member-queue-start",
        "members-count",
        "agent-offering",
        "bridge-agent-start",
        "members-count",
        "bridge-agent-end",
        "member-queue-end",
        "members-count",
    ]
    start = next(event for event in heard if event.get("CC-Action") == "bridge-agent-start")
    assert start.name == "CUSTOM"
    assert start.get("CC-Queue") == f"support@{acme.name}"
    assert start.get("CC-Agent") == f"{acme.name}-ann"
    assert start.get("Core-UUID")
    acme.until_outcomes("served")
