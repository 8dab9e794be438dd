"""Leaders die and freeze in the middle of traffic: no contact is lost, nothing is done twice."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import gevent
import pytest

from fsroute.acd.proxy_call import On
from fsroute.model.contact import Outcome
from fsroute.model.proxy_call import ProxyCall, State
from fsroute.monitoring.audit import audit
from fsroute.store.signals import Signals
from fsroute.store.store import Store, switch_topic
from tests.fix_center import Center
from tests.integration.coordinator.leading import LEASE, Leading
from tests.waiting import until

AGENTS, CONTACTS = 6, 60
BETWEEN = 0.03  # seconds from one arrival to the next
TALK = 0.1  # seconds
TAKEOVER = 2.0  # seconds from a leader's death to the first reservation of the next
LONG = 600.0  # seconds: who is killed is not waited for so long
LATE = 5.0  # seconds for which a contact may wait beside an idle agent (I3), as busy as the machine is

HIRED = f"""
update agent set status = 'logged_out';
insert into agent (agent_id, name, site_id, switch_id, address, status)
select 'a' || n, 'Agent ' || n, 'west', 'home', 'user/' || n, 'available' from generate_series(1, {AGENTS}) n;
insert into agent_event (agent_id, kind, data) select agent_id, 'status', '{{"status": "available"}}' from agent
 where status = 'available';
insert into agent_skill (agent_id, skill, level)
    select agent_id, skill, 2 from agent, unnest(array['orders', 'english']) as skill where agent_id like 'a_';
insert into agent_authorization (agent_id, contact_center_id)
    select agent_id, 'blue' from agent where agent_id like 'a_';
"""

Start = Callable[..., Leading]


class Site:
    """Callers who arrive, and a switch whose agents answer at once: all that is not the coordinator."""

    def __init__(self, center: Center, store: Store) -> None:
        self._center = center
        self._store = store
        self._begun: set[str] = set()
        self.talks: list[gevent.Greenlet[..., None]] = []
        store.signals.subscribe(switch_topic("home"), self._signalled)

    def callers(self, number: int) -> None:
        for _ in range(number):
            self._store.request(self._center.contact(), "orders")
            gevent.sleep(BETWEEN)

    def _signalled(self, key: object, row: object) -> None:
        if key is None:
            for call in self._store.proxy_calls.live_of_agent_switch("home"):
                self._serve(call)
            return
        found = self._store.proxy_calls.get(int(str(key).removeprefix("p:")))
        if found is not None:
            self._serve(found)

    def _serve(self, call: ProxyCall) -> None:
        if call.state is State.OFFERED and call.agent_leg_uuid and call.agent_leg_uuid not in self._begun:
            self._begun.add(call.agent_leg_uuid)
            self.talks.append(gevent.spawn(self._talk, call))

    def _talk(self, call: ProxyCall) -> None:
        for on in (On.AGENT_ACCEPTED, On.JOINED):
            moved = self._store.move(call, on)
            assert moved is not None
            call = moved
        gevent.sleep(TALK)
        left = self._store.proxy_calls.agent_left(call.agent_leg_uuid or "", "NORMAL_CLEARING")
        self._store.announce(call, left)
        self._store.move(left or call, On.CONVERSATION_OVER)
        self._store.close_contact(call.contact_id, Outcome.SERVED, {})


@pytest.fixture
def site(center: Center) -> Iterator[Site]:
    center.connection.execute(HIRED.encode())
    signals = Signals(center.database)
    signals.start()
    yield Site(center, Store(center.database, signals))
    signals.stop()


@pytest.fixture
def start(tmp_path: Path, conninfo: str) -> Iterator[Start]:
    running: list[Leading] = []

    def begin(name: str, lease: float = LEASE) -> Leading:
        running.append(Leading(tmp_path, conninfo, name, lease))
        return running[-1]

    yield begin
    for process in running:
        process.end()


def epochs(center: Center) -> list[int]:
    return [row["epoch"] for row in center.sql("select epoch from reservation order by reservation_id")]


def all_served(center: Center) -> bool:
    return bool(center.value(f"select count(*) = {CONTACTS} from contact where outcome = 'served'"))


def assert_nothing_was_lost_or_repeated(center: Center, site: Site) -> None:
    until(lambda: all_served(center), 20)
    gevent.joinall(site.talks, raise_error=True)
    for kind in ("requested", "taken", "agent_reserved", "joined", "agent_left", "conversation_over"):
        counted = center.sql(
            "select count(*) as n from contact_event where kind = %(kind)s group by contact_id", kind=kind
        )
        assert [row["n"] for row in counted] == [1] * CONTACTS, kind
    assert center.live_reservations() == []
    assert epochs(center) == sorted(epochs(center)), "a leader wrote after the next one had begun"


def test_a_leader_that_is_killed_amid_traffic_is_replaced_at_once(
    center: Center, site: Site, start: Start
) -> None:
    leader = start("first", LONG)
    leader.until_it("leads")
    follower = start("second", LONG)
    follower.until_it("follows")
    traffic = gevent.spawn(site.callers, CONTACTS)
    until(lambda: len(epochs(center)) > CONTACTS / 4, 20)
    killed = center.value("select clock_timestamp()")
    leader.send(signal.SIGKILL)
    follower.until_it("leads")
    traffic.get()
    assert_nothing_was_lost_or_repeated(center, site)
    first, second = sorted(set(epochs(center)))
    again = center.value("select min(reserved_at) from reservation where epoch = %(epoch)s", epoch=second)
    assert (again - killed).total_seconds() < TAKEOVER
    begun = center.sql("select data from system_event where kind = 'leader_begins' order by event_id")
    assert [row["data"]["epoch"] for row in begun] == [first, second]
    assert [str(each) for each in audit(center.database, limit=LATE)] == []


def test_a_leader_that_froze_and_comes_back_writes_nothing_and_stands_by(
    center: Center, site: Site, start: Start
) -> None:
    frozen = start("first")
    frozen.until_it("leads")
    follower = start("second")
    follower.until_it("follows")
    traffic = gevent.spawn(site.callers, CONTACTS)
    until(lambda: len(epochs(center)) > CONTACTS / 4, 20)
    frozen.send(signal.SIGSTOP)
    follower.until_it("leads")
    frozen.send(signal.SIGCONT)
    traffic.get()
    assert_nothing_was_lost_or_repeated(center, site)
    frozen.until_it("follows")
    follower.send(signal.SIGKILL)
    frozen.until_it("leads")
    assert center.value("select epoch from lease where name = 'coordinator'") == max(epochs(center)) + 1
