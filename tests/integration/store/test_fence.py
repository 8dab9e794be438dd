"""A leader that was replaced writes nothing any more, however its writes and the replacement meet."""

from __future__ import annotations

from typing import Any

import gevent
import pytest

from fsroute.acd.proxy_call import On
from fsroute.errors import Fenced
from fsroute.store.lease import Lease
from tests.fix_center import EPOCH, Center
from tests.waiting import until

WAITING_FOR_THE_FENCE = (
    "select count(*) from pg_locks where locktype = 'advisory' and classid = 1718841971 and not granted"
)


def take_over(center: Center) -> int:
    row = center.database.one("lease_take", name="coordinator", holder="next", epoch=EPOCH, duration=10.0)
    assert row is not None
    return int(row["epoch"])


def test_a_write_under_way_commits_before_the_leadership_changes(center: Center) -> None:
    call = center.queued()
    with center.database.transaction() as writing:
        assert writing.one("reserve_agent", **reservation(call.proxy_call_id)) is not None
        taking = gevent.spawn(take_over, center)
        until(lambda: center.value(WAITING_FOR_THE_FENCE) == 1)
        assert not taking.ready()
        assert center.value("select epoch from lease where name = 'coordinator'") == EPOCH
    assert taking.get(timeout=30) == EPOCH + 1
    assert center.live_reservations() == [("ann", call.proxy_call_id)]


def test_a_write_that_meets_the_change_of_leadership_waits_for_it_and_is_refused(center: Center) -> None:
    call = center.queued()
    with center.database.transaction() as changing:
        changing.one("lease_take", name="coordinator", holder="next", epoch=EPOCH, duration=10.0)
        writing = gevent.spawn(center.reserve, call)
        until(lambda: center.value(WAITING_FOR_THE_FENCE) == 1)
    with pytest.raises(Fenced):
        writing.get(timeout=30)
    assert center.live_reservations() == []


def test_writes_of_one_leader_do_not_wait_for_each_other(center: Center) -> None:
    first, second = center.queued(), center.queued()
    with center.database.transaction() as writing:
        writing.one("reserve_agent", **reservation(first.proxy_call_id))
        assert center.reserve(second, "bob") is not None
    assert sorted(center.live_reservations()) == [("ann", first.proxy_call_id), ("bob", second.proxy_call_id)]


def test_every_write_of_a_leader_that_was_replaced_is_refused(center: Center) -> None:
    call = center.queued()
    assert take_over(center) == EPOCH + 1
    with pytest.raises(Fenced):
        center.reserve(call)
    with pytest.raises(Fenced):
        center.proxy_calls.move(call.proxy_call_id, On.LIMIT_PASSED, epoch=EPOCH)
    assert center.proxy_calls.get(call.proxy_call_id) == call


def test_a_renewal_of_the_lease_waits_for_no_write(center: Center) -> None:
    lease = Lease(center.database, "coordinator", center.value("select holder from lease"), 10.0)
    call = center.queued()
    with center.database.transaction() as writing:
        writing.one("reserve_agent", **reservation(call.proxy_call_id))
        with gevent.Timeout(3):
            center.database.one(
                "lease_renew", name=lease.name, holder=lease.holder, epoch=EPOCH, duration=10.0
            )


def reservation(proxy_call_id: int) -> dict[str, Any]:
    return {
        "epoch": EPOCH,
        "proxy_call_id": proxy_call_id,
        "agent_id": "ann",
        "agent_leg_uuid": "leg",
        "data": "{}",
    }
