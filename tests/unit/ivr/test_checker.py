"""Each fault an operator can make, as it is told: file, step, fault."""

from __future__ import annotations

from pathlib import Path

import pytest

from fsroute.errors import ApplicationError
from fsroute.ivr import Severity, check, load
from fsroute.ivr.step_checks import wrong_pattern
from tests.unit.ivr.applications import write

END = '\n[steps.end]\ndo = "hang_up"\n'
MENU_WAYS = 'on_silence = "end"\non_invalid = "end"\n'


def told(folder: Path) -> list[str]:
    return [str(fault) for fault in check(folder)]


ONE_STEP = [
    ('do = "plya"', "unknown step kind 'plya'; is play meant? Known are play, say, menu,"),
    ("next = 'end'", "do is missing Known are play"),
    ('do = "play"\nprompt = "hello"', "field `next` is missing"),
    ('do = "play"\nprompt = "hello"\nnext = "end"\nnxt = "end"', "unknown field `nxt`"),
    ('do = "play"\nprompt = "hello"\nnext = "gone"', "next leads to step gone, which does not exist"),
    ('do = "play"\nprompt = []\nnext = "end"', "a prompt is needed"),
    ('do = "play"\nprompt = "nope"\nnext = "end"', "prompt nope is missing: prompts/en/nope.wav"),
    ('do = "play"\nprompt = "../x"\nnext = "end"', "prompt: '../x': a prompt's name is of a-z"),
    ('do = "play"\nprompt = "hello"\nnext = "End"', "next: 'End': a step's name is of a-z"),
    ('do = "play"\nprompt = 5\nnext = "end"', "prompt: Expected `str | array`, got `int`"),
    ('do = "play"\nprompt = [{ text = "x", as = "digits" }]\nnext = "end"', "'x' cannot be said as digits"),
    ('do = "say"\ntext = "5"\nas = "song"\nnext = "end"', "as = 'song' is none of digits, number,"),
    ('do = "say"\ntext = "{{ caller.age }}"\nnext = "end"', "caller.age is none of number, name,"),
    ('do = "say"\ntext = "{{ facts.x }}"\nnext = "end"', "fact x may not be known here; add it to [facts]"),
    ('do = "say"\ntext = "{{ unfinished"\nnext = "end"', "text '{{ unfinished': unexpected end of template"),
    ('do = "say"\ntext = "{{ ().__class__ }}"\nnext = "end"', "a dot may follow only caller,"),
    (
        'do = "menu"\nprompt = "ask"\nchoices = { 1 = "end" }\non_invalid = "end"',
        "write on_silence here or in",
    ),
    (
        'do = "menu"\nprompt = "ask"\nchoices = { 1 = "end" }\non_silence = "end"',
        "write on_invalid here or in",
    ),
    (f'do = "menu"\nprompt = "ask"\nchoices = {{ 1 = "x" }}\n{MENU_WAYS}', "choice 1 leads to step x, which"),
    (f'do = "menu"\nprompt = "ask"\nchoices = {{ x = "end" }}\n{MENU_WAYS}', "choices: 'x': keys are 0-9"),
    (
        f'do = "menu"\nprompt = "ask"\nchoices = {{}}\n{MENU_WAYS}',
        "choices: Expected `object` of length >= 1",
    ),
    (
        f'do = "menu"\nprompt = "ask"\ntries = 0\nchoices = {{ 1 = "end" }}\n{MENU_WAYS}',
        "tries: Expected `int` >=",
    ),
    (
        f'do = "menu"\nprompt = "ask"\nsilent = "no"\nchoices = {{ 1 = "end" }}\n{MENU_WAYS}',
        "prompt no is missing",
    ),
    (
        f'do = "collect"\nprompt = "ask"\nfact = "x"\nmin = 5\nmax = 4\nnext = "end"\n{MENU_WAYS}',
        "min is 5, more than max, which is 4",
    ),
    (
        f'do = "collect"\nprompt = "ask"\nfact = "x"\nmax = 4\npattern = "[0-"\nnext = "end"\n{MENU_WAYS}',
        "pattern '[0-': no regular expression: unterminated character set",
    ),
    ('do = "set"\nlanguage = "fr"\nnext = "end"', "language fr is none of en"),
    ('do = "set"\nfacts = { X = "1" }\nnext = "end"', "facts: 'X': a fact's name is of a-z"),
    ('do = "branch"\non = "1"\ncases = { 1 = "end" }', "field `otherwise` is missing"),
    ('do = "need_agent"\nqueue = "a b"\non_served = "end"', "queue: 'a b': a queue's name is of"),
    ('do = "need_agent"\nqueue = "q"\non_busy = "end"', "unknown field `on_busy`"),
    ('do = "look_up"\nname = "a/b"\nnext = "end"', "name: 'a/b': the name is of a-z"),
    ('do = "look_up"\nname = "x"\nfacts = ["A"]\nnext = "end"', "facts: 'A': a fact's name is of a-z"),
    ('do = "look_up"\nname = "x"\nfacts = { A = "b" }\nnext = "end"', "facts: 'A': a fact's name is of a-z"),
    ('do = "look_up"\nname = "x"\nfacts = { a = "B" }\nnext = "end"', "facts: 'B': a fact's name is of a-z"),
    ('do = "look_up"\nname = "x"\nnext = "end"\ntimeout = 31', "timeout: Expected `float` <= 30"),
    ('do = "look_up"\nname = "x"\nnext = "end"\nmeanwhile = "gone"', "prompt gone is missing"),
    ('do = "look_up"\nname = "x"\nnext = "end"\non_slow = "gone"', "on_slow leads to step gone, which"),
    (
        'do = "look_up"\nname = "x"\nnext = "end"\nparameters = { n = "{{ facts.n }}" }',
        "parameters.n: fact n may not be known here",
    ),
    ('do = "record"\nprompt = "ask"\nnext = "end"', "write on_silence here or in [defaults]"),
    (
        'do = "record"\nprompt = "ask"\nnext = "end"\non_silence = "end"\nlongest = 5\nshortest = 5',
        "shortest is 5, not less than longest, which is 5",
    ),
    ('do = "record"\nprompt = "gone"\nnext = "end"\non_silence = "end"', "prompt gone is missing"),
    ('do = "offer_callback"\nqueue = "q"', "field `on_declined` is missing"),
    ('do = "offer_callback"\nqueue = "q"\non_declined = "end"\nprompt = "x"', "prompt x is missing"),
    ('do = "call"\napplication = "A"\nnext = "end"', "application: 'A': the name is of a-z"),
    ('do = "call"\napplication = "x"\nnext = "end"\ncases = { a = "b" }', "case 'a' leads to step b"),
    ('do = "call"\napplication = "x"\nnext = "end"\nwith = { A = "" }', "with: 'A': a fact's name is of"),
    (
        'do = "call"\napplication = "x"\nnext = "end"\nwith = { a = "{{ facts.n }}" }',
        "with.a: fact n may not be known here",
    ),
    ('do = "call"\napplication = "x"\nnext = "end"\nreturns = ["A"]', "returns: 'A': a fact's name"),
    ('do = "return"\nresult = "{{ facts.n }}"', "result: fact n may not be known here"),
    (
        f'do = "menu"\nprompt = "ask"\nchoices = {{ 1 = "end" }}\n{MENU_WAYS}repeat = "x"',
        "repeat: 'x': keys are 0-9",
    ),
    (
        f'do = "menu"\nprompt = "ask"\nchoices = {{ 1 = "end" }}\n{MENU_WAYS}'
        'speech = { words = { agent = "2" } }',
        "speech: 'agent' stands for 2, which is no choice",
    ),
    (
        f'do = "menu"\nprompt = "ask"\nchoices = {{ 1 = "end" }}\n{MENU_WAYS}'
        'speech = { words = { "a b" = "1", "A  B!" = "1" } }',
        "speech: 'A  B!' is 'a b' once more",
    ),
    (
        f'do = "menu"\nprompt = "ask"\nchoices = {{ 1 = "end" }}\n{MENU_WAYS}speech = {{ grammar = "a b" }}',
        "speech: grammar: 'a b': a grammar is one word",
    ),
    ('do = "transfer"\nnumber = "12 34"', "number: '12 34': a number is of 0-9"),
    ('do = "hang_up"\ncause = "BORED"', "cause BORED is none of CALL_REJECTED,"),
]


@pytest.mark.parametrize(("step", "fault"), ONE_STEP)
def test_fault_names_file_step_and_what_is_wrong(tmp_path: Path, step: str, fault: str) -> None:
    write(tmp_path, f"[steps.a]\n{step}\n{END}")
    about = [line for line in told(tmp_path) if line.startswith("application.toml: step a: ")]
    assert any(fault in line for line in about), about
    with pytest.raises(ApplicationError, match=r"application\.toml: step a: "):
        load(tmp_path)


HEAD = 'name = "test"\nversion = "1"\nstart = "end"\nlanguages = ["en"]\nsorry = { prompt = "sorry" }\n'


@pytest.mark.parametrize(
    ("head", "fault"),
    [
        ("name = ", "is not TOML: Invalid value (at line 1, column 8)"),
        ("a." * 400_000 + "b = 1", "is not TOML: more than 200 dots in line 1"),
        (HEAD.replace('"1"', "1"), "version: Expected `str`, got `int`"),
        (HEAD.replace('"test"', '"a/b"'), "name: 'a/b': the name is of a-z"),
        (HEAD.replace('["en"]', "[]"), "languages: Expected `array` of length >= 1"),
        (HEAD.replace('["en"]', '["../en"]'), "languages: '../en': a language is written like en or es-MX"),
        (HEAD.replace("sorry = { prompt = ", "sorry = { prompts = "), "sorry: unknown field `prompts`"),
        (HEAD.replace('"sorry" }', '"gone" }'), "prompt gone is missing: prompts/en/gone.wav"),
        (HEAD.replace('"sorry" }', "[] }"), "[sorry]: a prompt is needed"),
        (HEAD.replace('"end"', '"begin"'), "start is step begin, which does not exist"),
        (HEAD + 'operator = { step = "gone" }\n', "[operator]: leads to step gone, which does not exist"),
        (HEAD + "colour = 1\n", "unknown field `colour`"),
        (HEAD + "facts = { " + ", ".join(f'f{n} = ""' for n in range(33)) + " }\n", "33 facts; 32 at most"),
        (HEAD + "[defaults]\ntimeout = -1\n", "defaults.timeout: Expected `float` > 0"),
    ],
)
def test_fault_of_the_whole_names_the_path(tmp_path: Path, head: str, fault: str) -> None:
    write(tmp_path, END, head=head)
    assert any(line.startswith("application.toml: ") and fault in line for line in told(tmp_path)), told(
        tmp_path
    )


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    steps = '[steps.a]\ndo = "plya"\n[steps.b]\ndo = "transfer"\nnumber = "x"\n[steps.c]\ndo = "set"\n'
    write(tmp_path, steps)
    assert [fault.step for fault in check(tmp_path)] == ["a", "c", "b"]


def test_folder_without_an_application_is_told(tmp_path: Path) -> None:
    assert told(tmp_path) == [f"application.toml: cannot be read in {tmp_path}: No such file or directory"]


def test_step_that_nobody_comes_to_is_a_fault(tmp_path: Path) -> None:
    write(tmp_path, '[steps.a]\ndo = "hang_up"\n' + END)
    assert told(tmp_path) == ["application.toml: step end: unreachable: no step leads here"]


@pytest.mark.parametrize(
    ("steps", "path"),
    [
        ('[steps.a]\ndo = "play"\nprompt = "hello"\nnext = "a"\n', "a → a"),
        (
            '[steps.a]\ndo = "set"\nnext = "b"\n'
            '[steps.b]\ndo = "branch"\non = "1"\ncases = { 1 = "a" }\notherwise = "end"\n' + END,
            "a → b → a",
        ),
        (
            '[steps.a]\ndo = "menu"\nprompt = "ask"\nchoices = { 1 = "end" }\n'
            'on_silence = "a"\non_invalid = "end"\n' + END,
            "a → a",
        ),
        ('[steps.a]\ndo = "need_agent"\nqueue = "q"\non_refused = "a"\n', "a → a"),
    ],
)
def test_circle_that_needs_no_caller_is_a_fault(tmp_path: Path, steps: str, path: str) -> None:
    write(tmp_path, steps)
    assert told(tmp_path) == [
        f"application.toml: step a: endless loop without anything from the caller: {path}"
    ]


def test_circle_that_the_caller_goes_round_by_keys_is_none(tmp_path: Path) -> None:
    menu = '[steps.a]\ndo = "menu"\nprompt = "ask"\nchoices = { 1 = "a" }\n'
    menu += 'on_silence = "end"\non_invalid = "a"\n'
    write(tmp_path, menu + END)
    assert told(tmp_path) == []


def test_fact_that_only_one_way_sets_is_a_fault(tmp_path: Path) -> None:
    steps = """
[steps.a]
do = "branch"
on = "{{ caller.language }}"
cases = { en = "b" }
otherwise = "c"
[steps.b]
do = "set"
facts = { x = "1" }
next = "c"
[steps.c]
do = "say"
text = "{{ facts.x }}"
next = "end"
"""
    write(tmp_path, steps + END)
    assert [line.partition(";")[0] for line in told(tmp_path)] == [
        "application.toml: step c: text '{{ facts.x }}': fact x may not be known here"
    ]
    write(tmp_path, steps.replace("facts.x }}", "facts.x | default('0') }}") + END)
    assert told(tmp_path) == []
    write(tmp_path, steps + END + '[facts]\nx = "0"\n')
    assert told(tmp_path) == []


def test_prompt_missing_in_another_language_is_a_warning(tmp_path: Path) -> None:
    steps = '[steps.a]\ndo = "play"\nprompt = "hello"\nnext = "end"\n' + END
    write(tmp_path, steps, languages=("en", "es"))
    (tmp_path / "prompts/es/hello.wav").unlink()
    (fault,) = check(tmp_path)
    assert str(fault) == (
        "application.toml: step a: warning: prompt hello is missing in es, callers hear it in en"
    )
    assert fault.severity is Severity.WARNING
    assert load(tmp_path).name == "test"


def test_customer_record_that_may_be_missing_is_a_warning(tmp_path: Path) -> None:
    branch = "[steps.a]\ndo = 'branch'\non = '{{ customer.tier }}'\n"
    branch += "cases = { gold = 'end' }\notherwise = 'end'\n"
    write(tmp_path, branch + END)
    assert told(tmp_path) == [
        "application.toml: step a: warning: on: customer.tier may be missing; add | default('…')"
    ]


def test_application_that_is_not_there_yet_is_a_warning(tmp_path: Path) -> None:
    call = '[steps.a]\ndo = "call"\napplication = "survey"\nnext = "end"\n'
    write(tmp_path, call + END)
    assert told(tmp_path) == ["application.toml: step a: warning: there is no application survey yet"]
    assert check(tmp_path, others=["survey"]) == []


def test_what_a_look_up_and_a_part_bring_is_known_afterwards(tmp_path: Path) -> None:
    steps = """
[steps.a]
do = "look_up"
name = "x"
facts = { ours = "theirs" }
next = "b"
on_failed = "end"
[steps.b]
do = "call"
application = "test"
with = { given = "{{ facts.ours }}" }
returns = ["score"]
cases = { one = "c" }
next = "c"
on_missing = "end"
[steps.c]
do = "say"
text = "{{ facts.ours }}{{ facts.score }}"
next = "end"
"""
    write(tmp_path, steps + END)
    assert told(tmp_path) == []
    write(tmp_path, steps.replace('on_failed = "end"', 'on_failed = "c"') + END)
    assert [line.partition(";")[0] for line in told(tmp_path)] == [
        "application.toml: step c: text '{{ facts.ours }}{{ facts.score }}': fact ours may not be known here",
        "application.toml: step c: text '{{ facts.ours }}{{ facts.score }}': fact score may not be known here",
    ]


def test_repeat_key_that_hides_the_operator_is_a_warning(tmp_path: Path) -> None:
    menu = f'[steps.a]\ndo = "menu"\nprompt = "ask"\nchoices = {{ 1 = "end" }}\nrepeat = "0"\n{MENU_WAYS}'
    write(tmp_path, menu + END + '[operator]\nstep = "end"\n')
    assert told(tmp_path) == ["application.toml: step a: warning: the repeat key hides the operator key 0"]


def test_operator_key_that_hides_an_input_is_a_warning(tmp_path: Path) -> None:
    collect = f'[steps.a]\ndo = "collect"\nprompt = "ask"\nfact = "x"\nmax = 1\nnext = "end"\n{MENU_WAYS}'
    write(tmp_path, collect + END + '[operator]\nstep = "end"\n')
    assert told(tmp_path) == [
        "application.toml: step a: warning: the operator key hides the input 0; "
        "write operator = false if it can be meant"
    ]


def test_some_but_not_all_digits_recorded_is_a_fault(tmp_path: Path) -> None:
    write(tmp_path, END, first="end", prompts=["sorry", *(f"digits/{digit}" for digit in "012345678")])
    assert told(tmp_path) == ["application.toml: in en the digits 9 are not recorded"]


STUMBLES = b"RIFF\xc4\0\0\0WAVEfmt \x10\0\1\0\1\0\1\0@\x1f\0\0\x80>\0\0\2\0\x10\0data\xa0\0\0\0"
"""A chunk is longer than the file."""


@pytest.mark.parametrize("content", [b"RIFF", STUMBLES])
def test_recording_that_is_none_is_named(tmp_path: Path, content: bytes) -> None:
    write(tmp_path, END, first="end")
    (tmp_path / "prompts/en/hello.wav").write_bytes(content.ljust(200, b"\0"))
    (tmp_path / "prompts/en/Bad Name.wav").write_bytes(b"")
    lines = told(tmp_path)
    assert any(line.startswith("prompts/en/hello.wav: is not a PCM recording") for line in lines)
    assert any(line.startswith("prompts/en/Bad Name.wav: a prompt's name is of a-z") for line in lines)


def test_recording_outside_the_folder_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "application"
    folder.mkdir()
    write(folder, END, first="end")
    outside = tmp_path / "outside.wav"
    (folder / "prompts/en/hello.wav").rename(outside)
    (folder / "prompts/en/hello.wav").symlink_to(outside)
    assert told(folder) == ["prompts/en/hello.wav: leads out of the application's folder"]


@pytest.mark.parametrize(
    "pattern", ["[1-9][0-9]{4}", r"\d+", "(0|1)[0-9]*", "[*#]?[0-9]{2,8}", "(10|20|30)[0-9]{2,4}[*]?[0-9]*"]
)
def test_pattern_of_an_operator_is_good(pattern: str) -> None:
    assert wrong_pattern(pattern) == ""


@pytest.mark.parametrize(
    "pattern",
    [
        "(",
        "(12|34)?",
        "(a+)+",
        r"(\d*)*x",
        "a{2}{3}",
        "0?0?0?0?00",
        "(?=1)",
        "x" * 101,
        "(1|)" * 14 + "1*1*1*x",
    ],
)
def test_pattern_that_is_wrong_or_may_take_for_ever_is_refused(pattern: str) -> None:
    assert wrong_pattern(pattern)
