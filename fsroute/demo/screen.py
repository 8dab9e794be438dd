"""What the demonstration shows: a live table in a terminal, plain lines where there is none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from fsroute.demo.plan import PlannedCall
from fsroute.demo.report import Report, median, percentile

ROWS = 18  # calls shown at once


class Screen:
    """Progress of the demonstration; `update` takes the rows of the query ``demo_progress``."""

    def __init__(self, console: Console, planned: Mapping[str, PlannedCall]) -> None:
        self.console = console
        self._planned = planned
        self._told: set[str] = set()
        self._progress = Progress(
            TextColumn("calls"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=console
        )
        self._task = self._progress.add_task("calls", total=len(planned))
        self._live = (
            Live(console=console, refresh_per_second=8, transient=True) if console.is_terminal else None
        )

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.__exit__(kind, error, trace)

    def update(self, rows: Sequence[Mapping[str, Any]]) -> None:
        ended = [row for row in rows if row["outcome"] is not None]
        self._progress.update(self._task, completed=len(ended))
        if self._live is not None:
            self._live.update(Group(self._progress, self._table(rows)))
            return
        for row in ended:
            if row["caller_number"] not in self._told:
                self._told.add(row["caller_number"])
                kind = self._kind(row)
                self.console.print(
                    f"{len(self._told):4}/{len(self._planned)}  {row['caller_number']}  {row['outcome']:<12} {kind}",
                    highlight=False,
                    soft_wrap=True,
                )

    def _table(self, rows: Sequence[Mapping[str, Any]]) -> Table:
        table = Table("caller", "for", "now", "agent", "what it shows", expand=True)
        live = [row for row in rows if row["outcome"] is None]
        for row in [*live, *reversed([row for row in rows if row["outcome"] is not None])][:ROWS]:
            now = row["outcome"] or row["state"] or "in the application"
            style = "dim" if row["outcome"] else "bold" if row["state"] == "bridged" else None
            table.add_row(
                row["caller_number"],
                row["contact_center_id"],
                now,
                row["agent_name"] or "",
                self._kind(row),
                style=style,
            )
        return table

    def _kind(self, row: Mapping[str, Any]) -> str:
        planned = self._planned.get(row["caller_number"])
        return "" if planned is None else str(planned.kind)


def summarize(console: Console, report: Report, seconds: float) -> None:
    """The last words: endings, waits, what the network legs cost, and what went wrong."""
    endings = Table("ending", "calls", title="How the calls ended", title_justify="left")
    for ending, count in report.outcomes().items():
        endings.add_row(ending, str(count))
    console.print(endings)
    shown = Table("callers", "calls", title="What happened to them", title_justify="left")
    for text, count in report.shown().items():
        shown.add_row(text, str(count))
    console.print(shown)
    figures = Table(show_header=False, title="What it came to", title_justify="left")
    waits, agent_waits = report.waits(), report.agent_waits()
    saved = 1 - report.network_leg / report.sent_at_once if report.sent_at_once else 0.0
    figures.add_row(
        "callers' wait for an agent", f"median {median(waits):.1f} s, longest {percentile(waits, 1):.1f} s"
    )
    figures.add_row(
        "agent's wait after accepting",
        f"median {median(agent_waits):.0f} ms, 95th percentile {percentile(agent_waits, 0.95):.0f} ms",
    )
    figures.add_row("network leg used", f"{report.network_leg:.1f} s")
    figures.add_row("sent at once it would have been", f"{report.sent_at_once:.1f} s ({saved:.0%} saved)")
    figures.add_row("callers left in silence", str(report.silences))
    figures.add_row("stray channels", str(report.stray_channels))
    figures.add_row("time", f"{seconds:.0f} s")
    console.print(figures)
    for line in (*report.wrong, *report.violations):
        console.print(line, style="red", highlight=False, soft_wrap=True)
    if report.missing:
        console.print(f"{report.missing} calls left no contact", style="red")
    console.print(
        f"{len(report.violations)} violations", style="bold green" if report.is_good else "bold red"
    )
