"""Whatever happens, a caller gets something to hear or an end: never an exception."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from fsroute.ivr import (
    AgentOutcome,
    Application,
    Began,
    Collect,
    Declined,
    Digits,
    Do,
    Failed,
    HangUp,
    Happening,
    HungUp,
    LookedUp,
    LookUp,
    NeedAgent,
    NoInput,
    OfferCallback,
    Play,
    Played,
    Position,
    PositionRefused,
    Record,
    Recorded,
    Said,
    Say,
    Transfer,
    WrongInput,
    advance,
    describe,
    resume,
    start,
)
from fsroute.ivr.actions import AgentResult, LookUpResult
from fsroute.ivr.position import Library
from fsroute.ivr.steps import KINDS, Operator, Sorry, SpeechInput
from fsroute.ivr.templates import Templates
from fsroute.model import CallerInformation
from tests.unit.ivr.applications import ARRIVAL

NAMES = ("a", "b", "c", "d", "gone")
TEMPLATES = (
    "1",
    "{{ caller.name }}",
    "{{ facts.x }}",
    "{{ facts.x | default('5') }}",
    "{{ facts.x[3] }}",
    "{{ (",
)
NASTY = st.text(max_size=12) | st.sampled_from(
    ["{{ 7 * 7 }}", "${uuid}", "a\nb\r\0", "12", "\ud800", "x" * 400]
)

steps_on = st.sampled_from(NAMES)
templates = st.sampled_from(TEMPLATES)
maybe = st.none() | steps_on
served = st.booleans()


def a_step(kind: str, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.builds(KINDS[kind], **fields)


asking = {
    "prompt": st.just("ask"),
    "barge_in": st.booleans(),
    "tries": st.none() | st.integers(1, 3),
    "on_silence": maybe,
    "on_invalid": maybe,
    "operator": st.booleans(),
    "repeat": st.sampled_from(["", "*", "1"]),
    "speech": st.none()
    | st.builds(SpeechInput, words=st.dictionaries(st.sampled_from(["one", "help"]), st.just("1"))),
}
any_step = st.one_of(
    a_step("play", prompt=st.just("hello"), next=steps_on, served=served),
    a_step("say", text=templates, say_as=st.sampled_from(["digits", "date", "song"]), next=steps_on),
    a_step("menu", choices=st.dictionaries(st.sampled_from("129"), steps_on, min_size=1), **asking),
    a_step(
        "collect",
        fact=st.just("x"),
        max=st.integers(1, 5),
        next=steps_on,
        pattern=st.none() | st.just("[1-5]+"),
        **asking,
    ),
    a_step(
        "set",
        facts=st.dictionaries(st.sampled_from("xy"), templates),
        language=st.sampled_from(["en", "es"]),
        next=steps_on,
    ),
    a_step(
        "branch",
        on=templates,
        cases=st.dictionaries(st.sampled_from("15"), steps_on, min_size=1),
        otherwise=steps_on,
    ),
    a_step(
        "need_agent",
        queue=st.just("q"),
        on_served=maybe,
        on_overflowed=maybe,
        on_refused=maybe,
        on_failed=maybe,
    ),
    a_step(
        "look_up",
        name=st.just("balance"),
        parameters=st.dictionaries(st.sampled_from("xy"), templates),
        taken=st.sampled_from([(), ("x",), {"y": "x"}]),
        next=steps_on,
        on_empty=maybe,
        on_slow=maybe,
        on_failed=maybe,
        meanwhile=st.sampled_from([(), "hello"]),
    ),
    a_step("record", prompt=st.just("ask"), next=steps_on, on_silence=maybe, tries=st.integers(1, 3)),
    a_step("offer_callback", queue=st.just("q"), on_declined=steps_on, on_served=maybe, on_refused=maybe),
    a_step(
        "call",
        application=st.sampled_from(["any", "other", "nowhere"]),
        given=st.dictionaries(st.sampled_from("xy"), templates),
        returns=st.sampled_from([(), ("x",), {"y": "x"}]),
        cases=st.dictionaries(st.sampled_from("15"), steps_on),
        next=steps_on,
        on_missing=maybe,
    ),
    a_step("return", result=templates),
    a_step("transfer", number=templates),
    a_step("hang_up", served=served),
)
happenings: st.SearchStrategy[Happening] = st.one_of(
    st.sampled_from([Began(), Played(), NoInput(), WrongInput(), Failed("gone")]),
    st.builds(Digits, st.sampled_from(["", "1", "2", "12345", "0", "12"]) | NASTY),
    st.builds(AgentOutcome, st.sampled_from(get_args(AgentResult))),
    st.builds(
        LookedUp, st.sampled_from(get_args(LookUpResult)), st.dictionaries(st.sampled_from("xyz"), NASTY)
    ),
    st.builds(Said, st.sampled_from(["one", "help", "1 2"]) | NASTY, st.floats(0, 1)),
    st.sampled_from([Recorded(3.0), Declined()]),
)
callers = st.builds(
    CallerInformation,
    NASTY,
    NASTY,
    NASTY,
    st.just(ARRIVAL),
    language=st.sampled_from(["en", "es-MX", "", "tlh"]),
    facts=st.dictionaries(st.sampled_from("xyz"), NASTY, max_size=3),
)


@st.composite
def applications(draw: st.DrawFn, name: str = "any") -> Application:
    """Any application at all, also one that the checker would refuse."""
    return Application(
        name=name,
        version="1",
        start="a",
        languages=("en", "es"),
        steps={name: draw(any_step) for name in NAMES[:-1]},
        sorry=Sorry("sorry", draw(st.none() | st.just("100"))),
        operator=draw(st.none() | st.builds(Operator, steps_on)),
        facts={},
        recordings={"en": frozenset({"sorry", "hello", "ask"}), "es": frozenset({"hello"})},
        folder=Path("/"),
        render=Templates().render,
    )


@st.composite
def libraries(draw: st.DrawFn) -> Library:
    """What may be called: nothing, or one other application."""
    other = draw(st.none() | applications("other"))
    return {} if other is None else {"other": other}


def assert_harmless(do: Do) -> None:
    """Nothing that goes to the switch can end a line or be expanded there."""
    match do:
        case Play(items):
            words = [item if isinstance(item, str) else item.text for item in items if item]
            assert all(isinstance(item, str | Say) for item in items)
        case Collect(files):
            words = [*files, do.terminators, do.pattern, do.grammar]
        case LookUp(name):
            assert all(len(value) <= 200 for value in do.parameters.values())
            words = [name, *do.meanwhile]
        case Record(files):
            words = [*files, do.terminators]
        case OfferCallback(queue):
            words = [queue, do.prompt]
        case NeedAgent(queue):
            assert all(len(value) <= 400 for value in do.facts.values())
            words = [queue]
        case Transfer(number):
            words = [number]
        case HangUp(cause):
            words = [cause]
    assert not any(set(word) & set("\r\n\0$'\\{}") for word in words)


@settings(max_examples=150, deadline=None)
@given(applications(), libraries(), callers, st.lists(happenings, max_size=25))
def test_any_application_answers_any_happenings(
    application: Application, library: Library, who: CallerInformation, what_happens: list[Happening]
) -> None:
    position, do = advance(application, start(application, who), Began(), library)
    for happening in [*what_happens, HungUp()]:
        assert_harmless(do)
        assert describe(do)
        assert Position.load(application, position.dump(), who, library) == position
        position, do = advance(application, position, happening, library)
    assert isinstance(do, HangUp)


@settings(max_examples=60, deadline=None)
@given(applications(), libraries(), callers)
def test_caller_who_does_nothing_comes_to_an_end(
    application: Application, library: Library, who: CallerInformation
) -> None:
    position, do = advance(application, start(application, who), Began(), library)
    for _ in range(2500):
        match do:
            case Play():
                happening: Happening = Played()
            case Collect() | Record():
                happening = NoInput()
            case LookUp():
                happening = LookedUp("slow")
            case OfferCallback():
                happening = Declined()
            case NeedAgent():
                happening = AgentOutcome("overflowed")
            case Transfer() | HangUp():
                return
        position, do = advance(application, position, happening, library)
    raise AssertionError("the application never ends")


@settings(max_examples=100, deadline=None)
@given(applications(), libraries(), callers, st.lists(happenings, min_size=1, max_size=10))
def test_any_position_is_gone_on_with_when_its_parts_have_gone(
    application: Application, library: Library, who: CallerInformation, what_happens: list[Happening]
) -> None:
    position, _ = advance(application, start(application, who), Began(), library)
    for happening in what_happens:
        position, _ = advance(application, position, happening, library)
        later = resume(application, position.dump(), who)
        assert later.application == application.name
        assert describe(advance(application, later, Began())[1])
        assert describe(advance(application, position, happening)[1]), "in memory, too"


@settings(max_examples=150, deadline=None)
@given(applications(), callers, st.binary(max_size=60) | st.text(max_size=60))
def test_any_stored_text_is_resumed_or_starts_again(
    application: Application, who: CallerInformation, stored: bytes | str
) -> None:
    text = stored if isinstance(stored, str) else msgspec.json.encode(stored).decode()
    try:
        Position.load(application, text, who)
    except PositionRefused:
        assert resume(application, text, who) == start(application, who)


@settings(max_examples=200, deadline=None)
@given(NASTY)
def test_values_are_taken_literally(value: str) -> None:
    names: dict[str, object] = {"facts": {"x": value}}
    result = Templates().render("{{ facts.x }}", names)
    assert len(result) == len(value)
    assert not set(result) & set("\r\n\0\u2028\x85")
