"""Calls that are routed before anybody has answered: two centers, two routing processors, agents of both."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest

from fsroute import resources
from fsroute.app import sample_folder
from fsroute.config import Config, Scp
from fsroute.demo.centers import EAST, WEST, Center, CenterSettings
from fsroute.install.settings import DialplanSettings
from fsroute.ivr import load
from fsroute.model.contact import Demand
from fsroute.model.direct import Policy
from fsroute.scp.picture import Picture
from fsroute.switchsim import Answers, Busy, Caller, CallerCall, Network, NoAnswer
from fsroute.switchsim.network import Fault
from tests.integration.flow.conftest import FAST, World
from tests.integration.flow.test_rules import rules
from tests.ports import free_port
from tests.waiting import until

NUMBER = "8005550100"


class EarlyCenter(Center):
    """A center with a routing processor beside everything else."""

    def __init__(self, settings: CenterSettings, conninfo: str, network: Network, applications: Any) -> None:
        self.scp_port = free_port()
        dialplan = DialplanSettings(
            numbers=("*",),
            numbers_before_answer=(NUMBER,),
            routing_processors=(f"127.0.0.1:{self.scp_port}",),
        )
        super().__init__(settings, conninfo, network, applications, FAST, dialplan)

    def _config(self) -> Config:
        scp = Scp(listen_port=self.scp_port, stale=2.5, confirm=1.0, number_to="XML default")
        return msgspec.structs.replace(super()._config(), scp=scp)


@pytest.fixture
def world(conninfo: str) -> Iterator[World]:
    sample = (resources.folder("sql") / "samples" / "two_sites.sql").read_text("utf-8")
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute(sample.encode())
        connection.execute("update fsroute.agent set wrap_up = 0, set_aside = 5")
    network = Network(speed=20.0)
    application = load(Path(sample_folder()) / "orders")
    centers = [EarlyCenter(each, conninfo, network, {application.name: application}) for each in (WEST, EAST)]
    world = World(conninfo, network, centers[0], centers[1])
    try:
        for center in centers:
            center.start()
        yield world
    finally:
        for center in centers:
            center.stop()


def early(world: World, **terms: object) -> None:
    """A rule that routes all calls of Acme before the answer; terms as in ``routing_rule_direct``."""
    columns = "".join(f", {name}" for name in terms)
    values = "".join(f", '{value}'" for value in terms.values())
    rules(
        world,
        "insert into routing_rule (contact_center_id, rule, ordinal, queue, offer_timeout)"
        " values ('acme', 'early', 1, 'support', 3);"
        f"insert into routing_rule_direct (contact_center_id, rule{columns}) values ('acme', 'early'{values})",
    )


def ready(world: World, *agents: str) -> None:
    """Both routing processors know that these agents are idle, and have seen both switches."""
    for center in (world.west, world.east):
        assert center.app is not None
        assert center.app.scp is not None
        knows(center.app.scp.watch.picture, agents, world.store.now)


def knows(picture: Picture, agents: tuple[str, ...], now: Callable[[], float]) -> None:
    pool = picture.pool(Demand("acme", "voice", (("orders", 1),)), Policy.LONGEST_IDLE)
    until(lambda: pool.where.keys() >= set(agents))
    for switch_id in ("west-1", "east-1"):
        until(lambda place=switch_id: is_fresh(picture, place, now()), 20)  # type: ignore[misc]


def is_fresh(picture: Picture, switch_id: str, now: float) -> bool:
    """Seen just now, by all who look at it."""
    seen = (picture.places.get(name) for name in (switch_id, f"activity {switch_id}"))
    return all(place is not None and place.linked and now - place.seen_at < 2 for place in seen)


def call(world: World, number: str = "+14155550123", **values: Any) -> CallerCall:
    return world.place(Caller(number, "Ada", NUMBER, **values))


def decisions(world: World) -> list[tuple[str, str]]:
    text = "select data ->> 'why', data ->> 'to' from contact_event where kind = 'decided' order by event_id"
    return [(row[0], row[1]) for row in world.query(text)]


def test_a_call_is_bridged_unanswered_to_the_agent_and_recorded(world: World) -> None:
    early(world)
    world.log_on("ann", Answers(after=2, talk=8))
    ready(world, "ann")
    caller = call(world)
    until(lambda: caller.timeline.heard("ringing"))
    assert not caller.is_answered
    until(lambda: caller.is_talking)
    assert caller.talked_with == "ann"
    world.wait_for_outcomes("served")
    until(lambda: caller.over.is_set())
    assert world.states() == ["ended"]
    assert world.query("select rule from contact") == [("early",)]
    why, to = decisions(world)[0]
    assert to == "ann at east"
    assert why.startswith("longest_idle: ann at east, idle ")
    world.assert_nothing_violated()
    world.assert_nothing_left()


@pytest.mark.parametrize("who", ["caller", "agent"])
def test_a_redirected_caller_rings_at_the_agents_switch_and_is_recorded(world: World, who: str) -> None:
    early(world, manner="redirect")
    world.log_on("ann", Answers(after=2, talk=None if who == "caller" else 6))
    ready(world, "ann")
    caller = call(world, talk=6 if who == "caller" else None)
    until(lambda: caller.redirections)
    assert re.fullmatch(r"sip:fsr[0-9a-f]{32}@127\.0\.0\.1:5072", caller.redirections[0])
    until(lambda: not world.west.switch.channels)
    until(lambda: caller.is_talking)
    assert caller.talked_with == "ann"
    world.wait_for_outcomes("served")
    assert world.states() == ["ended"]
    world.assert_nothing_violated()
    world.assert_nothing_left()


def test_a_talk_that_ends_as_the_agents_switch_is_shut_down_is_not_over(world: World) -> None:
    early(world, manner="bridge")
    world.log_on("ann", Answers(after=0.5))
    ready(world, "ann")
    caller = call(world)
    until(lambda: caller.is_talking, 20)
    world.east.switch.stop()
    until(lambda: "conversation_lost" in world.kinds(), 20)
    assert "conversation_over" not in world.kinds()
    caller.hang_up()
    world.wait_for_outcomes("abandoned", limit=20)


def test_an_agent_on_the_callers_own_switch_is_reached_the_same_way(world: World) -> None:
    early(world, policy="cost")
    world.log_on("dee", Answers(after=1, talk=4))
    ready(world, "dee")
    caller = call(world)
    until(lambda: caller.talked_with == "dee")
    world.wait_for_outcomes("served")
    world.assert_nothing_violated()
    world.assert_nothing_left()


def test_who_does_not_answer_is_followed_by_the_next_before_the_answer(world: World) -> None:
    early(world, tries=2)
    world.log_on("ann", Busy())
    ready(world, "ann")
    world.log_on("dee", Answers(after=1, talk=4))
    ready(world, "ann", "dee")
    caller = call(world)
    until(lambda: caller.talked_with == "dee", 10)
    world.wait_for_outcomes("served")
    assert [to for _, to in decisions(world)] == ["ann at east", "dee at west"]
    world.assert_nothing_violated()
    world.assert_nothing_left()


def test_a_network_leg_that_fails_frees_its_agent_at_once(world: World) -> None:
    early(world, tries=2)
    world.network.fail("127.0.0.1:5072", Fault("no route"))
    world.log_on("ann", NoAnswer())
    ready(world, "ann")
    world.log_on("dee", Answers(after=1, talk=4))
    ready(world, "ann", "dee")
    caller = call(world)
    until(lambda: caller.talked_with == "dee", 10)
    world.wait_for_outcomes("served")
    assert world.query("select end_reason from reservation where agent_id = 'ann'") == [
        ("network_leg_given_up",)
    ]
    world.assert_nothing_violated()
    world.assert_nothing_left()


def test_nobody_anywhere_is_answered_and_goes_the_ordinary_way(world: World) -> None:
    early(world)
    caller = call(world)
    until(lambda: caller.timeline.heard("main_menu"), 10)
    why, to = decisions(world)[0]
    assert (why.split(";")[0], to) == ("longest_idle: nobody, so queue", "queue")
    caller.hang_up()
    until(lambda: len(world.outcomes()) == 1)
    assert len(world.query("select 1 from contact")) == 1, "one contact all the way"
    world.assert_nothing_violated()
    world.assert_nothing_left()


def test_who_was_not_taken_by_anybody_waits_in_the_queue(world: World) -> None:
    early(world, tries=1)
    world.log_on("ann", Busy(), Answers(after=1))
    ready(world, "ann")
    caller = call(world, talk=3)
    until(lambda: caller.timeline.heard("local_stream"), 10)
    assert caller.is_answered
    world.query("update agent set available_from = now() where agent_id = 'ann' returning 1")
    world.store.announce_agent("ann")
    until(lambda: caller.talked_with == "ann", 10)
    world.wait_for_outcomes("served")
    world.assert_nothing_violated()
    world.assert_nothing_left()


@pytest.mark.parametrize(
    ("terms", "outcome"),
    [
        ({"otherwise": "busy", "otherwise_cause": "USER_BUSY"}, "refused"),
        ({"otherwise": "number", "otherwise_number": "1000"}, "overflowed"),
    ],
)
def test_nobody_anywhere_goes_the_rules_other_way(world: World, terms: dict[str, str], outcome: str) -> None:
    early(world, **terms)
    caller = call(world)
    world.wait_for_outcomes(outcome)
    if outcome == "refused":
        until(lambda: caller.cause == "USER_BUSY")
    else:
        until(lambda: caller.timeline.heard("tone_stream"))
    world.assert_nothing_violated()
    world.assert_nothing_left()


@pytest.mark.parametrize("manner", ["bridge", "redirect"])
def test_a_caller_who_gives_up_frees_the_agent(world: World, manner: str) -> None:
    early(world, manner=manner)
    world.log_on("ann", NoAnswer())
    ready(world, "ann")
    caller = call(world)
    until(lambda: world.network.agent_calls and world.network.agent_calls[0].timeline.heard("ringing"))
    until(lambda: "present" in {row[0] for row in world.query("select network_leg from proxy_call")})
    caller.hang_up()
    world.wait_for_outcomes("abandoned")
    ready(world, "ann")
    world.assert_nothing_violated()
    world.assert_nothing_left()


def test_a_redirected_caller_who_never_comes_frees_the_agent(world: World) -> None:
    early(world, manner="redirect")
    world.network.fail("127.0.0.1:5072", Fault("no route"))
    world.log_on("ann", NoAnswer())
    ready(world, "ann")
    caller = call(world)
    until(lambda: caller.redirections)
    assert caller.over.is_set()
    world.wait_for_outcomes("abandoned")
    ready(world, "ann")
    world.assert_nothing_violated()
    world.assert_nothing_left()


def test_a_redirected_caller_whom_the_agent_does_not_take_ends_with_the_offer(world: World) -> None:
    """The agent is idle again at once: nobody may be seen to wait beside her."""
    early(world, manner="redirect")
    world.query("update agent set set_aside = 0 returning 1")
    world.log_on("ann", Busy())
    ready(world, "ann")
    caller = call(world)
    until(lambda: caller.over.is_set(), 10)
    assert not caller.is_answered
    world.wait_for_outcomes("failed")
    assert world.kinds()[-2:] == ["not_taken", "closed"]
    world.assert_nothing_violated()
    world.assert_nothing_left()


def test_nobody_is_given_what_another_directs(world: World) -> None:
    """Ann is idle again as soon as her line was busy, and is not offered the call once more while bob is tried."""
    early(world, tries=2)
    world.query("update agent set set_aside = 0 returning 1")
    world.log_on("ann", Busy())
    ready(world, "ann")
    world.log_on("dee", Answers(after=2, talk=4))
    ready(world, "ann", "dee")
    caller = call(world)
    until(lambda: caller.talked_with == "dee", 10)
    world.wait_for_outcomes("served")
    assert world.query("select agent_id from reservation order by reservation_id") == [("ann",), ("dee",)]
    world.assert_nothing_violated()
    world.assert_nothing_left()


def test_a_burst_at_two_processors_goes_to_as_many_agents_as_there_are(world: World) -> None:
    early(world, otherwise="busy", tries=1)
    for agent in ("ann", "bob", "dee"):
        world.log_on(agent, Answers(after=1, talk=20))
    ready(world, "ann", "bob", "dee")
    calls = []
    for number in range(6):
        caller = Caller(f"+1415555010{number}", "Ada", NUMBER)
        switch = (world.west, world.east)[number % 2].switch
        calls.append(world.network.call(caller, switch))
    world.calls.extend(calls)
    until(lambda: sum(one.talked_with != "" for one in calls) == 3, 10)
    assert sorted(one.talked_with for one in calls if one.talked_with) == ["ann", "bob", "dee"]
    until(lambda: sorted(world.outcomes()) == ["refused"] * 3 + ["served"] * 3, 10)
    world.assert_nothing_violated()
    world.assert_nothing_left()


def test_a_site_whose_switch_is_gone_gets_no_more_calls_once_it_is_stale(world: World) -> None:
    early(world, otherwise="busy", tries=1)
    world.log_on("ann", Answers(after=0.5, talk=2))
    ready(world, "ann")
    served = call(world)
    until(lambda: served.talked_with == "ann", 10)
    world.wait_for_outcomes("served")
    world.east.stop()
    seen = (
        "select clock_timestamp() - greatest(s.seen_at, a.known_at) > interval '2.6 s' from switch s"
        " left join site_activity a using (switch_id) where switch_id = 'east-1'"
    )
    until(lambda: world.query(seen) == [(True,)], 10)
    late = call(world, "+14155550177")
    until(lambda: late.over.is_set(), 10)
    assert "left out east: stale, not seen for" in decisions(world)[-1][0]
    world.wait_for_outcomes("served", "refused")
