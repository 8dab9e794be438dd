"""A comparison of calls as a terminal shows it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import PurePath

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from fsroute.replay.elsewhere import Compared, Comparison, Elsewhere

NARROWEST = 40  # columns of a side of a difference, below which they stand one under the other


def show(comparison: Comparison, console: Console) -> None:
    """Print each call that would go elsewhere, those that cannot be compared, and the totals."""
    show_calls(comparison, console)
    _show_totals(comparison, console)
    console.print(Text(plain(f"present rules: {comparison.present_source}")))
    console.print(Text(plain(f"new rules:     {comparison.new_source}")))
    console.print(Text(summary(comparison), style="bold"))


def show_calls(comparison: Comparison, console: Console) -> None:
    """Print each call that would go elsewhere, and those that cannot be compared."""
    for each in comparison.elsewhere:
        _show_call(each, console)
    if comparison.not_told:
        console.print(Text("cannot be told from here:", style="bold"))
        for name, reason in comparison.not_told:
            console.print(
                Padding(Text(plain(f"{PurePath(name).name}: {reason}")), (0, 0, 0, 2), expand=False)
            )
        console.print()


def plain(text: str) -> str:
    """One line without control characters: captures hold what callers wrote."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def summary(comparison: Comparison) -> str:
    """All of it in one line."""
    parts = [f"{counted(comparison.calls, 'call')}: {len(comparison.elsewhere)} would go elsewhere"]
    if comparison.without_request:
        parts.append(f"{comparison.without_request} asked for no agent")
    if comparison.not_told:
        parts.append(f"{len(comparison.not_told)} cannot be told")
    return ", ".join(parts)


def counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def headline(each: Elsewhere) -> str:
    """Which call it is."""
    call = each.call
    return f"{PurePath(call.name).name}  {call.contact_center_id}, {call.number_called}"


def request_line(each: Compared) -> str:
    """Which request of the call it is."""
    return f"request {each.number}, {each.moment:%a %Y-%m-%d %H:%M:%S %Z}, for queue {each.queue or '(none)'}"


def _show_call(each: Elsewhere, console: Console) -> None:
    console.print(Text(plain(headline(each)), style="bold"))
    for request in each.requests:
        console.print(Padding(Text(plain(request_line(request))), (0, 0, 0, 2), expand=False))
        console.print(Padding(_differences(request), (0, 0, 0, 4), expand=False))
    console.print()


def _differences(request: Compared) -> Table:
    table = Table.grid(padding=(0, 1))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold", max_width=NARROWEST)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for each in request.differences:
        left, right = Text(plain(each.was), style="red"), Text(plain(each.would_be), style="green")
        table.add_row(Text(each.aspect, style="dim"), left, Text("->"), right)
    return table


def _show_totals(comparison: Comparison, console: Console) -> None:
    _show_table(
        console,
        "by rule",
        ("contact center", "was", "would be", "requests"),
        (tuple(map(str, row)) for row in comparison.by_rule()),
    )
    _show_table(
        console,
        "by contact center",
        ("contact center", "calls", "elsewhere", "no agent asked for", "cannot be told"),
        _centers(comparison),
    )


def _centers(comparison: Comparison) -> Iterator[tuple[str, ...]]:
    for center, tally in comparison.by_center():
        counts = (tally.calls, tally.elsewhere, tally.without_request, tally.not_told)
        yield (center or "(not known)", *map(str, counts))


def _show_table(
    console: Console, title: str, columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]
) -> None:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    found = list(rows)
    for number, column in enumerate(columns):
        is_count = bool(found) and all(row[number].isdigit() for row in found) and number > 0
        table.add_column(column, justify="right" if is_count else "left", overflow="fold")
    for row in found:
        table.add_row(*(Text(plain(cell)) for cell in row))
    if found:
        console.print(Text(title, style="bold"))
        console.print(table)
        console.print()
