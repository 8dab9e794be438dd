"""An agent leaves a talk and is reserved for the next contact: one statement, one commit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from uuid import uuid4

import gevent
import psycopg
import pytest

from fsroute.acd.dial import originate
from fsroute.errors import Fenced, StoreError
from fsroute.model.agent import Agent
from fsroute.model.contact import Outcome
from fsroute.model.proxy_call import AgentLeg, NetworkLeg, ProxyCall, State
from fsroute.store.claims import Claim
from tests.fix_center import EPOCH, Center, Standing, at_once, standing
from tests.waiting import until

REFUSED, FAILED = "refused", "failed"


@dataclass
class Leader:
    """Knows which contact ann turns to, and hears what came of it."""

    center: Center
    next_one: ProxyCall
    epoch: int = EPOCH
    asked: list[ProxyCall] = field(default_factory=list)
    heard: list[ProxyCall | str] = field(default_factory=list)
    freed: list[Agent] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.center.proxy_calls.on_leaving = self.leaves
        self.center.proxy_calls.on_let_go = lambda agent, _call: self.freed.append(agent)

    def leaves(self, call: ProxyCall) -> Claim:
        self.asked.append(call)
        return Claim(
            self.epoch, self.next_one, "ann", str(uuid4()), {"place": [0, 1.5, 7]},
            reserved=lambda row: self.heard.append(row or REFUSED), failed=self.failed,
        )  # fmt: skip

    def failed(self, error: StoreError) -> None:
        self.heard.append(f"{FAILED}: {type(error).__name__}")


@pytest.fixture
def talk(center: Center) -> ProxyCall:
    """ann talks, and does not wrap up afterwards."""
    center.sql("update agent set wrap_up = 0")
    return center.bridged()


def leave(center: Center, talk: ProxyCall) -> ProxyCall | None:
    return center.proxy_calls.agent_left(talk.agent_leg_uuid or "", "NORMAL_CLEARING", talk)


def test_the_agent_is_reserved_anew_in_the_commit_that_lets_go_of_the_agent(
    center: Center, talk: ProxyCall
) -> None:
    leader = Leader(center, center.queued())
    left = leave(center, talk)
    assert left is not None
    assert (left.proxy_call_id, left.state, left.agent_leg) == (
        talk.proxy_call_id, State.BRIDGED, AgentLeg.NONE,
    )  # fmt: skip
    (offered,) = leader.heard
    assert isinstance(offered, ProxyCall)
    assert standing(offered) == Standing(State.OFFERED, AgentLeg.DIALLING, NetworkLeg.WANTED)
    assert offered == center.proxy_calls.get(offered.proxy_call_id)
    assert center.live_reservations() == [("ann", offered.proxy_call_id)]
    assert center.agent_kinds() == ["reserved", "released", "reserved"]
    before, after = center.events(talk.contact_id)[-1], center.events(offered.contact_id)[-1]
    assert (before["kind"], after["kind"], after["data"]["place"]) == (
        "agent_left", "agent_reserved", [0, 1.5, 7],
    )  # fmt: skip
    assert before["written_by"] == after["written_by"]
    assert before["at"] < after["at"]


def test_an_agent_who_goes_on_is_not_handed_over(center: Center, talk: ProxyCall) -> None:
    leader = Leader(center, center.queued())
    leave(center, talk)
    assert leader.freed == [], "nobody is free: the row is read when it is wanted"


def abandoned(center: Center, waiting: ProxyCall) -> None:
    center.contacts.close(waiting.contact_id, Outcome.ABANDONED, {})


def served_by_another(center: Center, waiting: ProxyCall) -> None:
    assert center.reserve(waiting, "bob") is not None


def on_break(center: Center, _waiting: ProxyCall) -> None:
    center.sql("update agent set status = 'on_break' where agent_id = 'ann'")


def to_wrap_up(center: Center, _waiting: ProxyCall) -> None:
    center.sql("update agent set wrap_up = 5 where agent_id = 'ann'")


def retrained(center: Center, _waiting: ProxyCall) -> None:
    center.sql("delete from agent_skill where agent_id = 'ann' and skill = 'english'")


@pytest.mark.parametrize("meanwhile", [abandoned, served_by_another, on_break, to_wrap_up, retrained])
def test_the_agent_has_left_where_the_next_contact_is_not_to_be_had(
    center: Center, talk: ProxyCall, meanwhile: Callable[[Center, ProxyCall], None]
) -> None:
    leader = Leader(center, center.queued())
    meanwhile(center, leader.next_one)
    left = leave(center, talk)
    assert left is not None
    assert (left.agent_id, leader.heard) == (None, [REFUSED])
    assert "ann" not in dict(center.live_reservations())
    assert [ann.agent_id for ann in leader.freed] == ["ann"]


def test_who_was_let_go_by_another_is_reserved_all_the_same(center: Center, talk: ProxyCall) -> None:
    leader = Leader(center, center.queued())
    center.contacts.close(talk.contact_id, Outcome.SERVED, {})
    assert leave(center, talk) is None
    assert [isinstance(row, ProxyCall) for row in leader.heard] == [True]
    assert center.live_reservations() == [("ann", leader.next_one.proxy_call_id)]


def test_who_still_talks_by_the_row_keeps_the_talk(center: Center) -> None:
    call = center.ready()
    leader = Leader(center, center.queued())
    assert leave(center, call) is None
    assert leader.heard == [REFUSED]
    assert center.live_reservations() == [("ann", call.proxy_call_id)]


@pytest.mark.parametrize("epoch", [EPOCH - 1, EPOCH + 1])
def test_a_leader_who_leads_no_longer_reserves_nobody_and_the_agent_has_left(
    center: Center, talk: ProxyCall, epoch: int
) -> None:
    leader = Leader(center, center.queued(), epoch)
    left = leave(center, talk)
    assert left is not None
    assert (left.agent_id, leader.heard) == (None, [f"{FAILED}: {Fenced.__name__}"])
    assert center.live_reservations() == []
    assert center.agent_kinds() == ["reserved", "released"]


def test_a_statement_that_fails_answers_the_claim_and_has_done_nothing(
    center: Center, talk: ProxyCall
) -> None:
    leader = Leader(center, center.queued())
    center.sql(
        "create function broken() returns trigger language plpgsql as $$ begin raise 'broken'; end $$;"
        "create trigger broken before insert on reservation for each row execute function broken()"
    )
    with pytest.raises(StoreError, match="agent_goes_on: broken"):
        leave(center, talk)
    assert leader.heard == [f"{FAILED}: {StoreError.__name__}"]
    assert center.live_reservations() == [("ann", talk.proxy_call_id)]


def test_a_greenlet_that_is_ended_meanwhile_answers_the_claim(center: Center, talk: ProxyCall) -> None:
    leader = Leader(center, center.queued())
    with psycopg.connect(center.database.conninfo, options="-c search_path=fsroute") as other:
        other.execute(
            "select from proxy_call where proxy_call_id = %s for update", [leader.next_one.proxy_call_id]
        )
        leaving = gevent.spawn(leave, center, talk)
        until(lambda: center.value("select count(*) from pg_locks where not granted"))
        leaving.kill()
    assert leader.heard == [f"{FAILED}: {StoreError.__name__}"]


def test_without_a_next_contact_it_is_as_it_always_was(center: Center, talk: ProxyCall) -> None:
    asked: list[ProxyCall] = []
    center.proxy_calls.on_leaving = asked.append  # nothing is known that comes next
    left = leave(center, talk)
    assert left is not None
    assert (left.agent_id, asked) == (None, [talk])


def test_the_next_contact_hangs_up_at_the_same_time(center: Center) -> None:
    center.sql("update agent set wrap_up = 0")
    for _ in range(15):
        center.set_free()
        talk = center.bridged()
        leader = Leader(center, center.queued())
        _, left = at_once(partial(abandoned, center, leader.next_one), partial(leave, center, talk))
        after = center.proxy_calls.get(leader.next_one.proxy_call_id)
        assert after is not None
        assert (left is not None, len(leader.heard), after.state) == (True, 1, State.ABANDONED)
        assert center.live_reservations() == []
        if leader.heard != [REFUSED]:
            assert "agent_reserved" in center.kinds(leader.next_one.contact_id)


def test_the_agent_is_not_held_while_the_next_contact_is_waited_for(center: Center, talk: ProxyCall) -> None:
    leader = Leader(center, center.queued())
    with psycopg.connect(center.database.conninfo, options="-c search_path=fsroute") as other:
        other.execute(
            "select from proxy_call where proxy_call_id = %s for update", [leader.next_one.proxy_call_id]
        )
        leaving = gevent.spawn(leave, center, talk)
        until(lambda: center.value("select count(*) from pg_locks where not granted"))
        center.sql("select from agent where agent_id = 'ann' for update nowait")
    assert leaving.get(timeout=30) is not None
    assert [isinstance(row, ProxyCall) for row in leader.heard] == [True]


def test_caller_and_agent_hang_up_at_the_same_time(center: Center, caplog: pytest.LogCaptureFixture) -> None:
    """Whoever is first: the talk lets go of the agent once, who has the next contact."""
    caplog.set_level("INFO", "fsroute.store.database")  # it says what it tries again
    center.sql("update agent set wrap_up = 0")
    for number in range(15):
        center.set_free()
        talk = center.bridged()
        leader = Leader(center, center.queued())
        doings = [partial(abandoned, center, talk), partial(leave, center, talk)]
        at_once(*(doings if number % 2 else reversed(doings)))
        assert "deadlock" not in caplog.text
        assert center.kinds(talk.contact_id).count("closed") == 1
        assert center.agent_kinds()[-3:] == ["reserved", "released", "reserved"]
        assert center.live_reservations() == [("ann", leader.next_one.proxy_call_id)]
        assert [isinstance(row, ProxyCall) for row in leader.heard] == [True]


@dataclass
class Phone:
    """Hears of what it is to dial; notes how much the leader has heard by then."""

    heard: list[ProxyCall | str]
    said: list[tuple[str, str, int]] = field(default_factory=list)

    def begin(self, call: ProxyCall) -> None:
        self.said.append(("begin", originate(call, "{address}"), len(self.heard)))

    def reserved(self, call: ProxyCall) -> None:
        self.said.append(("reserved", originate(call, "{address}"), len(self.heard)))


def test_who_dials_hears_before_the_commit_what_will_be_dialled_and_after_it_before_anybody_else(
    center: Center, talk: ProxyCall
) -> None:
    leader = Leader(center, center.queued())
    phone = Phone(leader.heard)
    center.proxy_calls.agent_left(talk.agent_leg_uuid or "", "NORMAL_CLEARING", talk, phone)
    (offered,) = leader.heard
    assert isinstance(offered, ProxyCall)
    command = originate(offered, "{address}")
    assert phone.said == [("begin", command, 0), ("reserved", command, 0)]


def test_who_dials_hears_no_more_where_the_contact_was_not_to_be_had(center: Center, talk: ProxyCall) -> None:
    waiting = center.queued()
    leader = Leader(center, waiting)
    abandoned(center, waiting)
    phone = Phone(leader.heard)
    center.proxy_calls.agent_left(talk.agent_leg_uuid or "", "NORMAL_CLEARING", talk, phone)
    assert leader.heard == [REFUSED]
    assert [what for what, _, _ in phone.said] == ["begin"]
