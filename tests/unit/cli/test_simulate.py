"""``fsroute simulate`` with strategies of the operator's choice."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from fsroute.cli.main import cli

CENTER = """
duration = 1800
warm_up = 0
[[queue]]
contact_center = "acme"
name = "orders"
skills = { orders = 1 }
arrivals = 60
talk = 120
[[agents]]
name = "ann"
count = 3
skills = { orders = 1 }
"""


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "center.toml"
    path.write_text(CENTER)
    return str(path)


def test_strategies_are_compared_with_the_same_contacts(file: str, tmp_path: Path) -> None:
    names = ["--strategy", "longest_idle", "--strategy", "round_robin"]
    written = tmp_path / "figures.json"
    result = CliRunner().invoke(
        cli, ["simulate", file, "-n", "2", "--pooled", *names, "--json", str(written)]
    )
    assert result.exit_code == 0, result.output
    figures = json.loads(written.read_text())["strategies"]
    assert list(figures) == ["longest_idle", "round_robin"]
    assert figures["longest_idle"]["total"]["contacts"] == figures["round_robin"]["total"]["contacts"] > 0
    assert figures["round_robin"]["pooled_ratio"]["value"] == 1.0, "one pool waits alike, whoever is taken"
    assert "round_robin" in result.output


def test_one_strategy_is_shown_in_full(file: str) -> None:
    result = CliRunner().invoke(cli, ["simulate", file, "-n", "2", "--strategy", "round_robin"])
    assert result.exit_code == 0
    assert "answered within" in result.output


def test_an_unknown_strategy_is_named(file: str) -> None:
    result = CliRunner().invoke(cli, ["simulate", file, "--strategy", "best"])
    assert result.exit_code != 0
    assert "there is no strategy 'best'" in result.output
