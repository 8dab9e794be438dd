"""A remote center's application servers as this site asks them: signed questions, answers that are proven theirs."""

from __future__ import annotations

import hashlib
import logging
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from fsroute.appserver.signing import ANSWER, authorization, is_answer
from fsroute.config import ApplicationsFrom
from fsroute.errors import FsrouteError
from fsroute.httpclient import HttpFailed, HttpTooSlow, Limits, request, tls_context

log = logging.getLogger(__name__)

BEFORE_ANOTHER = 0.5  # of the time left that a server may use while there is another one to ask


class RemoteFailed(FsrouteError):
    """No server gave an answer that counts; the text names the last one and its fault."""


class RemoteSlow(RemoteFailed):
    """… and the time limit is why."""


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer that is proven the server's; `body` is empty if it went into a sink, `sha256` is of it anyway."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    sha256: str

    @property
    def tag(self) -> str:
        """The entity tag, without its quotes."""
        return self.headers.get("etag", "").strip('"')


class Sink(Protocol):
    """Where a large body goes; `restart` throws away what came so far."""

    def restart(self) -> None: ...
    def write(self, piece: bytes) -> None: ...


class Remote:
    """The servers of one source, the one that answered last asked first.

    Raises:
        ConfigurationError: the file of authorities cannot be read.
    """

    def __init__(self, source: ApplicationsFrom, now: Callable[[], float] = time.time) -> None:
        self.source = source
        self._now = now
        self._secret = source.secret.reveal().encode()
        self._urls = [url.rstrip("/") for url in source.urls]
        self._tls = (
            tls_context(source.ca_file) if any(url.startswith("https") for url in self._urls) else None
        )

    def ask(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        *,
        timeout: float,
        limit: int,
        headers: Mapping[str, str] | None = None,
        sink: Sink | None = None,
    ) -> Answered:
        """The answer of the first server that gives one; `timeout` in seconds for all of them, `limit` in bytes.

        Raises:
            RemoteFailed, RemoteSlow: none did.
        """
        deadline = time.monotonic() + timeout
        fault: FsrouteError = RemoteFailed(f"{self.source.name} has no server")
        urls = list(self._urls)
        for tried, url in enumerate(urls):
            left = deadline - time.monotonic()
            share = left if tried == len(urls) - 1 or sink is not None else left * BEFORE_ANOTHER
            if left <= 0:
                break
            try:
                limits = Limits(share, min(share, self.source.connect_timeout), limit)
                reply = self._once(url, method, path, body, limits, headers or {}, sink)
            except (HttpFailed, RemoteFailed) as error:
                log.debug("%s: %s", self.source.name, error)
                fault = error
                continue
            self._prefer(url)
            return reply
        kind = RemoteSlow if isinstance(fault, HttpTooSlow) else RemoteFailed
        raise kind(str(fault)) from fault

    def _prefer(self, url: str) -> None:
        self._urls = [url, *(each for each in self._urls if each != url)]

    def _once(
        self,
        url: str,
        method: str,
        path: str,
        body: bytes,
        limits: Limits,
        headers: Mapping[str, str],
        sink: Sink | None,
    ) -> Answered:
        nonce = secrets.token_hex(16)
        signature = authorization(self.source.site, self._secret, method, path, body, self._now(), nonce)
        sent = {"User-Agent": "fsroute", **headers, "Authorization": signature}
        if method == "POST":
            sent["Content-Type"] = "application/json"
        digest = hashlib.sha256()
        take = None if sink is None else _into(sink, digest.update)
        reply = request(method, url + path, sent, body if method == "POST" else None, limits, self._tls, take)
        if sink is None or reply.status != 200:
            digest.update(reply.body)
        answered = Answered(reply.status, reply.headers, reply.body, digest.hexdigest())
        self._check(url, answered, nonce)
        return answered

    def _check(self, url: str, reply: Answered, nonce: str) -> None:
        if reply.status == 401:
            raise RemoteFailed(
                f"{url} refuses this site: its name, its secret or its clock is not as they must be"
            )
        if reply.status == 429:
            raise RemoteFailed(f"{url} says that this site asks too often")
        mac = reply.headers.get(ANSWER.lower(), "")
        if not is_answer(self._secret, nonce, reply.status, reply.tag, reply.sha256, mac):
            raise RemoteFailed(f"{url}: the answer (status {reply.status}) is not signed with the secret")
        if reply.status >= 500 and reply.status != 504:
            raise RemoteFailed(f"{url} answers with status {reply.status}")


def _into(sink: Sink, digest: Callable[[bytes], None]) -> Callable[[bytes], None]:
    sink.restart()

    def take(piece: bytes) -> None:
        digest(piece)
        sink.write(piece)

    return take
