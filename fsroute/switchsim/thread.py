"""The greenlet of a channel: what it does in each state, from its creation to its report."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from fsroute.switchsim import bridging, states
from fsroute.switchsim.dialplan import Action
from fsroute.switchsim.running import rest, run
from fsroute.switchsim.states import Left
from fsroute.switchsim.variables import split_unquoted

if TYPE_CHECKING:
    from fsroute.switchsim.channel import Channel

log = logging.getLogger(__name__)


def live(channel: Channel) -> None:
    """Run a channel until it ends; the target of its greenlet."""
    try:
        while channel.is_up:
            _step(channel)
            if channel.next_state is not None:
                state, channel.next_state = channel.next_state, None
                channel.change_state(state)
    except Exception:
        log.exception("the stand-in's own fault on %r", channel)
        channel.hang_up("DESTINATION_OUT_OF_ORDER")
    channel.report()


def _step(channel: Channel) -> None:
    try:
        _STEPS[channel.state](channel)
    except Left:
        return


def _begin(channel: Channel) -> None:
    """Take an inbound call in."""
    channel.change_state(states.NEW)
    channel.renew_profile()
    channel.change_state(states.INIT)
    channel.next_state = states.ROUTING
    channel.fire("CHANNEL_CREATE")
    channel.state = states.ROUTING
    channel.change_call_state("RINGING")
    channel.leave_for(states.ROUTING)


def _route(channel: Channel) -> None:
    """Look the call up in the dialplan."""
    profile = channel.profile
    channel.position = 0
    if profile.dialplan.lower() == "inline":
        parts = (part.partition(":") for part in split_unquoted(profile.destination_number, ","))
        channel.extension = [Action(name, data) for name, _, data in parts]
    else:
        channel.extension = channel.switch.dialplan.route(
            profile.context, channel.get, lambda action: run(channel, action.application, action.data)
        )
    if channel.extension:
        channel.leave_for(states.EXECUTE)
    else:
        channel.hang_up("NO_ROUTE_DESTINATION")


def _execute(channel: Channel) -> None:
    """Run the actions of the extension from where the channel stands, then hang up."""
    while channel.position < len(channel.extension):
        action = channel.extension[channel.position]
        try:
            run(channel, action.application, action.data)
        finally:
            channel.position += 1
        channel.check()
    channel.hang_up("NORMAL_CLEARING")


def _wait(channel: Channel) -> None:
    """Be a leg that is being raised, until somebody says how it goes on."""
    rest(channel, breakable=False)


_STEPS: dict[str, Callable[[Channel], None]] = {
    states.NEW: _begin,
    states.ROUTING: _route,
    states.EXECUTE: _execute,
    states.PARK: bridging.stay_parked,
    states.CONSUME_MEDIA: _wait,
    states.EXCHANGE_MEDIA: bridging.exchange_media,
    states.HIBERNATE: lambda channel: channel.leave_for(states.RESET),
    states.RESET: bridging.reset,
    states.SOFT_EXECUTE: bridging.soft_execute,
}
