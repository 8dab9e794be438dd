"""The section on how many calls a site takes."""

from __future__ import annotations

import pytest

from fsroute.app import site_limit
from fsroute.config import parse
from fsroute.errors import ConfigurationError
from fsroute.model.admission import Limit, Treatment


def test_nothing_said_is_no_limit() -> None:
    assert site_limit(parse("")) == Limit(None, None, Treatment("busy", "SWITCH_CONGESTION"))


def test_what_is_said_is_the_sites_limit() -> None:
    text = '[admission]\ncalls = 80\nper_second = 2.5\ntreatment = "message"\nprompt = "/srv/busy.wav"'
    expected = Treatment("message", "SWITCH_CONGESTION", prompt="/srv/busy.wav")
    assert site_limit(parse(text)) == Limit(80, 2.5, expected)


@pytest.mark.parametrize(
    "text",
    [
        'treatment = "number"',
        'treatment = "message"',
        'treatment = "silence"',
        'cause = "GONE_FISHING"',
        "calls = -1",
        'number = "1 XML public"',
        'prompt = "${rm}"',
    ],
)
def test_what_cannot_be_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError):
        parse(f"[admission]\n{text}")
