"""What answers a question: a statement of SQL, or an HTTP service. Both give facts, or none, within a time limit."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol
from urllib.parse import quote

import msgspec

from fsroute.config import Secret
from fsroute.errors import DatabaseUnavailable, FsrouteError, StoreError
from fsroute.httpclient import HttpFailed, HttpTooSlow, Reply
from fsroute.lookups.facts import facts_of

NO_RESULT = frozenset({204, 404})
"""Statuses of an HTTP service that say that there is nothing."""


class LookupRefused(FsrouteError):
    """The question is none that this site may ask; the text may be told to it."""


class LookupFailed(FsrouteError):
    """The question could not be answered; the text is for the log of this side, and in short for who asked."""


class LookupSlow(LookupFailed):
    """The answer was not there within the look-up's time limit."""


class Question(Protocol):
    """What a section of the configuration says of a question, whoever asks it."""

    @property
    def name(self) -> str: ...
    @property
    def url(self) -> str: ...
    @property
    def method(self) -> str: ...
    @property
    def authorization(self) -> Secret: ...


class Statements(Protocol):
    """Where statements of SQL are asked (`fsroute.store.inquiries.Inquiries`)."""

    @property
    def names(self) -> frozenset[str]: ...

    def first(
        self, name: str, parameters: Mapping[str, str], timeout: float
    ) -> Mapping[str, object] | None: ...


Ask = Callable[[Any, str, Mapping[str, str], bytes | None], Reply]
"""Sends the request of a question: (question, url, headers, body)."""


def by_sql(
    name: str, statement: str, parameters: Mapping[str, str], statements: Statements, timeout: float
) -> Mapping[str, object] | None:
    """The first row that `statement` gives within `timeout` seconds, None when there is none; `name` is for errors.

    Raises:
        LookupFailed, LookupSlow: the database refused, is away, or was too slow.
    """
    begin = time.monotonic()
    try:
        return statements.first(statement, parameters, timeout)
    except DatabaseUnavailable as error:
        if time.monotonic() - begin >= 0.9 * timeout:
            raise LookupSlow(f"look-up {name}: {error}") from error
        raise LookupFailed(f"look-up {name}: {error}") from error
    except StoreError as error:
        raise LookupFailed(f"look-up {name}: {error}") from error


def by_http(question: Question, parameters: Mapping[str, str], ask: Ask) -> dict[str, Any] | None:
    """The JSON object that the service answers with, None when it says that there is nothing.

    Raises:
        LookupFailed, LookupSlow: there is no answer, it is none, or it was too slow.
    """
    headers = {"Accept": "application/json", "User-Agent": "fsroute"}
    if question.authorization:
        headers["Authorization"] = question.authorization.reveal()
    try:
        if question.method == "POST":
            headers["Content-Type"] = "application/json"
            reply = ask(question, question.url, headers, msgspec.json.encode(dict(parameters)))
        else:
            reply = ask(question, fill_in(question.url, parameters), headers, None)
    except HttpTooSlow as error:
        raise LookupSlow(f"look-up {question.name}: {error}") from error
    except HttpFailed as error:
        raise LookupFailed(f"look-up {question.name}: {error}") from error
    return _object(question, reply)


def fill_in(url: str, parameters: Mapping[str, str]) -> str:
    """`url` with each parameter as one piece of it, whatever is in it.

    Raises:
        LookupRefused: a value would lead to another path (it is empty, or only dots).
    """
    for name, value in parameters.items():
        if not value.strip("."):
            raise LookupRefused(f"parameter {name} is not as it must be")
    return url.format_map({name: quote(value, safe="") for name, value in parameters.items()})


def _object(question: Question, reply: Reply) -> dict[str, Any] | None:
    if reply.status in NO_RESULT:
        return None
    if reply.status != 200:
        raise LookupFailed(f"look-up {question.name}: the service answers with status {reply.status}")
    try:
        answer = msgspec.json.decode(reply.body)
    except (msgspec.DecodeError, RecursionError) as error:
        raise LookupFailed(f"look-up {question.name}: the answer is not JSON") from error
    if not isinstance(answer, dict):
        raise LookupFailed(f"look-up {question.name}: the answer is no JSON object")
    return answer or None


def facts_or_none(answer: Mapping[str, object] | None) -> dict[str, str] | None:
    """The facts of an answer; raises AnswerRefused."""
    return None if answer is None else facts_of(answer)
