from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import fsroute
from fsroute import resources
from fsroute.cli.main import cli
from fsroute.store.database import Database
from fsroute.store.script import run_script
from tests.fix_database import perform

Run = Callable[..., Result]

SAMPLES = resources.folder("sql").joinpath("samples")
RULES = SAMPLES.joinpath("three_centers.sql").read_text(encoding="utf-8")
AGENTS = SAMPLES.joinpath("three_centers_agents.sql").read_text(encoding="utf-8")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, conninfo: str) -> Run:
    """Run a command on a database that has the sample's agents."""
    monkeypatch.setenv("FSROUTE_DATABASE_URL", conninfo)
    with Database(conninfo) as database:
        run_script(database, AGENTS, "agents")

    def command(*arguments: str) -> Result:
        return CliRunner().invoke(cli, arguments)

    return command


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    path = tmp_path / "three_centers.sql"
    path.write_text(RULES, encoding="utf-8")
    return path


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    """The sample with three errors and a warning more."""
    more = """
    update routing_rule set if_caller_number = '+1' where rule = 'spanish';
    update routing_rule set strategy = 'fair' where rule = 'everybody';
    update routing_rule_skill set skill = 'frnech' where rule = 'french' and skill = 'french';
    insert into routing_rule (contact_center_id, rule, ordinal, queue) values ('kiwi', 'late', 99, 'night');
    """
    path = tmp_path / "bad.sql"
    path.write_text(RULES + more, encoding="utf-8")
    return path


def document(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.output)


def test_rules_are_loaded_listed_and_shown(run: Run, sample: Path) -> None:
    loaded = run("rules", "load", str(sample))
    assert loaded.exit_code == 0
    assert loaded.output.splitlines() == [
        "three_centers.sql: 15 rules, 4 queues, 4 calendars; 0 errors, 0 warnings",
        "version 1 is in force",
    ]
    again = run("rules", "load", str(sample))
    assert again.output.splitlines()[-1] == "version 1 holds the same and stays in force"
    listed = document(run("rules", "list", "--json"))
    assert [(row["version"], row["source"], row["rules"]) for row in listed] == [(1, "three_centers.sql", 15)]
    shown = run("rules", "show").output
    assert "     40 romandy: if region romandy then queue support, skills french 2+, orders 1+\n" in shown
    assert "          after 90 s: offer a callback\n" in shown
    assert len(document(run("rules", "show", "1", "--json"))["routing_rule"]) == 15


def test_what_is_wrong_is_said_row_by_row_and_nothing_is_loaded(run: Run, bad: Path) -> None:
    refused = run("rules", "load", str(bad))
    assert refused.exit_code == 1
    lines = refused.output.splitlines()
    assert (
        "bad.sql: routing_rule bluewater/spanish: if_caller_number: '+1': "
        "nothing to repeat before +; for the character itself write \\+" in lines
    )
    assert "bad.sql: routing_rule kiwi/late: queue: kiwi has no queue night" in lines
    assert any(
        line.startswith("bad.sql: routing_rule bluewater/everybody: strategy: there is no fair")
        for line in lines
    )
    assert (
        "bad.sql: routing_rule_skill alpina/french frnech: warning: unknown skill: no agent has it" in lines
    )
    assert lines[-1] == "not loaded: nothing was changed"
    assert "3 errors" in lines[-2]
    assert document(run("rules", "list", "--json")) == []


def test_a_check_says_the_same_and_changes_nothing(run: Run, sample: Path, bad: Path) -> None:
    assert run("rules", "check", str(bad)).exit_code == 1
    good = run("rules", "check", str(sample))
    assert (good.exit_code, good.output.splitlines()[-1]) == (0, "nothing was changed")
    assert run("rules", "load", "--check", str(sample)).output == good.output
    assert document(run("rules", "list", "--json")) == []
    faults = json.loads(run("rules", "check", str(bad), "--json").output)["faults"]
    assert {"severity", "table", "row", "fault"} == set(faults[0])


def test_the_rules_in_the_tables_can_be_checked_too(run: Run, sample: Path, conninfo: str) -> None:
    run("rules", "load", str(sample))
    assert run("rules", "check").exit_code == 0
    perform(conninfo, "update fsroute.routing_rule set queue = 'nowhere' where rule = 'romandy'")
    checked = run("rules", "check")
    assert checked.exit_code == 1
    assert "the tables: routing_rule alpina/romandy: queue: alpina has no queue nowhere" in checked.output


def test_the_strict_take_no_warnings(run: Run, sample: Path) -> None:
    sample.write_text(RULES + "insert into routing_rule values ('kiwi', 'never', 100);", encoding="utf-8")
    assert run("rules", "load", "--strict", str(sample)).exit_code == 1
    assert run("rules", "load", str(sample)).exit_code == 0


def test_a_file_that_cannot_be_run_ends_with_one_line(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "x.sql"
    path.write_text("select 1;\n\\i other.sql\n")
    refused = run("rules", "load", str(path))
    assert refused.exit_code == 1
    assert refused.output == "Error: x.sql, line 2: \\i is a command of psql; only SQL may stand here\n"
    path.write_bytes(b"select '\xff'")
    assert run("rules", "load", str(path)).exit_code == 1


def test_a_version_is_put_back(run: Run, sample: Path) -> None:
    run("rules", "load", str(sample))
    sample.write_text(RULES + "delete from routing_rule where rule = 'florida';", encoding="utf-8")
    run("rules", "load", str(sample))
    assert run("rules", "rollback", "1").output == "version 3, the same as version 1, is in force\n"
    assert "florida" in run("rules", "show").output
    unknown = run("rules", "rollback", "7")
    assert (unknown.exit_code, unknown.output) == (1, "Error: there is no version 7 of the rules\n")


EXPLAINED = """\
contact center bluewater, queue asked for support
rules: version 1
at Thursday, 2026-11-26 12:00:00 EST; region florida
caller +13055551212 of 8005550200, voice, en
calendar office: open until Thu 2026-11-26 13:00, Thanksgiving

  closed does not match: calendar office is open, not closed
  gold-line does not match: the number called is 8005550200, not 8005550201
  gold-customer does not match: the segment is not known (wanted: gold|platinum)
  stolen-card does not match: fact reason is balance, not stolen|lost
  spanish does not match: the language is en, not es
  florida matches

queue support, priority 0, strategy highest_level, lead offered
skills banking 1+, english 2+, spanish 1+; sites any; teams any; medium voice
offer 20 s; network leg 10 s, 3 tries; music local_stream://fsroute
longest wait 1200 s, longest queue 60, then: voice message voice_message; refused when: no agent authorized
callback: 3 tries, 300 s apart, rings 25 s
time line: at once 2 agents
  after 30 s: spanish is not asked for (4 agents)

agents who may serve it, in order:
  1. grace (Grace, newyork, team gold)
   - felix (Félix, newyork, team bank) is on a break
the others:
  5 not authorized for bluewater, voice
  2 without the skill spanish
"""


def explain(run: Run, *more: str) -> Result:
    return run("rules", "explain", "--number-called", "8005550200", "--caller", "+13055551212", *more)


def test_a_contact_is_explained(run: Run, sample: Path, conninfo: str) -> None:
    run("rules", "load", str(sample))
    perform(conninfo, "update fsroute.agent set status = 'available' where agent_id = 'grace'")
    perform(conninfo, "update fsroute.agent set status = 'on_break' where agent_id = 'felix'")
    explained = explain(run, "--at", "2026-11-26T12:00", "--fact", "reason=balance")
    assert (explained.exit_code, explained.output) == (0, EXPLAINED)
    assert EXPLAINED in (Path(fsroute.__file__).parents[1] / "docs" / "rules.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("at", "shown"),
    [
        ("2026-03-08T02:30", "Sunday, 2026-03-08 03:30:00 EDT"),  # the clocks are set forward at two
        ("2026-11-01T01:30", "Sunday, 2026-11-01 01:30:00 EDT"),  # comes twice: the first
        ("2026-11-01T06:30Z", "Sunday, 2026-11-01 01:30:00 EST"),
    ],
)
def test_a_time_that_is_asked_about_is_shown_as_the_contact_center_s_clocks_show_it(
    run: Run, sample: Path, at: str, shown: str
) -> None:
    run("rules", "load", str(sample))
    assert f"at {shown}; " in explain(run, "--at", at).output


def test_an_explanation_can_be_read_by_a_program(run: Run, sample: Path) -> None:
    run("rules", "load", str(sample))
    gold = document(explain(run, "--at", "2026-11-26T12:00:00-05:00", "--segment", "gold", "--json"))
    assert (gold["rule"], gold["version"], gold["routing"]["queue"]) == ("gold-customer", 1, "gold")
    assert gold["missed"][0] == {"rule": "closed", "why": "calendar office is open, not closed"}
    assert gold["reach"] == [1, 1, 2, 2]
    assert gold["agents"] == [{"agent": "grace", "busy": "is logged out"}]
    night = document(explain(run, "--at", "2026-11-26T06:59", "--json"))
    assert (night["rule"], night["way"]["do"], night["routing"]) == ("closed", "voice_message", None)
    assert night["calendars"]["office"] == {
        "open": False,
        "next_change": "2026-11-26T14:00:00+00:00",
        "holiday": "Thanksgiving",
    }


def test_a_file_and_an_old_version_can_be_explained_without_loading_them(run: Run, sample: Path) -> None:
    noon = ("--at", "2026-11-26T12:00", "--json")
    assert document(explain(run, *noon, "--file", str(sample)))["rule"] == "florida"
    assert document(run("rules", "list", "--json")) == []
    run("rules", "load", str(sample))
    sample.write_text(RULES + "delete from routing_rule where rule = 'florida';", encoding="utf-8")
    run("rules", "load", str(sample))
    assert document(explain(run, *noon))["rule"] == "everybody"
    assert document(explain(run, *noon, "--version", "1"))["rule"] == "florida"
    assert explain(run, "--version", "1", "--file", str(sample)).exit_code == 2


def test_a_contact_that_nothing_routes_is_explained_with_status_1(run: Run, sample: Path) -> None:
    run("rules", "load", str(sample))
    lost = run(
        "rules", "explain", "--number-called", "0800550100", "--contact-center", "nobody", "--queue", "x"
    )
    assert lost.exit_code == 1
    assert "  NO ROUTE: no rule matches, and contact center nobody has no queue x\n" in lost.output


def test_a_number_that_is_newer_than_the_rules_is_explained(run: Run, sample: Path, conninfo: str) -> None:
    run("rules", "load", str(sample))
    perform(conninfo, "insert into fsroute.number_called values ('0800550999', 'kiwi', 'orders')")
    explained = document(run("rules", "explain", "--number-called", "0800550999", "--json"))
    assert explained["contact_center"] == "kiwi"


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("--number-called", "1"), "number 1 belongs to no contact center"),
        (("--number-called", "8005550200", "--at", "soon"), "--at soon"),
        (
            ("--number-called", "8005550200", "--at", "0001-01-01"),
            "--at 0001-01-01: a year from 1970 to 9900",
        ),
        (
            ("--number-called", "8005550200", "--at", "9999-12-31"),
            "--at 9999-12-31: a year from 1970 to 9900",
        ),
        (("--number-called", "8005550200", "--fact", "x"), "write NAME=VALUE"),
        (("--number-called", "8005550200", "--version", "9"), "there is no version 9"),
    ],
)
def test_a_question_that_says_too_little_is_refused(
    run: Run, sample: Path, arguments: tuple[str, ...], why: str
) -> None:
    run("rules", "load", str(sample))
    refused = run("rules", "explain", *arguments)
    assert refused.exit_code in (1, 2)
    assert why in refused.output


def test_a_contact_center_is_closed_and_opened(run: Run, sample: Path) -> None:
    run("rules", "load", str(sample))
    closed = run("center", "close", "bluewater", "--message", "emergency", "--keep-waiting")
    assert closed.stdout == "bluewater is closed; who waits waits on\n"
    assert closed.stderr == "warning: no recording emergency is known here\n"
    listed = {row["contact center"]: row for row in document(run("center", "list", "--json"))}
    assert listed["bluewater"]["prompt"] == "emergency"
    assert listed["bluewater"]["who waits"] == "waits on"
    assert listed["kiwi"]["closed since"] == ""
    assert "CLOSED by command: prompt emergency; but for that:\n" in explain(run).output
    assert run("center", "close", "bluewater", "--message", "center_closed").stderr == ""
    assert run("center", "open", "bluewater").output == "bluewater is open\n"
    assert "CLOSED" not in explain(run).output
    assert run("center", "close", "nobody").exit_code == 1
    assert run("center", "close", "kiwi", "--message", "${rm}").exit_code == 1
