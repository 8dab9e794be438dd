"""What the adapters make of proxy calls, events and lists."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fsroute.acd.adapters import (
    AgentLeft,
    AgentThere,
    FaultyAcd,
    Joinable,
    Left,
    NotTaken,
    Offering,
    Signal,
    Waits,
)
from fsroute.acd.adapters.callcenter import CALLCENTER, HIGHEST_SCORE, score
from fsroute.acd.adapters.loading import BUILT_IN, FaultyAdapter, fault, load
from fsroute.acd.adapters.sip import REINVITE, SIP
from fsroute.acd.dial import dialled
from fsroute.esl.messages import Event
from fsroute.model.contact import HEAD_PRIORITY
from fsroute.model.other_acd import OtherAcd
from tests.unit.rows import NOON, proxy_call

CAPTURE = Path(__file__).parents[2] / "captures" / "mod_callcenter_queue_serves_a_member.jsonl"
THEIRS = OtherAcd("theirs", "callcenter", "b", {"queue": "support@default"})
NOW = NOON.timestamp() + 60


def called(signal: str) -> OtherAcd:
    return OtherAcd("called", "sip", "b", {"dial": "sofia/gateway/blue/5000", "signal": signal})


def event(name: str, **headers: str) -> Event:
    lines = [f"Event-Name: {name}", *(f"{key.replace('__', '-')}: {value}" for key, value in headers.items())]
    return Event.plain(("\n".join(lines) + "\n\n").encode())


def recorded() -> list[Event]:
    """The events of a recording of mod_callcenter."""
    text = "".join(
        line["data"]
        for line in map(json.loads, CAPTURE.read_text().splitlines())
        if line.get("from") == "freeswitch"
    )
    parts = text.split("Content-Type: text/event-plain\n\n")[1:]
    return [Event.plain(part.partition("\n\n")[0].encode() + b"\n\n") for part in parts]


# mod_callcenter ------------------------------------------------------------------------------------------


def test_a_recorded_queue_tells_of_its_member_from_the_beginning_to_the_agent() -> None:
    events = recorded()
    entry = next(
        each.get("CC-Member-Session-UUID") for each in events if each.get("CC-Action") == "member-queue-start"
    )
    said: list[Signal] = [signal for each in events for signal in CALLCENTER.hear(THEIRS, entry or "", each)]
    kinds = [type(signal) for signal in said]
    assert kinds[:4] == [Waits, Offering, AgentThere, Joinable]
    assert AgentLeft in kinds
    agents = {signal.agent for signal in said if isinstance(signal, Offering | AgentThere)}
    assert agents == {"ann@default"}
    assert [CALLCENTER.serves(each) for each in events if CALLCENTER.serves(each)] != []


def test_what_fsroute_tells_of_its_own_queues_is_no_word_of_mod_callcenter() -> None:
    offering = {"CC-Action": "agent-offering", "CC-Agent": "ann", "CC-Member-Session-UUID": "e1"}
    served = {"CC-Action": "bridge-agent-start", "CC-Queue": "support@default"}
    ours = {"Sent-By": "fsroute"}
    assert list(CALLCENTER.hear(THEIRS, "e1", event("CUSTOM", **offering))) == [Offering("ann")]
    assert list(CALLCENTER.hear(THEIRS, "e1", event("CUSTOM", **offering, **ours))) == []
    assert CALLCENTER.serves(event("CUSTOM", **served)) == "support@default"
    assert CALLCENTER.serves(event("CUSTOM", **served, **ours)) == ""


def test_the_entry_is_a_member_with_the_callers_number_and_the_contacts_arrival() -> None:
    call = proxy_call(caller_number="+49 89\n1", caller_name="Bob, {x}'s ${y}")
    command = CALLCENTER.enter(call, THEIRS, "e", "secret", NOW)
    assert command.endswith("}null/fsroute &callcenter(support@default)")
    assert "origination_uuid=e,fsroute_entry=7,cc_base_score=60," in command
    assert "origination_callee_id_number=+49891,origination_callee_id_name='Bob xs y'" in command
    assert dialled(event("BACKGROUND_JOB", **{"Job-Command-Arg": command.partition(" ")[2]})) == "e"


def test_the_score_keeps_priority_before_arrival() -> None:
    first, second = proxy_call(priority=0), proxy_call(priority=1)
    assert score(second, THEIRS, NOW) - score(first, THEIRS, NOW) == 86_400
    lost = proxy_call(priority=HEAD_PRIORITY)
    assert score(lost, THEIRS, NOW) == HIGHEST_SCORE
    weighed = replace(THEIRS, parameters={"queue": "q", "seconds_per_priority": "30"})
    assert score(second, weighed, NOW) == 90


LIST = (
    "queue|instance_id|uuid|session_uuid|cid_number|cid_name|system_epoch|joined_epoch|rejoined_epoch|bridge_epoch|"
    "abandoned_epoch|base_score|skill_score|serving_agent|serving_system|state|score\n"
    "q|single_box|u1|e1|1|A|10|10|0|0|0|0|0|||Waiting|5\n"
    "q|single_box|u2|e2|1|B|11|11|0|0|0|60|0|ann|single_box|Trying|64\n"
    "q|single_box|u3||1|C|9|9|0|0|12|0|0|||Abandoned|9\n"
    "q|single_box|u4|e4|1|D|9|9|0|12|0|0|0|ann|single_box|Answered|6\n"
    "q|single_box|u5|e5|1|E|9|9|0|0|0|0|0|||Waiting|5\n"
    "+OK\n"
)


def test_places_are_by_score_and_then_by_arrival() -> None:
    assert CALLCENTER.places(THEIRS, lambda _: LIST) == {"e2": 1, "e5": 2, "e1": 3}
    assert CALLCENTER.places(THEIRS, lambda _: "-ERR no such queue\n") == {}


def look(answers: dict[str, str], entry: str = "e2") -> list[Signal]:
    def ask(command: str) -> str:
        return next((text for start, text in answers.items() if command.startswith(start)), "_undef_")

    return list(CALLCENTER.look(THEIRS, entry, ask))


def test_after_a_restart_the_lists_and_the_channel_say_how_far_an_entry_is() -> None:
    members = {"callcenter_config": LIST}
    assert look(members, "e1") == [Waits()]
    assert look(members) == [Waits(), Offering("ann")]
    there = members | {"uuid_getvar e4 cc_agent_uuid": "a\n", "uuid_exists a": "true"}
    assert look(there, "e4") == [Waits(), AgentThere("ann", "a"), Joinable()]
    gone = there | {"uuid_exists a": "false"}
    assert look(gone, "e4") == [Waits()]


@pytest.mark.parametrize(
    ("headers", "signal"),
    [
        ({"CC__Action": "bridge-agent-fail", "CC__Hangup__Cause": "USER_BUSY"}, NotTaken("ann", "busy")),
        ({"CC__Action": "bridge-agent-fail", "CC__Hangup__Cause": "NO_ANSWER"}, NotTaken("ann", "no_answer")),
        (
            {"CC__Action": "member-queue-end", "CC__Cause": "Cancel", "CC__Cancel__Reason": "TIMEOUT"},
            Left("acd_timeout", is_final=True),
        ),
        (
            {"CC__Action": "member-queue-end", "CC__Cause": "Cancel", "CC__Cancel__Reason": "BREAK_OUT"},
            Left("acd_break_out"),
        ),
    ],
)
def test_what_mod_callcenter_says_is_heard(headers: dict[str, str], signal: Signal) -> None:
    told = event("CUSTOM", CC__Member__Session__UUID="e", CC__Agent="ann", **headers)
    assert list(CALLCENTER.hear(THEIRS, "e", told)) == [signal]
    assert list(CALLCENTER.hear(THEIRS, "other", told)) == []


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"queue": ""},
        {"queue": "a b"},
        {"queue": "a}null/x"},
        {"queue": "a)&park("},
        {"queue": "q", "seconds_per_priority": "-1"},
        {"queue": "q", "dial": "sofia/x"},
    ],
)
def test_parameters_that_mod_callcenter_cannot_have_are_refused(parameters: dict[str, str]) -> None:
    with pytest.raises(FaultyAcd):
        CALLCENTER.check(parameters)


# Calls ---------------------------------------------------------------------------------------------------


def heard(signal: str, *events: Event) -> list[Signal]:
    return [each for one in events for each in SIP.hear(called(signal), "e", one)]


ANSWERED = event("CHANNEL_ANSWER", Unique__ID="e")


def test_a_call_that_rings_waits_and_one_that_is_answered_is_a_human() -> None:
    assert heard("answer", event("CHANNEL_PROGRESS", Unique__ID="e")) == [Waits()]
    assert heard("answer", ANSWERED) == [Waits(), AgentThere("", "e")]
    assert heard("http", ANSWERED) == [Waits()]
    assert heard("http", event("CHANNEL_PARK", Unique__ID="e")) == [Joinable()]
    assert heard("answer", event("CHANNEL_ANSWER", Unique__ID="f")) == []


def test_a_digit_a_tone_and_an_identity_are_signals_only_where_they_are_asked_for() -> None:
    five = event("DTMF", Unique__ID="e", DTMF__Digit="5")
    assert heard("digit:5", five) == heard("digit:5:inband", five) == [AgentThere("", "e")]
    assert heard("digit:4", five) == heard("tone:440", five) == []
    tone = event("DETECTED_TONE", Detected__Tone="e")
    assert heard("tone:440", tone) == [AgentThere("", "e")]
    assert heard("digit:5", tone) == heard("tone:440", event("DETECTED_TONE", Detected__Tone="f")) == []
    assert list(SIP.answered(called("tone:440+480"), "e")) == [("tone_detect", "e 440,480 r +86400")]
    assert list(SIP.answered(called("digit:5"), "e")) == []


def update(**headers: str) -> Event:
    known = {
        "Unique__ID": "e",
        "Answer__State": "answered",
        "Direction": "RECV",
        "Caller__Destination__Number": "5000",
        "variable_origination_caller_id_number": "5551234",
    }
    return event("CALL_UPDATE", **known | headers)


def test_a_new_identity_is_one_that_is_neither_the_number_called_nor_the_caller() -> None:
    assert heard("reinvite", update(Caller__Caller__ID__Number="4711")) == [AgentThere("4711", "e")]
    assert heard("reinvite", update(Caller__Caller__ID__Number="5000")) == []
    assert heard("reinvite", update(Caller__Caller__ID__Number="5551234")) == []
    early = update(Caller__Caller__ID__Number="4711", Answer__State="early")
    assert heard("reinvite", early) == []
    again = event("CUSTOM", Event__Subclass=REINVITE, Unique__ID="e")
    assert heard("reinvite", again) == []
    named = event(
        "CUSTOM", Event__Subclass=REINVITE, Unique__ID="e", **{"variable_sip_h_X-Fsroute-Agent": "zoe"}
    )
    assert heard("reinvite", named) == [AgentThere("zoe", "e")]


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"dial": "5000"},
        {"dial": "sofia/x/1 &park()"},
        {"dial": "sofia/x/1,sofia/x/2"},
        {"dial": "{a=b}sofia/x/1"},
        {"dial": "sofia/x/${y}"},
        {"dial": "sofia/x/1", "signal": "digit:55"},
        {"dial": "sofia/x/1", "signal": "tone:0"},
        {"dial": "sofia/x/1", "queue": "q"},
    ],
)
def test_parameters_that_no_call_can_have_are_refused(parameters: dict[str, str]) -> None:
    with pytest.raises(FaultyAcd):
        SIP.check(parameters)


@pytest.mark.parametrize(
    "signal", ["answer", "digit:*", "digit:5:inband", "tone:425", "tone:350+440", "reinvite", "http"]
)
def test_parameters_that_can_be_used_are(signal: str) -> None:
    SIP.check(called(signal).parameters)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=60), st.text(max_size=60))
def test_nothing_of_the_caller_is_syntax_in_a_command(number: str, name: str) -> None:
    call = proxy_call(caller_number=number, caller_name=name)
    for adapter, acd in ((CALLCENTER, THEIRS), (SIP, called("reinvite"))):
        command = adapter.enter(call, acd, "e", "fsr0", NOW)
        assert command.isprintable()
        assert (command.count("{"), command.count("}"), command.count("$")) == (1, 1, 0)
        assert command.count("'") == (4 if adapter is SIP else 2)
        assert command.count("&") == 1


# Others --------------------------------------------------------------------------------------------------


def test_an_installed_adapter_is_known_by_the_name_of_its_entry_point() -> None:
    point = EntryPoint("theirs", "fsroute.acd.adapters.sip:SIP", "fsroute.acd")
    assert load([point]) == {"callcenter": CALLCENTER, "sip": SIP, "theirs": SIP}


def test_what_is_no_adapter_is_refused_by_name() -> None:
    with pytest.raises(FaultyAdapter, match=r"theirs = fsroute\.acd\.dial:dialled .* lacks check, enter"):
        load([EntryPoint("theirs", "fsroute.acd.dial:dialled", "fsroute.acd")])
    with pytest.raises(FaultyAdapter, match="cannot be loaded"):
        load([EntryPoint("theirs", "fsroute.nowhere:x", "fsroute.acd")])


def test_what_is_wrong_with_an_acd_is_said() -> None:
    assert fault(BUILT_IN, THEIRS) == ""
    assert fault(BUILT_IN, replace(THEIRS, parameters={})) == "the parameter queue is missing"
    assert fault(BUILT_IN, replace(THEIRS, adapter="pbx")) == "there is no adapter pbx, only callcenter, sip"
