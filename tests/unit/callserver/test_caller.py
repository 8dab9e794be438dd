from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsroute.callserver.caller import caller_information
from fsroute.esl.messages import Event
from fsroute.model.contact import CallerInformation

NOW = 1_800_000_000.0  # seconds since the epoch


def channel(**headers: str | bytes) -> Event:
    lines = [b"Event-Name: CHANNEL_DATA"]
    for name, value in headers.items():
        header = name if name.startswith("variable_") else name.replace("_", "-")
        lines.append(header.encode() + b": " + quote(value).encode())
    return Event.plain(b"\n".join(lines) + b"\n\n")


def texts(caller: CallerInformation) -> list[str]:
    return [caller.number, caller.name, caller.number_called, caller.language, *caller.network.values()]


def test_caller_information_is_what_the_channel_says() -> None:
    caller = caller_information(
        channel(
            Caller_Caller_ID_Number="+498912345",
            Caller_Caller_ID_Name="Zoë Müller",
            Caller_Destination_Number="08001234567",
            Caller_Network_Addr="192.0.2.9",
            variable_default_language="de",
            variable_sip_call_id="abc@192.0.2.9",
            variable_read_codec="PCMA",
        ),
        NOW,
    )
    assert caller == CallerInformation(
        number="+498912345",
        name="Zoë Müller",
        number_called="08001234567",
        arrived_at=datetime.fromtimestamp(NOW, UTC),
        language="de",
        network={"address": "192.0.2.9", "sip_call_id": "abc@192.0.2.9", "codec": "PCMA"},
    )


def test_a_channel_that_says_nothing_has_a_caller_all_the_same() -> None:
    caller = caller_information(channel(), NOW)
    assert (caller.number, caller.name, caller.number_called, caller.language) == ("", "", "", "en")


def test_the_number_called_is_the_one_that_the_dialplan_kept() -> None:
    """A call that comes back may stand at another extension."""
    data = channel(Caller_Destination_Number="again", variable_fsroute_number_called="08001234567")
    assert caller_information(data, NOW).number_called == "08001234567"


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("Bob\n\napi global_setvar pwned=yes", "Bobapi global_setvar pwned=yes"),
        ("Bob\r\nX: y", "BobX: y"),
        ("a\x00b", "ab"),
        ("a\x1b[31mb", "a[31mb"),
        ("\u202egnp.exe", "gnp.exe"),
        ("a\u2028b\u2029c\x85d", "abcd"),
        ("ARRAY::a|:b", "ARRAY::a|:b"),
        ("${system(id)}", "${system(id)}"),  # text, and nowhere expanded
        ("   ", "   "),
        ("Ольга", "Ольга"),
    ],
)
def test_control_characters_are_taken_out(said: str, kept: str) -> None:
    assert caller_information(channel(Caller_Caller_ID_Name=said), NOW).name == kept


def test_bytes_that_are_no_utf_8_harm_nobody() -> None:
    assert caller_information(channel(Caller_Caller_ID_Name=b"M\xfcller"), NOW).name == "M\ufffdller"


def test_a_name_cannot_make_headers_of_its_own() -> None:
    data = channel(
        Caller_Caller_ID_Name="x\nCaller-Destination-Number: 666", Caller_Destination_Number="0800"
    )
    assert caller_information(data, NOW).number_called == "0800"


def test_long_values_are_cut() -> None:
    long = "9" * 100_000
    caller = caller_information(
        channel(
            Caller_Caller_ID_Number=long,
            Caller_Caller_ID_Name=long,
            Caller_Destination_Number=long,
            variable_default_language=long,
            variable_sip_call_id=long,
        ),
        NOW,
    )
    assert max(map(len, texts(caller))) <= 128


@given(st.binary(max_size=80))
def test_whatever_is_said_can_be_stored_and_shown(said: bytes) -> None:
    data = channel(Caller_Caller_ID_Name=said, Caller_Caller_ID_Number=said, variable_default_language=said)
    for text in texts(caller_information(data, NOW)):
        assert text.isprintable()
        text.encode("utf-8")


@pytest.mark.parametrize(
    ("created", "offset", "arrived"),
    [
        (b"%d" % ((NOW - 0.25) * 1e6), 0.0, NOW - 0.25),
        (b"%d" % ((NOW - 0.25) * 1e6), -0.5, NOW - 0.75),
        (b"%d" % ((NOW - 0.25) * 1e6), 0.5, NOW),  # after now: by no clock of ours
        (b"%d" % ((NOW - 3600) * 1e6), 0.0, NOW),
        (b"0", 0.0, NOW),
        (b"soon", 0.0, NOW),
        (b"9" * 400, 0.0, NOW),
    ],
)
def test_a_call_arrived_when_its_channel_was_made(created: bytes, offset: float, arrived: float) -> None:
    data = channel(Caller_Channel_Created_Time=created)
    assert caller_information(data, NOW, offset).arrived_at.timestamp() == pytest.approx(arrived, abs=1e-5)
