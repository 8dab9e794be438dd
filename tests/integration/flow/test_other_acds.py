"""The center in the east keeps its own ACD: mod_callcenter, or one that is called; callers wait in the west."""

from __future__ import annotations

from typing import Any

from fsroute.switchsim import Agent, AgentCall, Answers, Busy, CallerCall, Fault, NoAnswer
from fsroute.switchsim.people import Behaviour
from tests.integration.flow.callers import CHOOSES, at_home, call_and, calls_to, offer_callback, row
from tests.integration.flow.conftest import World
from tests.integration.flow.test_transfers import ask
from tests.waiting import until

CALLCENTER = '{"queue": "support@default"}'
DESK = "sofia/fsroute_agents/5000@127.0.0.1:6050"


def served_by(
    world: World,
    adapter: str,
    parameters: str,
    lead: str = "offered",
    switch: str = "east-1",
    **queue: object,
) -> None:
    world.query(
        f"insert into other_acd values ('theirs', '{adapter}', '{switch}', '{parameters}') returning 1"
    )
    terms = "".join(f", {name} = {value}" for name, value in queue.items())
    world.query(f"update queue set acd = 'theirs', lead = '{lead}'{terms} returning 1")
    until(lambda: world.west.app is not None and _is_known(world))


def _is_known(world: World) -> bool:
    assert world.west.app is not None
    return all(routing.acd is not None for routing in world.west.app.rules.rules.queues.values())


def of_callcenter(world: World, lead: str = "offered", max_wait: int = 0, **queue: Any) -> None:
    world.east.switch.callcenter.add_queue("support@default", max_wait=max_wait)
    served_by(world, "callcenter", CALLCENTER, lead, **queue)


def stop_app(world: World) -> None:
    """The process in the east is gone; its switch is not."""
    assert world.east.app is not None
    world.east.app.stop()


def on_duty(world: World, name: str, *behaviours: Behaviour, **settings: Any) -> None:
    """An agent of mod_callcenter's."""
    center, address = world.east.switch.callcenter, f"sofia/fsroute_agents/{name}@127.0.0.1:6060"
    world.network.add_agent(Agent(address, name, behaviours))
    center.add_agent(name, address, "Available", **settings)
    center.add_tier("support@default", name)


def waiting(world: World, **values: Any) -> CallerCall:
    """A caller who has a place in the other ACD's queue."""
    before = world.kinds().count("acd_entered")
    call = world.call_for_an_agent(**values)
    until(lambda: world.kinds().count("acd_entered") > before, 10)
    return call


def over(world: World, *outcomes: str) -> None:
    world.wait_for_outcomes(*outcomes, limit=15)
    world.assert_nothing_left()
    world.assert_nothing_violated()


def kept_the_place(world: World) -> CallerCall:
    """A caller who stands at the other ACD, has chosen to be called back, and has hung up."""
    call = call_and(world, *CHOOSES)
    until(lambda: "acd_entered" in world.kinds(), 10)
    offer_callback(world)
    until(call.over.is_set, 20)
    until(lambda: row(world).state == "callback" and not world.west.switch.channels, 10)
    return call


def in_order(kinds: list[str], *wanted: str) -> bool:
    return [kind for kind in dict.fromkeys(kinds) if kind in wanted] == list(wanted)


def test_an_agent_of_mod_callcenter_serves_who_waits_at_home(world: World) -> None:
    of_callcenter(world)
    call = waiting(world)
    (member,) = world.east.switch.callcenter.members.values()
    assert (member.number, member.name) == ("+14155550123", "Ada")
    on_duty(world, "pia", Answers(after=3, talk=4))
    until(lambda: call.talked_with, 15)
    assert call.talked_with == "pia"
    until(lambda: world.east.switch.callcenter.agents["pia"].state == "In a queue call")
    over(world, "served")
    assert in_order(
        world.kinds(), "acd_entered", "acd_offered", "network_leg_raised", "agent_accepted", "joined"
    )
    assert world.query("select acd_agent, acd_leg_uuid is not null from proxy_call") == [("pia", True)]
    [(data,)] = world.query("select data from contact_event where kind = 'joined'")
    assert (data["acd_agent"], data["agent_waited_ms"] >= 0) == ("pia", True)
    until(lambda: world.east.switch.callcenter.agents["pia"].state == "Waiting")
    assert world.east.switch.callcenter.agents["pia"].calls_answered == 1
    assert not world.east.switch.callcenter.members


def test_an_agent_who_does_not_answer_costs_no_place(world: World) -> None:
    of_callcenter(world)
    call = waiting(world)
    on_duty(world, "pia", Busy(), busy_delay_time=60)
    until(lambda: "agent_failed" in world.kinds(), 10)
    assert world.states() == ["queued"]
    on_duty(world, "ria", Answers(after=1, talk=2))
    until(lambda: call.talked_with == "ria", 15)
    over(world, "served")
    assert world.kinds().count("acd_entered") == 1


def test_who_hangs_up_leaves_the_queue_there(world: World) -> None:
    of_callcenter(world)
    call = waiting(world)
    call.hang_up()
    over(world, "abandoned")
    assert [member.state for member in world.east.switch.callcenter.members.values()] == ["Abandoned"]


def test_who_hangs_up_while_the_agents_phone_rings_lets_it_stop(world: World) -> None:
    of_callcenter(world)
    call = waiting(world)
    on_duty(world, "pia", NoAnswer())
    until(lambda: "network_leg_present" in world.kinds(), 10)
    call.hang_up()
    over(world, "abandoned")


def test_a_limit_of_the_queue_there_leads_to_the_overflow_here(world: World) -> None:
    of_callcenter(world, max_wait=1)
    waiting(world)
    until(lambda: world.states() == ["overflowed"], 10)
    [(data,)] = world.query("select data from contact_event where kind = 'limit_passed'")
    assert data["reason"] == "acd_timeout"


def test_the_limits_of_the_queue_here_hold_as_ever(world: World) -> None:
    of_callcenter(world, longest_wait=1.5)
    waiting(world)
    until(lambda: world.states() == ["overflowed"], 10)
    until(lambda: not world.east.switch.channels)
    world.query("update queue set longest_queue = 0 returning 1")
    assert world.west.app is not None
    rules = world.west.app.rules
    until(lambda: all(each.longest_queue == 0 for each in rules.rules.queues.values()))
    world.call_for_an_agent("+14155550124")
    until(lambda: world.states() == ["overflowed", "overflowed"], 10)
    assert world.kinds().count("acd_entered") == 1


def test_with_lead_position_the_leg_is_there_before_the_agent(world: World) -> None:
    of_callcenter(world, "position:1")
    call = waiting(world)
    until(lambda: "network_leg_present" in world.kinds(), 10)
    assert world.states() == ["queued"]
    on_duty(world, "pia", Answers(after=1, talk=2))
    until(lambda: call.talked_with == "pia", 15)
    over(world, "served")
    assert world.kinds().count("network_leg_raised") == 1


def test_the_next_process_goes_on_with_who_waits_and_who_talks(world: World) -> None:
    of_callcenter(world)
    call = waiting(world)
    stop_app(world)
    world.east.start_app()
    on_duty(world, "pia", Answers(after=2, talk=40))
    until(lambda: call.talked_with == "pia", 15)
    until(lambda: world.states() == ["bridged"])
    stop_app(world)
    world.east.start_app()
    until(
        lambda: world.east.app is not None and world.east.app.acd is not None and world.east.app.acd.leads, 10
    )
    (talk,) = [each for each in world.network.agent_calls if each.agent.name == "pia"]
    talk.hang_up()
    over(world, "served")
    assert world.kinds().count("acd_entered") == 1


def test_a_switch_that_comes_back_with_an_empty_memory_is_entered_anew(world: World) -> None:
    of_callcenter(world)
    call = waiting(world)
    world.east.switch.restart()
    until(lambda: world.kinds().count("acd_entered") == 2, 15)
    assert "acd_left" in world.kinds()
    on_duty(world, "pia", Answers(after=1, talk=2))
    until(lambda: call.talked_with == "pia", 15)
    over(world, "served")


def test_an_acd_that_is_called_answers_when_its_agent_does(world: World) -> None:
    served_by(world, "sip", f'{{"dial": "{DESK}"}}', "ready")
    world.network.add_agent(Agent(DESK, "desk", (Answers(after=6, talk=4),)))
    call = waiting(world)
    assert world.states() == ["queued"]
    until(lambda: call.talked_with == "desk", 15)
    over(world, "served")
    assert in_order(
        world.kinds(), "acd_entered", "acd_offered", "agent_accepted", "network_leg_raised", "joined"
    )


def presses(call: AgentCall, digit: str) -> None:
    assert call.channel is not None
    call.channel.party_presses(digit)


def test_an_acd_that_answers_at_once_tells_by_a_digit_that_a_human_is_there(
    world: World,
) -> None:
    served_by(world, "sip", f'{{"dial": "{DESK}", "signal": "digit:5"}}')
    world.network.add_agent(Agent(DESK, "desk", (Answers(after=0.1, talk=60),)))
    call = waiting(world)
    until(lambda: "network_leg_present" in world.kinds(), 10)
    assert world.states() == ["queued"]
    (desk,) = world.network.agent_calls
    presses(desk, "4")
    presses(desk, "5")
    until(lambda: world.states() == ["bridged"], 10)
    until(lambda: call.talked_with == "desk")
    desk.hang_up()
    over(world, "served")


def test_a_leg_that_has_rung_long_enough_is_raised_again_while_the_contact_waits(world: World) -> None:
    terms: dict[str, Any] = {"offer_timeout": 1, "network_leg_timeout": 1}
    served_by(world, "sip", f'{{"dial": "{DESK}", "signal": "digit:5"}}', **terms)
    world.network.add_agent(Agent(DESK, "desk", (Answers(after=0.1, talk=60),)))
    call = waiting(world)
    until(lambda: world.kinds().count("network_leg_present") == 2, 15)
    assert world.states() == ["queued"]
    (desk,) = world.network.agent_calls
    presses(desk, "5")
    until(lambda: call.talked_with == "desk", 10)
    desk.hang_up()
    over(world, "served")


def test_an_acd_that_cannot_be_used_is_told_at_once(world: World) -> None:
    served_by(world, "nonsense", "{}")
    world.call_for_an_agent()
    until(lambda: world.states() == ["overflowed"], 10)
    [(data,)] = world.query("select data from contact_event where kind = 'limit_passed'")
    assert data["reason"] == "acd_faulty"


def test_caller_and_acd_on_one_switch_need_no_network_leg(world: World) -> None:
    served_by(world, "sip", f'{{"dial": "{DESK}"}}', switch="west-1")
    world.network.add_agent(Agent(DESK, "desk", (Answers(after=3, talk=4),)))
    call = waiting(world)
    until(lambda: call.talked_with == "desk", 15)
    over(world, "served")
    assert "network_leg_raised" not in world.kinds()
    assert not world.east.switch.channels


def test_who_keeps_the_place_is_called_back_when_the_other_acds_agent_rings(world: World) -> None:
    of_callcenter(world)
    at_home(world, Answers(after=0.2, talk=30))
    kept_the_place(world)
    on_duty(world, "pia", Answers(after=2, talk=4))
    until(lambda: calls_to(world) and calls_to(world)[0].timeline.heard("talking with pia"), 20)
    over(world, "served")
    assert in_order(
        world.kinds(), "callback_chosen", "acd_offered", "caller_dialled", "caller_back", "joined"
    )


def test_who_is_not_reached_at_home_leaves_the_other_acd_until_the_next_try(world: World) -> None:
    of_callcenter(world, callback_retry_after=2)
    at_home(world, Busy(), Answers(after=0.2, talk=30))
    kept_the_place(world)
    on_duty(world, "pia", Answers(after=2, talk=4))
    until(lambda: "caller_unreached" in world.kinds(), 20)
    until(lambda: not world.east.switch.channels)
    until(lambda: len(calls_to(world)) == 2 and calls_to(world)[1].timeline.heard("talking with pia"), 20)
    over(world, "served")
    assert world.kinds().count("acd_entered") == 2


def test_a_network_leg_that_cannot_be_raised_lets_the_agent_go(world: World) -> None:
    of_callcenter(world, network_leg_tries=1)
    world.network.fail("127.0.0.1:5072", Fault("refuse", cause="NETWORK_OUT_OF_ORDER", times=1))
    call = waiting(world)
    on_duty(world, "pia", Answers(after=3, talk=4))
    until(lambda: "network_leg_given_up" in world.kinds(), 10)
    until(lambda: world.kinds().count("acd_entered") == 2, 20)
    until(lambda: call.talked_with == "pia", 20)
    over(world, "served")


def test_a_conversation_that_is_lost_goes_to_the_head_of_the_other_acds_queue(world: World) -> None:
    of_callcenter(world)
    call = waiting(world)
    on_duty(world, "pia", Answers(after=1), Answers(after=1, talk=4))
    until(lambda: world.states() == ["bridged"] and call.is_talking, 15)
    world.network.cut()
    until(lambda: "conversation_lost" in world.kinds(), 10)
    until(lambda: world.kinds().count("joined") == 2, 20)
    world.wait_for_outcomes("served", limit=15)
    world.assert_nothing_left(2.5)  # until the media time-out of the switch tells that the line was cut
    world.assert_nothing_violated()
    assert world.query("select priority from proxy_call") == [(1_000_000,)]


def test_an_agent_who_hangs_up_before_the_join_costs_no_place(world: World) -> None:
    of_callcenter(world, "ready")
    world.network.fail("127.0.0.1:5072", Fault("dead", times=1))
    call = waiting(world)
    on_duty(world, "pia", Answers(after=0.2), Answers(after=0.2, talk=4))
    until(lambda: world.states() == ["ready"] and "network_leg_raised" in world.kinds(), 10)
    world.network.agent_calls[0].hang_up()
    until(lambda: "agent_failed" in world.kinds(), 10)
    until(lambda: call.talked_with == "pia", 20)
    over(world, "served")
    assert world.kinds().count("acd_entered") == 2


def test_an_agent_of_ours_sends_a_caller_on_to_a_queue_of_the_other_acd(world: World) -> None:
    world.query(
        f"insert into other_acd values ('theirs', 'callcenter', 'east-1', '{CALLCENTER}') returning 1"
    )
    world.query(
        "insert into queue (contact_center_id, queue, acd) values ('acme', 'repairs', 'theirs') returning 1"
    )
    world.east.switch.callcenter.add_queue("support@default")
    world.log_on("ann", Answers(after=0.1))
    call = world.call_for_an_agent()
    until(lambda: call.talked_with == "ann" and world.states() == ["bridged"], 10)
    assert "cannot be consulted" in ask(world, "ann", "consult", to="queue", name="repairs")
    assert ask(world, "ann", "transfer", to="queue", name="repairs") == "done"
    until(lambda: "acd_entered" in world.kinds(), 10)
    on_duty(world, "pia", Answers(after=1, talk=4))
    until(lambda: call.talked_with == "pia", 15)
    world.wait_for_outcomes("served", limit=15)
    world.assert_nothing_left(2.0)
    world.assert_nothing_violated()
    assert in_order(world.kinds(), "agent_reserved", "transferred", "acd_entered", "acd_offered")
