"""Whom a number called belongs to: from the database, and from memory while that is away or slow."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping

import gevent

from fsroute.errors import DatabaseUnavailable, StoreError

MOST = 10_000  # numbers that are remembered: those called last
PATIENCE = 0.5  # seconds for which the database may take to say what is known

Owner = tuple[str, str]
"""(contact center, application)"""


class NumbersCalled:
    """`ask` tells the owner of a number from the database, None: it has none; raises StoreError."""

    def __init__(self, ask: Callable[[str], Owner | None], most: int = MOST) -> None:
        self._ask = ask
        self._most = most
        self._known: OrderedDict[str, Owner] = OrderedDict()

    def learn(self, owners: Mapping[str, Owner]) -> None:
        """Remember what was read at once."""
        for number, owner in owners.items():
            self._remember(number, owner)

    def owner(self, number: str) -> Owner | None:
        """The owner as the database says, or, while it is away or slow, as it said last.

        Raises:
            DatabaseUnavailable: nothing is known of this number.
            StoreError: the database refuses to say.
        """
        asked = gevent.spawn(self._answer, number)
        asked.join(PATIENCE if number in self._known else None)
        answer = asked.value if asked.ready() else DatabaseUnavailable("the database takes its time")
        if isinstance(answer, DatabaseUnavailable) and number in self._known:
            return self._known[number]
        if isinstance(answer, StoreError):
            raise answer
        return answer

    def _answer(self, number: str) -> Owner | StoreError | None:
        """An error as a value: nobody may be there to take it."""
        try:
            owner = self._ask(number)
        except StoreError as error:
            return error
        if owner is None:
            self._known.pop(number, None)
        else:
            self._remember(number, owner)
        return owner

    def _remember(self, number: str, owner: Owner) -> None:
        self._known[number] = owner
        self._known.move_to_end(number)
        if len(self._known) > self._most:
            self._known.popitem(last=False)
