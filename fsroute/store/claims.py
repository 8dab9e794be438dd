"""A reservation that is made in the statement which frees its agent: what is asked for, and who hears of the answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from fsroute.errors import StoreError
from fsroute.model.proxy_call import ProxyCall


@dataclass(frozen=True, slots=True)
class Claim:
    """Whom an agent turns to who is about to be free. It is answered once, whatever comes of the statement.

    `call` is the contact's row as it was when that was decided; `why` goes with the event. `reserved` is told the row
    with the reservation, after the commit, or None if the agent or the contact was not to be had; `failed` is told
    the error after which nobody knows.
    """

    epoch: int
    call: ProxyCall
    agent_id: str
    agent_leg_uuid: str
    why: Mapping[str, object]
    reserved: Callable[[ProxyCall | None], None]
    failed: Callable[[StoreError], None]


class Dialling(Protocol):
    """Who dials the agent of a reservation."""

    def begin(self, call: ProxyCall) -> None:
        """The row will be this, if the agent and the contact are to be had. Never waits."""

    def reserved(self, call: ProxyCall) -> None:
        """It is: what was begun is wanted. Told before anybody else is; never waits."""


Leaving = Callable[[ProxyCall], Claim | None]
"""Asked for each agent who is about to leave the talk of this row; None: nothing is known that comes next."""
