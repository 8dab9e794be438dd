from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from fsroute.acd.proxy_call import On
from fsroute.cli.main import cli
from fsroute.coordinator.strategies import BUILT_IN
from fsroute.errors import ConfigurationError
from fsroute.model.contact import Demand, Outcome
from fsroute.model.routing import Routing
from fsroute.simulation.durations import Exponential, Poisson, Recorded
from fsroute.simulation.history import Hours
from fsroute.simulation.results import run
from fsroute.simulation.sources import Found, from_database
from fsroute.store.loading import Loader
from tests.fix_center import EPOCH, Center

WHOLE_DAY = Hours()


def _found(center: Center, path: Path | None = None, **options: bool) -> Found:
    since = datetime.now(UTC) - timedelta(days=1)
    return from_database(center.database, since, WHOLE_DAY, path, **options)


def _serve(center: Center) -> None:
    """One contact that is offered in vain, then talks; one that gives up."""
    call = center.offered("ann")
    call = center.move(call, On.AGENT_FAILED, end_reservation="no_answer")
    center.set_free()
    reserved = center.reserve(call, "bob")
    assert reserved is not None
    call = center.move(center.move(reserved, On.AGENT_ACCEPTED), On.JOINED)
    center.contacts.close(call.contact_id, Outcome.SERVED, {})
    center.contacts.close(center.queued().contact_id, Outcome.ABANDONED, {})


def test_queues_agents_and_traffic_come_from_the_database(center: Center) -> None:
    _serve(center)
    found = _found(center)
    (traffic,) = found.scenario.traffic
    assert traffic.name == "blue/orders"
    assert traffic.queue.demand == Demand("blue", "voice", (("english", 1), ("orders", 2)))
    assert (traffic.queue.priority, traffic.no_answer) == (5, 0.5)
    assert isinstance(traffic.talk, Recorded)
    assert isinstance(traffic.setup, Recorded)
    assert isinstance(traffic.patience, Exponential)
    assert isinstance(traffic.arrivals, Poisson)
    assert traffic.arrivals.rate > 0.0
    assert [(agent.agent_id, agent.wrap_up) for agent in found.scenario.agents] == [
        ("ann", 5.0),
        ("bob", 5.0),
    ]
    assert [note.split()[1] for note in found.notes] == ["blue/early", "blue/late", "green/travel"]


def test_what_is_found_can_be_simulated(center: Center) -> None:
    _serve(center)
    scenario = _found(center).scenario
    busier = replace(scenario.traffic[0], arrivals=Poisson((0.02,)), talk=Exponential(50.0))
    results = run(replace(scenario, traffic=(busier,), duration=1800.0), seed=1, replications=2)
    assert results.total.ends["answered"] > 10
    assert sum(group.agents for group in results.groups) == 2


def test_only_agents_who_are_available_may_be_asked_for(center: Center) -> None:
    _serve(center)
    center.sql("update agent set status = 'on_break' where agent_id = 'ann'")
    assert len(_found(center).scenario.agents) == 2
    assert [agent.agent_id for agent in _found(center, only_available=True).scenario.agents] == ["bob"]


def test_a_file_changes_queues_and_adds_agents(center: Center, tmp_path: Path) -> None:
    _serve(center)
    path = tmp_path / "more.toml"
    path.write_text(
        "[[queue]]\ncontact_center = 'blue'\nname = 'orders'\narrivals = 36\npriority = 7\n"
        "[[queue]]\ncontact_center = 'green'\nname = 'travel'\narrivals = 36\ntalk = 60\n"
        "[[agents]]\nname = 'new'\ncount = 2\nskills = { orders = 3, english = 1 }\n"
    )
    found = _found(center, path)
    orders, travel = found.scenario.traffic
    assert (orders.arrivals, orders.queue.priority) == (Poisson((0.01,)), 7)
    assert isinstance(orders.talk, Recorded)
    assert (travel.name, travel.talk) == ("green/travel", Exponential(60.0))
    assert len(found.scenario.agents) == 4
    assert [note.split()[1] for note in found.notes] == ["blue/early", "blue/late"]


def test_without_history_it_says_that_there_is_nothing_to_simulate(center: Center) -> None:
    with pytest.raises(ConfigurationError, match="the database: there is no queue with contacts"):
        _found(center)


@pytest.fixture
def command(center: Center, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    monkeypatch.setenv("FSROUTE_DATABASE_URL", center.database.conninfo)
    return lambda *arguments: CliRunner().invoke(cli, ["simulate", "--from-database", *arguments])


def test_the_command_simulates_the_database(center: Center, command: Callable[..., Result]) -> None:
    _serve(center)
    result = command("-n", "1", "--duration", "20", "--warm-up", "0")
    assert result.exit_code == 0, result.output
    assert "blue/orders" in result.output
    assert "queue green/travel is left out" in result.output


def test_hours_in_which_nobody_came_teach_nothing(center: Center, command: Callable[..., Result]) -> None:
    _serve(center)
    hour = (datetime.now().hour + 12) % 23
    result = command("--hours", f"{hour}-{hour + 1}")
    assert (result.exit_code, result.output.splitlines()[0]) == (
        1,
        "Error: the database: there is no queue with contacts: add a [[queue]]",
    )


GOLD = """
    insert into routing_rule (contact_center_id, rule, ordinal, queue, priority, strategy)
    values ('blue', 'gold', 1, 'orders', 7, 'least_skilled'), ('blue', 'others', 2, 'orders', null, null);
    insert into rule_step (contact_center_id, rule, ordinal, after_s, step)
    values ('blue', 'gold', 1, 30, 'offer_callback');
"""


def test_contacts_get_what_the_rule_that_sent_them_says_now(center: Center) -> None:
    """Their history is kept by queue and rule; what they get is by the version in force."""
    loader = Loader(center.database, frozenset(BUILT_IN), {})
    assert loader.load(GOLD, "gold.sql", "test").version == 1
    _serve(center)
    for rule in ("gold", "forgotten"):
        routing = Routing(
            queue="orders", demand=Demand("blue", "voice"), rule=rule, rules_version=1, priority=3
        )
        call = center.proxy_calls.route(center.contact(), routing)
        assert call is not None
        center.set_free()
        reserved = center.reserve(center.move(call, On.TAKEN, epoch=EPOCH), "bob")
        assert reserved is not None
        call = center.move(center.move(reserved, On.AGENT_ACCEPTED), On.JOINED)
        center.contacts.close(call.contact_id, Outcome.SERVED, {})
    found = _found(center)
    plain, gold = found.scenario.traffic
    assert (plain.name, gold.name) == ("blue/orders", "blue/orders (gold)")
    assert (gold.queue.priority, gold.queue.strategy) == (7, "least_skilled")
    assert [step.do for step in gold.time_line] == ["offer_callback"]
    assert any("the rule forgotten" in note for note in found.notes)
