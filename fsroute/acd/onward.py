"""How an agent who goes on from a talk to the next contact is dialled, by whom the reservation is made."""

from __future__ import annotations

from collections.abc import Callable

from fsroute.acd.legs import LegCommands
from fsroute.model.proxy_call import ProxyCall


class Onward:
    """For `fsroute.store.claims.Dialling`: what dials the agent is begun before the reservation, and ended with it.

    `begin_offer` begins the offer of the contact if this process drives the agent's switch, and says whether it dials.
    That it begins in the same turn as the agent is dialled: whatever is heard of the contact next, an offer hears it.
    """

    def __init__(self, commands: LegCommands, begin_offer: Callable[[ProxyCall], bool]) -> None:
        self._commands = commands
        self._begin_offer = begin_offer

    def begin(self, call: ProxyCall) -> None:
        self._commands.begin(call)

    def reserved(self, call: ProxyCall) -> None:
        if self._begin_offer(call):
            self._commands.end_what_was_begun(call)
