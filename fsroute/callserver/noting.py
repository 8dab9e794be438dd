"""What a call tells whoever captures it: facts that the event socket does not show. Pure."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from fsroute.callserver.ways import NotQueued
from fsroute.ivr import Application, Happening, Position
from fsroute.ivr.actions import AgentOutcome, Collect, Declined, Do, Failed, LookedUp, Recorded, describe
from fsroute.model.admission import Refusal
from fsroute.model.contact import CallerInformation
from fsroute.model.proxy_call import ProxyCall
from fsroute.model.routing import TERMS
from fsroute.routing.match import NoRoute
from fsroute.routing.rules import Inquiry
from fsroute.store.contacts import Contact

TOLD = (AgentOutcome, Declined, Failed, LookedUp, Recorded)
"""What happens to an application that was not said on its socket."""


def arrival(contact: Contact, application: Application, rules_version: int | None) -> dict[str, Any]:
    return {
        "contact": contact.contact_id,
        "contact_center": contact.contact_center_id,
        "number_called": contact.number_called,
        "arrived_at": contact.arrived_at.timestamp(),
        "application": {"name": application.name, "version": application.version},
        "rules_version": rules_version,
    }


def return_(caller: CallerInformation, state: str) -> dict[str, Any]:
    """Of a call that came back: what the store knew."""
    return {"came_back": True, "caller": caller, **({"state": state} if state else {})}


def step(position: Position, do: Do) -> dict[str, Any]:
    """What is done from now on, and for which step."""
    told: dict[str, Any] = {"application": position.application, "step": position.step, "do": describe(do)}
    if isinstance(do, Collect) and do.secret:
        told["secret"] = True
    return {"step": told}


def happened(happening: Happening) -> dict[str, Any]:
    """Empty for what the socket shows."""
    if not isinstance(happening, TOLD):
        return {}
    told: dict[str, Any] = {"what": type(happening).__name__}
    match happening:
        case LookedUp(result, facts):
            return {"happened": {**told, "result": result, "facts": dict(facts)}}
        case AgentOutcome(result):
            return {"happened": {**told, "result": result}}
        case Recorded(seconds):
            return {"happened": {**told, "seconds": seconds}}
        case Failed(reason):
            return {"happened": {**told, "reason": reason}}
    return {"happened": told}


def refused(refusal: Refusal) -> dict[str, Any]:
    """The call is not taken: whose limit it was, and what becomes of it."""
    return {
        "refused": {"scope": refusal.scope, "why": str(refusal.why), "treatment": asdict(refusal.treatment)}
    }


def asked(inquiry: Inquiry, at: float) -> dict[str, Any]:
    """What the rules are asked, `at` seconds since the epoch."""
    caller = inquiry.caller
    return {
        "asked": {
            "queue": inquiry.queue,
            "at": at,
            "number": caller.number,
            "medium": caller.medium,
            "language": caller.language,
            "facts": dict(caller.facts),
            "customer": dict(caller.customer),
            "arrived_at": caller.arrived_at.timestamp(),
        }
    }


def no_route(fault: NoRoute) -> dict[str, Any]:
    """The rules say nothing of such a contact."""
    return {"routed": {"fault": str(fault)}}


def routed(got: ProxyCall | NotQueued) -> dict[str, Any]:
    """What the rules decided."""
    if isinstance(got, NotQueued):
        decided = {"rule": got.rule, "rules_version": got.rules_version, "way": got.way.dump()}
        return {"routed": {**decided, "reason": got.reason}}
    return {
        "proxy_call": got.proxy_call_id,
        "routed": {
            **{name: getattr(got, name) for name in TERMS},
            "rules_version": got.rules_version,
            "preferred_agent": got.preferred_agent_id,
        },
    }
