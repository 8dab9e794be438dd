"""Random histories: the database answers truthfully, but late, out of order, twice, and at times refuses.

Hypothesis looks for short ones that fail and shrinks them; thousands of long ones are drawn the quick way.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from fsroute.model.agent import AgentStatus
from tests.unit.coordinator.histories import CHANGES, PAUSES, Habits, History, arguments, habits, hired

which = st.integers(0, 1000)


def picked(data: st.DataObject) -> Callable[[Sequence[Any]], Any]:
    return lambda values: data.draw(st.sampled_from(values))


class Histories(RuleBasedStateMachine):
    """`History`, driven by hypothesis."""

    def __init__(self) -> None:
        super().__init__()
        self.history = History()

    @initialize(data=st.data(), count=st.integers(1, 4))
    def begin(self, data: st.DataObject, count: int) -> None:
        self.history.hire([hired(picked(data)) for _ in range(count)])
        self.habits = habits(picked(data))

    @rule(data=st.data())
    def a_contact_arrives(self, data: st.DataObject) -> None:
        self.history.arrive(**arguments(picked(data), self.habits))

    @precondition(lambda self: self.history.database.calls)
    @rule(what=st.sampled_from(CHANGES), which=which)
    def a_contact_goes_on(self, what: str, which: int) -> None:
        self.history.go_on(what, which)

    @precondition(lambda self: self.history.database.calls)
    @rule(which=which)
    def an_agent_hangs_up(self, which: int) -> None:
        self.history.leave(which)

    @rule(status=st.sampled_from(list(AgentStatus)), which=which)
    def an_agent_declares(self, status: AgentStatus, which: int) -> None:
        self.history.declare(status, which)

    @rule(level=st.integers(0, 2), team=st.sampled_from([None, "red"]), which=which)
    def an_agent_is_retrained(self, level: int, team: str | None, which: int) -> None:
        self.history.retrain(level, team, which)

    @rule(center=st.sampled_from("ab"), keep=st.booleans())
    def a_contact_center_is_closed(self, center: str, keep: bool) -> None:
        self.history.close(center, keep)

    @precondition(lambda self: self.history.closed)
    @rule(center=st.sampled_from("ab"))
    def a_contact_center_is_opened(self, center: str) -> None:
        self.history.open(center)

    @rule(seconds=st.sampled_from(PAUSES))
    def time_passes(self, seconds: float) -> None:
        self.history.pass_time(seconds)

    @precondition(lambda self: self.history.jobs)
    @rule(which=which, refused=st.integers(0, 9))
    def the_database_does(self, which: int, refused: int) -> None:
        self.history.do_job(which, refused)

    @precondition(lambda self: self.history.mail)
    @rule(which=which, again=st.booleans())
    def news_arrives(self, which: int, again: bool) -> None:
        self.history.deliver(which, again)

    @rule()
    def signals_are_lost(self) -> None:
        self.history.lose_signals()

    @rule()
    def another_leader_takes_over(self) -> None:
        self.history.take_over()

    @rule()
    def everything_arrives(self) -> None:
        self.history.everything_arrives()

    def teardown(self) -> None:
        if self.history.database.agents:
            self.history.everything_arrives()


TestHistories = Histories.TestCase
TestHistories.settings = settings(
    max_examples=40,
    stateful_step_count=40,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)

WEIGHTS = {
    "arrive": 4.0,
    "go_on": 6.0,
    "leave": 2.0,
    "declare": 0.7,
    "retrain": 0.2,
    "close": 0.05,
    "open": 0.3,
    "time": 2.0,
    "job": 7.0,
    "mail": 7.0,
    "lost": 0.1,
    "take_over": 0.15,
    "everything": 0.4,
}


def history(seed: int, steps: int) -> None:
    """One history by the same rules; the seed names it."""
    random = Random(seed)
    one = History()
    one.hire([hired(random.choice) for _ in range(random.randint(1, 4))])
    usual = habits(random.choice)
    for what in random.choices(list(WEIGHTS), weights=list(WEIGHTS.values()), k=steps):
        step(one, what, usual, random)
    one.everything_arrives()


def step(one: History, what: str, usual: Habits, random: Random) -> None:
    number = random.randrange(1000)
    match what:
        case "arrive":
            one.arrive(**arguments(random.choice, usual))
        case "go_on":
            one.go_on(random.choice(CHANGES), number)
        case "leave":
            one.leave(number)
        case "declare":
            one.declare(random.choice(list(AgentStatus)), number)
        case "retrain":
            one.retrain(random.randrange(3), random.choice([None, "red"]), number)
        case "close":
            one.close(random.choice("ab"), random.random() < 0.5)
        case "open":
            one.open(random.choice("ab"))
        case "time":
            one.pass_time(random.choice(PAUSES))
        case "job":
            one.do_job(number, random.randrange(10))
        case "mail":
            one.deliver(number, random.random() < 0.2)
        case "lost":
            one.lose_signals()
        case "take_over":
            one.take_over()
        case _:
            one.everything_arrives()


@pytest.mark.parametrize("first", range(0, 3000, 500))
def test_thousands_of_histories(first: int) -> None:
    for seed in range(first, first + 500):
        try:
            history(seed, 60)
        except AssertionError as error:
            raise AssertionError(f"history {seed}") from error


BUSY = WEIGHTS | {"leave": 8.0, "arrive": 6.0, "go_on": 2.0, "declare": 0.3, "lost": 0.05, "take_over": 0.05}


def busy(seed: int, steps: int) -> int:
    """One history of agents who talk while others wait; returns how many decisions came before their agent was free."""
    random = Random(seed)
    one = History()
    one.hire([hired(random.choice) for _ in range(random.randint(1, 4))])
    usual = habits(random.choice)
    for _ in range(4):
        for _ in range(random.randint(1, 6)):
            one.arrive(**arguments(random.choice, usual))
        one.everybody_talks()
        for what in random.choices(list(BUSY), weights=list(BUSY.values()), k=steps // 4):
            step(one, what, usual, random)
    one.everything_arrives()
    return one.expected


def test_who_is_decided_on_before_being_free_gets_whom_the_rows_would_give() -> None:
    """`History.leave` holds each such decision against one that is made when the agent is free."""
    early = 0
    for seed in range(300):
        try:
            early += busy(seed, 60)
        except AssertionError as error:
            raise AssertionError(f"history {seed}") from error
    assert early > 150
