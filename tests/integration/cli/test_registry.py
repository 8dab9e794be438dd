"""Who there is, entered by command; what is wrong is said, and what is said twice does no harm."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from click.testing import CliRunner, Result

from fsroute.cli.main import cli
from fsroute.store.database import Database

Run = Callable[..., Result]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, conninfo: str) -> Run:
    monkeypatch.setenv("FSROUTE_DATABASE_URL", conninfo)
    return lambda line, **options: CliRunner().invoke(cli, line.split(), **options)


def well(result: Result) -> str:
    assert result.exit_code == 0, result.output
    return result.output.splitlines()[0] if result.output else ""


def test_a_center_with_a_number_a_queue_and_an_agent_is_entered_by_five_commands(
    run: Run, conninfo: str
) -> None:
    assert well(run("center add acme --name Acme --time-zone Europe/Berlin")) == "contact center acme: added"
    assert well(run("site add east")) == "site east: added"
    assert well(run("switch add east-1 --site east --link-address 192.0.2.20:5090")) == "switch east-1: added"
    assert (
        well(run("queue add acme support --skill orders:2 --longest-wait 600")) == "queue acme/support: added"
    )
    assert well(run("number add 8005550100 --center acme --application orders")) == "number 8005550100: added"
    added = run(
        "agent add ann --switch east-1 --address user/ann --skill orders:3 --for acme --extension 1001"
    )
    assert well(added) == "agent ann: added"
    assert well(run("agent log-on ann")) == "ann is available"
    (queue,) = json.loads(run("queue list --json").output)
    assert (queue["skills"], queue["longest_wait"]) == ({"orders": 2}, 600.0)
    with Database(conninfo) as database:
        (agent,) = database.run("agents", agent_ids=["ann"])
    assert (agent["site_id"], agent["skills"]) == ("east", {"orders": 3})
    assert [each[0] for each in agent["authorizations"]] == ["acme"]


def test_what_is_said_twice_changes_nothing_and_what_is_not_said_stays(run: Run) -> None:
    for line in (
        "center add acme --name Acme",
        "site add east --capacity 5",
        "switch add east-1 --site east --link-address 192.0.2.20:5090",
        "queue add acme support --skill orders",
        "number add 8005550100 --center acme --application orders",
        "agent add ann --switch east-1 --address user/ann --skill orders --for acme --wrap-up 5",
    ):
        assert well(run(line)).endswith(": added"), line
        assert well(run(line)).endswith(": unchanged"), line
    assert well(run("center add acme --time-zone Asia/Tokyo")) == "contact center acme: changed"
    assert "Acme\tAsia/Tokyo" in run("center list").output
    assert well(run("agent add ann --wrap-up 7")) == "agent ann: changed"
    assert well(run("agent add ann --skill orders:2")) == "agent ann: changed"
    assert well(run("agent add ann --skill orders:2")) == "agent ann: unchanged"
    assert well(run("agent add ann --no-skill orders --not-for acme")) == "agent ann: changed"
    assert well(run("agent add ann --not-for acme")) == "agent ann: unchanged"
    assert well(run("queue add acme support --no-skill orders")) == "queue acme/support: changed"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("center add Acme!", "small letters"),
        ("center add acme --time-zone Mars/Olympus", "no time zone known here"),
        ("site add", "Missing argument"),
        ("switch add w --site west --link-address 192.0.2.20", "HOST:PORT"),
        (
            "switch add w --site west --link-address 192.0.2.20:5090",
            "there is no site west; to add it: fsroute site add west",
        ),
        ("number add (800)555 --center acme --application orders", "without blanks and brackets"),
        ("number add 8005550100 --center acme --application orders", "there is no contact center acme"),
        ("number remove 8005550100", "there is no number 8005550100"),
        ("queue add acme support", "there is no contact center acme"),
        ("queue add acme support --skill orders:high", "NAME:LEVEL"),
        ("agent add ann", "a new one needs --switch and --address"),
        ("agent add ann --switch east-1 --address user/ann", "there is no switch east-1"),
        ("agent add ann --address ${x}", "what FreeSWITCH dials"),
    ],
)
def test_what_cannot_be_is_refused_in_words(run: Run, line: str, words: str) -> None:
    result = run(line)
    assert result.exit_code != 0
    assert words in " ".join(result.output.split())


def test_an_agent_who_cannot_be_entered_whole_is_not_entered_at_all(run: Run) -> None:
    well(run("site add east"))
    well(run("switch add east-1 --site east --link-address 192.0.2.20:5090"))
    assert run("agent add ann --switch east-1 --address user/ann --for nobody").exit_code == 1
    assert "ann" not in run("agent list").output


def test_a_number_that_is_removed_is_gone(run: Run) -> None:
    well(run("center add acme"))
    well(run("number add 8005550100 --center acme --application orders"))
    assert "8005550100" in run("number list").output
    assert well(run("number remove 8005550100")) == "number 8005550100: removed"
    assert "8005550100" not in run("number list").output


def test_an_application_that_is_not_known_here_is_warned_of(run: Run) -> None:
    well(run("center add acme"))
    assert "no application pizza" in run("number add 8005550100 --center acme --application pizza").output


def test_a_queue_says_that_rules_in_force_do_not_know_it(run: Run) -> None:
    well(run("center add acme"))
    assert "rules" not in run("queue add acme support").output
    well(run("rules load"))
    assert "does not know it: fsroute rules load" in run("queue add acme billing").output


def test_a_pin_is_read_from_standard_input_and_stands_on_no_command_line(run: Run) -> None:
    well(run("site add east"))
    well(run("switch add east-1 --site east --link-address 192.0.2.20:5090"))
    well(run("agent add ann --switch east-1 --address user/ann"))
    assert well(run("agent pin ann --stdin", input="482915\n")) == "ann has a new PIN"
    assert run("agent pin ann --stdin", input="1111\n").exit_code == 1
    assert run("agent pin ann --stdin --generate").exit_code == 2
