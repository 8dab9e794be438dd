"""What is known of callers goes when it is erased, wherever it is, and numbers that agents named go by themselves."""

from __future__ import annotations

import pytest

from fsroute.acd.proxy_call import On
from fsroute.errors import Declined, StoreError
from fsroute.model.proxy_call import ProxyCall
from fsroute.store.agents import Agents
from fsroute.store.transfers import Transfers
from tests.fix_center import Center

NUMBER = "+4930222"
NAMED = {"to": "number", "name": NUMBER}


def everywhere(center: Center) -> str:
    """All that is stored of contacts and of what agents asked for."""
    tables = ("contact", "contact_personal", "proxy_call", "agent_command", "contact_event", "agent_event")
    rows = [center.sql(f"select to_jsonb(t) as row from {table} t") for table in tables]
    return str(rows)


def sent_out(center: Center) -> ProxyCall:
    """Ann sent the caller to a telephone number, by command."""
    call = center.bridged()
    Transfers(center.database).ask("ann", "transfer", NAMED)
    way = {"do": "number", "number": NUMBER, "prompt": ""}
    return center.move(call, On.TRANSFERRED_OUT, end_reservation="wrap_up", set={"way": way})


def test_the_number_that_a_contact_was_sent_to_is_erased_with_its_caller(center: Center) -> None:
    call = sent_out(center)
    assert call.way is not None
    assert call.way.number == NUMBER
    center.contacts.erase(call.contact_id)
    assert NUMBER not in everywhere(center)
    after = center.proxy_calls.get(call.proxy_call_id)
    assert after is not None
    assert after.way is not None
    assert (after.way.do, after.way.number) == ("number", "")


def test_what_agents_asked_for_in_other_contacts_stays(center: Center) -> None:
    sent_out(center)
    center.contacts.erase(center.contact())
    assert center.value("select data from agent_command") == NAMED


@pytest.mark.parametrize("done", [True, False])
def test_a_sign_of_life_of_the_switch_takes_old_commands_away(center: Center, done: bool) -> None:
    center.bridged()
    transfers = Transfers(center.database)
    old = transfers.ask("ann", "consult", NAMED)
    if done:
        transfers.finish(old, "done")
    Agents(center.database).see_switch("away", "core-1")
    assert center.value("select count(*) from agent_command") == 1
    center.sql("update agent_command set requested_at = requested_at - interval '25 hours'")
    Agents(center.database).see_switch("home", "core-1")
    assert center.value("select count(*) from agent_command") == 1, "another switch's"
    Agents(center.database).see_switch("away", "core-1")
    assert center.value("select count(*) from agent_command") == 0


@pytest.mark.parametrize(
    "number", ["", "+", "12@evil.example", "1 2", "{a=b}12", "123456789012345678901", "a,b"]
)
def test_what_is_no_telephone_number_cannot_be_asked_for(center: Center, number: str) -> None:
    center.bridged()
    with pytest.raises((Declined, StoreError), match="no telephone number"):
        Transfers(center.database).ask("ann", "transfer", {"to": "number", "name": number})
    assert center.value("select count(*) from agent_command") == 0
