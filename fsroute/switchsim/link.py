"""A call between two switches of a network: one party of each of its two channels."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import gevent

from fsroute.switchsim.causes import Q850
from fsroute.switchsim.timeline import SILENCE

if TYPE_CHECKING:
    from collections.abc import Callable

    from fsroute.switchsim.channel import Channel
    from fsroute.switchsim.network import Network


RETRANSMITS = (
    32.0  # seconds for which a SIP request is sent again that nobody answers (64 * T1, RFC 3261, 17.1)
)


class Link:
    """The call: `near` is the channel that dialled, `far` the one that was called, at the switch `to`.

    `delay` (seconds) is what signalling takes one way. A cut link carries nothing any more, one between switches
    that are parted nothing for now: what is signalled meanwhile is sent again and arrives when they are joined,
    if that is soon enough. In both cases nobody hears anything, and channels with media end with MEDIA_TIMEOUT
    after the network's media time-out; who rings knows of nothing.
    """

    def __init__(self, network: Network, near: Channel, delay: float = 0.0, to: str = "") -> None:
        self.network = network
        self.near = near
        self.far: Channel | None = None
        self.delay = delay
        self.is_cut = False
        self.switches = frozenset((near.switch.name, to))
        self.near_end = LinkEnd(self, is_near=True)
        self.far_end = LinkEnd(self, is_near=False)
        self._under_way: list[tuple[float, Callable[[], None]]] = []

    @property
    def is_parted(self) -> bool:
        return self.switches in self.network.parted

    @property
    def is_silent(self) -> bool:
        return self.is_cut or self.is_parted

    def carry(self, act: Callable[[], None]) -> None:
        """Do something at the other end, now or after the delay, unless the link is cut."""
        if self.is_cut:
            return
        if self.delay:
            gevent.spawn_later(self.delay, self._arrive, act)
        else:
            self._arrive(act)

    def _arrive(self, act: Callable[[], None]) -> None:
        if self.is_cut:
            return
        if self.is_parted:
            self._under_way.append((time.monotonic(), act))
        else:
            act()

    def cut(self) -> None:
        """Lose the link in the middle of the call."""
        if not self.is_cut:
            self.is_cut = True
            self.fall_silent()

    def fall_silent(self) -> None:
        """Nothing is heard from now on."""
        for channel in (self.near, self.far):
            if channel is not None and channel.is_up and channel.has_media:
                gevent.spawn_later(self.network.media_timeout, self._miss_media, channel)
        self.near_end.tell()
        self.far_end.tell()

    def _miss_media(self, channel: Channel) -> None:
        if self.is_silent:
            channel.party_ends("MEDIA_TIMEOUT")

    def rejoined(self) -> None:
        """The switches reach each other again: what was sent again and again arrives, in its order."""
        under_way, self._under_way = self._under_way, []
        for sent, act in under_way:
            if time.monotonic() < sent + RETRANSMITS:
                act()
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
        """A BYE tells the causes of Q.850; FreeSWITCH's own are told in words, which are kept and not understood."""
        if (other := self.other) is None:
            return
        number = Q850.get(cause, 0)
        words = (
            f'Q.850;cause={number};text="{cause}"' if number < 128 else f'SIP;cause={number};text="{cause}"'
        )

        def arrive() -> None:
            for channel in (other, other.partner):
                if channel is not None and other.is_answered:
                    channel.set("sip_reason", words)
            other.party_ends("NORMAL_CLEARING" if number >= 128 and other.is_answered else cause)

        self.link.carry(arrive)

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
        if other is None or self.link.is_silent or not (other.is_up and other.has_media):
            return SILENCE
        return other.output()
