"""In a scrubbed capture no name and no number is left, however it was written, and the frames are whole still."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as some

from fsroute.coordinator.actions import AgentChanged, CallChanged
from fsroute.esl.encoding import url_encode
from fsroute.esl.messages import Event
from fsroute.replay import format as captures
from fsroute.replay.format import Capture, Chunk, Header, Note, Side
from fsroute.replay.frames import frames
from fsroute.replay.headers import Kind, kind_of
from fsroute.replay.journal import NumbersChanged, RulesChanged
from fsroute.replay.masks import Masks
from fsroute.replay.scrub import Scrubber, Settings
from tests.unit.replay.test_journal import ANNA
from tests.unit.rows import proxy_call

FOLDER = Path(__file__).parents[2] / "captures"
KEY = b"a key of the folder's own"
UUID = "c7512d7c-87d0-4091-88d4-79bed36e095e"


def scrubbed(capture: Capture, *facts: str) -> Capture:
    """What is written of it, read again."""
    lines = Scrubber(Settings(KEY, facts=facts)).session()

    def written() -> Iterator[bytes]:
        yield captures.header_line(Header(session=capture.header.session))
        last = 0.0
        for line in capture.lines:
            last = line.t
            if isinstance(line, Chunk):
                yield from lines.chunk(line.t, line.side, line.data)
            else:
                yield from lines.note(line.t, line.facts)
        yield from lines.finish(last)
        yield captures.note_line(last, {"end": "closed"})

    return captures.parse(written())


def event(name: str, values: dict[str, str], body: str = "") -> bytes:
    lines = [f"Event-Name: {name}", f"Unique-ID: {UUID}"]
    lines += [f"{key}: {url_encode(value)}" for key, value in values.items()]
    if body:
        lines.append(f"Content-Length: {len(body.encode('utf-8', 'surrogateescape'))}")
    payload = ("\n".join(lines) + "\n\n" + body).encode("utf-8", "surrogateescape")
    return f"Content-Length: {len(payload)}\nContent-Type: text/event-plain\n\n".encode() + payload


def channel_data(name: str, number: str, **more: str) -> bytes:
    values = {
        "Event-Name": "CHANNEL_DATA",
        "Unique-ID": UUID,
        "Call-Direction": "inbound",
        "Caller-Caller-ID-Name": name,
        "Caller-Caller-ID-Number": number,
        "Caller-ANI": number,
        "Caller-Username": number,
        "Caller-Destination-Number": "8005550100",
        "Caller-Channel-Created-Time": "1795298332110546",
        "variable_channel_name": f"sofia/internal/{number}@127.0.0.1",
        "variable_sip_full_from": f'"{name}" <sip:{quote(number)}@127.0.0.1>;tag=x1',
        "variable_sip_P-Asserted-Identity": f"<sip:{number}@carrier.example>",
        **more,
    }
    lines = [f"{key}: {url_encode(value)}" for key, value in values.items()]
    return ("\n".join([*lines, "Content-Type: command/reply", "Reply-Text: +OK", "", ""])).encode(
        "utf-8", "surrogateescape"
    )


def api(output: str) -> bytes:
    body = output.encode("utf-8", "surrogateescape")
    return f"Content-Type: api/response\nContent-Length: {len(body)}\n\n".encode() + body


names = some.text(
    some.sampled_from("abcdefgxyzABXYZ0189 '\"%\\,;:<>&=+\n\r\t[]{}$äöüéßñ日\udce9\udcff"),
    min_size=5,
    max_size=30,
).filter(lambda name: sum(letter.isascii() and letter.isalpha() for letter in name) >= 5)
numbers = some.from_regex(r"\+?[1-9][0-9]{7,12}", fullmatch=True)


def forms(text: str) -> Iterator[bytes]:
    raw = text.encode("utf-8", "surrogateescape")
    yield raw
    yield url_encode(text).encode()
    yield url_encode(url_encode(text)).encode()
    yield quote(raw).encode()
    yield quote(raw, safe="").lower().encode()
    yield quote_plus(raw).encode()
    yield url_encode(quote(raw, safe="")).encode()


@given(names, numbers, some.lists(some.integers(1, 400), min_size=1, max_size=5))
@settings(max_examples=120, deadline=None)
def test_no_name_and_no_number_is_left(name: str, number: str, lengths: list[int]) -> None:
    assume(name.strip() == name)
    assume(re.search("%[0-9A-F]{2}", name) is None)  # which FreeSWITCH itself writes in two ways
    said = b"".join(
        (
            channel_data(
                name, number, variable_of_mine=f"from {number} by {name}!", variable_x=f"tel{number}"
            ),
            api(f"Caller-Caller-ID-Name: {name}\nx: {number}\nrow|{name}|{number}|"),
            event("CHANNEL_EXECUTE", {"Application": "set", "Application-Data": f"x={quote(number)} {name}"}),
            event("MESSAGE", {"from": number}, f"I am {name}, call {number}"),
            event(
                "CHANNEL_HANGUP",
                {
                    "variable_json": json.dumps({"a": name, "b": [number]}),
                    "variable_uri": f"sip:{quote(name.encode('utf-8', 'surrogateescape'), safe='')}@127.0.0.1",
                },
            ),
        )
    )
    clean = "".join(letter for letter in name if letter.isprintable())
    sent = (
        b"connect\n\n"
        + f"api uuid_setvar {UUID} who {clean}\n\n".encode("utf-8", "surrogateescape")
        + f"bgapi originate {{x=1}}sofia/a/1001@b &park() undef undef '{clean[:9]}' {number} 20\n\n".encode(
            "utf-8", "surrogateescape"
        )
    )
    chunks, at, turn = [], 0, 0
    while at < len(said):
        chunks.append(Chunk(0.0, Side.FREESWITCH, said[at : at + lengths[turn % len(lengths)]]))
        at, turn = at + lengths[turn % len(lengths)], turn + 1
    note = Note(
        0.1, {"facts": {"number": number, "note": f"{name} rang"}, "caller": {"name": name, "number": number}}
    )
    made = scrubbed(Capture(Header(), (*chunks, Chunk(0.0, Side.FSROUTE, sent), note)))
    text = made.said_by(Side.FREESWITCH) + made.said_by(Side.FSROUTE)
    text += json.dumps(made.facts, ensure_ascii=False).encode("utf-8", "surrogateescape")
    for form in forms(name):
        assert form not in text
    assert number.lstrip("+")[-8:].encode() not in text
    read = list(frames(made.chunks))
    assert len(read) == 8
    assert all(frame.message is not None or frame.command is not None for frame in read)


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.jsonl")), ids=lambda path: path.stem)
def test_recordings_stay_whole(path: Path) -> None:
    """As many frames, of the same kinds, and the protocol's own values as they were."""
    capture = captures.load(path)
    before, after = list(frames(capture.chunks)), list(frames(scrubbed(capture).chunks))
    assert [frame.side for frame in after] == [frame.side for frame in before]
    for one, other in zip(before, after, strict=True):
        assert (one.message is None) == (other.message is None)
        if isinstance(one.message, Event) and isinstance(other.message, Event):
            for name in (
                "Event-Name",
                "Unique-ID",
                "Application",
                "Application-UUID",
                "Event-Sequence",
                "Hangup-Cause",
            ):
                assert one.message.get(name) == other.message.get(name)
            assert one.message.headers().keys() == other.message.headers().keys()
            assert other.message.get("Caller-Destination-Number") == one.message.get(
                "Caller-Destination-Number"
            )
            assert len(one.message.body) == len(other.message.body)
        if one.command is not None and other.command is not None:
            assert one.command.word == other.command.word
    text = scrubbed(capture).said_by(Side.FREESWITCH)
    assert b"4155550123" not in text
    assert b"Ada%20Lovelace" not in text
    assert b"Robert" not in text


def test_who_calls_himself_a_command_changes_none() -> None:
    name = "Bob\n\nsendmsg\ncall-command: hangup\nplayback\nuuid_setvar\nlinger 5\nplayback_terminators"
    said = [
        b"connect\n\n",
        b"linger 5\n\n",
        b"sendmsg\ncall-command: execute\nexecute-app-name: playback\nEvent-UUID: e1\nexecute-app-arg: hello.wav\n\n",
        f"api uuid_setvar {UUID} playback_terminators any\n\n".encode(),
    ]
    chunks = [Chunk(0.0, Side.FREESWITCH, channel_data(name, "+14155550123"))]
    made = scrubbed(Capture(Header(), (*chunks, *(Chunk(0.1, Side.FSROUTE, each) for each in said))))
    assert made.said_by(Side.FSROUTE) == b"".join(said)
    assert b"Bob" not in made.said_by(Side.FREESWITCH)


def test_a_percent_sign_in_a_name_is_read_both_ways() -> None:
    name = "Ad%C3%41 Lovelace"
    said = channel_data(name, "+14155550123") + api(f"row|{name}|")
    text = scrubbed(Capture(Header(), (Chunk(0.0, Side.FREESWITCH, said),))).said_by(Side.FREESWITCH)
    assert b"Lovelace" not in text


def collecting(most: int) -> bytes:
    argument = f"1 {most} 1 5000 # ask.wav silence_stream://1 fsroute_digits_1 .+ 3000"
    head = "sendmsg\ncall-command: execute\nexecute-app-name: play_and_get_digits\nevent-uuid: e1"
    return f"{head}\nexecute-app-arg: {argument}\n\n".encode()


def keyed(digits: str, most: int, **step: bool) -> Capture:
    position = {"a": "shop", "v": "1", "s": "ask", "l": "en", "f": {"order": digits}}
    state = base64.urlsafe_b64encode(json.dumps(position).encode()).decode().rstrip("=")
    chunks = [Chunk(0.0, Side.FREESWITCH, channel_data("Ada Lovelace", "+14155550123"))]
    chunks.append(Chunk(0.1, Side.FSROUTE, collecting(most)))
    chunks += [Chunk(0.2, Side.FREESWITCH, event("DTMF", {"DTMF-Digit": digit})) for digit in f"{digits}#"]
    done = {
        "Application": "play_and_get_digits",
        "Application-UUID": "e1",
        "variable_fsroute_digits_1": digits,
    }
    chunks.append(Chunk(0.3, Side.FREESWITCH, event("CHANNEL_EXECUTE_COMPLETE", done)))
    chunks.append(Chunk(0.4, Side.FSROUTE, f"api uuid_setvar {UUID} fsroute_state {state}\n\n".encode()))
    chunks.append(Chunk(0.5, Side.FREESWITCH, event("CHANNEL_HANGUP", {"variable_fsroute_state": state})))
    asks = Note(0.1, {"step": {"application": "shop", "step": "ask", "do": "…", **step}})
    return Capture(Header(), (chunks[0], asks, *chunks[1:]))


def pressed_in(capture: Capture) -> str:
    events = [frame.message for frame in frames(capture.chunks) if isinstance(frame.message, Event)]
    return "".join(each.get("DTMF-Digit", "") for each in events if each.name == "DTMF")


def test_what_a_secret_step_asks_for_is_replaced_even_if_it_is_short() -> None:
    made = scrubbed(keyed("739", 3, secret=True))
    assert pressed_in(made)[:3] != "739"
    text = made.said_by(Side.FREESWITCH)
    assert b"digits_1: 739" not in text
    (state,) = re.findall(rb"fsroute_state ([^ \n]+)", made.said_by(Side.FSROUTE))
    assert json.loads(base64.urlsafe_b64decode(state + b"=="))["f"] == {"order": pressed_in(made)[:3]}


def test_what_is_short_and_no_secret_stays() -> None:
    made = scrubbed(keyed("739", 3))
    assert pressed_in(made) == "739#"
    assert b"digits_1: 739" in made.said_by(Side.FREESWITCH)


@pytest.mark.parametrize("digits", ["1234", "98765", "4155550123", "5500000000000004"])
def test_an_account_or_a_pin_that_is_keyed_is_replaced_wherever_it_goes(digits: str) -> None:
    made = scrubbed(keyed(digits, 16))
    events = [frame.message for frame in frames(made.chunks) if isinstance(frame.message, Event)]
    pressed = "".join(each.get("DTMF-Digit", "") for each in events if each.name == "DTMF")
    assert len(pressed) == len(digits) + 1
    assert pressed.endswith("#")
    assert pressed[:-1] != digits
    (complete,) = [each for each in events if each.name == "CHANNEL_EXECUTE_COMPLETE"]
    assert complete["variable_fsroute_digits_1"] == pressed[:-1]
    state = next(each for each in events if each.name == "CHANNEL_HANGUP")["variable_fsroute_state"]
    assert json.loads(base64.urlsafe_b64decode(state + "=="))["f"] == {"order": pressed[:-1]}
    assert f"fsroute_state {state}".encode() in made.said_by(Side.FSROUTE)
    assert [chunk.t for chunk in made.chunks] == sorted(chunk.t for chunk in made.chunks)


def test_the_end_of_what_was_played_before_is_not_the_end_of_an_entry() -> None:
    capture = keyed("927461", 12)
    answered = event("CHANNEL_EXECUTE_COMPLETE", {"Application": "answer", "Application-UUID": "e0"})
    at = next(nth for nth, line in enumerate(capture.lines) if line.t > 0.1)
    late = Chunk(0.15, Side.FREESWITCH, answered)
    # No key is heard as an event where the tones lie in the sound.
    silent = [line for line in capture.lines[at:] if line.t != 0.2]
    made = scrubbed(replace(capture, lines=(*capture.lines[:at], late, *silent)))
    assert b"927461" not in made.said_by(Side.FREESWITCH)


def test_a_key_that_was_no_callers_does_not_tell_what_a_caller_keys() -> None:
    """On the connection to the switch: an agent presses a key, and then a caller the same one."""
    own = event("DTMF", {"Call-Direction": "outbound", "DTMF-Digit": "7"})
    keys = "7" * 12
    callers = [event("DTMF", {"Call-Direction": "inbound", "DTMF-Digit": key}) for key in keys]
    chunks = tuple(Chunk(0.1, Side.FREESWITCH, each) for each in (own, *callers))
    pressed = pressed_in(scrubbed(Capture(Header(session="inbound"), chunks)))
    assert pressed[0] == "7"
    assert pressed[1:] != keys


def test_what_is_keyed_again_is_replaced_again() -> None:
    """Keys that were pressed as a choice in a menu before are no longer what they were."""
    capture = keyed("1234", 16)
    choices = [Chunk(0.05, Side.FREESWITCH, event("DTMF", {"DTMF-Digit": digit})) for digit in "1234"]
    again = [replace(line, t=line.t + 1.0) for line in (*choices, *capture.lines[2:])]
    made = pressed_in(scrubbed(replace(capture, lines=(*capture.lines, *again))))
    assert made == f"{made[:4]}#1234{made[:4]}#"
    assert made[:4] != "1234"


def read_out(digits: str) -> str:
    return "file_string://" + "!".join(f"/srv/orders/prompts/en/digits/{digit}.wav" for digit in digits)


@pytest.mark.parametrize("digits", ["1234", "4155550123"])
def test_what_is_read_out_digit_by_digit_is_what_stands_for_it(digits: str) -> None:
    capture = keyed(digits, 16)
    command = (
        f"sendmsg\ncall-command: execute\nexecute-app-name: playback\nexecute-app-arg: {read_out(digits)}\n\n"
    )
    step = {"step": {"do": "play " + " ".join(f"prompts/en/digits/{digit}.wav" for digit in digits)}}
    made = scrubbed(
        replace(capture, lines=(*capture.lines, Chunk(0.6, Side.FSROUTE, command.encode()), Note(0.6, step)))
    )
    fake = Masks(KEY).number(digits)
    assert fake != digits
    assert read_out(fake).encode() in made.said_by(Side.FSROUTE)
    assert re.findall(r"digits/(.)", str(made.facts["step"])) == [*fake]


def test_a_choice_in_a_menu_stays() -> None:
    made = scrubbed(keyed("2", 1))
    pressed = [frame.message["DTMF-Digit"] for frame in frames(made.chunks)
               if isinstance(frame.message, Event) and frame.message.name == "DTMF"]  # fmt: skip
    assert pressed == ["2", "#"]


def test_what_is_no_number_of_anybodys_stays() -> None:
    kept = (
        f"api sched_transfer +60 {UUID} a XML b\n\n"
        f"api sched_del {UUID}\n\n"
        "api uuid_setvar 12345678-1234-1234-1234-123456789012 fsroute_contact 87654321-4321-4321-4321-210987654321\n\n"
        "bgapi originate {a=1}sofia/l/00112233445566778899aabbccddeeff@10.0.0.1:5080 &park()\n\n"
        "sendmsg\ncall-command: execute\nexecute-app-name: play_and_get_digits\n"
        "execute-app-arg: 1 1 1 10000 # a.wav silence_stream://1 fsroute_digits_1 .+ 3000\n\n"
        "api set 8005550100 at 2026-11-21 21:58:52\n\n"
    ).encode()
    said = channel_data("Ada Lovelace", "+14155550123")
    made = scrubbed(Capture(Header(), (Chunk(0.0, Side.FREESWITCH, said), Chunk(0.1, Side.FSROUTE, kept))))
    assert made.said_by(Side.FSROUTE) == kept


def test_public_addresses_are_replaced() -> None:
    said = channel_data(
        "Ada", "+14155550123", variable_sip_network_ip="81.2.69.142", variable_b="[2a00:1450::5]:5060"
    )
    text = scrubbed(Capture(Header(), (Chunk(0.0, Side.FREESWITCH, said),))).said_by(Side.FREESWITCH)
    assert b"81.2.69.142" not in text
    assert b"2a00" not in text
    assert b"%40127.0.0.1" in text


def test_facts_that_the_operator_names_are_replaced() -> None:
    note = Note(0.0, {"customer": {"segment": "gold", "pet": "Rex", "e_mail": "ada@b.example"}})
    made = scrubbed(Capture(Header(), (note,)), "pet")
    customer = made.facts["customer"]
    assert customer["segment"] == "gold"
    assert customer["pet"] != "Rex"
    assert "ada" not in customer["e_mail"]


def test_what_the_rules_were_asked_is_scrubbed_as_the_call_is() -> None:
    asked = {
        "queue": "sales", "at": 1795298332.1, "number": "+14155550123", "language": "en-US", "arrived_at": 1795298331.5,
        "facts": {"order": "12", "e_mail": "ada@b.example"}, "customer": {"segment": "gold"},
        "journal": {"file": "journal-20261128T203612.123Z-1.jsonl", "n": 41},
    }  # fmt: skip
    call = Chunk(0.0, Side.FREESWITCH, channel_data("Ada Lovelace", "+14155550123"))
    made = scrubbed(Capture(Header(), (call, Note(0.1, {"asked": asked})))).facts["asked"]
    number = Scrubber(Settings(KEY)).masks.number("14155550123")
    assert made["number"] == f"+{number}"
    assert "ada" not in made["facts"]["e_mail"]
    changed = {"number": made["number"], "facts": {"order": "12", "e_mail": made["facts"]["e_mail"]}}
    assert made == {**asked, **changed}


def test_the_journal_is_scrubbed_by_the_same_map() -> None:
    scrubber = Scrubber(Settings(KEY))
    rules = {
        "number_called": [{"number": "+498912345"}],
        "routing_rule": [{"if_caller_number": r"\+?14155550123"}],
    }
    made = scrubber.event(RulesChanged(1, rules))
    assert isinstance(made, RulesChanged)
    fake = scrubber.masks.number("14155550123")
    assert made.document["routing_rule"] == [{"if_caller_number": rf"\+?{fake}"}]
    scrubber.event(NumbersChanged({"+498912345": ("shop", "sample")}))
    call = scrubber.event(CallChanged(proxy_call(caller_number="+14155550123", caller_name="Ada Lovelace")))
    assert isinstance(call, CallChanged)
    assert call.call.caller_number == f"+{fake}"
    assert call.call.caller_name == scrubber.masks.name("Ada Lovelace")
    agent = scrubber.event(AgentChanged(ANNA, 4))
    assert isinstance(agent, AgentChanged)
    assert agent.agent.name != "Anna"
    assert (agent.agent.agent_id, agent.agent.address) == ("anna", "user/1001")


@given(some.lists(some.tuples(some.sampled_from(Side), some.binary(max_size=80)), max_size=6))
@settings(max_examples=80, deadline=None)
def test_whatever_crosses_is_written(chunks: list[tuple[Side, bytes]]) -> None:
    scrubbed(Capture(Header(), tuple(Chunk(0.0, side, data) for side, data in chunks)))


@pytest.mark.parametrize("name", ["variable_fsroute_keyed_1", "variable_fsroute_digits_12_invalid"])
def test_what_an_agent_keys_is_digits_as_what_a_caller_keys(name: str) -> None:
    assert kind_of(name) is Kind.DIGITS
