"""Dialling an agent: from an address and a caller to an originate command. Pure."""

from __future__ import annotations

import re

from fsroute.acd.standing import StandingAgent
from fsroute.esl.messages import Event
from fsroute.model.proxy_call import ProxyCall

STANDING_RINGS = 30  # seconds that a phone rings which is to stand
PARK_GRACE = 10.0  # seconds beyond its offer after which an answered leg ends that nobody cares for any more

STANDS = (
    "park_after_bridge=true",
    "hangup_after_bridge=false",
    "send_silence_when_idle=1400",
    "max_session_transfers=1000000",
)
"""Variables of a standing leg: it outlives the talks, noise that can hardly be heard tells that the line lives, and
FreeSWITCH does not hang it up after 70 transfers."""

PARKED = "park,park,park inline"
"""Where a standing leg stands, for ``transfer``: the end of an outbound socket that it had ends one park."""

_ENDPOINT = re.compile(r"^(user|sofia|loopback|verto\.rtc|error)/")
_ORIGINATION = re.compile(r"[{,]origination_uuid=([^,}]+)")
_NUMBER = re.compile(r"[^0-9A-Za-z+*#._-]")
_NAME = re.compile(r"[^\w .+-]")


def dial_string(address: str, template: str) -> str:
    """What FreeSWITCH dials for an agent's address.

    An address that names its endpoint (``user/1001@a.example``) is taken as it stands; any other goes into
    `template`, without its ``sip:`` or ``tel:``.
    """
    if _ENDPOINT.match(address):
        return address
    return template.format(address=re.sub(r"^(sip|tel):", "", address))


def shown_number(number: str) -> str:
    """A caller's number as it may go into originate variables and SIP headers."""
    return _NUMBER.sub("", number)[:32] or "anonymous"


def shown_name(name: str, number: str) -> str:
    """A caller's name, or else the number: cut down to letters, digits and a few signs.

    In originate variables a comma or a brace would be syntax, in a SIP header a quote or a line end.
    """
    return _NAME.sub("", name)[:40].strip() or shown_number(number)


def originate(call: ProxyCall, template: str) -> str:
    """The api command that dials the agent of an offer; the leg waits in park once answered.

    The agent's phone shows the caller. As short as can be: on a busy host 600 bytes more take some 15 ms.
    """
    assert call.agent_address is not None
    waits = call.offer_timeout + call.network_leg_timeout + PARK_GRACE
    variables = (
        f"origination_uuid={call.agent_leg_uuid}",
        f"park_timeout={max(1, round(waits))}",
        "ignore_early_media=1",
        "hangup_after_bridge=1",
        f"fsroute_proxy_call={call.proxy_call_id}",
    )
    number = shown_number(call.caller_number)
    name = shown_name(call.caller_name, call.caller_number)
    leg = f"{{{','.join(variables)}}}{dial_string(call.agent_address, template)}"
    return f"originate {leg} &park() undef undef '{name}' {number} {max(1, round(call.offer_timeout))}"


def dialled(job: Event) -> str:
    """Which leg a BACKGROUND_JOB was to dial; empty if none."""
    found = _ORIGINATION.search(job.get("Job-Command-Arg", ""))
    return found[1] if found else ""


def originate_standing(agent: StandingAgent, uuid: str, template: str) -> str:
    """The api command that calls an agent's phone for the shift; the leg waits in park, and again after each talk.

    Noise that can hardly be heard keeps the media going.
    """
    variables = (
        f"origination_uuid={uuid}",
        "origination_caller_id_number=fsroute",
        "origination_caller_id_name=fsroute",
        f"originate_timeout={STANDING_RINGS}",
        "ignore_early_media=true",
        *STANDS,
        f"fsroute_standing={agent.agent_id}",
    )
    return f"originate {{{','.join(variables)}}}{dial_string(agent.address, template)} &park()"
