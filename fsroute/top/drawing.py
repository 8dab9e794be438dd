"""Lines of text, as wide and as many as the terminal takes. Pure, and free of whatever names hold."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from fsroute.top.picture import Picture, Row
from fsroute.top.view import PAGES, SORTS, View

NARROWEST, LOWEST = 20, 4  # columns and lines that are drawn for, at least
WAITING = ("requested", "queued", "callback")
HELP = (
    "1 to 5, Tab   overview, calls, queues, agents, sites",
    "s, r          sort by another column, in the other direction",
    "arrows, j, k  move; Page Up, Page Down, Home, End",
    "p, space      pause, and go on",
    "q, Ctrl-C     leave",
)


@dataclass(frozen=True, slots=True)
class Line:
    """`style` is ``title``, ``head``, ``alarm`` or empty."""

    text: str
    style: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """`cell` gives a row's texts; `keys` what rows can be sorted by."""

    name: str
    columns: tuple[str, ...]
    cell: Callable[[Row], Sequence[object]]
    keys: dict[str, Callable[[Row], Any]]
    alarm: Callable[[Row], bool] = lambda row: False


def frame(picture: Picture, view: View, width: int, height: int) -> list[Line]:
    """At most `height` lines of at most `width` columns each."""
    width, height = max(width, NARROWEST), max(height, LOWEST)
    head = _head(picture, view)
    body = [Line(text) for text in HELP] if view.helping else _body(picture, view, width)
    room = height - len(head) - 1
    first = min(view.top, max(0, len(body) - room))
    more = len(body) - first - room
    foot = f"{more} more lines below" if more > 0 else "q quit  ? keys"
    lines = [*head, *body[first : first + room]]
    lines += [Line("")] * (height - 1 - len(lines))
    return [Line(fit(line.text, width), line.style) for line in (*lines, Line(foot, "head"))]


def _head(picture: Picture, view: View) -> list[Line]:
    clock = datetime.fromtimestamp(picture.at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    paused = "  PAUSED" if view.paused else ""
    totals, rates = picture.totals, picture.rates
    lines = [
        Line(f"fsroute top  {clock}  {view.page}{paused}", "title"),
        Line(
            f"leader: {picture.leader}" if picture.leader else "leader: nobody leads",
            "" if picture.leader else "alarm",
        ),
        Line(
            "calls: "
            + ", ".join(f"{totals.get(name, 0)} {name}" for name in ("waiting", "offered", "talking"))
            + f", {totals.get('contacts', 0)} in all; last minute: "
            + ", ".join(f"{rates.get(name, 0)} {name}" for name in ("arrived", "reserved", "joined", "abandoned"))
        ),
    ]
    if picture.fault:
        lines[1] = Line(f"not read: {picture.fault}", "alarm")
    return lines


def _body(picture: Picture, view: View, width: int) -> list[Line]:
    rows = {"calls": picture.calls, "queues": picture.queues, "agents": picture.agents, "sites": picture.sites}
    shown = PAGES[1:] if view.page == "overview" else (view.page,)
    order = ("sites", "queues", "agents", "calls") if view.page == "overview" else shown
    lines: list[Line] = []
    for name in order:
        lines += _table(TABLES[name], rows[name], view, width)
    return lines


def _table(table: Table, rows: Iterable[Row], view: View, width: int) -> list[Line]:
    by = view.sorted_by(table.name)
    reverse = view.reverse and view.page == table.name
    ordered = sorted(rows, key=table.keys[by], reverse=reverse)
    cells = [[clean(str(cell)) for cell in table.cell(row)] for row in ordered]
    widths = [
        max([columns(name), *(columns(row[place]) for row in cells)]) for place, name in enumerate(table.columns)
    ]
    mark = f" by {by}{' reversed' if reverse else ''}"
    lines = [
        Line(f"{table.name} ({len(cells)}){mark if view.page == table.name else ''}", "title"),
        Line(_joined(table.columns, widths), "head"),
    ]
    lines += [
        Line(_joined(row, widths), "alarm" if table.alarm(source) else "")
        for row, source in zip(cells, ordered, strict=True)
    ]
    return lines


def _joined(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell + " " * (width - columns(cell)) for cell, width in zip(cells, widths, strict=True)).rstrip()


# Text ------------------------------------------------------------------------------------------------------------


def clean(text: str) -> str:
    """Nothing of it moves a cursor or turns the writing round: what is not printable, and what marks, is left out."""
    return "".join(letter if _harmless(letter) else "?" for letter in text[:200])


def _harmless(letter: str) -> bool:
    return letter.isprintable() and unicodedata.category(letter) not in ("Mn", "Me", "Cf", "Co", "Cn")


def columns(text: str) -> int:
    """How wide a text is in a terminal."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def fit(text: str, width: int) -> str:
    """As much of it as fits, without control characters."""
    kept, room = [], width
    for letter in clean_line(text):
        room -= columns(letter)
        if room < 0:
            break
        kept.append(letter)
    return "".join(kept)


def clean_line(text: str) -> str:
    return "".join(letter if _harmless(letter) else "?" for letter in text[:2_000])


def span(seconds: float | None) -> str:
    """How long: 42s, 7m03s, 2h15m, 3d04h."""
    if seconds is None:
        return ""
    whole = max(0, int(seconds))
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    if whole < 86_400:
        return f"{whole // 3600}h{whole % 3600 // 60:02d}m"
    return f"{whole // 86_400}d{whole % 86_400 // 3600:02d}h"


# Tables ----------------------------------------------------------------------------------------------------------


def _words(text: object) -> str:
    return str(text or "").replace("_", " ")


def _call(row: Row) -> Sequence[object]:
    return (
        row["proxy_call_id"], f"{row['contact_center_id']}/{row['queue']}", _words(row["state"]), row["site_id"],
        "" if row["position"] is None or row["state"] not in WAITING else row["position"], span(row["age"]),
        span(row["expected"]), span(row["talk"]), row["agent_id"] or "", _words(row["agent_leg"]), _words(row["network_leg"]),
    )  # fmt: skip


def _queue(row: Row) -> Sequence[object]:
    return (
        f"{row['contact_center_id']}/{row['queue']}", row["waiting"], row["offered"], row["talking"],
        span(row["longest_wait"]),
    )  # fmt: skip


def _agent(row: Row) -> Sequence[object]:
    status = _words(row["status"]) + (f" ({_words(row['status_reason'])})" if row["status_reason"] else "")
    return (
        row["agent_id"], row["name"], row["site_id"], status, _words(row["state"]), span(row["since"]),
        row["contact_center_id"] or "",
    )  # fmt: skip


def _site(row: Row) -> Sequence[object]:
    return (
        row["site_id"], row["switch_id"], row["link"], span(row["age"]) or "never", span(row["seen"]) or "never",
        "" if row["waiting"] is None else row["waiting"], "" if row["talking"] is None else row["talking"],
    )  # fmt: skip


TABLES = {
    "calls": Table(
        "calls",
        ("call", "queue", "state", "site", "place", "since", "expected", "talk", "agent", "agent leg", "network leg"),
        _call,
        {
            "age": lambda row: -row["age"],
            "state": lambda row: (row["state"], -row["age"]),
            "queue": lambda row: (row["contact_center_id"], row["queue"], -row["age"]),
            "site": lambda row: (row["site_id"], -row["age"]),
            "agent": lambda row: (row["agent_id"] or "~", -row["age"]),
        },
    ),
    "queues": Table(
        "queues",
        ("queue", "waiting", "offered", "talking", "oldest"),
        _queue,
        {
            "waiting": lambda row: (-row["waiting"], row["contact_center_id"], row["queue"]),
            "oldest": lambda row: (-float(row["longest_wait"] or 0), row["contact_center_id"], row["queue"]),
            "name": lambda row: (row["contact_center_id"], row["queue"]),
        },
    ),
    "agents": Table(
        "agents",
        ("agent", "name", "site", "status", "state", "since", "for"),
        _agent,
        {
            "name": lambda row: row["agent_id"],
            "state": lambda row: (row["state"], row["agent_id"]),
            "since": lambda row: (-(row["since"] or 0.0), row["agent_id"]),
            "site": lambda row: (row["site_id"], row["agent_id"]),
        },
    ),
    "sites": Table(
        "sites",
        ("site", "switch", "link", "heard of", "program", "waiting", "talking"),
        _site,
        {
            "name": lambda row: (row["site_id"], row["switch_id"]),
            "waiting": lambda row: (-(row["waiting"] or 0), row["site_id"]),
            "age": lambda row: (-(row["age"] or 0.0), row["site_id"]),
        },
        alarm=lambda row: row["link"] == "down" or (row["age"] is not None and row["age"] > 30),
    ),
}
assert all(set(SORTS[name]) == set(table.keys) for name, table in TABLES.items())
