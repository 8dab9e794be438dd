"""Calling back: what the caller's switch does for a proxy call whose caller has hung up and keeps the place. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from fsroute.acd.dial import shown_name, shown_number
from fsroute.acd.proxy_call import On
from fsroute.model.proxy_call import LIVE, CallerLeg, ProxyCall

ENTRY = (
    "XML fsroute"  # dialplan and context of numbers that fsroute serves: a caller who answers comes in there
)


@dataclass(frozen=True, slots=True)
class Dial:
    """Call the caller."""


@dataclass(frozen=True, slots=True)
class Cancel:
    """The attempt on this channel is not wanted any more."""

    channel_uuid: str


@dataclass(frozen=True, slots=True)
class CloseContact:
    """The proxy call is over and the caller is on no line: the contact is, too."""


Step = Dial | Cancel | CloseContact


def decide(call: ProxyCall, attempt: str | None) -> Step | None:
    """The one thing to do now. `attempt`: the channel that this process calls the caller on."""
    if attempt is not None and not _is_wanted(call, attempt):
        return Cancel(attempt)
    if call.state not in LIVE:
        return None if call.caller_leg is CallerLeg.PRESENT else CloseContact()
    return Dial() if call.caller_leg is CallerLeg.WANTED and attempt is None else None


def _is_wanted(call: ProxyCall, attempt: str) -> bool:
    """The attempt is the row's, or its caller is there already."""
    under_way = call.caller_leg in (CallerLeg.DIALLING, CallerLeg.PRESENT) and call.state in LIVE
    return under_way and call.channel_uuid == attempt


@dataclass(frozen=True, slots=True)
class Failure:
    """The transition after an attempt that did not reach the caller, with its arguments."""

    on: On
    end_reservation: str
    values: dict[str, object]


def after_failure(call: ProxyCall) -> Failure:
    """Tried again later, or not any more, as the terms say."""
    if call.callback_ends:
        return Failure(On.CALLBACK_GIVEN_UP, "callback_given_up", {})
    return Failure(On.CALLER_UNREACHED, "caller_unreached", {"held_for": call.callback.retry_after})


def originate(
    call: ProxyCall, channel_uuid: str, dial_string: str, number_called: str, callserver: str
) -> str:
    """The api command that calls the caller; whoever answers comes in like a new call of the same number.

    The telephone shows the number that was called.
    """
    shown = shown_number(number_called)
    variables = (
        f"origination_uuid={channel_uuid}",
        f"origination_caller_id_number={shown}",
        f"origination_caller_id_name='{shown_name(call.contact_center_name, shown)}'",
        f"originate_timeout={max(1, round(call.callback.ring))}",
        "ignore_early_media=true",
        f"fsroute_contact={call.contact_id}",
        f"fsroute_callback={call.proxy_call_id}",
        f"fsroute_callserver={callserver}",
    )
    address = dial_string.format(number=call.callback_number)
    return f"originate {{{','.join(variables)}}}{address} {shown} {ENTRY}"
