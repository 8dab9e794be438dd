from __future__ import annotations

import re
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsroute.acd.dial import dial_string, dialled, originate
from fsroute.esl import commands
from fsroute.esl.messages import Event
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


SHAPE = re.compile(r"originate \{([^}]*)\}user/1001 &park\(\) undef undef '([^'\\\\]*)' (\S+) (\d+)")


def said(text: str) -> dict[str, str]:
    """What the command says, as FreeSWITCH splits it: variables up to the first brace, then words and quoted words."""
    found = SHAPE.fullmatch(text)
    assert found is not None, text
    variables = dict(pair.split("=", 1) for pair in found[1].split(","))
    return variables | {"name": found[2], "number": found[3], "timeout": found[4]}


@pytest.mark.parametrize(
    ("address", "said_to_switch"),
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
def test_an_address_says_what_is_dialled(address: str, said_to_switch: str) -> None:
    assert dial_string(address, TEMPLATE) == said_to_switch


def test_an_agents_leg_has_its_own_name_shows_the_caller_and_waits_in_park() -> None:
    words = said(command())
    assert words["origination_uuid"] == "agent-leg"
    assert (words["number"], words["name"], words["timeout"]) == ("+498912345", "Bob", "20")
    assert words["fsroute_proxy_call"] == "7"


def test_a_short_offer_still_rings() -> None:
    assert said(command(offer_timeout=0.2))["timeout"] == "1"


def test_a_caller_without_a_number_is_anonymous() -> None:
    words = said(command(caller_number="", caller_name=""))
    assert (words["number"], words["name"]) == ("anonymous", "anonymous")


def test_a_caller_without_a_name_is_shown_by_number() -> None:
    assert said(command(caller_name=" \t "))["name"] == "+498912345"


@pytest.mark.parametrize("name", ["Zoë Müller-Lüdenscheidt", "李小龙", "Łukasz", "Ольга"])
def test_names_of_all_scripts_are_shown(name: str) -> None:
    assert said(command(caller_name=name))["name"] == name


def test_the_answer_of_a_job_tells_which_leg_it_was_to_dial() -> None:
    def job(argument: str) -> Event:
        return Event.plain(f"Event-Name: BACKGROUND_JOB\nJob-Command-Arg: {quote(argument)}\n\n".encode())

    assert dialled(job(command().removeprefix("originate "))) == "agent-leg"
    assert dialled(job("{a=b,origination_uuid=leg}user/1 &park()")) == "leg"
    assert dialled(job("uuid_dump 47")) == ""
    assert dialled(Event.plain(b"Event-Name: BACKGROUND_JOB\n\n")) == ""


def is_harmless(text: str) -> None:
    """One line, one command, the variables that were meant and no others, nothing that FreeSWITCH expands."""
    words = said(text)
    assert list(words) == list(said(command()))
    assert words["origination_uuid"] == "agent-leg"
    assert text.count("{") == text.count("}") == 1
    assert "$" not in text
    assert re.fullmatch(r"[0-9A-Za-z+*#._-]{1,32}", words["number"])
    assert commands.bgapi(text, "job").count(b"\n\n") == 1


@pytest.mark.parametrize("text", HOSTILE)
def test_what_a_caller_wrote_stays_text(text: str) -> None:
    is_harmless(command(caller_name=text, caller_number=text))


@given(name=st.text(max_size=60), number=st.text(max_size=60))
def test_whatever_a_caller_wrote_stays_text(name: str, number: str) -> None:
    is_harmless(command(caller_name=name, caller_number=number))
