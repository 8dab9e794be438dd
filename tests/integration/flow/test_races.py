"""Races: the same situation many times, each time with other timing; every one ends legally.

Each test has its seed; ``FSROUTE_RACES`` adds to it, for other timing than that of the last run.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import gevent
import pytest

from fsroute.acd.proxy_call import On
from fsroute.model import AgentStatus, Outcome
from fsroute.model.proxy_call import ProxyCall, State
from fsroute.store.store import call_key, switch_topic
from fsroute.switchsim import Answers, CallerCall, Fault, NoAnswer, Rejects
from fsroute.switchsim.people import Behaviour
from fsroute.switchsim.telephones import AgentCall
from tests.integration.flow.conftest import World
from tests.waiting import until

EAST_LINK = "127.0.0.1:5072"
LEGAL = {"served", "abandoned"}
SAME_SWITCH = pytest.mark.parametrize("agent", ["ann", "dee"], ids=["two switches", "one switch"])


class Rounds:
    """Several calls at once make a round; all must be over, and well, before the next begins."""

    def __init__(self, world: World, seed: int) -> None:
        self.world = world
        self.chance = random.Random(seed + int(os.environ.get("FSROUTE_RACES", "0")))
        self._numbers = iter(range(10_000))
        world.query("update agent set set_aside = 0 returning 1")
        world.query("update queue set offer_timeout = 2, network_leg_timeout = 2 returning 1")
        self._on_change: list[Callable[[ProxyCall], None]] = []
        world.store.signals.subscribe(switch_topic("west-1"), self._changed)

    def _changed(self, key: str | int | None, row: object) -> None:
        if row is None and key is not None:
            row = self.world.store.proxy_calls.get(int(str(key).removeprefix("p:")))
        if isinstance(row, ProxyCall):
            for on_change in self._on_change:
                on_change(row)

    def when(
        self, call: CallerCall, states: tuple[State, ...], do: Callable[[], object], within: float
    ) -> None:
        """Once the call's row reaches one of `states`: `do`, up to `within` seconds later."""
        delay = self.chance.uniform(0, within)

        def look(row: ProxyCall) -> None:
            if row.caller_number == call.caller.number and row.state in states:
                self._on_change.remove(look)
                gevent.spawn_later(delay, do)

        self._on_change.append(look)

    def call(self) -> CallerCall:
        return self.world.call_for_an_agent(f"+1415555{next(self._numbers):04}", talk=1)

    def end(self, *calls: CallerCall, limit: float = 15.0) -> None:
        """Wait until the round is over."""
        count = len(self.world.calls)
        try:
            until(lambda: len(self.world.outcomes()) == count, limit)
        except AssertionError:
            raise AssertionError(f"round of {[call.caller.number for call in calls]} has no end") from None
        until(lambda: not self.world.west.switch.channels and not self.world.east.switch.channels, limit)
        for call in calls:
            talks = [heard for heard in call.timeline.stretches() if heard.what.startswith("talking")]
            assert len(talks) <= 2, str(call.timeline)

    def all_is_well(self) -> None:
        assert set(self.world.outcomes()) <= LEGAL
        self.world.assert_nothing_left()
        self.world.assert_nothing_violated()
        assert all(app.acd is None or not app.acd.offers() for app in self._apps())

    def _apps(self) -> list:  # type: ignore[type-arg]
        return [center.app for center in (self.world.west, self.world.east) if center.app is not None]


@SAME_SWITCH
def test_the_caller_hangs_up_around_offer_acceptance_and_join(world: World, agent: str) -> None:
    rounds = Rounds(world, seed=1)
    world.log_on(agent, Answers(after=1.0))
    for state in (State.REQUESTED, State.QUEUED, State.OFFERED, State.READY, State.BRIDGED):
        for within in (0.0, 0.02, 0.02, 0.1, 0.4):
            call = rounds.call()
            rounds.when(call, (state,), call.hang_up, within)
            rounds.end(call)
    rounds.all_is_well()


@SAME_SWITCH
def test_the_agent_hangs_up_right_after_answering(world: World, agent: str) -> None:
    rounds = Rounds(world, seed=2)
    delays = [rounds.chance.uniform(0, 0.06) for _ in range(15)]
    for delay in delays:
        world.log_on(agent, Answers(after=0.2), Answers(after=0.2))
        before = len(world.network.agent_calls)
        call = rounds.call()
        until(partial(lambda calls, before: len(calls) > before, world.network.agent_calls, before), 10)
        phone = world.network.agent_calls[before]
        gevent.spawn(hangs_up_after_answering, phone, delay)
        rounds.end(call)
    rounds.all_is_well()


def hangs_up_after_answering(phone: AgentCall, delay: float) -> None:
    until(lambda: phone.is_answered or phone.over.is_set(), 10)
    gevent.sleep(delay)
    phone.hang_up()


@SAME_SWITCH
def test_the_agent_is_declared_on_break_while_the_phone_rings(world: World, agent: str) -> None:
    rounds = Rounds(world, seed=3)
    for _ in range(8):
        world.log_on(agent, Answers(after=1.0))
        call = rounds.call()
        rounds.when(call, (State.OFFERED,), lambda: world.declare(agent, AgentStatus.ON_BREAK), 0.08)
        rounds.end(call)
        status = world.query(f"select status from agent where agent_id = '{agent}'")
        assert status == [("on_break",)]
    assert set(world.outcomes()) == {"served"}
    rounds.all_is_well()


def test_the_network_leg_fails_when_the_agent_accepts(world: World) -> None:
    rounds = Rounds(world, seed=4)
    world.network.media_timeout = 0.2  # that long nobody knows of it, and the caller hears nothing
    world.log_on("ann", Answers(after=1.0))
    for within in (0.0, 0.0, 0.01, 0.01, 0.02, 0.02, 0.05, 0.05, 0.1, 0.1):
        call = rounds.call()
        rounds.when(call, (State.READY,), world.network.cut, within)
        rounds.end(call)
    assert set(world.outcomes()) == {"served"}
    rounds.all_is_well()


def test_the_network_leg_is_refused_while_the_agent_accepts(world: World) -> None:
    rounds = Rounds(world, seed=5)
    for _ in range(5):
        world.log_on("ann", Answers(after=rounds.chance.uniform(0, 1.0)))
        world.network.fail(EAST_LINK, Fault("refuse", cause="NORMAL_TEMPORARY_FAILURE", times=1))
        rounds.end(rounds.call())
    assert set(world.outcomes()) == {"served"}
    rounds.all_is_well()


@pytest.mark.parametrize("seed", range(3))
def test_two_agents_and_one_caller(world: World, seed: int) -> None:
    rounds = Rounds(world, seed)
    for _ in range(5):
        behaviours: list[Behaviour] = [
            Answers(after=rounds.chance.uniform(0, 1)),
            Rejects(after=rounds.chance.uniform(0, 1)),
        ]
        rounds.chance.shuffle(behaviours)
        call = rounds.call()
        for agent, behaviour in zip(("ann", "dee"), behaviours, strict=True):
            log_on = partial(world.log_on, agent, behaviour)
            gevent.spawn_later(rounds.chance.uniform(0, 0.15), log_on)
        rounds.end(call)
        for agent in ("ann", "dee"):
            world.declare(agent, AgentStatus.LOGGED_OUT)
    assert set(world.outcomes()) == {"served"}
    rounds.all_is_well()


@SAME_SWITCH
def test_one_agent_and_many_callers_who_lose_patience(world: World, agent: str) -> None:
    rounds = Rounds(world, seed=6)
    world.log_on(agent, Answers(after=0.4))
    calls = [rounds.call() for _ in range(16)]
    for call in calls[::2]:
        state = rounds.chance.choice((State.QUEUED, State.OFFERED, State.READY))
        rounds.when(call, (state,), call.hang_up, 0.4)
    rounds.end(*calls, limit=30.0)
    assert world.outcomes().count("served") >= 8
    joined = [
        contact for (contact,) in world.query("select contact_id from contact_event where kind = 'joined'")
    ]
    assert len(joined) == len(set(joined)), "nobody is bridged twice"
    rounds.all_is_well()


def test_a_contact_is_closed_while_its_agent_is_being_reserved(world: World) -> None:
    """News of a reservation that the closer did not know of reaches the agent's switch: the phone does not ring on."""
    rounds = Rounds(world, seed=7)
    world.query("update queue set offer_timeout = 600 returning 1")
    for _ in range(6):
        call = rounds.call()
        until(lambda: world.states()[-1:] == ["queued"], 10)
        stale = world.store.proxy_calls.live()[0]
        world.log_on("ann", Answers(after=20_000))
        until(lambda: world.states()[-1:] == ["offered"], 10)
        closed = world.store.close_contact(
            stale.contact_id, Outcome.ABANDONED, {"by": "test"}, stale, On.CALLER_GONE
        )
        assert closed is not None
        until(lambda: not world.east.switch.channels, 5)
        call.hang_up()
        rounds.end(call)
        world.declare("ann", AgentStatus.LOGGED_OUT)
    rounds.all_is_well()


def test_late_news_of_a_reservation_that_is_over_rings_nobody(world: World) -> None:
    """The process that reserved says so after another has said that the caller is gone."""
    world.log_on("ann", NoAnswer())
    call = world.call_for_an_agent()
    until(lambda: "agent_ringing" in world.kinds(), 10)
    [[number]] = world.query("select proxy_call_id from proxy_call")
    offered = world.store.proxy_calls.get(number)
    assert offered is not None
    call.hang_up()
    [rang] = world.network.agent_calls
    until(rang.over.is_set, 10)
    late = replace(offered, agent_leg_uuid="7f0c5b1e-2d53-4c3a-9f57-1d5a2c8f4e11")
    assert world.east.app is not None
    world.east.app.store.signals.publish(switch_topic("east-1"), call_key(number), late)
    again = world.call_for_an_agent("+14155550777")
    until(lambda: world.kinds().count("agent_ringing") == 2, 10)
    assert len(world.network.agent_calls) == 2
    again.hang_up()
    world.assert_nothing_left()
