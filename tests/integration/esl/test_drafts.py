from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from socket import SHUT_RDWR

import gevent
import pytest

from fsroute.errors import SwitchUnavailable
from fsroute.esl.drafts import COUNT, Drafts
from fsroute.esl.errors import SessionClosed
from fsroute.esl.inbound import InboundClient
from fsroute.esl.link import Link, Listener
from fsroute.esl.transport import END, Tap
from tests.integration.esl.peer import Switch
from tests.integration.esl.test_inbound import QUICK, Recorder, client_of
from tests.waiting import until

DIAL = "originate {origination_uuid=1}sofia/agents/ann &park()"
OTHER = "originate {origination_uuid=2}sofia/agents/bob &park()"
WHOLE = f"bgapi {DIAL}".encode() + END
AFTER = f"bgapi {OTHER}".encode() + END
UNANSWERED = b"api status" + END
USUAL_LINKS = 3


@pytest.fixture
def switch() -> Iterator[Switch]:
    switch = Switch()
    yield switch
    switch.stop()


@pytest.fixture
def client(switch: Switch) -> Iterator[InboundClient]:
    with client_of(switch, Recorder()) as client:
        assert client.wait_connected(30)
        until(lambda: admitted(switch) == USUAL_LINKS + COUNT)
        yield client


def admitted(switch: Switch) -> int:
    return sum(said.startswith("auth ") for said in switch.commands())


def jobs(switch: Switch) -> list[tuple[int, str]]:
    return [(number, said) for number, said in switch.said if said.startswith("bgapi ")]


def test_a_command_that_was_begun_is_performed_when_it_is_wanted_and_not_before(
    switch: Switch, client: InboundClient
) -> None:
    client.draft(DIAL)
    gevent.sleep(0.05)
    assert jobs(switch) == []
    assert client.bgapi(DIAL)
    ((number, said),) = jobs(switch)
    assert said == f"bgapi {DIAL}"
    usual = {number for number, said in switch.said if said.startswith(("event ", "api "))}
    assert number not in usual


def test_it_is_performed_once(switch: Switch, client: InboundClient) -> None:
    client.draft(DIAL)
    assert client.bgapi(DIAL)
    assert len(jobs(switch)) == 1
    assert client.bgapi(DIAL), "asked for again it is another one"
    assert len(jobs(switch)) == 2


def test_one_that_is_ended_early_is_performed_then_and_its_reply_is_for_who_asks_later(
    switch: Switch, client: InboundClient
) -> None:
    client.draft(DIAL)
    client.perform_draft(DIAL)
    until(lambda: [said for _, said in jobs(switch)] == [f"bgapi {DIAL}"])
    assert client.bgapi(DIAL), "the reply has the job"
    assert len(jobs(switch)) == 1
    assert client.bgapi(DIAL), "asked for again it is another one"
    assert len(jobs(switch)) == 2


def test_to_end_early_what_was_not_begun_does_nothing(switch: Switch, client: InboundClient) -> None:
    client.draft(DIAL)
    client.perform_draft(OTHER)
    assert client.bgapi(OTHER)
    assert [said for _, said in jobs(switch)] == [f"bgapi {OTHER}"]


def test_whoever_ended_one_early_learns_that_its_reply_was_lost_and_it_is_not_sent_again(
    switch: Switch,
) -> None:
    switch.answer = lambda command: None
    drafts = Drafts(opened(switch), count=1)
    drafts.start()
    until(lambda: drafts.begin(UNANSWERED))
    drafts.end(UNANSWERED)
    until(lambda: switch.commands()[-1] == "api status")
    switch.drop()
    reply = drafts.perform(UNANSWERED)
    assert reply is not None
    with pytest.raises(SessionClosed):
        reply.get(timeout=10)
    drafts.stop("the test is over")


def test_replies_that_nobody_asks_for_are_not_kept_for_good(
    switch: Switch, client: InboundClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fsroute.esl.drafts.MOST_UNASKED", 1)
    for command in (DIAL, OTHER):
        client.draft(command)
        client.perform_draft(command)
    until(lambda: len(jobs(switch)) == 2)
    assert client.bgapi(OTHER)
    assert len(jobs(switch)) == 2
    assert client.bgapi(DIAL)
    assert len(jobs(switch)) == 3


def test_what_was_not_begun_is_sent_whole(switch: Switch, client: InboundClient) -> None:
    client.draft(DIAL)
    assert client.bgapi(OTHER)
    assert [said for _, said in jobs(switch)] == [f"bgapi {OTHER}"]


def test_several_are_begun_at_once_and_who_finds_no_room_sends_it_whole(
    switch: Switch, client: InboundClient
) -> None:
    wanted = [f"{DIAL} {number}" for number in range(COUNT + 1)]
    for command in wanted:
        client.draft(command)
    for command in reversed(wanted):
        assert client.bgapi(command)
    assert sorted(said for _, said in jobs(switch)) == sorted(f"bgapi {command}" for command in wanted)


def test_what_is_not_wanted_is_never_performed_and_there_is_room_again(switch: Switch) -> None:
    drafts = Drafts(opened(switch), count=1, kept=0.05)
    drafts.start()
    until(lambda: admitted(switch) == 1)
    until(lambda: drafts.begin(WHOLE))
    until(lambda: admitted(switch) == 2, 10)  # the connection was closed, and made anew
    assert jobs(switch) == []
    assert drafts.perform(WHOLE) is None
    drafts.stop("the test is over")


def test_the_limit_of_a_draft_that_is_gone_is_for_no_other(switch: Switch) -> None:
    drafts = Drafts(opened(switch), count=1, kept=0.5)
    drafts.start()
    until(lambda: drafts.begin(WHOLE))
    drafts.stop("the other connections were lost")
    gevent.sleep(0.3)
    drafts.start()
    until(lambda: drafts.begin(AFTER))
    gevent.sleep(0.25)  # more than the first draft had
    reply = drafts.perform(AFTER)
    assert reply is not None
    assert reply.get(timeout=10) is not None
    drafts.stop("the test is over")


def test_no_draft_is_begun_where_a_reply_is_to_come(switch: Switch) -> None:
    """It would be lost if the draft were dropped, and with it whether somebody is being dialled."""
    switch.answer = lambda command: None
    drafts = Drafts(opened(switch), count=1)
    drafts.start()
    until(lambda: drafts.begin(UNANSWERED))
    assert drafts.perform(UNANSWERED) is not None
    assert not drafts.begin(AFTER)
    drafts.stop("the test is over")


def test_a_connection_that_is_made_while_it_is_stopped_is_given_up(switch: Switch) -> None:
    made: list[Link] = []
    drafts: list[Drafts] = []

    def open_and_stop(page: Listener) -> Link:
        made.append(opened(switch)(page))
        drafts[0].stop("in the same turn")
        return made[-1]

    drafts.append(Drafts(open_and_stop, count=1))
    drafts[0].start()
    until(lambda: made and made[0].transport.closed)
    assert not drafts[0].begin(WHOLE)


def test_one_that_is_closed_as_soon_as_it_is_made_is_made_again(switch: Switch) -> None:
    made: list[Link] = []

    def open_and_lose_once(page: Listener) -> Link:
        made.append(opened(switch)(page))
        if len(made) == 1:
            made[0].transport.close("FreeSWITCH closed the connection")
        return made[-1]

    drafts = Drafts(open_and_lose_once, count=1)
    drafts.start()
    until(lambda: drafts.begin(WHOLE), 10)
    assert len(made) == 2
    drafts.stop("the test is over")


def opened(switch: Switch, tap: Tap | None = None) -> Callable[[Listener], Link]:
    return lambda page: Link.open(switch.address, "ClueCon", page, 30, lambda: tap)


def test_a_lost_connection_for_drafts_disturbs_no_other(switch: Switch, client: InboundClient) -> None:
    for peer in switch.connections[USUAL_LINKS:]:
        peer.sock.shutdown(SHUT_RDWR)
    gevent.sleep(0.05)
    client.draft(DIAL)
    assert client.connected
    assert client.bgapi(DIAL)
    until(lambda: admitted(switch) == USUAL_LINKS + 2 * COUNT, 10)
    client.draft(OTHER)
    assert client.bgapi(OTHER)


def test_drafts_go_with_the_connections(switch: Switch, client: InboundClient) -> None:
    client.draft(DIAL)
    switch.drop()
    with pytest.raises(SwitchUnavailable):
        client.bgapi(DIAL)
    assert jobs(switch) == []


def test_no_draft_is_begun_while_the_switch_is_away() -> None:
    recorder = Recorder()
    client = InboundClient(
        "127.0.0.1", 9, "ClueCon", events=["CHANNEL_ANSWER"], on_event=recorder.on_event,
        limits=replace(QUICK, first_retry=30.0),
    )  # fmt: skip
    client.draft(DIAL)
    with pytest.raises(SwitchUnavailable):
        client.bgapi(DIAL)


class Shown:
    """A tap that keeps what was sent."""

    def __init__(self) -> None:
        self.commands: list[bytes] = []

    def sent(self, data: bytes) -> None:
        self.commands.append(data)

    def received(self, data: bytes) -> None: ...

    def noted(self, facts: object) -> None: ...

    def closed(self, reason: str) -> None: ...

    def finished(self) -> None: ...


def test_a_tap_is_shown_whole_commands_that_were_performed(switch: Switch) -> None:
    shown = Shown()
    drafts = Drafts(opened(switch, shown), count=1)
    drafts.start()
    until(lambda: drafts.begin(WHOLE))
    sent = len(shown.commands)
    reply = drafts.perform(WHOLE)
    assert shown.commands[sent:] == [WHOLE]
    assert reply is not None
    assert reply.get(timeout=10).refusal is None  # type: ignore[union-attr]
    drafts.stop("the test is over")
