from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import gevent
import pytest

from fsroute import resources
from fsroute.errors import DatabaseUnavailable, StoreError
from fsroute.model.contact import CallerInformation
from fsroute.model.routing import Way
from fsroute.routing.faults import RulesError
from fsroute.routing.match import NoRoute
from fsroute.routing.rules import Inquiry
from fsroute.store import rulebook
from fsroute.store.database import Cursor, Database
from fsroute.store.loading import Loaded, Loader
from fsroute.store.queries import Query
from fsroute.store.rulebook import RuleBook
from fsroute.store.rules import Rules, UnknownContactCenter, UnknownVersion
from fsroute.store.script import run_script
from fsroute.store.signals import Signals
from fsroute.store.sqlfile import FileRefused
from fsroute.store.store import Store
from tests.fix_center import Center
from tests.waiting import until

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
ALL_STRATEGIES = frozenset({"longest_idle", "last_agent", "highest_level", "least_skilled", "cost"})

FIRST = """
insert into calendar values ('blue', 'office', 'Europe/Berlin');
insert into opening_hours select 'blue', 'office', day, '08:00', '24:00' from generate_series(1, 5) as day;
insert into holiday values ('blue', 'office', '2026-12-25', 'Christmas', null, null);
insert into region values ('here', '+49');
insert into routing_rule (contact_center_id, rule, ordinal, if_region, queue, priority, sites, callback_ring)
values ('blue', 'here', 1, 'here', 'orders', 7, '{east,west}', 12.5);
insert into routing_rule_fact values ('blue', 'here', 'order', '[0-9]+');
insert into routing_rule_skill values ('blue', 'here', 'orders', 1);
insert into rule_step (contact_center_id, rule, ordinal, after_s, step) values ('blue', 'here', 1, 30, 'sites');
"""
SECOND = (
    "insert into routing_rule (contact_center_id, rule, ordinal, queue) values ('blue', 'all', 1, 'late')"
)
RULE_TABLES = (
    "calendar", "opening_hours", "holiday", "region", "routing_rule", "routing_rule_fact", "routing_rule_skill",
    "routing_rule_direct", "rule_step", "queue", "queue_skill", "rules_version",
)  # fmt: skip


def sample(name: str) -> str:
    return resources.folder("sql").joinpath("samples", name).read_text(encoding="utf-8")


@pytest.fixture
def load(center: Center) -> Callable[..., Loaded]:
    """Load a file's text as the next version."""

    def text(sql: str | None, source: str = "rules.sql", **how: Any) -> Loaded:
        return loader(center).load(sql, source, "test", **how)

    return text


def loader(center: Center, **asked: frozenset[str]) -> Loader:
    return Loader(center.database, ALL_STRATEGIES, asked)


def everything(center: Center) -> dict[str, list[dict[str, Any]]]:
    """The rows of all tables that a load may touch."""
    rows = {
        name: center.sql(f"select to_jsonb(t) as r from {name} t order by t::text") for name in RULE_TABLES
    }
    return {name: [row["r"] for row in found] for name, found in rows.items()}


def words(loaded: Loaded) -> list[str]:
    return [str(fault) for fault in loaded.faults]


# Loading


def test_the_sample_of_three_contact_centers_loads_without_a_fault(database: Database) -> None:
    run_script(database, sample("three_centers_agents.sql"), "agents")
    each = Loader(database, ALL_STRATEGIES, {"orders": frozenset({"support"})})
    loaded = each.load(sample("three_centers.sql"), "three_centers.sql", "test")
    assert words(loaded) == []
    assert (loaded.version, loaded.is_new, loaded.rules.count) == (1, True, 15)
    assert {name for name, _ in loaded.rules.calendars} == {"alpina", "bluewater", "kiwi"}


def test_the_same_rules_again_are_no_new_version(load: Callable[..., Loaded], center: Center) -> None:
    assert [load(sql).version for sql in (FIRST, FIRST, SECOND, FIRST)] == [1, 1, 2, 3]
    versions = Rules(center.database).versions()
    assert [(each.version, each.rules, each.queues) for each in versions] == [(1, 1, 4), (2, 1, 4), (3, 1, 4)]
    assert versions[0].digest == versions[2].digest != versions[1].digest
    assert {(each.loaded_by, each.source) for each in versions} == {("test", "rules.sql")}


def test_a_file_holds_the_rules_as_they_shall_be(load: Callable[..., Loaded], center: Center) -> None:
    load(FIRST)
    load(SECOND)
    assert [row["rule"] for row in everything(center)["routing_rule"]] == ["all"]
    assert everything(center)["calendar"] == everything(center)["region"] == []


def test_the_tables_can_be_loaded_as_they_stand(load: Callable[..., Loaded], center: Center) -> None:
    center.sql(
        "insert into routing_rule (contact_center_id, rule, ordinal, queue) values ('blue', 'x', 1, 'late')"
    )
    assert load(None, "the tables").rules.rules["blue"][0].name == "x"


@pytest.mark.parametrize(
    ("bad", "fault"),
    [
        ("\n\ninsert into nowhere values (1)", r'rules\.sql, line 3: relation "nowhere" does not exist'),
        ("select 1;\nselect\n\nnonsense", r'rules\.sql, line 4: column "nonsense" does not exist'),
        ("insert into holiday values ('blue', 'x', '2026-01-01', 'x')", r"line 1: .*not present in table"),
        ("do $$ begin commit; end $$", r"line 1: invalid transaction termination"),
        ("insert into region values ('a', '1'), ('b', '1')", r"line 1: .*already exists"),
    ],
)
def test_a_statement_that_the_database_refuses_is_named_by_its_line_and_leaves_nothing(
    load: Callable[..., Loaded], center: Center, bad: str, fault: str
) -> None:
    load(FIRST)
    before = everything(center)
    with pytest.raises(StoreError, match=fault):
        load(bad)
    assert everything(center) == before


def test_a_file_that_ends_the_transaction_is_refused_before_it_begins(
    load: Callable[..., Loaded], center: Center
) -> None:
    load(FIRST)
    before = everything(center)
    with pytest.raises(FileRefused, match="line 2: commit"):
        load("delete from routing_rule;\ncommit;")
    assert everything(center) == before


def test_rules_with_errors_leave_nothing_and_all_of_them_are_named(
    load: Callable[..., Loaded], center: Center
) -> None:
    load(FIRST)
    before = everything(center)
    refused = load(
        SECOND + "; update queue set priority = 99;"
        "insert into routing_rule (contact_center_id, rule, ordinal, queue, strategy, if_segment) values"
        " ('blue', 'a', 2, 'nowhere', null, null), ('blue', 'b', 3, 'late', 'fair', null),"
        " ('green', 'c', 4, null, null, '(a+)+')"
    )
    assert refused.is_refused
    assert refused.version is None
    assert [text for text in words(refused) if "warning" not in text] == [
        "routing_rule green/c: if_segment: '(a+)+': a group must not be repeated",
        "routing_rule blue/a: queue: blue has no queue nowhere",
        "routing_rule blue/b: strategy: there is no fair, only cost, highest_level, last_agent, least_skilled, "
        "longest_idle",
    ]
    assert everything(center) == before


def test_a_check_leaves_nothing(center: Center) -> None:
    before = everything(center)
    checked = loader(center).check(FIRST, "rules.sql")
    assert (checked.version, checked.rules.count) == (None, 1)
    assert everything(center) == before


def test_warnings_keep_nobody_from_loading_but_the_strict(load: Callable[..., Loaded]) -> None:
    unserved = SECOND + "; insert into routing_rule_skill values ('blue', 'all', 'welsh', 1)"
    refused = load(unserved, strict=True)
    assert refused.version is None
    assert "routing_rule_skill blue/all welsh: warning: unknown skill: no agent has it" in words(refused)
    assert load(unserved).version == 1


def test_a_file_without_rules_is_not_taken_for_rules_in_silence(load: Callable[..., Loaded]) -> None:
    load(FIRST)
    lost = load("update site set name = 'here'", strict=True)
    assert lost.version is None
    warning = (
        "contact_center blue: warning: no rules any more: version 1 has 1; only its queues' rows would count"
    )
    assert warning in words(lost)
    assert load("update site set name = 'here'").version == 2
    assert warning not in words(load("-- still none"))


def test_a_file_that_sets_another_search_path_is_read_all_the_same(load: Callable[..., Loaded]) -> None:
    assert load(f"{SECOND};\nset search_path = pg_catalog").version == 1


@pytest.mark.parametrize(
    ("text", "fault"), [("\nbegin", "line 2: begin"), ("select 1;\0", "line 1: a zero byte")]
)
def test_a_file_that_cannot_be_performed_is_named_with_its_line(
    load: Callable[..., Loaded], text: str, fault: str
) -> None:
    with pytest.raises(FileRefused, match=f"^rules.sql, {fault}"):
        load(text)


def test_a_file_may_bring_queues_and_agents_of_its_own(load: Callable[..., Loaded]) -> None:
    loaded = load(
        "insert into queue (contact_center_id, queue) values ('blue', 'new');"
        "insert into queue_skill values ('blue', 'new', 'welsh', 1);"
        "insert into agent_skill values ('ann', 'welsh', 1);"
        "insert into routing_rule (contact_center_id, rule, ordinal, queue) values ('blue', 'all', 1, 'new')"
    )
    assert loaded.version == 1
    assert not [text for text in words(loaded) if "blue/new" in text or "blue/all" in text]


def test_two_who_load_at_once_take_turns(load: Callable[..., Loaded], center: Center) -> None:
    both = [gevent.spawn(load, sql) for sql in (FIRST, SECOND)]
    gevent.joinall(both, timeout=30, raise_error=True)
    assert sorted(each.value.version or 0 for each in both if each.value) == [1, 2]
    assert len(everything(center)["routing_rule"]) == 1


def test_a_version_is_never_changed(load: Callable[..., Loaded], center: Center) -> None:
    load(FIRST)
    for statement in ("update rules_version set source = 'x'", "delete from rules_version"):
        with pytest.raises(Exception, match="append-only"):
            center.sql(statement)


# Rolling back


def test_an_old_version_becomes_the_newest_with_all_its_rows(
    load: Callable[..., Loaded], center: Center
) -> None:
    load(FIRST)
    before = everything(center)
    load(SECOND + "; update queue set priority = 99; delete from queue_skill")
    assert loader(center).roll_back(1, "me") == (3, True)
    after = everything(center)
    assert {name: rows for name, rows in after.items() if name != "rules_version"} == {
        name: rows for name, rows in before.items() if name != "rules_version"
    }
    assert after["rules_version"][2]["document"] == after["rules_version"][0]["document"]
    assert (after["rules_version"][2]["source"], after["rules_version"][2]["loaded_by"]) == (
        "version 1",
        "me",
    )


def test_what_a_version_does_not_know_stays(load: Callable[..., Loaded], center: Center) -> None:
    load(FIRST)
    center.sql("insert into queue (contact_center_id, queue) values ('blue', 'later')")
    center.sql("insert into queue_skill values ('blue', 'later', 'orders', 1)")
    load(SECOND)
    loader(center).roll_back(1, "me")
    assert [row["skill"] for row in everything(center)["queue_skill"] if row["queue"] == "later"] == [
        "orders"
    ]


def test_no_version_and_an_unreadable_one_cannot_be_put_back(
    load: Callable[..., Loaded], center: Center
) -> None:
    load(FIRST)
    center.sql("insert into rules_version values (2, now(), 'x', 'x', 'x', '{\"format\": 99}')")
    before = everything(center)
    with pytest.raises(UnknownVersion, match="no version 9"):
        loader(center).roll_back(9, "me")
    with pytest.raises(RulesError, match="format 99"):
        loader(center).roll_back(2, "me")
    assert everything(center) == before


# Processes that run


class Fragile(Database):
    """A database that is away as long as `is_away`."""

    is_away = False

    def _perform(self, query: Query, parameters: Any) -> Cursor:
        if self.is_away:
            raise DatabaseUnavailable("away")
        return super()._perform(query, parameters)


@pytest.fixture
def store(center: Center) -> Iterator[Store]:
    """The store of another process than the test's, its signals running."""
    with Fragile(center.database.conninfo) as database:
        signals = Signals(database)
        signals.start()
        yield Store(database, signals)
        signals.stop()


@pytest.fixture
def book(store: Store) -> Iterator[RuleBook]:
    """A book that hears of changes already."""
    book = RuleBook(store)
    book.start()
    until(store.signals.listening.is_set)
    yield book
    book.stop()


def inquiry(queue: str = "orders", center: str = "blue", **caller: Any) -> Inquiry:
    known = {"number": "+4930", "name": "", "number_called": "8005550100", "arrived_at": NOON, **caller}
    return Inquiry(center, queue, CallerInformation(**known))


HERE = inquiry(facts={"order": "12"})


def test_without_a_version_the_rows_of_the_queues_are_the_rules(book: RuleBook, center: Center) -> None:
    center.sql(
        "insert into routing_rule (contact_center_id, rule, ordinal, action) values ('blue', 'x', 1, 'refuse')"
    )
    routed = book.route(HERE, NOON)
    assert (book.version, routed.rule, routed.rules_version) == (None, None, None)
    assert routed.routing is not None
    assert routed.routing.demand.skills == (("english", 1), ("orders", 2))


def test_a_queue_that_was_added_a_moment_ago_is_known(book: RuleBook, center: Center) -> None:
    with pytest.raises(NoRoute):
        book.route(inquiry("new"), NOON)
    center.sql("insert into queue (contact_center_id, queue, priority) values ('blue', 'new', 4)")
    routed = book.route(inquiry("new"), NOON)
    assert routed.routing is not None
    assert routed.routing.priority == 4
    center.sql("update queue set priority = 5 where queue = 'new'")
    until(lambda: _priority(book, "new") == 5)


def _priority(book: RuleBook, queue: str) -> int:
    routing = book.route(inquiry(queue), NOON).routing
    assert routing is not None
    return routing.priority


def test_a_version_swaps_in_without_a_restart(
    book: RuleBook, load: Callable[..., Loaded], center: Center
) -> None:
    assert book.route(HERE, NOON).rule is None
    load(FIRST)
    until(lambda: book.version == 1)
    assert book.route(HERE, NOON).rule == "here"
    load(SECOND)
    until(lambda: book.version == 2)
    assert book.route(HERE, NOON).rule == "all"
    loader(center).roll_back(1, "me")
    until(lambda: book.version == 3)
    routed = book.route(HERE, NOON)
    assert (routed.rule, routed.rules_version) == ("here", 3)


def test_with_a_version_a_change_of_the_tables_waits_for_the_next_one(
    book: RuleBook, load: Callable[..., Loaded], center: Center
) -> None:
    load(FIRST)
    until(lambda: book.version == 1)
    center.sql("update queue set priority = 50; update routing_rule set priority = 50")
    center.sql("select close_contact_center('green', '', false, 'test')")
    until(lambda: book.closing("green") is not None)  # the news of the rows above came no later
    routing = book.route(HERE, NOON).routing
    assert routing is not None
    assert routing.priority == 7


def test_a_refused_load_changes_nothing_for_who_runs(
    book: RuleBook, load: Callable[..., Loaded], center: Center
) -> None:
    load(FIRST)
    until(lambda: book.version == 1)
    load(
        "insert into routing_rule (contact_center_id, rule, ordinal, queue) values ('blue', 'x', 0, 'nowhere')"
    )
    center.sql("select close_contact_center('green', '', false, 'test')")
    until(lambda: book.closing("green") is not None)
    assert book.route(HERE, NOON).rule == "here"


def test_a_version_that_cannot_be_read_leaves_the_last_good_one(
    book: RuleBook, load: Callable[..., Loaded], center: Center, caplog: pytest.LogCaptureFixture
) -> None:
    load(FIRST)
    until(lambda: book.version == 1)
    center.sql("insert into rules_version values (2, now(), 'x', 'x', 'x', '{\"format\": 99}')")
    until(lambda: "version=2 cannot be read" in caplog.text)
    assert book.route(HERE, NOON).rule == "here"


def test_a_process_that_starts_with_an_unreadable_version_goes_by_the_queues(
    store: Store, center: Center
) -> None:
    center.sql("insert into rules_version values (1, now(), 'x', 'x', 'x', '{\"format\": 99}')")
    book = RuleBook(store)
    assert book.route(HERE, NOON).rules_version is None


def test_rules_stay_while_the_database_is_away(
    book: RuleBook,
    store: Store,
    load: Callable[..., Loaded],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rulebook, "READ_AGAIN", 0.05)
    caplog.set_level(logging.DEBUG, "fsroute.store.rulebook")
    assert isinstance(store.database, Fragile)
    load(FIRST)
    until(lambda: book.version == 1)
    store.database.is_away = True
    load(SECOND)
    until(lambda: caplog.text.count("the rules cannot be read, still: away") >= 2)
    assert book.route(HERE, NOON).rule == "here"
    store.database.is_away = False
    until(lambda: book.version == 2)  # read again by itself


def test_a_process_that_never_read_any_rules_says_that_the_database_is_away(store: Store) -> None:
    assert isinstance(store.database, Fragile)
    store.database.is_away = True
    book = RuleBook(store)
    with pytest.raises(DatabaseUnavailable):
        book.route(HERE, NOON)
    store.database.is_away = False
    assert book.route(HERE, NOON).routing is not None


def test_a_contact_records_the_rule_and_the_version_that_routed_it(
    book: RuleBook, store: Store, load: Callable[..., Loaded], center: Center
) -> None:
    load(FIRST)
    until(lambda: book.version == 1)
    routing = book.route(HERE, NOON).routing
    assert routing is not None
    contact_id = center.contact()
    call = store.route(contact_id, routing)
    assert call is not None
    assert (call.rule, call.rules_version, call.priority) == ("here", 1, 7)
    assert (call.demand, call.time_line, call.callback) == (
        routing.demand,
        routing.time_line,
        routing.callback,
    )
    row = center.sql("select rule, rules_version from contact where contact_id = %(id)s", id=contact_id)[0]
    assert row == {"rule": "here", "rules_version": 1}
    assert Rules(center.database).contacts_of_versions() == {1: 1}


def test_a_queue_s_row_alone_gives_what_the_book_gives_for_it(
    book: RuleBook, store: Store, center: Center
) -> None:
    center.sql(
        "update queue set longest_queue = 9, sites = '{west}', teams = '{a}', overflow = 'number',"
        " overflow_number = '+49', callback_tries = 2, callback_ring = 9 where queue = 'orders'"
    )
    until(lambda: book.route(HERE, NOON).routing.longest_queue == 9)  # type: ignore[union-attr]
    routing = book.route(HERE, NOON).routing
    by_row = store.request(center.contact(), "orders")
    assert routing is not None
    by_book = store.route(center.contact(), routing)
    assert by_row is not None
    assert by_book is not None
    for name in (
        "demand",
        "overflow",
        "callback",
        "longest_queue",
        "priority",
        "lead",
        "refuse_when",
        "rule",
    ):
        assert getattr(by_row, name) == getattr(by_book, name)


# Closed by command


def test_a_contact_center_is_closed_and_opened_at_once(book: RuleBook, store: Store, center: Center) -> None:
    heard: list[object] = []
    store.signals.subscribe("coordinator", lambda key, row: heard.append(key))
    until(store.signals.listening.is_set)
    rules = Rules(center.database)
    rules.close_center("blue", "emergency", True, "me")
    until(lambda: book.closing("blue") is not None)
    routed = book.route(HERE, NOON)
    assert (routed.closed, routed.way, routed.routing) == (True, Way("announce", prompt="emergency"), None)
    closing = book.closing("blue")
    assert closing is not None
    assert closing.keep_waiting
    assert book.route(inquiry("travel", "green"), NOON).routing is not None
    until(lambda: "c:blue" in heard)
    rules.open_center("blue", "me")
    until(lambda: book.closing("blue") is None)
    assert book.route(HERE, NOON).routing is not None
    until(lambda: heard.count("c:blue") == 2)


def test_the_ledger_says_who_closed_a_contact_center_and_for_how_long(center: Center) -> None:
    rules = Rules(center.database)
    rules.close_center("blue", "emergency", False, "me")
    rules.close_center("blue", "still", True, "you")
    rules.open_center("blue", "me")
    rules.open_center("blue", "me")  # is open already
    events = center.sql("select kind, data from system_event where kind like 'center%%' order by event_id")
    assert [(event["kind"], event["data"]["by"]) for event in events] == [
        ("center_closed", "me"), ("center_closed", "you"), ("center_opened", "me"),
    ]  # fmt: skip
    assert events[1]["data"]["prompt"] == "still"
    assert events[2]["data"]["closed_s"] > 0


def test_a_contact_center_that_there_is_not_cannot_be_closed(center: Center) -> None:
    rules = Rules(center.database)
    with pytest.raises(UnknownContactCenter, match="no contact center red, only blue, green"):
        rules.close_center("red", "", False, "me")
    with pytest.raises(UnknownContactCenter, match="no contact center red"):
        rules.open_center("red", "me")


def test_acds_of_other_makes_are_part_of_a_version(load: Callable[..., Loaded], center: Center) -> None:
    theirs = """insert into other_acd values ('theirs', 'callcenter', 'away', '{"queue": "support"}');"""
    load(FIRST + theirs + "update queue set acd = 'theirs'; update routing_rule set acd = 'fsroute'")
    load(SECOND + """; update queue set acd = null; update other_acd set parameters = '{"queue": "other"}'""")
    assert loader(center).roll_back(1, "me") == (3, True)
    assert center.value("select parameters ->> 'queue' from other_acd") == "support"
    assert center.value("select array_agg(distinct acd) from queue") == ["theirs"]
    assert center.value("select acd from routing_rule") == "fsroute"
