"""The matrix as a table in Markdown, with what came of each cell."""

from __future__ import annotations

from tests.faults.row import Row
from tests.faults.table import CELLS, MEANINGS, Stage


def head() -> str:
    titles = ["broken", *map(str, Stage), "taken back", "row"]
    return "| " + " | ".join(titles) + " |\n|" + "---|" * len(titles)


def line(row: Row) -> str:
    cells = [
        f"**not: {CELLS[row.broken, stage].seen}**" if verdict.fault else f"{CELLS[row.broken, stage].seen}, {verdict.seconds:.1f} s"
        for stage, verdict in row.cells.items()
    ]  # fmt: skip
    back = "" if row.taken_back is None else f"{row.taken_back:.2f} s"
    return f"| {row.broken} | {' | '.join(cells)} | {back} | {row.seconds:.0f} s |"


def legend() -> str:
    return "\n".join(f"*{seen}*: {meaning}." for seen, meaning in MEANINGS.items())
