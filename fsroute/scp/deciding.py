"""A call that nobody has answered: whose it is, which rule routes it, where it may go. Writes nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from fsroute.errors import FsrouteError
from fsroute.model.contact import CallerInformation
from fsroute.model.direct import Direct, Otherwise
from fsroute.model.routing import Routing
from fsroute.routing.match import NoRoute
from fsroute.routing.rules import Inquiry
from fsroute.scp.picture import Door
from fsroute.scp.selection import Call, Decision, Limits, select
from fsroute.scp.shares import Shares
from fsroute.scp.watch import Watch
from fsroute.store.direct import Claimed, DirectCalls
from fsroute.store.rulebook import RuleBook
from fsroute.store.store import Store

MOST_SHARES = 1000  # rules whose credits are kept

_NOWHERE: Mapping[str, str] = {}

Facts = Callable[[str, str], Mapping[str, str]]
"""What the data server knows of a caller, by contact center and number; answers in a bounded time."""


def no_facts(_contact_center: str, _number: str) -> Mapping[str, str]:
    return {}


class NotRouted(FsrouteError):
    """No rule routes this call before the answer; the text says why. It goes the ordinary way."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A call that a rule routes before the answer."""

    caller: CallerInformation
    contact_center_id: str
    application: str
    routing: Routing
    direct: Direct

    @property
    def rule(self) -> str:
        return self.routing.rule or ""


class Decider:
    """Decides by the rules and the picture of all sites; one for a process."""

    def __init__(
        self,
        store: Store,
        rules: RuleBook,
        watch: Watch,
        site_id: str,
        limits: Limits,
        facts: Facts = no_facts,
    ) -> None:
        self._store = store
        self._rules = rules
        self._watch = watch
        self._site_id = site_id
        self._limits = limits
        self._facts = facts
        self._direct = DirectCalls(store)
        self._shares: dict[tuple[str, str], Shares] = {}

    def plan(self, caller: CallerInformation) -> Plan:
        """The rule that a call is routed by.

        Raises:
            NotRouted: none routes it before the answer.
            DatabaseUnavailable: no rules are known yet.
        """
        owner = self._owner(caller.number_called)
        if owner is None:
            raise NotRouted("the number belongs to no contact center")
        center, application = owner
        caller = replace(caller, customer=dict(self._facts(center, caller.number)))
        try:
            routed = self._rules.route(Inquiry(center, "", caller), self._moment())
        except NoRoute as error:
            raise NotRouted(str(error)) from None
        if routed.closed:
            raise NotRouted(f"{center} is closed")
        if routed.routing is None or routed.direct is None:
            raise NotRouted(f"rule {routed.rule} does not route before the answer")
        return Plan(caller, center, application, routed.routing, routed.direct)

    def decide(
        self, plan: Plan, tried: frozenset[str] = frozenset(), left_out: Mapping[str, str] = _NOWHERE
    ) -> Decision:
        """Where the call may go as things are now, without what was tried and the sites that are `left_out`.

        Raises:
            StoreError: the database cannot be asked what the rule's shares are.
        """
        shares = self._credits(plan) if plan.direct.shares else Shares()
        self._watch.refresh()
        now = self._store.now()
        self._watch.picture.advance(now)
        call = Call(plan.routing.demand, self._site_id, tried, left_out)
        return select(call, plan.direct, self._watch.picture, now, self._limits, shares)

    def counted(self, plan: Plan, decision: Decision, claimed: Claimed) -> None:
        """What a claim has told of the site's calls and of the rule's shares, those of other processes among them."""
        if claimed.credits is not None:
            self._keep_credits(plan, Shares(claimed.credits))
        if claimed.sent is not None:
            self._watch.picture.sent(decision.destinations[0].site, claimed.sent)

    def _credits(self, plan: Plan) -> Shares:
        """As they were told last; whoever is wrong about them loses the claim, and knows better then."""
        known = self._shares.get((plan.contact_center_id, plan.rule))
        if known is None:
            known = Shares(self._direct.credits(plan.contact_center_id, plan.rule))
            self._keep_credits(plan, known)
        return known

    def _keep_credits(self, plan: Plan, shares: Shares) -> None:
        while len(self._shares) >= MOST_SHARES:
            del self._shares[next(iter(self._shares))]
        self._shares[plan.contact_center_id, plan.rule] = shares

    def door(self, plan: Plan, otherwise: Otherwise) -> Door | None:
        """The door of the site that a rule's other way names, whatever is known of that site."""
        return self._watch.picture.doors.get(plan.contact_center_id, {}).get(otherwise.site)

    def _owner(self, number: str) -> tuple[str, str] | None:
        known = self._rules.rules.numbers.get(number)
        return known if known is not None else self._store.contacts.application_of(number)

    def _moment(self) -> datetime:
        return datetime.fromtimestamp(self._store.now(), UTC)
