"""What triggers refuse of agents and proxy calls, in the words of a check constraint."""

from __future__ import annotations

import psycopg
import pytest

from tests.fix_center import Center

AGENT = {
    "agent_id": ("'Ann Smith'", "'bob'"),
    "address": ("'user/1,user/2'", "'user/1'"),
    "accept_key": ("'12'", "'*'"),
    "wrap_up": ("'infinity'", "2592000"),
    "set_aside": ("-1", "0"),
    "status": ("'asleep'", "'on_break'"),
    "team": ("'a b'", "null"),
    "rate": ("'infinity'", "1.5"),
    "leg": ("'wooden'", "'standing'"),
    "pin_hash": ("'1234'", "null"),
    "extension": ("'1'", "'4711'"),
    "miss_limit": ("0", "3"),
    "miss_then": ("'available'", "'logged_out'"),
    "available_from": ("'infinity'", "'epoch'"),
    "idle_since": ("'-infinity'", "now()"),
}
CALL = {
    "state": ("'asleep'", "'queued'", "proxy_call_state_check"),
    "ended_at": ("now()", "null", "ends_with_its_state"),
    "agent_leg": ("'wooden'", "'ringing'", "proxy_call_agent_leg_check"),
    "network_leg": ("'wooden'", "'raising'", "proxy_call_network_leg_check"),
    "caller_leg": ("'wooden'", "'absent'", "proxy_call_caller_leg_check"),
    "directed_for": ("-1", "0", "proxy_call_directed_for_check"),
}


@pytest.mark.parametrize("column", AGENT)
def test_an_agent_s_row_is_refused_by_what_is_wrong_with_it(center: Center, column: str) -> None:
    wrong, right = AGENT[column]
    with pytest.raises(psycopg.errors.CheckViolation) as refused:
        center.sql(f"update agent set {column} = {wrong} where agent_id = 'bob'")
    diagnosis = refused.value.diag
    assert (diagnosis.table_name, diagnosis.constraint_name) == ("agent", f"agent_{column}_check")
    assert diagnosis.message_primary == (
        f'new row for relation "agent" violates check constraint "agent_{column}_check"'
    )
    center.sql(f"update agent set {column} = {right} where agent_id = 'bob'")


def test_an_agent_who_is_entered_is_looked_at_too(center: Center) -> None:
    with pytest.raises(psycopg.errors.CheckViolation) as refused:
        center.sql("""insert into agent (agent_id, name, site_id, switch_id, address, leg)
                      select 'eve', name, site_id, switch_id, address, 'wooden' from agent where agent_id = 'bob'""")
    assert refused.value.diag.constraint_name == "agent_leg_check"


@pytest.mark.parametrize("column", CALL)
def test_a_proxy_call_s_row_is_refused_by_what_is_wrong_with_it(center: Center, column: str) -> None:
    waiting = center.queued()
    wrong, right, constraint = CALL[column]
    with pytest.raises(psycopg.errors.CheckViolation) as refused:
        center.sql(f"update proxy_call set {column} = {wrong} where proxy_call_id = {waiting.proxy_call_id}")
    assert refused.value.diag.constraint_name == constraint
    center.sql(f"update proxy_call set {column} = {right} where proxy_call_id = {waiting.proxy_call_id}")
