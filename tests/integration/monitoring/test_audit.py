from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import gevent
import pytest
from click.testing import CliRunner

from fsroute.acd.proxy_call import On
from fsroute.cli.main import cli
from fsroute.model.agent import AgentStatus
from fsroute.model.contact import Outcome
from fsroute.model.proxy_call import NetworkLeg, ProxyCall
from fsroute.monitoring.audit import audit
from fsroute.monitoring.slots import AT_ONCE
from fsroute.monitoring.waiting import LIMIT
from fsroute.store.agents import Agents
from fsroute.store.database import Database
from fsroute.store.lease import Lease
from tests.fix_center import EPOCH, Center
from tests.waiting import until

SLOW = 5.0  # seconds: where a test is not about waits, the machine may take its time


@pytest.fixture
def led(center: Center) -> Center:
    """The call center, led for longer than a leader needs to take over."""
    center.sql("alter table system_event disable trigger append_only")
    center.sql("update system_event set at = at - interval '2 h'")
    center.sql("alter table system_event enable trigger append_only")
    return center


def serve(center: Center, agent_id: str = "bob") -> ProxyCall:
    """A call from arrival to its end, with no time lost."""
    call = center.offered(agent_id)
    if call.network_leg is not NetworkLeg.NOT_NEEDED:
        call = center.move(center.raise_leg(call, "leg", uuid4().hex), On.NETWORK_LEG_PRESENT)
    call = center.move(center.move(call, On.AGENT_ACCEPTED), On.JOINED)
    center.proxy_calls.agent_left(call.agent_leg_uuid or "", "NORMAL_CLEARING")
    center.move(call, On.CONVERSATION_OVER)
    center.contacts.close(call.contact_id, Outcome.SERVED, {})
    return call


def found(center: Center, limit: float = SLOW) -> list[str]:
    return [violation.invariant for violation in audit(center.database, limit=limit)]


def test_an_empty_ledger_violates_nothing(database: Database) -> None:
    report = audit(database)
    assert (list(report), report.events, report.contacts) == ([], 0, 0)
    assert [gap.is_open for gap in report.gaps] == [True]


def test_what_the_sql_does_violates_nothing(led: Center) -> None:
    for end in ("served", "offered", "ready", "raising", "self_served", "bridged", "overflowed", "failed"):
        led.sql("update agent set available_from = 'epoch'")
        if end == "served":
            serve(led, "ann")
        elif end == "self_served":
            led.contacts.close(led.contact(), Outcome.SELF_SERVED, {})
        elif end == "overflowed":
            led.contacts.close(led.move(led.queued(), On.LIMIT_PASSED).contact_id, Outcome.OVERFLOWED, {})
        elif end == "failed":
            call = led.move(led.offered(), On.AGENT_FAILED, end_reservation="busy")
            led.contacts.close(call.contact_id, Outcome.ABANDONED, {})
        else:
            ways = {
                "offered": led.offered,
                "ready": led.ready,
                "raising": led.raising,
                "bridged": led.bridged,
            }
            led.contacts.close(ways[end]().contact_id, Outcome.ABANDONED, {})
            led.sql("update proxy_call set token_digest = null")
    report = audit(led.database, limit=SLOW)
    assert [str(violation) for violation in report] == []
    assert report.contacts == 8


def test_live_calls_are_held_against_their_rows(led: Center) -> None:
    call = led.offered()
    assert found(led) == []
    led.sql("update proxy_call set state = 'ready'")
    assert found(led) == ["I2"]
    led.sql("update proxy_call set state = 'offered'")
    led.sql("update reservation set ended_at = clock_timestamp()")
    assert found(led) == ["I1"]
    led.contacts.close(call.contact_id, Outcome.ABANDONED, {})
    led.sql("update contact set ended_at = null, outcome = null")
    assert set(found(led)) == {"I1", "I2"}


def test_a_contact_that_waits_for_nothing_is_found(led: Center) -> None:
    led.queued()
    until(lambda: found(led, LIMIT) == ["I3"])


def test_an_agent_in_wrap_up_or_on_a_break_may_let_contacts_wait(led: Center) -> None:
    agents = Agents(led.database)
    for agent_id in ("ann", "bob"):
        agents.set_status(agent_id, AgentStatus.ON_BREAK)
    waiting = led.queued()
    limit = 1.0  # the reservation below may take the machine so long
    gevent.sleep(1.2 * limit)  # long enough to be a violation
    assert found(led, limit) == []
    agents.set_status("ann", AgentStatus.AVAILABLE)
    assert led.reserve(waiting, "ann") is not None
    assert found(led, limit) == []


def reserve_unauthorized(led: Center) -> ProxyCall:
    """An authorization that was never committed lets ann be reserved."""
    Agents(led.database).set_status("bob", AgentStatus.ON_BREAK)
    call = led.queued()
    led.sql("delete from agent_authorization where agent_id = 'ann'")
    gevent.sleep(2 * AT_ONCE)  # no claim of the time before can be under way
    with led.connection.transaction():
        led.sql("insert into agent_authorization (agent_id, contact_center_id) values ('ann', 'blue')")
        led.sql(
            "select from reserve_agent(%(epoch)s, %(id)s, 'ann', 'leg-1', '{}')",
            epoch=EPOCH,
            id=call.proxy_call_id,
        )
        led.sql("delete from agent_authorization where agent_id = 'ann'")
    return call


def test_an_unauthorized_reservation_is_found(led: Center) -> None:
    reserve_unauthorized(led)
    assert "I7" in found(led)


def test_what_an_agent_may_serve_is_judged_by_what_held_then(led: Center) -> None:
    led.offered()
    led.sql("delete from agent_authorization where agent_id = 'ann'")
    led.sql("update agent_skill set level = 1 where agent_id = 'bob'")
    led.sql("delete from agent where agent_id = 'bob'")
    assert found(led) == []
    kinds = led.sql("select agent_id, data from agent_event where kind = 'qualified' order by event_id")
    last = {row["agent_id"]: row["data"] for row in kinds}
    assert (last["ann"]["authorizations"], last["bob"]["skills"]) == ([], {})
    assert last["ann"]["skills"] == {"orders": 2, "english": 2}


def test_a_change_of_many_agents_is_one_event_for_each(led: Center) -> None:
    before = led.value("select count(*) from agent_event where kind = 'qualified'")
    with led.connection.transaction():
        led.sql("update agent_skill set level = 3")
        led.sql("update agent set team = 'night'")
        led.sql("insert into agent_medium (agent_id, medium, slots, weight) values ('ann', 'chat', 3, 30)")
        assert led.value("select count(*) from agent_event where kind = 'qualified'") == before
    assert led.value("select count(*) from agent_event where kind = 'qualified'") == before + 2
    data = led.value("select data from agent_event where kind = 'qualified' and agent_id = 'ann'"
                     " order by event_id desc limit 1")  # fmt: skip
    assert (data["team"], data["media"], data["skills"]["orders"]) == ("night", {"chat": [3, 30]}, 3)
    assert led.sql("select * from agent_requalified") == []


def test_since_leaves_out_what_was_before(led: Center) -> None:
    old = led.contact()
    led.contacts.log(old, "closed", {"outcome": "served"})  # a violation, but an old one
    live = led.offered("ann")
    begin = led.value("select clock_timestamp()")
    serve(led, "bob")
    led.move(live, On.AGENT_ACCEPTED)
    report = audit(led.database, since=begin, limit=SLOW)
    assert ([str(violation) for violation in report], report.contacts) == ([], 1)
    assert audit(led.database, limit=SLOW).violations
    later = begin + timedelta(hours=1)
    assert audit(led.database, since=later, limit=SLOW).events == 0


def test_one_contact_center_is_judged_alone(led: Center) -> None:
    serve(led, "bob")
    bad = led.contact("green")
    led.contacts.log(bad, "closed", {"outcome": "served"})
    assert {violation.invariant for violation in audit(led.database, limit=SLOW)} == {"I2"}
    report = audit(led.database, contact_center="blue", limit=SLOW)
    assert (list(report), report.contacts) == ([], 1)
    assert audit(led.database, contact_center="green", limit=SLOW).contacts == 1


def test_who_leads_is_in_the_ledger(database: Database) -> None:
    first, second = Lease(database, "coordinator", "first"), Lease(database, "coordinator", "second")
    first.campaign(5)
    first.resign()
    second.campaign(5)
    report = audit(database)
    second.resign()
    (gap,) = report.gaps
    assert (gap.is_open, gap.why) == (False, "second leads, after nobody did")
    assert 0 <= gap.length < 5
    assert [gap.is_open for gap in audit(database).gaps] == [False, True]


def test_a_renewal_that_comes_late_is_a_gap(led: Center) -> None:
    led.sql("update lease set renewed_at = clock_timestamp() - interval '4 s',"
            " expires_at = clock_timestamp() + interval '6 s'")  # fmt: skip
    led.database.one("lease_renew", name="coordinator", holder="leader", epoch=EPOCH, duration=10)
    (gap,) = audit(led.database).gaps
    assert (gap.is_open, round(gap.length)) == (False, 4)


def test_an_event_that_commits_late_is_not_missed(led: Center) -> None:
    """An event may become visible after others with higher numbers."""
    call = led.offered()
    with led.database.transaction() as open_transaction:
        open_transaction.execute("log_contact", contact_id=call.contact_id, kind="noted", data={},
                             proxy_call_id=None, agent_id=None, state=None)  # fmt: skip
        serve(led, "bob")
        before = audit(led.database, limit=SLOW)
        assert list(before) == []
    after = audit(led.database, limit=SLOW)
    assert (list(after), after.events) == ([], before.events + 1)


def test_a_large_ledger_is_audited_in_seconds(led: Center) -> None:
    write_many(led)
    begin = time.process_time()
    report = audit(led.database)
    took = time.process_time() - begin
    assert list(report) == []
    assert report.contacts == 10_000
    assert report.events >= 120_000
    assert took < 10
    print(f"{report.events} events audited in {took:.2f} s of processor time")


AGENTS = """
    insert into agent (agent_id, name, site_id, switch_id, address, status)
    select 'agent-' || n, 'A', 'east', 'away', 'user/x', 'available' from generate_series(0, 9) as n;
    delete from agent_authorization;
    insert into agent_authorization (agent_id, contact_center_id)
    select agent_id, 'blue' from agent where agent_id like 'agent-%';
    insert into agent_skill (agent_id, skill, level)
    select agent_id, skill, 2 from agent, unnest(array['orders', 'english']) as skill
     where agent_id like 'agent-%';
"""

STEPS = """
    create temp table steps (kind text, state text, after double precision, agent_leg text, network_leg text);
    insert into steps values
        ('arrived', null, 0, null, null),
        ('requested', 'requested', 0.001, null, null),
        ('taken', 'queued', 0.002, null, null),
        ('agent_reserved', 'offered', 0.003, 'dialling', 'wanted'),
        ('network_leg_raised', 'offered', 0.01, 'dialling', 'raising'),
        ('network_leg_present', 'offered', 0.02, 'dialling', 'present'),
        ('agent_accepted', 'ready', 0.05, 'accepted', 'present'),
        ('joined', 'bridged', 0.06, 'joined', 'joined'),
        ('caller_gone', 'ended', 0.1, null, null),
        ('closed', null, 0.1001, null, null);
    create temp table many as
    select n, gen_random_uuid() as contact_id, now() - interval '1 h' + n * interval '20 ms' as arrived_at
      from generate_series(1, 10000) as n;
"""

EVENTS = """
    insert into agent_event (at, agent_id, contact_center_id, contact_id, kind, data)
    select arrived_at + after * interval '1 s', 'agent-' || n % 10, 'blue', contact_id, kind,
           data || jsonb_build_object('proxy_call_id', n)
      from many, lateral (values (0.0031, 'reserved', '{"offer_timeout": 12}'::jsonb),
                                 (0.1, 'released', '{"pause_s": 0}')) as e (after, kind, data)
     order by 1;
    insert into contact_event
        (at, contact_id, contact_center_id, proxy_call_id, agent_id, kind, state, data)
    select arrived_at + after * interval '1 s', contact_id, 'blue', n, 'agent-' || n % 10, kind, state,
           jsonb_strip_nulls(jsonb_build_object('agent_leg', agent_leg, 'network_leg', network_leg)) ||
           case kind
           when 'requested' then jsonb_build_object(
                'arrived_at', arrived_at, 'lead', 'offered', 'priority', 5, 'medium', 'voice',
                'skills', '[["english", 1], ["orders", 2]]'::jsonb)
           when 'agent_reserved' then jsonb_build_object(
                'place', jsonb_build_array(-5, extract(epoch from arrived_at), n))
           when 'closed' then '{"outcome": "served"}'
           else '{}' end
      from many, steps order by 1;
"""


def write_many(center: Center) -> None:
    """10,000 contacts of 10 steps each, begun every 20 ms, with 10 agents who take turns."""
    for script in (AGENTS, STEPS, EVENTS):
        center.sql(script)


# The command -----------------------------------------------------------------------------------------------


@pytest.fixture
def configured(center: Center, tmp_path: Path) -> list[str]:
    """The options that lead the command to the test's database."""
    file = tmp_path / "fsroute.toml"
    file.write_text(f"[database]\nurl = {json.dumps(center.database.conninfo)}\n")
    return ["audit", "--config", str(file)]


def test_the_command_says_that_nothing_is_wrong(led: Center, configured: list[str]) -> None:
    serve(led)
    result = CliRunner().invoke(cli, configured)
    assert (result.exit_code, result.output.splitlines()[-1]) == (0, "0 violations")


def test_the_command_shows_each_violation_with_its_events(led: Center, configured: list[str]) -> None:
    call = reserve_unauthorized(led)
    result = CliRunner().invoke(cli, configured)
    assert result.exit_code == 1
    line = next(line for line in result.output.splitlines() if "I7" in line)
    event = led.events(call.contact_id)[-1]
    assert "agent ann not authorized for blue, voice" in line
    assert f"contact_event {event['event_id']}" in line
    assert result.output.splitlines()[-1] == "1 violations"


def test_the_command_writes_json(led: Center, configured: list[str]) -> None:
    reserve_unauthorized(led)
    result = CliRunner().invoke(cli, [*configured, "--json", "--since", "2h", "--contact-center", "blue"])
    report = json.loads(result.output)
    (violation,) = [each for each in report["violations"] if each["invariant"] == "I7"]
    assert violation["events"][0]["kind"] == "agent_reserved"
    assert (report["contacts"], result.exit_code) == (1, 1)


def test_the_command_refuses_a_moment_that_is_none(configured: list[str]) -> None:
    result = CliRunner().invoke(cli, [*configured, "--since", "yesterday"])
    assert result.exit_code == 2
    assert "2026-03-04T09:30" in result.output


def test_the_command_takes_a_moment(led: Center, configured: list[str]) -> None:
    serve(led)
    moment = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    result = CliRunner().invoke(cli, [*configured, "--since", moment])
    assert "0 events of 0 contacts" in result.output
