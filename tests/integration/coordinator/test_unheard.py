"""A process dies between a commit and its signal: what nobody told of is found by whoever comes after it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import gevent
import pytest

from fsroute.acd.proxy_call import On
from fsroute.coordinator.beginning import Following
from fsroute.coordinator.loop import CoordinatorRole
from fsroute.model.contact import Outcome
from fsroute.model.proxy_call import ProxyCall
from fsroute.store.lease import Lease
from fsroute.store.payload import Key
from fsroute.store.signals import Signals
from fsroute.store.store import Store, switch_topic
from tests.fix_center import EPOCH, Center
from tests.integration.coordinator.leading import Leading
from tests.waiting import until

Start = Callable[..., Leading]


@pytest.fixture
def store(center: Center) -> Iterator[Store]:
    """Of a site; the leader before, who had the epoch 7, is dead."""
    center.sql("update lease set holder = '', expires_at = '-infinity'")
    signals = Signals(center.database)
    signals.start()
    yield Store(center.database, signals)
    signals.stop()


@pytest.fixture
def start(tmp_path: Path, center: Center) -> Iterator[Start]:
    running: list[Leading] = []

    def begin(name: str, looks: bool = False) -> Leading:
        running.append(Leading(tmp_path, center.database.conninfo, name, looks=looks))
        return running[-1]

    yield begin
    for process in running:
        process.end()


def is_queued(center: Center, call: ProxyCall) -> bool:
    statement = "select state from proxy_call where proxy_call_id = %(id)s"
    return bool(center.value(statement, id=call.proxy_call_id) == "queued")


def heard_at(store: Store, switch_id: str) -> list[Key]:
    """What the processes of a switch hear of from now on."""
    heard: list[Key] = []
    store.signals.subscribe(switch_topic(switch_id), lambda key, row: heard.append(key))
    until(lambda: heard == [None])
    heard.clear()
    return heard


def test_a_request_that_nobody_told_of_is_taken(center: Center, store: Store, start: Start) -> None:
    center.sql("update agent set status = 'on_break'")
    start("leader", looks=True).until_it("leads")
    call = center.request()  # written, and not announced
    until(lambda: is_queued(center, call), 30.0)


def test_who_succeeds_a_process_that_died_has_the_leader_look(
    center: Center, store: Store, start: Start
) -> None:
    center.sql("update agent set status = 'on_break'")
    start("leader").until_it("leads")
    call = center.request()
    store.ask_to_look()
    until(lambda: is_queued(center, call), 10.0)


def test_an_agents_site_hears_of_an_offer_that_the_leader_before_died_without_telling(
    center: Center, store: Store, start: Start
) -> None:
    center.sql("update queue set offer_timeout = 600")
    call = center.offered("ann")
    heard = heard_at(store, "away")
    start("next").until_it("leads")
    until(lambda: f"p:{call.proxy_call_id}" in heard, 10.0)


@pytest.mark.parametrize("untold", ["let go", "closed"])
def test_sites_hear_what_a_standby_had_not_heard_when_the_leader_died(
    center: Center, store: Store, untold: str
) -> None:
    call = center.offered("ann")
    following = Following(store)
    following.catch_up()
    if untold == "let go":
        center.move(call, On.AGENT_FAILED, end_reservation="no_answer", epoch=EPOCH)
    else:
        center.contacts.close(call.contact_id, Outcome.OVERFLOWED, {})
    at_home, at_the_agents = heard_at(store, "home"), heard_at(store, "away")
    role = CoordinatorRole(store, Lease(center.database, "coordinator", "standby"))
    role._following = following
    role._greenlet = gevent.spawn(role._run)  # and follows no further
    until(lambda: f"p:{call.proxy_call_id}" in at_home, 10.0)
    until(lambda: f"p:{call.proxy_call_id}" in at_the_agents, 10.0)
    role.stop()
