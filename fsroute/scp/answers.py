"""A decision as others read it: JSON, and the dialplan of mod_xml_curl. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import quoteattr

from fsroute.model.direct import Manner, Otherwise
from fsroute.scp.selection import Skipped

_CONTEXT = re.compile(r"[A-Za-z0-9_.-]{1,64}")


@dataclass(frozen=True, slots=True)
class Place:
    """A destination for a peer: `uri` is empty where nothing was claimed; `expires` in seconds."""

    name: str
    site: str
    uri: str = ""
    agent: str | None = None
    expires: float | None = None
    token: str = ""
    host: str = ""

    def dump(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "site": self.site,
            "agent": self.agent,
            "uri": self.uri or None,
            "expires": self.expires,
        }


@dataclass(frozen=True, slots=True)
class Answered:
    """What a peer is told. Without destinations the call goes `otherwise`; None: the ordinary way of calls."""

    why: str
    policy: str | None = None
    manner: Manner = Manner.REDIRECT
    rule: str | None = None
    contact_id: str | None = None
    destinations: tuple[Place, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    otherwise: Otherwise | None = None
    door: str = ""  # of the other way `site`
    ring: int = 0  # seconds that the first destination may ring

    @classmethod
    def ordinary(cls, why: str) -> Answered:
        return cls(why)


def document(answered: Answered) -> dict[str, Any]:
    """As ``openapi.DESCRIPTION`` says: the schema ``Decision``."""
    other = answered.otherwise
    return {
        "why": answered.why,
        "rule": answered.rule,
        "policy": answered.policy,
        "manner": str(answered.manner) if answered.rule is not None else None,
        "contact_id": answered.contact_id,
        "destinations": [place.dump() for place in answered.destinations],
        "skipped": [{"site": each.site, "why": each.why} for each in answered.skipped],
        "otherwise": _otherwise(other, answered.door) if not answered.destinations else None,
    }


def _otherwise(other: Otherwise | None, door: str) -> dict[str, Any]:
    if other is None:
        return {"do": "ordinary", "number": None, "cause": None, "uri": None}
    return {
        "do": other.do,
        "number": other.number or None,
        "cause": other.cause if other.do == "busy" else None,
        "uri": door or None,
    }


def not_found() -> bytes:
    """FreeSWITCH goes on with its own dialplan."""
    return b'<document type="freeswitch/xml"><section name="result"><result status="not found"/></section></document>'


Dialled = Callable[[Place], str]
"""What this switch dials for a destination."""


def xml_dialplan(answered: Answered, context: str, number: str, dialled: Dialled) -> bytes:
    """The extension that does what was decided. After bridges in vain the call goes the ordinary way."""
    actions = list(_actions(answered, number, dialled))
    if not actions or _CONTEXT.fullmatch(context) is None:
        return not_found()
    lines = "".join(
        f"<action application={quoteattr(name)} data={quoteattr(data)}/>" for name, data in actions
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'  # FreeSWITCH skips the line that this stands on (switch_xml.c)
        '<document type="freeswitch/xml"><section name="dialplan">'
        f'<context name={quoteattr(context)}><extension name="fsroute"><condition>{lines}</condition></extension>'
        "</context></section></document>"
    ).encode()


def _actions(answered: Answered, number: str, dialled: Dialled) -> list[tuple[str, str]]:
    places = [place for place in answered.destinations if place.uri]
    if places and answered.manner is Manner.REDIRECT:
        return [("redirect", ",".join(place.uri for place in places))]
    if places:
        settings = [("set", "continue_on_fail=true"), ("set", "hangup_after_bridge=true")]
        variables = f"{{leg_timeout={max(1, answered.ring)},ignore_early_media=true}}"
        bridge = "|".join(variables + dialled(place) for place in places)
        return [*settings, ("ring_ready", ""), ("bridge", bridge), ("transfer", f"{number} XML fsroute")]
    return _elsewhere(answered)


def _elsewhere(answered: Answered) -> list[tuple[str, str]]:
    other = answered.otherwise
    ways: Mapping[str, list[tuple[str, str]]] = {
        "busy": [("hangup", other.cause if other else "")],
        "number": [("transfer", f"{other.number if other else ''} XML default")],
        "site": [("redirect", answered.door)] if answered.door else [],
    }
    return ways.get(other.do, []) if other is not None else []
