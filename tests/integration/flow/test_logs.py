"""Calls of every kind, and what of them is logged: above DEBUG nothing that is a caller's or an agent's own."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest

from fsroute.log import JsonLines, Lines
from fsroute.model.routing import TimeLineStep
from fsroute.switchsim import Answers, Busy, Caller, Press, WaitFor
from tests.fix_database import perform
from tests.integration.flow.callers import at_home, chose, treat
from tests.integration.flow.conftest import World
from tests.integration.flow.test_transfers import colleague, consulting, talking, telephone
from tests.waiting import until

NUMBER = "+14155550123"
HOSTILE = "Eve\x1b[2J\r\nEvent-Name: CUSTOM\u202e ${system(id)}"
PERSONAL = (NUMBER, NUMBER[1:], "4155550123", "5550123", "Ada", "Eve", "system(id)", "1001@127.0.0.1")


class Logs:
    """All that is logged, as lines and as JSON, by level."""

    def __init__(self) -> None:
        self.lines, self.json = io.StringIO(), io.StringIO()
        self.handlers = [logging.StreamHandler(self.lines), logging.StreamHandler(self.json)]
        self.handlers[0].setFormatter(Lines())
        self.handlers[1].setFormatter(JsonLines())
        for handler in self.handlers:
            handler.setLevel(logging.INFO)

    def assert_nothing_personal(self, *more: str) -> None:
        text = self.lines.getvalue()
        assert "contact=" in text, "calls are logged at all"
        for form in (text, self.json.getvalue()):
            found = [line for line in form.splitlines() for word in (*PERSONAL, *more) if word in line]
            assert found == []
        for line in text.splitlines():
            assert line.isprintable()
        for line in self.json.getvalue().splitlines():
            assert isinstance(json.loads(line), dict)


@pytest.fixture
def logs() -> Iterator[Logs]:
    kept = Logs()
    logger = logging.getLogger("fsroute")
    before = logger.level
    logger.setLevel(logging.INFO)
    for handler in kept.handlers:
        logger.addHandler(handler)
    yield kept
    for handler in kept.handlers:
        logger.removeHandler(handler)
    logger.setLevel(before)


def test_a_call_that_is_served_after_an_agent_was_busy(world: World, logs: Logs) -> None:
    world.log_on("ann", Busy())
    call = world.call_for_an_agent(NUMBER)
    until(lambda: world.kinds().count("agent_failed") == 1, 30)
    world.log_on("dee", Answers(after=1, talk=4))
    until(lambda: call.talked_with, 30)
    world.wait_for_outcomes("served", limit=30)
    logs.assert_nothing_personal()


def test_a_caller_with_a_hostile_name_who_leaves_a_voice_message(world: World, logs: Logs) -> None:
    does = (
        WaitFor("main_menu"),
        Press("2"),
        WaitFor("recording"),
        WaitFor("nothing else", limit=1.2),
        Press("#"),
    )
    world.place(Caller(NUMBER, HOSTILE, "8005550100", does))
    treat(world, TimeLineStep(0.0, "voice_message"))
    world.wait_for_outcomes("overflowed", limit=30)
    logs.assert_nothing_personal()


def test_a_caller_who_is_refused(world: World, logs: Logs) -> None:
    world.query("delete from agent_authorization returning 1")
    for agent in world.store.agents.all():
        world.store.announce_agent(agent.agent_id)
    world.call_for_an_agent(NUMBER)
    world.wait_for_outcomes("refused", limit=30)
    logs.assert_nothing_personal()


def test_a_caller_who_is_called_back(world: World, logs: Logs) -> None:
    at_home(world, Answers(after=0.1, talk=4))
    chose(world)
    world.log_on("ann", Answers(after=0.1, talk=4))
    world.wait_for_outcomes("served", limit=30)
    logs.assert_nothing_personal()


def test_a_caller_who_is_not_reached(world: World, logs: Logs) -> None:
    at_home(world, Busy())
    chose(world)
    world.log_on("ann", Answers(after=0.1, talk=4))
    until(lambda: "caller_unreached" in world.kinds(), 30)
    logs.assert_nothing_personal()


def test_a_caller_who_is_transferred(world: World, logs: Logs) -> None:
    call, phone, _ = consulting(world, "ann", "bob")
    phone.press("**3")
    call.hang_up()
    until(lambda: call.over.is_set(), 30)
    logs.assert_nothing_personal()


def test_a_number_that_an_agent_may_not_transfer_to(world: World, logs: Logs) -> None:
    call, phone = talking(world, "ann")
    colleague(world, "bob")
    phone.press("**1")
    phone.press("0190866999#")
    until(lambda: telephone(world, "ann"), 5)
    call.hang_up()
    world.wait_for_outcomes("served", limit=30)
    logs.assert_nothing_personal("0190866999")


def test_a_caller_whom_the_database_does_not_take(world: World, logs: Logs) -> None:
    """What a statement was refused for is told without the row that it was to write."""
    perform(
        world.conninfo,
        "alter table fsroute.contact_personal add constraint nobody check (caller_name = '') not valid",
    )
    call = world.place(Caller(NUMBER, "Ada", "8005550100", (WaitFor("main_menu"),)))
    until(lambda: call.over.is_set() or "nobody" in logs.lines.getvalue(), 30)
    assert "nobody" in logs.lines.getvalue()
    text = logs.lines.getvalue() + logs.json.getvalue()
    assert [word for word in PERSONAL if word in text] == []


def test_what_is_asserted_here_can_fail(world: World, logs: Logs) -> None:
    logging.getLogger("fsroute.test").info("a call of %s contact=1", NUMBER)
    with pytest.raises(AssertionError):
        logs.assert_nothing_personal()
