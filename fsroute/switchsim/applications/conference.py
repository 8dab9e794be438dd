"""``conference``: rooms of one switch, where everybody hears everybody."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from fsroute.switchsim.encoding import is_false
from fsroute.switchsim.running import rest

if TYPE_CHECKING:
    from fsroute.switchsim.channel import Channel

_ARGUMENT = re.compile(r"([^@+]+)(?:@[^+]*)?(?:\+(?:flags\{)?([^}]*)\}?)?")


class Room:
    """One conference: its members, and whether it is over."""

    def __init__(self) -> None:
        self.members: list[Channel] = []
        self.is_over = False

    def leave(self, channel: Channel, flags: set[str]) -> None:
        self.members.remove(channel)
        if "endconf" in flags or ("mintwo" in flags and len(self.members) < 2):
            self.is_over = True
            for member in list(self.members):
                self._let_go(member)

    def _let_go(self, member: Channel) -> None:
        """At its end a conference hangs its members up, whatever else they are about to do, unless they say no."""
        if is_false(member.get("hangup_after_conference")):
            member.poke()
        else:
            member.hang_up()


def conference(channel: Channel, data: str) -> None:
    """``name@profile+flags{endconf|mintwo}``: be in the room until it is over, or the channel leaves."""
    match = _ARGUMENT.fullmatch(data)
    assert match is not None
    flags = set((match[2] or "").split("|"))
    rooms: dict[str, Room] = channel.switch.rooms
    room = rooms.setdefault(match[1], Room())
    room.members.append(channel)
    before = channel.play(f"conference {match[1]}")
    try:
        rest(channel, until=lambda: room.is_over, breakable=False)
    finally:
        channel.play(*before)
        room.leave(channel, flags)
        if not room.members or room.is_over:
            rooms.pop(match[1], None)
