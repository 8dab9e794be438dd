"""What agents do during a talk, on real switches: hold, transfers, consultations."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from fsroute.model.agent import AgentStatus
from tests.live.people import answers_at_once, is_busy, never_answers
from tests.live.rtp import strength
from tests.live.sip import Call, Phone
from tests.live.test_one_call import (
    AGENT,
    CALLER,
    LONGEST_QUIET,
    Company,
    talking,
    until_they_hear_each_other,
)
from tests.live.two_sites import ContactCenter, TwoSites
from tests.waiting import until

pytestmark = pytest.mark.live

COLLEAGUE = 1000  # Hz
Ask = Callable[..., str]


def ask(acme: ContactCenter, agent: str, kind: str, limit: float = 5.0, **data: str) -> str:
    """What comes of a command for an agent."""
    transfers = acme.sites.store.transfers
    command = transfers.ask(f"{acme.name}-{agent}", kind, data)
    until(lambda: transfers.result(command) is not None, limit)
    return transfers.result(command) or ""


def until_held(caller: Call, agent: Call) -> None:
    """The caller hears music, and neither hears the other."""
    until(lambda: not caller.media.is_silent() and not caller.media.hears(AGENT), 5)
    until(lambda: not agent.media.hears(CALLER), 5)


def colleague(acme: ContactCenter, site: str = "east", **columns: object) -> Phone:
    """A second agent, with an extension of the contact center's own."""
    extension = f"7{acme.name[1:]:0>4}"
    return acme.agent("bob", Phone("1002", answers_at_once, COLLEAGUE), site, extension=extension, **columns)


def billing(acme: ContactCenter) -> None:
    """A second queue of the contact center, with the extension 7, that needs a skill of its own."""
    columns = {"contact_center_id": acme.name, "queue": "billing", "priority": 1, "extension": "7"}
    acme.sites.insert("queue", columns)
    acme.sites.execute("insert into queue_skill values (%s, 'billing', 'billing', 1)", acme.name)


def accountant(acme: ContactCenter, site: str = "east") -> Phone:
    """A second agent, who serves that queue."""
    phone = colleague(acme, site)
    acme.sites.execute("insert into agent_skill values (%s, 'billing', 1)", f"{acme.name}-bob")
    acme.log_on("bob")
    return phone


def extension_of(acme: ContactCenter) -> str:
    return f"7{acme.name[1:]:0>4}"


@pytest.mark.parametrize("site", ["east", "west"])
def test_hold_by_code_gives_the_caller_music_and_keeps_the_code_from_the_caller(
    company: Company, site: str
) -> None:
    acme = company()
    caller, agent = talking(acme, site)
    agent.press("*1")
    acme.until(lambda: "held" in acme.kinds())
    until_held(caller, agent)
    agent.press("*1")
    acme.until(lambda: "resumed" in acme.kinds())
    until_they_hear_each_other(caller, agent)
    agent.press("5")
    until(lambda: caller.media.digits() == "5")
    assert acme.last("resumed")["data"]["held_s"] > 0
    caller.hang_up()
    acme.until_outcomes("served")


@pytest.mark.parametrize("site", ["east", "west"])
def test_hold_by_command_and_a_caller_who_hangs_up_on_hold(company: Company, site: str) -> None:
    acme = company()
    caller, agent = talking(acme, site)
    assert ask(acme, "ann", "hold") == "done"
    until_held(caller, agent)
    assert ask(acme, "ann", "hold") == "the contact is on hold"
    assert ask(acme, "ann", "resume") == "done"
    until_they_hear_each_other(caller, agent)
    assert ask(acme, "ann", "hold") == "done"
    caller.hang_up()
    agent.until_over()
    acme.until_outcomes("served")


@pytest.mark.parametrize("site", ["east", "west"])
def test_an_agent_who_hangs_up_on_hold_leaves_the_caller_to_the_application(
    company: Company, site: str
) -> None:
    acme = company()
    caller, agent = talking(acme, site)
    assert ask(acme, "ann", "hold") == "done"
    until_held(caller, agent)
    agent.hang_up()
    acme.until_state("ended")
    acme.until_step("goodbye")
    caller.until_over()
    acme.until_outcomes("served")


@pytest.mark.parametrize(
    ("site", "other"), [("east", "east"), ("west", "west"), ("east", "west"), ("west", "east")]
)
def test_a_contact_is_transferred_to_an_agent_by_code(company: Company, site: str, other: str) -> None:
    acme = company()
    caller, agent = talking(acme, site)
    phone = colleague(acme, other)
    agent.press("*2")
    agent.press(f"{extension_of(acme)}#")
    agent.until_over()
    second = phone.latest()
    acme.until(lambda: caller.media.hears(COLLEAGUE) and second.media.hears(CALLER), 8)
    assert caller.media.longest_silence(agent.ended_at, time.time()) < LONGEST_QUIET
    assert acme.rows()[-1]["agent_id"] == f"{acme.name}-bob"
    assert len(acme.rows()) == 1
    caller.hang_up()
    second.until_over()
    acme.until_outcomes("served")
    assert acme.kinds().count("joined") == 2


@pytest.mark.parametrize("site", ["east", "west"])
def test_a_contact_is_transferred_to_a_queue_and_keeps_its_priority_and_arrival(
    company: Company, site: str
) -> None:
    acme = company()
    billing(acme)
    caller, agent = talking(acme, site)
    before = acme.rows()[-1]
    assert ask(acme, "ann", "transfer", to="queue", name="billing") == "done"
    agent.until_over()
    second = accountant(acme).latest()
    acme.until(lambda: caller.media.hears(COLLEAGUE) and second.media.hears(CALLER), 8)
    row = acme.rows()[-1]
    assert row["queue"] == "billing"
    assert (row["priority"], row["arrived_at"]) == (before["priority"], before["arrived_at"])
    caller.hang_up()
    acme.until_outcomes("served")


@pytest.mark.parametrize("site", ["east", "west"])
def test_a_contact_is_transferred_to_a_telephone_number(company: Company, site: str) -> None:
    acme = company()
    caller, agent = talking(acme, site)
    agent.press("*4")
    agent.press("5550199#")
    agent.until_over()
    acme.until_outcomes("transferred")
    assert acme.rows()[-1]["way"]["number"] == "5550199"
    assert acme.last("transferred_out")["data"]["to"] == "number"
    acme.until(lambda: acme.agent_is_idle("ann"))
    caller.hang_up()


def test_what_cannot_be_done_leaves_the_talk_as_it_is(company: Company) -> None:
    acme = company()
    caller, agent = talking(acme)
    assert ask(acme, "ann", "transfer", to="agent", name="nobody") == "there is no agent nobody"
    assert ask(acme, "ann", "transfer", to="queue", name="nothing") == "there is no queue nothing"
    assert ask(acme, "ann", "transfer", to="number", name="19005550100") == "that number is not allowed"
    assert ask(acme, "ann", "complete") == "nobody is being consulted"
    agent.press("*2")
    agent.press("999999#")
    until(lambda: agent.media.hears(300), 3)
    until_they_hear_each_other(caller, agent)
    caller.hang_up()
    acme.until_outcomes("served")


@pytest.mark.parametrize(
    ("site", "other"), [("west", "west"), ("east", "east"), ("east", "west"), ("west", "east")]
)
def test_an_agent_consults_another_and_completes(company: Company, site: str, other: str) -> None:
    acme = company()
    caller, agent = talking(acme, site)
    second = consulting(acme, caller, agent, other)
    agent.press("*5")
    agent.until_over()
    acme.until(lambda: caller.media.hears(COLLEAGUE) and second.media.hears(CALLER), 8)
    acme.until(lambda: acme.rows()[0]["agent_id"] == f"{acme.name}-bob")
    acme.until(lambda: acme.rows()[1]["state"] == "ended")
    caller.hang_up()
    second.until_over()
    acme.until_outcomes("served", "served")


def consulting(acme: ContactCenter, caller: Call, agent: Call, site: str) -> Call:
    """The agent's talk with a colleague, while the caller is on hold."""
    phone = colleague(acme, site)
    agent.press("**2")
    agent.press(f"{extension_of(acme)}#")
    second = phone.latest()
    until(lambda: second.media.hears(AGENT) and agent.media.hears(COLLEAGUE), 5)
    until_held(caller, agent)
    return second


@pytest.mark.parametrize(
    ("site", "other"), [("west", "west"), ("east", "east"), ("east", "west"), ("west", "east")]
)
def test_an_agent_consults_another_and_goes_back_to_the_caller(
    company: Company, site: str, other: str
) -> None:
    acme = company()
    caller, agent = talking(acme, site)
    second = consulting(acme, caller, agent, other)
    agent.press("*6")
    until_they_hear_each_other(caller, agent)
    second.until_over()
    assert acme.rows()[0]["agent_id"] == f"{acme.name}-ann"
    caller.hang_up()
    acme.until_outcomes("served", "served")


@pytest.mark.parametrize(
    ("site", "other"), [("west", "west"), ("east", "east"), ("east", "west"), ("west", "east")]
)
def test_when_the_consulted_agent_leaves_the_talk_goes_on(company: Company, site: str, other: str) -> None:
    acme = company()
    caller, agent = talking(acme, site)
    second = consulting(acme, caller, agent, other)
    second.hang_up()
    until_they_hear_each_other(caller, agent)
    agent.hang_up()
    acme.until(lambda: acme.rows()[0]["state"] == "ended")
    caller.until_over()
    acme.until_outcomes("served", "served")


@pytest.mark.parametrize(
    ("site", "other"), [("west", "west"), ("east", "east"), ("east", "west"), ("west", "east")]
)
def test_an_agent_who_hangs_up_on_the_colleague_has_completed(
    company: Company, site: str, other: str
) -> None:
    acme = company()
    caller, agent = talking(acme, site)
    second = consulting(acme, caller, agent, other)
    agent.hang_up()
    acme.until(lambda: caller.media.hears(COLLEAGUE) and second.media.hears(CALLER), 8)
    second.hang_up()
    acme.until(lambda: acme.rows()[0]["state"] == "ended")
    caller.until_over()
    acme.until_outcomes("served", "served")


@pytest.mark.parametrize(("site", "other"), [("west", "west"), ("east", "west")])
def test_a_caller_who_hangs_up_while_held_ends_the_consultation(
    company: Company, site: str, other: str
) -> None:
    acme = company()
    caller, agent = talking(acme, site)
    second = consulting(acme, caller, agent, other)
    caller.hang_up()
    agent.until_over()
    second.until_over()
    acme.until_outcomes("served", "served")


@pytest.mark.parametrize("site", ["west", "east"])
def test_an_agent_who_hangs_up_before_anybody_answered_leaves_the_caller_next_in_the_queue(
    company: Company, site: str
) -> None:
    acme = company()
    caller, agent = talking(acme, site)
    acme.agent("bob", Phone("1002", never_answers, COLLEAGUE), "east")
    assert ask(acme, "ann", "consult", to="agent", name=f"{acme.name}-bob") == "done"
    until_held(caller, agent)
    acme.sites.store.agents.set_status(f"{acme.name}-ann", AgentStatus.ON_BREAK)
    agent.hang_up()
    acme.until(lambda: acme.rows()[0]["priority"] > 1000)
    until(lambda: not caller.media.is_silent(), 5)
    caller.hang_up()
    acme.until(lambda: sorted(str(outcome) for outcome in acme.outcomes()) == ["abandoned", "abandoned"])


def hears_all(call: Call, *frequencies: int) -> bool:
    """Each of the tones is a good part of what came in of late."""
    samples = call.media._samples(time.time() - 0.3)
    return all(strength(samples, frequency) > 0.15 for frequency in frequencies)


@pytest.mark.parametrize(("site", "other"), [("west", "west"), ("east", "west")])
def test_three_talk_in_conference_and_the_agent_leaves_the_two_others_to_it(
    company: Company, site: str, other: str
) -> None:
    acme = company()
    caller, agent = talking(acme, site)
    second = consulting(acme, caller, agent, other)
    agent.press("*7")
    until(lambda: hears_all(caller, AGENT, COLLEAGUE), 5)
    until(lambda: hears_all(agent, CALLER, COLLEAGUE) and hears_all(second, CALLER, AGENT), 5)
    agent.hang_up()
    acme.until(lambda: caller.media.hears(COLLEAGUE) and second.media.hears(CALLER), 8)
    acme.until(lambda: acme.rows()[0]["agent_id"] == f"{acme.name}-bob")
    caller.hang_up()
    second.until_over()
    acme.until_outcomes("served", "served")


@pytest.mark.parametrize("leaves", ["caller", "colleague"])
def test_a_conference_ends_with_the_caller_and_goes_on_without_the_colleague(
    company: Company, leaves: str
) -> None:
    acme = company()
    caller, agent = talking(acme)
    second = consulting(acme, caller, agent, "east")
    assert ask(acme, "ann", "conference") == "done"
    until(lambda: hears_all(agent, CALLER, COLLEAGUE), 5)
    if leaves == "colleague":
        second.hang_up()
        until_they_hear_each_other(caller, agent)
    caller.hang_up()
    agent.until_over()
    second.until_over()
    acme.until_outcomes("served", "served")


@pytest.fixture
def outside(two_sites: TwoSites) -> Iterator[Callable[[str], Phone]]:
    """A telephone outside, behind a switch's carrier."""
    made: list[Phone] = []

    def make(site: str) -> Phone:
        made.append(Phone("home", answers_at_once, COLLEAGUE, port=getattr(two_sites, site).ports.carrier))
        return made[-1]

    yield make
    for phone in made:
        phone.close()


@pytest.mark.parametrize("site", ["west", "east"])
def test_an_agent_consults_a_telephone_number_and_completes(
    company: Company, outside: Callable[[str], Phone], site: str
) -> None:
    acme = company()
    phone = outside(site)
    caller, agent = talking(acme, site)
    agent.press("**4")
    agent.press("5550199#")
    other = phone.latest()
    until(lambda: other.media.hears(AGENT) and agent.media.hears(COLLEAGUE), 5)
    until_held(caller, agent)
    agent.press("*5")
    agent.until_over()
    until(lambda: caller.media.hears(COLLEAGUE) and other.media.hears(CALLER), 5)
    acme.until(lambda: acme.agent_is_idle("ann"))
    other.hang_up()
    acme.until(lambda: acme.rows()[0]["state"] == "ended")
    caller.until_over()
    acme.until_outcomes("served", "served")


def test_a_number_that_is_busy_or_hangs_up_gives_the_caller_back(
    company: Company, outside: Callable[[str], Phone]
) -> None:
    acme = company()
    phone = outside("east")
    caller, agent = talking(acme)
    phone.behave = is_busy
    assert ask(acme, "ann", "consult", to="number", name="5550199") == "done"
    acme.until(lambda: "consultation_over" in acme.kinds())
    until_they_hear_each_other(caller, agent)
    phone.behave = answers_at_once
    assert ask(acme, "ann", "consult", to="number", name="5550199") == "done"
    until(lambda: len(phone.calls) == 2 and agent.media.hears(COLLEAGUE), 5)
    phone.calls[-1].hang_up()
    until_they_hear_each_other(caller, agent)
    caller.hang_up()
    acme.until(lambda: acme.outcomes() == ["served", "abandoned", "served"])


@pytest.mark.parametrize(("other", "how"), [("east", "complete"), ("west", "cancel")])
def test_a_consultation_outlives_the_process_of_the_agents_switch(
    company: Company, two_sites: TwoSites, other: str, how: str
) -> None:
    acme = company()
    caller, agent = talking(acme)
    second = consulting(acme, caller, agent, other)
    two_sites.east_run.kill()
    until(lambda: second.media.hears(AGENT) and agent.media.hears(COLLEAGUE), 3)
    two_sites.east_run.start()
    acme.until(lambda: ask(acme, "ann", how, 15.0) == "done", 30)
    if how == "complete":
        until(lambda: caller.media.hears(COLLEAGUE) and second.media.hears(CALLER), 5)
        acme.until(lambda: acme.rows()[0]["agent_id"] == f"{acme.name}-bob")
    else:
        until_they_hear_each_other(caller, agent)
    caller.hang_up()
    acme.until_outcomes("served", "served")
