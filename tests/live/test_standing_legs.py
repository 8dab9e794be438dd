"""Agents whose leg stands all shift, and what an agent hears before the join: on real switches."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from fsroute.model.agent import AgentStatus
from tests.live.figures import measured
from tests.live.people import answers_at_once
from tests.live.sip import Call, Phone
from tests.live.test_one_call import AGENT, CALLER, until_they_hear_each_other
from tests.live.test_transfers import accountant, billing, consulting, hears_all
from tests.live.two_sites import ContactCenter, TwoSites
from tests.waiting import until

pytestmark = pytest.mark.live

COLLEAGUE = 1000  # Hz
TONE = 880  # Hz: on a standing leg a contact comes, and the key prompt
ANNOUNCEMENT = 1250  # Hz
LONGEST_GAP = 0.1  # seconds without a packet on a leg that stands

Company = Callable[..., ContactCenter]


def standing(acme: ContactCenter, sites: TwoSites, site: str = "east", **columns: Any) -> Call:
    """Ann logs on with a standing leg, and has taken the call for the shift."""
    phone = Phone("1001", answers_at_once, AGENT)
    call = acme.agent("ann", phone, site, leg="standing", **columns).latest()
    until_it_stands(acme, sites, site)
    return call


def until_it_stands(acme: ContactCenter, sites: TwoSites, site: str = "east") -> None:
    acme.until(lambda: _stands(acme, sites, site), 10)


def _stands(acme: ContactCenter, sites: TwoSites, site: str) -> bool:
    [row] = sites.query("select standing_leg_uuid from agent where agent_id = %s", f"{acme.name}-ann")
    switch = sites.east if site == "east" else sites.west
    uuid = row["standing_leg_uuid"]
    if uuid is None:
        return False
    dump = switch.api(f"uuid_dump {uuid}")
    return "Answer-State: answered" in dump and "Channel-State: CS_EXCHANGE_MEDIA" not in dump


def until_media_go_on(call: Call) -> None:
    """The leg has media again: half a second without a gap."""
    until(lambda: call.media.largest_gap(time.time() - 0.5, time.time()) < LONGEST_GAP)


def until_they_hear(caller: Call, agent: Call, frequency: int) -> None:
    until(lambda: caller.media.hears(AGENT) and agent.media.hears(frequency))


def announce(acme: ContactCenter, sites: TwoSites, length: float) -> None:
    sites.execute(
        "update contact_center set agent_announcement = %s where contact_center_id = %s",
        f"tone_stream://%({round(1000 * length)},0,{ANNOUNCEMENT})",
        acme.name,
    )


def at(event: dict[str, Any]) -> float:
    return float(event["at"].timestamp())


@pytest.mark.parametrize("site", ["east", "west"])
def test_a_standing_leg_is_joined_and_back_in_park_three_times(
    company: Company, two_sites: TwoSites, site: str
) -> None:
    acme = company()
    agent = standing(acme, two_sites, site)
    for number in range(3):
        before = time.time()
        caller = acme.waiting_call(frequency=CALLER)
        until_they_hear_each_other(caller, agent)
        accepted, joined = at(acme.last("agent_accepted")), at(acme.last("joined"))
        measured(f"standing leg ({site}), accepted to joined", joined - accepted)
        heard = agent.media.first_heard(CALLER, before)
        measured(
            f"standing leg ({site}), reserved to the agent's hearing the caller",
            None if heard is None else heard - at(acme.last("agent_reserved")),
        )
        assert agent.media.first_heard(TONE, before) is not None, "no join without a sign"
        caller.hang_up()
        acme.until_outcomes(*["served"] * (number + 1))
        until_it_stands(acme, two_sites, site)

        until(agent.media.is_silent)
        until_media_go_on(agent)
    assert not agent.is_over()
    assert len(agent.phone.calls) == 1
    assert "agent_ringing" not in acme.kinds()


def test_who_waits_is_joined_at_once_when_the_talk_before_is_over(
    company: Company, two_sites: TwoSites
) -> None:
    acme = company()
    agent = standing(acme, two_sites)
    callers = [acme.waiting_call(frequency=CALLER, number="5550001")]
    until_they_hear_each_other(callers[0], agent)
    callers += [acme.waiting_call(frequency=CALLER + 120 * n, number=f"555000{n + 1}") for n in (1, 2, 3)]
    for n, caller in enumerate(callers[:-1]):
        over = time.time()
        caller.hang_up()
        until_they_hear(callers[n + 1], agent, CALLER + 120 * (n + 1))
        events = [event for event in acme.events() if at(event) > over]
        reserved = next(event for event in events if event["kind"] == "agent_reserved")
        measured("standing leg, the caller's hang-up to the next offer", at(reserved) - over)
        heard = agent.media.first_heard(CALLER + 120 * (n + 1), over)
        assert heard is not None
        measured("standing leg, the caller's hang-up to the agent's hearing the next", heard - over)
    callers[-1].hang_up()
    acme.until_outcomes(*["served"] * 4)
    assert len(agent.phone.calls) == 1


def test_the_announcement_is_heard_by_the_agent_before_the_join_and_never_by_the_caller(
    company: Company, two_sites: TwoSites
) -> None:
    acme = company()
    announce(acme, two_sites, 0.8)
    began = time.time()
    caller = acme.waiting_call(frequency=CALLER)
    agent = acme.agent("ann", Phone("1001", answers_at_once, AGENT)).latest()
    until_they_hear_each_other(caller, agent)
    announced, joined = agent.media.first_heard(ANNOUNCEMENT, began), agent.media.first_heard(CALLER, began)
    assert announced is not None
    assert joined is not None
    assert announced < joined
    measured(
        "an announcement of 800 ms: from the agent's answer to hearing the caller", joined - agent.answered_at
    )
    assert joined - agent.answered_at < 0.8 + 0.6
    assert caller.media.first_heard(ANNOUNCEMENT, began) is None
    kinds = acme.kinds()
    assert kinds.index("network_leg_present") < kinds.index("agent_accepted"), "raised meanwhile"
    caller.hang_up()
    acme.until_outcomes("served")


def accepts_with_key(acme: ContactCenter, caller: Call, agent: Call) -> None:
    """The announcement, then the prompt; a wrong key, then the right one."""
    until(lambda: agent.media.hears(ANNOUNCEMENT), 10)
    until(lambda: agent.media.hears(TONE))
    accepted = acme.kinds().count("agent_accepted")
    agent.press("3")
    until(lambda: agent.media.hears(TONE))
    assert acme.kinds().count("agent_accepted") == accepted
    agent.press("5")
    until_they_hear_each_other(caller, agent)


def test_the_key_is_asked_for_after_the_announcement(company: Company, two_sites: TwoSites) -> None:
    acme = company()
    announce(acme, two_sites, 0.5)
    caller = acme.waiting_call(frequency=CALLER)
    began = time.time()
    agent = acme.agent("ann", Phone("1001", answers_at_once, AGENT), accept_key="5").latest()
    accepts_with_key(acme, caller, agent)
    assert caller.media.first_heard(TONE, began) is None
    caller.hang_up()
    acme.until_outcomes("served")


def test_the_key_is_asked_for_before_every_talk_of_a_standing_leg(
    company: Company, two_sites: TwoSites
) -> None:
    acme = company()
    announce(acme, two_sites, 0.5)
    agent = standing(acme, two_sites, accept_key="5")
    for number in (1, 2):  # the second time, the feature codes of the first talk are still bound
        caller = acme.waiting_call(frequency=CALLER)
        accepts_with_key(acme, caller, agent)
        caller.hang_up()
        acme.until_outcomes(*["served"] * number)


def test_an_agent_who_hangs_up_the_standing_leg_is_called_again(
    company: Company, two_sites: TwoSites
) -> None:
    acme = company()
    agent = standing(acme, two_sites)
    caller = acme.waiting_call(frequency=CALLER)
    until_they_hear_each_other(caller, agent)
    agent.hang_up()
    acme.until_outcomes("served")
    until(lambda: len(agent.phone.calls) == 2, 10)
    until_it_stands(acme, two_sites)


def test_a_standing_leg_outlives_the_process_that_keeps_it(company: Company, two_sites: TwoSites) -> None:
    acme = company()
    agent = standing(acme, two_sites)
    two_sites.east_run.kill()
    two_sites.east_run.start()
    caller = acme.waiting_call(frequency=CALLER)
    until_they_hear_each_other(caller, agent, 20)
    two_sites.east_run.kill()
    assert agent.media.hears(CALLER), "the talk goes on"
    two_sites.east_run.start()
    caller.hang_up()
    acme.until_outcomes("served", limit=20)
    until_it_stands(acme, two_sites)
    assert len(agent.phone.calls) == 1


@pytest.mark.parametrize("site", ["east", "west"])
def test_an_agent_ends_the_talk_and_the_leg_stands_with_media(
    company: Company, two_sites: TwoSites, site: str
) -> None:
    acme = company()
    agent = standing(acme, two_sites, site)
    for number in (1, 2):
        caller = acme.waiting_call(frequency=CALLER)
        until_they_hear_each_other(caller, agent)
        acme.until(lambda: acme.rows()[-1]["state"] == "bridged")
        agent.press("*9")
        acme.until_outcomes(*["served"] * number)
        caller.until_over(15)
        until_it_stands(acme, two_sites, site)
        until_media_go_on(agent)
    assert not agent.is_over()
    assert len(agent.phone.calls) == 1


@pytest.mark.parametrize("site", ["east", "west"])
def test_an_agent_transfers_and_is_there_for_the_next(
    company: Company, two_sites: TwoSites, site: str
) -> None:
    acme = company()
    agent = standing(acme, two_sites, site)
    caller = acme.waiting_call(frequency=CALLER)
    until_they_hear_each_other(caller, agent)
    acme.agent("bob", Phone("1002", answers_at_once, AGENT + 200))
    command = two_sites.store.transfers.ask(
        f"{acme.name}-ann", "transfer", {"to": "agent", "name": f"{acme.name}-bob"}
    )
    until(lambda: two_sites.store.transfers.result(command) is not None)
    assert two_sites.store.transfers.result(command) == "done"
    until(lambda: caller.media.hears(AGENT + 200), 10)
    until_it_stands(acme, two_sites, site)
    second = acme.waiting_call(frequency=CALLER + 120)
    until_they_hear(second, agent, CALLER + 120)
    for call in (caller, second):
        call.hang_up()
    acme.until_outcomes("served", "served")


def talking(acme: ContactCenter, sites: TwoSites) -> tuple[Call, Call]:
    """A caller and Ann, on a standing leg, who talk."""
    agent = standing(acme, sites)
    caller = acme.waiting_call(frequency=CALLER)
    until_they_hear_each_other(caller, agent)
    return caller, agent


def until_it_serves_another(acme: ContactCenter, sites: TwoSites, agent: Call) -> None:
    """The leg stands again, and the next contact is joined with it: the colleague has gone home."""
    if sites.query("select 1 from agent where agent_id = %s", f"{acme.name}-bob"):
        sites.store.agents.set_status(f"{acme.name}-bob", AgentStatus.LOGGED_OUT)
        sites.store.announce_agent(f"{acme.name}-bob")
    until_it_stands(acme, sites)
    caller = acme.waiting_call(frequency=CALLER, number="5550009")
    until_they_hear_each_other(caller, agent)
    caller.hang_up()
    until_it_stands(acme, sites)
    assert not agent.is_over()
    assert len(agent.phone.calls) == 1


@pytest.mark.parametrize("to", ["queue", "number"])
def test_an_agent_transfers_and_the_leg_stands_for_the_next(
    company: Company, two_sites: TwoSites, to: str
) -> None:
    acme = company()
    caller, agent = talking(acme, two_sites)
    if to == "queue":
        billing(acme)
        agent.press("*3")
        agent.press("7#")
        second = accountant(acme).latest()
        until(lambda: caller.media.hears(COLLEAGUE) and second.media.hears(CALLER), 8)
        caller.hang_up()
        acme.until_outcomes("served")
    else:
        agent.press("*4")
        agent.press("5550100#")
        acme.until_outcomes("transferred")
        assert acme.rows()[-1]["way"]["number"] == "5550100"
        caller.hang_up()
    until_it_serves_another(acme, two_sites, agent)


@pytest.mark.parametrize(
    ("how", "site"),
    [
        ("cancel", "east"),
        ("colleague leaves", "east"),
        ("complete", "east"),
        ("conference", "east"),
        ("complete", "west"),
        ("cancel", "west"),
        ("colleague leaves", "west"),
        ("conference", "west"),
    ],
)
def test_an_agent_consults_and_the_leg_stands_for_the_next(
    company: Company, two_sites: TwoSites, how: str, site: str
) -> None:
    acme = company()
    caller, agent = talking(acme, two_sites)
    second = consulting(acme, caller, agent, site)
    if how == "conference":
        agent.press("*7")
        until(lambda: hears_all(caller, AGENT, COLLEAGUE) and hears_all(agent, CALLER, COLLEAGUE), 5)
    if how in ("complete", "conference"):
        agent.press("*5")
        until(lambda: caller.media.hears(COLLEAGUE) and second.media.hears(CALLER), 8)
        until_it_stands(acme, two_sites)
    else:
        if how == "cancel":
            agent.press("*6")
        else:
            second.hang_up()
        until_they_hear_each_other(caller, agent)
        second.until_over()
    caller.hang_up()
    acme.until_outcomes("served", "served")
    until_it_serves_another(acme, two_sites, agent)


@pytest.mark.parametrize("leaves", ["caller", "colleague"])
def test_a_conference_ends_and_the_leg_stands_for_the_next(
    company: Company, two_sites: TwoSites, leaves: str
) -> None:
    acme = company()
    caller, agent = talking(acme, two_sites)
    second = consulting(acme, caller, agent, "east")
    agent.press("*7")
    until(lambda: hears_all(agent, CALLER, COLLEAGUE), 5)
    if leaves == "colleague":
        second.hang_up()
        until_they_hear_each_other(caller, agent)
    caller.hang_up()
    second.until_over()
    acme.until_outcomes("served", "served")
    until_it_serves_another(acme, two_sites, agent)
