"""The metrics of a process over HTTP, and of a center by what lies in the database."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import gevent
import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from fsroute.metrics.center import Figures
from fsroute.metrics.exporter import About, Exporter
from fsroute.metrics.sights import Connections, Sight
from fsroute.store.database import Database
from tests.fix_center import Center
from tests.waiting import until

SIGHT = Sight(epoch=7, connections=Connections(1, 0, 0, 0, 0))


@pytest.fixture
def exporter() -> Iterator[Exporter]:
    made = Exporter(About("1.0", "east", "east-1", "acd"), ("127.0.0.1", 0), 0.05)
    yield made
    made.stop()


def shown(exporter: Exporter) -> dict[str, float]:
    """The values of all series, by name and labels as they are written."""
    text = generate_latest(exporter.registry).decode()
    return {
        sample.name + "".join(f" {value}" for value in sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def ask(exporter: Exporter, request: bytes) -> bytes:
    assert exporter.server is not None
    with socket.create_connection(exporter.server.address, timeout=10) as connection:
        connection.sendall(request)
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
    return answer


def test_calls_are_counted_once_by_who_leads(exporter: Exporter, center: Center) -> None:
    center.bridged()  # before: not counted, but shown
    exporter.look_at_center(center.database, True)
    assert shown(exporter).get("fsroute_requests_total blue orders") is None
    assert shown(exporter)["fsroute_calls blue orders bridged"] == 1
    center.sql("update agent set wrap_up = 0")
    talking = center.offered("bob")
    center.request()
    for _ in range(3):
        exporter.look_at_center(center.database, True)
    figures = shown(exporter)
    assert figures["fsroute_requests_total blue orders"] == 2
    assert figures["fsroute_decisions_total blue orders"] == 1
    assert figures["fsroute_calls blue orders requested"] == 1
    assert figures["fsroute_calls blue orders offered"] == 1
    assert figures["fsroute_oldest_wait_seconds blue orders"] > 1000, "since the caller's arrival"
    assert {name: value for name, value in figures.items() if name.startswith("fsroute_agents ")} == {
        "fsroute_agents east talking available": 1,
        "fsroute_agents west reserved available": 1,
    }
    assert talking.agent_id == "bob"


def test_waits_and_network_legs_are_measured_in_the_ledger(exporter: Exporter, center: Center) -> None:
    exporter.look_at_center(center.database, True)
    call = center.bridged()
    center.proxy_calls.agent_left(str(call.agent_leg_uuid), {})
    exporter.look_at_center(center.database, True)
    figures = shown(exporter)
    assert figures["fsroute_wait_seconds_count blue orders"] == 1
    events = center.sql("select kind, data, extract(epoch from at)::float8 as at from contact_event order by event_id")
    joined = next(row for row in events if row["kind"] == "joined")
    assert joined["data"]["network_leg"] == "joined"
    left = next(row for row in events if row["kind"] == "agent_left")
    assert figures["fsroute_network_leg_seconds_total blue orders"] == pytest.approx(
        left["at"] - joined["at"], abs=1e-5
    )


def test_an_event_of_a_transaction_that_lasts_is_counted_when_it_is_committed(
    exporter: Exporter, center: Center
) -> None:
    exporter.look_at_center(center.database, True)
    with center.database.transaction() as slow:
        assert slow.value("metrics_reach")
        center.sql("select 1")
        contact = center.contact()
        center.connection.execute("begin")
        center.connection.execute(
            "insert into contact_event (contact_id, contact_center_id, kind) values (%s, 'blue', 'requested')",
            [contact],
        )
        center.request()
        exporter.look_at_center(center.database, True)
    center.connection.execute("commit")
    exporter.look_at_center(center.database, True)
    exporter.look_at_center(center.database, True)
    figures = shown(exporter)
    requests = [value for name, value in figures.items() if name.startswith("fsroute_requests_total ")]
    assert sum(requests) == 2


def test_who_is_replaced_shows_nothing_of_the_center(exporter: Exporter, center: Center) -> None:
    exporter.look_at_center(center.database, True)
    exporter.look_at_center(center.database, False)
    assert exporter._center.figures is None
    exporter.look_at_center(center.database, True)
    assert isinstance(exporter._center.figures, Figures)


def test_without_the_database_old_figures_are_not_shown(exporter: Exporter, center: Center) -> None:
    exporter.look_at_center(center.database, True)
    center.connection.execute("alter table queue rename to queues")
    exporter.look_at_center(center.database, True)
    assert exporter._center.figures is None
    center.connection.execute("alter table queues rename to queue")
    exporter.look_at_center(center.database, True)
    assert exporter._center.figures is not None


def test_metrics_are_served_over_http(exporter: Exporter, database: Database) -> None:
    exporter.start(database, lambda: SIGHT)
    until(lambda: exporter._center.figures is not None, 30)
    answer = ask(exporter, b"GET /metrics HTTP/1.0\r\n\r\n")
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b" 200 OK" in head
    assert b"text/plain; version=" in head
    assert b"fsroute_leader 1.0" in body
    assert b"404" in ask(exporter, b"GET / HTTP/1.0\r\n\r\n")
    assert b"405" in ask(exporter, b"POST /metrics HTTP/1.0\r\nContent-Length: 0\r\n\r\n")


def test_openmetrics_is_served_to_who_asks_for_it(exporter: Exporter, database: Database) -> None:
    exporter.start(database, lambda: SIGHT)
    answer = ask(exporter, b"GET /metrics HTTP/1.0\r\nAccept: application/openmetrics-text\r\n\r\n")
    assert b"application/openmetrics-text" in answer
    assert answer.endswith(b"# EOF\n")


def test_many_may_ask_at_once(exporter: Exporter, database: Database) -> None:
    exporter.start(database, lambda: SIGHT)
    asking = [gevent.spawn(ask, exporter, b"GET /metrics HTTP/1.0\r\n\r\n") for _ in range(40)]
    gevent.joinall(asking, timeout=60, raise_error=True)
    assert all(b" 200 OK" in one.value for one in asking)


def test_each_statement_is_timed_and_each_failure_counted(conninfo: str, exporter: Exporter) -> None:
    with Database(conninfo, observe=exporter.measures.statement) as database:
        database.one("metrics_reach")
        with pytest.raises(Exception, match="invalid input syntax"):
            database.run("metrics_ledger", since="no number", leg_ends=[])
    figures = shown(exporter)
    assert figures["fsroute_database_statement_seconds_count"] == 2
    assert figures["fsroute_database_failures_total other"] == 1


