"""An application is tried by lines: what is typed goes in, what a caller would hear comes out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fsroute.errors import ApplicationError, ConfigurationError
from fsroute.ivr import Application, Do, Failed, check, load, skeleton
from fsroute.ivr.canned import Answers, Canned, find, read, typed
from fsroute.ivr.manners import MANNERS, UNKNOWN, manner_of
from fsroute.ivr.trial import HELP, Turn, answer, begin, hang_up
from fsroute.model import CallerInformation
from tests.unit.ivr.applications import caller, loaded
from tests.unit.ivr.test_properties import applications, callers

END = '\n[steps.end]\ndo = "hang_up"\n'
WAYS = 'on_silence = "end"\non_invalid = "end"\n'


def talk(
    application: Application,
    *lines: str,
    texts: Mapping[str, Mapping[str, str]] | None = None,
    answers: Answers | None = None,
    library: Mapping[str, Application] | None = None,
) -> list[Turn]:
    """The turns of a conversation in which these lines are typed."""
    known = {application.name: texts or {}}
    trial, turn = begin(application, caller(), library=library or {}, texts=known, answers=answers)
    turns = [turn]
    for line in lines:
        trial, turn = answer(trial, line)
        turns.append(turn)
    return turns


def test_prompts_are_told_by_name_language_and_text(tmp_path: Path) -> None:
    steps = f'[steps.a]\ndo = "menu"\nprompt = ["hello", "ask"]\nchoices = {{ 1 = "end" }}\n{WAYS}{END}'
    texts = {"en": {"hello": "Hello there."}}
    first, last = talk(loaded(tmp_path, steps), "1", texts=texts)
    assert first == Turn(("  hello [en]: Hello there.", "  ask [en]"), "keys (at most 1)> ")
    assert last == Turn(("The call is over: self_served (NORMAL_CLEARING).",))


def test_keys_are_taken_as_the_switch_takes_them(tmp_path: Path) -> None:
    steps = (
        f'[steps.a]\ndo = "collect"\nprompt = "ask"\nfact = "x"\nmax = 4\nnext = "b"\n{WAYS}'
        f'[steps.b]\ndo = "say"\ntext = "{{{{ facts.x }}}}"\nnext = "end"\n{END}'
    )
    application = loaded(tmp_path, steps)
    assert talk(application, "12#34")[1].lines[0] == "  (says digits) [en]: 12"
    assert talk(application, "123456")[1].lines[0] == "  (says digits) [en]: 1234"
    assert talk(application, "")[1].lines == ("  ask [en]",), "silence"
    assert talk(application, "hello")[1] == Turn(
        ("That is no answer here; /help says what is.",), "keys (at most 4)> "
    )


@pytest.mark.parametrize(
    ("say_as", "text", "told"),
    [
        ("number", "1234", "(says number) [en]: 1234"),
        ("money", "12.50", "(says money) [en]: 12.50"),
        ("date", "2024-05-01", "(says date) [en]: 2024-05-01"),
        ("time", "17:30", "(says time) [en]: 17:30"),
        ("letters", "AB1", "(says letters) [en]: AB1"),
    ],
)
def test_what_the_switch_says_is_told_as_text(tmp_path: Path, say_as: str, text: str, told: str) -> None:
    steps = f'[steps.a]\ndo = "say"\ntext = "{text}"\nas = "{say_as}"\nnext = "end"\n{END}'
    assert talk(loaded(tmp_path, steps))[0].lines[0] == f"  {told}"


AGENT = f'[steps.a]\ndo = "need_agent"\nqueue = "q"\non_served = "bye"\n{END}'
BYE = '[steps.bye]\ndo = "play"\nprompt = "bye"\nnext = "end"\n'


def test_the_outcome_of_asking_for_an_agent_is_asked_for(tmp_path: Path) -> None:
    application = loaded(tmp_path, AGENT + BYE)
    first, again, last = talk(application, "maybe", "served")
    assert first.lines == ("An agent of queue q is asked for; the caller waits with music.",)
    assert first.question == again.question == "served, overflowed, refused or failed> "
    assert last.lines == ("  bye [en]", "The call is over: served (NORMAL_CLEARING).")
    assert talk(application, "o")[1].lines[0] == "  sorry [en]", "the beginning of a word is enough"


def test_a_transfer_succeeds_or_is_refused(tmp_path: Path) -> None:
    application = loaded(tmp_path, '[steps.a]\ndo = "transfer"\nnumber = "1000"\n')
    assert talk(application, "")[1] == Turn(("The call goes on at 1000.",))
    assert talk(application, "n")[1].lines[0] == "  sorry [en]"


LOOK_UP = (
    '[steps.a]\ndo = "look_up"\nname = "orders"\nparameters = { order = "5" }\nfacts = ["status"]\n'
    'meanwhile = "hello"\nnext = "b"\non_empty = "end"\n'
    '[steps.b]\ndo = "branch"\non = "{{ facts.status }}"\ncases = { shipped = "bye" }\notherwise = "end"\n'
)


def test_a_look_up_is_answered_by_the_file_or_by_hand(tmp_path: Path) -> None:
    application = loaded(tmp_path, LOOK_UP + BYE + END)
    first, again, last = talk(application, "?", "status = shipped; n = 2")
    assert first.lines == ("Look-up orders is asked with order = 5", "  hello [en]")
    assert first.question == again.question == "answer (name=value; …, empty, slow, failed)> "
    assert last.lines[0] == "  bye [en]"
    (whole,) = talk(application, answers={"orders": (Canned(facts={"status": "shipped"}),)})
    assert whole.lines[2] == "  bye [en]"
    assert talk(application, "slow")[1].lines[0] == "  sorry [en]"


def test_messages_and_callbacks_are_tried(tmp_path: Path) -> None:
    record = '[steps.a]\ndo = "record"\nprompt = "ask"\nlongest = 30\ntries = 1\nnext = "bye"\non_silence = "end"\n'
    application = loaded(tmp_path, record + BYE + END)
    first, last = talk(application, "12.5")
    assert first.lines == ("  ask [en]", "  a message of at most 30 s is recorded")
    assert last.lines[0] == "  bye [en]"
    assert talk(application, "")[1].lines[0] == "The call is over: self_served (NORMAL_CLEARING)."
    offer = '[steps.a]\ndo = "offer_callback"\nqueue = "q"\nprompt = "ask"\non_declined = "bye"\n'
    application = loaded(tmp_path, offer + BYE + END)
    first, last = talk(application, "taken")
    assert first.lines[0] == "  ask [en]"
    assert last == Turn(("The caller is called back later; the call is over.",))
    assert talk(application, "declined")[1].lines[0] == "  bye [en]"


def test_parts_are_tried_with_their_own_texts(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    part = loaded(
        tmp_path / "two", f'[steps.a]\ndo = "menu"\nprompt = "ask"\nchoices = {{ 1 = "end" }}\n{WAYS}{END}'
    )
    whole = loaded(tmp_path / "one", f'[steps.a]\ndo = "call"\napplication = "test2"\nnext = "end"\n{END}')
    renamed = Application(
        "test2", part.version, part.start, part.languages, part.steps, part.sorry, part.operator, part.facts,
        part.recordings, part.folder, part.render,
    )  # fmt: skip
    trial, turn = begin(
        whole, caller(), library={"test2": renamed}, texts={"test2": {"en": {"ask": "The part asks."}}}
    )
    assert turn.lines == ("  ask [en]: The part asks.",)
    assert answer(trial, "/where")[1].lines == ("application test2, step a",)


def test_commands_say_where_the_caller_is_and_hang_up(tmp_path: Path) -> None:
    steps = f'[steps.a]\ndo = "menu"\nprompt = "ask"\nchoices = {{ 1 = "end" }}\n{WAYS}{END}'
    application = loaded(tmp_path, steps)
    _, where, known, help_, odd, over = talk(application, "/where", "/facts", "/help", "/odd", "/hangup")
    assert where.lines == ("application test, step a",)
    assert known.lines == ("no facts",)
    assert help_.lines == odd.lines == HELP
    assert {turn.question for turn in (where, known, help_)} == {"keys (at most 1)> "}
    assert over == Turn(("The call is over: abandoned (NORMAL_CLEARING).",))


def test_an_action_that_has_no_row_counts_as_failed(tmp_path: Path) -> None:
    @dataclass(frozen=True)
    class Dance:
        steps: int

    manner = manner_of(Dance(3))
    trial, _ = begin(loaded(tmp_path, END, first="end"), caller())
    assert manner is UNKNOWN
    assert list(manner.tell(trial, Dance(3))) == [
        "The application wants Dance, which cannot be tried here; it counts as failed."
    ]
    assert isinstance(manner.hear(trial, Dance(3), ""), Failed)
    assert not manner.question(trial, Dance(3))


def test_every_action_has_a_row() -> None:
    assert set(MANNERS) == set(get_args(Do))


LINES = st.text(max_size=12) | st.sampled_from(
    [
        "",
        "1",
        "2",
        "12345#",
        "served",
        "failed",
        "taken",
        "empty",
        "x=1",
        "n",
        "3.5",
        "/say hello",
        "/facts",
        "\0\r",
    ]
)


@settings(max_examples=200, deadline=None)
@given(applications(), callers, st.lists(LINES, max_size=20))
def test_any_application_can_be_tried_with_any_lines(
    application: Application, who: CallerInformation, lines: list[str]
) -> None:
    trial, turn = begin(application, who)
    for line in lines:
        assert not any(set(shown) & set("\r\n\0\x1b") for shown in turn.lines)
        if not turn.question:
            return
        trial, turn = answer(trial, line)
    assert not hang_up(trial)[1].question


# Answers to look-ups


def test_answers_are_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "answers.toml"
    path.write_text(
        '[[orders]]\nparameters = { order = "1" }\nfacts = { status = "shipped" }\n[[orders]]\nresult = "empty"\n'
    )
    answers = read(path)
    one = find(answers, "orders", {"order": "1", "more": "x"})
    assert one is not None
    assert dict(one.answer.facts) == {"status": "shipped"}
    other = find(answers, "orders", {"order": "2"})
    assert other is not None
    assert other.answer.result == "empty"
    assert find(answers, "balance", {}) is None


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("= =", "Invalid statement"),
        ('orders = "x"', "Expected `array`, got `str`"),
        ('[[orders]]\nresult = "late"\n', "Invalid enum value 'late'"),
        ('[[orders]]\nfact = { a = "1" }\n', "unknown field `fact`"),
    ],
)
def test_a_file_of_answers_that_is_wrong_is_named(tmp_path: Path, text: str, fault: str) -> None:
    path = tmp_path / "answers.toml"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=rf"answers\.toml: .*{fault}"):
        read(path)


@pytest.mark.parametrize("line", ["", "status", "a b = 1", "=1", "found out"])
def test_what_is_no_answer_to_a_look_up_is_asked_for_again(line: str) -> None:
    assert typed(line) is None


# What an author starts from


def test_a_new_application_has_no_fault_and_can_be_tried(tmp_path: Path) -> None:
    made = skeleton.create(tmp_path / "hello", "hello")
    assert check(tmp_path / "hello") == []
    assert all((tmp_path / "hello" / path).stat().st_size for path in made)
    application = load(tmp_path / "hello")
    assert application.name == "hello"
    assert talk(application, "1", "2", "served")[-1].question == ""


def test_a_new_application_replaces_nothing_and_has_a_good_name(tmp_path: Path) -> None:
    (tmp_path / "hello").mkdir()
    with pytest.raises(ApplicationError, match="hello is there already"):
        skeleton.create(tmp_path / "hello", "hello")
    with pytest.raises(ApplicationError, match=r"'\.\./x' is no application's name"):
        skeleton.create(tmp_path / "x", "../x")
