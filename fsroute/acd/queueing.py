"""Contacts that an agent sends to a queue, or consults one about: the rules are asked as when they arrived."""

from __future__ import annotations

from datetime import UTC, datetime

from fsroute.acd.wishes import Refused
from fsroute.model.contact import Demand
from fsroute.model.proxy_call import ProxyCall
from fsroute.model.routing import Routing
from fsroute.routing.eligibility import may_serve
from fsroute.routing.match import NoRoute, Routed
from fsroute.routing.rules import Inquiry
from fsroute.store.rulebook import RuleBook
from fsroute.store.store import Store


def routed(store: Store, rules: RuleBook, call: ProxyCall, name: str) -> Routing:
    """What the rules make of the contact of `call` when it asks for the queue that agents call `name`.

    Raises:
        Refused: there is no such queue, or the rules do not queue such a contact now.
        StoreError: the database does not answer, or the rules could not be read yet.
    """
    queue = store.transfers.queue(call.contact_center_id, name)
    caller = store.transfers.caller(call.contact_id)
    if queue is None or caller is None:
        raise Refused(f"there is no queue {name}")
    inquiry = Inquiry(call.contact_center_id, queue, caller)
    try:
        found = rules.route(inquiry, datetime.fromtimestamp(store.now(), UTC))
    except NoRoute as error:
        raise Refused(str(error)) from error
    if found.routing is None:
        raise Refused(why_not(found, queue))
    return found.routing


def why_not(found: Routed, queue: str) -> str:
    """Why a contact is not queued, for an agent: the talk goes on, so nothing of the way is done."""
    if found.closed:
        return "the contact center is closed"
    do = "refuse" if found.way is None or found.way.do == "application" else found.way.do.replace("_", " ")
    return f"rule {found.rule} does not queue contacts for {queue} now, but has for them: {do}"


def step_back(store: Store, call: ProxyCall, demand: Demand, seconds: float) -> None:
    """Whoever else serves the queue comes before the agent who sends the contact there and serves it, too.

    Before the transfer, so that the agent is idle at no time in between.
    """
    if call.agent_id is None or seconds <= 0:
        return
    found = store.agents.some([call.agent_id])
    if found and may_serve(found[0], demand, store.now()):
        store.transfers.pause(call.agent_id, seconds)
