from __future__ import annotations

import base64
import re
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from fsroute.ivr import Began, Digits, Position, PositionRefused, resume, start
from tests.unit.ivr.applications import caller, loaded, walk

STEPS = """
[steps.a]
do = "collect"
prompt = "ask"
fact = "code"
max = 4
on_silence = "end"
on_invalid = "end"
next = "end"
[steps.end]
do = "hang_up"
"""


def stored(**fields: object) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(fields)).decode()


def test_position_survives_as_text_fit_for_a_channel_variable(tmp_path: Path) -> None:
    application = loaded(tmp_path, STEPS)
    position, _ = walk(application, Began(), Digits("1234"))
    text = position.dump()
    assert re.fullmatch("[A-Za-z0-9_-]+", text)
    assert Position.load(application, text, caller()) == position


GOOD: dict[str, object] = {"a": "test", "v": "1", "s": "end", "l": "en"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "%%%",
        "é",
        "{}",
        stored(),
        stored(**{**GOOD, "a": "other"}),
        stored(**{**GOOD, "s": "gone"}),
        stored(**{**GOOD, "x": 1}),
        stored(**{**GOOD, "t": -1}),
        stored(**{**GOOD, "n": 10**9}),
        stored(**{**GOOD, "w": "loud"}),
        stored(**{**GOOD, "f": {"a": "x" * 201}}),
        stored(**{**GOOD, "f": {f"f{n}": "" for n in range(49)}}),
        "A" * 100_000,
    ],
)
def test_position_that_does_not_fit_is_refused_and_the_caller_starts_again(tmp_path: Path, text: str) -> None:
    application = loaded(tmp_path, STEPS)
    with pytest.raises(PositionRefused):
        Position.load(application, text, caller())
    assert resume(application, text, caller()) == start(application, caller())


def test_position_of_another_version_is_taken_when_its_step_still_exists(tmp_path: Path) -> None:
    application = loaded(tmp_path, STEPS)
    position = Position.load(application, stored(**{**GOOD, "v": "0"}), caller())
    assert (position.step, position.version) == ("end", "1")


def test_language_that_the_application_lost_becomes_the_fall_back(tmp_path: Path) -> None:
    application = loaded(tmp_path, STEPS)
    assert Position.load(application, stored(**{**GOOD, "l": "fr"}), caller()).language == "en"


def test_personal_data_is_not_in_the_representation(tmp_path: Path) -> None:
    position, _ = walk(loaded(tmp_path, STEPS), Began(), Digits("1234"))
    assert "1234" not in repr(position)
    assert "Ada" not in repr(position)


def test_pure_half_comes_without_template_engine_hub_or_driver() -> None:
    program = (
        "import sys, fsroute.ivr, fsroute.ivr.interpreter, fsroute.ivr.ways\n"
        "print(sorted({'jinja2', 'gevent', 'psycopg'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
