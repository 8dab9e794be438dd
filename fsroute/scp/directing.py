"""Gives a call to the best destination that is to be had: decides, claims in SQL, and decides again when it lost."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from fsroute.acd.proxy_call import On
from fsroute.acd.rendezvous import digest
from fsroute.errors import StoreError
from fsroute.model.contact import Outcome
from fsroute.model.direct import Otherwise
from fsroute.model.proxy_call import ProxyCall
from fsroute.scp.deciding import Decider, Plan
from fsroute.scp.picture import Door, Seat
from fsroute.scp.selection import Decision, Destination
from fsroute.scp.watch import Watch
from fsroute.store.contacts import Contact
from fsroute.store.direct import DirectCalls, Leg
from fsroute.store.store import Store

log = logging.getLogger(__name__)

MOST_LOST = 20  # destinations lost to others before a try counts as failed


@dataclass(frozen=True, slots=True)
class Settings:
    """Of the host and its switch. Times in seconds.

    A call on its way to an agent counts as the agent's for `confirm`; so long a caller who was redirected has to get
    there.
    """

    switch_id: str
    confirm: float = 5.0
    token_lifetime: float = 60.0


@dataclass(frozen=True, slots=True)
class Claim:
    """A destination that this call has.

    `user` and `host` are its SIP address. `call` is the proxy call where the agent is one of fsroute's own; the
    network leg that comes to the agent's switch is `leg_uuid` then, and `user` its token.
    """

    destination: Destination
    decision: Decision
    user: str
    host: str
    call: ProxyCall | None = None
    leg_uuid: str = ""

    @property
    def address(self) -> str:
        return f"{self.user}@{self.host}"

    @property
    def uri(self) -> str:
        return f"sip:{self.address}"


@dataclass(slots=True)
class Directed:
    """One call under way: what it is, and what has been tried."""

    plan: Plan
    contact_id: str
    channel_uuid: str
    core_uuid: str | None
    redirected: bool
    tried: set[str] = field(default_factory=set)
    tries: int = 0
    opened: bool = False
    line: str = ""
    arrived_at: datetime | None = None


class Director:
    """Claims destinations. `new_uuid` and `new_token` make what the names say."""

    def __init__(
        self,
        store: Store,
        decider: Decider,
        watch: Watch,
        settings: Settings,
        new_uuid: Callable[[], str],
        new_token: Callable[[], str],
    ) -> None:
        self.settings = settings
        self._store = store
        self._direct = DirectCalls(store)
        self._decider = decider
        self._watch = watch
        self._new_uuid = new_uuid
        self._new_token = new_token

    def begin(self, plan: Plan, channel_uuid: str, core_uuid: str | None, redirected: bool) -> Directed:
        """A call that a rule routes; `redirected`: its caller's channel will not be one of ours."""
        return Directed(plan, self._new_uuid(), channel_uuid, core_uuid, redirected)

    def next(self, directed: Directed) -> Claim | None:
        """The next destination, claimed for this call; None: there is none, or it had its tries.

        Raises:
            StoreError: the database cannot be asked.
        """
        if directed.tries >= directed.plan.direct.tries:
            return None
        lost: set[str] = set()
        for _ in range(MOST_LOST):
            decision = self._decide(directed, lost)
            if not decision.destinations:
                directed.line = decision.line + (
                    f"; lost to others {', '.join(sorted(lost))}" if lost else ""
                )
                break
            destination = decision.destinations[0]
            claim = self._claim(directed, destination, decision)
            if claim is not None:
                directed.tries += 1
                directed.tried.add(destination.name)
                directed.line = decision.line
                self._decider.went(directed.plan, decision)
                return claim
            lost.add(destination.name)
        return None

    def _decide(self, directed: Directed, lost: set[str]) -> Decision:
        tried = frozenset(directed.tried | lost)
        decision = self._decider.decide(directed.plan, tried)
        if not decision.destinations and decision.skipped and self._watch.look_again():
            return self._decider.decide(directed.plan, tried)
        return decision

    # Claims ---------------------------------------------------------------------------------------------------

    def _claim(self, directed: Directed, destination: Destination, decision: Decision) -> Claim | None:
        if destination.agent is None:
            assert destination.door is not None
            return self._through_door(directed, destination, decision, destination.door)
        seat = destination.agent
        now = self._store.now()
        self._watch.picture.take(seat.name, now, now + self.settings.confirm)
        try:
            claim = self._reserve(directed, destination, decision) if seat.own else None
            if not seat.own:
                claim = self._take(directed, destination, decision, seat)
        except StoreError:
            self._watch.picture.release(seat.name, now)
            raise
        return claim  # who lost leaves the agent out until the news of it come

    def _reserve(self, directed: Directed, destination: Destination, decision: Decision) -> Claim | None:
        """One of fsroute's own agents: the offer begins at the agent's switch."""
        assert destination.agent is not None
        token, leg_uuid, settings = self._new_token(), self._new_uuid(), self.settings
        leg = Leg(leg_uuid, digest(token), settings.token_lifetime, directed.redirected, settings.confirm)
        call = self._direct.reserve(
            self._contact(directed), directed.plan.caller, directed.plan.routing, destination.agent.name,
            self._new_uuid(), leg, self._told(directed, destination, decision),
        )  # fmt: skip
        directed.opened = True
        if call is None:
            return None
        host = call.network_address or self._watch.links.get(destination.place, "")
        return Claim(destination, decision, token, host, call, leg_uuid)

    def _take(
        self, directed: Directed, destination: Destination, decision: Decision, seat: Seat
    ) -> Claim | None:
        switch_id, _, agent = seat.name.partition(" ")
        if not self._direct.take(switch_id, agent, seat.idle_since, self.settings.confirm):
            return None
        return self._outside(directed, destination, decision, seat.address)

    def _through_door(
        self, directed: Directed, destination: Destination, decision: Decision, door: Door
    ) -> Claim:
        return self._outside(directed, destination, decision, door.address)

    def _outside(self, directed: Directed, destination: Destination, decision: Decision, uri: str) -> Claim:
        """Where no agent of fsroute's is reserved: the contact is there, and the decision stands with it."""
        self._open(directed, self._told(directed, destination, decision))
        user, _, host = uri.partition(":")[2].partition("@")
        return Claim(destination, decision, user, host)

    def failed(self, claim: Claim) -> None:
        """The destination did not take the call. An agent of fsroute's own is let go by who ends the offer."""
        seat = claim.destination.agent
        if seat is not None and not seat.own:
            switch_id, _, agent = seat.name.partition(" ")
            self._direct.untake(switch_id, agent)

    # Contacts ---------------------------------------------------------------------------------------------------

    def _contact(self, directed: Directed) -> Contact:
        plan = directed.plan
        return Contact(
            contact_id=directed.contact_id,
            contact_center_id=plan.contact_center_id,
            medium=plan.caller.medium,
            switch_id=self.settings.switch_id,
            channel_uuid="" if directed.redirected else directed.channel_uuid,
            core_uuid=directed.core_uuid,
            number_called=plan.caller.number_called,
            application=plan.application,
            arrived_at=plan.caller.arrived_at,
        )

    def _told(self, directed: Directed, destination: Destination, decision: Decision) -> dict[str, Any]:
        return {
            "why": decision.line,
            "to": str(destination),
            "site": destination.site,
            "try": directed.tries + 1,
            "manner": "redirect" if directed.redirected else "bridge",
            "rule": directed.plan.routing.rule,
            "rules_version": directed.plan.routing.rules_version,
        }

    def _open(self, directed: Directed, data: dict[str, Any]) -> None:
        if directed.opened:
            self._direct.note(directed.contact_id, data)
        else:
            self._direct.open(self._contact(directed), directed.plan.caller, data)
        directed.opened = True

    def elsewhere(self, directed: Directed, otherwise: Otherwise) -> None:
        """No destination takes the call: what becomes of it is kept with the contact."""
        data = {
            "why": directed.line,
            "to": str(otherwise),
            "try": directed.tries,
            "rule": directed.plan.routing.rule,
            "rules_version": directed.plan.routing.rules_version,
        }
        self._open(directed, data)

    def queue(self, directed: Directed) -> None:
        """The contact waits like any other, if an agent was tried for it."""
        self._direct.queue(directed.contact_id)

    def close(self, directed: Directed, outcome: Outcome, reason: str, on: On = On.CALLER_GONE) -> None:
        """The contact is over; `on` is what happens to a proxy call of it that lives."""
        if directed.opened:
            data = {"by": "scp", "reason": reason}
            self._store.close_contact(directed.contact_id, outcome, data, on=on)

    def close_overdue(self) -> int:
        """Contacts that were redirected and came nowhere; their agents are free again. Returns how many."""
        overdue = self._direct.overdue()
        for contact_id in overdue:
            data = {"by": "scp", "reason": "not taken after the redirection"}
            self._store.close_contact(contact_id, Outcome.ABANDONED, data)
        return len(overdue)
