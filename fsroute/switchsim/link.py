"""A call between two switches of a network: one party of each of its two channels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import gevent

from fsroute.switchsim.timeline import SILENCE

if TYPE_CHECKING:
    from collections.abc import Callable

    from fsroute.switchsim.channel import Channel
    from fsroute.switchsim.network import Network


class Link:
    """The call: `near` is the channel that dialled, `far` the one that was called.

    `delay` (seconds) is what signalling takes one way; a cut link carries nothing, and both
    channels end with MEDIA_TIMEOUT after the network's media time-out.
    """

    def __init__(self, network: Network, near: Channel, delay: float = 0.0) -> None:
        self.network = network
        self.near = near
        self.far: Channel | None = None
        self.delay = delay
        self.is_cut = False
        self.near_end = LinkEnd(self, is_near=True)
        self.far_end = LinkEnd(self, is_near=False)

    def carry(self, act: Callable[[], None]) -> None:
        """Do something at the other end, now or after the delay, unless the link is cut."""
        if self.is_cut:
            return
        if self.delay:
            gevent.spawn_later(self.delay, self._arrive, act)
        else:
            act()

    def _arrive(self, act: Callable[[], None]) -> None:
        if not self.is_cut:
            act()

    def cut(self) -> None:
        """Lose the link in the middle of the call."""
        if self.is_cut:
            return
        self.is_cut = True
        for channel in (self.near, self.far):
            if channel is not None and channel.is_up:
                gevent.spawn_later(self.network.media_timeout, channel.party_ends, "MEDIA_TIMEOUT")
        self.near_end.tell()
        self.far_end.tell()


class LinkEnd:
    """One end, as the channel at it sees it: a `Party`."""

    def __init__(self, link: Link, *, is_near: bool) -> None:
        self.link = link
        self._is_near = is_near

    @property
    def other(self) -> Channel | None:
        """The channel at the other end."""
        return self.link.far if self._is_near else self.link.near

    @property
    def own(self) -> Channel | None:
        return self.link.near if self._is_near else self.link.far

    @property
    def name(self) -> str:
        return self.other.switch.name if self.other is not None else "nobody"

    def progressed(self, *, media: bool) -> None:
        other = self.other
        if other is not None:
            self.link.carry(other.party_sends_media if media else other.party_rings)

    def answered(self) -> None:
        if (other := self.other) is not None:
            self.link.carry(other.party_answers)

    def ended(self, cause: str) -> None:
        if (other := self.other) is not None:
            self.link.carry(lambda: other.party_ends(cause))

    def redirected(self, target: str) -> None:
        return

    def pressed(self, digit: str) -> None:
        if (other := self.other) is not None:
            self.link.carry(lambda: other.party_presses(digit))

    def listen(self) -> None:
        """What this end's channel sends has changed: whoever hears the other channel hears it."""
        if self._is_near:
            self.link.far_end.tell()
        else:
            self.link.near_end.tell()

    def tell(self) -> None:
        """Tell those whom this end's channel is bridged to that something else arrives."""
        own = self.own
        if own is not None and own.partner is not None and own.partner.source is own:
            own.partner.sound_changed()

    def speech(self) -> str:
        other = self.other
        if other is None or self.link.is_cut or not (other.is_up and other.has_media):
            return SILENCE
        return other.output()
