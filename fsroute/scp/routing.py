"""Decisions for peers that have the caller's channel themselves: as for a redirection, the destinations as values."""

from __future__ import annotations

import re
from dataclasses import replace

from fsroute.acd.proxy_call import On
from fsroute.model.contact import CallerInformation, Outcome
from fsroute.model.direct import Manner
from fsroute.model.proxy_call import NetworkLeg, ProxyCall, State
from fsroute.scp.answers import Answered, Place
from fsroute.scp.deciding import Decider, Plan
from fsroute.scp.directing import Claim, Directed, Director
from fsroute.scp.selection import Decision
from fsroute.scp.server import Settings
from fsroute.store.store import Store

_UNFIT = re.compile(r"[^A-Za-z0-9_.:@\[\]+*#()!~-]")


class HttpRouting:
    """What the HTTP service asks; one for a process."""

    def __init__(self, store: Store, decider: Decider, director: Director, settings: Settings) -> None:
        self._store = store
        self._decider = decider
        self._director = director
        self._settings = settings

    def explain(self, caller: CallerInformation) -> Answered:
        """What would be decided now.

        Raises:
            NotRouted: no rule routes such a call before the answer.
        """
        plan = self._decider.plan(caller)
        decision = self._decider.decide(plan)
        places = tuple(
            Place(each.name, each.site, agent=each.agent.name if each.agent else None)
            for each in decision.destinations
        )
        return self._answered(plan, decision, decision.line, places)

    def decide(self, caller: CallerInformation, contact_id: str | None, tried: frozenset[str]) -> Answered:
        """The destinations of a call, the first one claimed; after a failure the next, of the same contact if it lives.

        Raises:
            NotRouted: no rule routes the call before the answer.
            StoreError: the database cannot be asked.
        """
        plan = self._decider.plan(caller)
        directed = self._director.begin_for_peer(plan)
        let_go = None if contact_id is None else self._let_go(contact_id, caller.number_called)
        if let_go is not None:
            directed.contact_id, directed.opened, directed.call = let_go.contact_id, True, let_go
        directed.tried |= tried
        directed.tries = min(len(tried), plan.direct.tries)
        claim = self._director.next(directed)
        if claim is None:
            return self._nobody(plan, directed)
        places = (self._place(plan, claim), *self._doors(claim))
        if claim.call is None:
            self._director.close(directed, Outcome.TRANSFERRED, "directed by a peer")
        answered = self._answered(plan, claim.decision, directed.line, places)
        return _with_contact(answered, directed.contact_id)

    def dialled(self, place: Place) -> str:
        """What a switch with our link profile dials; nothing of it is a caller's word."""
        token, host = _UNFIT.sub("", place.token), _UNFIT.sub("", place.host)
        if place.agent is not None and place.expires is not None:
            return self._settings.link_dial_string.format(token=token, address=host)
        return self._settings.dial_string.format(address=f"{token}@{host}")

    def _nobody(self, plan: Plan, directed: Directed) -> Answered:
        """The peer goes the rule's other way with it: the contact is over here."""
        self._director.elsewhere(directed, plan.direct.otherwise)
        outcome = Outcome.REFUSED if plan.direct.otherwise.do == "busy" else Outcome.OVERFLOWED
        self._director.close(directed, outcome, "nobody takes it", On.LIMIT_PASSED)
        decision = self._decider.decide(plan, frozenset(directed.tried))
        return _with_contact(self._answered(plan, decision, directed.line, ()), directed.contact_id)

    def _let_go(self, contact_id: str, number_called: str) -> ProxyCall | None:
        """The agent whom the call did not get to, or who did not take it; what is held for the peer, if the contact lives.
        """
        contact = self._store.contacts.get(contact_id)
        if contact is None or contact.ended_at is not None or contact.channel_uuid:
            return None
        if contact.number_called != number_called:
            return None
        call = self._store.proxy_calls.latest(contact_id)
        if call is None or not call.is_live:
            return None
        if call.state is State.OFFERED and call.network_leg is NetworkLeg.RAISING:
            call = self._store.move(
                call,
                On.NETWORK_LEG_GIVEN_UP,
                end_reservation="network_leg_given_up",
                data={"cause": "the peer says so"},
            )
        return call if call is not None and call.state is State.QUEUED else None

    def _place(self, plan: Plan, claim: Claim) -> Place:
        seat = claim.destination.agent
        return Place(
            claim.destination.name,
            claim.destination.site,
            claim.uri,
            seat.name if seat is not None else None,
            self._director.settings.confirm if claim.call is not None else None,
            claim.user,
            claim.host,
        )

    def _doors(self, claim: Claim) -> list[Place]:
        """Further destinations that need no claim."""
        places = []
        for each in claim.decision.destinations[1:]:
            if each.door is not None:
                user, _, host = each.door.address.partition(":")[2].partition("@")
                places.append(Place(each.name, each.site, each.door.address, token=user, host=host))
        return places

    def _answered(self, plan: Plan, decision: Decision, line: str, places: tuple[Place, ...]) -> Answered:
        door = self._decider.door(plan, plan.direct.otherwise)
        routing = plan.routing
        return Answered(
            line,
            str(plan.direct.policy),
            Manner(plan.direct.manner),
            plan.rule,
            None,
            places,
            decision.skipped,
            plan.direct.otherwise,
            "" if door is None else door.address,
            round(routing.offer_timeout + routing.network_leg_timeout),
        )


def _with_contact(answered: Answered, contact_id: str) -> Answered:

    return replace(answered, contact_id=contact_id)
