"""The matrix as a table in Markdown, with what came of each cell."""

from __future__ import annotations

from tests.faults.row import BACK_WITHIN, Row, Verdict
from tests.faults.table import CELLS, MEANINGS, Cell, Stage


def head() -> str:
    titles = ["broken", *map(str, Stage), f"taken back (within {BACK_WITHIN:g} s)", "row"]
    return "| " + " | ".join(titles) + " |\n|" + "---|" * len(titles)


def line(row: Row) -> str:
    cells = [_cell(CELLS[row.broken, stage], verdict) for stage, verdict in row.cells.items()]
    return f"| {row.broken} | {' | '.join(cells)} | {_back(row)} | {row.seconds:.0f} s |"


def legend() -> str:
    return "\n".join(f"*{seen}*: {meaning}." for seen, meaning in MEANINGS.items())


def _back(row: Row) -> str:
    """What others kept the processor for is told where it decides."""
    if row.taken_back is None:
        return ""
    took = f"{row.taken_back:.2f} s"
    if row.taken_back < BACK_WITHIN:
        return took
    if row.is_taken_back:
        return f"{took}, a busy machine's doing but for {max(0.0, row.taken_back - row.kept_waiting):.2f} s"
    return f"**{took}, missed**"


def _cell(cell: Cell, verdict: Verdict) -> str:
    return f"**not: {cell.seen}**" if verdict.fault else f"{cell.seen}, {verdict.seconds:.1f} s"
