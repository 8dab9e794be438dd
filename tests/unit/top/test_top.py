from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fsroute.top.drawing import clean, columns, fit, frame, span
from fsroute.top.picture import Picture
from fsroute.top.view import DOWN, FURTHEST, PAGES, UP, View, keys, pressed

HOSTILE = "\x1b]0;owned\x07\x1b[2J\r\nAda\u202e\u0000\x9b31m"


def call(number: int = 1, **values: object) -> dict[str, object]:
    return {
        "proxy_call_id": number, "contact_center_id": "blue", "queue": "orders", "medium": "voice", "state": "queued",
        "switch_id": "west-1", "site_id": "west", "position": number, "agent_id": None, "agent_leg": "none",
        "network_leg": "none", "age": 10.0 * number, "talk": None, "expected": 30.0,
    } | values  # fmt: skip


def agent(agent_id: str, **values: object) -> dict[str, object]:
    return {
        "agent_id": agent_id, "name": agent_id.title(), "site_id": "east", "status": "available", "status_reason": None,
        "state": "idle", "contact_center_id": None, "since": 5.0,
    } | values  # fmt: skip


def picture(calls: int = 3, **values: object) -> Picture:
    shown = Picture(
        at=1_772_617_800.0,
        calls=tuple(call(number) for number in range(1, calls + 1)),
        queues=(
            {"contact_center_id": "blue", "queue": "orders", "waiting": calls, "offered": 0, "talking": 0,
             "longest_wait": 10.0 * calls},
        ),
        agents=(agent("ann"), agent("bob", state="talking", since=125.0)),
        sites=(
            {"switch_id": "west-1", "site_id": "west", "link": "up", "seen": 1.0, "age": 1.0, "waiting": 1,
             "talking": 0},
        ),
        totals={"waiting": calls, "offered": 0, "talking": 0, "contacts": calls},
        rates={"arrived": 9, "reserved": 2, "joined": 2, "abandoned": 1},
        leader="host:1 (epoch 4)",
    )  # fmt: skip
    return replace(shown, **values)  # type: ignore[arg-type]


def texts(view: View, shown: Picture | None = None, size: tuple[int, int] = (120, 40)) -> list[str]:
    return [line.text for line in frame(shown or picture(), view, *size)]


def test_everything_stands_on_the_first_page() -> None:
    text = "\n".join(texts(View()))
    for word in (
        "leader: host:1",
        "3 waiting",
        "9 arrived",
        "sites (1)",
        "queues (1)",
        "agents (2)",
        "calls (3)",
    ):
        assert word in text


def test_calls_are_sorted_as_is_asked() -> None:
    def order(view: View) -> list[str]:
        return re.findall(r"^(\d) +blue", "\n".join(texts(view)), re.MULTILINE)

    assert order(View("calls")) == ["3", "2", "1"], "who has waited longest is first"
    assert order(View("calls", reverse=True)) == ["1", "2", "3"]
    shown = picture(calls=2, agents=())
    assert "calls (2) by state" in "\n".join(texts(View("calls", sort=1), shown))


@pytest.mark.parametrize(("key", "page"), [("2", "calls"), ("5", "sites"), ("\t", "calls")])
def test_keys_turn_the_page_to_its_beginning(key: str, page: str) -> None:
    assert pressed(View(sort=3, reverse=True, top=9), key, 20) == View(page)


def test_keys_pause_help_and_leave() -> None:
    assert pressed(View(), "p", 20).paused
    assert not pressed(View(paused=True), " ", 20).paused
    assert pressed(View(), "q", 20).over
    helping = pressed(View(), "?", 20)
    assert helping.helping
    assert "Ctrl-C" in "\n".join(texts(helping))
    assert pressed(helping, "x", 20) == View()


def test_a_long_page_is_moved_through_to_its_last_line_and_no_further() -> None:
    view = View("calls")
    for _ in range(9):
        view = pressed(view, DOWN, 10)
    shown = texts(view, picture(calls=50), (80, 14))
    assert len(shown) == 14
    assert "more lines below" in shown[-1]
    last = texts(replace(view, top=FURTHEST), picture(calls=50), (80, 14))
    assert last[-2].startswith("1 ")
    assert pressed(View("calls"), UP, 10).top == 0


def test_a_fault_is_said_and_the_last_picture_stays() -> None:
    shown = texts(View(), picture(fault="the database is away"))
    assert "not read: the database is away" in shown
    assert any("bob" in line for line in shown)


def test_that_nobody_leads_is_said() -> None:
    lines = frame(picture(leader=""), View(), 80, 30)
    assert [line.style for line in lines if "nobody leads" in line.text] == ["alarm"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, ""), (-1, "0s"), (59.9, "59s"), (423, "7m03s"), (8100, "2h15m"), (273_600, "3d04h")],
)
def test_spans_are_short(seconds: float | None, text: str) -> None:
    assert span(seconds) == text


def test_hostile_names_reach_no_terminal() -> None:
    shown = picture(
        agents=(agent(HOSTILE, name=HOSTILE, status_reason=HOSTILE),), leader=HOSTILE, fault=HOSTILE
    )
    for page in PAGES:
        for text in texts(View(page), shown, (200, 60)):
            assert text.isprintable()


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=60), st.integers(1, 30))
def test_no_text_is_wider_than_its_place_or_moves_the_cursor(text: str, width: int) -> None:
    assert columns(fit(text, width)) <= width
    assert clean(text).isprintable()


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(PAGES),
    st.integers(-5, 300),
    st.integers(-5, 80),
    st.integers(0, FURTHEST),
    st.text(max_size=20),
)
def test_a_frame_fits_whatever_the_terminal_is(
    page: str, width: int, height: int, top: int, name: str
) -> None:
    lines = frame(picture(agents=(agent(name),)), View(page, top=top), width, height)
    assert len(lines) == max(height, 4)
    assert all(columns(line.text) <= max(width, 20) for line in lines)


def test_keys_come_in_pieces_and_sequences_that_are_none_are_left_out() -> None:
    assert keys("a\x1b[B\x1b[5~q") == (["a", "down", "page up", "q"], "")
    assert keys("\x1b[") == ([], "\x1b[")
    assert keys("\x1b[" + "B") == (["down"], "")
    assert keys("\x1b[<0;10;20Mq") == (["q"], "")
    assert keys("\x1b[200~q") == (["q"], "")


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="\x1b[O;?0123ABq~<\x00é", max_size=40), st.integers(0, 40))
def test_keys_are_the_same_in_however_many_pieces(text: str, cut: int) -> None:
    whole, rest = keys(text)
    first, kept = keys(text[:cut])
    second, left = keys(kept + text[cut:])
    if len(kept) <= 8 and len(rest) <= 8:
        assert (first + second, left) == (whole, rest)
    assert len(left) <= 16
