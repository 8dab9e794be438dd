from __future__ import annotations

from functools import partial

from fsroute.acd.proxy_call import On
from fsroute.model.contact import Outcome
from fsroute.model.proxy_call import AgentLeg, NetworkLeg, ProxyCall, State
from fsroute.store.proxy_calls import Attempt
from tests.fix_center import Center, Standing, at_once, standing

ROUNDS = 25


def test_of_two_reservations_of_one_agent_one_wins(center: Center) -> None:
    for _ in range(ROUNDS):
        center.set_free()
        first, second = center.queued(), center.queued()
        won = at_once(partial(center.reserve, first), partial(center.reserve, second))
        assert sum(call is not None for call in won) == 1
        assert len(center.live_reservations()) == 1
        loser = center.proxy_calls.get((second if won[0] else first).proxy_call_id)
        assert loser is not None
        assert loser.state is State.QUEUED


def test_of_two_reservations_for_one_call_one_wins(center: Center) -> None:
    for _ in range(ROUNDS):
        center.set_free()
        call = center.queued()
        won = at_once(partial(center.reserve, call, "ann"), partial(center.reserve, call, "bob"))
        assert sum(each is not None for each in won) == 1
        assert len(center.live_reservations()) == 1
        assert center.kinds(call.contact_id).count("agent_reserved") == 1


def test_accepted_against_caller_gone(center: Center) -> None:
    for _ in range(ROUNDS):
        center.set_free()
        call = center.offered()
        accepted, closed = at_once(
            partial(center.proxy_calls.move, call.proxy_call_id, On.AGENT_ACCEPTED),
            partial(center.contacts.close, call.contact_id, Outcome.ABANDONED, {}),
        )
        assert closed is not None
        after = center.proxy_calls.get(call.proxy_call_id)
        assert after is not None
        assert after.state is State.ABANDONED
        steps = ["agent_accepted"] if accepted else []
        assert center.kinds(call.contact_id)[4:] == [*steps, "caller_gone", "closed"]
        assert center.live_reservations() == []
        assert center.agent()["pause"] <= 0


def test_network_leg_present_against_agent_failed(center: Center) -> None:
    for number in range(ROUNDS):
        center.set_free()
        call = center.raise_leg(center.offered(), f"leg-{number}", f"{number:04x}")
        present, failed = at_once(
            partial(
                center.proxy_calls.move,
                call.proxy_call_id,
                On.NETWORK_LEG_PRESENT,
                attempt=Attempt(network_leg_uuid=call.network_leg_uuid),
                set={"rendezvous_uuid": "rv"},
            ),
            partial(
                center.proxy_calls.move,
                call.proxy_call_id,
                On.AGENT_FAILED,
                attempt=Attempt(call.agent_leg_uuid),
                end_reservation="busy",
            ),
        )
        assert failed is not None
        steps = ["network_leg_present"] if present else []
        assert center.kinds(call.contact_id)[5:] == [*steps, "agent_failed"]
        after = center.proxy_calls.get(call.proxy_call_id)
        assert standing(after) == Standing(State.QUEUED, AgentLeg.NONE, NetworkLeg.NONE)


def test_one_network_leg_claims_a_token(center: Center) -> None:
    for number in range(ROUNDS):
        center.set_free()
        call = center.raise_leg(center.offered(), f"leg-{number}", f"{number:04x}")

        def claim(uuid: str, call: ProxyCall = call) -> ProxyCall | None:
            attempt = Attempt(network_leg_uuid=call.network_leg_uuid)
            return center.proxy_calls.move(
                call.proxy_call_id, On.NETWORK_LEG_PRESENT, attempt=attempt, set={"rendezvous_uuid": uuid}
            )

        claims = at_once(partial(claim, "first"), partial(claim, "second"))
        (winner,) = [each for each in claims if each is not None]
        after = center.proxy_calls.get(call.proxy_call_id)
        assert after is not None
        assert after.rendezvous_uuid == winner.rendezvous_uuid


def test_closed_against_joined(center: Center) -> None:
    for number in range(ROUNDS):
        center.set_free()
        call = center.raise_leg(center.offered(), f"leg-{number}", f"{number:04x}")
        call = center.move(center.move(call, On.NETWORK_LEG_PRESENT), On.AGENT_ACCEPTED)
        joined, _ = at_once(
            partial(center.proxy_calls.move, call.proxy_call_id, On.JOINED),
            partial(center.contacts.close, call.contact_id, Outcome.ABANDONED, {}),
        )
        after = center.proxy_calls.get(call.proxy_call_id)
        contact = center.contacts.get(call.contact_id)
        assert after is not None
        assert contact is not None
        assert (after.state, contact.outcome) == (
            (State.ENDED, "served") if joined else (State.ABANDONED, "abandoned")
        )
        assert center.live_reservations() == []
        assert center.agent_kinds()[-2:] == ["reserved", "released"]


def test_of_two_ends_of_one_talk_one_releases_the_agent(center: Center) -> None:
    for number in range(ROUNDS):
        center.set_free()
        call = center.raise_leg(center.offered(), f"leg-{number}", f"{number:04x}")
        call = center.move(center.move(call, On.NETWORK_LEG_PRESENT), On.AGENT_ACCEPTED)
        call = center.move(call, On.JOINED)
        leg = call.agent_leg_uuid or ""
        at_once(
            partial(center.proxy_calls.agent_left, leg, "NORMAL_CLEARING"),
            partial(center.contacts.close, call.contact_id, Outcome.ABANDONED, {}),
        )
        assert center.agent_kinds()[-2:] == ["reserved", "released"]
        assert center.agent_kinds().count("released") == number + 1
