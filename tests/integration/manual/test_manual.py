"""The manual stays true: its commands run, its configurations are read, its lists are whole."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import fsroute
from fsroute.cli.main import cli
from fsroute.cli.reference import commands, keys
from fsroute.config import Config, parse
from fsroute.doctor.checks import CHECKS

MANUAL = Path(fsroute.__file__).parent.parent / "docs" / "manual"
BLOCK = re.compile(r"^```(sh[^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
HERE_DOCUMENT = re.compile(r"^cat > (\S+) <<'END'\n(.*?)^END$", re.MULTILINE | re.DOTALL)
RULES = """
insert into routing_rule (contact_center_id, rule, ordinal, queue, priority) values
    ('acme', 'all', 10, 'support', 0);
"""
"""The file that the page on rules speaks of."""


def blocks(page: str, kind: str) -> list[str]:
    found = BLOCK.findall((MANUAL / page).read_text(encoding="utf-8"))
    return [text for tag, text in found if tag == kind]


def lines(page: str) -> Iterator[str]:
    """The commands of a page that need no host of its own."""
    for block in blocks(page, "sh"):
        yield from (line for line in block.replace("\\\n", " ").splitlines() if line.strip())


class Shell:
    """As much of a shell as the manual's blocks need: a pipe from ``echo``, ``> FILE``, ``|| true``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._runner = CliRunner()

    def run(self, line: str) -> None:
        command, _, forgiven = line.partition("||")
        said = ""
        if command.startswith("echo "):
            echoed, _, command = command.partition("|")
            said = " ".join(shlex.split(echoed)[1:]) + "\n"
        command, _, file = command.partition(">")
        words = shlex.split(command)
        assert words[0] == "fsroute", line
        result = self._runner.invoke(cli, words[1:], input=said)
        assert forgiven.strip() == "true" or result.exit_code == 0, f"{line}\n{result.output}"
        if file:
            (self._folder / file.strip()).write_text(result.output)


def test_the_commands_of_the_manual_run_one_after_the_other(
    new_database: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From an empty database, as a stranger reads: two sites, then a day's work, then trouble."""
    monkeypatch.setenv("FSROUTE_DATABASE_URL", new_database("template1"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rules.sql").write_text(RULES)
    shell = Shell(tmp_path)
    ran = 0
    for page in ("two-sites.md", "daily.md", "trouble.md"):
        for line in lines(page):
            shell.run(line)
            ran += 1
    assert ran > 30
    assert '"findings"' in (tmp_path / "doctor.json").read_text()


def test_every_command_that_the_manual_names_is_there() -> None:
    """Also those that need a host: the command and its options exist."""
    for page in sorted(MANUAL.glob("*.md")):
        if page.name == "commands.md":
            continue
        found = BLOCK.findall(page.read_text(encoding="utf-8"))
        for line in (line for _, text in found for line in text.splitlines() if line.startswith("fsroute ")):
            if line.split()[1] in ("install", "uninstall"):  # told of by docs/install.md
                continue
            _check_options(line)


def _check_options(line: str) -> None:
    words = shlex.split(re.split(r"[|>]", line)[0])[1:]
    command: click.Command = cli
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        found = command.get_command(click.Context(command), words.pop(0))
        assert found is not None, line
        command = found
    names = {
        name
        for each in command.get_params(click.Context(command))
        for name in (*each.opts, *each.secondary_opts)
    }
    assert {word for word in words if word.startswith("--")} <= names, line


@pytest.mark.skipif(
    "secrets_file" not in Config.__struct_fields__, reason="secrets have no file of their own yet"
)
@pytest.mark.parametrize("site", ["west", "east"])
def test_the_configurations_of_the_manual_are_read(site: str) -> None:
    (block,) = blocks("two-sites.md", f"sh {site}")
    texts = dict(HERE_DOCUMENT.findall(block))
    config = parse(texts["/etc/fsroute/fsroute.toml"])
    assert (config.site.site_id, config.site.switch_id) == (site, f"{site}-1")
    assert parse(texts["/etc/fsroute/secrets.toml"]).database.url


def test_the_reference_of_commands_and_keys_is_what_the_program_says() -> None:
    """To bring them up to date: python -m fsroute.cli.reference commands > docs/manual/commands.md (keys likewise)."""
    assert (MANUAL / "commands.md").read_text(encoding="utf-8") == commands()
    assert (MANUAL / "keys.md").read_text(encoding="utf-8") == keys()


def test_the_doctor_s_page_has_a_row_for_each_check_and_for_no_other() -> None:
    rows = set(
        re.findall(r"^\| `([a-z-]+)` \|", (MANUAL / "doctor.md").read_text(encoding="utf-8"), re.MULTILINE)
    )
    assert rows - {"ok", "skipped", "warning", "failed"} == {each.name for each in CHECKS} | {"configuration"}


def test_trouble_names_lines_that_the_doctor_has() -> None:
    text = (MANUAL / "trouble.md").read_text(encoding="utf-8")
    named = {
        name
        for line in text.splitlines()
        if line.count(" | ") == 3
        for name in re.findall(r"`([a-z-]+)`", line.rpartition(" | ")[2])
    }
    assert named - {each.name for each in CHECKS} == {"configuration"}
    assert len(named) > 20


def test_the_pages_that_the_manual_leads_to_are_there() -> None:
    for page in MANUAL.glob("*.md"):
        for target in re.findall(r"\]\(([a-z-]+\.md)\)", page.read_text(encoding="utf-8")):
            assert (MANUAL / target).is_file(), f"{page.name}: {target}"
