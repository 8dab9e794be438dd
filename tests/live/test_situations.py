"""Calls of every kind, each named by its situation, to be kept as captures:

    FSROUTE_KEEP_SITUATIONS=tests/replay/captures python -m pytest tests/live/test_situations.py -m live

Each test is one situation. Where the variable names a folder, the calls of the tests that pass lie there afterwards,
scrubbed, in the place of those of the same names (docs/captures.md). Without it the tests only see that the calls end
as they should.
"""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from psycopg.conninfo import make_conninfo
from psycopg.types.json import Jsonb

from fsroute.acd.proxy_call import On
from fsroute.model.routing import TimeLineStep
from fsroute.replay.recorder import PATIENCE
from fsroute.store.rules import Rules
from tests.fix_database import perform
from tests.live.keeping import Keeping, sentence
from tests.live.people import AnswersAfter, answers_at_once, declines, is_busy, never_answers, says_nothing
from tests.live.remote_center import RemoteCenter
from tests.live.sip import HOLD, TALK, Call, Phone
from tests.live.test_callback import carrier as carrier
from tests.live.test_callback import chooses, treat, until_speaks
from tests.live.test_offers import refuses_service
from tests.live.test_offers import way_to_east as way_to_east
from tests.live.test_one_call import AGENT, CALLER, until_they_hear_each_other
from tests.live.test_remote_applications import acme as touring
from tests.live.test_remote_applications import remote as remote
from tests.live.test_transfers import (
    COLLEAGUE,
    accountant,
    ask,
    billing,
    colleague,
    consulting,
    extension_of,
    hears_all,
    until_held,
)
from tests.live.two_sites import ContactCenter, TwoSites
from tests.replay.situations import ALSO_CALLS, CALLS, LOYAL, NAME, SCRUB_KEY
from tests.waiting import until

pytestmark = pytest.mark.live

__all__ = ["carrier", "remote", "touring", "way_to_east"]

FOLDER = os.environ.get("FSROUTE_KEEP_SITUATIONS", "")
DATABASE = "fsroute_live_situations"
CUSTOMERS = f'\n[[customers]]\nname = "loaded"\ncontact_centers = ["{LOYAL}"]\n'

Company = Callable[..., ContactCenter]
Carrier = Callable[[Callable[[Call], None]], Phone]


# The sites ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def keeping() -> Iterator[Keeping | None]:
    """Cuts the calls out when the processes have ended."""
    if not FOLDER:
        yield None
        return
    raw = Path(tempfile.mkdtemp(prefix="fsroute-situations-"))
    for site in ("west", "east"):
        (raw / site).mkdir(mode=0o700)
        (raw / site / ".scrub-key").write_text(SCRUB_KEY)
    kept = Keeping(raw, Path(FOLDER))
    yield kept
    kept.cut()
    shutil.rmtree(raw)


@pytest.fixture(scope="module")
def two_sites(
    program: Path, postgres: str, migrated_template: str, keeping: Keeping | None
) -> Iterator[TwoSites]:
    """Two switches of this file's own, whose processes keep their calls."""
    folder = Path(tempfile.mkdtemp(prefix="fsroute-live-situations-"))
    perform(postgres, f"create database {DATABASE} template {migrated_template}")
    sites = TwoSites(program, folder, make_conninfo(postgres, dbname=DATABASE))
    configuration = sites.west_run.configuration
    configuration.write_text(configuration.read_text() + CUSTOMERS)
    if keeping is not None:
        keeping.capture(sites.west_run, sites.east_run)
    try:
        sites.start()
        yield sites
    finally:
        sites.stop()
        perform(postgres, f"drop database if exists {DATABASE} with (force)")
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def company(
    company: Company, two_sites: TwoSites, keeping: Keeping | None, request: pytest.FixtureRequest
) -> Iterator[Company]:
    """Client companies whose calls are kept if the test passes."""
    names: list[str] = []
    failed = request.session.testsfailed

    def make(application: str = "orders", name: str = "", **queue: object) -> ContactCenter:
        made = company(application, name, **queue)
        names.append(made.name)
        return made

    yield make
    if keeping is not None and request.session.testsfailed == failed:
        contacts = "select contact_id::text as id from contact where contact_center_id = any(%s)"
        ids = [str(row["id"]) for row in two_sites.query(contacts, names)]
        keeping.want(sentence(request.node.name), ids)


def calls(acme: ContactCenter, digits: str = "", name: str = NAME) -> Call:
    return acme.call(digits, frequency=CALLER, number=CALLS, name=name)


def waits(acme: ContactCenter, name: str = NAME, number: str = CALLS) -> Call:
    return acme.waiting_call(frequency=CALLER, number=number, name=name)


def answering(acme: ContactCenter, site: str = "east", name: str = "ann", **columns: object) -> Call:
    """An agent logs on, and answers at once."""
    return acme.agent(name, Phone("1001", answers_at_once, AGENT), site, **columns).latest()


def talks(acme: ContactCenter, site: str = "east", name: str = NAME) -> tuple[Call, Call]:
    caller = waits(acme, name)
    agent = answering(acme, site)
    until_they_hear_each_other(caller, agent)
    return caller, agent


def is_served_by_the_next(acme: ContactCenter, caller: Call) -> None:
    agent = acme.agent("bob", Phone("1002", answers_at_once, AGENT)).latest()
    until_they_hear_each_other(caller, agent)
    caller.hang_up()
    agent.until_over()
    acme.until_outcomes("served")


def presses(acme: ContactCenter, caller: Call, step: str, digits: str) -> None:
    """Press digits once the application is at a step, and is heard."""
    acme.until_step(step)
    until(lambda: not caller.media.is_silent(), 5)
    caller.press(digits)


# Served ------------------------------------------------------------------------------------------------


def test_served_at_the_other_site(company: Company) -> None:
    acme = company()
    caller, agent = talks(acme)
    caller.hang_up()
    agent.until_over()
    acme.until_outcomes("served")


def test_the_agent_at_the_other_site_hangs_up_first_and_the_application_goes_on(company: Company) -> None:
    acme = company()
    caller, agent = talks(acme)
    agent.hang_up()
    acme.until_step("goodbye")
    caller.until_over()
    acme.until_outcomes("served")


def test_served_on_one_switch(company: Company) -> None:
    acme = company()
    caller, agent = talks(acme, "west")
    caller.hang_up()
    agent.until_over()
    acme.until_outcomes("served")


def test_the_agent_on_the_same_switch_hangs_up_first_and_the_caller_comes_back(company: Company) -> None:
    acme = company()
    caller, agent = talks(acme, "west")
    agent.hang_up()
    acme.until_step("goodbye")
    caller.until_over()
    acme.until_outcomes("served")


def test_served_after_the_first_agent_did_not_answer(company: Company) -> None:
    acme = company(offer_timeout=2)
    caller = waits(acme)
    acme.agent("ann", Phone("1001", never_answers)).latest().until_over()
    is_served_by_the_next(acme, caller)


@pytest.mark.parametrize("why", ["busy", "refused"])
def test_served_after_the_first_agent_was(company: Company, why: str) -> None:
    acme = company()
    caller = waits(acme)
    acme.agent("ann", Phone("1001", is_busy if why == "busy" else declines))
    acme.until(lambda: "agent_failed" in acme.kinds())
    is_served_by_the_next(acme, caller)


def test_the_agent_accepts_with_a_key(company: Company) -> None:
    acme = company()
    caller = waits(acme)
    agent = answering(acme, accept_key="5")
    acme.until_leg("present")
    until(lambda: not agent.media.is_silent())
    agent.press("5")
    until_they_hear_each_other(caller, agent)
    caller.hang_up()
    acme.until_outcomes("served")


def test_the_network_leg_follows_the_agents_answer(company: Company) -> None:
    acme = company(lead="ready")
    caller, agent = talks(acme)
    caller.hang_up()
    agent.until_over()
    acme.until_outcomes("served")


def test_the_agent_holds_the_caller_and_resumes(company: Company) -> None:
    acme = company()
    caller, agent = talks(acme)
    agent.again(HOLD)
    acme.until(lambda: "held" in acme.kinds())
    agent.again(TALK)
    acme.until(lambda: "resumed" in acme.kinds())
    until_they_hear_each_other(caller, agent)
    caller.hang_up()
    acme.until_outcomes("served")


def test_a_customer_who_is_known_is_served(company: Company, two_sites: TwoSites) -> None:
    acme = company(name=LOYAL)
    facts = {"segment": "gold", "name": NAME}
    two_sites.insert(
        "customer",
        {"contact_center_id": LOYAL, "key": "number", "value": f"+1{CALLS}", "facts": Jsonb(facts)},
    )
    caller, agent = talks(acme)
    caller.hang_up()
    agent.until_over()
    acme.until_outcomes("served")


# In the application --------------------------------------------------------------------------------------


def test_self_served(company: Company) -> None:
    acme = company()
    caller = calls(acme, "1")
    presses(acme, caller, "order_number", "12342")
    presses(acme, caller, "anything_else", "7")
    caller.until_over(20)
    acme.until_outcomes("self_served")


def test_wrong_digits_three_times_lead_to_an_agent(company: Company) -> None:
    acme = company()
    caller = calls(acme)
    for _ in range(3):
        until_speaks(acme, "main_menu")
        caller.press("7")
        until_speaks(acme, "wrong_digits" if "hold_on" not in acme._step() else "hold_on")
    acme.until_state("queued", 20)
    caller.hang_up()
    acme.until_outcomes("abandoned")


def test_nothing_is_pressed(company: Company) -> None:
    acme = company()
    caller = calls(acme)
    caller.until_over(60)
    acme.until_outcomes("abandoned")


def test_spanish_is_chosen(company: Company) -> None:
    acme = company()
    caller = calls(acme, "9")
    until_speaks(acme, "prompts/es/")
    caller.press("2")
    acme.until_state("queued", 20)
    agent = answering(acme)
    until_they_hear_each_other(caller, agent)
    caller.hang_up()
    acme.until_outcomes("served")


def test_the_application_server_answers(touring: ContactCenter) -> None:
    caller = calls(touring)
    presses(touring, caller, "main", "1")
    presses(touring, caller, "account", "1234")
    touring.until_step("main", 20)
    presses(touring, caller, "main", "9")
    caller.until_over(20)
    touring.until_outcomes("self_served")


def test_the_application_server_is_too_slow(touring: ContactCenter) -> None:
    caller = calls(touring)
    presses(touring, caller, "main", "7")
    touring.until_step("too_slow")
    presses(touring, caller, "main", "9")
    caller.until_over(20)
    touring.until_outcomes("self_served")


def test_the_application_server_fails(touring: ContactCenter, remote: RemoteCenter) -> None:
    caller = calls(touring)
    presses(touring, caller, "main", "1")
    touring.until_step("account")
    os.kill(remote.run.pid, signal.SIGSTOP)
    try:
        presses(touring, caller, "account", "1234")
        touring.until_step("failed")
    finally:
        os.kill(remote.run.pid, signal.SIGCONT)
    presses(touring, caller, "main", "9")
    caller.until_over(20)
    touring.until_outcomes("self_served")


# Abandoned -----------------------------------------------------------------------------------------------


def test_abandoned_in_the_greeting(company: Company) -> None:
    acme = company()
    caller = calls(acme)
    until_speaks(acme, "welcome")
    caller.hang_up()
    acme.until_outcomes("abandoned")


def test_abandoned_in_the_application(company: Company) -> None:
    acme = company()
    caller = calls(acme, "1")
    acme.until_step("order_number")
    until_speaks(acme, "order_number")
    caller.hang_up()
    acme.until_outcomes("abandoned")


def test_abandoned_while_queued(company: Company) -> None:
    acme = company()
    caller = waits(acme)
    until(lambda: not caller.media.is_silent())
    caller.hang_up()
    acme.until_outcomes("abandoned")


def test_abandoned_while_the_agents_telephone_rings(company: Company) -> None:
    acme = company()
    caller = waits(acme)
    agent = acme.agent("ann", Phone("1001", never_answers)).latest()
    acme.until_leg("present")
    caller.hang_up()
    agent.until_over()
    acme.until_outcomes("abandoned")


def test_abandoned_when_the_agent_has_accepted_and_the_network_leg_is_not_there(
    company: Company, two_sites: TwoSites, way_to_east: Callable[[int], None]
) -> None:
    acme = company(network_leg_timeout=8)
    hole = Phone("hole", says_nothing)
    acme.phones.append(hole)
    way_to_east(hole.port)
    caller = waits(acme)
    agent = answering(acme)
    acme.until_state("ready")
    until(agent.is_answered)
    caller.hang_up()
    agent.until_over()
    acme.until_outcomes("abandoned")


def test_the_caller_hangs_up_as_the_two_are_joined(company: Company) -> None:
    acme = company()
    caller = waits(acme)
    agent = acme.agent("ann", Phone("1001", never_answers, AGENT)).latest()
    acme.until_leg("present")
    agent.answer()
    caller.hang_up()
    agent.until_over()
    acme.until(lambda: acme.outcomes() in (["abandoned"], ["served"]))


def test_the_caller_hangs_up_just_after_the_two_were_joined(company: Company) -> None:
    acme = company()
    caller = waits(acme)
    agent = acme.agent("ann", Phone("1001", never_answers, AGENT)).latest()
    acme.until_leg("present")
    agent.answer()
    acme.until_state("bridged")
    caller.hang_up()
    agent.until_over()
    acme.until(lambda: acme.outcomes() in (["abandoned"], ["served"]))


# Refused, and other ways ---------------------------------------------------------------------------------


def test_refused_because_nobody_is_authorised(company: Company) -> None:
    acme = company(refuse_when="no_agent_authorized")
    caller = calls(acme, "2")
    caller.until_over(20)
    acme.until_outcomes("refused")


def test_the_contact_center_is_closed_while_a_caller_waits(company: Company) -> None:
    acme = company()
    caller = waits(acme)
    Rules(acme.sites.store.database).close_center(acme.name, "", False, "test")
    caller.until_over(20)
    acme.until_outcomes("refused")


def test_the_contact_center_is_closed_when_a_caller_asks_for_an_agent(company: Company) -> None:
    acme = company()
    Rules(acme.sites.store.database).close_center(acme.name, "", False, "test")
    caller = calls(acme)
    acme.until(caller.is_over, 25)
    acme.until_outcomes("refused")


def test_another_way_after_the_longest_wait(company: Company) -> None:
    acme = company(longest_wait=1)
    caller = waits(acme)
    caller.until_over(20)
    acme.until_outcomes("overflowed")


def test_sent_to_a_number_after_the_longest_wait(company: Company) -> None:
    acme = company(longest_wait=1, overflow="number", overflow_number="1000")
    caller = waits(acme)
    caller.until_over(20)
    acme.until_outcomes("overflowed")


def test_a_message_is_left_after_the_longest_wait(company: Company) -> None:
    acme = company(longest_wait=1, overflow="voice_message")
    caller = waits(acme)
    uuid = acme.rows()[-1]["channel_uuid"]
    acme.until(lambda: acme.sites.west.variable(uuid, "current_application") == "record", 15)
    began = time.time()
    until(lambda: time.time() > began + 1.5)
    caller.press("#")
    caller.until_over(15)
    acme.until_outcomes("overflowed")


def test_the_queue_is_full(company: Company) -> None:
    acme = company(longest_queue=0)
    caller = calls(acme, "2")
    caller.until_over(20)
    acme.until_outcomes("overflowed")


# Called back -----------------------------------------------------------------------------------------------


def test_a_callback_is_chosen_and_the_caller_is_served(company: Company, carrier: Carrier) -> None:
    acme = company()
    chooses(acme)
    home = carrier(AnswersAfter(1.0))
    agent = acme.agent("ann", Phone("1001", AnswersAfter(0.5), AGENT))
    caller = home.latest(15)
    until_they_hear_each_other(caller, agent.latest(), 15)
    caller.hang_up()
    acme.until_outcomes("served")


def test_a_callback_on_one_switch(company: Company, carrier: Carrier) -> None:
    acme = company()
    chooses(acme)
    home = carrier(AnswersAfter(1.0))
    agent = acme.agent("ann", Phone("1001", AnswersAfter(0.5), AGENT), "west")
    caller = home.latest(15)
    until_they_hear_each_other(caller, agent.latest(), 15)
    caller.hang_up()
    acme.until_outcomes("served")


def test_a_callback_is_not_reached(company: Company, carrier: Carrier) -> None:
    acme = company(callback_tries=1)
    chooses(acme)
    carrier(is_busy)
    acme.agent("ann", Phone("1001", AnswersAfter(5.0), AGENT))
    acme.until_outcomes("unreached")


def test_called_back_before_an_agent_is_there(company: Company, carrier: Carrier) -> None:
    acme = company()
    chooses(acme)
    home = carrier(answers_at_once)
    store = acme.sites.store
    row = store.proxy_calls.get(acme.rows()[-1]["proxy_call_id"])
    assert row is not None
    assert store.move(row, On.CALLER_WANTED)
    caller = home.latest()
    said = (acme.until_state("queued")["channel_uuid"], "current_application_data")
    acme.until(lambda: "callback_greeting" in acme.sites.west.variable(*said))
    agent = answering(acme)
    until_they_hear_each_other(caller, agent)
    caller.hang_up()
    acme.until_outcomes("served")


# Waiting -----------------------------------------------------------------------------------------------------


def test_an_announcement_while_waiting(company: Company) -> None:
    acme = company()
    caller = waits(acme)
    treat(acme, TimeLineStep(0.0, "announce"))
    until_speaks(acme, "please_hold")
    agent = answering(acme)
    until_they_hear_each_other(caller, agent)
    caller.hang_up()
    acme.until_outcomes("served")


# What agents do ------------------------------------------------------------------------------------------------


def test_transferred_to_a_queue(company: Company) -> None:
    acme = company()
    billing(acme)
    caller, agent = talks(acme)
    assert ask(acme, "ann", "transfer", to="queue", name="billing") == "done"
    agent.until_over()
    second = accountant(acme).latest()
    acme.until(lambda: caller.media.hears(COLLEAGUE) and second.media.hears(CALLER), 8)
    caller.hang_up()
    acme.until_outcomes("served")


def test_transferred_to_another_agent(company: Company) -> None:
    acme = company()
    caller, agent = talks(acme)
    phone = colleague(acme)
    agent.press("*2")
    agent.press(f"{extension_of(acme)}#")
    agent.until_over()
    second = phone.latest()
    acme.until(lambda: caller.media.hears(COLLEAGUE) and second.media.hears(CALLER), 8)
    caller.hang_up()
    second.until_over()
    acme.until_outcomes("served")


def test_transferred_to_a_telephone_number(company: Company) -> None:
    acme = company()
    caller, agent = talks(acme)
    agent.press("*4")
    agent.press("5550199#")
    agent.until_over()
    acme.until_outcomes("transferred")
    caller.hang_up()


@pytest.mark.parametrize("where", ["east", "west"])
def test_the_agent_consults_a_colleague_and_completes(company: Company, where: str) -> None:
    acme = company()
    caller, agent = talks(acme, where)
    second = consulting(acme, caller, agent, where)
    agent.press("*5")
    agent.until_over()
    acme.until(lambda: caller.media.hears(COLLEAGUE) and second.media.hears(CALLER), 8)
    caller.hang_up()
    second.until_over()
    acme.until_outcomes("served", "served")


def test_three_in_conference(company: Company) -> None:
    acme = company()
    caller, agent = talks(acme)
    second = consulting(acme, caller, agent, "east")
    agent.press("*7")
    until(lambda: hears_all(caller, AGENT, COLLEAGUE), 5)
    agent.hang_up()
    acme.until(lambda: caller.media.hears(COLLEAGUE) and second.media.hears(CALLER), 8)
    caller.hang_up()
    second.until_over()
    acme.until_outcomes("served", "served")


def test_held_by_command_and_the_agent_hangs_up(company: Company) -> None:
    acme = company()
    caller, agent = talks(acme)
    assert ask(acme, "ann", "hold") == "done"
    until_held(caller, agent)
    agent.hang_up()
    acme.until_step("goodbye")
    caller.until_over()
    acme.until_outcomes("served")


# What fails ----------------------------------------------------------------------------------------------------


def test_served_after_the_network_leg_was_refused(
    company: Company, two_sites: TwoSites, way_to_east: Callable[[int], None]
) -> None:
    acme = company()
    wall = Phone("wall", refuses_service)
    acme.phones.append(wall)
    way_to_east(wall.port)
    caller = waits(acme)
    agent = acme.agent("ann", Phone("1001", never_answers, AGENT)).latest()
    acme.until(lambda: "network_leg_failed" in acme.kinds())
    way_to_east(two_sites.east.ports.link)
    acme.until_leg("present")
    agent.answer()
    until_they_hear_each_other(caller, agent)
    caller.hang_up()
    acme.until_outcomes("served")


def test_served_after_the_network_leg_was_dead(
    company: Company, two_sites: TwoSites, way_to_east: Callable[[int], None]
) -> None:
    acme = company(network_leg_timeout=2, network_leg_tries=1)
    hole = Phone("hole", says_nothing)
    acme.phones.append(hole)
    way_to_east(hole.port)
    caller = waits(acme)
    agent = answering(acme)
    agent.until_over(8)
    way_to_east(two_sites.east.ports.link)
    until(lambda: len(agent.phone.calls) > 1, 15)
    until_they_hear_each_other(caller, agent.phone.latest())
    caller.hang_up()
    acme.until_outcomes("served")


def until_written() -> None:
    """What crossed the sockets lies in files by now, whatever becomes of the process."""
    since = time.time()
    until(lambda: time.time() > since + PATIENCE + 1.5, PATIENCE + 5.0)


def test_the_call_server_dies_and_the_caller_who_waits_comes_back(
    company: Company, two_sites: TwoSites
) -> None:
    acme = company()
    caller = waits(acme)
    until_written()
    two_sites.west_run.kill()
    two_sites.west_run.start()
    acme.until(lambda: acme.came_back() == 1, 10)
    is_served_by_the_next(acme, caller)


def test_the_call_server_dies_and_the_caller_in_the_application_comes_back(
    company: Company, two_sites: TwoSites
) -> None:
    acme = company()
    caller = calls(acme, "1")
    acme.until_step("order_number")
    until_written()
    two_sites.west_run.kill()
    two_sites.west_run.start()
    acme.until(lambda: acme.came_back() == 1, 10)
    presses(acme, caller, "order_number", "12342")
    acme.until_step("anything_else", 30)
    caller.hang_up()
    acme.until_outcomes("self_served")


def test_the_call_server_is_restarted_and_the_caller_who_waits_comes_back(
    company: Company, two_sites: TwoSites
) -> None:
    acme = company()
    caller = waits(acme)
    two_sites.west_run.stop()
    two_sites.west_run.start()
    acme.until(lambda: acme.came_back() == 1, 10)
    is_served_by_the_next(acme, caller)


# Hostile callers -------------------------------------------------------------------------------------------------

HOSTILE = {
    "with_line_ends_and_commands": "Bob%0A%0Aapi global_setvar pwned=yes%0A%0Asendmsg%0Acall-command: hangup%0A%0A",
    "that_wants_to_be_expanded": "${global_setvar(pwned=yes)} $${domain} ${system(id)}",
    "in_latin_1": "J%F6rg M%FCller %FF%FE",
    "of_1000_letters": "Wolfeschlegelsteinhausen " * 40,
    "of_signs": "{a=b}[c=d]<e,f|g:h>^^;'%22%5c",
}


@pytest.mark.parametrize("how", HOSTILE)
def test_a_caller_with_a_name(company: Company, two_sites: TwoSites, how: str) -> None:
    acme = company()
    caller, agent = talks(acme, name=HOSTILE[how])
    caller.hang_up()
    agent.until_over()
    acme.until_outcomes("served")
    for switch in (two_sites.west, two_sites.east):
        assert switch.api("global_getvar pwned") in ("", "-ERR no reply\n")


def test_two_wait_and_the_second_gives_up_first(company: Company) -> None:
    acme = company()
    first = waits(acme)
    second = waits(acme, number=ALSO_CALLS)
    second.hang_up()
    acme.until(lambda: "abandoned" in acme.outcomes())
    agent = answering(acme)
    until_they_hear_each_other(first, agent)
    first.hang_up()
    acme.until_outcomes("served", "abandoned")
