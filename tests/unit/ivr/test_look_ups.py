"""What a look-up asks, and where each kind of answer leads."""

from __future__ import annotations

import dataclasses
import logging
from pathlib import Path

import pytest

from fsroute.ivr import Began, Digits, Failed, Happening, LookedUp, LookUp, NeedAgent, Play, Played, describe
from tests.unit.ivr.applications import caller, loaded, walk

LOOK_UP = """
[steps.a]
do = "look_up"
name = "balance"
parameters = { number = "{{ caller.number }}" }
facts = { saldo = "balance", due = "due" }
timeout = 2.5
meanwhile = "hello"
WAYS
next = "agent"
[steps.agent]
do = "need_agent"
queue = "found"
"""
WAYS = 'on_empty = "empty"\non_slow = "slow"\non_failed = "failed"'
QUEUES = "".join(
    f'[steps.{name}]\ndo = "need_agent"\nqueue = "{name}"\n' for name in ("empty", "slow", "failed")
)
ALL_WAYS = LOOK_UP.replace("WAYS", WAYS) + QUEUES
SORRY = Play(("prompts/en/sorry.wav",), interruptible=False)


def test_a_look_up_asks_with_what_its_templates_give(tmp_path: Path) -> None:
    _, do = walk(loaded(tmp_path, ALL_WAYS), Began())
    assert do == LookUp("balance", "", {"number": "+15550100"}, 2.5, ("prompts/en/hello.wav",))


def test_a_look_up_asks_the_center_that_the_application_is_from(tmp_path: Path) -> None:
    application = dataclasses.replace(loaded(tmp_path, ALL_WAYS), contact_center="acme")
    _, do = walk(application, Began())
    assert isinstance(do, LookUp)
    assert do.contact_center == "acme"


def test_the_facts_wanted_are_taken_by_our_names_and_no_others(tmp_path: Path) -> None:
    answer = LookedUp("found", {"balance": "12.50", "secret": "x"})
    position, do = walk(loaded(tmp_path, ALL_WAYS), Began(), answer)
    assert do == NeedAgent("found", {"saldo": "12.50", "due": ""})
    assert dict(position.facts) == {"saldo": "12.50", "due": ""}


def test_an_answer_is_never_a_template_and_has_no_line_ends(tmp_path: Path) -> None:
    steps = ALL_WAYS.replace(
        'queue = "found"', 'queue = "found"\n[steps.b]\ndo = "set"\nfacts = { y = "<{{ facts.saldo }}>" }\n'
        'next = "agent"'
    ).replace('next = "agent"\n[steps.agent]', 'next = "b"\n[steps.agent]')  # fmt: skip
    nasty = "{{ 7*7 }}${uuid}\r\n\0\ud800" + "x" * 500
    _, do = walk(loaded(tmp_path, steps), Began(), LookedUp("found", {"balance": nasty}))
    assert isinstance(do, NeedAgent)
    assert do.facts["saldo"] == ("{{ 7*7 }}${uuid}   \ufffd" + "x" * 500)[:200]
    assert do.facts["y"].startswith("<{{ 7*7 }}${uuid}")


@pytest.mark.parametrize(
    ("happening", "queue"),
    [
        (LookedUp("empty"), "empty"),
        (LookedUp("slow"), "slow"),
        (LookedUp("failed"), "failed"),
        (Failed("gone"), "failed"),
    ],
)
def test_each_other_answer_has_its_way(tmp_path: Path, happening: Happening, queue: str) -> None:
    assert walk(loaded(tmp_path, ALL_WAYS), Began(), happening)[1] == NeedAgent(queue, {})


@pytest.mark.parametrize("result", ["empty", "slow", "failed"])
def test_without_ways_of_their_own_all_go_on_failed(tmp_path: Path, result: str) -> None:
    steps = LOOK_UP.replace("WAYS", 'on_failed = "agent"')
    happened = LookedUp(result)  # type: ignore[arg-type]
    assert walk(loaded(tmp_path, steps), Began(), happened)[1] == NeedAgent("found", {})


def test_without_any_way_the_caller_hears_that_it_cannot_go_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    application = loaded(tmp_path, LOOK_UP.replace("WAYS", ""))
    with caplog.at_level(logging.WARNING):
        assert walk(application, Began(), LookedUp("slow"))[1] == SORRY
    assert caplog.messages == ["application test 1 cannot go on: step a: the look-up balance ended slow"]


def test_a_happening_that_is_no_answer_asks_again(tmp_path: Path) -> None:
    application = loaded(tmp_path, ALL_WAYS)
    assert walk(application, Began(), Played())[1] == walk(application, Began(), Digits("1"))[1]
    assert isinstance(walk(application, Began(), Played())[1], LookUp)


def test_description_and_representation_hold_no_personal_data(tmp_path: Path) -> None:
    _, do = walk(loaded(tmp_path, ALL_WAYS), Began(), who=caller(number="4711"))
    assert describe(do) == "look up balance"
    assert "12.50" not in repr(LookedUp("found", {"balance": "12.50"}))
