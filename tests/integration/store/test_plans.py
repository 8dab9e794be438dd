"""A plan that was made while hardly anybody was there serves when thousands are."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg.rows import dict_row

from fsroute.acd.proxy_call import On
from fsroute.model.contact import Outcome
from fsroute.store.database import Database
from fsroute.store.queries import Query, queries
from tests.fix_center import CENTER, Center

LIVE = 2000
MOST_READ = 60  # entries of an index, or rows of a table, for all the transitions of one contact
FLUSH = Query("flush", b"select pg_stat_force_next_flush()", False)
MORE = f"""
insert into agent (agent_id, name, site_id, switch_id, address, status)
select 'a' || n, 'Agent', 'east', 'away', 'user/' || n, 'available' from generate_series(1, {LIVE}) n;
insert into contact
    (contact_id, contact_center_id, medium, switch_id, channel_uuid, number_called, application, arrived_at)
select gen_random_uuid(), 'blue', 'voice', 'home', 'c' || n, '8005550100', 'orders', clock_timestamp()
  from generate_series(1, {LIVE}) n;
insert into proxy_call
    (contact_id, contact_center_id, queue, medium, skills, priority, arrived_at, switch_id, channel_uuid, state, lead,
     hold_music, strategy, offer_timeout, network_leg_timeout, network_leg_tries, refuse_when)
select contact_id, 'blue', 'orders', 'voice', '[]', 0, arrived_at, 'home', channel_uuid, 'bridged', 'offered', 'm',
       'longest_idle', 12, 5, 2, 'never'
  from contact where ended_at is null;
insert into reservation (agent_id, proxy_call_id, contact_id, contact_center_id, agent_switch_id, agent_leg_uuid, epoch)
select 'a' || row_number() over (), proxy_call_id, contact_id, 'blue', 'away', gen_random_uuid()::text, 7
  from proxy_call where ended_at is null;
"""


def life_of_a_contact(center: Center) -> None:
    call = center.bridged()
    assert center.proxy_calls.latest(call.contact_id) == call
    assert center.proxy_calls.of_agent_leg(call.agent_leg_uuid or "") == call
    assert center.contacts.of_channel("home", call.channel_uuid) == call.contact_id
    assert center.proxy_calls.agent_left(call.agent_leg_uuid or "", "NORMAL_CLEARING") is not None
    center.move(call, On.CONVERSATION_OVER, end_reservation="wrap_up")
    again = center.proxy_calls.request(call.contact_id, "orders")
    assert center.proxy_calls.request(call.contact_id, "orders") == again
    assert center.contacts.close(call.contact_id, Outcome.SERVED, {}, On.CALLER_GONE) is not None


def read(connection: psycopg.Connection[dict[str, Any]]) -> dict[str, int]:
    rows = connection.execute(
        "select indexrelname as name, idx_tup_read as read from pg_stat_user_indexes union all"
        " select relname || ', all of it', seq_tup_read from pg_stat_user_tables"
    ).fetchall()
    return {row["name"]: row["read"] for row in rows}


def test_transitions_read_few_rows_however_many_contacts_are_live(conninfo: str) -> None:
    database = Database(conninfo, min_size=1, max_size=1, statements={**queries(), "flush": FLUSH})
    options = "-c search_path=fsroute"
    with (
        database,
        psycopg.connect(conninfo, autocommit=True, row_factory=dict_row, options=options) as connection,
    ):
        connection.execute(CENTER.encode())
        center = Center(database, connection)
        for _ in range(12):  # the plans are made, and kept from now on
            life_of_a_contact(center)
            center.set_free()
        connection.execute(MORE.encode())
        connection.execute("select pg_stat_force_next_flush()")
        database.run("flush")
        before = read(connection)
        life_of_a_contact(center)
        database.run("flush")
        after = read(connection)
    too_much = {
        name: number - before[name] for name, number in after.items() if number - before[name] > MOST_READ
    }
    assert too_much == {}
    assert any(after[name] > before[name] for name in after), "nothing was counted"
