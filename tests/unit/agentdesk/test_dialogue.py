from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsroute.agentdesk import dialogue as d
from fsroute.agentdesk.dialogue import (
    Ask,
    Began,
    Do,
    Entry,
    HangUp,
    Keyed,
    Nothing,
    NotProved,
    Perform,
    Performed,
    Person,
    Prove,
    Proved,
    Refused,
    Say,
    Stand,
    Standing,
    advance,
    start,
)
from fsroute.agentdesk.features import MENU, Feature
from fsroute.model.agent import AgentStatus
from fsroute.model.agent_state import Doing

ANN, BOB = Person("ann"), Person("bob")
AVAILABLE = Performed(Standing(AgentStatus.AVAILABLE, Doing.IDLE))
PROMPTS = Path(d.__file__).parent / "prompts"


def standing(status: str, state: str, contacts_served: int = 0) -> Standing:
    return Standing(AgentStatus(status), Doing(state), contacts_served)


def talk(dialogue: d.Dialogue, *happenings: d.Happening) -> list[Do]:
    """Everything that is done, from the beginning of the call."""
    done = []
    for happening in (Began(), *happenings):
        dialogue, do = advance(dialogue, happening)
        done.append(do)
    return done


def last(dialogue: d.Dialogue, *happenings: d.Happening) -> Do:
    return talk(dialogue, *happenings)[-1]


def test_a_stranger_is_asked_for_extension_and_pin_before_anything_is_done() -> None:
    assert talk(start("6", ""), Keyed("2001"), Keyed("2468"), Proved(ANN), AVAILABLE, Began()) == [
        Ask(("enter_extension",), Entry.EXTENSION),
        Ask(("enter_pin",), Entry.PIN),
        Prove("2468", extension="2001"),
        Perform(Feature.STATUS, "ann", ""),
        Say(("status/available", "contacts_served", "digits/0")),
        HangUp(),
    ]


@pytest.mark.parametrize("code", [feature.value for feature in Feature if feature.value not in "07"])
def test_at_the_own_phone_harmless_codes_need_no_pin(code: str) -> None:
    assert last(start(code, "1", ANN)) == Perform(Feature(code), "ann", "1")


@pytest.mark.parametrize("code", ["0", "7", MENU])
def test_a_shift_begins_with_a_pin_at_a_registered_phone_too(code: str) -> None:
    assert last(start(code, "", ANN)) == Ask(("enter_pin",), Entry.PIN)
    assert last(start(code, "", ANN), Keyed("2468")) == Prove("2468", agent_id="ann")


def test_an_agent_whose_phone_is_the_agents_own_needs_no_pin_at_it() -> None:
    assert last(start("0", "", Person("ann", own_phone=True))) == Perform(Feature.LOG_ON, "ann", "")


def test_another_agent_may_log_on_at_a_registered_phone() -> None:
    done = talk(start("0", "", ANN), Keyed("*"), Keyed("2002"), Keyed("1357"), Proved(BOB))
    assert done[1:] == [
        Ask(("enter_extension",), Entry.EXTENSION),
        Ask(("enter_pin",), Entry.PIN),
        Prove("1357", extension="2002"),
        Perform(Feature.LOG_ON, "bob", ""),
    ]


def test_wrong_pins_end_the_call_after_three() -> None:
    wrong = (Keyed("2468"), NotProved())
    done = talk(start("0", "", ANN), *wrong, *wrong, *wrong, Began())
    assert done.count(Prove("2468", agent_id="ann")) == 3
    assert done[2] == Ask(("wrong_pin", "enter_pin"), Entry.PIN)
    assert done[-2:] == [Say(("wrong_pin", "goodbye")), HangUp()]


def test_an_extension_that_does_not_exist_sounds_like_a_wrong_pin() -> None:
    """`NotProved` is the answer to both; the extension may be keyed again."""
    done = talk(start("1", ""), Keyed("99"), Keyed("2468"), NotProved(), Keyed("2001"), Keyed("2468"))
    assert done[3] == Ask(("wrong_pin", "enter_extension"), Entry.EXTENSION)
    assert done[-1] == Prove("2468", extension="2001")


def test_a_locked_agent_is_told_so_and_the_call_ends() -> None:
    done = talk(start("0", "", ANN), Keyed("2468"), NotProved(locked=True), Began())
    assert done[-2:] == [Say(("locked",)), HangUp()]


def test_silence_ends_the_call_after_three_questions() -> None:
    done = talk(start("0", "", ANN), Nothing(), Nothing(), Nothing(), Began())
    assert done[1] == Ask(("did_not_understand", "enter_pin"), Entry.PIN)
    assert done[-2:] == [Say(("goodbye",)), HangUp()]


def test_an_outcome_without_a_code_is_asked_for_it() -> None:
    done = talk(start("5", "", ANN), Keyed("12"), Performed(standing("available", "wrap_up")))
    assert done == [
        Ask(("enter_outcome",), Entry.ARGUMENT),
        Perform(Feature.OUTCOME, "ann", "12"),
        Say(("outcome_recorded", "digits/1", "digits/2")),
    ]


def test_an_unknown_outcome_code_may_be_keyed_again() -> None:
    done = talk(start("5", "9", ANN), Refused("unknown_code"), Keyed("1"))
    assert done[1:] == [
        Ask(("unknown_code", "enter_outcome"), Entry.ARGUMENT),
        Perform(Feature.OUTCOME, "ann", "1"),
    ]


def test_unknown_outcome_codes_end() -> None:
    again = (Refused("unknown_code"), Keyed("9"))
    assert last(start("5", "9", ANN), *again, *again, Refused("unknown_code")) == Say(("unknown_code",))


def test_a_feature_that_is_refused_says_why() -> None:
    assert last(start("2", "1", ANN), Refused("logged_out")) == Say(("log_on_first",))
    assert last(start("2", "1", ANN), Refused("StoreError")) == Say(("not_possible",))


@pytest.mark.parametrize(("code", "prompt"), [("1", "logged_off"), ("2", "break")])
def test_who_leaves_during_a_contact_hears_that_it_goes_on(code: str, prompt: str) -> None:
    talking = Performed(standing("on_break", "talking"))
    assert last(start(code, "", ANN), talking) == Say((prompt, "after_this_contact"))
    assert last(start(code, "", ANN), Performed(standing("on_break", "idle"))) == Say((prompt,))


@pytest.mark.parametrize(
    ("what", "said"),
    [
        (standing("available", "talking", 12), ("status/available", "state/contact", "digits/1", "digits/2")),
        (standing("on_break", "wrap_up", 3), ("status/on_break", "state/wrap_up", "digits/3")),
        (standing("available", "set_aside", 0), ("status/available", "state/set_aside", "digits/0")),
        (standing("logged_out", "away", 0), ("status/logged_out", "digits/0")),
    ],
)
def test_the_status_is_spoken(what: Standing, said: tuple[str, ...]) -> None:
    do = last(start("6", "", ANN), Performed(what))
    assert isinstance(do, Say)
    assert tuple(prompt for prompt in do.prompts if prompt != "contacts_served") == said


def test_a_standing_leg_stays_after_the_confirmation_and_is_hung_up_when_refused() -> None:
    begun = (Keyed("2468"), Proved(ANN))
    assert talk(start("7", "", ANN), *begun, AVAILABLE, Began())[2:] == [
        Perform(Feature.STANDING, "ann", ""),
        Say(("standing",)),
        Stand("ann"),
    ]
    refused = talk(start("7", "", ANN), *begun, Refused("no_standing_leg"), Began())
    assert refused[-2:] == [Say(("not_possible",)), HangUp()]


def test_the_menu_takes_one_feature_after_the_other() -> None:
    done = talk(
        start(MENU, ""), Keyed("2001"), Keyed("2468"), Proved(ANN), Keyed("0"), AVAILABLE, Began(), Keyed("21"),
    )  # fmt: skip
    assert done[3:] == [
        Ask(("enter_code",), Entry.CODE),
        Perform(Feature.LOG_ON, "ann", ""),
        Say(("logged_on",)),
        Ask(("enter_code",), Entry.CODE),
        Perform(Feature.BREAK, "ann", "1"),
    ]


@pytest.mark.parametrize("argument", ["x", "1;2", "123456789", "\u0661", "1\n", "${x}"])
def test_a_dialled_argument_that_is_no_short_number_is_dropped(argument: str) -> None:
    assert start("5", argument, ANN).argument == ""


def test_a_pin_is_in_no_text_of_the_dialogue() -> None:
    dialogue, _ = advance(start("0", "", ANN), Began())
    dialogue, do = advance(dialogue, Keyed("864209"))
    assert isinstance(do, Prove)
    assert "864209" not in f"{dialogue!r} {do!r} {dialogue} {do}"


HAPPENINGS = st.one_of(
    st.just(Began()),
    st.just(Nothing()),
    st.from_regex("[0-9*]{1,12}", fullmatch=True).map(Keyed),
    st.sampled_from([ANN, BOB]).map(Proved),
    st.booleans().map(NotProved),
    st.just(AVAILABLE),
    st.sampled_from([*d.REFUSALS, "else"]).map(Refused),
)


def fitting(do: Do, happening: d.Happening) -> bool:
    """What can happen after `do`, in the hands of one who performs it."""
    match do:
        case Ask(_, entry):
            return isinstance(happening, Nothing) or (
                isinstance(happening, Keyed) and bool(re.search(entry.form, happening.digits))
            )
        case Say():
            return isinstance(happening, Began)
        case Prove():
            return isinstance(happening, Proved | NotProved)
        case Perform():
            return isinstance(happening, Performed | Refused)
    return False


def test_more_keys_than_an_argument_has_are_asked_for_again() -> None:
    dialogue, do = advance(start("5", "", ANN), Began())
    assert isinstance(do, Ask)
    _, again = advance(dialogue, Keyed("0" * 9))
    assert isinstance(again, Ask)


@given(
    st.sampled_from([*"01234567", MENU, "9", ""]),
    st.text(max_size=10),
    st.sampled_from([None, ANN, Person("ann", own_phone=True)]),
    st.lists(HAPPENINGS, max_size=60),
)
def test_nothing_is_done_for_anyone_who_is_not_proved_and_every_dialogue_ends(
    code: str, argument: str, phone: Person | None, happenings: list[d.Happening]
) -> None:
    dialogue, do = advance(start(code, argument, phone), Began())
    proved: set[str] = set() if phone is None else {phone.agent_id}
    asked = 0
    for happening in happenings:
        if isinstance(do, HangUp | Stand):
            break
        if not fitting(do, happening):
            continue
        if isinstance(happening, Proved):
            proved.add(happening.person.agent_id)
        dialogue, do = advance(dialogue, happening)
        asked += isinstance(do, Prove)
        if isinstance(do, Perform):
            assert do.agent_id in proved
            assert re.fullmatch("[0-9]{0,8}", do.argument, re.ASCII)
    for _ in range(10):  # whoever says nothing more is let go soon
        if isinstance(do, Prove):
            dialogue, do = advance(dialogue, NotProved())
        elif isinstance(do, Perform):
            dialogue, do = advance(dialogue, Refused("else"))
        elif not isinstance(do, HangUp | Stand):
            dialogue, do = advance(dialogue, Began() if isinstance(do, Say) else Nothing())
    assert isinstance(do, HangUp | Stand)


@pytest.mark.parametrize("language", ["en", "es"])
def test_every_prompt_is_recorded_in_every_language(language: str) -> None:
    words = tomllib.loads((PROMPTS / language / "words.toml").read_text(encoding="utf-8"))["words"]
    needed = {*d.REFUSALS.values(), *d.CONFIRMATIONS.values(), *(f"digits/{digit}" for digit in range(10))}
    needed |= {prompt for prompts, _ in d.QUESTIONS.values() for prompt in prompts}
    needed |= {"did_not_understand", "wrong_pin", "locked", "goodbye", "not_possible", "after_this_contact"}
    needed |= {"contacts_served", "status/available", "status/on_break", "status/logged_out"}
    needed |= {"state/contact", "state/wrap_up", "state/set_aside"}
    recorded = {
        str(path.relative_to(PROMPTS / language).with_suffix(""))
        for path in (PROMPTS / language).rglob("*.wav")
    }
    assert recorded == set(words) == needed
