"""``fsroute route-diff`` on captured calls of the sample's three companies."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from fsroute import resources
from fsroute.cli.main import cli
from fsroute.coordinator.actions import AgentChanged
from fsroute.coordinator.strategies import BUILT_IN
from fsroute.replay.journal import RulesChanged
from fsroute.store.agents import Agents
from fsroute.store.database import Database
from fsroute.store.loading import Loader
from fsroute.store.rules import Rules
from fsroute.store.script import run_script
from tests.unit.replay.captured import asked_note, write_call, write_journal

SAMPLES = resources.folder("sql") / "samples"
RULES = SAMPLES.joinpath("three_centers.sql").read_text(encoding="utf-8")
AGENTS = SAMPLES.joinpath("three_centers_agents.sql").read_text(encoding="utf-8")
NOON = 1_772_622_000.0  # Wednesday, 4 March 2026, 12:00 in Zurich

Run = Callable[..., Result]


@pytest.fixture
def live(database: Database) -> Database:
    """The sample's rules in force, with its agents available."""
    run_script(database, AGENTS, "agents")
    run_script(database, "update fsroute.agent set status = 'available'", "log-on")
    Loader(database, frozenset(BUILT_IN), {}).load(RULES, "three_centers.sql", "test")
    return database


@pytest.fixture
def calls(live: Database, tmp_path: Path) -> Path:
    """A call of somebody who speaks German, and one that asked for nobody."""
    folder = tmp_path / "calls"
    folder.mkdir()
    document = Rules(live).document(1)
    write_journal(folder, RulesChanged(1, document), *(AgentChanged(each, 0) for each in Agents(live).all()))
    n = 1 + len(Agents(live).all())
    kinds = {"center": "alpina", "number": "0800550100", "version": 1}
    german = asked_note("support", n, NOON, number="+41440000000", language="de")
    write_call(folder, "german.jsonl", german, rule="german", **kinds)  # type: ignore[arg-type]
    write_call(folder, "nobody.jsonl", **kinds)  # type: ignore[arg-type]
    return folder


@pytest.fixture
def new(tmp_path: Path) -> Callable[[str], str]:
    """The sample with something more, as a file."""

    def write(more: str) -> str:
        path = tmp_path / "new.sql"
        path.write_text(RULES + more, encoding="utf-8")
        return str(path)

    return write


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the command without a database; `conninfo` gives it one."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))

    def command(*arguments: str, conninfo: str | None = None) -> Result:
        environment = {"FSROUTE_DATABASE_URL": conninfo}
        return CliRunner(env=environment).invoke(cli, ("route-diff", *arguments))

    return command


def last(result: Result) -> str:
    return result.output.splitlines()[-1]


def test_rules_that_change_nothing_find_nothing(run: Run, calls: Path, new: Callable[[str], str]) -> None:
    done = run("--rules", new(""), str(calls))
    assert (done.exit_code, last(done)) == (0, "2 calls: 0 would go elsewhere, 1 asked for no agent")
    assert "present rules: those that routed each call, by its journal" in done.output


STRICTER = "update routing_rule_skill set level = 4 where rule = 'german' and skill = 'german';"


def test_a_changed_rule_is_told_in_all_forms(
    run: Run, calls: Path, new: Callable[[str], str], tmp_path: Path
) -> None:
    page, report = tmp_path / "page.html", tmp_path / "report.json"
    done = run("--rules", new(STRICTER), str(calls), "--html", str(page), "--json", str(report))
    assert (done.exit_code, last(done)) == (1, "2 calls: 1 would go elsewhere, 1 asked for no agent")
    lines = [" ".join(line.split()) for line in done.output.splitlines()]
    assert "request 1, Wed 2026-03-04 12:00:00 CET, for queue support" in lines
    assert "skills german 2+, orders 2+ -> german 4+, orders 2+" in lines
    document = json.loads(report.read_text())
    (each,) = document["elsewhere"]
    assert Path(each["capture"]).name == "german.jsonl"
    assert {one["aspect"] for one in each["requests"][0]["differences"]} >= {"skills", "agents"}
    assert "german 4+" in page.read_text("utf-8")


def test_json_is_printed_alone(run: Run, calls: Path, new: Callable[[str], str]) -> None:
    done = run("--rules", new(STRICTER), str(calls / "german.jsonl"), "--json", "-")
    assert json.loads(done.stdout)["by_contact_center"] == [
        {"contact_center": "alpina", "calls": 1, "without_request": 0, "elsewhere": 1, "not_told": 0}
    ]


def test_the_rules_of_the_database_are_the_present_ones_and_it_stays_as_it_is(
    run: Run, live: Database, calls: Path, new: Callable[[str], str]
) -> None:
    Loader(live, frozenset(BUILT_IN), {}).load(RULES + STRICTER, "stricter.sql", "test")
    before = live.run("rules_versions"), Rules(live).tables(), Agents(live).versions()
    done = run("--rules", new(""), str(calls), conninfo=live.conninfo)
    assert done.exit_code == 1
    assert "skills german 4+, orders 2+ -> german 2+, orders 2+" in " ".join(done.output.split())
    assert "present rules: version 2 of the database" in done.output
    assert run("--rules", new(""), "--then", str(calls), conninfo=live.conninfo).exit_code == 0
    assert (live.run("rules_versions"), Rules(live).tables(), Agents(live).versions()) == before


def test_the_present_rules_may_be_a_file(
    run: Run, calls: Path, new: Callable[[str], str], tmp_path: Path
) -> None:
    stricter = tmp_path / "present.sql"
    stricter.write_text(RULES + STRICTER)
    done = run("--rules", new(STRICTER), "--present", str(stricter), str(calls))
    assert done.exit_code == 0, done.output
    assert f"present rules: {stricter}" in " ".join(done.output.split())


def test_a_faulty_file_is_told_as_by_the_checker(
    run: Run, live: Database, calls: Path, new: Callable[[str], str]
) -> None:
    path = new("update routing_rule set if_caller_number = '+1' where rule = 'german';")
    said = CliRunner(env={"FSROUTE_DATABASE_URL": live.conninfo}).invoke(cli, ("rules", "check", path))
    faults = [line for line in said.output.splitlines() if line.startswith("new.sql: routing_rule")]
    for conninfo in (None, live.conninfo):
        done = run("--rules", path, str(calls), conninfo=conninfo)
        assert done.exit_code == 2
        assert faults
        assert all(fault in done.output for fault in faults), done.output


@pytest.mark.parametrize(
    ("more", "why"),
    [("selekt 1;", "new.sql, line"), ("commit;", "commit: the file is one transaction")],
)
def test_a_file_that_is_no_file_of_rules_is_refused(
    run: Run, calls: Path, new: Callable[[str], str], more: str, why: str
) -> None:
    done = run("--rules", new(more), str(calls))
    assert done.exit_code == 2
    assert why in done.output


def test_a_damaged_capture_is_listed_and_the_others_are_compared(
    run: Run, calls: Path, new: Callable[[str], str]
) -> None:
    whole = (calls / "german.jsonl").read_bytes()
    (calls / "cut.jsonl").write_bytes(whole[:-40])
    done = run("--rules", new(STRICTER), str(calls))
    assert (done.exit_code, last(done)) == (
        2,
        "3 calls: 1 would go elsewhere, 1 asked for no agent, 1 cannot be told",
    )
    assert "cut.jsonl: line 7: the line is cut off" in done.output


def test_a_file_that_trains_agents_is_seen(run: Run, calls: Path, new: Callable[[str], str]) -> None:
    more = "update agent_skill set level = 9 where agent_id = 'dario';"
    done = run("--rules", new(more + STRICTER), str(calls), "--json", "-")
    (each,) = json.loads(done.stdout)["elsewhere"]
    assert each["requests"][0]["was"]["agents"] == ["anja"]
    assert each["requests"][0]["would_be"]["agents"] == ["dario"]


def test_a_folder_without_captures_is_an_error(run: Run, new: Callable[[str], str], tmp_path: Path) -> None:
    done = run("--rules", new(""), str(tmp_path))
    assert done.exit_code == 2
    assert "there are no captures below" in done.output


# With another application


EXAMPLE = Path(__file__).parents[3] / "docs" / "example-repository"
Changed = Callable[[str, str], str]


@pytest.fixture
def changed(tmp_path: Path) -> Changed:
    """The example's application with something else in it, as a folder."""

    def change(old: str, new: str) -> str:
        folder = Path(shutil.copytree(EXAMPLE / "applications" / "shop", tmp_path / "shop"))
        text = (folder / "application.toml").read_text("utf-8")
        assert old in text
        (folder / "application.toml").write_text(text.replace(old, new), encoding="utf-8")
        return str(folder)

    return change


def replayed(run: Run, application: str) -> Result:
    return run("--rules", str(EXAMPLE / "rules.sql"), "--app", application, str(EXAMPLE / "calls"))


def test_an_application_that_asks_for_the_same_changes_nothing(run: Run, changed: Changed) -> None:
    done = replayed(run, changed('version = "1"', 'version = "2"'))
    assert (done.exit_code, last(done)) == (0, "4 calls: 0 would go elsewhere, 1 asked for no agent")


def test_an_application_that_learns_another_fact_is_told(run: Run, changed: Changed) -> None:
    done = replayed(run, changed('fact = "order"', 'fact = "number"'))
    assert (done.exit_code, last(done)) == (1, "4 calls: 3 would go elsewhere, 1 asked for no agent")
    lines = [" ".join(line.split()) for line in done.output.splitlines()]
    assert "facts no number, order 91234 -> number 91234, no order" in lines
    assert "rule express -> everybody" in lines


def test_an_application_that_asks_for_no_agent_is_told(run: Run, changed: Changed) -> None:
    more = '[steps.support]\ndo = "hang_up"\n[steps.unused]\ndo = "need_agent"\nqueue = "support"'
    folder = changed('[steps.support]\ndo = "need_agent"\nqueue = "support"', more)
    done = replayed(run, without_what_is_left(folder))
    lines = [" ".join(line.split()) for line in done.output.splitlines()]
    assert done.exit_code == 1, done.output
    assert "rule everybody -> (no agent asked for)" in lines
    assert "fate waits for an agent -> no agent is asked for" in lines


def without_what_is_left(folder: str) -> str:
    """Steps that nobody leads to any more are let go."""
    path = Path(folder) / "application.toml"
    text = path.read_text("utf-8")
    begin, end = text.index("[steps.unused]"), text.index("[steps.end]")
    text = text[:begin] + text[end:]
    text = text[: text.index("[steps.unserved]")]
    path.write_text(text, encoding="utf-8")
    return folder


def test_what_the_caller_was_not_asked_cannot_be_told(run: Run, changed: Changed) -> None:
    done = replayed(run, changed("min = 5\nmax = 5", "min = 8\nmax = 8"))
    assert (done.exit_code, last(done)) == (
        0,
        "4 calls: 0 would go elsewhere, 1 asked for no agent, 3 cannot be told",
    )
    text = " ".join(done.output.split())
    assert (
        "the call goes another way at step order of shop: play_and_get_digits was not asked for then" in text
    )
