from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import gevent
import pytest

from fsroute.errors import SwitchUnavailable
from fsroute.esl import CommandRefused, CommandTimeout, Event, InvalidCommand
from fsroute.esl.inbound import InboundClient, Limits
from fsroute.esl.stall import StallWatch
from tests.integration.esl.peer import Peer, Switch, disconnect_notice, event
from tests.waiting import until

QUICK = Limits(timeout=30, first_retry=0.01, last_retry=0.05, heartbeat=0.05, lag=30, stall=30, poke=0.002)


@dataclass
class Recorder:
    """What a client told its owner, in order."""

    told: list[str] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    handle: Callable[[Event], None] = lambda event: None

    def on_up(self) -> None:
        self.told.append("up")

    def on_down(self, reason: str) -> None:
        self.told.append(f"down: {reason}")

    def on_event(self, event: Event) -> None:
        self.told.append(event.name)
        self.events.append(event)
        self.handle(event)


@pytest.fixture
def switch() -> Iterator[Switch]:
    switch = Switch()
    yield switch
    switch.stop()


@contextmanager
def client_of(
    switch: Switch, recorder: Recorder, limits: Limits = QUICK, password: str = "ClueCon"
) -> Iterator[InboundClient]:
    client = InboundClient(
        *switch.address,
        password,
        events=["CHANNEL_ANSWER", "sofia::register"],
        on_event=recorder.on_event,
        on_up=recorder.on_up,
        on_down=recorder.on_down,
        limits=limits,
    )
    client.start()
    yield client
    client.stop()


def test_events_and_commands_use_separate_connections(switch: Switch) -> None:
    recorder = Recorder()
    with client_of(switch, recorder) as client:
        assert client.wait_connected(30)
        assert client.api("status") == "+OK"
        subscribed = [number for number, said in switch.said if said.startswith("event ")]
        asked = [number for number, said in switch.said if said == "api status"]
        assert len(subscribed) == 1
        assert len(asked) == 1
        assert subscribed != asked


def test_the_subscription_is_narrow_plain_and_without_a_filter(switch: Switch) -> None:
    with client_of(switch, Recorder()) as client:
        assert client.wait_connected(30)
        subscriptions = [
            said for said in switch.commands() if said.split()[0] in ("event", "filter", "myevents")
        ]
        assert subscriptions == ["event plain CHANNEL_ANSWER BACKGROUND_JOB CUSTOM sofia::register"]


def test_up_is_told_before_the_first_event(switch: Switch) -> None:
    recorder = Recorder()
    with client_of(switch, recorder) as client:
        assert client.wait_connected(30)
        switch.subscriber().send(event("CHANNEL_ANSWER"), event("CHANNEL_HANGUP"))
        until(lambda: len(recorder.events) == 2)
        assert recorder.told == ["up", "CHANNEL_ANSWER", "CHANNEL_HANGUP"]


def test_a_lost_connection_is_told_and_made_again_with_its_subscription(switch: Switch) -> None:
    recorder = Recorder()
    with client_of(switch, recorder) as client:
        assert client.wait_connected(30)
        switch.subscriber().send(event("CHANNEL_ANSWER"))
        until(lambda: recorder.events)
        switch.drop()
        until(lambda: recorder.told.count("up") == 2)
        switch.subscriber().send(event("CHANNEL_HANGUP"))
        until(lambda: len(recorder.events) == 2)
        told = [line.split(":")[0] for line in recorder.told]
        assert told == ["up", "CHANNEL_ANSWER", "down", "up", "CHANNEL_HANGUP"]
        assert len([said for said in switch.commands() if said.startswith("event ")]) == 2


def test_either_connection_lost_brings_both_down(switch: Switch) -> None:
    recorder = Recorder()
    with client_of(switch, recorder) as client:
        assert client.wait_connected(30)
        client.api("status")
        commands = next(number for number, said in switch.said if said == "api status")
        switch.connections[commands].sock.shutdown(socket.SHUT_RDWR)
        until(lambda: recorder.told.count("up") == 2)


def test_a_disconnect_notice_is_a_lost_connection(switch: Switch) -> None:
    recorder = Recorder()
    with client_of(switch, recorder) as client:
        assert client.wait_connected(30)
        switch.subscriber().send(disconnect_notice())
        until(lambda: recorder.told.count("up") == 2)
        assert recorder.told[1] == "down: FreeSWITCH has ended the connection"


def test_a_switch_that_is_not_there_is_tried_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = listener.getsockname()
    recorder = Recorder()
    host, port = address
    client = InboundClient(host, port, "ClueCon", events=["DTMF"], on_event=recorder.on_event, limits=QUICK)
    client.start()
    with pytest.raises(SwitchUnavailable):
        client.api("status")
    assert not client.connected
    switch = Switch()
    client.address = switch.address
    assert client.wait_connected(30)
    client.stop()
    switch.stop()


def test_a_wrong_password_is_not_tried_again_soon(switch: Switch, caplog: pytest.LogCaptureFixture) -> None:
    with client_of(switch, Recorder(), password="wrong"):
        until(lambda: "refuses the password" in caplog.text)
        assert "next try in 30.0 s" in caplog.text
        assert len(switch.connections) == 1


def test_a_host_that_the_access_list_refuses_is_not_tried_again_soon(
    caplog: pytest.LogCaptureFixture,
) -> None:
    switch = Switch(greeting=b"Content-Type: text/rude-rejection\nContent-Length: 4\n\nNo.\n")
    with client_of(switch, Recorder()):
        until(lambda: "refuses this host: No." in caplog.text)
        assert "next try in 30.0 s" in caplog.text
    switch.stop()


def test_a_refused_command_raises_what_freeswitch_said(switch: Switch) -> None:
    switch.answer = lambda command: "-ERR no such channel\n"
    with client_of(switch, Recorder()) as client:
        assert client.wait_connected(30)
        with pytest.raises(CommandRefused, match="-ERR no such channel"):
            client.api("uuid_kill x")
        assert client.api("uuid_kill x", check=False) == "-ERR no such channel"
        with pytest.raises(InvalidCommand):
            client.api("status\n\nexit")


def test_a_command_without_a_reply_ends_at_its_time_limit(switch: Switch) -> None:
    switch.answer = lambda command: None if command == "hang" else "+OK\n"
    with client_of(switch, Recorder(), Limits(heartbeat=60)) as client:
        assert client.wait_connected(30)
        with pytest.raises(CommandTimeout) as caught:
            client.api("hang", timeout=0.05)
        assert isinstance(caught.value, SwitchUnavailable)


def test_a_command_in_flight_when_the_connection_drops_returns(switch: Switch) -> None:
    switch.answer = lambda command: None if command == "hang" else "+OK\n"
    with client_of(switch, Recorder(), Limits(heartbeat=60)) as client:
        assert client.wait_connected(30)
        asking = gevent.spawn(client.api, "hang", 30)
        until(lambda: "api hang" in switch.commands())
        switch.drop()
        with pytest.raises(SwitchUnavailable):
            asking.get(timeout=30)


def test_a_background_job_is_known_by_the_uuid_that_we_chose(switch: Switch) -> None:
    recorder = Recorder()
    with client_of(switch, recorder) as client:
        assert client.wait_connected(30)
        assert client.bgapi("originate x &park()", "job-1") == "job-1"
        assert "bgapi originate x &park()\nJob-UUID: job-1" in switch.commands()
        client.bgapi("status")
        assert "bgapi status" in switch.commands()
        switch.subscriber().send(event("BACKGROUND_JOB", body="+OK done\n", Job_UUID="job-1"))
        until(lambda: recorder.events)
        assert (recorder.events[0]["Job-UUID"], recorder.events[0].text) == ("job-1", "+OK done")


def test_a_switch_that_answers_no_beat_is_given_up(switch: Switch) -> None:
    recorder = Recorder()
    with client_of(switch, recorder, replace(QUICK, lag=0.2)) as client:
        assert client.wait_connected(30)
        switch.answer = lambda command: None
        until(lambda: any("heart-beat" in line for line in recorder.told))
        switch.answer = lambda command: "+OK\n"
        until(lambda: client.connected)


def test_the_beat_measures_how_far_freeswitch_is_behind(switch: Switch) -> None:
    def slow(command: str) -> str:
        gevent.sleep(0.03)
        return "+OK\n"

    switch.answer = slow
    with client_of(switch, Recorder()) as client:
        assert client.wait_connected(30)
        until(lambda: client.lag > 0.03)


def test_the_reader_waits_for_no_handler(switch: Switch) -> None:
    busy = gevent.event.Event()
    recorder = Recorder(handle=lambda event: busy.wait() and None)
    with client_of(switch, recorder) as client:
        assert client.wait_connected(30)
        switch.subscriber().send(event("CHANNEL_ANSWER", variable_filler="x" * 5000) * 1000)
        until(lambda: len(client._inbox) == 999)
        assert client.api("status") == "+OK"
        busy.set()
        until(lambda: len(recorder.events) == 1000)


def test_a_client_that_lags_closes_its_own_socket_early(switch: Switch) -> None:
    blocked = gevent.event.Event()
    recorder = Recorder(handle=lambda event: blocked.wait() and None)
    limits = Limits(first_retry=0.01, queued=100, heartbeat=60)
    with client_of(switch, recorder, limits) as client:
        assert client.wait_connected(30)
        subscriber = switch.subscriber()
        subscriber.send(event("CHANNEL_ANSWER"))
        until(lambda: recorder.events)
        subscriber.send(event("CHANNEL_HANGUP") * 101)
        until(lambda: len([said for said in switch.commands() if said.startswith("event ")]) == 2)
        blocked.set()
        until(lambda: recorder.told.count("up") == 2)
        assert recorder.told == [
            "up",
            "CHANNEL_ANSWER",
            "down: 100 events wait for their handler",
            "up",
        ]


def test_a_handler_that_fails_stops_nothing(switch: Switch, caplog: pytest.LogCaptureFixture) -> None:
    def fail(event: Event) -> None:
        raise ZeroDivisionError

    recorder = Recorder(handle=fail)
    with client_of(switch, recorder) as client:
        assert client.wait_connected(30)
        switch.subscriber().send(event("CHANNEL_ANSWER") * 2)
        until(lambda: len(recorder.events) == 2)
        assert "ZeroDivisionError" in caplog.text
        assert client.connected


def test_handlers_that_take_long_leave_others_their_turn(switch: Switch) -> None:
    def take(event: Event) -> None:
        end = time.monotonic() + 0.002
        while time.monotonic() < end:
            pass

    recorder = Recorder(handle=take)
    turns: list[int] = []

    def watch() -> None:
        while len(recorder.events) < 100:
            turns.append(len(recorder.events))
            gevent.sleep(0)

    with client_of(switch, recorder, Limits(heartbeat=60)) as client:
        assert client.wait_connected(30)
        switch.subscriber().send(event("DTMF") * 100)
        gevent.spawn(watch).join(30)
        assert len(set(turns)) > 10


def test_newlines_wake_freeswitch_while_busy_and_only_on_the_event_connection(switch: Switch) -> None:
    with client_of(switch, Recorder()) as client:
        assert client.wait_connected(30)
        assert sum(peer.newlines for peer in switch.connections) == 0
        client.busy = True
        assert client.busy
        until(lambda: switch.subscriber().newlines > 10)
        assert [peer for peer in switch.connections if peer.newlines] == [switch.subscriber()]
        client.busy = False
        poked = _settled(switch.subscriber())
        gevent.sleep(0.02)
        assert switch.subscriber().newlines == poked
        assert client.api("status") == "+OK"


def _settled(peer: Peer) -> int:
    gevent.sleep(0.02)
    return peer.newlines


def test_newlines_go_on_after_a_reconnection(switch: Switch) -> None:
    recorder = Recorder()
    with client_of(switch, recorder) as client:
        assert client.wait_connected(30)
        client.busy = True
        switch.drop()
        until(lambda: recorder.told.count("up") == 2)
        until(lambda: switch.subscriber().newlines > 3)


def test_the_wire_is_logged_without_the_password(switch: Switch, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG", "fsroute.esl.wire")
    with client_of(switch, Recorder()) as client:
        assert client.wait_connected(30)
        client.api("status")
    assert "> b'api status" in caplog.text
    assert "+OK accepted" in caplog.text
    assert "ClueCon" not in caplog.text


def test_stop_closes_both_connections_and_tells_nobody(switch: Switch) -> None:
    recorder = Recorder()
    with client_of(switch, recorder) as client:
        assert client.wait_connected(30)
        client.stop()
        client.stop()
    until(lambda: all(peer.file.closed for peer in switch.connections))
    assert recorder.told == ["up"]
    assert not client.connected


def test_a_hub_that_stands_still_gives_its_socket_up(switch: Switch) -> None:
    recorder = Recorder()
    with client_of(switch, recorder, Limits(first_retry=0.01, heartbeat=60, stall=0.1)) as client:
        assert client.wait_connected(30)
        stand_still(0.3)
        until(lambda: recorder.told.count("up") == 2)
        assert recorder.told[1].startswith("down: FreeSWITCH closed the connection")


def stand_still(seconds: float) -> None:
    """Hold the whole hub, as a long call into C would."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass


def test_one_stall_is_given_up_once() -> None:
    given_up: list[float] = []
    watch = StallWatch(lambda: given_up.append(time.monotonic()), 0.05)
    watch.start()
    stand_still(0.3)
    gevent.sleep(0.02)
    assert len(given_up) == watch.stalls == 1
    stand_still(0.2)
    assert watch.stalls == 2
    watch.stop()
