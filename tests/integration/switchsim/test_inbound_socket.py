"""Port 8021: who may come in, what is subscribed to, api and bgapi."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import gevent
import pytest
from gevent import socket

from fsroute.switchsim import Caller, Network, Options, Switch
from tests.integration.switchsim.conftest import ADA
from tests.integration.switchsim.program import Call
from tests.waiting import until

PLAIN = Caller(ADA.number, ADA.name, "8005550102")

Connect = Callable[..., Call]


@pytest.fixture
def connect(west: Switch) -> Iterator[Connect]:
    calls: list[Call] = []

    def connect(*commands: str, to: Switch = west) -> Call:
        call = Call(socket.create_connection(("127.0.0.1", to.port)))
        calls.append(call)
        gevent.spawn(call.read)
        until(lambda: call.messages)
        assert call.messages.pop(0).content_type == "auth/request"
        for command in commands:
            call.ask(command)
        return call

    yield connect
    for call in calls:
        call.close()


def test_the_right_password_lets_in(connect: Connect) -> None:
    assert connect().ask("auth ClueCon") == "+OK accepted"


def test_a_wrong_password_closes(connect: Connect) -> None:
    client = connect()
    assert client.ask("auth guess") == "-ERR invalid"
    until(lambda: client.is_closed)


def test_nothing_is_done_before_the_password(connect: Connect) -> None:
    client = connect()
    assert client.ask("api status") == "-ERR invalid"
    until(lambda: client.is_closed)


def test_only_what_was_subscribed_to_comes(connect: Connect, network: Network) -> None:
    client = connect("auth ClueCon", "event plain CHANNEL_CREATE CHANNEL_ANSWER CHANNEL_HANGUP")
    call = network.call(PLAIN)
    client.wait_for("CHANNEL_ANSWER")
    call.hang_up()
    client.wait_for("CHANNEL_HANGUP", Unique_ID=call.channel.uuid if call.channel else "")
    assert client.names == ["CHANNEL_CREATE", "CHANNEL_ANSWER", "CHANNEL_HANGUP"]


def test_nixevent_takes_events_away(connect: Connect, network: Network) -> None:
    client = connect("auth ClueCon", "event plain ALL")
    assert client.ask("nixevent CHANNEL_STATE CHANNEL_CALLSTATE API") == "+OK events nixed"
    network.call(PLAIN)
    client.wait_for("CHANNEL_PARK")
    assert "CHANNEL_CREATE" in client.names
    assert not {"CHANNEL_STATE", "CHANNEL_CALLSTATE"} & set(client.names)


def test_a_filter_drops_every_event_that_lacks_the_header(connect: Connect, network: Network) -> None:
    client = connect("auth ClueCon", "event plain ALL")
    assert client.ask("filter Caller-Destination-Number 8005550102").startswith("+OK filter added.")
    client.ask("bgapi status")
    network.call(PLAIN)
    client.wait_for("CHANNEL_PARK")
    assert "BACKGROUND_JOB" not in client.names
    assert client.ask("filter delete all").startswith("+OK filter deleted.")
    client.ask("bgapi status")
    client.wait_for("BACKGROUND_JOB")


def test_unknown_event_names_are_refused(connect: Connect) -> None:
    client = connect("auth ClueCon")
    assert client.ask("event plain NO_SUCH_EVENT") == "-ERR no keywords supplied"


def test_a_job_has_the_uuid_that_was_asked_for(connect: Connect) -> None:
    client = connect("auth ClueCon", "event plain BACKGROUND_JOB")
    assert client.ask("bgapi create_uuid\nJob-UUID: job-1") == "+OK Job-UUID: job-1"
    event = client.wait_for("BACKGROUND_JOB")
    assert event["Job-UUID"] == "job-1"
    assert event["Job-Command"] == "create_uuid"
    assert len(event.body) == 36


def test_a_bare_line_end_is_ignored(connect: Connect) -> None:
    client = connect("auth ClueCon")
    client.send("", "", "")
    assert client.ask("api hostname") == "west"


def test_an_unknown_command_says_so(connect: Connect) -> None:
    client = connect("auth ClueCon")
    assert client.ask("nonsense_command") == "-ERR command not found"
    assert client.ask("api no_such_api x") == "-ERR no_such_api Command not found!"
    assert client.ask("api uuid_bridge nonsense alsononsense") == "-ERR Invalid uuid"


def test_eval_says_what_each_of_its_commands_said(connect: Connect) -> None:
    client = connect("auth ClueCon")
    assert client.ask("api eval a${hostname()} b") == "awest b"
    said = client.ask("api eval ${uuid_answer(nonsense)}${uuid_bridge(nonsense alsononsense)}")
    assert said == "-ERROR\n-ERR Invalid uuid"


def test_exit_says_goodbye(connect: Connect) -> None:
    client = connect("auth ClueCon")
    assert client.ask("exit") == "+OK bye"
    until(lambda: client.is_closed)
    assert client.messages[-1].content_type == "text/disconnect-notice"


def test_sendmsg_reaches_any_channel(connect: Connect, network: Network) -> None:
    client = connect("auth ClueCon", "event plain CHANNEL_PARK CHANNEL_HANGUP")
    call = network.call(PLAIN)
    uuid = client.wait_for("CHANNEL_PARK").uuid
    assert client.ask(f"sendmsg {uuid}\ncall-command: hangup\nhangup-cause: USER_BUSY") == "+OK"
    until(lambda: call.cause == "USER_BUSY")
    assert client.ask("sendmsg nobody\ncall-command: hangup") == "-ERR invalid session id [nobody]"


def test_variables_are_read_and_written(connect: Connect, network: Network) -> None:
    client = connect("auth ClueCon", "event plain CHANNEL_PARK")
    network.call(PLAIN)
    uuid = client.wait_for("CHANNEL_PARK").uuid
    assert client.ask(f"api uuid_setvar {uuid} colour deep blue") == "+OK"
    assert client.ask(f"api uuid_getvar {uuid} colour") == "deep blue"
    assert client.ask(f"api uuid_getvar {uuid} nothing") == "_undef_"
    assert client.ask(f"api uuid_setvar {uuid} colour") == "+OK"
    assert client.ask(f"api uuid_getvar {uuid} colour") == "_undef_"
    assert client.ask("api uuid_getvar nobody colour") == "-ERR No such channel!"
    assert "variable_sip_from_display: Ada%20Lovelace\n" in client.ask(f"api uuid_dump {uuid}")


def test_the_table_of_channels_is_empty_when_all_are_gone(connect: Connect, network: Network) -> None:
    client = connect("auth ClueCon", "event plain CHANNEL_PARK CHANNEL_DESTROY")
    network.call(PLAIN)
    client.wait_for("CHANNEL_PARK")
    assert '"row_count":1' in client.ask("api show channels as json")
    assert client.ask("api hupall MANAGER_REQUEST").startswith("+OK hangup all channels")
    client.wait_for("CHANNEL_DESTROY", Hangup_Cause="MANAGER_REQUEST")
    assert client.ask("api show channels as json") == '{"row_count":0}'


def test_the_heart_beats(network: Network, west: Switch, connect: Connect) -> None:
    north = Switch("north", network, options=Options(heartbeat=0.05))
    north.start()
    client = connect("auth ClueCon", "event plain HEARTBEAT", to=north)
    assert client.wait_for("HEARTBEAT")["Event-Info"] == "System Ready"


def test_events_wait_and_a_line_end_wakes_them(network: Network, west: Switch, connect: Connect) -> None:
    slow = Switch("slow", network, options=Options(event_latency=6000))
    slow.random.seed(1)
    slow.start()
    client = connect("auth ClueCon", "event plain BACKGROUND_JOB", to=slow)
    client.ask("bgapi status")

    def woken() -> bool:
        client.send("")
        return "BACKGROUND_JOB" in client.names

    until(woken)


def test_a_crashed_switch_is_back_on_its_port_with_nothing_in_memory(
    network: Network, west: Switch, connect: Connect
) -> None:
    client = connect("auth ClueCon", "event plain CHANNEL_PARK")
    call = network.call(PLAIN)
    client.wait_for("CHANNEL_PARK")
    core = west.core_uuid
    west.restart()
    until(lambda: client.is_closed)
    until(lambda: call.cause == "MEDIA_TIMEOUT")
    again = connect("auth ClueCon")
    assert again.ask("api show channels as json") == '{"row_count":0}'
    assert west.core_uuid != core


def execute(client: Call, uuid: str, application: str, argument: str) -> None:
    """Queue an application that holds back those behind it."""
    client.ask(
        f"sendmsg {uuid}\ncall-command: execute\nexecute-app-name: {application}\n"
        f"execute-app-arg: {argument}\nevent-lock: true"
    )


def test_an_event_of_ones_own_follows_what_was_played_before_it(connect: Connect, network: Network) -> None:
    client = connect("auth ClueCon", "event plain CHANNEL_PARK PLAYBACK_STOP CUSTOM fsroute::told")
    network.call(PLAIN)
    uuid = client.wait_for("CHANNEL_PARK")["Unique-ID"]
    for subclass in ("fsroute::told", "somebody::elses"):
        execute(client, uuid, "playback", "short.wav")
        execute(client, uuid, "event", f"Event-Name=CUSTOM,Event-Subclass={subclass},of=ann")
    told = client.wait_for("CUSTOM")
    assert (told["Unique-ID"], told["Event-Subclass"], told["of"]) == (uuid, "fsroute::told", "ann")
    until(lambda: client.names.count("PLAYBACK_STOP") == 2)
    assert client.names == ["CHANNEL_PARK", "PLAYBACK_STOP", "CUSTOM", "PLAYBACK_STOP"]


def test_the_second_channel_of_a_bridge_is_parked_after_it_where_it_is_to_be(
    connect: Connect, network: Network
) -> None:
    client = connect("auth ClueCon", "event plain CHANNEL_PARK CHANNEL_BRIDGE CHANNEL_HANGUP")
    calls = [network.call(PLAIN) for _ in range(2)]
    until(lambda: client.names.count("CHANNEL_PARK") == 2)
    first, second = (call.channel.uuid for call in calls if call.channel is not None)
    client.ask(f"api uuid_setvar {second} park_after_bridge true")
    client.ask(f"api uuid_bridge {first} {second}")
    client.wait_for("CHANNEL_BRIDGE")
    calls[0].hang_up()
    until(lambda: client.names.count("CHANNEL_PARK") == 3)
    assert not calls[1].over.is_set()
    client.ask(f"api uuid_transfer {second} park inline")
    until(lambda: client.names.count("CHANNEL_PARK") == 4)
    calls[1].hang_up()
