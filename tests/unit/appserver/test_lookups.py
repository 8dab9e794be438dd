from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsroute.appserver.lookups import Answers, check_parameters
from fsroute.config import Lookup, LookupParameter, Secret
from fsroute.errors import ConfigurationError, StoreError
from fsroute.httpclient import HttpFailed, HttpTooSlow, Reply
from fsroute.lookups import sources
from fsroute.lookups.sources import LookupFailed, LookupRefused, LookupSlow, facts_or_none, fill_in

URL = "https://crm.example/customers/{number}/orders?state={state}"


def lookup(**changed: Any) -> Lookup:
    values: dict[str, Any] = {"name": "order", "kind": "sql", "contact_centers": ("blue",)}
    return Lookup(**values | changed)


@given(st.text(max_size=50), st.text(max_size=50))
def test_a_parameter_never_leads_to_another_place(number: str, state: str) -> None:
    try:
        url = fill_in(URL, {"number": number, "state": state})
    except (LookupRefused, UnicodeEncodeError):
        return
    parts = urlsplit(url)
    assert (parts.scheme, parts.netloc) == ("https", "crm.example")
    segments = parts.path.split("/")
    assert (segments[1], segments[3], len(segments)) == ("customers", "orders", 4)
    assert segments[2] not in ("", ".", "..")
    assert parts.query.count("=") == 1
    assert not parts.fragment


class Statements:
    names = frozenset({"order"})

    def __init__(self, row: Mapping[str, object] | Exception | None) -> None:
        self.row = row

    def first(self, name: str, parameters: Mapping[str, str], timeout: float) -> Mapping[str, object] | None:
        if isinstance(self.row, Exception):
            raise self.row
        return self.row


def test_the_first_row_is_the_facts_and_no_row_is_none() -> None:
    assert Answers([lookup()], Statements({"state": "sent", "items": 3})).answer(lookup(), {}) == {
        "state": "sent",
        "items": "3",
    }
    assert Answers([lookup()], Statements(None)).answer(lookup(), {}) is None


@pytest.mark.parametrize("row", [{"State": "sent"}, {"state": "x" * 201}, StoreError("no such table")])
def test_a_row_that_holds_no_facts_is_no_answer(row: Any) -> None:
    with pytest.raises(LookupFailed, match="look-up order: "):
        Answers([lookup()], Statements(row)).answer(lookup(), {})


def test_a_look_up_whose_statement_is_not_there_is_refused_at_the_start() -> None:
    with pytest.raises(ConfigurationError, match="look-up order: there is no statement orders"):
        Answers([lookup(statement="orders")], Statements(None))


def test_only_its_contact_centers_may_ask() -> None:
    answers = Answers([lookup()], Statements(None))
    assert answers.find("order", "blue", {}).name == "order"
    for name, center in (("order", "green"), ("balance", "blue")):
        with pytest.raises(LookupRefused, match=f"there is no look-up {name} for contact center {center}"):
            answers.find(name, center, {})


@pytest.mark.parametrize("value", ["", "12a", "1\n", "1" * 9, "1\0", "\uff11"])
def test_a_parameter_matches_as_a_whole(value: str) -> None:
    wanted = lookup(parameters={"number": LookupParameter(pattern="[0-9]+", max_length=8)})
    check_parameters(wanted, {"number": "12345678"})
    with pytest.raises(LookupRefused, match="parameter number"):
        check_parameters(wanted, {"number": value})


def by_http(
    answer: Reply | Exception, sent: list[Any] | None = None, **changed: Any
) -> dict[str, str] | None:
    def ask(lookup: Lookup, url: str, headers: Mapping[str, str], body: bytes | None) -> Reply:
        if sent is not None:
            sent.append((url, headers, body))
        if isinstance(answer, Exception):
            raise answer
        return answer

    values = {"kind": "http", "url": "https://crm.example/order", "method": "POST"} | changed
    return facts_or_none(sources.by_http(lookup(**values), {"number": "1/2"}, ask))


def test_a_service_is_asked_by_post_with_its_authorization() -> None:
    sent: list[Any] = []
    facts = by_http(Reply(200, {}, b'{"state":"sent","none":null}'), sent, authorization=Secret("Bearer x"))
    assert facts == {"state": "sent"}
    ((url, headers, body),) = sent
    assert (url, headers["Authorization"], body) == (
        "https://crm.example/order",
        "Bearer x",
        b'{"number":"1/2"}',
    )


def test_a_service_is_asked_by_get_with_the_parameters_in_the_address() -> None:
    sent: list[Any] = []
    number = {"number": LookupParameter()}
    by_http(Reply(404, {}, b""), sent, method="GET", url="https://crm.example/o/{number}", parameters=number)
    assert (sent[0][0], sent[0][2]) == ("https://crm.example/o/1%2F2", None)


@pytest.mark.parametrize("reply", [Reply(404, {}, b""), Reply(204, {}, b""), Reply(200, {}, b"{}")])
def test_a_service_that_has_nothing_says_so(reply: Reply) -> None:
    assert by_http(reply) is None


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Reply(500, {}, b"{}"), LookupFailed),
        (Reply(302, {}, b""), LookupFailed),
        (Reply(200, {}, b"<html>"), LookupFailed),
        (Reply(200, {}, b"[1]"), LookupFailed),
        (Reply(200, {}, b"[" * 60_000), LookupFailed),
        (HttpFailed("gone"), LookupFailed),
        (HttpTooSlow("slow"), LookupSlow),
    ],
)
def test_a_service_that_gives_no_answer_is_no_answer(answer: Any, kind: type[Exception]) -> None:
    with pytest.raises(kind, match="look-up order: "):
        by_http(answer)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("https://{number}.example/", "must name its server"),
        ("ftp://crm.example/{number}", "must name its server"),
        ("https://crm.example/x", "must hold"),
        ("https://crm.example/{number}/{other}", "must hold"),
    ],
)
def test_an_address_that_callers_could_bend_is_refused(url: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        lookup(kind="http", url=url, parameters={"number": LookupParameter()})
