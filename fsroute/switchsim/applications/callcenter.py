"""``callcenter``: the call waits in a queue of mod_callcenter, to music, until an agent has it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fsroute.switchsim.running import rest, sounding

if TYPE_CHECKING:
    from fsroute.switchsim.channel import Channel


def callcenter(channel: Channel, data: str) -> None:
    """``queue``: leaves it when the queue gives the call up; an agent's bridge takes the call out of here.

    Source: callcenter_function. ``cc_exit_keys`` end the wait; an unknown queue ends the application at once.
    """
    center = channel.switch.callcenter
    queue = center.queues.get(data)
    if queue is None:
        return
    member = center.join(data, channel)
    keys = channel.get("cc_exit_keys") or ""

    def leaves(digit: str) -> bool:
        if digit in keys:
            channel.set("cc_exit_key", digit)
            member.cancel_reason = "EXIT_WITH_KEY"
        return digit in keys

    try:
        with sounding(channel, f"file {queue.music}"):
            rest(
                channel, on_digit=leaves, until=lambda: member.cancel_reason != "NONE", breakable=False
            )  # fmt: skip
    finally:
        center.leave(member)
