"""Calls that were captured from a real FreeSWITCH while fsroute served them are the same again.

``tests/live/test_situations.py`` took them. Who changes fsroute on purpose accepts what is other then:
``fsroute replay --update --applications … tests/replay/captures``.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from fsroute.callserver.library import Library
from fsroute.cli.main import cli
from fsroute.ivr import load
from fsroute.replay import format as captures
from fsroute.replay.beside import Journals
from fsroute.replay.excerpt import slug
from fsroute.replay.journal import EXCERPT, Pointer
from fsroute.replay.journal import load as load_journal
from fsroute.replay.player import Player
from fsroute.replay.reading import paths_of
from tests.replay.situations import ALSO_CALLS, CALLS, FOLDER, HOME, NAME, gather

ROOT = Path(__file__).parents[2]
CALLS_KEPT = sorted(paths_of([FOLDER]))
MOST = 6 << 20  # bytes of all of it
FEWEST = 25  # situations

CONSULTS = "an agent consulted somebody"
SKIPPED = {
    "the_agent_consults_a_colleague_and_completes_east_session_2": CONSULTS,
    "the_agent_consults_a_colleague_and_completes_west_session_2": CONSULTS,
    "three_in_conference_session_2": CONSULTS,
}
"""Those that are not replayed, and why."""


@pytest.fixture(scope="module")
def applications(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return gather(tmp_path_factory.mktemp("taken") / "applications")


@pytest.fixture(scope="module")
def player(applications: Path) -> Player:
    loaded = (load(folder) for folder in sorted(applications.iterdir()))
    return Player(Journals((FOLDER,)), Library({each.name: each for each in loaded}))


@pytest.mark.parametrize("path", CALLS_KEPT, ids=lambda path: path.stem)
def test_the_call_is_the_same_again(player: Player, path: Path) -> None:
    found = player.replay(captures.load(path))
    assert [str(each) for each in found.differences] == []
    assert (found.skipped, found.stopped) == (SKIPPED.get(path.stem, ""), "")
    if not found.skipped:
        assert found.outcome == found.capture.facts.get("outcome")


def test_there_are_many_situations_and_each_is_named() -> None:
    headers = {path: captures.load(path).header for path in CALLS_KEPT}
    assert all(slug(header.situation) == path.stem for path, header in headers.items())
    situations = {re.sub(r"_session_\d+$", "", path.stem) for path in CALLS_KEPT}
    assert len(situations) >= FEWEST
    assert SKIPPED.keys() <= {path.stem for path in CALLS_KEPT}


def test_nothing_of_anybody_is_left_in_them() -> None:
    numbers = "|".join((CALLS, ALSO_CALLS, HOME))
    names = "|".join([*NAME.split(), "Wolfeschlegelsteinhausen", "pwned"])
    personal = re.compile(rf"{numbers}|{names}", re.IGNORECASE)
    for path in FOLDER.iterdir():
        text = path.read_text("utf-8", "surrogateescape")
        assert personal.search(text) is None, f"{path.name}: {personal.search(text)}"
    assert all(captures.load(path).header.scrubbed for path in CALLS_KEPT)


def test_they_are_small_and_each_journal_is_of_a_call() -> None:
    files = list(FOLDER.iterdir())
    assert sum(file.stat().st_size for file in files) < MOST
    pointers = (Pointer.load(captures.load(path).facts.get("journal")) for path in CALLS_KEPT)
    named = {pointer.file for pointer in pointers if pointer is not None}
    assert {file.name for file in files} == named | {path.name for path in CALLS_KEPT}
    assert {load_journal(FOLDER / name).end for name in named} == {EXCERPT}


def test_the_command_says_that_none_differs(applications: Path) -> None:
    done = CliRunner().invoke(cli, ["replay", "--applications", str(applications), "--quiet", str(FOLDER)])
    assert done.exit_code == 0, done.output
    assert done.output.startswith(f"{len(CALLS_KEPT)} calls, 0 differ")


def test_they_are_tests_of_the_plug_in(applications: Path, tmp_path: Path) -> None:
    command = [
        sys.executable, "-m", "pytest", "-p", "fsroute.testing.plugin", "-p", "no:cacheprovider", "-q",
        "--rootdir", str(tmp_path), "-c", os.devnull, "--fsroute-applications", str(applications), str(FOLDER),
    ]  # fmt: skip
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=120, check=False,
        env={**environment, "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(CALLS_KEPT) - len(SKIPPED)} passed" in done.stdout


OLDER = sorted((ROOT / "tests" / "captures").glob("*.jsonl"))
"""Recordings of version 1, of other applications and of connections to a switch."""


@pytest.mark.parametrize("path", OLDER, ids=lambda path: path.stem)
def test_what_is_no_call_of_fsroutes_is_played_on_the_event_socket_layer(player: Player, path: Path) -> None:
    found = player.replay(captures.load(path))
    assert [str(each) for each in found.differences] == []
    assert "the event-socket layer alone was played" in found.remarks[0]


RULE = """\
insert into routing_rule (contact_center_id, rule, ordinal, if_segment, queue, priority)
values ('loyal', 'gold', 1, 'gold', 'support', 5);
"""
ELSEWHERE = """\
a_customer_who_is_known_is_served.jsonl  loyal, 800…
  request 1, …, for queue support
    rule     (the queue's row) -> gold
    priority 0                 -> 5

cannot be told from here:
  the_agent_consults_a_colleague_and_completes_east_session_2.jsonl: the capture does not say
  contact center
  the_agent_consults_a_colleague_and_completes_west_session_2.jsonl: the capture does not say
  contact center
  the_call_server_dies_and_the_caller_in_the_application_comes_back.jsonl: a part of the call is
  missing: whether it asked for an agent is not known
  three_in_conference_session_2.jsonl: the capture does not say contact center

by rule
contact center  was                would be  requests
loyal           (the queue's row)  gold             1

"""


def test_a_changed_rule_sends_one_of_them_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("XDG_STATE_HOME", "STATE_DIRECTORY"):
        monkeypatch.setenv(name, str(tmp_path / "state"))
    monkeypatch.delenv("FSROUTE_DATABASE_URL", raising=False)
    (tmp_path / "new.sql").write_text(RULE)
    done = CliRunner().invoke(cli, ["route-diff", "--rules", "new.sql", "--then", str(FOLDER)])
    assert done.exit_code == 1, done.output
    lines = [line.rstrip() for line in done.stdout.splitlines()]
    told = "\n".join(lines[: lines.index("by contact center")]) + "\n"
    told = re.sub(r"request 1, [^,]*,", "request 1, …,", re.sub(r"loyal, 800\d+", "loyal, 800…", told))
    assert told == ELSEWHERE
