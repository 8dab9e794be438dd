"""What a transfer or a consultation makes of a routing: pure.

Routings are documents here, as SQL reads them. Priority and arrival are the contact's and stay.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from typing import Any

from fsroute.model.proxy_call import ProxyCall
from fsroute.model.routing import Routing, TimeLineStep

RINGBACK = "tone_stream://%(2000,4000,440,480);loops=-1"
"""What an agent hears who waits for another one: no music."""

NOT_FOR_AGENTS = ("offer_callback", "announce", "voice_message", "number", "back")
"""Steps of a time line that a consulting agent has no use for."""

HELD_IN = ("fsroute_held", "fsroute_conference")
"""The extensions in which a held leg is, and the other end of a talk in a conference; given back, it is in another."""

WANTED = "fsroute_wanted"
"""The channel variable of a consulting agent's leg that says whom the agent wants: a routing, as `dump` writes it."""

Document = Mapping[str, Any]


_NUMBER = re.compile(r"\+?[0-9*#]{1,20}")


def may_be_dialled(number: str, pattern: str) -> bool:
    """Whether an agent may send a contact to `number`: it is one, and the operator's `pattern` takes all of it."""
    fits = _NUMBER.fullmatch(number) is not None
    return fits and bool(pattern) and re.fullmatch(pattern, number) is not None


def dump(routing: Document) -> str:
    """A routing as a channel variable."""
    return base64.urlsafe_b64encode(json.dumps(routing).encode()).decode()


def load(text: str) -> dict[str, Any]:
    """What `dump` made."""
    return dict(json.loads(base64.urlsafe_b64decode(text)))


def present(call: ProxyCall) -> dict[str, Any]:
    """The routing that a proxy call has now, to go back to."""
    routing = Routing(
        queue=call.queue,
        demand=call.demand,
        rule=call.rule,
        rules_version=call.rules_version,
        priority=call.priority,
        strategy=call.strategy,
        lead=call.lead,
        hold_music=call.hold_music,
        offer_timeout=call.offer_timeout,
        network_leg_timeout=call.network_leg_timeout,
        network_leg_tries=call.network_leg_tries,
        longest_wait=call.longest_wait,
        longest_queue=call.longest_queue,
        refuse_when=call.refuse_when,
        time_line=call.time_line,
        overflow=call.overflow,
        callback=call.callback,
        acd=call.acd,
    )
    return routing.dump() | {"time_line_done": call.time_line_done}


def to_agent(call: ProxyCall, agent_id: str, wait: float) -> dict[str, Any]:
    """For this agent alone, whom another one chose; after `wait` seconds the routing of before."""
    return present(call) | {
        "skills": [],
        "sites": [],
        "teams": [],
        "only_agent_id": agent_id,
        "longest_wait": None,
        "longest_queue": None,
        "refuse_when": "never",
        "time_line": [TimeLineStep(wait, "back").dump()],
        "time_line_done": 0,
        "acd": None,
    }


def to_queue(routing: Routing) -> dict[str, Any]:
    """What the rules said, from the beginning of its time line on."""
    return routing.dump() | {"time_line_done": 0}


def consulting(routing: Document, call: ProxyCall, wait: float) -> dict[str, Any]:
    """The same for an agent who wants to consult: heard as ringing, and over after `wait` seconds at the latest."""
    longest = routing.get("longest_wait")
    return dict(routing) | {
        "priority": call.priority,
        "hold_music": RINGBACK,
        "longest_wait": wait if longest is None else min(wait, longest),
        "longest_queue": None,
        "refuse_when": "no_agent_logged_on",
        "time_line": [step for step in routing.get("time_line") or [] if step["do"] not in NOT_FOR_AGENTS],
        "overflow": {"do": "application"},
    }
