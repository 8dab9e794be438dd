"""Gives a call to the best destination that is to be had: decides, claims in SQL, and decides again when it lost."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from fsroute.acd.proxy_call import On
from fsroute.acd.rendezvous import digest
from fsroute.errors import StoreError
from fsroute.model.contact import Outcome
from fsroute.model.direct import Otherwise
from fsroute.model.proxy_call import WAITING, ProxyCall, State
from fsroute.scp.deciding import Decider, Plan
from fsroute.scp.picture import Seat
from fsroute.scp.selection import Decision, Destination
from fsroute.scp.watch import Watch
from fsroute.store.contacts import Contact
from fsroute.store.direct import Claimed, DirectCalls, Leg, Lost, Place, Reserve, Share, Take, Wanted
from fsroute.store.store import Store

log = logging.getLogger(__name__)

MOST_LOST = 20  # claims lost to others before a try counts as failed
HELD_FOR = 5.0  # seconds in which a call whose agent did not come is this process's alone
PEERS = 3600.0  # seconds in which it is a peer's: nobody else ever has it; it ends when the peer does not ask again
NOBODYS = 0.0  # a caller who was redirected goes elsewhere by himself

_BACK = frozenset({State.REQUESTED, *WAITING})


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
    """One call under way: what it is, and what has been tried.

    `directed_for`: how long it is kept for whoever directs it when an agent does not come, in seconds. `call` is the
    proxy call of the agent tried last, None where that was no agent of fsroute's.
    """

    plan: Plan
    contact_id: str
    channel_uuid: str
    core_uuid: str | None
    redirected: bool
    directed_for: float
    tried: set[str] = field(default_factory=set)
    tries: int = 0
    opened: bool = False
    line: str = ""
    call: ProxyCall | None = None

    @property
    def tried_all(self) -> bool:
        return self.tries >= self.plan.direct.tries


@dataclass(slots=True)
class Refused:
    """What one try has lost to others so far: destinations by name, and sites that are full, each with the reason."""

    lost: set[str] = field(default_factory=set)
    full: dict[str, str] = field(default_factory=dict)

    def note(self, destination: Destination, claimed: Claimed) -> None:
        """A share that was not due is told by its credits, and needs no note."""
        if claimed.lost is Lost.SITE:
            self.full[destination.site] = f"full, {claimed.calls} of {claimed.capacity} calls"
        elif claimed.lost is Lost.AGENT:
            self.lost.add(destination.name)


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
        """A call at this switch that a rule routes; `redirected`: its caller's channel will not be one of ours."""
        held = NOBODYS if redirected else HELD_FOR
        return Directed(plan, self._new_uuid(), channel_uuid, core_uuid, redirected, held)

    def begin_for_peer(self, plan: Plan) -> Directed:
        """A call of a peer's, who may ask for the next destination."""
        return Directed(plan, self._new_uuid(), "", None, True, PEERS)

    def next(self, directed: Directed) -> Claim | None:
        """The next destination, claimed for this call; None: there is none, or it had its tries.

        Raises:
            StoreError: the database cannot be asked.
        """
        if directed.tried_all:
            return None
        refused = Refused()
        for _ in range(MOST_LOST):
            decision = self._decide(directed, refused)
            if not decision.destinations:
                lost = f"; lost to others {', '.join(sorted(refused.lost))}" if refused.lost else ""
                directed.line = decision.line + lost
                break
            claim = self._claim(directed, decision, refused)
            if claim is not None:
                directed.tries += 1
                directed.tried.add(claim.destination.name)
                directed.line, directed.call = decision.line, claim.call
                return claim
        return None

    def _decide(self, directed: Directed, refused: Refused) -> Decision:
        tried = frozenset(directed.tried | refused.lost)
        decision = self._decider.decide(directed.plan, tried, refused.full)
        if not decision.destinations and decision.skipped and self._watch.look_again():
            return self._decider.decide(directed.plan, tried, refused.full)
        return decision

    # Claims ---------------------------------------------------------------------------------------------------

    def _claim(self, directed: Directed, decision: Decision, refused: Refused) -> Claim | None:
        """The first destination of the decision, unless others were faster. An agent lost stays out till there is news."""
        destination = decision.destinations[0]
        seat, now = destination.agent, self._store.now()
        if seat is None or not seat.own:
            self._leave_queue(directed)
        if seat is not None:
            self._watch.picture.take(seat.name, now, now + self.settings.confirm)
        token, leg_uuid = self._new_token(), self._new_uuid()
        wanted = self._wanted(directed, decision, token, leg_uuid)
        try:
            claimed = self._direct.claim(
                self._contact(directed), directed.plan.caller, self._told(directed, destination, decision), wanted
            )
        except StoreError:
            self._give_back(seat)
            raise
        directed.opened = True
        self._decider.counted(directed.plan, decision, claimed)
        if claimed.lost is None:
            return self._had(decision, claimed, token, leg_uuid)
        refused.note(destination, claimed)
        if claimed.lost is not Lost.AGENT:
            self._give_back(seat)
        return None

    def _give_back(self, seat: Seat | None) -> None:
        if seat is not None:
            self._watch.picture.release(seat.name, self._store.now())

    def _wanted(self, directed: Directed, decision: Decision, token: str, leg_uuid: str) -> Wanted:
        """What the first destination needs in the database."""
        destination, confirm = decision.destinations[0], self.settings.confirm
        seat = destination.agent
        share = None
        if decision.able:
            share = Share(directed.plan.rule, decision.able, destination.site)
        reserve = take = None
        if seat is not None and seat.own:
            leg = Leg(
                leg_uuid, digest(token), self.settings.token_lifetime, directed.redirected, confirm,
                directed.directed_for,
            )  # fmt: skip
            reserve = Reserve(directed.plan.routing, seat.name, self._new_uuid(), leg)
        elif seat is not None:
            switch_id, _, agent = seat.name.partition(" ")
            take = Take(switch_id, agent, seat.idle_since, confirm)
        return Wanted(reserve, take, Place(destination.site, confirm), share)

    def _had(self, decision: Decision, claimed: Claimed, token: str, leg_uuid: str) -> Claim:
        destination, call = decision.destinations[0], claimed.call
        if call is not None:
            host = call.network_address or self._watch.links.get(destination.place, "")
            return Claim(destination, decision, token, host, call, leg_uuid)
        user, _, host = destination.uri.partition(":")[2].partition("@")
        return Claim(destination, decision, user, host)

    def _leave_queue(self, directed: Directed) -> None:
        """Where no agent of fsroute's serves it the contact is not kept for any: an agent was tried in vain before."""
        call = None if directed.call is None else self._store.proxy_calls.latest(directed.contact_id)
        directed.call = None
        if call is not None and call.state in WAITING:
            self._store.move(call, On.LIMIT_PASSED, data={"reason": "directed elsewhere"})

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

    def elsewhere(self, directed: Directed, otherwise: Otherwise) -> None:
        """No destination takes the call: what becomes of it is kept with the contact."""
        data = {
            "why": directed.line,
            "to": str(otherwise),
            "try": directed.tries,
            "rule": directed.plan.routing.rule,
            "rules_version": directed.plan.routing.rules_version,
        }
        self._direct.claim(self._contact(directed), directed.plan.caller, data, Wanted())
        directed.opened = True

    def queue(self, directed: Directed) -> None:
        """The contact waits like any other, if an agent was tried for it."""
        self._direct.queue(directed.contact_id)

    def close(self, directed: Directed, outcome: Outcome, reason: str, on: On = On.CALLER_GONE) -> None:
        """The contact is over; `on` is what happens to a proxy call of it that lives."""
        if directed.opened:
            data = {"by": "scp", "reason": reason}
            self._store.close_contact(directed.contact_id, outcome, data, on=on)

    def close_overdue(self) -> int:
        """Contacts that were redirected and came nowhere; their agents are free again. Returns how many.

        One whose agent does not take it ends with the offer; here are those whose peer does not ask for the next.
        """
        overdue = self._direct.overdue(self.settings.confirm)
        for contact_id, state in overdue:
            data = {"by": "scp", "reason": "did not come after the redirection"}
            outcome = Outcome.ABANDONED
            if state in _BACK:  # the agent did not take the call, and the peer asks for no other
                data["reason"], outcome = "not taken, and not asked for again", Outcome.FAILED
            self._store.close_contact(contact_id, outcome, data)
        return len(overdue)
