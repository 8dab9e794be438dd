"""Callers at west hear what a remote center at east has published, whatever becomes of the link to it."""

from __future__ import annotations

import os
import signal
import time
import wave
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from psycopg.conninfo import make_conninfo

from fsroute.model.routing import TimeLineStep
from tests.fix_database import perform
from tests.live.ear import Ear
from tests.live.events import Events
from tests.live.figures import measured, noted
from tests.live.people import AnswersAfter, answers_at_once
from tests.live.remote_center import TONES, RemoteCenter
from tests.live.sip import Call, Phone
from tests.live.test_callback import carrier as carrier
from tests.live.test_callback import treat
from tests.live.test_one_call import AGENT, CALLER, LONGEST_SILENCE, until_they_hear_each_other
from tests.live.two_sites import ContactCenter, TwoSites
from tests.waiting import until

pytestmark = pytest.mark.live

FETCHED_WITHIN = 10.0  # seconds
BRIDGED_WITHIN = 0.050  # seconds from the cut of a prompt
BRIDGES = 5
MENU = ("welcome", "menu")
HOME = "4153862907"  # no digit twice in a row, so that each can be told

Company = Callable[..., ContactCenter]


@dataclass
class Walker:
    """A caller of an application who tells what is heard."""

    acme: ContactCenter
    call: Call
    ear: Ear

    def hears(self, *names: str, since: float = 0.0, limit: float = 10.0) -> None:
        """Wait until what began after `since` is just this."""
        try:
            self.acme.until(lambda: self.ear.names(since)[: len(names)] == list(names), limit)
        except AssertionError as error:
            error.add_note(f"wanted {names}, heard {self.ear.names(since)}")
            raise

    def presses(self, digits: str, *names: str, limit: float = 10.0) -> float:
        """Press and hear this next; when it was pressed, in seconds since the epoch."""
        at = time.time()
        self.call.press(digits)
        self.hears(*names, since=at, limit=limit)
        return at

    def until_quiet(self) -> None:
        """Wait until the prompt is over."""
        until(lambda: self.call.media.is_silent(0.1))

    def waits(self, *names: str) -> None:
        """Say nothing, and hear this next."""
        self.hears(*names, since=time.time())


@pytest.fixture(scope="module")
def remote(two_sites: TwoSites, postgres: str) -> Iterator[RemoteCenter]:
    perform(postgres, "create database fsroute_live_remote")
    center = RemoteCenter(
        two_sites, two_sites.folder / "remote", make_conninfo(postgres, dbname="fsroute_live_remote")
    )
    try:
        center.start()
        yield center
    finally:
        center.stop()
        perform(postgres, "drop database fsroute_live_remote with (force)")


@pytest.fixture
def acme(remote: RemoteCenter, company: Company) -> ContactCenter:
    """A company of the remote center; version 1 of its tour serves at west."""
    remote.revive()
    center = remote.center()
    remote.put(center, "survey")
    remote.put(center, "tour")
    until(lambda: remote.serves(f"tour-{center}", "1"), FETCHED_WITHIN)
    until(lambda: remote.serves(f"survey-{center}", "1"), FETCHED_WITHIN)
    return company(application=f"tour-{center}", name=center)


def calls(acme: ContactCenter, *names: str, number: str = "5551234") -> Walker:
    call = acme.call(frequency=CALLER, number=number)
    walker = Walker(acme, call, Ear(call.media, TONES))
    walker.hears(*(names or MENU))
    return walker


def test_a_caller_walks_each_branch_by_real_digits(acme: ContactCenter) -> None:
    walker = calls(acme)
    walker.waits("silent", "menu")
    walker.presses("8", "wrong", "menu")
    walker.until_quiet()  # the same tone twice without a pause would be one
    walker.presses("*", "menu")
    walker.presses("0", "operator", *MENU)
    walker.presses("1", "account")
    walker.presses("1234", "gold", "numbers/2", "numbers/hundred", "numbers/50", *MENU)
    walker.presses("1", "account")
    walker.presses("2345", "numbers/17", *MENU)
    walker.presses("1", "account")
    walker.presses("9999", "nothing", *MENU)
    walker.presses("1", "account")
    walker.presses("12#", "wrong", "account")
    walker.waits("silent", "account")
    walker.presses("0", "operator", *MENU)
    walker.presses("4", "mark")
    walker.presses("7", "digits/7", *MENU)
    walker.presses("5")
    acme.until_state("queued")
    agent = acme.agent("ann", Phone("1001", answers_at_once, AGENT)).latest()
    until_they_hear_each_other(walker.call, agent)
    over = time.time()
    agent.hang_up()
    walker.hears("goodbye", since=over)
    walker.call.until_over()
    assert walker.call.ended_by == "them"
    acme.until_outcomes("served")
    contact = acme.sites.query(
        "select p.facts from contact_personal p join contact c using (contact_id) where c.contact_center_id = %s",
        acme.name,
    )
    assert contact[0]["facts"] | {"saldo": "17", "kind": "plain", "score": "7"} == contact[0]["facts"]
    silence = walker.call.media.largest_gap(walker.call.answered_at, walker.call.ended_at)
    measured("in an application: longest time without a packet", silence)
    assert silence < LONGEST_SILENCE


def test_a_caller_leaves_a_message_and_goes_on(acme: ContactCenter) -> None:
    walker = calls(acme)
    walker.presses("2", "speak")
    uuid = acme.sites.query("select channel_uuid from contact where contact_center_id = %s", acme.name)
    acme.until(
        lambda: acme.sites.west.variable(uuid[0]["channel_uuid"], "current_application") == "record", 10
    )
    began = time.time()
    until(lambda: time.time() > began + 2.0)
    walker.presses("#", "thanks", *MENU)
    walker.presses("9", "goodbye")
    walker.call.until_over()
    acme.until_outcomes("self_served")
    (message,) = acme.sites.query("select path from voice_message where contact_center_id = %s", acme.name)
    with wave.open(message["path"]) as file:
        assert 1.5 < file.getnframes() / file.getframerate() < 4.0


def test_a_caller_declines_a_callback_then_takes_it(
    acme: ContactCenter, carrier: Callable[..., Phone]
) -> None:
    walker = calls(acme, number=HOME)
    walker.presses("3", "callback_offer")
    walker.presses("2", "declined", *MENU)
    walker.presses("3", "callback_offer")
    walker.presses("1", "callback_number", *(f"digits/{digit}" for digit in HOME), "callback_confirm")
    walker.presses("1")
    acme.until_state("callback")
    walker.call.until_over(15)
    home = carrier(AnswersAfter(1.0))
    agent_phone = acme.agent("ann", Phone("1001", AnswersAfter(1.0), AGENT))
    caller, agent = home.latest(15), agent_phone.latest(15)
    until_they_hear_each_other(caller, agent, 15)
    again = Walker(acme, caller, Ear(caller.media, TONES))
    agent.hang_up()
    again.hears("goodbye")
    caller.until_over()
    acme.until_outcomes("served")


def test_a_caller_is_transferred_and_another_says_nothing(acme: ContactCenter) -> None:
    leaver, silent = calls(acme), calls(acme, number="5554321")
    leaver.presses("6")
    leaver.call.until_over()
    acme.until(lambda: "transferred" in acme.outcomes())
    silent.hears(*MENU, "silent", "menu", "silent", "menu", limit=20)
    silent.call.until_over(15)
    acme.until_outcomes("transferred", "abandoned")


def test_a_caller_ends_with_the_version_begun_and_the_next_one_hears_the_new(
    acme: ContactCenter, remote: RemoteCenter
) -> None:
    name = f"tour-{acme.name}"
    first = calls(acme)
    data = remote.bundle(remote.draft(acme.name, "tour", "2", welcome="newer"), acme.name)
    first.presses("0", "operator", *MENU)
    published_at = remote.publish(data)
    until(lambda: remote.serves(name, "2"), FETCHED_WITHIN)
    measured(
        "from the publication of a version until it serves at the other site", time.time() - published_at
    )
    second = calls(acme, "newer", number="5554321")
    measured("from the publication of a version until a caller hears it",
             second.ear.heard()[0].since - published_at)  # fmt: skip
    first.presses("0", "operator", *MENU)
    first.presses("9", "goodbye")
    second.presses("9", "goodbye")
    for walker in (first, second):
        walker.call.until_over()
    acme.until_outcomes("self_served", "self_served")
    shelf = remote.sites.west_run.configuration.parent / "applications" / name
    acme.until(lambda: len([each for each in shelf.iterdir() if each.is_dir()]) == 1, 15)


def test_with_the_link_cut_calls_go_on_from_the_shelf_and_across_a_restart(
    acme: ContactCenter, remote: RemoteCenter, two_sites: TwoSites
) -> None:
    name = f"tour-{acme.name}"
    remote.run.stop()
    walker = calls(acme)
    walker.presses("1", "account")
    walker.presses("1234", "failed", *MENU)
    two_sites.west_run.kill()
    began = two_sites.west_run.start()
    back = time.time()
    walker.hears(*MENU, since=began)
    walker.presses("9", "goodbye")
    acme.until(lambda: remote.status(name).get("state") == "unreachable", 15)
    assert remote.status(name)["version"] == "1"
    second = calls(acme, number="5554321")
    measured("restart with the link cut: from the start until a new caller hears the application",
             second.ear.heard()[0].since - second.call.answered_at + back - began)  # fmt: skip
    second.presses("9", "goodbye")
    for each in (walker, second):
        each.call.until_over()
    acme.until_outcomes("self_served", "self_served")
    remote.run.start()
    acme.until(lambda: remote.serves(name, "1"), 15)


def test_a_slow_server_costs_a_caller_the_time_that_the_step_gives_it(
    acme: ContactCenter, remote: RemoteCenter
) -> None:
    walker = calls(acme)
    pressed = walker.presses("7", "meanwhile", "slow", *MENU)
    heard = {each.name: each for each in walker.ear.heard(pressed)}
    measured("slow look-up: from the key until the sound", heard["meanwhile"].since - pressed)
    took = heard["slow"].since - pressed
    measured("slow look-up of 2 s: from the key until the caller hears the way on", took)
    assert 2.0 < took < 2.8
    quiet = walker.call.media.longest_silence(heard["meanwhile"].since, heard["slow"].since)
    measured("slow look-up: longest time without a sound", quiet)
    walker.presses("1", "account")
    os.kill(remote.run.pid, signal.SIGSTOP)
    try:
        pressed = walker.presses("1234", "failed", limit=6)
        took = walker.ear.heard(pressed)[0].since - pressed
        measured(
            "look-up of 3 s, server frozen: from the first digit until the caller hears the way on", took
        )
    finally:
        os.kill(remote.run.pid, signal.SIGCONT)
    walker.hears("failed", *MENU, since=pressed)
    walker.presses("9", "goodbye")
    walker.call.until_over()
    acme.until_outcomes("self_served")


def test_a_bundle_that_was_tampered_with_or_is_a_strangers_is_refused_and_the_last_good_one_serves(
    acme: ContactCenter, remote: RemoteCenter
) -> None:
    name = f"tour-{acme.name}"
    remote.run.stop()
    remote.put(acme.name, "tour", "2", welcome="newer")
    path = remote.path(name, "2")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    remote.run.start()
    refused(acme, remote, "was changed, its SHA-256 is not the manifest's", "is damaged")
    remote.new_key("stranger", centers=("nobody",))
    draft = remote.draft(acme.name, "tour", "3", welcome="newer")
    remote.publish(remote.bundle(draft, acme.name, "stranger"))
    refused(acme, remote, "is not trusted for contact center")
    walker = calls(acme)
    walker.presses("9", "goodbye")
    walker.call.until_over()
    remote.put(acme.name, "tour", "4", welcome="newer")
    until(lambda: remote.serves(name, "4"), FETCHED_WITHIN)
    newer = calls(acme, "newer")
    newer.presses("9", "goodbye")
    newer.call.until_over()
    acme.until_outcomes("self_served", "self_served")


def refused(acme: ContactCenter, remote: RemoteCenter, *reasons: str) -> None:
    """West refuses what is offered, for one of these reasons, and `fsroute status` says so."""
    name = f"tour-{acme.name}"

    def is_refused() -> bool:
        row = remote.status(name)
        return row["state"] == "refused" and any(reason in str(row["message"]) for reason in reasons)

    acme.until(is_refused, FETCHED_WITHIN)
    row = remote.status(name)
    assert row["version"] == "1"
    shown = remote.shown()
    assert name in shown
    assert "refused" in shown
    assert str(row["message"]).split()[0] in shown
    noted(f"refused: {row['message']}")


@pytest.mark.parametrize("site", ["east", "west"])
def test_what_is_playing_delays_no_bridge(acme: ContactCenter, site: str) -> None:
    phone = Phone("1001", answers_at_once, AGENT)
    found = [cut_to_bridge(acme, phone, site) for _ in range(BRIDGES)]
    gaps, quiet = (sorted(column) for column in zip(*found, strict=True))
    measured(f"prompt cut → bridge started, agent at {site}, median of {BRIDGES}", gaps[BRIDGES // 2])
    measured(f"prompt cut → bridge started, agent at {site}, worst", gaps[-1])
    measured(f"… longest time without a packet for the caller, agent at {site}", quiet[-1])
    assert gaps[BRIDGES // 2] < BRIDGED_WITHIN, gaps  # one of them may wait for the switch's next frames
    acme.until_outcomes(*["served"] * BRIDGES)


def cut_to_bridge(acme: ContactCenter, phone: Phone, site: str) -> tuple[float, float]:
    """Seconds, by the switch's clock, from the end of an announcement that is cut to the bridge.

    And the longest time around it in which the caller's phone got no packet, in seconds.
    """
    walker = calls(acme)
    walker.presses("5")
    acme.until(lambda: acme.count("queued") == 1)
    west = acme.sites.west
    names = ("CHANNEL_EXECUTE", "CHANNEL_EXECUTE_COMPLETE", "CHANNEL_BRIDGE")
    with Events(west.ports.event_socket, *names) as events:
        treat(acme, TimeLineStep(0.0, "announce"))
        uuid = acme.rows()[-1]["channel_uuid"]
        acme.until(lambda: "please_hold" in west.variable(uuid, "current_application_data"))
        taken = len(phone.calls)
        if taken:
            acme.log_on("ann")
        else:
            acme.agent("ann", phone, site)
        until(lambda: len(phone.calls) > taken, 10)
        agent = phone.calls[-1]
        until_they_hear_each_other(walker.call, agent)
        begin = ("CHANNEL_EXECUTE", "bridge") if site == "east" else ("CHANNEL_BRIDGE", "")
        begun = events.moments(*begin, uuid=uuid)[0]
        cut = max(at for at in events.moments("CHANNEL_EXECUTE_COMPLETE", "playback", uuid) if at <= begun)
    acme.log_out("ann")
    walker.call.hang_up()
    agent.until_over()
    return begun - cut, walker.call.media.largest_gap(cut - 0.2, begun + 0.2)
