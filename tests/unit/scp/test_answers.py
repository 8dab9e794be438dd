"""A decision as others read it, and the description of the interface."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

import fsroute
from fsroute.model.direct import Manner, Otherwise
from fsroute.scp.answers import Answered, Place, document, not_found, xml_dialplan
from fsroute.scp.openapi import DESCRIPTION, text
from fsroute.scp.rate import Rate
from fsroute.scp.selection import Skipped

PAGE = Path(fsroute.__file__).parents[1] / "docs" / "openapi" / "routing-processor.json"
TOKEN = "fsr" + "0" * 32
ANN = Place("ann", "east", f"sip:{TOKEN}@10.0.0.2:5080", "ann", 5.0, TOKEN, "10.0.0.2:5080")
YORK = Place("site york", "york", "sip:500@york.example:5060", None, None, "500", "york.example:5060")
FOUND = Answered(
    "longest_idle: ann at east", "longest_idle", Manner.REDIRECT, "early", "c-1", (ANN, YORK),
    (Skipped("hull", "no link"),), Otherwise(), "", 30,
)  # fmt: skip


def schema(name: str) -> Draft202012Validator:
    return Draft202012Validator({**DESCRIPTION, "$ref": f"#/components/schemas/{name}"})


def dialled(place: Place) -> str:
    return f"sofia/fsroute_link/{place.token}@{place.host}"


def actions(answer: bytes) -> list[tuple[str, str]]:
    found = ElementTree.fromstring(answer).iter("action")
    return [(each.attrib["application"], each.attrib["data"]) for each in found]


def test_the_description_is_openapi_3_1() -> None:
    OpenAPIV31SpecValidator(DESCRIPTION).validate()


def test_the_page_in_the_documentation_is_the_description() -> None:
    assert PAGE.read_text(encoding="utf-8") == text(), (
        "run: python -m fsroute.scp.openapi > docs/openapi/routing-processor.json"
    )


@pytest.mark.parametrize(
    "answered",
    [
        FOUND,
        Answered.ordinary("no rule"),
        Answered("nobody", "cost", Manner.BRIDGE, "early", "c-1", (), (), Otherwise("busy")),
        Answered(
            "nobody", "share", Manner.BRIDGE, "early", None, (), (), Otherwise("site", site="york"), "sip:5@y"
        ),
        Answered("nobody", "share", Manner.BRIDGE, "early", None, (), (), Otherwise("number", "900")),
    ],
)
def test_every_decision_is_as_described(answered: Answered) -> None:
    schema("Decision").validate(document(answered))


def test_a_redirecting_dialplan_names_the_contacts_in_order() -> None:
    assert actions(xml_dialplan(FOUND, "public", "800", dialled)) == [
        ("redirect", f"sip:{TOKEN}@10.0.0.2:5080,sip:500@york.example:5060")
    ]


def test_the_declaration_has_a_line_of_its_own_since_freeswitch_skips_that() -> None:
    declaration, document, *rest = xml_dialplan(FOUND, "public", "800", dialled).splitlines()
    assert declaration.startswith(b"<?xml ")
    assert declaration.endswith(b"?>")
    assert document.startswith(b"<document ")
    assert rest == []


def test_a_bridging_dialplan_tries_one_after_the_other_and_goes_on() -> None:
    bridged = Answered(**{**_fields(FOUND), "manner": Manner.BRIDGE})
    found = dict(actions(xml_dialplan(bridged, "public", "800", dialled)))
    leg = "{leg_timeout=30,ignore_early_media=true}sofia/fsroute_link/"
    assert found["bridge"] == f"{leg}{TOKEN}@10.0.0.2:5080|{leg}500@york.example:5060"
    assert found["transfer"] == "800 XML fsroute"


@pytest.mark.parametrize(
    ("otherwise", "door", "expected"),
    [
        (Otherwise("busy", cause="CALL_REJECTED"), "", [("hangup", "CALL_REJECTED")]),
        (Otherwise("number", "900"), "", [("transfer", "900 XML default")]),
        (Otherwise("site", site="york"), "sip:5@y", [("redirect", "sip:5@y")]),
        (Otherwise("queue"), "", []),
        (None, "", []),
    ],
)
def test_nobody_is_the_rules_other_way(
    otherwise: Otherwise | None, door: str, expected: list[tuple[str, str]]
) -> None:
    answered = Answered("nobody", "cost", Manner.BRIDGE, "early", None, (), (), otherwise, door)
    answer = xml_dialplan(answered, "public", "800", dialled)
    assert actions(answer) == expected
    assert (answer == not_found()) is not bool(expected)


@given(st.text(max_size=80))
def test_a_strange_context_breaks_no_xml(context: str) -> None:
    ElementTree.fromstring(xml_dialplan(FOUND, context, "800", dialled))


def _fields(answered: Answered) -> dict[str, Any]:
    return {name: getattr(answered, name) for name in answered.__slots__}


def test_so_many_requests_a_second_are_taken_and_no_more() -> None:
    rate = Rate(10.0)
    assert sum(rate.admits(100.0) for _ in range(50)) == 10
    assert sum(rate.admits(100.5) for _ in range(50)) == 5
    assert sum(rate.admits(1000.0) for _ in range(50)) == 10


@given(st.lists(st.floats(0, 1000), min_size=1, max_size=200), st.floats(0.5, 50))
def test_in_any_stretch_the_rate_holds_whatever_the_clock_does(
    moments: list[float], per_second: float
) -> None:
    rate = Rate(per_second)
    admitted = [moment for moment in moments if rate.admits(moment)]
    assert len(admitted) <= max(1.0, per_second) + 1000 * per_second + 1
