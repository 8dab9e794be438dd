"""Two channels joined: the ``bridge`` of one that called the other, and ``uuid_bridge``.

Source: switch_ivr_multi_threaded_bridge, switch_ivr_uuid_bridge in switch_ivr_bridge.c.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import gevent
from gevent.event import Event as Flag

from fsroute.switchsim import states
from fsroute.switchsim.causes import ALWAYS_CONTINUES, Q850
from fsroute.switchsim.encoding import is_true
from fsroute.switchsim.running import park, rest
from fsroute.switchsim.states import Left

if TYPE_CHECKING:
    from fsroute.switchsim.channel import Channel

LEAVE_LIMIT = 5.0  # seconds that one side of a bridge waits for the other to leave it


def bridge(first: Channel, second: Channel) -> None:
    """Join `first`, in whose greenlet this runs, with `second` until one of them is gone.

    Raises:
        Left: `first` must leave what it runs.
    """
    if second.is_answered and not first.is_answered:
        first.answer()
    _join(first, second)
    ends = (("Bridge-A-Unique-ID", first.uuid), ("Bridge-B-Unique-ID", second.uuid))
    first.fire("CHANNEL_BRIDGE", before=ends)
    _name_each_other(first, second)
    second.leave_for(states.EXCHANGE_MEDIA)
    try:
        rest(
            first,
            on_digit=lambda digit: _pass_digit(first, digit),
            until=lambda: not second.is_up or second.partner is not first,
            breakable=False,
        )
    except Left:
        pass
    _part(first, second)
    first.fire("CHANNEL_UNBRIDGE", before=ends)
    _follow_up(first, second)
    first.check()


def _join(first: Channel, second: Channel) -> None:
    now = int(time.time() * 1_000_000)
    for one, other, kind in ((first, second, "originatee"), (second, first, "originator")):
        one.partner = other
        one.times.bridged = now
        one.set("signal_bond", other.uuid)
        one.see(other, kind)
        one.play("silence", other)
    second.call_uuid = first.uuid
    second.set("call_uuid", first.uuid)


def _name_each_other(first: Channel, second: Channel) -> None:
    for one, other in ((first, second), (second, first)):
        one.update({"bridge_channel": other.profile.channel_name, "bridge_uuid": other.uuid})
        one.set("last_bridge_to", other.uuid)


def _part(first: Channel, second: Channel) -> None:
    first.partner = None
    first.play("silence")
    if second.partner is first:
        second.partner = None
        second.play("silence")
        second.poke()
    _wait_until_gone(second)
    if second.cause is not None:
        first.set("bridge_hangup_cause", second.cause)


def _wait_until_gone(second: Channel) -> None:
    """Wait until `second` has left the bridge; its own greenlet does that."""
    flag = Flag()
    second.watchers.append(flag)
    end = time.monotonic() + LEAVE_LIMIT
    while second.state == states.EXCHANGE_MEDIA and time.monotonic() < end:
        flag.wait(0.1)
        flag.clear()
    second.watchers.remove(flag)


def _follow_up(first: Channel, second: Channel) -> None:
    """Do what the variables say when a conversation ended and `first` is still there."""
    if not first.is_up or first.next_state is not None:
        return
    cause = second.cause or "NORMAL_CLEARING"
    if not second.is_answered:
        give_up_on(first, cause)
        return
    hang_up_after = first.get("hangup_after_bridge")
    if is_true(first.get("park_after_bridge")):
        first.leave_for(states.PARK)
    elif (target := first.get("transfer_after_bridge")) is not None:
        first.set("transfer_after_bridge", None)
        transfer(first, target.replace(":", " "))
    elif hang_up_after == "explicit" or is_true(hang_up_after):
        first.hang_up(cause)


def _pass_digit(sender: Channel, digit: str) -> bool:
    other = sender.partner
    if other is not None and other.is_up and other.party is not None:
        other.party.pressed(digit)
    return False


def give_up_on(channel: Channel, cause: str) -> None:
    """Hang up or go on after a failed bridge (switch_channel_handle_cause)."""
    wanted = channel.get("continue_on_fail")
    names = {word.strip().upper() for word in (wanted or "").split(",")}
    if is_true(wanted) or cause in names or str(Q850.get(cause, 0)) in names:
        return
    if wanted is None and cause in ALWAYS_CONTINUES:
        return
    channel.hang_up(cause)


def exchange_media(channel: Channel) -> None:
    """Be the second side of a bridge; afterwards hang up, unless told otherwise.

    Raises:
        Left: the channel must leave what it runs.
    """
    first = channel.partner
    try:
        rest(
            channel,
            on_digit=lambda digit: _pass_digit(channel, digit),
            until=lambda: channel.partner is None or not channel.partner.is_up,
            breakable=False,
        )
    finally:
        _let_go(channel)
    if is_true(channel.get("park_after_bridge")):
        channel.leave_for(states.PARK)
    elif (target := channel.get("transfer_after_bridge")) is not None:
        channel.set("transfer_after_bridge", None)
        transfer(channel, target.replace(":", " "))
    else:
        channel.hang_up("NORMAL_CLEARING" if channel.is_answered else "ORIGINATOR_CANCEL")
        if first is not None and first.cause is not None:
            channel.set("bridge_hangup_cause", first.cause)


def _let_go(channel: Channel) -> None:
    partner, channel.partner = channel.partner, None
    if partner is not None:
        channel.play("silence")
        partner.poke()


def transfer(channel: Channel, target: str) -> None:
    """Send a channel to ``extension [dialplan [context]]``; it leaves what it runs."""
    words = target.split()
    profile = channel.profile
    profile.destination_number = words[0] if words else profile.destination_number
    profile.dialplan = words[1] if len(words) > 1 else profile.dialplan or "XML"
    profile.context = words[2] if len(words) > 2 else profile.context or "default"
    channel.times.transfer = int(time.time() * 1_000_000)
    channel.renew_profile()
    channel.hit_dialplan = True
    if not is_true(channel.get("limit_ignore_transfer")):
        channel.switch.limits.release(channel.uuid)
    channel.leave_for(states.ROUTING)


def uuid_bridge(first: Channel, second: Channel) -> bool:
    """Take both out of what they run and join them; false when it cannot be.

    When only `second` has media the two change places.
    """
    if not first.is_up or not second.is_up or first is second:
        return False
    if not first.has_media:
        if not second.has_media:
            return False
        first, second = second, first
    for one, other in ((first, second), (second, first)):
        one.update({"bridge_channel": other.profile.channel_name, "bridge_uuid": other.uuid})
        one.set("signal_bond", other.uuid)
        one.see(other, "originatee" if one is first else "originator")
    for one in (first, second):
        if one.is_flipped:
            one.flip()
        if not one.is_inbound:
            one.hit_dialplan = one is first
        one.bridge_to = None
    first.bridge_to = second
    for one in (first, second):
        one.leave_for(states.RESET if one.state == states.HIBERNATE else states.HIBERNATE)
    return True


def reset(channel: Channel) -> None:
    """Wait in CS_RESET: the first named goes on by itself, the second when the first calls it."""
    if channel.bridge_to is not None:
        channel.leave_for(states.SOFT_EXECUTE)
    rest(channel)


def soft_execute(channel: Channel) -> None:
    """Bridge to the channel that ``uuid_bridge`` named, then go on at the next dialplan action.

    Raises:
        Left: the channel must leave what it runs.
    """
    second = channel.bridge_to
    if second is None:
        rest(channel, breakable=False)
        return
    channel.bridge_to = None
    if not _await(channel, second):
        channel.hang_up("DESTINATION_OUT_OF_ORDER")
        return
    for one, other in ((channel, second), (second, channel)):
        one.fire("CHANNEL_EXECUTE", after=(("Application", "uuid_bridge"), ("Application-Data", other.uuid)))
    bridge(channel, second)
    channel.leave_for(states.EXECUTE)


def _await(channel: Channel, second: Channel) -> bool:
    """Wait until `second` is ready to be joined and answered; false when it is gone."""
    while second.is_up:
        stays = second.next_state is None  # not still in a conversation that it is to leave
        if second.state == states.RESET and stays:
            second.leave_for(states.SOFT_EXECUTE)
        elif second.state == states.SOFT_EXECUTE and stays and second.has_media:
            return True
        channel.check()
        gevent.sleep(channel.switch.state_delay)
    return False


def stay_parked(channel: Channel) -> None:
    """Be in CS_PARK; a park that ended leaves the channel there, without media.

    Raises:
        Left: somebody took it away, or it hung up.
    """
    park(channel)
    while True:
        channel.check()
        channel.wait(None)
