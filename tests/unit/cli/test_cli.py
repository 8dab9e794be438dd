from __future__ import annotations

import importlib.resources
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import fsroute
from fsroute.cli.main import COMMANDS, cli
from fsroute.cli.tables import ago, seconds, show

SAMPLE = Path(str(importlib.resources.files("fsroute"))) / "ivr" / "sample" / "orders"


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name: str) -> None:
    result = _run(name, "--help")
    assert result.exit_code == 0
    assert f"Usage: cli {name}" in result.output


def test_the_help_lists_every_command_and_an_unknown_one_is_refused() -> None:
    listed = _run("--help").output
    assert all(f"\n  {name} " in listed for name in COMMANDS)
    assert _run("dance").exit_code == 2


def test_the_version_is_printed() -> None:
    assert fsroute.__version__ in _run("--version").output


def test_help_needs_neither_database_driver_nor_templates() -> None:
    program = (
        "import sys; sys.argv = ['fsroute', '--help']\n"
        "from fsroute.__main__ import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print([name for name in ('psycopg', 'jinja2', 'msgspec') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_program_patches_before_anything_else_is_imported() -> None:
    program = (
        "import fsroute.__main__, gevent.monkey, psycopg.waiting as waiting\n"
        "assert gevent.monkey.is_module_patched('socket')\n"
        "assert waiting.wait is not getattr(waiting, 'wait_c', None)"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True)


@pytest.mark.parametrize("arguments", [("run",), ("migrate",), ("status",), ("audit",), ("agent", "list")])
def test_a_wrong_configuration_ends_with_one_line_and_status_1(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    path = tmp_path / "fsroute.toml"
    path.write_text("[site]\ncolour = 'red'\n")
    result = _run(*arguments, "--config", str(path))
    assert result.exit_code == 1
    assert result.output == f"Error: {path}: site.colour: there is no such key\n"


def test_the_sample_application_has_no_fault() -> None:
    result = _run("app", "check", str(SAMPLE))
    assert result.exit_code == 0
    assert result.output.endswith(": 0 errors, 0 warnings\n")


def test_a_folder_without_an_application_is_a_fault(tmp_path: Path) -> None:
    result = _run("app", "check", str(tmp_path))
    assert result.exit_code == 1
    assert "application.toml" in result.output


def test_a_dialplan_is_written_for_the_numbers_given(tmp_path: Path) -> None:
    result = _run("render", "dialplan", "--number", "+18005550100", "--to", str(tmp_path))
    assert result.exit_code == 0
    assert "18005550100" in (tmp_path / "public" / "00_fsroute.xml").read_text()
    assert str(tmp_path / "fsroute.xml") in result.output


def test_a_switch_is_written_from_settings(tmp_path: Path) -> None:
    settings = tmp_path / "switch.toml"
    settings.write_text("event_socket_password = 'pw'\nname = 'left-1'\n[dialplan]\nnumbers = ['*']\n")
    result = _run("render", "switch", "--settings", str(settings), str(tmp_path / "switch"))
    assert result.exit_code == 0
    assert (tmp_path / "switch" / "conf" / "freeswitch.xml").is_file()
    assert "pw" not in result.output


def test_a_number_that_is_none_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    result = _run("render", "dialplan", "--number", "1; 2", "--to", str(tmp_path))
    assert result.exit_code == 1
    assert list(tmp_path.iterdir()) == []


def test_without_a_terminal_a_table_is_lines_with_tabs(capsys: pytest.CaptureFixture[str]) -> None:
    show("queues", ("queue", "waiting"), [("sales", 3)])
    assert capsys.readouterr().out == "queues\tqueue\twaiting\nqueues\tsales\t3\n"


def test_times_are_written_for_people() -> None:
    assert (seconds(None), seconds(1.25)) == ("", "1.2 s")
    assert ago(None, 0.0) == "never"


def test_a_state_of_agents_that_there_is_not_is_refused_with_those_that_there_are() -> None:
    result = CliRunner().invoke(cli, ["agent", "list", "--state", "nonsense"])
    assert result.exit_code == 2
    assert "'talking'" in result.output
    assert "'logged_out'" in result.output
