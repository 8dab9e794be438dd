"""A call that was cut out of a day is replayed by itself: what routing saw of it is all there."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from fsroute.app import sample_folder
from fsroute.callserver.library import Library
from fsroute.cli.main import cli
from fsroute.coordinator.actions import CallChanged
from fsroute.ivr import load
from fsroute.replay import format as captures
from fsroute.replay import journal as journals
from fsroute.replay.beside import Journals
from fsroute.replay.excerpt import excerpt, slug
from fsroute.replay.faults import CaptureError
from fsroute.replay.player import Player
from fsroute.switchsim import Answers
from tests.integration.replay.conftest import CapturedWorld


def test_a_call_cut_out_of_others_is_the_same_again(captured: CapturedWorld, tmp_path: Path) -> None:
    captured.log_on("ann", Answers(after=0.3))
    for _ in range(2):
        call = captured.call_for_an_agent(talk=0.5)
        assert call.over.wait(20)
    captured.wait_for_outcomes("served", "served")
    captured.stop()
    _, second = captured.calls_kept()
    command = [
        "capture",
        "excerpt",
        str(captured.folders["west"] / second.name),
        "--to",
        str(tmp_path / "out"),
    ]
    done = CliRunner().invoke(
        cli, [*command, "--situation", "The second of two is served"], catch_exceptions=False
    )
    assert done.exit_code == 0, done.output
    made = captures.load(tmp_path / "out" / "the_second_of_two_is_served.jsonl")
    assert made.header.situation == "The second of two is served"
    [journal] = [journals.load(path) for path in (tmp_path / "out").glob("journal-*.jsonl")]
    contacts = {
        entry.event.call.contact_id for entry in journal.entries if isinstance(entry.event, CallChanged)
    }
    assert len(journal.entries) < max(len(whole.entries) for whole in captured.journals_kept().values())
    assert second.facts["contact"] in contacts
    application = load(Path(sample_folder()) / "orders")
    player = Player(Journals((tmp_path / "out",)), Library({application.name: application}))
    found = player.replay(made)
    assert found.differences == ()
    assert [each.routed.routing.queue for each in found.asked if each.routed.routing] == ["support"]


def test_a_call_without_its_journal_cannot_be_cut_out(captured: CapturedWorld, tmp_path: Path) -> None:
    captured.log_on("ann", Answers(after=0.3))
    captured.call_for_an_agent(talk=0.2).over.wait(20)
    captured.wait_for_outcomes("served")
    captured.stop()
    [capture] = captured.calls_kept()
    with pytest.raises(CaptureError, match=r"its journal journal-.* is not there"):
        excerpt(capture, Journals((tmp_path,)))


@pytest.mark.parametrize(
    ("situation", "name"),
    [("Caller hangs up, agent rings", "caller_hangs_up_agent_rings"), ("../../etc", "etc"), ("…", "call")],
)
def test_a_situation_becomes_a_file_name(situation: str, name: str) -> None:
    assert slug(situation) == name
