"""The steps of an interactive application as its file writes them.

One class per kind of step, told apart by ``do = "…"``. Durations in seconds. A prompt is the name
of a recording in ``prompts/<language>/`` without its ``.wav``; a list of prompts is heard as one.
Everything here is frozen, and a field that a kind of step does not know is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, NamedTuple

from msgspec import Meta, Struct, field


class Form(NamedTuple):
    """How a word in the file must look, as a regular expression and in plain words."""

    pattern: str
    words: str


_WORD = "[a-z0-9][a-z0-9_-]{0,63}"
PROMPT_NAME = Form(f"{_WORD}(/{_WORD})?", "a prompt's name is of a-z, 0-9, - and _, in one folder at most")
STEP_NAME = Form("[a-z][a-z0-9_-]{0,63}", "a step's name is of a-z, 0-9, - and _, and begins with a letter")
FACT_NAME = Form("[a-z][a-z0-9_]{0,63}", "a fact's name is of a-z, 0-9 and _, and begins with a letter")
KEYS = Form("[0-9*#]{1,8}", "keys are 0-9, * and #, 8 at most")
NUMBER = Form(r"\+?[0-9*#]{1,32}", "a number is of 0-9, * and #, 32 at most, perhaps after a +")
LANGUAGE = Form("[a-z]{2,3}([-_][a-zA-Z]{2,4})?", "a language is written like en or es-MX")

# By the name of the field, whichever table it stands in: a field has one meaning throughout.
# Not msgspec's own `pattern`: 0.22 frees the compiled expression too often when a union holds one.
_FORMS = {
    "prompt": PROMPT_NAME,
    "greeting": PROMPT_NAME,
    "silent": PROMPT_NAME,
    "invalid": PROMPT_NAME,
    "meanwhile": PROMPT_NAME,
    "start": STEP_NAME,
    "step": STEP_NAME,
    "next": STEP_NAME,
    "otherwise": STEP_NAME,
    "on_silence": STEP_NAME,
    "on_invalid": STEP_NAME,
    "on_served": STEP_NAME,
    "on_overflowed": STEP_NAME,
    "on_refused": STEP_NAME,
    "on_failed": STEP_NAME,
    "on_empty": STEP_NAME,
    "on_slow": STEP_NAME,
    "on_declined": STEP_NAME,
    "on_missing": STEP_NAME,
    "choices": STEP_NAME,
    "cases": STEP_NAME,
    "fact": FACT_NAME,
    "key": KEYS,
    "repeat": Form("[0-9*#]{0,8}", KEYS.words),
    "words": KEYS,
    "taken": FACT_NAME,
    "returns": FACT_NAME,
    "terminators": Form("[0-9*#]{0,12}", "terminators are of 0-9, * and #"),
    "queue": Form("[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", "a queue's name is of letters, digits, -, _ and ."),
    "transfer": NUMBER,
    "name": Form(_WORD, "the name is of a-z, 0-9, - and _"),
    "application": Form(_WORD, "the name is of a-z, 0-9, - and _"),
    "grammar": Form(
        r"[A-Za-z0-9_./:?=&-]([A-Za-z0-9_./:?=&-]|\{language\}){0,127}",
        "a grammar is one word of letters, digits and _ . / : ? = & -, perhaps with {language}",
    ),
    "version": Form("[0-9A-Za-z][0-9A-Za-z._+-]{0,31}", "the version is of letters, digits and . _ + -"),
    "languages": LANGUAGE,
    "language": Form(f"({LANGUAGE.pattern})?", LANGUAGE.words),
}
_KEY_FORMS = {
    "choices": KEYS,
    "facts": FACT_NAME,
    "parameters": FACT_NAME,
    "given": FACT_NAME,
    "taken": FACT_NAME,
    "returns": FACT_NAME,
    "words": Form(r"\S(.{0,62}\S)?", "what is said is a text of 1 to 64 characters"),
}
_WRITTEN = {"taken": "facts", "given": "with"}  # as the file writes a field that Python cannot name so


class _Checked(Struct, frozen=True, forbid_unknown_fields=True):
    """Checks the form of every word that names something."""

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if name in _FORMS:
                _check(name, _FORMS[name], _words(value))
            if name in _KEY_FORMS and isinstance(value, dict):
                _check(name, _KEY_FORMS[name], iter(value))


def _words(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        value = tuple(value.values())
    for word in value if isinstance(value, tuple) else (value,):
        if isinstance(word, str):
            yield word


def _check(field_name: str, form: Form, words: Iterator[str]) -> None:
    for word in words:
        if re.fullmatch(form.pattern, word) is None:
            raise ValueError(f"{_WRITTEN.get(field_name, field_name)}: {word!r}: {form.words}")


Seconds = Annotated[float, Meta(gt=0, le=120)]
Tries = Annotated[int, Meta(ge=1, le=9)]
Template = Annotated[str, Meta(max_length=1000)]


class Spoken(_Checked, frozen=True):
    """A piece of a prompt that is put together while the call runs: ``{ text = …, as = … }``."""

    text: Template
    say_as: str = field(name="as", default="digits")


Prompts = str | tuple[str | Spoken, ...]
Recordings = str | tuple[str, ...]
Renamed = tuple[str, ...] | dict[str, str]
"""Facts that come from elsewhere: a list of names, or ``{ ours = "theirs" }``."""


class SpeechInput(_Checked, frozen=True, kw_only=True):
    """``speech = { … }``: what may be said where keys are asked for, if the switch has a recogniser.

    `words` tells the keys that a word or phrase stands for; without them what is said must be digits.
    `grammar` is one that the recogniser knows; ``{language}`` in it becomes `language`, or the
    language that the caller hears. Below `min_confidence` (0 to 1) nothing was understood.
    """

    words: Annotated[dict[str, str], Meta(max_length=256)] = {}
    grammar: str = "default"
    language: str = ""
    min_confidence: Annotated[float, Meta(ge=0, le=1)] = 0.5


class _Step(_Checked, frozen=True, kw_only=True, tag_field="do"):
    """What all kinds have: `served` marks that who comes here has been served."""

    served: bool = False


class PlayStep(_Step, frozen=True, tag="play"):
    """Play prompts, then go on. With `barge_in` a key ends them early."""

    prompt: Prompts
    next: str
    barge_in: bool = True


class SayStep(_Step, frozen=True, tag="say"):
    """Say one text in the caller's language: a number, digits, an amount, a date, letters."""

    text: Template
    next: str
    say_as: str = field(name="as", default="digits")
    barge_in: bool = True


class AskingStep(_Step, frozen=True, kw_only=True):
    """What a menu and a collect step share; a field left out comes from ``[defaults]``.

    `greeting` is heard before the prompt the first time, `silent` and `invalid` before it when it
    is asked again. `timeout` runs from the end of the prompt to the first key. `repeat` is the key
    after which the prompt is heard again, without counting as a try; empty: none.
    """

    prompt: Recordings
    greeting: Recordings = ()
    barge_in: bool = True
    timeout: Seconds | None = None
    tries: Tries | None = None
    silent: Recordings | None = None
    invalid: Recordings | None = None
    on_silence: str | None = None
    on_invalid: str | None = None
    repeat: str | None = None
    operator: bool = True
    speech: SpeechInput | None = None


class MenuStep(AskingStep, frozen=True, kw_only=True, tag="menu"):
    """The caller chooses by keys."""

    choices: Annotated[dict[str, str], Meta(min_length=1, max_length=64)]
    digit_timeout: Seconds | None = None


class CollectStep(AskingStep, frozen=True, kw_only=True, tag="collect"):
    """The caller keys in digits, which become the fact `fact`.

    `terminators` end the input and are not part of it. `pattern` is a regular expression that
    the whole input must match; `digit_timeout` runs from key to key. `secret`: what is keyed is
    replaced where calls are kept with names and numbers replaced, if it has three digits or more.
    """

    fact: str
    next: str
    min: Annotated[int, Meta(ge=1, le=64)] = 1
    max: Annotated[int, Meta(ge=1, le=64)]
    pattern: str | None = None
    terminators: str = "#"
    digit_timeout: Seconds | None = None
    secret: bool = False


class SetStep(_Step, frozen=True, kw_only=True, tag="set"):
    """Set facts by templates, change the language, or both."""

    next: str
    facts: dict[str, Template] = {}
    language: str | None = None


class BranchStep(_Step, frozen=True, tag="branch"):
    """Go on by the value of a template; `otherwise` when it is none of the cases."""

    on: Template
    cases: Annotated[dict[str, str], Meta(min_length=1, max_length=64)]
    otherwise: str


class NeedAgentStep(_Step, frozen=True, kw_only=True, tag="need_agent"):
    """Ask for an agent of `queue`; the ways on say what follows each outcome.

    Without `on_served` the call ends when the agent's side has. Without one of the others the
    application's ``[sorry]`` is heard, and the call ends or goes to its number.
    """

    queue: str
    on_served: str | None = None
    on_overflowed: str | None = None
    on_refused: str | None = None
    on_failed: str | None = None


class LookUpStep(_Step, frozen=True, kw_only=True, tag="look_up"):
    """Ask the application server; of the answer the facts in `taken` are taken, absent ones as "".

    `meanwhile` is heard while it takes, then music, until the answer is there.
    """

    name: str
    next: str
    parameters: Annotated[dict[str, Template], Meta(max_length=16)] = {}
    taken: Renamed = field(name="facts", default=())
    timeout: Annotated[float, Meta(gt=0, le=30)] = 3.0
    meanwhile: Recordings = ()
    on_empty: str | None = None
    on_slow: str | None = None
    on_failed: str | None = None


class RecordStep(_Step, frozen=True, kw_only=True, tag="record"):
    """The caller leaves a message, which is kept as a voice message of the contact.

    Durations in seconds: at most `longest`; `silence` ends it; what is shorter than `shortest`
    counts as silence, and is asked for again until the `tries` are used up.
    """

    prompt: Recordings
    next: str
    on_silence: str | None = None
    longest: Annotated[float, Meta(gt=0, le=3600)] = 180.0
    silence: Seconds = 5.0
    shortest: Annotated[float, Meta(ge=0, le=60)] = 1.0
    terminators: str = "#"
    beep: bool = True
    tries: Tries = 1


class OfferCallbackStep(_Step, frozen=True, kw_only=True, tag="offer_callback"):
    """Ask whether the caller wants to be called back when an agent of `queue` is free.

    Who does is queued and hangs up; the other ways are those of need_agent.
    """

    queue: str
    on_declined: str
    prompt: str | None = None
    on_served: str | None = None
    on_overflowed: str | None = None
    on_refused: str | None = None
    on_failed: str | None = None


class CallStep(_Step, frozen=True, kw_only=True, tag="call"):
    """Another application runs as a part of this one, in facts of its own.

    `given` are the facts that it begins with; of its facts those in `returns` come back (absent
    ones as ""). It goes on by its result: one of `cases`, or `next`. `on_missing` is the way on
    when there is no such application here.
    """

    application: str
    next: str
    given: Annotated[dict[str, Template], Meta(max_length=16)] = field(name="with", default={})
    returns: Renamed = ()
    cases: Annotated[dict[str, str], Meta(max_length=64)] = {}
    on_missing: str | None = None


class ReturnStep(_Step, frozen=True, kw_only=True, tag="return"):
    """A part is over; its caller goes on by `result`. Where nobody called it the call ends."""

    result: Template = ""


class TransferStep(_Step, frozen=True, tag="transfer"):
    """Send the caller to a number; the template may give digits, ``+``, ``*`` and ``#`` only."""

    number: Template


class HangUpStep(_Step, frozen=True, kw_only=True, tag="hang_up"):
    """End the call. Who comes here was served by the application, unless `served` is false."""

    served: bool = True
    cause: str = "NORMAL_CLEARING"


Step = (
    PlayStep
    | SayStep
    | MenuStep
    | CollectStep
    | SetStep
    | BranchStep
    | NeedAgentStep
    | LookUpStep
    | RecordStep
    | OfferCallbackStep
    | CallStep
    | ReturnStep
    | TransferStep
    | HangUpStep
)

KINDS: dict[str, type[Step]] = {
    "play": PlayStep,
    "say": SayStep,
    "menu": MenuStep,
    "collect": CollectStep,
    "set": SetStep,
    "branch": BranchStep,
    "need_agent": NeedAgentStep,
    "look_up": LookUpStep,
    "record": RecordStep,
    "offer_callback": OfferCallbackStep,
    "call": CallStep,
    "return": ReturnStep,
    "transfer": TransferStep,
    "hang_up": HangUpStep,
}


class Defaults(_Checked, frozen=True):
    """``[defaults]``: what every menu and collect step does unless it says otherwise."""

    timeout: Seconds = 5.0
    digit_timeout: Seconds = 3.0
    tries: Tries = 3
    silent: Recordings = ()
    invalid: Recordings = ()
    on_silence: str | None = None
    on_invalid: str | None = None
    repeat: Annotated[str, Meta(max_length=8)] = ""


class Operator(_Checked, frozen=True):
    """``[operator]``: the key that leads from every menu and collect step to `step`."""

    step: str
    key: str = "0"


class Sorry(_Checked, frozen=True):
    """``[sorry]``: what a caller hears when the application cannot go on, and where to then."""

    prompt: Recordings
    transfer: str | None = None


class ApplicationFile(_Checked, frozen=True, kw_only=True):
    """``application.toml`` as a whole; `steps` stay raw, so that each is checked by itself.

    `languages` begins with the fall-back language. `facts` are known from the beginning, unless
    the caller information already has them.
    """

    name: str
    version: str
    start: str
    languages: Annotated[
        tuple[str, ...],
        Meta(min_length=1, max_length=32),
    ]
    sorry: Sorry
    description: str = ""
    defaults: Defaults = Defaults()
    operator: Operator | None = None
    facts: dict[str, Annotated[str, Meta(max_length=200)]] = {}
    steps: Annotated[dict[str, dict[str, object]], Meta(min_length=1, max_length=500)]
