"""Look-ups as the application server answers them: from a statement of SQL, or from an HTTP service."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from typing import Protocol
from urllib.parse import quote

import msgspec

from fsroute.appserver.facts import LONGEST_ANSWER, AnswerRefused, facts_of
from fsroute.config import Lookup
from fsroute.errors import ConfigurationError, DatabaseUnavailable, FsrouteError, StoreError
from fsroute.httpclient import HttpFailed, HttpTooSlow, Limits, Reply, request, tls_context

NO_RESULT = frozenset({204, 404})
"""Statuses of an HTTP service that say that there is nothing."""


class LookupRefused(FsrouteError):
    """The question is none that this site may ask; the text may be told to it."""


class LookupFailed(FsrouteError):
    """The question could not be answered; the text is for the log of this side, and in short for who asked."""


class LookupSlow(LookupFailed):
    """The answer was not there within the look-up's time limit."""


class Statements(Protocol):
    """Where statements of SQL are asked (`fsroute.store.inquiries.Inquiries`)."""

    @property
    def names(self) -> frozenset[str]: ...

    def first(
        self, name: str, parameters: Mapping[str, str], timeout: float
    ) -> Mapping[str, object] | None: ...


class Answers:
    """The look-ups of one server, by name.

    Raises:
        ConfigurationError: a look-up names a statement that there is not.
    """

    def __init__(self, lookups: Sequence[Lookup], statements: Statements | None = None) -> None:
        self._lookups = {each.name: each for each in lookups}
        self._statements = statements
        self._tls = tls_context()
        known = frozenset() if statements is None else statements.names
        for each in lookups:
            if each.kind == "sql" and _statement(each) not in known:
                raise ConfigurationError(f"look-up {each.name}: there is no statement {_statement(each)}")

    def find(self, name: str, contact_center: str, parameters: Mapping[str, str]) -> Lookup:
        """The look-up, if this may be asked.

        Raises:
            LookupRefused: there is none of this name for the contact center, or a parameter is not as it must be.
        """
        lookup = self._lookups.get(name)
        if lookup is None or contact_center not in lookup.contact_centers:
            raise LookupRefused(f"there is no look-up {name} for contact center {contact_center}")
        check_parameters(lookup, parameters)
        return lookup

    def answer(self, lookup: Lookup, parameters: Mapping[str, str]) -> dict[str, str] | None:
        """The facts found, None when there are none.

        Raises:
            LookupFailed, LookupSlow: there is no answer.
        """
        try:
            if lookup.kind == "http":
                return _by_http(lookup, parameters, self._ask)
            assert self._statements is not None
            return _by_sql(lookup, parameters, self._statements)
        except AnswerRefused as error:
            raise LookupFailed(f"look-up {lookup.name}: {error}") from error

    def _ask(self, lookup: Lookup, url: str, headers: Mapping[str, str], body: bytes | None) -> Reply:
        limits = Limits(lookup.timeout, lookup.timeout, LONGEST_ANSWER)
        return request(lookup.method, url, headers, body, limits, self._tls)


def check_parameters(lookup: Lookup, parameters: Mapping[str, str]) -> None:
    """See that exactly the look-up's parameters are there, each as it must be.

    Raises:
        LookupRefused: they are not; the text names the parameter, not its value.
    """
    if parameters.keys() != lookup.parameters.keys():
        wanted = ", ".join(sorted(lookup.parameters)) or "none"
        raise LookupRefused(f"look-up {lookup.name} takes these parameters: {wanted}")
    for name, form in lookup.parameters.items():
        value = parameters[name]
        if len(value) > form.max_length or "\0" in value or re.fullmatch(form.pattern, value) is None:
            raise LookupRefused(f"look-up {lookup.name}: parameter {name} is not as it must be")


def fill_in(url: str, parameters: Mapping[str, str]) -> str:
    """`url` with each parameter as one piece of it, whatever is in it.

    Raises:
        LookupRefused: a value would lead to another path (it is empty, or only dots).
    """
    for name, value in parameters.items():
        if not value.strip("."):
            raise LookupRefused(f"parameter {name} is not as it must be")
    return url.format_map({name: quote(value, safe="") for name, value in parameters.items()})


def _statement(lookup: Lookup) -> str:
    return lookup.statement or lookup.name


def _by_sql(lookup: Lookup, parameters: Mapping[str, str], statements: Statements) -> dict[str, str] | None:
    begin = time.monotonic()
    try:
        row = statements.first(_statement(lookup), parameters, lookup.timeout)
    except DatabaseUnavailable as error:
        if time.monotonic() - begin >= 0.9 * lookup.timeout:
            raise LookupSlow(f"look-up {lookup.name}: {error}") from error
        raise LookupFailed(f"look-up {lookup.name}: {error}") from error
    except StoreError as error:
        raise LookupFailed(f"look-up {lookup.name}: {error}") from error
    return None if row is None else facts_of(row)


class _Asking(Protocol):
    def __call__(self, lookup: Lookup, url: str, headers: Mapping[str, str], body: bytes | None) -> Reply: ...


def _by_http(lookup: Lookup, parameters: Mapping[str, str], ask: _Asking) -> dict[str, str] | None:
    headers = {"Accept": "application/json", "User-Agent": "fsroute"}
    if lookup.authorization:
        headers["Authorization"] = lookup.authorization.reveal()
    try:
        if lookup.method == "POST":
            headers["Content-Type"] = "application/json"
            reply = ask(lookup, lookup.url, headers, msgspec.json.encode(dict(parameters)))
        else:
            reply = ask(lookup, fill_in(lookup.url, parameters), headers, None)
    except HttpTooSlow as error:
        raise LookupSlow(f"look-up {lookup.name}: {error}") from error
    except HttpFailed as error:
        raise LookupFailed(f"look-up {lookup.name}: {error}") from error
    return _facts(lookup, reply)


def _facts(lookup: Lookup, reply: Reply) -> dict[str, str] | None:
    if reply.status in NO_RESULT:
        return None
    if reply.status != 200:
        raise LookupFailed(f"look-up {lookup.name}: the service answers with status {reply.status}")
    try:
        answer = msgspec.json.decode(reply.body)
    except (msgspec.DecodeError, RecursionError) as error:
        raise LookupFailed(f"look-up {lookup.name}: the answer is not JSON") from error
    if not isinstance(answer, dict):
        raise LookupFailed(f"look-up {lookup.name}: the answer is no JSON object")
    return facts_of(answer) if answer else None
