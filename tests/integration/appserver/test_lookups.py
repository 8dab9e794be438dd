"""Look-ups from a call's side to the remote center's data and back, over real sockets and a real database."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gevent
import pytest
from gevent.pywsgi import WSGIServer

from fsroute.callserver.lookups import Lookups
from fsroute.callserver.remote import Remote
from fsroute.config import Lookup, LookupParameter, Secret
from fsroute.lookups.answers import Empty, Failed, Found, Slow
from tests.fix_database import perform
from tests.integration.appserver.center import Center

AT_ONCE = (
    60.0  # seconds, on a machine that is busy with other tests: what is slow here takes ten times as long
)
NUMBER = {"number": LookupParameter(pattern="[0-9]+")}
STATEMENTS = """
-- name: order
-- The state of an order.
select state, items, price from orders where number = %(number)s;

-- name: slow
select pg_sleep(600), %(number)s as number;

-- name: writes
insert into orders values (%(number)s, 'stolen', 0, 0) returning state;

-- name: many
select 'row ' || n || %(number)s as text from generate_series(1, 10000000) n;

-- name: kinds
select true as flag, null as nothing, date '2024-05-01' as day, '{1,2}'::int[] as list, %(number)s as number;
"""
DATA = """
create table orders (number text primary key, state text, items int, price numeric);
insert into orders values ('1234', 'sent', 3, 12.50), ('77', '{{ facts }}', 0, 0);
"""


def sql(name: str, **changed: Any) -> Lookup:
    values: dict[str, Any] = {
        "name": name,
        "kind": "sql",
        "contact_centers": ("blue",),
        "parameters": NUMBER,
    }
    return Lookup(**values | changed)


@pytest.fixture
def lookups(center: Center, new_database: Callable[[str], str], tmp_path: Path) -> Lookups:
    """What calls ask, of a center with a database of its own."""
    conninfo = new_database("template1")
    perform(conninfo, DATA)
    (tmp_path / "statements").mkdir()
    (tmp_path / "statements" / "orders.sql").write_text(STATEMENTS)
    center.start(
        lookups=(
            sql("order"),
            sql("slow", timeout=0.2),
            sql("writes"),
            sql("many"),
            sql("kinds"),
            sql("cached", statement="order", cache=60.0),
        ),
        statements=str(tmp_path / "statements"),
        lookup_url=Secret(conninfo),
        max_connections=10,
    )
    center.settings["conninfo"] = conninfo
    return Lookups([Remote(center.source())])


def ask(lookups: Lookups, name: str, number: str = "1234", timeout: float = 5.0) -> Any:
    return lookups.ask(name, "blue", {"number": number}, timeout)


def test_the_first_row_is_the_facts(lookups: Lookups) -> None:
    assert ask(lookups, "order") == Found({"state": "sent", "items": "3", "price": "12.50"})


def test_no_row_is_an_empty_answer(lookups: Lookups) -> None:
    assert ask(lookups, "order", "99") == Empty()


def test_what_looks_like_a_template_comes_through_as_it_is(lookups: Lookups) -> None:
    assert ask(lookups, "order", "77") == Found({"state": "{{ facts }}", "items": "0", "price": "0"})


def test_a_parameter_is_never_sql(lookups: Lookups) -> None:
    refused = ask(lookups, "order", "1' or '1'='1")
    assert refused == Failed(
        "look-up order: status 403: look-up order: parameter number is not as it must be"
    )


def test_a_slow_statement_is_given_up(lookups: Lookups) -> None:
    begin = time.monotonic()
    assert ask(lookups, "slow") == Slow()
    assert time.monotonic() - begin < AT_ONCE


def test_the_caller_waits_no_longer_than_the_step_says(lookups: Lookups) -> None:
    begin = time.monotonic()
    assert ask(lookups, "slow", timeout=0.1) == Slow()
    assert time.monotonic() - begin < AT_ONCE


def test_a_statement_only_reads(lookups: Lookups, caplog: pytest.LogCaptureFixture) -> None:
    assert ask(lookups, "writes", "666").reason.endswith("answers with status 502")
    assert ask(lookups, "order", "666") == Empty()
    assert "read-only transaction" in caplog.text


def test_of_many_rows_one_is_read(lookups: Lookups) -> None:
    begin = time.monotonic()
    assert ask(lookups, "many") == Found({"text": "row 11234"})
    assert time.monotonic() - begin < AT_ONCE


def test_a_column_that_is_no_fact_is_said_in_the_servers_log(
    lookups: Lookups, caplog: pytest.LogCaptureFixture
) -> None:
    assert isinstance(ask(lookups, "kinds"), Failed)
    assert "look-up kinds: fact list is a list, not a text or a number" in caplog.text


def test_an_answer_is_kept_as_long_as_the_server_says(lookups: Lookups, center: Center) -> None:
    found, nothing = ask(lookups, "cached"), ask(lookups, "cached", "99")
    assert (type(found), type(nothing)) == (Found, Empty)
    center.stop()
    assert (ask(lookups, "cached"), ask(lookups, "cached", "99")) == (found, nothing)
    assert isinstance(ask(lookups, "cached", "77"), Failed)


def test_a_contact_center_without_a_server_has_no_answers(lookups: Lookups) -> None:
    failed = lookups.ask("order", "green", {"number": "1234"}, 5.0)
    assert failed == Failed("no application server is known for contact center green")


def test_questions_of_callers_that_are_refused_close_nothing_to_others(lookups: Lookups) -> None:
    for _ in range(20):
        assert isinstance(ask(lookups, "order", "x"), Failed)
    assert isinstance(ask(lookups, "order"), Found)


def test_nobody_waits_for_a_server_that_is_dead(lookups: Lookups, center: Center) -> None:
    center.stop()
    reasons = [ask(lookups, "order").reason for _ in range(7)]
    assert "Connection refused" in reasons[0]
    assert "is left alone for a while" in reasons[6]


def test_a_killed_caller_leaves_its_place_to_others(lookups: Lookups) -> None:
    few = Lookups([Remote(_with(lookups, max_lookups=1))])
    waiting = [gevent.spawn(ask, few, "slow") for _ in range(5)]
    gevent.sleep(0.05)
    gevent.killall(waiting)
    assert isinstance(ask(few, "order"), Found)


def test_too_many_at_once_wait_and_are_late(lookups: Lookups) -> None:
    few = Lookups([Remote(_with(lookups, max_lookups=1))])
    first = gevent.spawn(ask, few, "slow")
    gevent.sleep(0.02)
    assert ask(few, "order", timeout=0.05) == Slow()
    first.join()
    assert isinstance(ask(few, "order"), Found)


def _with(lookups: Lookups, **changed: Any) -> Any:
    import msgspec

    return msgspec.structs.replace(lookups._centers["blue"].remote.source, **changed)


@pytest.fixture
def impostor() -> Iterator[str]:
    """A server that does not know the secret."""

    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "application/json"), ("Fsroute-Answer", "0" * 64)])
        return [b'{"facts":{"state":"paid"}}']

    server = WSGIServer(("127.0.0.1", 0), answer, log=None)
    server.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.stop(0)


def test_an_answer_that_is_not_signed_is_none(lookups: Lookups, impostor: str) -> None:
    fooled = Lookups([Remote(_with(lookups, urls=(impostor,)))])
    assert "is not signed with the secret" in ask(fooled, "order").reason


def test_the_second_server_answers_when_the_first_does_not(
    lookups: Lookups, center: Center, impostor: str
) -> None:
    both = Lookups([Remote(_with(lookups, urls=(impostor, center.url)))])
    assert isinstance(ask(both, "order"), Found)


def test_a_database_that_is_away_is_no_answer_and_comes_back(lookups: Lookups, center: Center) -> None:
    assert isinstance(ask(lookups, "order"), Found)
    perform(
        center.settings["conninfo"],
        "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database()"
        " and pid <> pg_backend_pid()",
    )
    assert isinstance(ask(lookups, "order"), Found | Failed)
    assert isinstance(ask(lookups, "order"), Found)


@pytest.fixture
def crm() -> Iterator[str]:
    """The center's own HTTP service."""

    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        path = environ["PATH_INFO"]
        if environ.get("HTTP_AUTHORIZATION") != "Bearer crm":
            start_response("403 Forbidden", [])
            return []
        if path == "/slow":
            gevent.sleep(600)
        if path.startswith("/customers/"):
            start_response("200 OK" if path.endswith("7") else "404 Not Found", [])
            return [b'{"name": "Ada", "balance": 12.5}']
        start_response("200 OK", [])
        return [b"x" * 100_000]

    server = WSGIServer(("127.0.0.1", 0), answer, log=None)
    server.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.stop(0)


def test_a_service_of_the_centers_answers(center: Center, crm: str) -> None:
    def http(name: str, path: str, **changed: Any) -> Lookup:
        return sql(name, kind="http", url=crm + path, authorization=Secret("Bearer crm"), **changed)

    center.start(
        lookups=(
            http("customer", "/customers/{number}"),
            http("slow", "/slow", timeout=0.2, method="POST"),
            http("large", "/large", method="POST"),
            sql("unknown", kind="http", url=crm + "/", method="POST"),
        )
    )
    lookups = Lookups([Remote(center.source())])
    assert ask(lookups, "customer", "17") == Found({"name": "Ada", "balance": "12.5"})
    assert ask(lookups, "customer", "18") == Empty()
    assert ask(lookups, "slow") == Slow()
    assert isinstance(ask(lookups, "large"), Failed)
    assert isinstance(ask(lookups, "unknown"), Failed)
