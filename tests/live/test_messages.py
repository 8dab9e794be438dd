"""What callers leave as messages, in the files that FreeSWITCH records."""

from __future__ import annotations

import time
import wave
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.live.sip import Call
from tests.live.two_sites import ContactCenter, TwoSites
from tests.waiting import until

pytestmark = pytest.mark.live

Company = Callable[..., ContactCenter]

SPOKEN = 2.0  # seconds


def speaks(acme: ContactCenter, call: Call, file: str) -> None:
    """Into the recording that goes to this file, and is done."""
    channel = f"select channel_uuid from contact where contact_center_id = '{acme.name}'"
    [row] = acme.sites.query(channel)
    west = acme.sites.west
    acme.until(lambda: f"{file} " in west.variable(row["channel_uuid"], "current_application_data"), 20)
    began = time.time()
    until(lambda: time.time() > began + SPOKEN)
    call.press("#")


def length_of(file: Path) -> float:
    """Seconds."""
    with wave.open(str(file)) as sound:
        return float(sound.getnframes() / sound.getframerate())


def test_a_second_recording_that_is_too_short_leaves_the_first_message(
    company: Company, two_sites: TwoSites
) -> None:
    acme = company("twice")
    call = acme.call()
    [row] = acme.sites.query(f"select contact_id::text from contact where contact_center_id = '{acme.name}'")
    speaks(acme, call, f"/{row['contact_id']}.wav")
    speaks(acme, call, f"/{row['contact_id']}-2.wav")
    call.until_over(20)
    acme.until_outcomes("self_served")
    [message] = acme.sites.query(
        f"select path, duration_s from voice_message where contact_center_id = '{acme.name}'"
    )
    file = Path(message["path"])
    assert file.name == f"{row['contact_id']}.wav"
    assert length_of(file) == pytest.approx(message["duration_s"], abs=0.5)
    assert message["duration_s"] > SPOKEN - 0.5
    until(lambda: [each.name for each in file.parent.iterdir()] == [file.name])
