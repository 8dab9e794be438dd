"""What agents ask for by command: rows that the process takes which drives the agents' switch."""

from __future__ import annotations

import logging
from collections.abc import Callable

from fsroute.acd.desk_codes import Asked, Kind, To, Wish
from fsroute.acd.offer import Offer
from fsroute.errors import StoreError, Unanswered
from fsroute.store.store import Store

log = logging.getLogger(__name__)

STALE = 10.0  # seconds after which nobody waits for a command any more


class Orders:
    """The commands for the agents of one switch.

    Args:
        store: where they are.
        switch_id: the agents'.
        talk_of: the offer with which an agent talks.
    """

    def __init__(self, store: Store, switch_id: str, talk_of: Callable[[str], Offer | None]) -> None:
        self._store = store
        self._switch_id = switch_id
        self._talk_of = talk_of
        self._in_doubt: set[int] = set()  # commands that may have been taken, without an answer

    def signalled(self, key: str | int | None) -> None:
        """A command was written; None: commands may have been missed.

        Raises:
            StoreError: it was not read; it is to be told again.
        """
        if key is None:
            for command_id in self._store.transfers.waiting(self._switch_id, STALE):
                self._take(command_id)
        else:
            self._take(int(str(key).removeprefix("x:")))

    def _take(self, command_id: int) -> None:
        try:
            command = self._store.transfers.take(command_id, self._switch_id)
        except Unanswered:
            self._in_doubt.add(command_id)
            raise
        in_doubt = command_id in self._in_doubt
        self._in_doubt.discard(command_id)
        if command is None:
            if in_doubt:  # it was taken, and nobody was told what it is
                self._finish(command_id, "the database went away before it was done")
            return
        offer = self._talk_of(command.agent_id)
        if offer is None:
            self._finish(command_id, "there is no talk")
            return
        to = command.data.get("to")
        wish = Wish(Kind(command.kind), To(to) if to else None, command.data.get("name", ""))
        offer.inbox.put(Asked(wish, lambda result: self._finish(command_id, result)))

    def _finish(self, command_id: int, result: str) -> None:
        try:
            self._store.transfers.finish(command_id, result)
        except StoreError as error:
            log.warning("nobody is told what came of a command: %s", error)
