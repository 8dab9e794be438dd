"""Calls between two stand-in switches are kept as they crossed the sockets, with what routing was told."""

from __future__ import annotations

import stat

import pytest

from fsroute.coordinator.actions import CallChanged
from fsroute.coordinator.actions import Event as Told
from fsroute.coordinator.state import Coordinator
from fsroute.coordinator.strategies import BUILT_IN
from fsroute.model.proxy_call import State
from fsroute.replay.decision import decide, with_people
from fsroute.replay.elsewhere import CapturedCall
from fsroute.replay.format import Side
from fsroute.replay.frames import frames
from fsroute.replay.journal import CallSeen, Pointer
from fsroute.replay.keeper import MOST_MISSED
from fsroute.replay.ladder import ladder
from fsroute.replay.reading import read_call, with_what_was_seen
from fsroute.switchsim import Answers, Caller, HangUp, Press, WaitFor
from tests.integration.replay.conftest import CapturedWorld
from tests.waiting import until


def test_a_call_is_kept_with_what_routing_saw(captured: CapturedWorld) -> None:
    captured.log_on("ann", Answers(after=2, talk=4))
    captured.until_known("ann")
    call = captured.call_for_an_agent()
    until(lambda: call.talked_with, 10)
    captured.wait_for_outcomes("served")
    captured.wait_until_empty()
    captured.stop()

    (kept,) = captured.calls_kept()
    assert kept.is_whole
    assert (kept.header.session, kept.header.site, kept.header.switch) == ("outbound", "west", "west-1")
    assert kept.header.freeswitch == "FreeSWITCH 1.11.2-release~64bit"
    facts = kept.facts
    contact = str(captured.query("select contact_id from contact")[0][0])
    center = captured.query("select contact_center_id from contact")[0][0]
    assert (facts["contact"], facts["contact_center"], facts["outcome"]) == (contact, center, "served")
    assert facts["application"]["name"] == "orders"
    assert facts["routed"]["queue"] == facts["asked"]["queue"]
    assert kept.name.split("-")[1] == center
    steps = [note.facts["step"]["step"] for note in kept.notes if "step" in note.facts]
    assert steps
    said = kept.said_by(Side.FREESWITCH)
    assert said.startswith(b"Event-Name: CHANNEL_DATA")
    assert kept.said_by(Side.FSROUTE).startswith(b"connect\n\n")
    assert any(rung.kind == "digit" and rung.text == "digit 2" for rung in ladder(kept))

    journals = captured.journals_kept()
    begun, ended = Pointer.load(facts["journal"]), Pointer.load(facts["journal_end"])
    assert begun is not None
    assert ended is not None
    before = journals[begun.file].world_at(begun.n)
    assert "ann" in before.agents
    assert before.calls == {}
    assert before.applications == {"orders": facts["application"]["version"]}
    assert facts["number_called"] in before.numbers
    states = [
        entry.event.call.state
        for entry in journals[ended.file].after(begun.n if begun.file == ended.file else 0, ended.n)
        if isinstance(entry.event, CallChanged | CallSeen)
    ]
    assert states[0] is State.REQUESTED
    assert {State.OFFERED, State.READY, State.BRIDGED} <= set(states)


def test_the_site_whose_coordinator_leads_can_decide_again(captured: CapturedWorld) -> None:
    """The core of a journal that leads, told the same, knows the same."""
    captured.log_on("ann", Answers(after=0.5, talk=1))
    call = captured.call_for_an_agent()
    until(lambda: call.talked_with, 10)
    captured.wait_for_outcomes("served")
    captured.wait_until_empty()
    captured.stop()
    found = [*captured.journals_kept("west").values(), *captured.journals_kept("east").values()]
    led = min((each for each in found if each.header.leads), key=lambda each: each.header.at)
    core, world = Coordinator(), led.snapshot
    decided = core.begin(
        world.agents.values(), world.calls.values(), world.at, 0, {}, world.rates, world.handling
    )
    for entry in led.after(led.first):
        if isinstance(entry.event, Told):
            decided += core.apply(entry.event, entry.at)
    assert "Reserve" in [type(action).__name__ for action in decided]
    assert core.agents() == set(led.world_at(led.last).agents)
    assert core.calls() == set(led.world_at(led.last).calls)


def test_each_version_of_a_calls_row_is_in_the_journal(captured: CapturedWorld) -> None:
    captured.log_on("ann", Answers(after=0.5, talk=1))
    call = captured.call_for_an_agent()
    until(lambda: call.talked_with, 10)
    captured.wait_for_outcomes("served")
    captured.stop()
    for site in ("west", "east"):
        versions = [
            entry.event.call.version
            for journal in captured.journals_kept(site).values()
            for entry in journal.after(0)
            if isinstance(entry.event, CallChanged | CallSeen)
        ]
        assert len(set(versions)) >= 5, site


def test_links_are_kept_without_the_password(captured: CapturedWorld) -> None:
    until(lambda: captured.west.app is not None and captured.west.app.link is not None
          and captured.west.app.link.client.connected, 10)  # fmt: skip
    captured.stop()
    kept = captured.links_kept()
    links = {capture.header.link for capture in kept}
    assert links - {"drafts"} == {"commands", "events", "jobs"}
    for capture in kept:
        assert b"ClueCon" not in b"".join(chunk.data for chunk in capture.chunks)
        assert capture.said_by(Side.FSROUTE).startswith(b"auth ***\n\n")
        assert [
            frame for frame in frames(capture.chunks) if frame.message is None and frame.command is None
        ] == []


def test_files_are_for_our_eyes_only(captured: CapturedWorld) -> None:
    captured.place(Caller("+14155550123", "Ada", "8005550100", (WaitFor("main_menu"), HangUp())))
    captured.wait_for_outcomes("abandoned")
    captured.stop()
    folder = captured.folders["west"]
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    assert [path.name for path in folder.iterdir() if not path.name.endswith(".jsonl")] == []
    (kept,) = captured.calls_kept()
    assert kept.facts["outcome"] == "abandoned"


def test_a_caller_who_is_served_by_the_application_leaves_the_steps_behind(captured: CapturedWorld) -> None:
    script = (
        WaitFor("main_menu"), Press("1"), WaitFor("order_number"), Press("12345"), WaitFor("being_packed"), HangUp(),
    )  # fmt: skip
    captured.place(Caller("+14155550123", "Ada", "8005550100", script))
    captured.wait_for_outcomes("self_served")
    captured.stop()
    (kept,) = captured.calls_kept()
    steps = [note.facts["step"]["step"] for note in kept.notes if "step" in note.facts]
    assert len(set(steps)) >= 3
    origins = {rung.origin for rung in ladder(kept) if rung.kind == "command"}
    assert any(origin.startswith("step ") and origin.endswith(" of orders") for origin in origins)


@pytest.mark.parametrize("scrub", [True])
def test_scrubbed_files_of_a_call_hold_nobody_and_one_story(captured: CapturedWorld) -> None:
    captured.log_on("ann", Answers(after=1, talk=2))
    call = captured.call_for_an_agent()
    until(lambda: call.talked_with, 10)
    captured.wait_for_outcomes("served")
    captured.wait_until_empty()
    captured.stop()
    paths = [path for folder in captured.folders.values() for path in folder.glob("*.jsonl")]
    assert len(paths) >= 7
    for path in paths:
        text = path.read_bytes()
        assert b"4155550123" not in text, path.name
        assert b"Ada" not in text, path.name
    (kept,) = captured.calls_kept()
    assert kept.header.scrubbed
    assert kept.facts["outcome"] == "served"
    (channel,) = [
        frame.message for frame in frames(kept.chunks) if frame.raw.startswith(b"Event-Name: CHANNEL_DATA")
    ]
    assert channel is not None
    number = channel["Caller-Caller-ID-Number"]
    rows = {
        entry.event.call.caller_number
        for journal in captured.journals_kept().values()
        for entry in journal.entries
        if isinstance(entry.event, CallChanged)
    }
    assert rows == {number}


def test_a_call_says_what_the_rules_were_asked_and_what_they_saw(captured: CapturedWorld) -> None:
    captured.log_on("ann", Answers(after=0.5, talk=1))
    captured.until_known("ann")
    call = captured.call_for_an_agent()
    until(lambda: call.talked_with, 10)
    captured.wait_for_outcomes("served")
    captured.stop()
    (path,) = captured.folders["west"].glob("2*.jsonl")
    unseen = read_call(path)
    assert unseen is not None
    (told,) = with_what_was_seen([unseen])
    assert isinstance(told, CapturedCall)
    (request,) = told.requests
    inquiry = request.asked.inquiry
    assert (inquiry.contact_center_id, inquiry.queue, inquiry.caller.number) == (
        "acme",
        "support",
        "+14155550123",
    )
    assert request.rules is not None
    assert request.seen.closed == {}
    decision = with_people(
        decide(request.rules, request.asked, request.seen), request.asked, request.seen, BUILT_IN.__getitem__
    )
    assert decision.people is not None
    assert (decision.people.picked, dict(decision.people.busy)["dee"]) == ("ann", "is logged out")


def test_news_that_are_not_read_are_not_kept_without_end(captured: CapturedWorld) -> None:
    """The database is away, and other roles of the process go on telling of rows."""
    assert captured.west.app is not None
    keeper = captured.west.app.capture.keeper
    assert keeper is not None
    keeper._worlds.leads = False
    assert keeper._greenlet is not None
    keeper._greenlet.kill()
    keeper._missed = set()
    for number in range(MOST_MISSED + 2):
        keeper._signalled(f"p:{number}", None)
        assert len(keeper._missed) <= MOST_MISSED
    assert keeper._missed == {None}
