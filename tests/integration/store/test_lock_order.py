"""Locks are taken in one order everywhere: the contact, its proxy call, its agent. Nobody holds a later one up."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any
from uuid import uuid4

import gevent
import psycopg
import pytest
from psycopg.types.json import Jsonb

from fsroute.acd.proxy_call import On
from fsroute.model.contact import Demand
from fsroute.model.proxy_call import ProxyCall
from fsroute.model.routing import Routing, TimeLineStep
from fsroute.store.agents import Agents
from fsroute.store.duty import Duty
from fsroute.store.transfers import Transfers
from tests.fix_center import EPOCH, Center
from tests.waiting import until

WAITS = "select count(*) from pg_locks where not granted"
BACK = (TimeLineStep(0.0, "back"),)


@contextmanager
def held(center: Center, statement: str, **values: object) -> Iterator[None]:
    """Another session is in a transaction that has done this."""
    other = psycopg.connect(center.database.conninfo, options="-c search_path=fsroute")
    with other:
        other.execute(statement.encode(), values)
        yield
        other.rollback()


def waits_with_free_hands(center: Center, call: ProxyCall, do: Callable[[], Any], *tables: str) -> Any:
    """While somebody closes the contact, `do` waits and holds none of the call's rows in `tables`."""
    with held(center, "select from contact where contact_id = %(id)s for update", id=call.contact_id):
        doing = gevent.spawn(do)
        until(lambda: center.value(WAITS) > 0)
        for table in tables:
            key, value = ("agent_id", "ann") if table == "agent" else ("proxy_call_id", call.proxy_call_id)
            center.sql(f"select from {table} where {key} = %(value)s for update nowait", value=value)
    return doing.get(timeout=30)


def test_an_outcome_code_waits_for_the_contact_without_its_agent(center: Center) -> None:
    call = center.bridged()
    center.sql("insert into outcome_code values ('blue', '1', 'sold')")
    give = partial(Duty(center.database).outcome, "ann", "1")
    assert waits_with_free_hands(center, call, give, "agent").meaning == "sold"


def test_a_consultation_waits_for_the_contact_without_its_proxy_call(center: Center) -> None:
    call = center.bridged()
    leg, about = call.agent_leg_uuid or "", {"to": "agent"}
    consult = partial(Transfers(center.database).open, leg, str(uuid4()), "ann-leg", "core-1", about)
    assert waits_with_free_hands(center, call, consult, "proxy_call", "agent")


def test_no_consultation_begins_in_a_talk_that_the_agent_left_while_it_waited(center: Center) -> None:
    call = center.bridged()
    leg = call.agent_leg_uuid or ""
    consult = partial(
        Transfers(center.database).open, leg, str(uuid4()), "ann-leg", "core-1", {"to": "agent"}
    )
    with center.database.transaction() as leaving:
        leaving.run("agent_left", agent_leg_uuid=leg, data=Jsonb({}), hand_over=False)
        doing = gevent.spawn(consult)
        until(lambda: center.value(WAITS) > 0)
    assert doing.get(timeout=30) is False


def test_a_way_back_waits_for_the_contact_without_its_proxy_call(center: Center) -> None:
    routing = Routing("orders", Demand("blue", "voice"), time_line=BACK)
    asked = center.proxy_calls.route(center.contact(), routing)
    assert asked is not None
    call = center.move(asked, On.TAKEN, epoch=EPOCH)
    center.sql("update proxy_call set back_to = %(back)s", back=Jsonb({"queue": "late"}))
    back = partial(
        center.proxy_calls.move, call.proxy_call_id, On.TIME_LINE_STEP, epoch=EPOCH, set={"time_line_done": 1}
    )
    assert waits_with_free_hands(center, call, back, "proxy_call").queue == "late"


@pytest.mark.parametrize(
    "entered",
    [
        "insert into agent_skill values ('ann', 'spanish', 1)",
        "update agent_skill set level = 9 where agent_id = 'ann'",
        "delete from agent_authorization where agent_id = 'ann'",
        "insert into agent_medium (agent_id, medium) values ('ann', 'chat')",
    ],
)
def test_a_session_that_enters_what_an_agent_may_serve_holds_no_reservation_up(
    center: Center, entered: str
) -> None:
    call = center.queued()
    with held(center, entered):
        reserving = gevent.spawn(center.reserve, call)
        assert reserving.get(timeout=30) is not None
    before = center.agent()["version"]
    center.sql(entered)
    assert center.agent()["version"] > before, "the coordinator reads the agent again"


def test_an_agent_may_log_on_while_another_session_enters_skills(center: Center) -> None:
    with held(center, "insert into agent_skill values ('ann', 'spanish', 1)"):
        gevent.spawn(Duty(center.database).log_on, "ann").get(timeout=30)


def test_who_leaves_while_the_consultation_is_completed_leaves_the_talk(center: Center) -> None:
    """The reservation moves to the caller's proxy call while the consulted agent's leaving waits for it."""
    talk = center.bridged()
    contact_id = str(uuid4())
    transfers = Transfers(center.database)
    assert transfers.open(talk.agent_leg_uuid or "", contact_id, "ann-leg", "core-1", {"to": "agent"})
    asked = center.proxy_calls.request(contact_id, "late")
    assert asked is not None
    offered = center.reserve(center.move(asked, On.TAKEN, epoch=EPOCH), "bob")
    assert offered is not None
    center.place(offered, "bridged", "joined", "not_needed")
    leave = partial(center.proxy_calls.agent_left, offered.agent_leg_uuid or "", "NORMAL_CLEARING")
    with center.database.transaction() as completing:
        completed = completing.run(
            "complete_consultation", agent_leg_uuid=talk.agent_leg_uuid, data=Jsonb({"by": "agent"})
        )
        assert len(completed) == 2
        leaving = gevent.spawn(leave)
        until(lambda: center.value(WAITS) > 0)
    left = leaving.get(timeout=30)
    assert left is not None
    assert left.proxy_call_id == talk.proxy_call_id
    assert center.live_reservations() == []


def test_a_switch_that_comes_back_waits_for_an_agent_and_lets_who_has_that_row_refer_to_it(
    center: Center,
) -> None:
    agents = Agents(center.database)
    assert agents.switch_away("away", "test")
    again = b"update agent set switch_id = switch_id where agent_id = 'ann'"
    with psycopg.connect(center.database.conninfo, options="-c search_path=fsroute") as psql:
        psql.execute(again)
        coming = gevent.spawn(agents.switch_back, "away")
        until(lambda: center.value(WAITS) > 0)
        psql.execute("set local lock_timeout = '200ms'")  # less than until a deadlock is found
        psql.execute(again)  # a row of one's own is checked again
    assert coming.get(timeout=30)
