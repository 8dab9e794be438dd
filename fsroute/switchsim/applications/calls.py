"""Applications that answer, end, move and join calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fsroute.switchsim import bridging, running
from fsroute.switchsim.causes import cause_of_response, parse_cause
from fsroute.switchsim.encoding import leading_number
from fsroute.switchsim.originate import originate

if TYPE_CHECKING:
    from fsroute.switchsim.channel import Channel


def answer(channel: Channel, data: str) -> None:
    channel.answer()


def pre_answer(channel: Channel, data: str) -> None:
    channel.pre_answer()


def ring_ready(channel: Channel, data: str) -> None:
    channel.ring_ready()


def hangup(channel: Channel, data: str) -> None:
    """End the call with the cause `data` by name or number, NORMAL_CLEARING by default."""
    channel.hang_up(parse_cause(data) if data else "NORMAL_CLEARING")


def respond(channel: Channel, data: str) -> None:
    """Refuse an unanswered call with a SIP status."""
    channel.hang_up(cause_of_response(data.split()[0] if data else ""))


def redirect(channel: Channel, data: str) -> None:
    """Send an unanswered call elsewhere (302)."""
    if not channel.is_answered and channel.party is not None:
        channel.party.redirected(data)
    channel.hang_up("NORMAL_UNSPECIFIED")


def transfer(channel: Channel, data: str) -> None:
    """``[-bleg|-both] extension [dialplan [context]]``."""
    which, _, rest = data.partition(" ")
    if which in {"-bleg", "-both"}:
        if channel.partner is not None:
            bridging.transfer(channel.partner, rest)
        if which == "-bleg":
            return
        data = rest
    bridging.transfer(channel, data)


def park(channel: Channel, data: str) -> None:
    running.park(channel)


def bridge(channel: Channel, data: str) -> None:
    """Dial and join; a failure leaves its cause in the variables (audio_bridge_function)."""
    if not data:
        return
    peer, cause = originate(channel.switch, data, caller=channel)
    if peer is None:
        channel.set("originate_failed_cause", cause)
    channel.check()
    if peer is None:
        channel.set("last_bridge_hangup_cause", cause)
        bridging.give_up_on(channel, cause)
        return
    bridging.bridge(channel, peer)


def sched_transfer(channel: Channel, data: str) -> None:
    """``[+]seconds extension [dialplan [context]]``: the guard before ``socket``."""
    when, _, target = data.partition(" ")
    channel.switch.schedule(channel.uuid, when, lambda: _transfer_later(channel, target))


def sched_hangup(channel: Channel, data: str) -> None:
    """``[+]seconds [cause]``."""
    when, _, cause = data.partition(" ")
    seconds = leading_number(when.lstrip("+"))
    channel.switch.schedule(channel.uuid, f"+{seconds}", lambda: channel.hang_up(parse_cause(cause)))


def _transfer_later(channel: Channel, target: str) -> None:
    if channel.is_up:
        bridging.transfer(channel, target)


def limit(channel: Channel, data: str) -> None:
    """``backend realm resource [max[/interval]] [!cause | extension [dialplan [context]]]``; there is mod_hash alone.

    A backend that is not loaded counts as a limit that was passed.
    """
    backend, realm, resource, most, *target = [*data.split(), *[""] * 4][: max(4, len(data.split()))]
    number, _, interval = most.partition("/")
    top = leading_number(number) if number and not number.startswith("-") else -1
    limits, name = channel.switch.limits, f"{realm}_{resource}"
    if backend == "hash" and limits.admit(channel.uuid, name, top, leading_number(interval)):
        return
    to = " ".join(target) or "limit_exceeded"
    if to.startswith("!"):
        channel.hang_up(parse_cause(to[1:]))
    else:
        bridging.transfer(channel, to)
