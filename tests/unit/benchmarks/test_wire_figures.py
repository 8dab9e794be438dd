from __future__ import annotations

import pytest

from tests.benchmarks.sniffer import Stream, of_event_socket, of_sip
from tests.benchmarks.wire_figures import Ports, Record, Turnover, overtaken, turnovers

PORTS = Ports(agents=7000, callers=5060)
SWITCH = 5070


def invite_agent(at: float, agent: str, caller: str, call_id: str) -> Record:
    return [at, SWITCH, PORTS.agents, f"INVITE sip:{agent}@127.0.0.1:7000 SIP/2.0", "INVITE", call_id, caller]


def bye_of_agent(at: float, call_id: str) -> Record:
    return [at, PORTS.agents, SWITCH, "BYE sip:mod_sofia@127.0.0.1 SIP/2.0", "BYE", call_id, ""]


def arrives(at: float, caller: str) -> Record:
    return [at, 6000, PORTS.callers, "INVITE sip:800@127.0.0.1 SIP/2.0", "INVITE", f"c{caller}", caller]


def originate(at: float, leg: str, agent: str) -> Record:
    command = (
        f"bgapi originate {{origination_uuid={leg},x=1}}sofia/fsroute_agents/{agent}@127.0.0.1:7000 &park()"
    )
    return [at, 40000, 8021, "originate", command]


def test_a_turnover_is_from_the_agents_bye_to_the_next_invite_at_the_same_phone() -> None:
    records = [
        invite_agent(1.0, "a1", "1", "x"),
        invite_agent(1.1, "a2", "2", "y"),
        bye_of_agent(4.0, "x"),
        invite_agent(4.1, "a2", "3", "z"),
        invite_agent(4.5, "a1", "4", "w"),
        invite_agent(5.0, "a1", "4", "w"),
    ]
    assert turnovers(records, PORTS, 0.0, 9.0) == [Turnover("a1", 4.0, 4.5)]
    assert turnovers(records, PORTS, 4.2, 9.0) == []


def test_a_bye_that_is_sent_again_ends_nothing() -> None:
    records = [
        invite_agent(1.0, "a1", "71", "first"),
        bye_of_agent(4.0, "first"),
        invite_agent(4.5, "a1", "72", "second"),
        bye_of_agent(4.6, "first"),
        bye_of_agent(8.0, "second"),
        invite_agent(8.1, "a1", "73", "third"),
    ]
    found = turnovers(records, PORTS, 0.0, 9.0)
    assert [(each.bye, each.invite) for each in found] == [(4.0, 4.5), (8.0, 8.1)]


def test_the_routers_part_is_from_the_event_to_its_command() -> None:
    records: list[Record] = [
        originate(0.9, "leg-1", "a1"),
        invite_agent(1.0, "a1", "1", "x"),
        bye_of_agent(4.0, "x"),
        [4.01, 8021, 40001, "hangup", "leg-1"],
        originate(4.02, "leg-2", "a1"),
        invite_agent(4.03, "a1", "2", "y"),
    ]
    assert turnovers(records, PORTS, 0.0, 9.0) == [Turnover("a1", 4.0, 4.03, hangup=4.01, originate=4.02)]


@pytest.mark.parametrize(
    ("offers", "expected"),
    [
        ([(10.0, "1"), (11.0, "2"), (12.0, "3")], (0, 3, 0.0)),
        ([(10.0, "2"), (11.0, "3"), (15.0, "1")], (1, 3, 5.0)),
        ([(10.0, "3"), (10.05, "2"), (10.09, "1")], (0, 3, 0.0)),
        ([(10.0, "2"), (11.0, "3")], (1, 3, 10.0)),
    ],
    ids=["in order", "one is last", "all at once", "one waits still"],
)
def test_whoever_is_offered_later_than_a_later_caller_was_overtaken(
    offers: list[tuple[float, str]], expected: tuple[int, int, float]
) -> None:
    records = [arrives(1.0, "1"), arrives(2.0, "2"), arrives(3.0, "3")]
    records += [invite_agent(at, f"a{caller}", caller, f"o{caller}") for at, caller in offers]
    assert overtaken(records, PORTS, 0.0, 20.0) == expected


def test_frames_are_found_however_the_bytes_are_cut() -> None:
    event = b"Event-Name: CHANNEL_HANGUP\nCore-UUID: c\nUnique-ID: leg-1\n\n"
    frame = b"Content-Type: text/event-plain\nContent-Length: %d\n\n\nxx" % (len(event) + 3)
    data = b"\n\n" + frame.replace(b"\nxx", b"\n") + event + b"\n\n"
    whole = list(Stream().frames(data * 2))
    stream = Stream()
    assert [found for byte in data * 2 for found in stream.frames(bytes([byte]))] == whole
    assert len(whole) == 2
    assert of_event_socket(whole[0]) == ["hangup", "leg-1"]
    assert of_event_socket(b"bgapi originate {a=b}x\nJob-UUID: j\n\n") == [
        "originate",
        "bgapi originate {a=b}x",
    ]


def test_of_a_sip_message_the_sniffer_notes_what_the_figures_need() -> None:
    message = b"INVITE sip:a1@h SIP/2.0\r\nFrom: <sip:81@h>;tag=1\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\n\r\nv=0"
    assert of_sip(message) == ["INVITE sip:a1@h SIP/2.0", "INVITE", "x", "81"]
    assert of_sip(b"\x80\x00") is None
