"""What a remote center offers, and what becomes of an offer: fetched, known already, or refused. Pure.

The sequence counts publications, not versions: an older version comes back by being published again. So an offer
with a lower sequence than the one that serves is an old answer, or an old folder, and is refused.
"""

from __future__ import annotations

import enum
from collections.abc import Collection
from dataclasses import dataclass
from typing import Annotated

import msgspec
from msgspec import Meta

from fsroute.errors import ApplicationError

MOST_OFFERS = 1_000

Name = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}\Z")]
Version = Annotated[str, Meta(pattern=r"^[0-9A-Za-z][0-9A-Za-z._+-]{0,31}\Z")]
Sequence = Annotated[int, Meta(ge=0, le=2**53)]
Hash = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
Center = Annotated[str, Meta(pattern=r"^[a-z0-9_-]{1,40}\Z")]


class OfferRefused(ApplicationError):
    """An application that is offered is not taken; the text names it and says why."""


class Offer(msgspec.Struct, frozen=True):
    """One line of an application server's list; what it says is a claim until the bundle has been checked."""

    name: Name
    version: Version
    sequence: Sequence
    contact_center: Center
    sha256: Hash
    size: Annotated[int, Meta(ge=0, le=2**53)]


class Accepted(msgspec.Struct, frozen=True, kw_only=True):
    """An application of the shelf. Times in seconds since the epoch; `checked_at`: when its server last offered it."""

    name: Name
    version: Version
    sequence: Sequence
    contact_center: Center
    sha256: Hash
    source: str
    fetched_at: float
    checked_at: float
    numbers: tuple[str, ...] = ()
    key_id: str = ""
    expires_at: float | None = None


class Verdict(enum.Enum):
    """What to do with an offer that is not refused."""

    SAME = "it serves already"
    AGAIN = "the same bundle was published again"
    FETCH = "it is to be fetched"


@dataclass(frozen=True, slots=True)
class Terms:
    """What a source may offer: for which contact centers, how large in bytes."""

    source: str
    contact_centers: Collection[str]
    max_size: int


_decoder = msgspec.json.Decoder(Annotated[list[Offer], Meta(max_length=MOST_OFFERS)])


def offers(body: bytes) -> list[Offer]:
    """The list of an application server.

    Raises:
        OfferRefused: it is none.
    """
    try:
        return list({offer.name: offer for offer in _decoder.decode(body)}.values())
    except (msgspec.DecodeError, RecursionError) as error:
        raise OfferRefused(f"the list of applications is none: {error}") from error


def judge(offer: Offer, known: Accepted | None, terms: Terms) -> Verdict:
    """What becomes of an offer, where `known` is on the shelf under its name.

    Raises:
        OfferRefused: nothing, and why.
    """
    what = f"application {offer.name} {offer.version} (sequence {offer.sequence})"
    if offer.contact_center not in terms.contact_centers:
        raise OfferRefused(f"{what}: {terms.source} does not speak for contact center {offer.contact_center}")
    if known is not None and known.contact_center != offer.contact_center:
        raise OfferRefused(f"{what}: the name is taken by contact center {known.contact_center}")
    if known is not None and offer.sequence < known.sequence:
        raise OfferRefused(f"{what}: older than sequence {known.sequence}, which serves: an old offer")
    same = known is not None and (offer.version, offer.sha256) == (known.version, known.sha256)
    if known is not None and offer.sequence == known.sequence and not same:
        raise OfferRefused(f"{what}: it has changed without being published again")
    if same:
        return Verdict.SAME if known is not None and offer.sequence == known.sequence else Verdict.AGAIN
    if offer.size > terms.max_size:
        raise OfferRefused(f"{what}: {offer.size} bytes, {terms.max_size} at most are taken")
    return Verdict.FETCH
