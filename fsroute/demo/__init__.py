"""``fsroute demo``: two call centers on this machine, with everything but the telephones."""

from __future__ import annotations

import json
import logging
import shutil
import tempfile
import time
from pathlib import Path

import gevent
from rich.console import Console

from fsroute.demo.plan import plan
from fsroute.demo.report import Report
from fsroute.demo.screen import Screen, summarize
from fsroute.demo.stage import Stage
from fsroute.monitoring.audit import audit
from fsroute.records.contact_record import ContactEvent, records
from fsroute.store.database import Database
from fsroute.store.embedded import EmbeddedPostgres
from fsroute.store.migrate import migrate

LIMIT = 120.0  # seconds without any call ending, after which the demonstration counts as stuck
SETTLE_LIMIT = 10.0  # seconds for the last records to be written
SILENCE = 1.0  # seconds of nothing that a caller would notice at this speed

__all__ = ["run_demo"]


def run_demo(
    calls: int, agents: int, seed: int, report: Path | None = None, console: Console | None = None
) -> int:
    """Place `calls` calls between two stand-in centers; returns the exit status.

    0 means that every call ended as it had to, no caller was left in silence, and the audit found nothing.
    """
    console = console or Console()
    logging.getLogger("fsroute").setLevel(logging.ERROR)
    folder = Path(tempfile.mkdtemp(prefix="fsroute-demo-"))
    folder.chmod(0o711)
    server = EmbeddedPostgres(folder / "postgres")
    began = time.monotonic()
    console.print(
        f"Two call centers, {agents} agents, {calls} calls (seed {seed}); starting PostgreSQL and the switches …",
        soft_wrap=True,
    )
    try:
        conninfo = server.start()
        migrate(conninfo)
        result = _play(conninfo, calls, agents, seed, console)
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
    summarize(console, result, time.monotonic() - began)
    if report is not None:
        report.write_text(json.dumps(result.to_json(), indent=2) + "\n", encoding="utf-8")
        console.print(f"report written to {report}")
    return 0 if result.is_good else 1


def _play(conninfo: str, calls: int, agents: int, seed: int, console: Console) -> Report:
    planned = plan(calls, seed)
    with Database(conninfo, application_name="fsroute demo") as database:
        stage = Stage(conninfo, planned, seed)
        stage.hire(database, agents)
        try:
            stage.start()
            stage.place_calls()
            with Screen(console, stage.planned) as screen:
                _watch(database, stage, screen)
            _settle(stage)
            return _report(database, stage)
        finally:
            stage.stop()


def _watch(database: Database, stage: Stage, screen: Screen) -> None:
    """Show what happens until every call is over, or nothing happens any more."""
    ended, since = 0, time.monotonic()
    while time.monotonic() - since < LIMIT:
        rows = database.run("demo_progress")
        screen.update(rows)
        now_ended = sum(row["outcome"] is not None for row in rows)
        if now_ended != ended:
            ended, since = now_ended, time.monotonic()
        if stage.is_over() and ended >= len(stage.planned):
            return
        gevent.sleep(0.1)


def _settle(stage: Stage) -> None:
    give_up = time.monotonic() + SETTLE_LIMIT
    while stage.stray_channels() and time.monotonic() < give_up:
        gevent.sleep(0.05)


def _report(database: Database, stage: Stage) -> Report:
    events = [
        ContactEvent(row["at"], row["contact_id"], row["contact_center_id"], row["kind"], row["state"],
                     row["agent_id"], row["data"])
        for row in database.run("contact_events_after", event_id=0, limit=10_000_000)
    ]  # fmt: skip
    found = list(records(events))
    numbers = {row["contact_id"]: row["caller_number"] for row in database.run("demo_numbers")}
    return Report(
        records=found,
        plans=[stage.planned.get(numbers.get(record.contact_id, "")) for record in found],
        violations=[str(violation) for violation in audit(database).violations],
        missing=len(stage.planned) - len(found),
        silences=sum(bool(call.timeline.silences(SILENCE)) for call in stage.calls.values()),
        stray_channels=stage.stray_channels(),
    )
