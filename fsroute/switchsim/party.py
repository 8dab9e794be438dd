"""What stands at the far end of a channel: a person with a telephone, or a leg to another switch."""

from __future__ import annotations

from typing import Protocol


class Party(Protocol):
    """The far end, as a channel sees it.

    Every method returns at once; answers come by the channel's own methods.
    """

    @property
    def name(self) -> str:
        """Who this is, for what others record that they heard."""

    def progressed(self, *, media: bool) -> None:
        """The switch rings (180), or sends early media (183)."""

    def answered(self) -> None:
        """The switch answered (200)."""

    def ended(self, cause: str) -> None:
        """The switch ended the call: BYE, CANCEL or a refusal."""

    def redirected(self, target: str) -> None:
        """The switch sent the call elsewhere (302)."""

    def pressed(self, digit: str) -> None:
        """The switch passed a digit on (RFC 4733)."""

    def listen(self) -> None:
        """What the switch sends has changed."""

    def speech(self) -> str:
        """What this end sends: ``talking with …``, a file, music, or silence."""
