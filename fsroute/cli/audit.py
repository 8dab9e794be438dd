"""``fsroute audit``: what must always hold, checked on the event log."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fsroute.cli.options import config_option

if TYPE_CHECKING:
    from fsroute.monitoring.events import Event
    from fsroute.monitoring.gaps import Gap
    from fsroute.monitoring.invariants import Report

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}  # seconds


class Moment(click.ParamType[datetime]):
    """A moment in ISO 8601, or how long ago: 90s, 30m, 2h, 7d."""

    name = "moment"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        ago = re.fullmatch(r"(\d+)([smhd])", str(value))
        if ago:
            return datetime.now(UTC) - timedelta(seconds=int(ago[1]) * UNITS[ago[2]])
        try:
            moment = datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(
                "write a moment such as 2026-03-04T09:30, or how long ago: 90s, 30m, 2h, 7d", param, ctx
            )
        return moment.astimezone()


@click.command("audit")
@config_option
@click.option(
    "--since", type=Moment(), help="Only contacts that arrived since then: 2026-03-04T09:30, or 2h."
)
@click.option("--contact-center", metavar="NAME", help="Only this contact center's contacts.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def command(
    context: click.Context,
    config_path: Path | None,
    since: datetime | None,
    contact_center: str | None,
    as_json: bool,
) -> None:
    """Check what must always hold on the event log.

    Prints each violation with its events, the times in which nobody decided, and "N violations"; the
    exit status is 1 if there are any.
    """
    from fsroute import config
    from fsroute.cli.store import opened
    from fsroute.monitoring.audit import audit

    with opened(config.load(config_path)) as store:
        report = audit(store.database, since, contact_center)
    if as_json:
        click.echo(json.dumps(dump(report), indent=2))
    else:
        show(report)
    context.exit(1 if report.violations else 0)


def show(report: Report) -> None:
    """Print violations and gaps, tables on a terminal and lines elsewhere; last the number of violations."""
    from fsroute.cli.tables import show as table

    if report.gaps:
        rows = [(_time(gap.begin), _until(gap), f"{gap.length:.1f} s", gap.why) for gap in report.gaps]
        table("gap", ("from", "until", "length", "why"), rows)
    if report.violations:
        table(
            "violation",
            ("invariant", "at", "what", "events"),
            [
                (found.invariant, _time(found.at), found.text, "; ".join(map(_event, found.events)))
                for found in report.violations
            ],
        )
    click.echo(f"{report.events} events of {report.contacts} contacts")
    click.echo(f"{len(report.violations)} violations")


def dump(report: Report) -> dict[str, Any]:
    """A report as JSON writes it; moments in seconds since the epoch, null for ever."""
    return {
        "violations": [
            {
                "invariant": found.invariant,
                "at": found.at,
                "text": found.text,
                "events": [_dump_event(event) for event in found.events],
            }
            for found in report.violations
        ],
        "gaps": [
            {"begin": _finite(gap.begin), "end": gap.end, "why": gap.why, "is_open": gap.is_open}
            for gap in report.gaps
        ],
        "events": report.events,
        "contacts": report.contacts,
    }


def _dump_event(event: Event) -> dict[str, Any]:
    return {
        "ledger": str(event.ledger),
        "event_id": event.event_id,
        "at": event.at,
        "kind": event.kind,
        "contact_id": event.contact_id,
        "agent_id": event.agent_id,
        "state": event.state,
        "data": dict(event.data),
    }


def _event(event: Event) -> str:
    who = event.agent_id or event.contact_id
    return f"{event.ledger} {event.event_id} {_time(event.at)[11:]} {event.kind} {who}"


def _time(moment: float) -> str:
    if moment == float("-inf"):
        return "ever"
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")


def _until(gap: Gap) -> str:
    return "now" if gap.is_open else _time(gap.end)


def _finite(moment: float) -> float | None:
    return None if moment == float("-inf") else moment
