"""Calls that were kept while they were served are replayed: as they were, and with something changed."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from fsroute.app import sample_folder
from fsroute.callserver.library import Library
from fsroute.cli.main import cli
from fsroute.ivr import load
from fsroute.replay import format as captures
from fsroute.replay.beside import Journals
from fsroute.replay.differences import Kind
from fsroute.replay.faults import CaptureError
from fsroute.replay.format import Capture, Chunk, Note, Side
from fsroute.replay.journal import RulesChanged
from fsroute.replay.player import Player, Replayed
from fsroute.routing.document import rule_set
from fsroute.routing.rules import RuleSet
from fsroute.switchsim import Answers, Caller, Press, Rejects, WaitFor
from tests.integration.replay.conftest import CapturedWorld
from tests.waiting import until

SAMPLE = Path(sample_folder()) / "orders"


def player(world: CapturedWorld, rules: RuleSet | None = None, library: Library | None = None) -> Player:
    application = load(SAMPLE)
    return Player(
        Journals((world.folders["west"],)), library or Library({application.name: application}), rules=rules
    )


def kept(world: CapturedWorld) -> Capture:
    world.stop()
    (capture,) = world.calls_kept()
    return capture


def served(world: CapturedWorld) -> Capture:
    """A caller presses 2, waits, talks with Ann at the other site, and hangs up."""
    world.log_on("ann", Answers(after=0.5))
    call = world.call_for_an_agent(talk=1.0)
    world.wait_for_outcomes("served")
    until(lambda: call.over.is_set(), 10)
    return kept(world)


def self_served(world: CapturedWorld) -> Capture:
    call = world.place(
        Caller("+14155550123", "Ada", "8005550100", (WaitFor("main_menu"), Press("9")), patience=8)
    )
    until(lambda: call.over.is_set(), 20)
    return kept(world)


def kinds(found: Replayed) -> set[Kind]:
    return {each.kind for each in found.differences}


def changed(capture: Capture, change: Callable[[bytes], bytes], side: Side = Side.FSROUTE) -> Capture:
    """The capture with other bytes on one side."""
    lines = (
        replace(line, data=change(line.data)) if isinstance(line, Chunk) and line.side is side else line
        for line in capture.lines
    )
    return replace(capture, lines=tuple(lines))


def test_a_served_call_is_the_same_again_and_twice_alike(captured: CapturedWorld) -> None:
    capture = served(captured)
    first, second = player(captured).replay(capture), player(captured).replay(capture)
    assert first.differences == ()
    assert (first.stopped, first.skipped, first.outcome) == ("", "", capture.facts["outcome"])
    assert first.sent == second.sent
    assert first.accepted is not None
    assert second.accepted is not None
    assert [*captures.write(first.accepted)] == [*captures.write(second.accepted)], "the same bytes"
    assert player(captured).replay(first.accepted).differences == (), "what is accepted is the same again"
    assert [each.routed.routing.queue for each in first.asked if each.routed.routing] == ["support"]


def test_an_agent_who_refuses_and_the_next_who_answers(captured: CapturedWorld) -> None:
    captured.log_on("ann", Rejects(after=0.5))
    call = captured.call_for_an_agent(talk=1.0)
    until(lambda: "agent_failed" in captured.kinds(), 10)
    captured.log_on("bob", Answers(after=0.5))
    captured.wait_for_outcomes("served", limit=20)
    until(lambda: call.over.is_set(), 10)
    capture = kept(captured)
    found = player(captured).replay(capture)
    # whether the leg is dropped before its refusal is heard of is a matter of less than a millisecond
    of_the_leg = ("ORIGINATOR_CANCEL", "network_leg_failed of ann")
    rest = [str(each) for each in found.differences if not any(what in each.what for what in of_the_leg)]
    assert rest == []
    assert found.outcome == capture.facts["outcome"]


def test_on_one_switch_too(captured: CapturedWorld) -> None:
    captured.log_on("dee", Answers(after=0.5))
    call = captured.call_for_an_agent(talk=1.0)
    captured.wait_for_outcomes("served")
    until(lambda: call.over.is_set(), 10)
    found = player(captured).replay(kept(captured))
    assert found.differences == ()


def test_a_caller_who_hangs_up_while_the_telephone_rings(captured: CapturedWorld) -> None:
    captured.log_on("ann", Answers(after=6000))
    call = captured.call_for_an_agent()
    until(lambda: {"agent_ringing", "network_leg_present"} <= set(captured.kinds()), 10)
    call.hang_up()
    captured.wait_for_outcomes("abandoned")
    found = player(captured).replay(kept(captured))
    assert found.differences == ()
    assert found.outcome == "abandoned"


def test_a_changed_application_is_found_with_the_step_that_made_it(
    captured: CapturedWorld, tmp_path: Path
) -> None:
    capture = served(captured)
    folder = tmp_path / "orders"
    shutil.copytree(SAMPLE, folder)
    text = (folder / "application.toml").read_text("utf-8")
    (folder / "application.toml").write_text(
        text.replace('prompt = "hold_on"', 'prompt = "all_busy"', 1), "utf-8"
    )
    other = load(folder)
    found = player(captured, library=Library({other.name: other})).replay(capture)
    assert kinds(found) == {Kind.CHANGED}
    (difference,) = found.differences
    assert "all_busy" in difference.now
    assert difference.origin == "step hold_on of orders"
    assert found.stopped == ""


def test_changed_rules_are_found_with_what_they_change(captured: CapturedWorld) -> None:
    capture = served(captured)
    (journal,) = [each for each in captured.journals_kept().values() if each.header.leads] or list(
        captured.journals_kept().values()
    )[-1:]
    document = [entry.event for entry in journal.entries if isinstance(entry.event, RulesChanged)][
        -1
    ].document
    rules = rule_set(document, None, lenient=True)
    queues = {key: replace(routing, priority=7) for key, routing in rules.queues.items()}
    found = player(captured, rules=replace(rules, queues=queues)).replay(capture)
    assert kinds(found) == {Kind.ROUTING}
    assert dict(found.differences[0].fields) == {"priority": ("0", "7")}


def test_each_kind_of_change_of_the_traffic_is_found(captured: CapturedWorld) -> None:
    capture = served(captured)
    play = player(captured)

    changed_argument = changed(capture, lambda data: data.replace(b"hold_on.wav", b"hold_up.wav"))
    assert kinds(play.replay(changed_argument)) == {Kind.CHANGED}

    said = [
        line for line in capture.lines if isinstance(line, Chunk) and b"playback_terminators any" in line.data
    ]
    without = replace(said[0], data=said[0].data.replace(b"playback_terminators any", b"another_variable 1"))
    lines = tuple(without if line is said[0] else line for line in capture.lines)
    assert kinds(play.replay(replace(capture, lines=lines))) == {Kind.MISSING, Kind.EXTRA}


def test_another_end_of_the_contact_is_found(captured: CapturedWorld) -> None:
    capture = self_served(captured)
    lines = tuple(
        replace(line, facts={**line.facts, "outcome": "served"})
        if isinstance(line, Note) and "outcome" in line.facts
        else line
        for line in capture.lines
    )
    found = player(captured).replay(replace(capture, lines=lines))
    assert kinds(found) == {Kind.ENDING}


def test_a_capture_that_was_joined_in_the_middle_cannot_be_replayed(captured: CapturedWorld) -> None:
    capture = self_served(captured)
    joined = replace(capture, header=replace(capture.header, joined=True))
    with pytest.raises(CaptureError, match="joined in the middle"):
        player(captured).replay(joined)
    garbage = changed(capture, lambda data: b"Content-Length: x\n\n" + data, Side.FREESWITCH)
    with pytest.raises(CaptureError, match="chunk 2"):
        player(captured).replay(garbage)


def test_without_its_journal_a_call_is_replayed_until_it_needs_an_agent(captured: CapturedWorld) -> None:
    capture = served(captured)
    application = load(SAMPLE)
    alone = Player(Journals(()), Library({application.name: application}))
    found = alone.replay(capture)
    assert found.stopped


@pytest.fixture
def runner() -> CliRunner:
    return CliRunner()


def test_the_command_tells_accepts_and_writes_what_ci_reads(
    captured: CapturedWorld, tmp_path: Path, runner: CliRunner
) -> None:
    served(captured)
    folder = captured.folders["west"]
    same = runner.invoke(cli, ["replay", str(folder)])
    assert (same.exit_code, "calls, 0 differ" in same.output) == (0, True), same.output

    (path,) = folder.glob("2*.jsonl")
    capture = captures.load(path)
    other = changed(capture, lambda data: data.replace(b"hold_on.wav", b"hold_up.wav"))
    path.write_bytes(b"".join(captures.write(other)))
    junit = tmp_path / "junit.xml"
    differs = runner.invoke(cli, ["replay", str(path), "--junit", str(junit)])
    assert differs.exit_code == 1
    assert "hold_up.wav" in differs.output
    assert "[step hold_on of orders]" in differs.output
    assert 'failures="1"' in junit.read_text("utf-8")

    accepted = runner.invoke(cli, ["replay", str(path), "--update"])
    assert (accepted.exit_code, "1 accepted" in accepted.output) == (0, True), accepted.output
    assert runner.invoke(cli, ["replay", str(path)]).exit_code == 0

    path.write_bytes(path.read_bytes()[:-40])
    damaged = runner.invoke(cli, ["replay", str(path)])
    assert damaged.exit_code == 2
    assert "damaged" in damaged.output
