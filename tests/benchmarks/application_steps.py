"""What a step of an application costs by itself, without the switch: ``python -m tests.benchmarks.application_steps``.

For each kind of step: the decision of the interpreter, and with it the position as text for the channel variable. The
aim is 0.3 ms a step. Then a whole caller's walk, and a position read again in the midst of a part.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median

from fsroute.ivr import (
    AgentOutcome,
    Application,
    Began,
    Declined,
    Digits,
    Happening,
    LookedUp,
    NoInput,
    Played,
    Position,
    Recorded,
    Said,
    advance,
    load,
    resume,
    start,
)
from fsroute.ivr.numerals import needed
from fsroute.ivr.position import Library
from tests.unit.ivr.applications import caller, part, recording

AIM = 0.3  # milliseconds

STEPS = """
name = "main"
version = "1"
start = "greet"
languages = ["en", "es"]
sorry = { prompt = "sorry" }
[facts]
order = "12345"
[steps.greet]
do = "play"
prompt = ["hello", { text = "{{ facts.order }}", as = "digits" }, "bye"]
next = "amount"
[steps.amount]
do = "say"
text = "{{ '999999.99' if facts.order else '1' }}"
as = "money"
next = "ask"
[steps.ask]
do = "menu"
prompt = "ask"
repeat = "*"
choices = { 1 = "number" }
speech = { words = { yes = "1", "go on" = "1", again = "*" } }
on_silence = "end"
on_invalid = "end"
[steps.number]
do = "collect"
prompt = "ask"
fact = "code"
max = 5
pattern = "[0-9]{5}"
on_silence = "end"
on_invalid = "end"
next = "set"
[steps.set]
do = "set"
facts = { a = "{{ facts.code }}", b = "{{ facts.code[0] }}{{ caller.number }}", c = "{{ 'x' if facts.code else 'y' }}" }
next = "branch"
[steps.branch]
do = "branch"
on = "{{ facts.a[1] }}"
cases = { 2 = "look" }
otherwise = "end"
[steps.look]
do = "look_up"
name = "balance"
parameters = { code = "{{ facts.code }}" }
facts = ["balance", "due"]
next = "part"
on_failed = "end"
[steps.part]
do = "call"
application = "survey"
with = { code = "{{ facts.code }}" }
returns = ["score"]
next = "record"
on_missing = "end"
[steps.record]
do = "record"
prompt = "ask"
on_silence = "end"
next = "offer"
[steps.offer]
do = "offer_callback"
queue = "support"
on_declined = "agent"
[steps.agent]
do = "need_agent"
queue = "support"
on_served = "end"
[steps.end]
do = "hang_up"
"""
SURVEY = """
[steps.a]
do = "menu"
prompt = "ask"
choices = { 1 = "b" }
on_silence = "b"
on_invalid = "b"
[steps.b]
do = "return"
result = "{{ language }}"
"""
WALK: tuple[tuple[str, Happening], ...] = (
    ("play with digits, at the beginning", Began()),
    ("say an amount by recorded pieces", Played()),
    ("menu", Played()),
    ("collect, after a choice that was said", Said("yes", 0.9)),
    ("set, branch and look_up", Digits("12345")),
    ("the answer; call of a part, its menu", LookedUp("found", {"balance": "1.50", "due": "2026-01-01"})),
    ("silence, asked again", NoInput()),
    ("return; record", Digits("1")),
    ("offer_callback", Recorded(5.0)),
    ("need_agent", Declined()),
    ("hang_up", AgentOutcome("served")),
)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--rounds", type=int, default=2000)
    rounds = arguments.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        application, library = _applications(Path(folder))
    worst = 0.0
    position, who, text = start(application, caller()), caller(), ""
    for name, happening in WALK:
        milliseconds = _cost(partial(_step, application, position, happening, library), rounds)
        worst = max(worst, milliseconds)
        _show(name, milliseconds)
        position, _ = advance(application, position, happening, library)
        if position.frames:
            text = position.dump()
    _show(
        f"a whole walk of {len(WALK)} happenings", _cost(partial(_walk, application, library), rounds // 10)
    )
    read_again = partial(resume, application, text, who, library)
    _show("a position in a part, read again", _cost(read_again, rounds))
    print(f"the dearest step: {worst:.4f} ms ({'within' if worst < AIM else 'beyond'} the aim of {AIM} ms)")


def _show(what: str, milliseconds: float) -> None:
    print(f"{what:40} {milliseconds:7.4f} ms")


def _applications(folder: Path) -> tuple[Application, Library]:
    (folder / "main").mkdir()
    (folder / "main" / "application.toml").write_text(STEPS, encoding="utf-8")
    for language in ("en", "es"):
        prompts = {"sorry", "hello", "bye", "ask", *needed(language, "money"), *needed(language, "letters")}
        for prompt in prompts:
            recording(folder / "main" / "prompts" / language / f"{prompt}.wav")
    return load(folder / "main"), {"survey": part(folder, "survey", SURVEY)}


def _step(application: Application, position: Position, happening: Happening, library: Library) -> None:
    advance(application, position, happening, library)[0].dump()


def _walk(application: Application, library: Library) -> None:
    position = start(application, caller())
    for _, happening in WALK:
        position, _ = advance(application, position, happening, library)
        position.dump()


def _cost(do: Callable[[], object], rounds: int) -> float:
    """Median milliseconds of batches, after one that warms up."""
    batch = max(1, rounds // 20)
    figures = []
    for _ in range(21):
        begin = time.perf_counter()
        for _ in range(batch):
            do()
        figures.append((time.perf_counter() - begin) * 1000 / batch)
    return median(figures[1:])


if __name__ == "__main__":
    main()
