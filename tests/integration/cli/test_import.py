"""A set-up of mod_callcenter is imported, checked, loaded into a fresh database, and routes."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from fsroute.cli.main import cli
from fsroute.model.contact import CallerInformation
from fsroute.routing.rules import Inquiry
from fsroute.store.database import Database
from fsroute.store.rulebook import RuleBook
from fsroute.store.signals import Signals
from fsroute.store.store import Store
from tests.fix_database import perform
from tests.live.freeswitch import find
from tests.unit.importing.reading import HARBOR

Run = Callable[..., Result]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, conninfo: str, tmp_path: Path) -> Run:
    monkeypatch.setenv("FSROUTE_DATABASE_URL", conninfo)
    monkeypatch.chdir(tmp_path)

    def command(*arguments: str) -> Result:
        return CliRunner().invoke(cli, arguments)

    return command


def test_what_is_imported_is_checked_loaded_and_routes(run: Run, conninfo: str) -> None:
    numbers = ("--number", "8005550100=freight@harbor.example", "--application", "orders")
    made = run("import", "callcenter", str(HARBOR), "--output", "harbor.sql", *numbers)
    assert made.exit_code == 0, made.output
    assert made.output.endswith("3 queues, 4 agents, 8 tiers; 20 remarks\n")
    assert (
        "harbor.conf.xml:26: queue passengers@harbor.example: mod_callcenter knows no parameter"
        in made.output
    )
    checked = run("rules", "check", "harbor.sql")
    assert checked.exit_code == 0, checked.output
    assert "4 rules, 3 queues, 0 calendars; 0 errors, 0 warnings" in checked.output
    loaded = run("rules", "load", "harbor.sql")
    assert loaded.exit_code == 0, loaded.output
    explained = json.loads(run("rules", "explain", "--number-called", "8005550100", "--json").output)
    assert (explained["rule"], explained["routing"]["queue"]) == ("number-8005550100", "freight")
    assert explained["routing"]["skills"] == [["freight", 3]]
    agent = json.loads(run("agent", "show", "ada", "--json").output)
    assert (agent["status"], agent["address"]) == ("available", "user/ada@harbor.example")
    again = run("rules", "load", "harbor.sql")
    assert "in force" in again.output or again.exit_code == 0
    with Database(conninfo) as database:
        store = Store(database, Signals(database))
        book = RuleBook(store)
        book.start()
        caller = CallerInformation("+14155550123", "Ada", "8005550100", datetime.now(UTC))
        routed = book.route(Inquiry("harbor-example", "passengers", caller), datetime.now(UTC))
        book.stop()
    assert routed.routing is not None
    assert (routed.rule, routed.routing.queue, routed.routing.strategy) == (
        "number-8005550100",
        "freight",
        "highest_level",
    )


def test_what_agents_have_declared_since_is_left_alone(run: Run, conninfo: str) -> None:
    run("import", "callcenter", str(HARBOR), "--output", "harbor.sql")
    assert run("rules", "load", "harbor.sql").exit_code == 0
    perform(conninfo, "update fsroute.agent set status = 'logged_out', wrap_up = 1 where agent_id = 'ada'")
    assert run("rules", "load", "harbor.sql").exit_code == 0
    agent = json.loads(run("agent", "show", "ada", "--json").output)
    assert agent["status"] == "logged_out"


def test_includes_that_are_not_given_are_told(run: Run, tmp_path: Path) -> None:
    (tmp_path / "main.xml").write_text(
        '<configuration>\n<queues>\n<X-PRE-PROCESS cmd="include" data="queues/*.xml"/></queues>\n'
        '<X-PRE-PROCESS cmd="include" data="agents.xml"/></configuration>'
    )
    (tmp_path / "agents.xml").write_text(
        '<include><agent name="ada" type="callback" contact="user/ada"/></include>'
    )
    (tmp_path / "vars.xml").write_text(
        '<include><X-PRE-PROCESS cmd="set" data="hold_music=local_stream://x"/></include>'
    )
    made = run("import", "callcenter", "main.xml", "agents.xml", "--vars", "vars.xml")
    assert "main.xml:3: queues/*.xml is included and was not read; give that file, too\n" in made.output
    assert "main.xml:4" not in made.output
    assert "insert into agent (" in made.output


@pytest.mark.parametrize(
    ("text", "options", "why"),
    [
        ("<!DOCTYPE x []><x/>", (), "x.xml:1: a document type"),
        ("<x/>", ("--number", "abc=x"), "'abc' is no number"),
        ("<x/>", ("--number", "1=x"), "there is no queue x"),
        ("<x/>", ("--var", "x"), "write NAME=VALUE"),
        ("<x/>", ("--agent-list", "x.xml"), "x.xml:1: a list without the column name"),
    ],
)
def test_what_cannot_be_imported_says_why(
    run: Run, tmp_path: Path, text: str, options: tuple[str, ...], why: str
) -> None:
    (tmp_path / "x.xml").write_text(text)
    refused = run("import", "callcenter", "x.xml", *options)
    assert refused.exit_code != 0
    assert why in refused.output


def test_the_set_up_that_freeswitch_brings_can_be_imported(run: Run, tmp_path: Path) -> None:
    """As it is, and with the examples that stand in its comments."""
    program = find()
    folder = "autoload_configs/callcenter.conf.xml"
    places = (
        [] if program is None else [program.parents[1] / each / folder for each in ("etc/freeswitch", "conf")]
    )
    found = next((each for each in [*places, Path("/etc/freeswitch") / folder] if each.is_file()), None)
    if found is None:
        pytest.skip("FreeSWITCH's own callcenter.conf.xml is not on this machine")
    whole = (
        found.read_text()
        .replace("<!--<", "<")
        .replace("/>-->", "/>")
        .replace("<!-- <", "<")
        .replace("/> -->", "/>")
    )
    (tmp_path / "whole.xml").write_text(whole)
    for path, agents in ((str(found), 0), ("whole.xml", 1)):
        made = run("import", "callcenter", path, "--var", "hold_music=local_stream://moh", "-o", "out.sql")
        assert f"1 queues, {agents} agents" in made.output, made.output
        loaded = run("rules", "load", "out.sql")
        assert loaded.exit_code == 0, loaded.output
    assert "0 errors, 0 warnings" in loaded.output
