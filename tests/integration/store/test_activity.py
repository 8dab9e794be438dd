from __future__ import annotations

import time
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from fsroute.errors import Fenced
from fsroute.model.activity import AgentKey, Counts, QueueKey, Source
from fsroute.store.activity import Activities, ActivityWriting
from tests.fix_center import Center
from tests.integration.store.activity_rows import ANN, INTERVAL, NOW, SUPPORT, writing


def test_what_is_written_is_read_as_it_is(center: Center) -> None:
    writing(center).write({"whole": True, "agents": [ANN], "queues": [SUPPORT], "link": "up", "seen": True})
    [changes] = Activities(center.database).changes({})
    assert changes.whole
    assert (changes.head.site_id, changes.head.link) == ("east", "up")
    assert changes.head.age(time.time()) < 5
    [agent], [queue] = changes.agents, changes.queues
    assert agent.key == AgentKey(Source.CALLCENTER, "ann")
    assert (agent.queues, agent.reachable, agent.state_until) == ({"support": (1, 2)}, None, None)
    assert agent.idle_since == pytest.approx(NOW, abs=0.001)
    assert queue.key == QueueKey(Source.CALLCENTER, "support")
    assert queue.windows == {60: Counts(offered=3)}
    assert queue.in_progress == 3


def test_a_reader_gets_only_what_is_newer_than_it_knows(center: Center) -> None:
    rows = writing(center)
    rows.write({"whole": True, "agents": [ANN, ANN | {"agent": "bob"}], "queues": [SUPPORT]})
    activities = Activities(center.database)
    known = {"away": activities.heads()[0].version}
    assert activities.changes(known) == []
    rows.write({"seen": True})
    assert activities.changes(known) == [], "a sign of life is no change"
    rows.write({"agents": [ANN | {"state": "ringing"}]})
    [changes] = activities.changes(known)
    assert not changes.whole
    assert [agent.key.agent for agent in changes.agents] == ["ann"]
    assert changes.queues == ()
    rows.write({"gone_agents": [{"source": "callcenter", "agent": "bob"}]})
    [changes] = activities.changes({"away": changes.head.version})
    assert changes.whole, "rows were taken away"
    assert [agent.key.agent for agent in changes.agents] == ["ann"]
    assert activities.changes({}, ["home"]) == []


def test_who_selects_reads_none_of_our_own_agents_no_numbers_and_no_counts(center: Center) -> None:
    own, number = ANN | {"source": "fsroute"}, SUPPORT | {"source": "number", "queue": "8005550100"}
    writing(center).write({"whole": True, "agents": [ANN, own], "queues": [SUPPORT, number]})
    [changes] = Activities(center.database).changes({}, to_select=True)
    [agent], [queue] = changes.agents, changes.queues
    assert (agent.key.source, queue.key) == (Source.CALLCENTER, QueueKey(Source.CALLCENTER, "support"))
    assert queue.in_progress == 3
    assert queue.windows == {}


def test_a_write_whose_answer_was_lost_counts_once(center: Center) -> None:
    rows = writing(center)
    rows.write({"agents": [ANN], "intervals": [INTERVAL]})
    version = Activities(center.database).heads()[0].version
    rows._sequence -= 1  # it is sent again
    rows.write({"agents": [ANN], "intervals": [INTERVAL | {"offered": 9}]})
    assert Activities(center.database).heads()[0].version == version
    assert [row["offered"] for row in rows.intervals(0)] == [3]


def test_a_processor_that_has_been_replaced_is_refused(center: Center) -> None:
    first, second = writing(center, 1), writing(center, 2)
    second.write({"agents": [ANN]})
    with pytest.raises(Fenced, match="epoch 1 is not the CTI processor's of switch away"):
        first.write({"agents": [ANN]})
    with pytest.raises(Fenced):
        first.begin()
    with pytest.raises(Fenced):
        ActivityWriting(center.database, "nowhere", 1).begin()


def test_the_next_processor_finds_what_the_one_before_has_left(center: Center) -> None:
    call = {
        "source": "callcenter", "queue": "support", "medium": "voice", "call_id": "m1", "state": "talking",
        "picked_up": False, "entered_at": NOW, "answered_at": NOW + 2, "agent": "ann",
    }  # fmt: skip
    writing(center).write(
        {"queues": [SUPPORT], "calls": [call], "marks": {"callcenter": {"support": [1, 0]}}}
    )
    before = writing(center, 2).before()
    assert before.marks == {"callcenter": {"support": [1, 0]}}
    assert [row["call_id"] for row in before.calls] == ["m1"]
    assert before.windows[0]["windows"] == {"60": {"offered": 3}}
    gone = {key: call[key] for key in ("source", "queue", "medium", "call_id")}
    writing(center, 3).write({"gone_calls": [gone]})
    assert writing(center, 4).before().calls == ()


def test_days_that_are_over_are_rolled_up_and_old_ones_go(center: Center) -> None:
    rows = writing(center)
    day = 86400.0
    midnight = NOW - NOW % day
    begins = [midnight - day, midnight - day + 900, midnight - 40 * day, midnight]
    rows.write({"intervals": [INTERVAL | {"begins_at": begin} for begin in begins]})
    for _ in range(2):  # again changes nothing
        rows.roll_up(35, 400)
        days = center.sql("select day, offered, longest_wait_s from activity_day order by day")
        assert [(row["offered"], row["longest_wait_s"]) for row in days] == [(3, 2.5), (6, 2.5)]
        assert [row["begins_at"] for row in rows.intervals(0)] == [begins[0], begins[1], begins[3]]
    rows.roll_up(35, 20)
    assert len(center.sql("select day from activity_day")) == 1


def test_updates_of_a_row_leave_the_indexes_alone(center: Center) -> None:
    """HOT: else each change of an agent would cost as many writes as the table has indexes."""
    writing(center)
    for number in range(50):  # on one connection, whose statistics are then those of all
        news = {"agents": [ANN | {"state": "ringing" if number % 2 else "idle"}], "queues": [SUPPORT]}
        center.sql(
            "select write_activity('away', 1, %(number)s, %(news)s)", number=number + 1, news=Jsonb(news)
        )
    center.sql("select pg_stat_force_next_flush()")
    assert _hot(center, "site_agent") > 0.9
    assert _hot(center, "site_activity") > 0.9


def _hot(center: Center, table: str) -> Any:
    return center.value(
        "select pg_stat_get_tuples_hot_updated(c.oid)::float8 / greatest(1, pg_stat_get_tuples_updated(c.oid))"
        " from pg_class c where c.oid = %(table)s::regclass",
        table=f"fsroute.{table}",
    )
