"""The request for an agent: the rules are asked with all that is known, then the proxy call is written."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from fsroute.callserver.desk import Desk
from fsroute.callserver.ways import CLOSED, NotQueued
from fsroute.ivr import NeedAgent
from fsroute.model.contact import CallerInformation
from fsroute.model.proxy_call import ProxyCall
from fsroute.model.routing import Way
from fsroute.routing.match import Routed
from fsroute.routing.rules import Inquiry
from fsroute.store.contacts import Contact

log = logging.getLogger(__name__)


def request(
    desk: Desk,
    contact: Contact,
    caller: CallerInformation,
    do: NeedAgent,
    language: str,
    asking: Callable[[Inquiry, float], None] = lambda inquiry, at: None,
) -> ProxyCall | NotQueued | None:
    """Ask for an agent, once; None: the contact has ended.

    A caller who was to be called back and calls in again gets the proxy call of that earlier contact, where the
    configuration takes the number that a call shows for who calls. `asking` is told what the rules are asked, and
    when (seconds since the epoch), before they are.

    Raises:
        StoreError: the database does not take it (now).
        NoRoute: the rules and the queues say nothing of such a contact.
    """
    store = desk.store
    store.contacts.learn(contact.contact_id, do.facts, language)
    known = replace(caller, facts={**caller.facts, **do.facts}, language=language)
    inquiry = Inquiry(contact.contact_center_id, do.queue, known)
    now = store.now()
    asking(inquiry, now)
    routed = desk.rules.route(inquiry, datetime.fromtimestamp(now, UTC))
    if routed.routing is not None:
        kept = _kept_place(desk, contact, known.number, routed.routing.queue)
        return kept or store.route(contact.contact_id, routed.routing)
    away = not_queued(routed)
    store.contacts.send_away(contact.contact_id, away.rule, away.rules_version, away.way.do, away.reason)
    return away


def _kept_place(desk: Desk, contact: Contact, number: str, queue: str) -> ProxyCall | None:
    """The place of a caller who was to be called back, and calls in again for the same."""
    settings = desk.settings
    if not settings.callback_recognise or not any(letter.isdigit() for letter in number):
        return None
    return desk.store.proxy_calls.callback_of_caller(
        contact.contact_center_id, number, settings.switch_id, queue, contact.application
    )


def not_queued(routed: Routed) -> NotQueued:
    """The way of a contact that the rules do not queue."""
    way = routed.way or Way()
    if routed.closed:
        way = Way("announce", prompt=way.prompt or CLOSED)
    return NotQueued(way, CLOSED if routed.closed else "rule", routed.rule, routed.rules_version)


def closing(desk: Desk, contact_center_id: str) -> Way | None:
    """What callers of a contact center hear while it is closed by command; None: it is open."""
    closed = desk.rules.closing(contact_center_id)
    return None if closed is None else Way("announce", prompt=closed.prompt or CLOSED)
