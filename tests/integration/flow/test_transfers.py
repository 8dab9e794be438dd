"""What agents do during a talk, between stand-in switches: hold, transfers, consultations, conferences."""

from __future__ import annotations

import pytest

from fsroute.acd.desk import Desk
from fsroute.model import AgentStatus
from fsroute.monitoring.audit import audit
from fsroute.switchsim import Answers, Busy, CallerCall, NoAnswer
from fsroute.switchsim.people import Behaviour
from fsroute.switchsim.telephones import AgentCall
from tests.integration.flow.conftest import World
from tests.waiting import until

SITES = [("ann", "bob"), ("ann", "dee"), ("dee", "cyd")]
"""Agents who talk, and colleagues, with the caller at west: both at east, one at each, the other way round."""


def telephone(world: World, name: str) -> AgentCall:
    """The last call at an agent's telephone."""
    until(lambda: any(call.name == name for call in world.network.agent_calls), 10)
    return [call for call in world.network.agent_calls if call.name == name][-1]


def talking(world: World, name: str) -> tuple[CallerCall, AgentCall]:
    """A caller and an agent who talk."""
    world.log_on(name, Answers(after=0.1))
    call = world.call_for_an_agent()
    until(lambda: call.talked_with == name and call.is_talking, 10)
    phone = telephone(world, name)
    until(lambda: phone.channel is not None and phone.channel.digit_actions is not None, 5)
    return call, phone


def ask(world: World, agent_id: str, kind: str, **data: str) -> str:
    """What comes of a command for an agent."""
    transfers = world.store.transfers
    command = transfers.ask(agent_id, kind, data)
    until(lambda: transfers.result(command) is not None, 5)
    return transfers.result(command) or ""


def hears(call: CallerCall | AgentCall, what: str) -> None:
    until(lambda: what in call.timeline.now, 5)


def end(world: World, call: CallerCall, *outcomes: str) -> None:
    """The caller hangs up; nothing is left, nothing was violated."""
    call.hang_up()
    until(lambda: sorted(world.outcomes()) == sorted(outcomes), 10)
    assert_all_is_well(world)


def assert_all_is_well(world: World) -> None:
    """Nothing left, nothing violated; how fast it went (I3) is judged where the machine has nothing else to do."""
    world.assert_nothing_left(silence=2.0)
    found = [violation for violation in audit(world.store.database) if violation.invariant != "I3"]
    assert found == [], "\n".join(map(str, found))


@pytest.mark.parametrize("name", ["ann", "dee"])
def test_a_caller_on_hold_hears_music_and_the_talk_goes_on(world: World, name: str) -> None:
    call, phone = talking(world, name)
    phone.press("*1")
    until(lambda: "held" in world.kinds(), 5)
    hears(call, "local_stream")
    phone.press("*1")
    until(lambda: "resumed" in world.kinds(), 5)
    hears(call, f"talking with {name}")
    assert call.digits == []
    end(world, call, "served")


def colleague(world: World, name: str, *behaviours: Behaviour) -> None:
    """An agent whom nothing but a transfer or a consultation reaches: without the skill."""
    world.query(f"delete from agent_skill where agent_id = '{name}' returning 1")
    world.query(f"insert into agent_authorization select '{name}', contact_center_id from contact_center"
                " on conflict do nothing returning 1")  # fmt: skip
    world.query(f"update agent set extension = '77' where agent_id = '{name}' returning 1")
    world.log_on(name, *(behaviours or (Answers(after=0.1),)))


def consulting(world: World, name: str, other: str) -> tuple[CallerCall, AgentCall, AgentCall]:
    """An agent and a colleague who talk, while the caller is held."""
    call, phone = talking(world, name)
    colleague(world, other)
    phone.press("**2")
    phone.press("77#")
    second = telephone(world, other)
    hears(phone, f"talking with {other}")
    hears(second, f"talking with {name}")
    hears(call, "local_stream")
    until(lambda: world.states() == ["bridged", "bridged"], 5)
    until(lambda: is_joined(world, name), 5)
    return call, phone, second


def is_joined(world: World, name: str) -> bool:
    """The agent's switch knows that the consulted one is there."""
    channels = [*world.west.switch.channels.values(), *world.east.switch.channels.values()]
    return any(channel.get("park_after_bridge") == "true" for channel in channels)


@pytest.mark.parametrize(("name", "other"), SITES)
def test_a_contact_goes_to_an_agent_and_no_other_way(world: World, name: str, other: str) -> None:
    call, phone = talking(world, name)
    colleague(world, other)
    assert ask(world, name, "transfer", to="agent", name=other) == "done"
    until(lambda: call.talked_with == other, 10)
    assert phone.cause is not None
    assert world.query("select only_agent_id from proxy_call") == [(other,)]
    end(world, call, "served")


def test_a_contact_goes_back_where_it_was_when_the_chosen_agent_does_not_come(world: World) -> None:
    settings(world, agent_wait=1.0)
    call, _ = talking(world, "ann")
    colleague(world, "bob", NoAnswer())
    world.query("update queue set offer_timeout = 30 returning 1")
    assert ask(world, "ann", "transfer", to="agent", name="bob") == "done"
    until(lambda: world.kinds().count("joined") == 2, 30)
    assert world.query("select only_agent_id, skills from proxy_call") == [(None, [["orders", 1]])]
    end(world, call, "served")


@pytest.mark.parametrize("name", ["ann", "dee"])
def test_a_contact_goes_to_a_queue_with_its_priority_and_arrival(world: World, name: str) -> None:
    world.query("insert into queue (contact_center_id, queue, priority, extension)"
                " select contact_center_id, 'repairs', 9, '8' from contact_center returning 1")  # fmt: skip
    world.query(
        "insert into queue_skill select contact_center_id, 'repairs', 'repairs' from contact_center returning 1"
    )
    call, phone = talking(world, name)
    before = world.query("select priority, arrived_at from proxy_call")
    colleague(world, "cyd")
    world.query("insert into agent_skill values ('cyd', 'repairs', 1) returning 1")
    phone.press("*3")
    phone.press("8#")
    until(lambda: call.talked_with == "cyd", 10)
    assert world.query("select priority, arrived_at from proxy_call") == before
    assert world.query("select queue from proxy_call") == [("repairs",)]
    end(world, call, "served")


@pytest.mark.parametrize(("name", "other"), SITES)
def test_a_consultation_is_completed(world: World, name: str, other: str) -> None:
    call, phone, _ = consulting(world, name, other)
    assert ask(world, name, "complete") == "done"
    hears(call, f"talking with {other}")
    until(lambda: phone.cause is not None, 5)
    reserved = "select agent_id from reservation where ended_at is null"
    assert world.query(reserved) == [(other,)]
    assert world.states() == ["bridged", "ended"]
    end(world, call, "served", "served")


@pytest.mark.parametrize(("name", "other"), SITES)
def test_a_consultation_is_cancelled(world: World, name: str, other: str) -> None:
    call, _, second = consulting(world, name, other)
    assert ask(world, name, "cancel") == "done"
    hears(call, f"talking with {name}")
    until(lambda: second.cause is not None, 5)
    end(world, call, "served", "served")


@pytest.mark.parametrize(("name", "other"), SITES)
def test_the_talk_goes_on_when_the_consulted_agent_leaves(world: World, name: str, other: str) -> None:
    call, _, second = consulting(world, name, other)
    second.hang_up()
    hears(call, f"talking with {name}")
    end(world, call, "served", "served")


@pytest.mark.parametrize(("name", "other"), SITES)
def test_an_agent_who_hangs_up_on_the_consulted_one_has_completed(
    world: World, name: str, other: str
) -> None:
    call, phone, _ = consulting(world, name, other)
    phone.hang_up()
    hears(call, f"talking with {other}")
    end(world, call, "served", "served")


def test_a_look_at_the_channels_leaves_the_end_of_a_consultation_to_the_agents_switch(world: World) -> None:
    call, phone, _ = consulting(world, "dee", "cyd")
    app = world.west.app
    assert app is not None
    assert app.acd is not None
    assert app.callserver is not None
    app.acd.stop()
    phone.hang_up()
    until(lambda: phone.channel is not None and phone.channel.uuid not in world.west.switch.channels)
    app.callserver.reconcile()
    assert world.outcomes() == [], "its switch has a moment to complete it"
    app.callserver.reconcile()
    assert world.outcomes() == ["served"], "nobody else has"
    call.hang_up()
    until(lambda: world.outcomes() == ["served", "served"], 10)


@pytest.mark.parametrize(("name", "other"), SITES)
def test_a_held_caller_who_hangs_up_ends_the_consultation(world: World, name: str, other: str) -> None:
    call, phone, second = consulting(world, name, other)
    call.hang_up()
    until(lambda: phone.cause is not None and second.cause is not None, 5)
    world.wait_for_outcomes("served", "served")
    assert_all_is_well(world)


@pytest.mark.parametrize("name", ["ann", "dee"])
def test_who_consults_nobody_and_hangs_up_leaves_the_caller_at_the_head(world: World, name: str) -> None:
    call, phone = talking(world, name)
    colleague(world, "bob", NoAnswer())
    assert ask(world, name, "consult", to="agent", name="bob") == "done"
    hears(call, "local_stream")
    world.declare(name, AgentStatus.ON_BREAK)
    phone.hang_up()
    until(lambda: "conversation_lost" in world.kinds(), 5)
    until(lambda: world.states()[0] == "queued", 5)
    world.declare(name, AgentStatus.AVAILABLE)
    until(lambda: world.kinds().count("joined") == 2, 10)
    end(world, call, "served", "abandoned")


def test_a_consulted_agent_who_is_busy_gives_the_caller_back(world: World) -> None:
    call, _ = talking(world, "ann")
    colleague(world, "bob", Busy())
    assert ask(world, "ann", "consult", to="agent", name="bob") == "done"
    hears(call, "local_stream")
    world.declare("bob", AgentStatus.LOGGED_OUT)
    hears(call, "talking with ann")
    end(world, call, "served", "refused")


@pytest.mark.parametrize(("name", "other"), SITES)
@pytest.mark.parametrize("leaves", ["agent", "colleague", "caller"])
def test_who_leaves_a_conference_leaves_the_others_to_it(
    world: World, name: str, other: str, leaves: str
) -> None:
    call, phone, second = consulting(world, name, other)
    assert ask(world, name, "conference") == "done"
    hears(phone, "conference")
    {"agent": phone, "colleague": second, "caller": call}[leaves].hang_up()
    if leaves != "caller":
        hears(call, f"talking with {other if leaves == 'agent' else name}")
    end(world, call, "served", "served")


def test_what_cannot_be_done_leaves_the_talk_as_it_is(world: World) -> None:
    call, _ = talking(world, "ann")
    colleague(world, "bob")
    world.declare("bob", AgentStatus.ON_BREAK)
    assert ask(world, "ann", "transfer", to="agent", name="77") == "agent bob is on break"
    assert ask(world, "ann", "transfer", to="agent", name="ann") == "that is the agent who asks"
    assert ask(world, "ann", "consult", to="queue", name="none") == "there is no queue none"
    assert ask(world, "ann", "transfer", to="number", name="19005550100") == "that number is not allowed"
    assert ask(world, "ann", "resume") == "the contact is not on hold"
    assert ask(world, "ann", "complete") == "nobody is being consulted"
    hears(call, "talking with ann")
    end(world, call, "served")


def settings(world: World, **changes: object) -> None:
    """What the configuration of both sites would say of agents."""
    for site in (world.west, world.east):
        assert site.app is not None
        assert site.app.acd is not None
        desk = site.app.acd._desk
        assert isinstance(desk, Desk)
        for name, value in changes.items():
            object.__setattr__(desk._settings, name, value)


def test_a_contact_goes_to_a_telephone_number_and_its_record_says_so(world: World) -> None:
    settings(world, numbers="[0-9]{4}")
    call, phone = talking(world, "ann")
    phone.press("*4")
    phone.press("5000#")
    world.wait_for_outcomes("transferred")
    assert phone.cause is not None
    assert world.query("select state, way ->> 'number' from proxy_call") == [("ended", "5000")]
    assert "transferred_out" in world.kinds()
    call.hang_up()
    assert_all_is_well(world)


def rerouted(world: World) -> list[str]:
    """Who took the contact, one after the other."""
    joined = world.query("select agent_id from contact_event where kind = 'joined' order by event_id")
    return [agent_id for (agent_id,) in joined]


def test_somebody_else_who_is_idle_gets_what_an_agent_sends_to_the_own_queue(world: World) -> None:
    world.query("update queue set strategy = 'last_agent' returning 1")
    call, _ = talking(world, "ann")
    world.query("update proxy_call set preferred_agent_id = 'ann' returning 1")
    world.log_on("bob", Answers(after=0.1))
    assert ask(world, "ann", "transfer", to="queue", name="support") == "done"
    until(lambda: call.talked_with == "bob", 10)
    until(lambda: rerouted(world) == ["ann", "bob"])
    end(world, call, "served")


def test_who_is_the_only_one_there_gets_it_again_after_the_pause(world: World) -> None:
    settings(world, pause=1.5)
    world.query("update agent set set_aside = 300 returning 1")
    call, _ = talking(world, "ann")
    assert ask(world, "ann", "transfer", to="queue", name="support") == "done"
    until(lambda: rerouted(world) == ["ann", "ann"], 20)
    [(sent, again)] = world.query(
        "select extract(epoch from t.at), extract(epoch from r.at) from contact_event t, contact_event r"
        " where t.kind = 'transferred' and r.kind = 'agent_reserved' and r.event_id > t.event_id"
    )
    assert 1.4 < again - sent < 60, "not as long as who did not answer"
    end(world, call, "served")


def test_who_does_not_serve_the_queue_is_idle_at_once(world: World) -> None:
    world.query("insert into queue (contact_center_id, queue) values ('acme', 'repairs') returning 1")
    world.query("insert into queue_skill values ('acme', 'repairs', 'repairs') returning 1")
    world.query("insert into agent_skill values ('bob', 'repairs', 1) returning 1")
    call, _ = talking(world, "ann")
    assert ask(world, "ann", "transfer", to="queue", name="repairs") == "done"
    assert world.query("select available_from <= clock_timestamp() from agent where agent_id = 'ann'") == [
        (True,)
    ]
    until(lambda: world.states() == ["queued"], 5)
    end(world, call, "abandoned")
