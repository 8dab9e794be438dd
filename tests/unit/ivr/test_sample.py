"""The sample application `orders`, walked as its callers walk it."""

from __future__ import annotations

import struct
import wave
from importlib.resources import files
from itertools import pairwise
from pathlib import Path

import pytest

from fsroute.ivr import (
    AgentOutcome,
    Application,
    Began,
    Collect,
    Digits,
    HangUp,
    HungUp,
    NeedAgent,
    NoInput,
    Play,
    Played,
    Transfer,
    check,
    load,
)
from fsroute.model import Outcome
from tests.unit.ivr.applications import caller, walk

FOLDER = Path(str(files("fsroute.ivr"))) / "sample"


@pytest.fixture(scope="module")
def orders() -> Application:
    return load(FOLDER / "orders")


def test_sample_has_no_fault() -> None:
    assert check(FOLDER / "orders") == []


def test_every_recording_is_what_a_telephone_line_carries() -> None:
    recordings = [*FOLDER.glob("orders/prompts/*/**/*.wav"), FOLDER / "music" / "hold.wav"]
    assert len(recordings) == 2 * 23 + 1
    for path in recordings:
        with wave.open(str(path)) as sound:
            assert (sound.getnchannels(), sound.getsampwidth(), sound.getframerate()) == (1, 2, 8000), path
    assert sum(path.stat().st_size for path in recordings) < 1_800_000


def test_hold_music_is_a_quiet_loop_without_a_click_at_its_seam() -> None:
    with wave.open(str(FOLDER / "music" / "hold.wav")) as sound:
        assert sound.getnframes() == 20 * 8000
        samples = struct.unpack(f"<{20 * 8000}h", sound.readframes(20 * 8000))
    steps = [abs(later - before) for before, later in pairwise((*samples, samples[0]))]
    assert max(map(abs, samples)) < 0.2 * 32768
    assert steps[-1] <= max(steps[:-1])


def test_caller_presses_1_and_is_told_of_the_order(orders: Application) -> None:
    position, do = walk(orders, Began(), Digits("1"), Digits("12344"))
    assert isinstance(do, Play)
    digits = tuple(f"prompts/en/digits/{digit}.wav" for digit in "12344")
    assert do.items == ("prompts/en/order.wav", *digits, "prompts/en/is_on_its_way.wav")
    assert position.facts["order_status"] == "shipped"


def test_caller_who_hangs_up_after_the_answer_was_served(orders: Application) -> None:
    _, do = walk(orders, Began(), Digits("1"), Digits("12345"), HungUp())
    assert do == HangUp("NORMAL_CLEARING", Outcome.SELF_SERVED)


def test_caller_who_hangs_up_in_the_menu_abandoned(orders: Application) -> None:
    assert walk(orders, Began(), HungUp())[1] == HangUp("NORMAL_CLEARING", Outcome.ABANDONED)


def test_caller_presses_2_and_needs_an_agent_of_support(orders: Application) -> None:
    _, do = walk(orders, Began(), Digits("2"), Played())
    assert isinstance(do, NeedAgent)
    assert do.queue == "support"


def test_what_was_keyed_goes_to_the_agent(orders: Application) -> None:
    _, do = walk(orders, Began(), Digits("1"), Digits("12345"), Played(), Digits("2"), Played())
    assert isinstance(do, NeedAgent)
    assert do.facts == {"order": "12345", "order_status": "packing", "operator_number": "1000"}


def test_operator_key_works_in_the_menu_and_during_input(orders: Application) -> None:
    assert walk(orders, Began(), Digits("0"))[1] == Transfer("1000")
    assert walk(orders, Began(), Digits("1"), Digits("0"))[1] == Transfer("1000")


def test_operator_number_may_come_with_the_call(orders: Application) -> None:
    who = caller(facts={"operator_number": "+1 (555) 010-0"})
    assert walk(orders, Began(), Digits("0"), who=who)[1] == Transfer("+15550100")


def test_wrong_digits_are_told_three_times_then_an_agent_helps(orders: Application) -> None:
    _, again = walk(orders, Began(), Digits("7"))
    assert isinstance(again, Collect)
    assert again.files == ("prompts/en/wrong_digits.wav", "prompts/en/main_menu.wav")
    _, do = walk(orders, Began(), Digits("7"), Digits("8"), Digits("77"))
    assert do == Play(("prompts/en/hold_on.wav",))


def test_silence_is_told_three_times_then_the_call_ends(orders: Application) -> None:
    _, again = walk(orders, Began(), NoInput())
    assert isinstance(again, Collect)
    assert again.files == ("prompts/en/did_not_hear.wav", "prompts/en/main_menu.wav")
    _, do = walk(orders, Began(), NoInput(), NoInput(), NoInput(), Played())
    assert do == HangUp("NORMAL_CLEARING", Outcome.ABANDONED)


def test_key_9_changes_the_language_there_and_back(orders: Application) -> None:
    _, spanish = walk(orders, Began(), Digits("9"))
    assert isinstance(spanish, Collect)
    assert spanish.files == ("prompts/es/welcome.wav", "prompts/es/main_menu.wav")
    _, english = walk(orders, Began(), Digits("9"), Digits("9"))
    assert english == walk(orders, Began())[1]


def test_spanish_caller_is_greeted_in_spanish(orders: Application) -> None:
    _, do = walk(orders, Began(), who=caller(language="es-MX"))
    assert isinstance(do, Collect)
    assert do.files[0] == "prompts/es/welcome.wav"


@pytest.mark.parametrize(
    ("result", "outcome"),
    [("overflowed", Outcome.OVERFLOWED), ("refused", Outcome.REFUSED), ("failed", Outcome.FAILED)],
)
def test_caller_without_an_agent_is_told_before_the_call_ends(
    orders: Application, result: str, outcome: Outcome
) -> None:
    happened = AgentOutcome(result)  # type: ignore[arg-type]
    _, told = walk(orders, Began(), Digits("2"), Played(), happened)
    assert isinstance(told, Play)
    _, do = walk(orders, Began(), Digits("2"), Played(), happened, Played())
    assert do == HangUp("NORMAL_CLEARING", outcome)


def test_caller_who_talked_with_an_agent_was_served(orders: Application) -> None:
    _, do = walk(orders, Began(), Digits("2"), Played(), AgentOutcome("served"), Played())
    assert do == HangUp("NORMAL_CLEARING", Outcome.SERVED)


def test_position_stays_small(orders: Application) -> None:
    position, _ = walk(orders, Began(), Digits("9"), Digits("1"), Digits("12345"), Played(), Digits("2"))
    assert len(position.dump()) < 300
