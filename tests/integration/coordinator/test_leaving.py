"""A leader and an agent's switch in one process: who hangs up is reserved anew by the statement that says so."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

import gevent
import pytest

from fsroute.acd.proxy_call import On
from fsroute.coordinator.loop import CoordinatorRole
from fsroute.errors import DatabaseUnavailable
from fsroute.model.agent import AgentStatus
from fsroute.model.contact import Outcome
from fsroute.model.proxy_call import ProxyCall, State
from fsroute.monitoring.audit import audit
from fsroute.store.claims import Claim
from fsroute.store.database import Database
from fsroute.store.lease import Lease
from fsroute.store.signals import Signals
from fsroute.store.store import Store, switch_topic
from tests.fix_center import Center
from tests.waiting import until

BEGUN = """
update agent set wrap_up = 0, set_aside = 0, switch_id = 'home';
update agent set status = 'logged_out' where agent_id = 'bob';
insert into agent_event (agent_id, kind, data)
    select agent_id, 'status', jsonb_build_object('status', status) from agent;
"""


class Watched(Database):
    """A database of which one sees what it is asked."""

    asked: list[str]
    loses: str = ""  # the statement whose answer is lost, once

    def _perform(self, query, parameters):  # type: ignore[no-untyped-def]
        answer = super()._perform(query, parameters)
        if query.name == self.loses:
            self.loses = ""
            raise DatabaseUnavailable("the connection is gone")
        return answer

    def _query(self, name: str):  # type: ignore[no-untyped-def]
        self.asked.append(name)
        return super()._query(name)


@dataclass
class House:
    """ann talks with the first of those who came; the others wait."""

    center: Center
    database: Watched
    store: Store
    role: CoordinatorRole
    rows: list[ProxyCall] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.store.signals.subscribe(switch_topic("home"), self._signalled)

    def _signalled(self, key: object, row: object) -> None:
        if isinstance(row, ProxyCall):
            self.rows.append(row)

    def arrives(self, queue: str = "orders") -> ProxyCall:
        call = self.store.request(self.center.contact(), queue)
        assert call is not None
        return call

    def row(self, call: ProxyCall) -> ProxyCall:
        row = self.store.proxy_calls.get(call.proxy_call_id)
        assert row is not None
        return row

    def talk(self, call: ProxyCall) -> ProxyCall:
        until(lambda: self.row(call).state is State.OFFERED)
        for on in (On.AGENT_ACCEPTED, On.JOINED):
            moved = self.store.move(self.row(call), on)
            assert moved is not None
            call = moved
        return call

    def settle(self) -> None:
        """Nothing is under way in this process."""
        quiet: list[int] = []

        def is_quiet() -> bool:
            quiet.append(len(self.database.asked))
            return len(quiet) > 5 and quiet[-1] == quiet[-5]

        until(is_quiet)

    def leave(self, call: ProxyCall) -> None:
        left = self.store.proxy_calls.agent_left(call.agent_leg_uuid or "", "NORMAL_CLEARING", call)
        if left is not None:
            self.store.announce(call, left)

    def meanwhile(self, do: Callable[[], object]) -> None:
        """`do` happens between the next decision and its statement."""
        decide = self.store.proxy_calls.on_leaving
        assert decide is not None

        def decided(call: ProxyCall) -> Claim | None:
            self.store.proxy_calls.on_leaving = decide
            claim = decide(call)
            assert claim is not None, "the leader has decided"
            do()
            return claim

        self.store.proxy_calls.on_leaving = decided

    def all_is_well(self) -> None:
        assert [str(violation) for violation in audit(self.database, limit=60.0)] == []


@pytest.fixture
def house(center: Center) -> Iterator[House]:
    center.sql("update lease set holder = '', epoch = 0")
    center.sql(BEGUN)
    with Watched(center.database.conninfo) as database:
        database.asked = []
        signals = Signals(database)
        signals.start()
        store = Store(database, signals)
        role = CoordinatorRole(store, Lease(database, "coordinator", "here", 10.0))
        house = House(center, database, store, role)
        role.start()
        until(lambda: role.epoch is not None and store.proxy_calls.on_leaving is not None)
        yield house
        role.stop()
        signals.stop()


def who_waits(house: House, number: int, queue: str = "orders") -> tuple[ProxyCall, list[ProxyCall]]:
    """The talk, and the others in their order."""
    first = house.arrives()
    talk = house.talk(first)
    others = [house.arrives(queue) for _ in range(number)]
    until(lambda: all(house.row(call).state is State.QUEUED for call in others))
    until(lambda: house.role.waiting() == number)
    house.settle()
    return talk, others


def test_one_statement_is_all_between_hanging_up_and_the_next_offer(house: House) -> None:
    talk, (second, third) = who_waits(house, 2)
    house.database.asked.clear()
    house.leave(talk)
    until(lambda: [row for row in house.rows if row.proxy_call_id == second.proxy_call_id])
    assert house.database.asked[0] == "agent_goes_on"
    assert "agents" not in house.database.asked[:2], "the agent's row is read when the offer is out"
    house.settle()
    assert "reserve_agent" not in house.database.asked
    assert (house.row(second).agent_id, house.row(third).state) == ("ann", State.QUEUED)
    house.all_is_well()


def test_an_agent_goes_on_and_on(house: House) -> None:
    talk, others = who_waits(house, 4)
    for call in others:
        house.leave(talk)
        talk = house.talk(call)
    house.leave(talk)
    house.settle()
    until(lambda: house.center.live_reservations() == [])
    kinds = house.center.agent_kinds("ann")
    assert [kind for kind in kinds if kind != "status"] == ["reserved", "released"] * 5
    house.all_is_well()


def test_the_head_hangs_up_meanwhile(house: House) -> None:
    talk, (second, third) = who_waits(house, 2)
    house.meanwhile(partial(house.store.close_contact, second.contact_id, Outcome.ABANDONED, {}, second))
    house.leave(talk)
    until(lambda: house.row(third).agent_id == "ann")
    assert house.row(second).state is State.ABANDONED
    house.all_is_well()


def test_another_agent_takes_the_head_meanwhile(house: House) -> None:
    """Whoever it was: the leader has not decided so."""
    talk, (second, third) = who_waits(house, 2)
    epoch = house.role.epoch or 0
    house.center.sql("update agent set status = 'available' where agent_id = 'bob'")
    house.meanwhile(
        lambda: house.center.proxy_calls.reserve(epoch, second.proxy_call_id, "bob", "leg-of-bob", {})
    )
    house.leave(talk)
    until(lambda: house.row(third).agent_id == "ann")
    assert house.row(second).agent_id == "bob"


def test_an_agent_who_comes_meanwhile_gets_the_one_after(house: House) -> None:
    talk, (second, third) = who_waits(house, 2)

    def bob_comes() -> None:
        house.store.agents.set_status("bob", AgentStatus.AVAILABLE)
        house.store.announce_agent("bob")
        until(lambda: house.row(third).agent_id == "bob")

    house.meanwhile(bob_comes)
    house.leave(talk)
    until(lambda: house.row(second).agent_id == "ann")
    house.all_is_well()


def test_the_agent_takes_a_break_meanwhile(house: House) -> None:
    talk, (second,) = who_waits(house, 1)
    house.meanwhile(partial(house.store.agents.set_status, "ann", AgentStatus.ON_BREAK))
    house.leave(talk)
    house.settle()
    assert (house.row(second).state, house.center.live_reservations()) == (State.QUEUED, [])
    until(lambda: house.role.waiting() == 1)
    house.store.agents.set_status("ann", AgentStatus.AVAILABLE)
    house.store.announce_agent("ann")
    until(lambda: house.row(second).agent_id == "ann")
    house.all_is_well()


def test_somebody_of_higher_priority_comes_meanwhile(house: House) -> None:
    """The decision carries what the order was when it was made; who has come since is served next."""
    talk, (second,) = who_waits(house, 1, "late")
    assert second.priority == 0
    urgent: list[ProxyCall] = []
    house.meanwhile(lambda: urgent.append(house.arrives("orders")))
    house.leave(talk)
    talk = house.talk(second)
    (event,) = [each for each in house.center.events(second.contact_id) if each["kind"] == "agent_reserved"]
    assert event["data"]["place"] == [0, second.arrived_at.timestamp(), second.proxy_call_id]
    assert event["data"]["waiting"] == 1
    house.leave(talk)
    until(lambda: house.row(urgent[0]).agent_id == "ann")


def test_another_leads_meanwhile(house: House) -> None:
    """Nothing of the old leader's claim is written; the agent has left, and the next leader decides."""
    talk, (second,) = who_waits(house, 1)
    house.meanwhile(partial(house.center.sql, "update lease set epoch = epoch + 1"))
    house.leave(talk)
    assert house.row(talk).agent_id is None
    assert house.row(second).state is State.QUEUED
    until(lambda: house.row(second).agent_id == "ann", 20)
    house.all_is_well()


def test_an_error_in_the_statement_keeps_nobody_waiting(house: House) -> None:
    talk, (second,) = who_waits(house, 1)
    house.center.sql(
        "create function broken() returns trigger language plpgsql as $$ begin raise 'broken'; end $$;"
        "create trigger broken before insert on reservation for each row execute function broken()"
    )
    with pytest.raises(Exception, match="broken"):
        house.leave(talk)
    house.center.sql("drop trigger broken on reservation")
    house.leave(talk)
    until(lambda: house.row(second).agent_id == "ann")
    house.all_is_well()


def test_a_reservation_whose_answer_is_lost_is_heard_of_at_the_agents_switch(house: House) -> None:
    talk, (second,) = who_waits(house, 1)
    house.database.loses = "agent_goes_on"
    with pytest.raises(DatabaseUnavailable):
        house.leave(talk)
    house.leave(talk)
    until(lambda: [row for row in house.rows if row.proxy_call_id == second.proxy_call_id and row.agent_id])
    assert house.row(second).agent_id == "ann"
    house.all_is_well()


def test_a_greenlet_that_is_ended_keeps_nobody_waiting(house: House) -> None:
    talk, (second,) = who_waits(house, 1)
    leaving: list[gevent.Greenlet[..., None]] = []
    house.meanwhile(lambda: leaving[0].kill(block=False))
    leaving.append(gevent.spawn(house.leave, talk))
    leaving[0].join(30)
    house.leave(talk)
    until(lambda: house.row(second).agent_id == "ann")


def test_while_news_is_unheard_the_rows_are_waited_for(house: House) -> None:
    talk, (second,) = who_waits(house, 1)
    house.store.announce_agent("ann")
    gevent.sleep(0)
    house.leave(talk)
    until(lambda: house.row(second).agent_id == "ann")
    house.all_is_well()
