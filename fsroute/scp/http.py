"""Decisions over HTTP, for OpenSIPS, Kamailio and mod_xml_curl.

====================  =====================================================================================
GET /v1/health        200, without authorization
GET /openapi.json     this interface, described
POST /v1/decisions    a call: its destinations, the first one claimed for it
GET /v1/decisions     what would be decided; claims nothing
POST /v1/dialplan     the same as an answer to mod_xml_curl
====================  =====================================================================================

Everything but the first two needs the shared token: ``Authorization: Bearer``, or Basic with the token as the password,
as mod_xml_curl sends it. The caller's channel is none of ours: each decision counts as a redirection.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import logging
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Any
from urllib.parse import parse_qsl

import msgspec

from fsroute.errors import DatabaseUnavailable, FsrouteError
from fsroute.httpserver import Seldom, read_body
from fsroute.model.contact import CallerInformation
from fsroute.scp.answers import Answered, document, not_found, xml_dialplan
from fsroute.scp.deciding import NotRouted
from fsroute.scp.openapi import DESCRIPTION
from fsroute.scp.rate import Rate
from fsroute.scp.routing import HttpRouting

log = logging.getLogger(__name__)

MOST_FIELDS = 1000  # of a form: mod_xml_curl sends all variables of the channel
OURS = frozenset({"fsroute", "fsroute_before_answer", "fsroute_desk", "fsroute_features", "fsroute_rendezvous"})
"""Contexts of the dialplan that fsroute brings: a call that was decided, and is back there, goes the ordinary way."""

JSON, XML = "application/json", "text/xml; charset=utf-8"

_Number = Annotated[str, msgspec.Meta(pattern=r"^\+?[0-9A-Za-z*#_.-]{1,64}$")]
_Short = Annotated[str, msgspec.Meta(max_length=128)]
_Uuid = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]

_FORM = {
    "number_called": "Caller-Destination-Number",
    "caller_number": "Caller-Caller-ID-Number",
    "caller_name": "Caller-Caller-ID-Name",
    "address": "Caller-Network-Addr",
    "call_id": "variable_sip_call_id",
}


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A call. `tried` are names of destinations that failed, of the contact `contact_id`."""

    number_called: _Number
    caller_number: _Short = ""
    caller_name: _Short = ""
    language: Annotated[str, msgspec.Meta(max_length=16)] = "en"
    address: _Short = ""
    call_id: _Short = ""
    contact_id: _Uuid | None = None
    tried: Annotated[tuple[_Short, ...], msgspec.Meta(max_length=10)] = ()

    def caller(self, now: float) -> CallerInformation:
        return CallerInformation(
            number=_clean(self.caller_number),
            name=_clean(self.caller_name),
            number_called=self.number_called,
            arrived_at=datetime.fromtimestamp(now, UTC),
            language=_clean(self.language) or "en",
            network={"address": _clean(self.address), "sip_call_id": _clean(self.call_id), "codec": ""},
        )


class Service:
    """A WSGI application. `rate` bounds the requests of all peers together."""

    def __init__(self, routing: HttpRouting, token: str, rate: Rate, now: Callable[[], float]) -> None:
        self._routing = routing
        self._token = token.encode()
        self._rate = rate
        self._now = now
        self._refusals = Seldom(log)
        self._failures = Seldom(log)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        status, kind, body = self._answer(environ)
        headers = [
            ("Content-Type", kind),
            ("Content-Length", str(len(body))),
            ("Cache-Control", "no-store"),
            ("X-Content-Type-Options", "nosniff"),
        ]
        if status == 401:
            headers.append(("WWW-Authenticate", 'Basic realm="fsroute", Bearer'))
        start_response(f"{status} {HTTPStatus(status).phrase}", headers)
        return [b"" if environ["REQUEST_METHOD"] == "HEAD" else body]

    def _answer(self, environ: dict[str, Any]) -> tuple[int, str, bytes]:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        if path == "/v1/health":
            return _json(200, {"status": "ok"})
        if path == "/openapi.json":
            return _json(200, DESCRIPTION)
        refused = self._refuse(environ)
        if refused is not None:
            return refused
        do = _ENDPOINTS.get((method, path))
        if do is None:
            known = any(path == there for _, there in _ENDPOINTS)
            return _error(405, "not by this method") if known else _error(404, "there is no such thing")
        body = read_body(environ)
        if body is None:
            return _error(408, "the request's body did not come in time")
        try:
            return do(self, environ, body)
        except _Refused as refusal:
            return _error(refusal.status, str(refusal))
        except DatabaseUnavailable as error:
            self._failures.say(logging.WARNING, f"a decision failed: {error}")
            return _error(503, "the database cannot be asked now")
        except FsrouteError as error:
            self._failures.say(logging.WARNING, f"a decision failed: {error}")
            return _error(500, "the decision failed")

    def _refuse(self, environ: dict[str, Any]) -> tuple[int, str, bytes] | None:
        if not self._rate.admits(self._now()):
            return _error(429, "too many requests")
        if hmac.compare_digest(_token(environ.get("HTTP_AUTHORIZATION", "")), self._token):
            return None
        peer = environ.get("REMOTE_ADDR", "")
        self._refusals.say(logging.WARNING, f"a request from {peer} is refused: not authorized")
        return _error(401, "not authorized")

    # Endpoints --------------------------------------------------------------------------------------------------

    def _decide(self, environ: dict[str, Any], body: bytes) -> tuple[int, str, bytes]:
        asked = _decoded(body)
        caller = asked.caller(self._now())
        try:
            answered = self._routing.decide(caller, asked.contact_id, frozenset(asked.tried))
        except NotRouted as why:
            answered = Answered.ordinary(str(why))
        return _json(200, document(answered))

    def _explain(self, environ: dict[str, Any], _body: bytes) -> tuple[int, str, bytes]:
        fields = dict(_fields(environ.get("QUERY_STRING", "")))
        asked = _converted({name: value for name, value in fields.items() if value})
        try:
            answered = self._routing.explain(asked.caller(self._now()))
        except NotRouted as why:
            answered = Answered.ordinary(str(why))
        return _json(200, document(answered))

    def _dialplan(self, environ: dict[str, Any], body: bytes) -> tuple[int, str, bytes]:
        """mod_xml_curl asks for other sections than the dialplan, too, where it is told to."""
        form = dict(_fields(body.decode("utf-8", "replace")))
        context = form.get("Caller-Context", "public")
        if form.get("section", "dialplan") != "dialplan" or context in OURS:
            return 200, XML, not_found()
        values = {name: form[header][:128] for name, header in _FORM.items() if form.get(header)}
        try:
            asked = _converted(values)
            answered = self._routing.decide(asked.caller(self._now()), None, frozenset())
        except NotRouted:
            return 200, XML, not_found()
        return 200, XML, xml_dialplan(answered, context, asked.number_called, self._routing.dialled)


_ENDPOINTS: Mapping[tuple[str, str], Callable[..., tuple[int, str, bytes]]] = {
    ("POST", "/v1/decisions"): Service._decide,
    ("GET", "/v1/decisions"): Service._explain,
    ("POST", "/v1/dialplan"): Service._dialplan,
}


class _Refused(Exception):
    """A request that is not as it must be."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


def _token(header: str) -> bytes:
    """What a peer shows: the bearer token, or the password."""
    scheme, _, value = header.partition(" ")
    if scheme.lower() == "bearer":
        return value.strip().encode("utf-8", "replace")
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value.strip(), validate=True).partition(b":")[2]
        except (binascii.Error, ValueError):
            return b""
    return b""


def _decoded(body: bytes) -> Asked:
    try:
        return msgspec.json.decode(body, type=Asked)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise _Refused(400, f"the request is not as it must be: {error}"[:200]) from None


def _converted(values: Mapping[str, Any]) -> Asked:
    try:
        return msgspec.convert(values, Asked)
    except msgspec.ValidationError as error:
        raise _Refused(400, f"the request is not as it must be: {error}"[:200]) from None


def _fields(text: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError as error:
        raise _Refused(400, f"the form is not as it must be: {error}"[:200]) from None


def _clean(text: str) -> str:
    return "".join(letter for letter in text if letter.isprintable())


def _json(status: int, value: object) -> tuple[int, str, bytes]:
    return status, JSON, msgspec.json.encode(value)


def _error(status: int, text: str) -> tuple[int, str, bytes]:
    return _json(status, {"error": text})
