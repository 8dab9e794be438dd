"""Commands that are begun before they are wanted: FreeSWITCH performs them at their end, or never."""

from __future__ import annotations

from collections.abc import Iterator

import gevent
import pytest

from fsroute.esl.drafts import COUNT, KEPT
from fsroute.esl.inbound import InboundClient
from tests.live.freeswitch import PASSWORD
from tests.live.two_sites import TwoSites
from tests.waiting import until

pytestmark = pytest.mark.live

UNSET = "-ERR no reply"  # what FreeSWITCH says of a variable that is not there


@pytest.fixture
def client(two_sites: TwoSites) -> Iterator[InboundClient]:
    port = two_sites.west.ports.event_socket
    client = InboundClient("127.0.0.1", port, PASSWORD, events=["HEARTBEAT"], on_event=lambda event: None)
    client.start()
    assert client.wait_connected(30)
    until(lambda: all(page.is_free for page in client._drafts._pages))
    yield client
    client.stop()


def variable(client: InboundClient, name: str) -> str:
    return client.api(f"global_getvar {name}", check=False).strip()


def test_a_command_that_was_begun_is_performed_at_its_end(client: InboundClient) -> None:
    command = "global_setvar fsroute_draft=performed"
    client.draft(command)
    gevent.sleep(KEPT / 2)
    assert variable(client, "fsroute_draft") == UNSET
    assert client.bgapi(command), "the job's name"
    until(lambda: variable(client, "fsroute_draft") == "performed")


def test_commands_that_are_not_wanted_are_never_performed(client: InboundClient) -> None:
    for number in range(COUNT):
        client.draft(f"global_setvar fsroute_dropped_{number}=performed")
    gevent.sleep(KEPT + 0.5)
    client.draft("global_setvar fsroute_cut=performed")
    client.stop()
    gevent.sleep(0.5)
    client.start()
    assert client.wait_connected(30)
    assert [variable(client, f"fsroute_dropped_{number}") for number in range(COUNT)] == [UNSET] * COUNT
    assert variable(client, "fsroute_cut") == UNSET
