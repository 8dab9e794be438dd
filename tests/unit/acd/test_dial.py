from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsroute.acd.dial import dial_string, originate
from fsroute.esl import commands
from fsroute.model.proxy_call import NetworkLeg, State
from tests.unit.rows import proxy_call

TEMPLATE = "sofia/internal/{address}"

HOSTILE = [
    "Bob\n\napi global_setvar pwned=yes",
    "Bob\r\nContent-Length: 5",
    "a,origination_uuid=x",
    "a}user/9999",
    "{b",
    "'; quote",
    'double " quote',
    "${system(rm -rf /)}",
    "$${domain}",
    "@{x}",
    "\\n\\s",
    "^^:a:b",
    "[leg_timeout=1]",
    "<sip:x@y>;tag=1",
    "\x00nul",
    "\u202egnirts\u2028\u2029",
    "a&b|c,d",
    "x" * 5000,
]


def command(**changes: object) -> str:
    changes = {"agent_address": "user/1001", **changes}
    return originate(proxy_call(State.OFFERED, NetworkLeg.WANTED, **changes), TEMPLATE)


def variables(text: str) -> dict[str, str]:
    """The variables as FreeSWITCH splits them: up to the first closing brace, at commas."""
    found = re.match(r"originate \{([^}]*)\}", text)
    assert found is not None
    return dict(pair.split("=", 1) for pair in found[1].split(","))


@pytest.mark.parametrize(
    ("address", "dialled"),
    [
        ("user/1001@a.example", "user/1001@a.example"),
        ("sofia/gateway/telco/+4989123", "sofia/gateway/telco/+4989123"),
        ("loopback/1001/default", "loopback/1001/default"),
        ("verto.rtc/anna", "verto.rtc/anna"),
        ("error/USER_BUSY", "error/USER_BUSY"),
        ("sip:anna@b.example", "sofia/internal/anna@b.example"),
        ("tel:+4989123", "sofia/internal/+4989123"),
        ("1001", "sofia/internal/1001"),
        ("1001@192.0.2.7:5066", "sofia/internal/1001@192.0.2.7:5066"),
        ("usersip/1", "sofia/internal/usersip/1"),
    ],
)
def test_an_address_says_what_is_dialled(address: str, dialled: str) -> None:
    assert dial_string(address, TEMPLATE) == dialled


def test_an_agents_leg_has_its_own_name_shows_the_caller_and_waits_in_park() -> None:
    text = command()
    assert text.endswith("}user/1001 &park()")
    said = variables(text)
    assert said["origination_uuid"] == "agent-leg"
    assert said["origination_caller_id_number"] == "+498912345"
    assert said["origination_caller_id_name"] == "'Bob'"
    assert said["originate_timeout"] == "20"
    assert said["fsroute_proxy_call"] == "7"


def test_a_short_offer_still_rings() -> None:
    assert variables(command(offer_timeout=0.2))["originate_timeout"] == "1"


def test_a_caller_without_a_number_is_anonymous() -> None:
    said = variables(command(caller_number="", caller_name=""))
    assert said["origination_caller_id_number"] == "anonymous"
    assert said["origination_caller_id_name"] == "'anonymous'"


def test_a_caller_without_a_name_is_shown_by_number() -> None:
    assert variables(command(caller_name=" \t "))["origination_caller_id_name"] == "'+498912345'"


@pytest.mark.parametrize("name", ["Zoë Müller-Lüdenscheidt", "李小龙", "Łukasz", "Ольга"])
def test_names_of_all_scripts_are_shown(name: str) -> None:
    assert variables(command(caller_name=name))["origination_caller_id_name"] == f"'{name}'"


def is_harmless(text: str) -> None:
    """One line, one command, the variables that were meant and no others, nothing that FreeSWITCH expands."""
    said = variables(text)
    assert list(said) == list(variables(command()))
    assert said["origination_uuid"] == "agent-leg"
    assert text.endswith("}user/1001 &park()")
    assert text.count("{") == text.count("}") == 1
    assert "$" not in text
    assert re.fullmatch(r"'[^'\\]*'", said["origination_caller_id_name"])
    assert re.fullmatch(r"[0-9A-Za-z+*#._-]{1,32}", said["origination_caller_id_number"])
    assert commands.bgapi(text, "job").count(b"\n\n") == 1


@pytest.mark.parametrize("text", HOSTILE)
def test_what_a_caller_wrote_stays_text(text: str) -> None:
    is_harmless(command(caller_name=text, caller_number=text))


@given(name=st.text(max_size=60), number=st.text(max_size=60))
def test_whatever_a_caller_wrote_stays_text(name: str, number: str) -> None:
    is_harmless(command(caller_name=name, caller_number=number))
