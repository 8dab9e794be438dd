"""The example repository, as an operator's CI runs it: a process of its own, which knows fsroute's plug-in alone."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "docs" / "example-repository"
IS_INSTALLED = any(each.name == "fsroute" for each in entry_points(group="pytest11"))
PLUGIN = () if IS_INSTALLED else ("-p", "fsroute.testing.plugin")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return Path(shutil.copytree(EXAMPLE, tmp_path / "repository"))


def run(folder: Path, *arguments: str) -> tuple[int, str]:
    """The exit status and the output of pytest there."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *PLUGIN, "-p", "no:cacheprovider", *arguments],
        cwd=folder,
        env={**environment, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_the_example_passes(repository: Path) -> None:
    status, output = run(repository)
    assert status == 0, output
    assert "10 passed" in output


def test_a_changed_rule_fails_with_what_goes_elsewhere(repository: Path) -> None:
    change(repository / "rules.sql", "'9.*'", "'[189].*'")
    status, output = run(repository, "--fsroute-rules", "rules.sql", "calls/")
    assert status == 1, output
    assert "2 failed, 2 passed" in output
    lines = [" ".join(line.split()) for line in output.splitlines()]
    assert "rule everybody -> express" in lines
    assert "picked ann -> bob" in lines
    assert "Traceback" not in output


def test_a_changed_application_fails_with_the_step(repository: Path) -> None:
    change(
        repository / "applications" / "shop" / "application.toml",
        'prompt = "order_number"',
        'prompt = "hours"',
    )
    status, output = run(repository, "calls/", "-k", "ordinary")
    assert status == 1, output
    assert "[step order of shop]" in output


def test_faulty_rules_are_told_as_by_the_checker(repository: Path) -> None:
    change(repository / "rules.sql", "'acme', 'express', 20", "'acme', 'ex press', 20")
    change(repository / "rules.sql", "('acme', 'express', 'or", "('acme', 'ex press', 'or")
    status, output = run(repository, "calls/", "-k", "ordinary")
    assert status == 1, output
    assert "rules.sql: routing_rule acme/ex press: rule: 'ex press': a name is of letters" in output
    assert "Traceback" not in output


def test_damaged_captures_say_where_and_other_files_are_left_alone(repository: Path) -> None:
    whole = (repository / "calls" / "ordinary_order_is_served.jsonl").read_bytes()
    (repository / "calls" / "cut.jsonl").write_bytes(whole[:-30])
    (repository / "calls" / "notes.jsonl").write_bytes(b'{"anything": 1}\n')
    status, output = run(repository, "calls/", "-k", "cut or notes or journal")
    assert status == 1, output
    assert "1 failed, 4 deselected" in output
    assert re.search(r"cut\.jsonl, line \d+: the line is cut off", output), output


@pytest.mark.parametrize(
    ("choice", "count"),
    [
        (("-m", "fsroute_acme", "-k", "served", "--strict-markers"), 2),
        (("-m", "fsroute_capture(contact_center='none')"), 0),
    ],
)
def test_captures_are_chosen_by_contact_center_and_situation(
    repository: Path, choice: tuple[str, ...], count: int
) -> None:
    _, output = run(repository, "--collect-only", "-q", "calls/", *choice)
    assert output.count(".jsonl::") == count, output


def test_what_a_test_expects_in_vain_is_told_with_what_was_heard(repository: Path) -> None:
    (repository / "test_shop.py").write_text(
        "def test_it(fsroute_caller):\n    fsroute_caller.dials('8005550100').hears('bananas', limit=0.5)\n"
    )
    status, output = run(repository, "test_shop.py")
    assert status == 1, output
    assert "the caller did not hear 'bananas': in 0.5 s; what was heard:" in output
    assert "main_menu.wav" in output
    assert "> " in output
    assert "def ask(" not in output, "the test's line is shown, not ours"


def test_a_test_run_that_does_not_use_it_pays_nothing(repository: Path) -> None:
    (repository / "test_shop.py").write_text(
        "import sys\n\n\ndef test_it():\n    assert not {'gevent', 'psycopg', 'jinja2'} & sys.modules.keys()\n"
    )
    status, output = run(repository, "test_shop.py", "-p", "no:hypothesispytest")
    assert status == 0, output


@pytest.mark.parametrize("option", ["--fsroute-rules", "--fsroute-journal"])
def test_a_file_that_is_not_there_is_told(repository: Path, option: str) -> None:
    status, output = run(repository, "calls/", option, "nowhere")
    assert status == pytest.ExitCode.USAGE_ERROR, output
    assert f"{option}: there is no " in output


def test_calls_that_tests_make_can_be_kept_and_replayed(repository: Path) -> None:
    status, output = run(repository, "test_shop.py", "-k", "order", "--fsroute-capture", "kept")
    assert status == 0, output
    status, output = run(repository, "kept/")
    assert status == 0, output
    assert "1 passed" in output


def test_what_is_accepted_passes_from_then_on(repository: Path) -> None:
    change(
        repository / "rules.sql",
        "'everybody', 30, 'Everybody else.', 'support', 0",
        "'everybody', 30, '', 'support', 3",
    )
    status, output = run(repository, "calls/")
    assert (status, "2 failed, 2 passed" in output) == (1, True), output
    status, output = run(repository, "calls/", "--fsroute-update")
    assert status == 0, output
    status, output = run(repository, "calls/")
    assert status == 0, output


def test_a_call_that_somebody_else_would_have_served_cannot_be_accepted(repository: Path) -> None:
    change(repository / "rules.sql", "'9.*'", "'[189].*'")
    status, output = run(repository, "calls/", "-k", "ordinary", "--fsroute-update")
    assert status == 1, output
    assert "this cannot be accepted" in output
