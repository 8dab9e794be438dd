"""What is known of a customer routes the call; whoever knows it delays nobody beyond the limit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import gevent
import msgspec
import pytest

from fsroute.callserver.customer import NOTHING, Customers
from fsroute.config import Customers as Section
from fsroute.coordinator.strategies import load as load_strategies
from fsroute.store.customers import CustomerTable
from fsroute.store.loading import Loader
from fsroute.switchsim import Press, WaitFor
from tests.integration.flow.callers import row
from tests.integration.flow.shop import Shop, Site, open_shop
from tests.waiting import until

NUMBER = "+14155550123"
ASKS = """
[steps.a]
do = "play"
prompt = "hello"
next = "agent"

[steps.agent]
do = "need_agent"
queue = "support"
on_overflowed = "end"
on_refused = "end"
"""
ASKS_ACCOUNT = """
[steps.a]
do = "collect"
prompt = "ask"
fact = "account"
max = 4
on_silence = "agent"
on_invalid = "agent"
next = "agent"

[steps.agent]
do = "need_agent"
queue = "support"
on_refused = "end"
"""
RULES = """
insert into queue (contact_center_id, queue) values ('acme', 'gold');
insert into routing_rule (contact_center_id, rule, ordinal, if_segment, queue) values
    ('acme', 'gold', 1, 'gold', 'gold'), ('acme', 'crm-down', 2, 'unknown', 'support'), ('acme', 'all', 3, null, null);
"""


@dataclass
class Slow:
    """Stands in for those who know customers: answers after so many seconds."""

    after: float
    limit_s: float = 0.6
    facts_found: Mapping[str, str] = field(default_factory=lambda: {"segment": "gold"})
    asked: list[Mapping[str, str]] = field(default_factory=list)

    def limit(self, contact_center: str) -> float:
        return self.limit_s

    def patience(self, contact_center: str) -> float:
        return 0.0

    def keys(
        self, contact_center: str, number: str, learned: Mapping[str, str]
    ) -> frozenset[tuple[str, str]]:
        return frozenset({("number", number), *(pair for pair in learned.items() if pair[0] == "account")})

    def facts(
        self, contact_center: str, number: str, learned: Mapping[str, str] = NOTHING
    ) -> Mapping[str, str]:
        self.asked.append(learned)
        gevent.sleep(self.after)
        return self.facts_found


Open = Callable[..., Shop]


@pytest.fixture
def shop(conninfo: str, tmp_path: Path) -> Iterator[Open]:
    opened: list[Shop] = []

    def open_it(*books: Section, steps: str = ASKS, customers: Customers | None = None) -> Shop:
        shop = open_shop(conninfo, tmp_path)
        assert isinstance(shop.west, Site)
        shop.west.books, shop.west.customers = books, customers
        opened.append(shop)
        shop.west.start()
        shop.east.start()
        shop.change(steps)
        loader = Loader(shop.store.database, frozenset(load_strategies().known), {})
        loaded = loader.load(RULES, "rules.sql", "test")
        assert loaded.version is not None, [str(fault) for fault in loaded.faults]
        assert shop.west.app is not None
        book = shop.west.app.rules
        until(lambda: book.version == loaded.version)
        return shop

    yield open_it
    for shop in opened:
        shop.west.stop()
        shop.east.stop()


def section(**values: object) -> Section:
    return msgspec.convert({"name": "book", "contact_centers": ["acme"]} | values, Section)


def customer(shop: Shop) -> object:
    [(found,)] = shop.query("select customer from contact_personal")
    return found


def test_a_known_customer_goes_to_another_queue(shop: Open) -> None:
    shop_ = shop(section())
    CustomerTable(shop_.store.database).load(
        "acme", [(1, "number", NUMBER, {"segment": "gold", "name": "Ada"})]
    )
    call = shop_.call_in()
    until(lambda: shop_.states() == ["queued"], 10)
    assert (row(shop_).queue, row(shop_).rule) == ("gold", "gold")
    assert customer(shop_) == {"segment": "gold", "name": "Ada"}
    call.hang_up()
    shop_.wait_for_outcomes("abandoned")
    [(contact_id,)] = shop_.query("select contact_id::text from contact")
    shop_.store.contacts.erase(contact_id)
    assert shop_.query("select * from contact_personal") == []
    shop_.assert_nothing_violated()
    shop_.assert_nothing_left()


def test_who_is_not_known_goes_by_the_way_for_that(shop: Open) -> None:
    shop_ = shop(section(on_empty={"segment": "unknown"}))
    call = shop_.call_in()
    until(lambda: shop_.states() == ["queued"], 10)
    assert (row(shop_).queue, row(shop_).rule) == ("support", "crm-down")
    call.hang_up()
    shop_.wait_for_outcomes("abandoned")
    shop_.assert_nothing_left()


def test_what_the_application_learned_tells_who_it_is(shop: Open) -> None:
    shop_ = shop(section(by=["account", "number"]), steps=ASKS_ACCOUNT)
    rows = [(1, "number", NUMBER, {"segment": "none"}), (2, "account", "4711", {"segment": "gold"})]
    CustomerTable(shop_.store.database).load("acme", rows)
    call = shop_.call_in(WaitFor("ask"), Press("4711"))
    until(lambda: shop_.states() == ["queued"], 10)
    assert row(shop_).queue == "gold"
    until(lambda: customer(shop_) == {"segment": "gold"})
    call.hang_up()
    shop_.wait_for_outcomes("abandoned")
    shop_.assert_nothing_left()


def test_the_application_may_wait_to_greet_by_name(shop: Open) -> None:
    steps = """
    [steps.a]
    do = "branch"
    on = "{{ customer.segment | default('') }}"
    cases = { gold = "thanks" }
    otherwise = "agent"

    [steps.thanks]
    do = "play"
    prompt = "thanks"
    next = "end"

    [steps.agent]
    do = "need_agent"
    queue = "support"
    on_refused = "end"
    """
    shop_ = shop(section(wait=1.0), steps=steps)
    CustomerTable(shop_.store.database).load("acme", [(1, "number", NUMBER, {"segment": "gold"})])
    call = shop_.call_in()
    until(call.over.is_set, 10)
    assert call.timeline.heard("thanks")
    assert shop_.states() == []


@pytest.mark.parametrize(
    ("after", "limit", "queue"), [(0.2, 60.0, "gold"), (0.45, 60.0, "gold"), (600.0, 0.6, "support")]
)
def test_a_caller_is_greeted_at_once_and_waits_for_the_limit_at_most(
    shop: Open, after: float, limit: float, queue: str
) -> None:
    slow = Slow(after, limit)
    steps = ASKS.replace('"play"\nprompt = "hello"', '"set"\nfacts = { asked = "yes" }')
    shop_ = shop(steps=steps, customers=slow)
    call = shop_.call_in()
    until(lambda: shop_.states() == ["queued"], 10)
    assert row(shop_).queue == queue
    assert len(slow.asked) == 1, "what was learned tells nothing new of who it is"
    call.hang_up()
    shop_.wait_for_outcomes("abandoned")
    shop_.assert_nothing_violated()
    shop_.assert_nothing_left()


def test_who_hangs_up_while_looked_up_leaves_nothing(shop: Open) -> None:
    shop_ = shop(customers=Slow(5.0, limit_s=5.0))
    call = shop_.call_in()
    until(lambda: call.timeline.heard("fsroute"), 10)
    call.hang_up()
    shop_.wait_for_outcomes("abandoned")
    assert shop_.states() == []
    shop_.assert_nothing_left()
