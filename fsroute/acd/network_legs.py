"""The network legs that come in at one switch: admitted by their tokens, refused, kept until they end."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import gevent

from fsroute.acd.proxy_call import On
from fsroute.acd.refusals import Refusals
from fsroute.acd.rendezvous import digest, is_token
from fsroute.errors import StoreError, SwitchError
from fsroute.model.contact import Outcome
from fsroute.model.proxy_call import NetworkLeg, ProxyCall, State
from fsroute.store.proxy_calls import Attempt
from fsroute.store.store import Store

log = logging.getLogger(__name__)


class Switch(Protocol):
    """The switch where the legs come in."""

    def api(self, command: str) -> str: ...

    def exists(self, uuid: str) -> bool: ...


@dataclass(frozen=True, slots=True)
class NetworkLegHere:
    """A network leg that came in: whose it is, which leg at the caller's switch, and the row that admitted it."""

    proxy_call_id: int
    leg_uuid: str
    version: float = math.inf  # until the row is known: no row is newer
    contact_id: str = ""  # set where the leg is the caller's own, redirected here before the answer

    def is_stale(self, call: ProxyCall) -> bool:
        """The row, as new as the one that admitted the leg, does not speak of it any more."""
        if (
            call.proxy_call_id != self.proxy_call_id
            or call.version < self.version
            or call.state is State.BRIDGED
        ):
            return False
        standing = call.network_leg in (NetworkLeg.PRESENT, NetworkLeg.JOINED)
        return not standing or call.network_leg_uuid != self.leg_uuid


class NetworkLegs:
    """By channel.

    Args:
        hand_over: is given each leg that has been admitted, with its row, for whoever serves the caller.
        missed: is told what the database did not take, and sees to it that all is looked at again.
    """

    def __init__(
        self,
        store: Store,
        switch: Switch,
        switch_id: str,
        hand_over: Callable[[str, ProxyCall], None],
        missed: Callable[[str, StoreError], None],
    ) -> None:
        self._store = store
        self._switch = switch
        self._switch_id = switch_id
        self._hand_over = hand_over
        self._missed = missed
        self._legs: dict[str, NetworkLegHere] = {}
        self._refusals = Refusals()
        self.admitting: set[str] = set()
        """Channels whose token is being claimed."""

    def __contains__(self, uuid: object) -> bool:
        return uuid in self._legs

    def arrived(self, uuid: str, number: str) -> None:
        """A channel came in for this number: a network leg, if that is a token."""
        if is_token(number) and uuid not in self._legs and uuid not in self.admitting:
            self.admitting.add(uuid)
            gevent.spawn(self._admit, uuid, number)

    def row(self, call: ProxyCall) -> None:
        """A leg that the row does not speak of any more is refused: the caller's site hears it at once."""
        if call.network_leg is NetworkLeg.PRESENT and call.rendezvous_uuid in self._legs:
            self._hand_over(call.rendezvous_uuid, call)  # it may have been here before the offer was
        for uuid, leg in list(self._legs.items()):
            if leg.is_stale(call):
                del self._legs[uuid]
                refused = call.is_live or is_redirected(call)
                gevent.spawn(self._kill, uuid, "NO_ANSWER" if refused else "NORMAL_CLEARING")

    def hung_up(self, uuid: str, cause: str) -> None:
        """A caller who was redirected has no other channel: the contact ends with this one.

        Not where the agent did not come, and the leg was refused for that: a peer has the caller, and asks again.
        """
        leg = self._legs.pop(uuid)
        if leg.contact_id:
            gevent.spawn(self._close_caller, leg, cause)

    def reconcile(self, call: ProxyCall) -> None:
        """A row that speaks of a leg here, after a restart or when events may have been missed.

        Raises:
            SwitchError: the switch cannot be asked.
        """
        uuid, leg_uuid = call.rendezvous_uuid, call.network_leg_uuid
        here = call.network_switch_id == self._switch_id
        if uuid and leg_uuid and here and self._switch.exists(uuid):
            self._legs.setdefault(uuid, _leg_here(call, leg_uuid))
        elif uuid and here and is_redirected(call):
            self.close_contact(call.contact_id, "the caller left unseen")

    def gone(self) -> Iterator[str]:
        """Those whose hang-up was missed.

        Raises:
            SwitchError: the switch cannot be asked.
        """
        for uuid in list(self._legs):
            if not self._switch.exists(uuid) and uuid in self._legs:
                yield uuid

    def close_contact(self, contact_id: str, cause: str) -> None:
        try:
            self._store.close_contact(contact_id, Outcome.ABANDONED, {"by": "acd", "cause": cause})
        except StoreError as error:
            self._missed(f"contact {contact_id} is not closed", error)

    def _close_caller(self, leg: NetworkLegHere, cause: str) -> None:
        try:
            call = self._store.proxy_calls.get(leg.proxy_call_id)
        except StoreError as error:
            self._missed(f"contact {leg.contact_id} is not closed", error)
            return
        if call is not None and call.is_live and call.network_leg_uuid == leg.leg_uuid:
            self.close_contact(leg.contact_id, cause)

    # Tokens --------------------------------------------------------------------------------------------------

    def _admit(self, uuid: str, token: str) -> None:
        """Valid tokens find their proxy call, any other leg is refused."""
        try:
            call = self._claim(uuid, digest(token))
        except StoreError as error:
            self._missed("a network leg is refused, its token cannot be read", error)
            self._kill(uuid, "CALL_REJECTED")
            return
        finally:
            self.admitting.discard(uuid)
        if call is None:
            log.warning("network leg refused: unknown, used or late token switch=%s", self._switch_id)
            self._kill(uuid, "CALL_REJECTED")
            self._refusals.refused()
            self.enter_refusals()

    def _claim(self, uuid: str, token_digest: str) -> ProxyCall | None:
        proxy_call_id, leg_uuid = self._store.proxy_calls.of_token(token_digest) or (0, None)
        if leg_uuid is None:
            return None
        before = self._store.proxy_calls.get(proxy_call_id)
        if before is None or before.network_switch_id != self._switch_id:
            return None
        self._legs[uuid] = NetworkLegHere(proxy_call_id, leg_uuid)
        attempt = Attempt(network_leg_uuid=leg_uuid)
        call = self._store.move(
            before, On.NETWORK_LEG_PRESENT, attempt=attempt, set={"rendezvous_uuid": uuid}
        )
        if call is None:
            self._legs.pop(uuid, None)
            return None
        if uuid in self._legs:  # it may have hung up meanwhile
            self._legs[uuid] = _leg_here(call, leg_uuid)
        elif is_redirected(call):
            self.close_contact(call.contact_id, "gone while it came in")
        self._hand_over(uuid, call)
        return call

    def enter_refusals(self) -> None:
        """Into the ledger, at most once a minute: somebody may be guessing."""
        count = self._refusals.due(time.monotonic())
        if not count:
            return
        try:
            self._store.agents.log_refused_legs(self._switch_id, count)
        except StoreError as error:
            self._refusals.failed(count)
            self._missed("refused network legs are not in the ledger", error)

    def _kill(self, uuid: str, cause: str) -> None:
        try:
            self._switch.api(f"uuid_kill {uuid} {cause}")
        except SwitchError as error:
            log.debug("uuid_kill: %s", error)


def is_redirected(call: ProxyCall) -> bool:
    """The caller was redirected to the agent's switch before the answer: the network leg is the caller's channel."""
    return not call.channel_uuid


def _leg_here(call: ProxyCall, leg_uuid: str) -> NetworkLegHere:
    contact_id = call.contact_id if is_redirected(call) else ""
    return NetworkLegHere(call.proxy_call_id, leg_uuid, call.version, contact_id)
