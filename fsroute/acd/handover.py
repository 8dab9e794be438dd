"""The legs after a consultation: who goes on with the caller is joined with the held leg, or the caller is given back.

The rows of a completed consultation are written first, then the legs are joined. A process that dies in between
leaves the caller with music; the next one finds the talk by its rows and does the rest.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from time import monotonic
from typing import Protocol

import gevent

from fsroute.acd.legs import TALKING, Switch
from fsroute.acd.transfer import HELD_IN
from fsroute.errors import SwitchError
from fsroute.model.proxy_call import ProxyCall
from fsroute.store.store import Store

log = logging.getLogger(__name__)

NOTICE_LIMIT = 0.5  # seconds in which a leg notices that the other end of its talk has gone
LOOK_AGAIN = 0.01  # seconds between two looks
UNHELD = "fsroute_unheld XML fsroute_desk"


class HandoverSwitch(Switch, Protocol):
    """The switch of the agent who consulted."""

    def exists(self, uuid: str) -> bool: ...

    def variable(self, uuid: str, name: str) -> str: ...


class Handover:
    """Held legs of one switch, and those who go on with them."""

    def __init__(self, store: Store, switch: HandoverSwitch) -> None:
        self._store = store
        self._switch = switch

    def join(self, held: str, other: str) -> bool:
        """The held leg and another one; whether the switch took it."""
        self.tell(f"uuid_setvar {held} fsroute_held")
        try:
            self._switch.api(f"uuid_bridge {held} {other}")
        except SwitchError as error:
            log.warning("legs not joined: %s", error)
            return False
        return True

    def await_end_of_talk(self, leg: str) -> None:
        """The other end has gone: a leg that is joined before it has noticed goes on in its dialplan instead."""
        give_up = monotonic() + NOTICE_LIMIT
        with suppress(SwitchError):
            while self._switch.state(leg) in TALKING and monotonic() < give_up:
                gevent.sleep(LOOK_AGAIN)

    def hand_over(self, call: ProxyCall, held: str, other: str) -> None:
        """The consultation is completed: `other` goes on; if it has gone, the caller is next in the queue."""
        if self.join(held, other):
            self._ends_with_its_talk(other)
        else:
            self.give_back(call, held)

    def give_back(self, call: ProxyCall, held: str) -> None:
        """Nobody is there to be joined with the held leg: to the caller's site it is a lost conversation."""
        if held == call.channel_uuid:
            self.tell(f"uuid_setvar {held} fsroute_held true")
            self.tell(f"uuid_transfer {held} {UNHELD}")
        else:
            self.tell(f"uuid_kill {held} DESTINATION_OUT_OF_ORDER")

    def finish(self, switch_id: str, in_hand: Callable[[ProxyCall], bool]) -> None:
        """Consultations at this switch that were completed in the rows: the legs follow, if they did not.

        `in_hand` tells of talks that this process is completing.

        Raises:
            StoreError: the rows cannot be read.
            SwitchUnavailable: the switch cannot be asked.
        """
        for call, held, other in self._store.transfers.completed(switch_id):
            if in_hand(call):
                continue
            state = self._switch.state(held)
            if state in TALKING:  # the process may have died after the join
                self._ends_with_its_talk(other)
            elif state and self._switch.variable(held, "destination_number") in HELD_IN:
                log.warning("a completed consultation is joined late contact=%s", call.contact_id)
                self.hand_over(call, held, other)
                self._store.announce(call)

    def _ends_with_its_talk(self, other: str) -> None:
        """Again; not before it is joined, or the end of its talk with the agent would be its own."""
        if not self._switch.variable(other, "fsroute_standing"):
            self.tell(f"uuid_setvar {other} park_after_bridge")
            self.tell(f"uuid_setvar {other} hangup_after_bridge true")

    def tell(self, command: str) -> None:
        """What may fail, since the leg may have gone."""
        try:
            self._switch.api(command)
        except SwitchError as error:
            log.debug("%s: %s", command.split()[0], error)
