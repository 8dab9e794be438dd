from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

import fsroute.metrics
from fsroute.errors import DatabaseUnavailable, Fenced, StoreConflict, StoreError
from fsroute.metrics.center import Figures
from fsroute.metrics.exporter import About, Exporter
from fsroute.metrics.measures import Measures, kind_of
from fsroute.metrics.process import ProcessSights
from fsroute.metrics.sights import Captures, Connections, Door, Link, Sight

MONITORING = Path(fsroute.metrics.__file__).parent / "monitoring"
SIGHT = Sight(
    epoch=7,
    connections=Connections(10, 2, 3, 12, 1),
    links={"control": Link(True, 0.02)},
    doors={"callserver": Door(4, 1000, 2)},
    captures=Captures(True, 9, 0),
)
QUEUE = {"contact_center_id": "blue", "queue": "orders"}
FIGURES = Figures(
    calls=[
        QUEUE | {"state": "queued", "calls": 3, "oldest": 42.0},
        QUEUE | {"state": "bridged", "calls": 2, "oldest": 900.0},
    ],
    agents=[{"site_id": "east", "status": "available", "state": "talking", "agents": 2}],
    levels=[QUEUE | {"service_level": 0.8}, QUEUE | {"queue": "idle", "service_level": None}],
    sites=[
        {"switch_id": "east-1", "site_id": "east", "link_up": True, "age": 1.5, "waiting": 1, "talking": 2}
    ],
)


def exporter(figures: Figures | None = FIGURES) -> Exporter:
    made = Exporter(About("1.0", "east", "east-1", "acd,cti"), ("127.0.0.1", 0), 5.0)
    made.registry.register(ProcessSights(lambda: SIGHT))
    made._center.figures = figures
    ledger(made.measures)
    made.measures.statement("reserve_agent", 0.003, None)
    made.measures.turns.observe(0.001)
    return made


def ledger(measures: Measures) -> None:
    row: dict[str, Any] = QUEUE | {"outcome": None, "events": 1, "waits": None, "network_leg": 0.0}
    measures.ledger(
        [
            row | {"kind": "requested", "events": 4},
            row | {"kind": "agent_reserved", "events": 3},
            row | {"kind": "agent_failed"},
            row | {"kind": "network_leg_failed"},
            row | {"kind": "joined", "events": 2, "waits": [4.0, -0.001]},
            row | {"kind": "agent_left", "network_leg": 61.5},
            row | {"kind": "closed", "outcome": "served", "events": 2},
        ]
    )


def samples(figures: Figures | None = FIGURES) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    text = generate_latest(exporter(figures).registry).decode()
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_what_is_counted_is_shown() -> None:
    shown = samples()
    queue = (("contact_center", "blue"), ("queue", "orders"))
    assert shown["fsroute_requests_total", queue] == 4
    assert shown["fsroute_decisions_total", queue] == 3
    assert shown["fsroute_offers_failed_total", queue] == 1
    assert shown["fsroute_network_leg_seconds_total", queue] == 61.5
    assert shown["fsroute_wait_seconds_sum", queue] == 4.0
    assert shown["fsroute_wait_seconds_bucket", (*queue[:1], ("le", "1.0"), queue[1])] == 1
    assert shown["fsroute_contacts_total", (("contact_center", "blue"), ("outcome", "served"))] == 2
    assert shown["fsroute_reservation_seconds_count", ()] == 1
    assert shown["fsroute_leader_epoch", ()] == 7
    assert shown["fsroute_sessions_refused_total", (("door", "callserver"),)] == 2
    assert shown["fsroute_calls", (*queue, ("state", "queued"))] == 3


def test_the_oldest_wait_is_that_of_who_waits() -> None:
    """Who talks arrived earlier, and waits no more."""
    assert samples()["fsroute_oldest_wait_seconds", (("contact_center", "blue"), ("queue", "orders"))] == 42.0


def test_without_traffic_there_is_no_service_level() -> None:
    names = [key for key in samples() if key[0] == "fsroute_service_level_ratio"]
    assert names == [("fsroute_service_level_ratio", (("contact_center", "blue"), ("queue", "orders")))]


def test_who_does_not_lead_shows_nothing_of_the_center() -> None:
    names = {name for name, _ in samples(None)}
    assert "fsroute_leader" in names
    assert not names & {"fsroute_calls", "fsroute_agents", "fsroute_site_link_up"}


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (DatabaseUnavailable("x"), "unavailable"),
        (Fenced("x"), "fenced"),
        (StoreConflict("x", "c"), "conflict"),
        (StoreError("x"), "other"),
    ],
)
def test_failures_are_counted_by_what_they_mean(error: StoreError, kind: str) -> None:
    assert kind_of(error) == kind


def expressions() -> Iterator[tuple[str, str]]:
    """Where an expression stands, and the expression: of the dashboard and of the alerts."""
    for panel in json.loads((MONITORING / "dashboard.json").read_text("utf-8"))["panels"]:
        for target in panel.get("targets", ()):
            yield panel["title"], target["expr"]
    text = (MONITORING / "alerts.yml").read_text("utf-8")
    for name, expression in re.findall(r"- alert: (\w+)\n +expr: (.*(?:\n {10,}.*)?)", text):
        yield name, expression


def test_every_metric_that_the_dashboard_and_the_alerts_name_is_there() -> None:
    there = {name for name, _ in samples()}
    used = {(where, name) for where, text in expressions() for name in re.findall(r"\bfsroute_\w+", text)}
    assert len(used) > 40
    assert {(where, name) for where, name in used if name not in there} == set()


def test_every_metric_of_ours_is_on_the_dashboard_or_in_an_alert_and_in_the_manual() -> None:
    manual = (Path(fsroute.__file__).parents[1] / "docs" / "metrics.md").read_text("utf-8")
    used = {name for _, text in expressions() for name in re.findall(r"\bfsroute_\w+", text)}
    text = generate_latest(exporter().registry).decode()
    for name in re.findall(r"^# TYPE (fsroute_\w+) ", text, re.MULTILINE):
        if name.endswith("_created"):
            continue
        assert any(each.startswith(name) for each in used), name
        assert f"`{name.removesuffix('_total')}`" in manual, name


def test_panels_do_not_lie_on_each_other() -> None:
    panels = json.loads((MONITORING / "dashboard.json").read_text("utf-8"))["panels"]
    cells: list[tuple[int, int]] = []
    for panel in panels:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        cells += [
            (place["x"] + right, place["y"] + down)
            for right in range(place["w"])
            for down in range(place["h"])
        ]
    assert len(cells) == len(set(cells))
    assert len({panel["id"] for panel in panels}) == len(panels)


PROMTOOL = shutil.which("promtool")


@pytest.mark.skipif(PROMTOOL is None, reason="promtool (Debian: prometheus) is not installed")
def test_prometheus_itself_takes_the_alerts_and_the_metrics() -> None:
    assert PROMTOOL is not None
    rules = subprocess.run(
        [PROMTOOL, "check", "rules", MONITORING / "alerts.yml"], capture_output=True, text=True, check=False
    )
    assert rules.returncode == 0, rules.stdout + rules.stderr
    lint = subprocess.run(
        [PROMTOOL, "check", "metrics"],
        input=generate_latest(exporter().registry),
        capture_output=True,
        check=False,
    )
    said = (lint.stdout + lint.stderr).decode()
    assert [line for line in said.splitlines() if line.startswith("fsroute_")] == [], said
