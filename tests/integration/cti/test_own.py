"""The queues and agents of fsroute itself, as activity of their switches."""

from __future__ import annotations

import pytest

from fsroute.acd.proxy_call import On
from fsroute.cti.own import OwnAgents
from fsroute.cti.owning import Owning
from fsroute.model.activity import QueueKey, Source
from fsroute.model.agent import AgentStatus
from fsroute.model.agent_state import Doing
from fsroute.model.proxy_call import NetworkLeg
from tests.fix_center import Center
from tests.integration.cti.watched import Watched
from tests.waiting import until

ORDERS = QueueKey(Source.FSROUTE, "blue/orders")


@pytest.fixture
def home(watched: Watched) -> Watched:
    """The callers of the center are at switch home, ann at away: both are watched at the one stand-in."""
    watched.processor("home", switch_id="home", callcenter=False, phones=False, calls=False)
    watched.processor("away")
    watched.until_seen(
        lambda: watched.agents_of(Source.FSROUTE) == ["ann"] and "home" in watched.reader.sites
    )
    return watched


def stands(watched: Watched) -> tuple[int, int] | None:
    line = watched.reader.sites["home"].queues.get(ORDERS)
    return None if line is None else (line.waiting, line.talking)


def test_an_agents_row_tells_status_address_skills_and_queues(home: Watched) -> None:
    ann = home.agent("ann", Source.FSROUTE)
    assert (ann.status, ann.state, ann.address) == (AgentStatus.AVAILABLE, Doing.IDLE, "user/ann")
    assert ann.skills == {"orders": 2, "english": 2}
    assert sorted(ann.queues) == ["blue/early", "blue/late", "blue/orders"]
    home.store.duty.take_break("ann", "lunch")
    home.until_seen(lambda: home.agent("ann", Source.FSROUTE).status is AgentStatus.ON_BREAK)


def test_of_an_agent_who_is_known_a_signal_has_the_state_read_alone(home: Watched) -> None:
    asked: list[str] = []
    heard: list[object] = []
    away = Owning(home.store, "away", lambda: (0, []), 60.0)
    away._apply = heard.append
    away._read()
    home.store.database._observe = lambda name, seconds, fault: asked.append(name)
    home.store.duty.take_break("ann", "lunch")
    away._agent_signalled("a:ann", None)
    away._agent_signalled("a:bob", None)
    away._read()
    assert [name for name in asked if name.startswith("own_")] == ["own_states"], "bob is elsewhere"
    told = heard[-1]
    assert isinstance(told, OwnAgents)
    [ann] = told.agents
    assert (ann.status, ann.skills) == (AgentStatus.ON_BREAK, {"orders": 2, "english": 2})


def test_where_there_is_always_news_all_rows_are_read_every_so_often_as_well(home: Watched) -> None:
    heard: list[object] = []
    away = Owning(home.store, "away", lambda: (0, []), 0.5)
    away.start(heard.append)

    def often() -> bool:
        away._signalled("nothing", None)
        return sum(isinstance(event, OwnAgents) and event.whole for event in heard) >= 3

    try:
        until(often)
    finally:
        away.stop()


def test_a_skill_that_is_learned_is_seen(home: Watched, center: Center) -> None:
    center.sql("insert into agent_skill values ('ann', 'welsh', 3)")
    home.until_seen(lambda: home.agent("ann", Source.FSROUTE).skills.get("welsh") == 3)
    center.sql("delete from agent_skill where skill = 'english' and agent_id = 'ann'")
    home.until_seen(lambda: "blue/orders" not in home.agent("ann", Source.FSROUTE).queues)


def test_a_contact_is_seen_at_its_callers_switch_and_its_agent_at_the_agents(
    home: Watched, center: Center
) -> None:
    store = home.store
    call = center.queued()
    store.announce(call)
    until(lambda: stands(home) == (1, 0))
    offered = center.reserve(call)
    store.announce(call, offered)
    home.until_seen(lambda: home.agent("ann", Source.FSROUTE).state is Doing.RESERVED)
    assert offered is not None
    leg = center.raise_leg(offered, "leg-1", "ab")
    present = center.move(leg, On.NETWORK_LEG_PRESENT, set={"rendezvous_uuid": "rv"})
    ready = center.move(present, On.AGENT_ACCEPTED)
    joined = center.move(ready, On.JOINED)
    assert joined.network_leg is NetworkLeg.JOINED
    store.announce(ready, joined)
    until(lambda: stands(home) == (0, 1))
    home.until_seen(lambda: home.agent("ann", Source.FSROUTE).state is Doing.TALKING)
    left = store.proxy_calls.agent_left(joined.agent_leg_uuid or "", "NORMAL_CLEARING")
    store.announce(joined, left)
    store.announce(center.move(joined, On.CALLER_GONE))
    until(lambda: stands(home) == (0, 0))
    home.until_seen(lambda: home.agent("ann", Source.FSROUTE).state is Doing.WRAP_UP)
    until(lambda: home.history(ORDERS, "home")["handled"] == 1)
    assert home.history(ORDERS, "home") == {
        "offered": 1, "answered": 1, "abandoned": 0, "automatic": 0, "handled": 1,
    }  # fmt: skip


def test_signals_that_are_lost_are_made_up_for(home: Watched, center: Center) -> None:
    """Nobody announces what happened; a signal that says "anything" makes the processor look."""
    one, other = center.queued(), center.queued()
    center.move(other, On.CALLER_GONE)
    home.store.signals.publish("switch.home", None)
    until(lambda: stands(home) == (1, 0))
    center.move(one, On.CALLER_GONE)
    home.store.signals.publish("switch.home", None)
    until(lambda: stands(home) == (0, 0))
    until(lambda: home.history(ORDERS, "home")["abandoned"] == 2)
    assert home.history(ORDERS, "home")["offered"] == 2


def test_a_talk_whose_end_was_lost_is_kept_no_longer_than_until_the_next_look(
    home: Watched, center: Center
) -> None:
    """The agent is of this switch, the caller of another: no list of this switch's callers tells of the end."""
    away = Owning(home.store, "away", lambda: (0, []), 60.0)
    away.start(lambda event: None)
    ready = center.ready()
    home.store.announce(ready)
    until(lambda: away._with_call == {ready.proxy_call_id: "ann"})
    center.move(ready, On.CALLER_GONE)
    home.store.signals.publish("coordinator", None)
    home.store.signals.publish("switch.away", None)
    until(lambda: away._with_call == {})
    away.stop()


def test_an_agent_who_logs_on_at_another_switch_is_seen_there(home: Watched, center: Center) -> None:
    center.sql("update agent set hot_desk = true where agent_id = 'bob'")
    home.store.duty.log_on("bob", "user/2001", "away")
    home.until_seen(lambda: home.agents_of(Source.FSROUTE) == ["ann", "bob"])
    until(lambda: home.reader.sites["home"].agents == {})
    assert home.agent("bob", Source.FSROUTE).address == "user/2001"


def test_an_agent_who_is_dismissed_is_gone(home: Watched, center: Center) -> None:
    center.sql("delete from agent_skill where agent_id = 'ann'")
    center.sql("delete from agent_authorization where agent_id = 'ann'")
    center.sql("update agent set switch_id = 'home', site_id = 'west' where agent_id = 'ann'")
    home.store.signals.publish("coordinator", None)
    home.until_seen(lambda: home.agents_of(Source.FSROUTE) == [])
