"""Voice messages and the offer to be called back, as an application asks for them."""

from __future__ import annotations

from pathlib import Path

import pytest

from fsroute.ivr import (
    AgentOutcome,
    Began,
    Declined,
    Failed,
    HangUp,
    Happening,
    NeedAgent,
    NoInput,
    OfferCallback,
    Play,
    Played,
    Record,
    Recorded,
    describe,
)
from fsroute.model import Outcome
from tests.unit.ivr.applications import loaded, walk

RECORD = """
[steps.a]
do = "record"
prompt = "ask"
longest = 60
silence = 3.5
shortest = 2
terminators = "*"
beep = false
tries = 2
on_silence = "silent"
next = "kept"
[steps.silent]
do = "need_agent"
queue = "silent"
[steps.kept]
do = "hang_up"
"""
OFFER = """
[steps.a]
do = "offer_callback"
queue = "support"
prompt = "ask"
on_declined = "waits"
on_served = "after"
on_refused = "refused"
[steps.waits]
do = "need_agent"
queue = "waits"
[steps.after]
do = "need_agent"
queue = "after"
[steps.refused]
do = "need_agent"
queue = "refused"
[facts]
order = "12"
"""
SORRY = Play(("prompts/en/sorry.wav",), interruptible=False)


def test_a_message_is_recorded_as_the_step_says(tmp_path: Path) -> None:
    _, do = walk(loaded(tmp_path, RECORD), Began())
    assert do == Record(("prompts/en/ask.wav",), 60, 3.5, 2, "*", beep=False)
    assert describe(do) == "record a message after prompts/en/ask.wav"


def test_a_message_leads_on(tmp_path: Path) -> None:
    _, do = walk(loaded(tmp_path, RECORD), Began(), Recorded(12.5))
    assert do == HangUp("NORMAL_CLEARING", Outcome.SELF_SERVED)


def test_silence_is_asked_again_until_the_tries_are_used_up(tmp_path: Path) -> None:
    application = loaded(tmp_path, RECORD)
    assert isinstance(walk(application, Began(), NoInput())[1], Record)
    assert walk(application, Began(), NoInput(), NoInput())[1] == NeedAgent("silent", {})


def test_a_recording_that_fails_is_said_to_the_caller(tmp_path: Path) -> None:
    assert walk(loaded(tmp_path, RECORD), Began(), Failed("disk full"))[1] == SORRY


def test_a_callback_is_offered_with_all_that_is_known(tmp_path: Path) -> None:
    _, do = walk(loaded(tmp_path, OFFER), Began())
    assert do == OfferCallback("support", {"order": "12"}, "ask")
    assert describe(do) == "offer to call back when an agent of queue support is free"


@pytest.mark.parametrize(
    ("happening", "queue"),
    [
        (Declined(), "waits"),
        (AgentOutcome("served"), "after"),
        (AgentOutcome("refused"), "refused"),
    ],
)
def test_each_answer_to_the_offer_has_its_way(tmp_path: Path, happening: Happening, queue: str) -> None:
    assert walk(loaded(tmp_path, OFFER), Began(), happening)[1] == NeedAgent(queue, {"order": "12"})


def test_an_offer_that_cannot_be_kept_is_said_to_the_caller(tmp_path: Path) -> None:
    position, do = walk(loaded(tmp_path, OFFER), Began(), Failed("no proxy call"))
    assert do == SORRY
    assert position.agent_result == "failed"


def test_a_happening_that_is_no_answer_offers_again(tmp_path: Path) -> None:
    assert isinstance(walk(loaded(tmp_path, OFFER), Began(), Played())[1], OfferCallback)
