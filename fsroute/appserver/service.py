"""The endpoints of the application server.

==========================  ==================================================================================
GET /v1/health              200, without a signature
GET /v1/applications        the applications of the site's contact centers: name, version, sequence, hash, size
GET /v1/applications/NAME   the bundle; its entity tag is its SHA-256; If-None-Match gives 304; HEAD
POST /v1/lookups/NAME       {"contact_center", "parameters"} → {"facts", "cache"}; 404: nothing was found
==========================  ==================================================================================

Everything else needs a signature (`signing`), and every answer to it has one. Errors are ``{"error": "…"}``.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any

import gevent
import msgspec

from fsroute.appserver.catalogue import Catalogue, Entry
from fsroute.appserver.lookups import Answers
from fsroute.appserver.signing import ANSWER, Admitted, Gate, Site, answer_mac, body_hash
from fsroute.httpserver import Seldom, read_body
from fsroute.lookups.facts import NOTHING_FOUND
from fsroute.lookups.sources import LookupFailed, LookupRefused, LookupSlow

log = logging.getLogger(__name__)

PIECE = 65_536

_BUNDLE = re.compile(r"/v1/applications/([a-z0-9][a-z0-9_-]{0,63})")
_LOOKUP = re.compile(r"/v1/lookups/([a-z0-9_-]{1,40})")
_TAGS = re.compile(r'"([^"]*)"')

_Short = Annotated[str, msgspec.Meta(max_length=200)]


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of a look-up."""

    contact_center: _Short
    parameters: Annotated[dict[_Short, _Short], msgspec.Meta(max_length=32)] = {}


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent: `body`, or the file `path` with its `size` and hash."""

    status: int
    body: bytes = b""
    tag: str = ""
    path: Path | None = None
    size: int = 0
    hash: str = ""
    kind: str = "application/json"
    headers: tuple[tuple[str, str], ...] = field(default=())


class Service:
    """A WSGI application. `now` gives the time in seconds since the epoch."""

    def __init__(
        self, gate: Gate, catalogue: Catalogue, answers: Answers, now: Callable[[], float] = time.time
    ) -> None:
        self._gate = gate
        self._catalogue = catalogue
        self._answers = answers
        self._now = now
        self._refusals = Seldom(log)
        self._failures = Seldom(log)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        if path == "/v1/health":
            return _send(start_response, method, _json(200, {"status": "ok"}), None)
        body = read_body(environ)
        if body is None:
            return _send(start_response, method, _error(408, "the request's body did not come in time"), None)
        admitted = self._gate.admit(environ.get("HTTP_AUTHORIZATION", ""), method, path, body, self._now())
        if not isinstance(admitted, Admitted):
            peer = environ.get("REMOTE_ADDR", "")
            self._refusals.say(logging.WARNING, f"a request from {peer} is refused: {admitted.reason}")
            answer = _error(429, "too many requests") if admitted.busy else _error(401, "not authorized")
            return _send(start_response, method, answer, None)
        answer = self._answer(admitted.site, environ, method, path, body)
        return _send(start_response, method, answer, admitted)

    def _answer(self, site: Site, environ: dict[str, Any], method: str, path: str, body: bytes) -> Answer:
        tags = frozenset(_TAGS.findall(environ.get("HTTP_IF_NONE_MATCH", "")))
        if environ.get("QUERY_STRING"):
            return _error(400, "there are no queries here")
        if path == "/v1/applications":
            return self._list(site, tags) if method in ("GET", "HEAD") else _not_so("GET, HEAD")
        if found := _BUNDLE.fullmatch(path):
            return self._bundle(site, found[1], tags) if method in ("GET", "HEAD") else _not_so("GET, HEAD")
        if found := _LOOKUP.fullmatch(path):
            return self._look_up(site, found[1], body) if method == "POST" else _not_so("POST")
        return _error(404, "there is no such thing")

    def _list(self, site: Site, tags: frozenset[str]) -> Answer:
        body = msgspec.json.encode([_listed(entry) for entry in self._catalogue.of(site.contact_centers)])
        tag = body_hash(body)
        return Answer(304, tag=tag) if tag in tags else Answer(200, body, tag=tag)

    def _bundle(self, site: Site, name: str, tags: frozenset[str]) -> Answer:
        entry = self._catalogue.entries.get(name)
        if entry is None or entry.contact_center not in site.contact_centers:
            return _error(404, f"there is no application {name} for this site")
        if entry.sha256 in tags:
            return Answer(304, tag=entry.sha256)
        headers = (("Fsroute-Version", entry.version), ("Fsroute-Sequence", str(entry.sequence)))
        return Answer(
            200, b"", entry.sha256, entry.path, entry.size, entry.sha256, "application/octet-stream", headers
        )

    def _look_up(self, site: Site, name: str, body: bytes) -> Answer:
        try:
            asked = msgspec.json.decode(body, type=Asked)
        except (msgspec.DecodeError, RecursionError):
            return _error(400, "the question is not as it must be")
        if asked.contact_center not in site.contact_centers:
            return _error(403, f"contact center {asked.contact_center[:40]} is not this site's")
        try:
            lookup = self._answers.find(name, asked.contact_center, asked.parameters)
            facts = self._answers.answer(lookup, asked.parameters)
        except LookupRefused as error:
            return _error(403, str(error))
        except LookupFailed as error:
            self._failures.say(logging.WARNING, str(error))
            slow = isinstance(error, LookupSlow)
            return _error(504, "the answer is too slow") if slow else _error(502, "there is no answer")
        if facts is None:
            return _json(404, {"error": NOTHING_FOUND, "cache": lookup.cache})
        return _json(200, {"facts": facts, "cache": lookup.cache})


def _listed(entry: Entry) -> dict[str, object]:
    return {
        "name": entry.name,
        "version": entry.version,
        "sequence": entry.sequence,
        "contact_center": entry.contact_center,
        "sha256": entry.sha256,
        "size": entry.size,
    }


def _json(status: int, value: object) -> Answer:
    return Answer(status, msgspec.json.encode(value))


def _error(status: int, text: str) -> Answer:
    return _json(status, {"error": text})


def _not_so(allowed: str) -> Answer:
    return Answer(405, b'{"error":"not by this method"}', headers=(("Allow", allowed),))


def _send(
    start_response: Callable[..., Any], method: str, answer: Answer, admitted: Admitted | None
) -> Iterable[bytes]:
    sends_body = method != "HEAD" and answer.status != 304
    headers = [("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff"), *answer.headers]
    if answer.status != 304:
        headers.append(("Content-Type", answer.kind))
        headers.append(("Content-Length", str(answer.size if answer.path else len(answer.body))))
    if answer.tag:
        headers.append(("ETag", f'"{answer.tag}"'))
    if admitted is not None:
        hashed = (answer.hash or body_hash(answer.body)) if sends_body else body_hash(b"")
        mac = answer_mac(admitted.site.secret, admitted.nonce, answer.status, answer.tag, hashed)
        headers.append((ANSWER, mac))
    body = _pieces(answer.path) if answer.path and sends_body else [answer.body if sends_body else b""]
    start_response(f"{answer.status} {HTTPStatus(answer.status).phrase}", headers)
    return body


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            yield piece
            gevent.sleep(0)  # where the peer takes all at once, others shall have their turn
