"""The routing processor is killed amid a decision: the claim ends by its time, the call goes its stated way."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import msgspec
import psycopg
import pytest

from fsroute import resources
from fsroute.config import Role
from fsroute.coordinator.strategies import load as load_strategies
from fsroute.demo.centers import EAST, WEST, CenterSettings
from fsroute.install.settings import DialplanSettings
from fsroute.store.loading import Loader
from fsroute.switchsim import Answers, Caller, CallerCall, Network, NoAnswer, Press, WaitFor
from tests.gate import Gate
from tests.integration.flow.processes import Apart, Process, Site, open_store, start
from tests.ports import free_port
from tests.waiting import until

NUMBER = "8005550100"
REDIRECTED, BRIDGED = "+14155550111", "+14155550222"  # callers; the rules tell them apart
OFFER_TIMEOUT = 3  # seconds, of the rules
I6 = OFFER_TIMEOUT + 5.0  # seconds that an agent may be reserved, whatever died
BUSY = 20.0  # seconds more for a machine that is busy with other tests
CLAIMS = "select pid from pg_stat_activity where query like '%direct_call(%' and wait_event_type = 'Lock'"
RULES = "".join(
    "insert into routing_rule (contact_center_id, rule, ordinal, queue, offer_timeout, if_caller_number)"
    f" values ('acme', '{manner}', {len(manner)}, 'support', {OFFER_TIMEOUT}, '\\{number}');"
    "insert into routing_rule_direct (contact_center_id, rule, manner, tries)"
    f" values ('acme', '{manner}', '{manner}', 1);"
    for manner, number in (("redirect", REDIRECTED), ("bridge", BRIDGED))
)


class EarlySite(Site):
    """Its dialplan sends calls to a routing processor first, which is a process of its own."""

    def __init__(self, settings: CenterSettings, network: Network) -> None:
        self.scp_port = free_port()
        super().__init__(settings, network)

    def add_processor(self, folder: Path, database: str) -> Process:
        more = f"[scp]\nlisten_port = {self.scp_port}\nstale = 20.0\nconfirm = 2.0\n"
        return Process(folder, "scp", self.settings, self.switch, database, (Role.SCP,), more=more)

    def _settings(self) -> DialplanSettings:
        return msgspec.structs.replace(
            super()._settings(),
            numbers_before_answer=(NUMBER,),
            routing_processors=(f"127.0.0.1:{self.scp_port}",),
            guard_s=4,
        )


@pytest.fixture
def apart(conninfo: str) -> Iterator[Apart]:
    sample = (resources.folder("sql") / "samples" / "two_sites.sql").read_text("utf-8")
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute(sample.encode())
        connection.execute("update fsroute.agent set wrap_up = 0, set_aside = 0")
    network = Network(speed=20.0, media_timeout=0.3)
    west, east = EarlySite(WEST, network), Site(EAST, network)
    apart = Apart(conninfo, network, west, east, looker=open_store(conninfo))  # type: ignore[arg-type]
    try:
        yield apart
    finally:
        for process in [*west.processes, *east.processes]:
            process.send(signal.SIGKILL)
            process.wait(30.0)
        for site in (west, east):
            site.switch.stop()
        apart.store.signals.stop()
        apart.store.database.close()


@pytest.fixture
def processor(apart: Apart, tmp_path: Path) -> Iterator[Process]:
    """Everything but the routing processor is in one process at each site; no other processor is there to sweep."""
    assert isinstance(apart.west, EarlySite)
    loaded = Loader(apart.store.database, frozenset(load_strategies().known), {}).load(
        RULES, "test.sql", "test"
    )
    assert loaded.version is not None, [str(fault) for fault in loaded.faults]
    rest = tuple(role for role in Role if role is not Role.SCP)
    start(*(site.add(tmp_path, apart.conninfo, rest) for site in (apart.east_site, apart.west_site)))
    processor = apart.west.add_processor(tmp_path, apart.conninfo)
    processor.start()
    yield processor
    processor.send(signal.SIGKILL)
    processor.wait(30.0)


def perform(apart: Apart, text: str) -> None:
    with psycopg.connect(apart.conninfo, autocommit=True) as connection:
        connection.execute(text.encode())


def call(apart: Apart, manner: str) -> CallerCall:
    number = REDIRECTED if manner == "redirect" else BRIDGED
    return apart.place(Caller(number, "Ada", NUMBER, (WaitFor("main_menu"), Press("2"))))


def is_known(apart: Apart) -> bool:
    """The site's CTI processor has told of its switch."""
    rows = apart.query("select from site_activity where link = 'up' and known_at > now() - interval '10 s'")
    return len(rows) == 2


def agents(apart: Apart, *behaviours: Answers | NoAnswer) -> None:
    """Two agents are there, one at each site, and the processor is told so."""
    for name in ("ann", "dee"):
        apart.log_on(name, *behaviours)
    until(lambda: is_known(apart), BUSY)


def under_way(apart: Apart) -> int:
    """How many claims wait for a lock."""
    return len(apart.query(CLAIMS))


def decided(apart: Apart) -> int:
    return len(apart.query("select from contact_event where kind = 'decided'"))


def goes_the_ordinary_way(apart: Apart, caller: CallerCall) -> None:
    """The dialplan's guard, or its next action, leads to the call server: answered, queued, and served."""
    until(lambda: caller.talked_with, I6 + BUSY)
    caller.hang_up()


def everything_is_in_order(apart: Apart) -> None:
    until(lambda: apart.query("select from contact where ended_at is null") == [], 5 + BUSY)
    late = "select agent_id, end_reason, ended_at - reserved_at from reservation where ended_at - reserved_at > '{} s'"
    assert apart.query(late.format(I6 + BUSY) + " and end_reason <> 'wrap_up'") == []
    apart.assert_nothing_left(silence=BUSY)  # before the answer there is none to be heard
    apart.assert_nothing_violated()


def ends_of(apart: Apart, number: str) -> list[tuple[str, ...]]:
    """How the reservations for a caller, their proxy calls and their contacts ended, in order."""
    return apart.query(
        "select r.end_reason, p.state, c.outcome from contact_personal k join contact c using (contact_id)"
        " join proxy_call p using (contact_id) join reservation r using (proxy_call_id)"
        f" where k.caller_number = '{number}' order by reservation_id"
    )


def test_killed_before_the_claim_nothing_is_reserved_and_calls_go_the_ordinary_way(
    apart: Apart, processor: Process
) -> None:
    agents(apart, Answers(after=0.1, talk=60))
    with psycopg.connect(apart.conninfo, options="-c search_path=fsroute") as held:
        held.execute("lock table contact_event in share mode")  # claims have begun, and cannot be made
        callers = [call(apart, manner) for manner in ("redirect", "bridge")]
        until(lambda: under_way(apart) == 2, BUSY)
        processor.kill()
        perform(apart, f"select pg_terminate_backend(pid) from ({CLAIMS}) as claims")
        until(lambda: under_way(apart) == 0, BUSY)
    for caller in callers:
        goes_the_ordinary_way(apart, caller)
    assert decided(apart) == 0
    for number in (REDIRECTED, BRIDGED):
        until(lambda number=number: ends_of(apart, number) == [("wrap_up", "ended", "served")], BUSY)  # type: ignore[misc]
    everything_is_in_order(apart)


def test_killed_after_the_claim_it_ends_by_its_time_and_calls_go_the_ordinary_way(
    apart: Apart, processor: Process
) -> None:
    """The caller who was to be redirected has another contact; who was to be bridged is found again by the call server:
    the channel says whose it is before anything is claimed."""
    agents(apart, NoAnswer(), Answers(after=0.1, talk=60))
    gate = Gate(apart.conninfo)
    callers = [call(apart, manner) for manner in ("redirect", "bridge")]
    until(lambda: gate.waiting() == 2, BUSY)
    processor.kill()
    gate.open()
    assert decided(apart) == 2
    assert len(apart.query("select from reservation where ended_at is null")) == 2
    for caller in callers:
        goes_the_ordinary_way(apart, caller)
    redirected = [("no_answer", "abandoned", "failed"), ("wrap_up", "ended", "served")]
    until(lambda: ends_of(apart, REDIRECTED) == redirected, BUSY)
    bridged = [("no_answer", "ended", "served"), ("wrap_up", "ended", "served")]
    until(lambda: ends_of(apart, BRIDGED) == bridged, BUSY)
    everything_is_in_order(apart)
