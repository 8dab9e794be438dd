"""What is known of a caller goes with the contact; what a caller wrote does no harm anywhere."""

from __future__ import annotations

import pytest

from fsroute.switchsim import Answers, Caller, Press, WaitFor
from tests import hostile
from tests.integration.flow.conftest import World
from tests.waiting import until

NUMBER, CALLED = "+14155550123", "8005550100"

HOSTILE = {
    "line ends": "Bob\r\n\r\napi global_setvar pwned=yes\r\n\r\n",
    "a header": "Bob\r\nsendmsg\r\ncall-command: hangup\r\n\r\n",
    "an expansion": "${system(touch pwned)}$${pwned}${sched_hangup(+1)}",
    "quotes": """Bob ' " '' \\' \\" ` ; -- /* */ drop table contact""",
    "originate syntax": "{absolute_codec_string=x}[a=b]<c>,d|e:_:f^^:g=h&i(j)!k",
    "an array": "ARRAY::one|:two|:three",
    "a tilde": "~begins so",
    "only blanks": "   ",
    "nothing": "",
    "five kilobytes": "x" * 5000,
    "Latin-1": b"J\xfcrgen M\xfcller".decode("utf-8", "surrogateescape"),
    "a NUL": "Bob\0\0Smith",
    "escapes": "%0D%0A%0d%0aapi%20status %00 %ff %zz %",
    "other writing": "\u202eevil \u0634\u062e\u0635 \U0001f4de\ufeff",
    "Jinja2": "{{ 7 * 7 }}{% for x in range(9) %}{{ x }}{% endfor %}",
}


def personal(world: World) -> dict[str, object]:
    names = ("caller_number", "caller_name", "number_called", "language", "facts", "network", "medium")
    [row] = world.query(
        "select caller_number, caller_name, number_called, language, facts, network, medium"
        " from contact_personal join contact using (contact_id)"
    )
    return dict(zip(names, row, strict=True))


def test_number_name_number_called_language_and_facts_are_known_to_whoever_serves(world: World) -> None:
    script = (
        WaitFor("main_menu"),
        Press("9"),  # Spanish
        WaitFor("es/main_menu"),
        Press("1"),
        WaitFor("es/order_number"),
        Press("12345"),
        WaitFor("anything_else"),
        Press("2"),
    )
    world.log_on("ann", Answers(after=0.2, talk=2))
    call = world.place(Caller(NUMBER, "Ada Lovelace", CALLED, script))
    until(lambda: call.talked_with, 10)
    world.wait_for_outcomes("served")
    known = personal(world)
    assert (known["caller_number"], known["caller_name"]) == (NUMBER, "Ada Lovelace")
    assert (known["number_called"], known["medium"]) == (CALLED, "voice")
    assert known["language"] == "es"
    facts = known["facts"]
    assert isinstance(facts, dict)
    assert (facts["order"], facts["order_status"]) == ("12345", "packing")
    assert set(known["network"]) >= {"address", "sip_call_id"}  # type: ignore[call-overload]
    [phone] = world.network.agent_calls
    assert (phone.shown_number, phone.shown_name) == (NUMBER, "Ada Lovelace")
    world.assert_nothing_left()


def test_personal_data_is_in_no_event(world: World) -> None:
    world.log_on("ann", Answers(after=0.2, talk=2))
    world.call_for_an_agent(NUMBER)
    world.wait_for_outcomes("served")
    for table in ("contact_event", "agent_event"):
        assert world.query(f"select * from {table} where data::text ~ '4155550123|Ada'") == []


@pytest.mark.parametrize("agent", ["ann", "dee"], ids=["two switches", "one switch"])
def test_hostile_names_and_numbers_do_no_harm(world: World, agent: str) -> None:
    world.log_on(agent, Answers(after=0.1))
    script = (WaitFor("main_menu"), Press("2"))
    callers = [(NUMBER, text) for text in HOSTILE.values()]
    if agent == "ann":
        callers += [(text, "Eve") for text in HOSTILE.values()]
    for number, name in callers:
        call = world.place(Caller(number, name, CALLED, script, talk=0.5))
        until(call.over.is_set, 15)
        until(lambda: len(world.outcomes()) == len(world.calls), 15)
        assert world.outcomes()[-1] == "served", repr((number[:60], name[:60]))
    for center in (world.west, world.east):
        assert "pwned" not in center.switch.globals
        assert "core_uuid" in center.switch.globals
    shown = [(phone.shown_number, phone.shown_name) for phone in world.network.agent_calls]
    assert len(shown) == len(callers)
    for number, name in shown:
        assert set(f"{number}{name}").isdisjoint("\r\n\0'\"${}[]<>,;|`\\")
        assert 0 < len(number) <= 32
        assert 0 < len(name) <= 40
    kept = world.query("select caller_number, caller_name from contact_personal")
    assert all(len(number) <= 64 and len(name) <= 128 for number, name in kept)
    assert all((number + name).isprintable() for number, name in kept)
    world.assert_nothing_left()
    world.assert_nothing_violated()


@pytest.mark.parametrize(
    "called", [*HOSTILE.values(), "fsr" + "0" * 31, "../../x", "8005550100;x=y"], ids=lambda _: ""
)
def test_hostile_numbers_called_reach_nobody(world: World, called: str) -> None:
    call = world.place(Caller(NUMBER, "Eve", called))
    until(lambda: call.over.is_set(), 10)
    assert world.outcomes() == []
    world.assert_nothing_left(silence=1.0)


def test_what_a_real_switch_is_tried_with_does_no_harm_here_either(world: World) -> None:
    """The list of ``tests/live/test_hostile_callers.py``, all callers at once."""
    for agent in ("ann", "bob", "cyd", "dee"):
        world.log_on(agent, Answers(after=0.05, talk=0.2))
    script = (WaitFor("main_menu"), Press("2"))
    texts = [hostile.text(name) for name in hostile.TEXTS]
    calls = [
        world.place(Caller(f"+1415555{n:04}{text}"[:300], text, CALLED, script))
        for n, text in enumerate(texts)
    ]
    until(lambda: len(world.outcomes()) == len(texts), 60)
    assert set(world.outcomes()) == {"served"}
    assert {call.talked_with for call in calls} <= {"ann", "bob", "cyd", "dee"}
    for center in (world.west, world.east):
        assert hostile.PWNED not in center.switch.globals
    names = [row[0] for row in world.query("select caller_name from contact_personal")]
    assert len(names) == len(texts)
    assert all(name.isprintable() and len(name) <= 128 for name in names)
    world.assert_nothing_left(1.0)
