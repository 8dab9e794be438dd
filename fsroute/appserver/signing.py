"""How sites know each other's requests and answers: a secret that two of them share. Pure.

A request carries ``Authorization: fsroute site=… time=… nonce=… mac=…``; the MAC (HMAC-SHA256) covers method, target,
site, time, nonce and the hash of the body. The answer carries ``Fsroute-Answer``: a MAC over the request's nonce, the
status, the entity tag and the hash of the body, so that nobody between can change an answer or send an old one. A
request counts once, and only while its time is within a window of the server's own.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

ANSWER = "Fsroute-Answer"
"""The header that signs an answer."""

MOST_NONCES = 50_000  # of one site within the window; beyond that it asks too often
LONGEST_HEADER = 300  # characters

_HEADER = re.compile(
    r"fsroute site=([a-z0-9_-]{1,40}) time=([0-9]{1,12}) nonce=([0-9a-f]{32}) mac=([0-9a-f]{64})"
)
_NOBODY = b"no site has this secret"


@dataclass(frozen=True, slots=True)
class Site:
    """A site that may ask, and for which contact centers."""

    name: str
    contact_centers: frozenset[str]
    secret: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Admitted:
    """A request that is a site's own; `nonce` goes into the signature of the answer."""

    site: Site
    nonce: str


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a request is not believed: for the log, never for who asked. `busy`: it asks too often."""

    reason: str
    busy: bool = False


def body_hash(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def authorization(
    site: str, secret: bytes, method: str, target: str, body: bytes, now: float, nonce: str
) -> str:
    """The header of a request; `target` is its path, `now` in seconds since the epoch, `nonce` 32 hex digits."""
    mac = _request_mac(secret, method, target, site, str(int(now)), nonce, body)
    return f"fsroute site={site} time={int(now)} nonce={nonce} mac={mac}"


def answer_mac(secret: bytes, nonce: str, status: int, tag: str, hash_of_body: str) -> str:
    """What signs an answer; `tag` is its entity tag as sent, '' without one."""
    return _mac(secret, "fsroute-answer-1", nonce, str(status), tag, hash_of_body)


def is_answer(secret: bytes, nonce: str, status: int, tag: str, hash_of_body: str, mac: str) -> bool:
    """Whether `mac` is the signature of this answer to the request with `nonce`."""
    expected = answer_mac(secret, nonce, status, tag, hash_of_body)
    return hmac.compare_digest(expected.encode(), mac.encode())


class Gate:
    """Decides which requests count. Remembers the nonces of the window, so that none counts twice."""

    def __init__(self, sites: Mapping[str, Site], window: float = 60.0, most: int = MOST_NONCES) -> None:
        self._sites = sites
        self._window = window
        self._seen = {name: _Nonces(most) for name in sites}

    def admit(self, header: str, method: str, target: str, body: bytes, now: float) -> Admitted | Refused:
        """Whose request this is; `now` is this server's time in seconds since the epoch."""
        claim = _HEADER.fullmatch(header) if len(header) <= LONGEST_HEADER else None
        if claim is None:
            return Refused("it is not signed")
        name, time, nonce, mac = claim.groups()
        site = self._sites.get(name)
        expected = _request_mac(site.secret if site else _NOBODY, method, target, name, time, nonce, body)
        if not hmac.compare_digest(expected.encode(), mac.encode()) or site is None:
            return Refused(f"site {name} is not known, or its signature is wrong")
        if abs(int(time) - now) > self._window:
            return Refused(
                f"site {name} signed it {now - int(time):.0f} s ago: the clocks differ, or it is old"
            )
        return self._once(site, nonce, now)

    def _once(self, site: Site, nonce: str, now: float) -> Admitted | Refused:
        seen = self._seen[site.name]
        seen.forget(now)
        if nonce in seen.known:
            return Refused(f"site {site.name} has sent it before")
        if not seen.add(nonce, now + 2 * self._window):
            return Refused(f"site {site.name} asks too often", busy=True)
        return Admitted(site, nonce)


class _Nonces:
    """The nonces of one site, each until its request would be too old anyway."""

    def __init__(self, most: int) -> None:
        self.known: set[str] = set()
        self._most = most
        self._order: deque[tuple[float, str]] = deque()

    def forget(self, now: float) -> None:
        while self._order and self._order[0][0] < now:
            self.known.discard(self._order.popleft()[1])

    def add(self, nonce: str, until: float) -> bool:
        if len(self.known) >= self._most:
            return False
        self.known.add(nonce)
        self._order.append((until, nonce))
        return True


def _request_mac(
    secret: bytes, method: str, target: str, site: str, time: str, nonce: str, body: bytes
) -> str:
    return _mac(secret, "fsroute-request-1", method, target, site, time, nonce, body_hash(body))


def _mac(secret: bytes, *lines: str) -> str:
    return hmac.new(secret, "\n".join(lines).encode("utf-8", "surrogateescape"), hashlib.sha256).hexdigest()
