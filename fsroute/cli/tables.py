"""Tables on a terminal, and plain columns where there is none."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from datetime import datetime


def show(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table: framed on a terminal, else tab-separated lines that begin with `title`."""
    texts = [[_cell(str(cell)) for cell in row] for row in rows]
    if not sys.stdout.isatty():
        for line in (columns, *texts):
            print("\t".join([title, *line]))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*columns, title=title, title_justify="left")
    for row in texts:
        table.add_row(*(Text(cell) for cell in row))
    Console().print(table)


def _cell(text: str) -> str:
    """One line without control characters: some of what is shown was written by another site."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def seconds(value: float | None) -> str:
    return "" if value is None else f"{float(value):.1f} s"


def ago(moment: datetime | None, now: float) -> str:
    """How long ago `moment` was at `now` (seconds since the epoch)."""
    return "never" if moment is None else f"{max(0.0, now - moment.timestamp()):.0f} s ago"
