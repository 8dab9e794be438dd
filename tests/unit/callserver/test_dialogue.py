"""The talk in which a caller chooses to be called back, as transcripts."""

from __future__ import annotations

import pytest

from fsroute.callserver.dialogue import (
    BETWEEN_KEYS,
    LISTENS,
    LONGEST,
    TRIES,
    Chosen,
    Declined,
    Do,
    Happening,
    Heard,
    Key,
    Listen,
    Silence,
    Speak,
    begin,
    proceed,
)
from fsroute.callserver.numbers import NORTH_AMERICA, callable_number
from fsroute.callserver.prompts import packaged

ADA = "+14155550123"
OFFER = Speak(("callback_offer",))
ENTER = Speak(("callback_enter",))
WRONG = Speak(("callback_wrong", "callback_enter"))
STAYS = Declined(("callback_kept",))


def read_back(number: str) -> Speak:
    digits = tuple(f"digits/{digit}" for digit in number.removeprefix("+"))
    return Speak(("callback_number", *digits, "callback_confirm"))


def accepts(number: str) -> str | None:
    return callable_number(number, NORTH_AMERICA)


def _happening(letter: str) -> Happening:
    if letter in ".-":
        return Heard() if letter == "." else Silence()
    return Key(letter)


def talk(number: str, *happenings: str) -> list[Do | None]:
    """What is done after each key, ``.`` (the prompt is over) and ``-`` (nothing keyed in time)."""
    dialogue, do = begin(number)
    assert do == OFFER
    done: list[Do | None] = []
    for letter in "".join(happenings):
        happening = _happening(letter)
        dialogue, next_ = proceed(dialogue, happening, accepts)
        done.append(next_)
        if isinstance(next_, Speak | Declined):
            assert set(next_.prompts) <= packaged("en")
    return done


def test_the_callers_own_number_is_read_back_and_confirmed() -> None:
    assert talk(ADA, ".", "1", ".", "1") == [Listen(LISTENS), read_back(ADA), Listen(LISTENS), Chosen(ADA)]


def test_a_key_cuts_the_prompt_short() -> None:
    assert talk(ADA, "1", "1") == [read_back(ADA), Chosen(ADA)]


@pytest.mark.parametrize("key", ["2", "*"])
def test_the_offer_is_declined_by_a_key(key: str) -> None:
    assert talk(ADA, key) == [STAYS]


def test_who_says_nothing_to_the_offer_hears_music_on() -> None:
    assert talk(ADA, ".", "-") == [Listen(LISTENS), Declined()]


@pytest.mark.parametrize("key", list("0345689#"))
def test_other_keys_are_nothing(key: str) -> None:
    assert talk(ADA, key, "1", key, "1") == [None, read_back(ADA), None, Chosen(ADA)]


def test_another_number_ends_with_the_pound_key() -> None:
    done = talk(ADA, "1", "2", "212-555-0147".replace("-", ""), "#", "1")
    assert done[:3] == [read_back(ADA), ENTER, Listen(BETWEEN_KEYS)]
    assert done[-2:] == [read_back("2125550147"), Chosen("2125550147")]


def test_a_number_is_complete_after_a_while_without_the_pound_key() -> None:
    assert talk(ADA, "1", "2", "2125550147", "-")[-1] == read_back("2125550147")


def test_a_number_cannot_be_longer_than_any_number_is() -> None:
    assert talk(ADA, "1", "2", "1" * LONGEST)[-1] == WRONG


@pytest.mark.parametrize("number", ["anonymous", "", "+442079460123", "1000"])
def test_who_has_no_number_that_may_be_called_is_asked_for_one(number: str) -> None:
    assert talk(number, "1", "2125550147", "#", "1")[-1] == Chosen("2125550147")


def test_a_wrong_number_is_asked_for_again_a_few_times() -> None:
    done = talk(ADA, "1", "2", *(["911#"] * TRIES))
    assert [do for do in done if do == WRONG] == [WRONG] * (TRIES - 1)
    assert done[-1] == STAYS


def test_the_star_leads_back_to_the_queue_from_anywhere() -> None:
    assert talk(ADA, "1", "*")[-1] == STAYS
    assert talk(ADA, "1", "2", "*")[-1] == STAYS
    assert talk(ADA, "1", "2", "212", "*")[-1] == STAYS


def test_who_says_nothing_to_a_question_is_asked_once_more() -> None:
    assert talk(ADA, "1", "-", "-") == [read_back(ADA), read_back(ADA), STAYS]
    assert talk(ADA, "1", "2", "-", "-") == [read_back(ADA), ENTER, ENTER, STAYS]


def test_nothing_is_chosen_without_a_confirmation() -> None:
    for keys in ("1", "12", "12" + "2125550147#", "2", "*"):
        assert not any(isinstance(do, Chosen) for do in talk(ADA, keys))


def test_a_dialogue_never_waits_for_nothing() -> None:
    """From any state the silence leads to a question or to the end, and to the end soon."""
    for keys in ("", "1", "12", "12" + "212", "12911#"):
        dialogue, _ = begin(ADA)
        for key in keys:
            dialogue, _ = proceed(dialogue, Key(key), accepts)
        ends = False
        for _ in range(2 * TRIES + 2):
            dialogue, do = proceed(dialogue, Silence(), accepts)
            assert do is not None
            ends = ends or isinstance(do, Declined)
        assert ends
