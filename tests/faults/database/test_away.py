"""The database goes away under callers at every stage and comes back: nobody notices, nothing is lost or doubled."""

from __future__ import annotations

import logging
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from fsroute.store.migrate import migrate
from fsroute.switchsim import Answers, Caller, CallerCall, Press, WaitFor
from tests.faults.database.nodes import Node, either, pair, primary
from tests.integration.flow.conftest import World
from tests.integration.flow.test_restarts import dead_for
from tests.waiting import until

AWAY = float(os.environ.get("FSROUTE_FAULTS_AWAY", "3"))  # seconds; 30 by hand
LIMIT = 30.0  # seconds for whatever comes then
ORDER = (WaitFor("main_menu"), Press("1"), WaitFor("order_number"))
SILENCE = 1.0  # seconds: two programs, two switches and two servers share the processors

pytestmark = pytest.mark.timeout(240 + 2 * AWAY)


@pytest.fixture
def nodes() -> Iterator[tuple[Node, Node]]:
    with pair() as both:
        yield both


@pytest.fixture
def single() -> Iterator[Node]:
    with primary() as node:
        yield node


@pytest.fixture
def conninfo(request: pytest.FixtureRequest) -> str:
    found = "nodes" if "nodes" in request.fixturenames else "single"
    nodes = request.getfixturevalue(found)
    place = either(*(node.port for node in nodes)) if found == "nodes" else nodes.conninfo
    migrate(place)
    return str(place)


class Company:
    """Callers at every stage of a call, and what must have become of each of them in the end."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.expected: list[tuple[CallerCall, str]] = []

    def call(self, number: int, outcome: str, *script: object) -> CallerCall:
        steps = script or (WaitFor("main_menu"), Press("2"))
        call = self.world.place(Caller(f"+1415555{number:04}", "Ada", "8005550100", steps))  # type: ignore[arg-type]
        self.expected.append((call, outcome))
        return call

    def gather(self) -> None:
        """One talks, one is in the application, two wait."""
        self.world.log_on("bob", Answers(after=0.1))
        self.talks = self.call(1, "served")
        until(lambda: self.talks.is_talking and self.world.states()[-1:] == ["bridged"], LIMIT)
        self.asked = self.call(2, "self_served", *ORDER)
        until(lambda: self.asked.timeline.heard("order_number"), LIMIT)
        self.first = self.call(3, "served")
        until(lambda: self.world.states()[-1] == "queued", LIMIT)
        self.gone = self.call(4, "abandoned")
        until(lambda: len(self.world.states()) == 3 and self.world.states()[-1] == "queued", LIMIT)

    def while_away(self) -> None:
        """The application serves, also those who come now; whoever hangs up has gone; and one more wants an agent."""
        self.asked.press("12345")
        came = self.call(5, "self_served", *ORDER, Press("12345"))
        self.gone.hang_up()
        until(
            lambda: self.asked.timeline.heard("order_shipped") or self.asked.timeline.heard("anything_else"),
            LIMIT,
        )
        until(lambda: came.timeline.heard("anything_else"), LIMIT)
        came.hang_up()
        self.asked.hang_up()
        self.second = self.call(6, "served")
        until(lambda: "fsroute" in self.second.timeline.now or "music" in self.second.timeline.now, LIMIT)
        assert self.talks.is_talking, "a conversation needs no database"

    def afterwards(self) -> None:
        """Those who wait are served in the order in which they came, and all are accounted for."""
        assert not self.talks.over.is_set()
        self.talks.hang_up()
        for call in (self.first, self.second):
            until(lambda call=call: call.is_talking, LIMIT)  # type: ignore[misc]
            call.hang_up()
        until(lambda: len(self.world.outcomes()) == len(self.expected), LIMIT)
        for call, outcome in self.expected:
            rows = self.world.query(
                "select outcome, ended_at - arrived_at from contact join contact_personal using (contact_id)"
                f" where caller_number = '{call.caller.number}'"
            )
            assert [row[0] for row in rows] == [outcome], call.caller.number
            kinds = Counter(self.world.kinds_of(call))
            assert kinds["arrived"] == kinds["closed"] == 1, kinds
            assert kinds["joined"] == (1 if outcome == "served" else 0), kinds
        self.world.assert_nothing_left(SILENCE)
        self.world.assert_nothing_violated()


def play(world: World, strike: Callable[[], None], heal: Callable[[], object]) -> Company:
    company = Company(world)
    company.gather()
    strike()
    company.while_away()
    dead_for(AWAY)
    heal()
    company.afterwards()
    return company


def test_a_server_that_is_killed_and_started_again_costs_nobody_anything(world: World, single: Node) -> None:
    play(world, single.kill, single.start)


def test_a_server_that_is_restarted_costs_nobody_anything(world: World, single: Node) -> None:
    play(world, single.stop, single.start)


def test_a_standby_that_is_promoted_goes_on_where_the_primary_was(
    world: World, nodes: tuple[Node, Node], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    play(world, nodes[0].kill, nodes[1].promote)
    late = world.query("select extract(epoch from at - (data ->> 'ended_at')::timestamptz) from contact_event"
                       " where kind = 'closed' and data ? 'ended_at'")  # fmt: skip
    ended_then = [seconds for (seconds,) in late if seconds > AWAY / 2]
    assert len(ended_then) == 3, "two were served, and one had gone, while there was no primary"
    said = Counter(re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}|\d+", "#", record.getMessage().partition("\n")[0])
                   for record in caplog.records if record.levelno >= logging.WARNING)  # fmt: skip
    often = {text: times for text, times in said.items() if times > 15}
    assert not often, "what is away is said once, not with every attempt"
    assert any("does not answer" in text for text in said)
    assert any("answers again" in text for text in said)
