"""A comparison as people see it: in a terminal, and as a page."""

from __future__ import annotations

import io
from datetime import UTC, datetime

from lxml import html
from rich.console import Console

from fsroute.replay.elsewhere import Comparison
from fsroute.replay.page import render
from fsroute.replay.report import show
from tests.unit.replay.captured import call, compared, request
from tests.unit.routing.snapshots import Snapshot

MADE_AT = datetime(2026, 3, 5, 9, tzinfo=UTC)


def some() -> Comparison:
    snapshot = Snapshot().rule("help", if_queue="help", priority=1, longest_wait=60)
    calls = [call("calls/late.jsonl", request(), request("help", 2)), call("calls/same.jsonl")]
    comparison = compared(Snapshot().rules(), snapshot.rules(8), *calls)
    comparison.pass_over("calls/broken.jsonl", "line 3: the line is cut off")
    return comparison


GOLDEN = """\
late.jsonl  shop, 800
  request 2, Wed 2026-03-04 12:00:00 UTC, for queue help
    rule         (the queue's row) -> help
    priority     0                 -> 1
    longest wait none              -> 60 s

cannot be told from here:
  broken.jsonl: line 3: the line is cut off

by rule
contact center  was                would be  requests
shop            (the queue's row)  help             1

by contact center
contact center  calls  elsewhere  no agent asked for  cannot be told
(not known)         1          0                   0               1
shop                2          1                   0               0

present rules: version 7
new rules:     new.sql
3 calls: 1 would go elsewhere, 1 cannot be told"""


def shown(comparison: Comparison, width: int = 100) -> str:
    console = Console(file=io.StringIO(), width=width, color_system=None)
    show(comparison, console)
    assert isinstance(console.file, io.StringIO)
    return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines())


def test_a_terminal_shows_what_differs_and_the_totals() -> None:
    assert shown(some()) == GOLDEN


def test_long_sides_stand_in_columns_that_fit_a_hundred() -> None:
    snapshot = Snapshot().rule("slow")
    for number in range(8):
        snapshot.step("slow", number, 20 * number, "announce", prompt=f"please_wait_{number}")
    text = shown(compared(Snapshot().rule("slow").rules(), snapshot.rules(8), call()))
    assert max(map(len, text.splitlines())) <= 100
    assert "please_wait_7" in text


def test_control_characters_of_a_capture_do_not_reach_the_terminal() -> None:
    snapshot = Snapshot().rule("new")
    text = shown(compared(Snapshot().rules(), snapshot.rules(8), call("a\x1b[2Jb.jsonl")))
    assert "\x1b" not in text
    assert "a [2Jb.jsonl" in text


def test_the_page_holds_all_that_the_terminal_shows() -> None:
    page = html.document_fromstring(render(some(), MADE_AT))
    cells = [str(cell.text_content()) for cell in page.xpath("//section//td")]
    assert cells == [
        "rule", "(the queue's row)", "help", "priority", "0", "1", "longest wait", "none", "60 s",
    ]  # fmt: skip
    assert page.xpath("string(//h1)") == "1 of 3 calls would go elsewhere"
    assert "broken.jsonl" in page.text_content()


def test_the_page_asks_nobody_for_anything() -> None:
    page = html.document_fromstring(render(some(), MADE_AT))
    assert page.xpath("//@src | //@href | //link | //img | //iframe") == []
    policy = page.xpath("string(//meta[@http-equiv='Content-Security-Policy']/@content)")
    assert policy.startswith("default-src 'none'")


def test_what_a_capture_holds_is_no_markup() -> None:
    hostile = "<script>alert(1)</script>\"'.jsonl"
    snapshot = Snapshot().rule("new")
    page = html.document_fromstring(
        render(compared(Snapshot().rules(), snapshot.rules(8), call(hostile)), MADE_AT)
    )
    assert len(page.xpath("//script")) == 1
    assert page.xpath("string(//section/h3)").startswith("script>")


def test_no_difference_is_said_in_a_line() -> None:
    text = shown(compared(Snapshot().rules(), Snapshot().rules(8), call()))
    assert text.splitlines()[-1] == "1 call: 0 would go elsewhere"
    assert "0 of 1 call would go elsewhere" in render(
        compared(Snapshot().rules(), Snapshot().rules(8), call()), MADE_AT
    )
