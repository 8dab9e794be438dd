"""Who takes part in a cell, on stand-ins as on real switches: what the play needs of them."""

from __future__ import annotations

from typing import Protocol

LISTEN = 0.05  # seconds between two looks


class Caller(Protocol):
    """Somebody who calls, from the other side of the switch."""

    @property
    def number(self) -> str: ...

    def press(self, digits: str) -> None: ...

    def hang_up(self) -> None: ...

    def is_over(self) -> bool:
        """The call has ended, whoever ended it."""

    def talks(self) -> bool:
        """With an agent, now."""

    def broke_off(self) -> bool:
        """Whether a conversation of this call had a break that somebody would notice."""

    def quiet(self) -> float:
        """The longest time, in seconds, for which the caller heard nothing."""

    def heard(self) -> str:
        """What the caller heard, for whoever looks into a failure."""


class Telephone(Protocol):
    """An agent's."""

    @property
    def address(self) -> str: ...

    def rings(self) -> bool:
        """A call rings that is not answered."""

    def answer(self) -> None:
        """The call that rings."""

    def hang_up(self) -> None:
        """The call that talks."""

    def is_idle(self) -> bool:
        """No call is there: it neither rings nor talks."""

    def shown(self) -> str:
        """What the last call showed of the caller."""
