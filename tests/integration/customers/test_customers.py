"""Customers looked up in fsroute's table, in another database and at a service, over real sockets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gevent
import pytest
from gevent.pywsgi import WSGIServer

from fsroute.config import Customers as Section
from fsroute.config import Secret
from fsroute.customers.customers import Customers
from fsroute.customers.numbers import Plan
from fsroute.errors import ConfigurationError, StoreError
from fsroute.store.customers import CustomerTable
from tests.fix_center import Center
from tests.fix_database import perform

ADA = "+14155550123"
AT_ONCE = (
    60.0  # seconds, on a machine that is busy with other tests: what is slow here takes ten times as long
)
STATEMENT = """
-- name: customer
select tier as segment, name, pg_sleep(delay)::text as slept from people
 where case %(key)s when 'number' then phone else account end = %(value)s and center = %(contact_center)s;
"""
PEOPLE = f"""
create table people (center text, phone text, account text, name text, tier text, delay float default 0);
insert into people values ('blue', '{ADA}', 'A-1', 'Ada', 'gold', 0),
    ('blue', '+14155550199', 'A-9', 'Slow', 'gold', 600);
"""


def section(**values: Any) -> Section:
    given: dict[str, Any] = {"name": "book", "contact_centers": ("blue",), "cache": 0.0, "timeout": 10.0}
    return Section(**given | values)


@dataclass
class Service:
    """A center's own HTTP service, which counts what it is asked."""

    url: str = ""
    asked: list[str] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        path = environ["PATH_INFO"]
        self.asked.append(path)
        self.at_once += 1
        self.most_at_once = max(self.at_once, self.most_at_once)
        try:
            return self._answer(path, start_response)
        finally:
            self.at_once -= 1

    def _answer(self, path: str, start_response: Callable[..., Any]) -> Any:
        value = path.rpartition("/")[2]
        if path.startswith("/slow"):
            gevent.sleep(600)
        if path.startswith("/brief"):
            gevent.sleep(0.05)
        if path.startswith("/failing"):
            start_response("500 Oh No", [])
            return [b"Traceback"]
        if path.startswith("/endless"):
            start_response("200 OK", [])
            return self._endless()
        if value.endswith("0"):
            start_response("404 Not Found", [])
            return []
        start_response("200 OK", [("Content-Type", "application/json")])
        return [b'{"customer": {"tier": "silver", "name": "At service", "orders": [1, 2]}}']

    def _endless(self) -> Iterator[bytes]:
        while True:
            gevent.sleep(0.01)
            yield b"x" * 100


@pytest.fixture
def service() -> Iterator[Service]:
    made = Service()
    server = WSGIServer(("127.0.0.1", 0), made, log=None)
    server.start()
    made.url = f"http://127.0.0.1:{server.server_port}"
    yield made
    server.stop(0)


def at_service(service: Service, path: str = "ok", **values: Any) -> Section:
    take = {"segment": "customer.tier", "name": "customer.name"}
    return section(**{"kind": "http", "url": f"{service.url}/{path}/{{value}}", "take": take} | values)


@pytest.fixture
def people(new_database: Callable[[str], str], tmp_path: Path) -> Section:
    """Another database, and the operator's statement for it."""
    conninfo = new_database("template1")
    perform(conninfo, PEOPLE)
    (tmp_path / "customer.sql").write_text(STATEMENT)
    return section(
        kind="sql",
        statement=str(tmp_path / "customer.sql"),
        database=Secret(conninfo),
        by=("account", "number"),
    )


@pytest.fixture
def ask() -> Iterator[Callable[..., dict[str, str]]]:
    made: dict[tuple[str, ...], Customers] = {}

    def do(
        *sections: Section, number: str = ADA, learned: dict[str, str] | None = None, conninfo: str = ""
    ) -> dict[str, str]:
        key = tuple(repr(each) for each in sections)
        made.setdefault(key, Customers(sections, Plan(), conninfo))
        return dict(made[key].facts("blue", number, learned or {}))

    yield do
    for each in made.values():
        each.close()


Ask = Callable[..., dict[str, str]]


def test_the_own_table_knows_a_customer_by_number_or_account(center: Center, ask: Ask) -> None:
    facts = {"segment": "gold", "name": "Ada"}
    table = CustomerTable(center.database)
    rows = [(2, "number", ADA, facts), (2, "account", "A-1", facts)]
    assert table.load("blue", rows) == (2, 0)
    by = section(by=("account", "number"))
    conninfo = center.database.conninfo
    assert ask(by, number="(415) 555-0123", conninfo=conninfo) == facts
    assert ask(by, number="anonymous", learned={"account": "A-1"}, conninfo=conninfo) == facts
    assert ask(by, number="anonymous", learned={"account": "A-2"}, conninfo=conninfo) == {}
    assert ask(by, learned={"account": "A-2"}, conninfo=conninfo) == facts, "the next key is asked, too"


def test_a_telephone_number_may_be_what_the_application_learned(center: Center, ask: Ask) -> None:
    CustomerTable(center.database).load("blue", [(2, "number", ADA, {"name": "Ada"})])
    by = section(by=("phone=number", "number"))
    keyed = {"phone": "415 555 0123"}
    assert ask(by, number="anonymous", learned=keyed, conninfo=center.database.conninfo) == {"name": "Ada"}


def test_a_list_that_replaces_forgets_others_of_its_contact_center_alone(center: Center) -> None:
    table = CustomerTable(center.database)
    for name in ("blue", "green"):
        table.load(name, [(1, "number", ADA, {"from": name}), (2, "account", "A-1", {})])
    rows = [(1, "number", ADA, {"n": "first"}), (2, "number", ADA, {"n": "last"})]
    assert table.load("blue", rows, replace=True) == (1, 1)
    assert table.facts("blue", "number", ADA) == {"n": "last"}
    assert table.facts("green", "account", "A-1") == {}
    assert [(each.contact_center_id, each.key, each.customers) for each in table.counts()] == [
        ("blue", "number", 1),
        ("green", "account", 1),
        ("green", "number", 1),
    ]
    assert table.forget("blue", "number", ADA)
    assert not table.forget("blue", "number", ADA)


def test_what_breaks_off_a_load_leaves_everything_as_it_was(center: Center) -> None:
    table = CustomerTable(center.database)
    table.load("blue", [(1, "number", ADA, {"n": "1"})])

    def rows() -> Iterator[Any]:
        yield (1, "number", ADA, {"n": "2"})
        raise ConfigurationError("line 2")

    with pytest.raises(ConfigurationError):
        table.load("blue", rows(), replace=True)
    with pytest.raises(StoreError, match="foreign key"):
        table.load("nowhere", [(1, "number", ADA, {})])
    assert table.facts("blue", "number", ADA) == {"n": "1"}


def test_another_database_answers_by_the_operators_statement(people: Section, ask: Ask) -> None:
    assert ask(people) == {"segment": "gold", "name": "Ada", "slept": ""}
    assert ask(people, number="", learned={"account": "A-1"})["name"] == "Ada"
    assert ask(people, number="+14155550100") == {}
    assert ask(people, number="", learned={"account": "' or true --"}) == {}


def test_a_slow_statement_is_given_up_at_the_limit(people: Section, ask: Ask) -> None:
    import msgspec

    quick = msgspec.structs.replace(people, timeout=0.3, on_slow={"segment": "unknown"})
    with gevent.Timeout(AT_ONCE):
        assert ask(quick, number="+14155550199") == {"segment": "unknown"}


def test_a_statement_cannot_write(people: Section, ask: Ask, tmp_path: Path) -> None:
    import msgspec

    (tmp_path / "bad.sql").write_text("-- name: bad\ndelete from people returning name;\n")
    bad = msgspec.structs.replace(people, statement=str(tmp_path / "bad.sql"), on_failed={"crm": "down"})
    assert ask(bad) == {"crm": "down"}
    assert ask(people)["name"] == "Ada"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("select 1;", "SQL before the first name"),
        ("-- name: a\nselect 1;\n-- name: b\nselect 2;", "2 statements under a name, not one"),
        ("-- name: a\nselect 1; select 2;", "is 2 statements, not one"),
        ("-- name: a\ncommit;", "commit"),
        (None, "cannot|No such file"),
    ],
)
def test_a_file_that_is_not_one_statement_is_refused_at_the_start(
    text: str | None, why: str, tmp_path: Path
) -> None:
    path = tmp_path / "x.sql"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ConfigurationError, match=why):
        Customers([section(kind="sql", statement=str(path), database=Secret("x"))], Plan(), "")


def test_a_database_that_is_away_is_left_alone_after_some_failures(
    people: Section, ask: Ask, caplog: pytest.LogCaptureFixture
) -> None:
    import msgspec

    gone = Secret("host=127.0.0.1 port=1 dbname=x")
    away = msgspec.structs.replace(people, database=gone, on_failed={"crm": "down"})
    caplog.set_level("DEBUG", "fsroute.lookups.service")
    for _ in range(8):
        assert ask(away, learned={"account": "A-1"}) == {"crm": "down"}
    assert caplog.text.count("look-ups fail") == 1
    assert caplog.text.count("look-up book of ") < 8, "two keys each would be asked for sixteen times"


def test_a_service_answers_with_what_is_to_be_taken(service: Service, ask: Ask) -> None:
    assert ask(at_service(service)) == {"segment": "silver", "name": "At service"}
    assert service.asked == [f"/ok/{ADA}"]


@pytest.mark.parametrize(
    ("path", "way"),
    [("slow", "slow"), ("endless", "slow"), ("failing", "failed"), ("ok", "empty")],
)
def test_each_ending_has_its_way(service: Service, ask: Ask, path: str, way: str) -> None:
    ways: dict[str, Any] = {f"on_{each}": {"way": each} for each in ("slow", "failed", "empty")}
    number = "+14155550100" if way == "empty" else ADA
    limit = 0.3 if way == "slow" else 10.0
    with gevent.Timeout(AT_ONCE):
        assert ask(at_service(service, path, timeout=limit, **ways), number=number) == {"way": way}


def test_an_answer_that_is_nested_is_none(service: Service, ask: Ask) -> None:
    assert ask(at_service(service, take={}, on_failed={"way": "failed"})) == {"way": "failed"}


def test_what_was_found_is_kept_and_what_was_not_found_too(service: Service, ask: Ask) -> None:
    kept = at_service(service, cache=60.0)
    for _ in range(3):
        assert ask(kept)["segment"] == "silver"
        assert ask(kept, number="+14155550100") == {}
    assert len(service.asked) == 2


def test_the_one_not_asked_for_longest_goes_first_from_a_full_cache(service: Service, ask: Ask) -> None:
    kept = at_service(service, cache=60.0, cache_size=2)
    for last in "1231":
        ask(kept, number=f"+1415555012{last}")
    assert len(service.asked) == 4


def test_no_more_than_so_many_ask_at_once(service: Service, ask: Ask) -> None:
    few = at_service(service, "brief", max_lookups=2)
    ask(few)
    asking = [gevent.spawn(ask, few, number=f"+141555501{n}1") for n in range(10)]
    gevent.joinall(asking, timeout=AT_ONCE)
    assert [each.value and each.value["segment"] for each in asking] == ["silver"] * 10
    assert service.most_at_once == 2


def test_books_are_asked_at_once_and_the_first_ones_facts_count(
    service: Service, people: Section, ask: Ask
) -> None:
    both = at_service(service, name="crm", on_empty={"name": "nobody", "crm": "new"})
    assert ask(people, both) == {"segment": "gold", "name": "Ada", "slept": ""}
    assert ask(both, people)["segment"] == "silver"
    assert ask(people, both, number="+14155550100") == {"name": "nobody", "crm": "new"}
    slow = at_service(service, "slow", name="slow", timeout=0.2)
    with gevent.Timeout(AT_ONCE):
        assert ask(slow, people)["name"] == "Ada"


def test_a_contact_center_without_customers_costs_nothing(service: Service) -> None:
    customers = Customers([at_service(service)], Plan(), "")
    assert customers.facts("green", ADA) == {}
    assert (customers.limit("green"), customers.keys("green", ADA, {})) == (0.0, frozenset())
    assert service.asked == []


def test_personal_data_is_in_no_log(
    people: Section, ask: Ask, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    import msgspec

    (tmp_path / "bad.sql").write_text("-- name: bad\nselect (%(value)s)::inet as x;\n")
    bad = msgspec.structs.replace(people, statement=str(tmp_path / "bad.sql"))
    for _ in range(6):
        ask(bad)
    assert "look-ups fail" in caplog.text
    assert ADA not in caplog.text
