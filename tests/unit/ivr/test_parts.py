"""Applications that call each other, and what passes between them."""

from __future__ import annotations

import dataclasses
import logging
from pathlib import Path

import pytest

from fsroute.ivr import (
    AgentOutcome,
    Application,
    Began,
    Collect,
    Digits,
    HangUp,
    LookUp,
    NeedAgent,
    Play,
    Played,
    Position,
    Transfer,
    advance,
    resume,
    running,
    start,
)
from fsroute.ivr.position import MOST_CALLERS
from fsroute.ivr.steps import Sorry
from fsroute.model import CallerInformation, Outcome
from tests.unit.ivr.applications import caller, loaded, part, walk

OUTER = """
[facts]
mine = "outer"
[steps.a]
do = "call"
application = "survey"
with = { order = "{{ facts.mine }}-{{ caller.number }}" }
returns = { score = "points" }
cases = { happy = "happy" }
next = "end"
on_missing = "missing"
[steps.happy]
do = "need_agent"
queue = "happy"
[steps.end]
do = "need_agent"
queue = "end"
[steps.missing]
do = "need_agent"
queue = "missing"
"""
SURVEY = """
[facts]
points = "0"
[steps.a]
do = "collect"
prompt = "ask"
fact = "points"
max = 1
on_silence = "bored"
on_invalid = "bored"
next = "b"
[steps.b]
do = "return"
result = "{{ 'happy' if facts.points == '5' else 'sad' }}"
[steps.bored]
do = "hang_up"
served = false
"""


@pytest.fixture
def outer(tmp_path: Path) -> Application:
    return loaded(tmp_path, OUTER)


@pytest.fixture
def survey(tmp_path: Path) -> Application:
    return part(tmp_path, "survey", SURVEY)


def test_a_part_runs_with_its_own_recordings_and_returns_by_its_result(
    outer: Application, survey: Application
) -> None:
    position, do = walk(outer, Began(), parts=[survey])
    assert isinstance(do, Collect)
    assert (position.application, position.step) == ("survey", "a")
    assert running(outer, position, {"survey": survey}).folder == survey.folder
    assert walk(outer, Began(), Digits("5"), parts=[survey])[1] == NeedAgent(
        "happy", {"mine": "outer", "score": "5"}
    )
    assert walk(outer, Began(), Digits("4"), parts=[survey])[1] == NeedAgent(
        "end", {"mine": "outer", "score": "4"}
    )


def test_a_part_sees_what_it_is_given_and_nothing_else(tmp_path: Path, outer: Application) -> None:
    spy = part(
        tmp_path,
        "survey",
        """
[steps.a]
do = "set"
next = "b"
[steps.a.facts]
given = "{{ facts.order | default('-') }}"
mine = "{{ facts.mine | default('-') }}"
brought = "{{ facts.brought | default('-') }}"
number = "<{{ caller.number }}{{ caller.name }}>"
tier = "{{ customer.tier | default('-') }}"
codec = "{{ network.codec | default('-') }}"
[steps.b]
do = "play"
prompt = "hello"
next = "c"
[steps.c]
do = "hang_up"
""",
    )
    who = dataclasses.replace(
        caller(facts={"brought": "x"}), customer={"tier": "gold"}, network={"codec": "PCMU"}
    )
    position, _ = walk(outer, Began(), who=who, parts=[spy])
    assert dict(position.facts) == {
        "order": "outer-+15550100",
        "given": "outer-+15550100",
        "mine": "-",
        "brought": "-",
        "number": "<>",
        "tier": "-",
        "codec": "-",
    }


def test_an_agent_of_a_part_is_told_what_would_come_back(tmp_path: Path, outer: Application) -> None:
    asking = part(
        tmp_path,
        "survey",
        '[steps.a]\ndo = "set"\nfacts = { points = "3", secret = "pin" }\nnext = "b"\n'
        '[steps.b]\ndo = "need_agent"\nqueue = "q"\non_served = "c"\n[steps.c]\ndo = "return"\n',
    )
    _, do = walk(outer, Began(), parts=[asking], who=caller(facts={"brought": "x"}))
    assert do == NeedAgent("q", {"mine": "outer", "brought": "x", "score": "3"})
    _, do = walk(outer, Began(), AgentOutcome("served"), parts=[asking])
    assert do == NeedAgent("end", {"mine": "outer", "score": "3"})


def test_a_look_up_of_a_part_asks_its_own_center(tmp_path: Path, outer: Application) -> None:
    asking = part(
        tmp_path,
        "survey",
        '[steps.a]\ndo = "look_up"\nname = "x"\nnext = "b"\n[steps.b]\ndo = "return"\n',
    )
    asking = dataclasses.replace(asking, contact_center="surveyors")
    _, do = walk(outer, Began(), parts=[asking])
    assert do == LookUp("x", "surveyors", {}, 3.0, ())


def test_a_part_that_is_not_here_has_a_way_on(outer: Application, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert walk(outer, Began())[1] == NeedAgent("missing", {"mine": "outer"})
    assert caplog.messages == ["application test 1: step a calls application survey, which is not here"]


def test_without_a_way_on_a_missing_part_is_said_to_the_caller(tmp_path: Path) -> None:
    application = loaded(
        tmp_path, OUTER.replace('on_missing = "missing"', "").partition("[steps.missing]")[0]
    )
    assert walk(application, Began())[1] == Play(("prompts/en/sorry.wav",), interruptible=False)


def test_hanging_up_in_a_part_ends_the_call(outer: Application, survey: Application) -> None:
    _, do = walk(outer, Began(), *[Digits("x")] * 3, parts=[survey])
    assert do == HangUp("NORMAL_CLEARING", Outcome.ABANDONED)


def test_a_part_that_cannot_go_on_says_its_own_sorry(tmp_path: Path, outer: Application) -> None:
    play = '[steps.a]\ndo = "play"\nprompt = "hello"\nnext = "b"\n'
    broken = part(tmp_path, "survey", play + '[steps.b]\ndo = "transfer"\nnumber = "{{ caller.number }}"\n')
    position, do = walk(outer, Began(), Played(), parts=[broken])
    assert do == Play(("prompts/en/sorry.wav",), interruptible=False)
    assert running(outer, position, {"survey": broken}) is broken
    sorry = dataclasses.replace(broken, sorry=Sorry("sorry", "1000"))
    assert walk(outer, Began(), Played(), Played(), parts=[sorry])[1] == Transfer("1000")


def test_applications_that_call_each_other_without_end_are_stopped(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    application = loaded(tmp_path, '[steps.a]\ndo = "call"\napplication = "test"\nnext = "a"\n')
    with caplog.at_level(logging.WARNING):
        position, do = walk(application, Began())
    assert isinstance(do, Play)
    assert len(position.frames) == MOST_CALLERS or position.frames == ()
    assert f"nested deeper than {MOST_CALLERS}" in caplog.text


def test_the_language_goes_both_ways(tmp_path: Path) -> None:
    outer = loaded(tmp_path, OUTER, languages=("en", "es"))
    chooses = part(
        tmp_path,
        "survey",
        '[steps.a]\ndo = "set"\nlanguage = "es"\nnext = "b"\n[steps.b]\ndo = "return"\n',
        languages=("en", "es"),
    )
    assert walk(outer, Began(), parts=[chooses])[0].language == "es"
    speaks_english = part(tmp_path, "english", '[steps.a]\ndo = "return"\n')
    speaks_english = dataclasses.replace(speaks_english, name="survey")
    who = caller(language="es")
    assert walk(outer, Began(), parts=[speaks_english], who=who)[0].language == "es"


def test_return_without_a_caller_ends_the_call(survey: Application) -> None:
    _, do = walk(survey, Began(), Digits("5"))
    assert do == HangUp("NORMAL_CLEARING", Outcome.ABANDONED)


# A call that comes back


def stored(outer: Application, survey: Application) -> tuple[str, CallerInformation]:
    position, _ = walk(outer, Began(), parts=[survey])
    return position.dump(), position.caller


def test_a_call_that_comes_back_goes_on_in_the_part(outer: Application, survey: Application) -> None:
    text, who = stored(outer, survey)
    library = {"survey": survey}
    position = resume(outer, text, who, library)
    assert (position.application, len(position.frames)) == ("survey", 1)
    _, do = advance(outer, position, Digits("5"), library)
    assert do == NeedAgent("happy", {"mine": "outer", "score": "5"})


def test_a_part_that_is_gone_is_called_again_and_its_way_on_is_gone(
    outer: Application, survey: Application, caplog: pytest.LogCaptureFixture
) -> None:
    text, who = stored(outer, survey)
    with caplog.at_level(logging.WARNING):
        position = resume(outer, text, who)
    assert (position.application, position.step, position.frames) == ("test", "a", ())
    assert caplog.messages == [
        "a caller goes on at step a of test: application survey, which it called, is not here"
    ]
    assert advance(outer, position, Began())[1] == NeedAgent("missing", {"mine": "outer"})


def test_a_part_whose_step_is_gone_begins_anew(
    outer: Application, survey: Application, caplog: pytest.LogCaptureFixture
) -> None:
    text, who = stored(outer, survey)
    newer = dataclasses.replace(survey, version="2", start="b", steps={"b": survey.steps["b"]})
    library = {"survey": newer}
    position = resume(outer, text, who, library)
    assert (position.application, position.step) == ("test", "a")
    assert "has no step 'a' any more" in caplog.text
    assert advance(outer, position, Began(), library)[1] == NeedAgent("end", {"mine": "outer", "score": "0"})


def test_a_step_of_another_version_begins_anew(outer: Application, survey: Application) -> None:
    position, _ = walk(outer, Began(), Digits("77"), parts=[survey])
    assert position.tries == 1
    newer = dataclasses.replace(survey, version="2")
    position = Position.load(outer, position.dump(), position.caller, {"survey": newer})
    assert (position.version, position.step, position.tries, position.asks_again) == ("2", "a", 0, "")


def test_a_position_of_before_there_were_parts_is_read(outer: Application) -> None:
    text = "eyJhIjoidGVzdCIsInYiOiIxIiwicyI6ImVuZCIsImwiOiJlbiIsImYiOnsiYyI6IjEifSwidCI6MX0"
    position = Position.load(outer, text, caller())
    assert (position.step, dict(position.facts), position.tries, position.frames) == (
        "end",
        {"c": "1"},
        1,
        (),
    )


def test_more_callers_than_can_be_are_refused(outer: Application, survey: Application) -> None:
    position, _ = walk(outer, Began(), parts=[survey])
    deep = dataclasses.replace(position, frames=position.frames * (MOST_CALLERS + 1))
    assert resume(outer, deep.dump(), caller(), {"survey": survey}) == start(outer, caller())
