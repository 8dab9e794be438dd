"""The matrix as a table in Markdown, with what came of each cell."""

from __future__ import annotations

from tests.faults.row import Row, Verdict
from tests.faults.table import CELLS, MEANINGS, Cell, Stage


def head() -> str:
    titles = ["broken", *map(str, Stage), "taken back", "row"]
    return "| " + " | ".join(titles) + " |\n|" + "---|" * len(titles)


def line(row: Row) -> str:
    cells = [_cell(CELLS[row.broken, stage], verdict) for stage, verdict in row.cells.items()]
    back = "" if row.taken_back is None else f"{row.taken_back:.2f} s"
    return f"| {row.broken} | {' | '.join(cells)} | {back} | {row.seconds:.0f} s |"


def legend() -> str:
    return "\n".join(f"*{seen}*: {meaning}." for seen, meaning in MEANINGS.items())


def _cell(cell: Cell, verdict: Verdict) -> str:
    return f"**not: {cell.seen}**" if verdict.fault else f"{cell.seen}, {verdict.seconds:.1f} s"
