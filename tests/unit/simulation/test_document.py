from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from fsroute.errors import ConfigurationError
from fsroute.model.agent import MediumSlots
from fsroute.model.routing import TimeLineStep
from fsroute.simulation.durations import Constant, Exponential, Listed, Lognormal, Poisson, Recorded
from fsroute.simulation.scenario import Scenario
from fsroute.simulation.sources import from_file

QUEUE = "[[queue]]\ncontact_center = 'acme'\nname = 'orders'\n"
TRAFFIC = "arrivals = 90\ntalk = 180\n"
AGENTS = "[[agents]]\nname = 'ann'\n"
DOCS = Path(__file__).resolve().parents[3] / "docs"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def _read(folder: Path, text: str, **files: str) -> Scenario:
    (folder / "center.toml").write_text(text)
    for name, content in files.items():
        (folder / f"{name}.csv").write_text(content)
    return from_file(folder / "center.toml").scenario


def _fault(folder: Path, text: str, **files: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        _read(folder, text, **files)
    return str(caught.value).replace(f"{folder}/", "")


def test_a_few_lines_are_a_scenario(folder: Path) -> None:
    scenario = _read(folder, QUEUE + TRAFFIC + "patience = 60\n" + AGENTS + "count = 3\nwrap_up = 10\n")
    (traffic,) = scenario.traffic
    assert (traffic.name, traffic.arrivals) == ("acme/orders", Poisson((90 / 3600,)))
    assert (traffic.talk, traffic.patience) == (Exponential(180.0), Exponential(60.0))
    assert [agent.agent_id for agent in scenario.agents] == ["ann-1", "ann-2", "ann-3"]
    assert scenario.agents[0].is_authorized(traffic.queue.demand, scenario.begin)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{ mean = 100, distribution = 'lognormal', deviation = 50 }", Lognormal(100.0, 50.0)),
        ("{ mean = 100, distribution = 'constant' }", Constant(100.0)),
        ("{ file = 'talks.csv' }", Recorded((30.0, 90.5))),
    ],
)
def test_talk_times_have_a_distribution(folder: Path, text: str, expected: object) -> None:
    scenario = _read(folder, f"{QUEUE}arrivals = 9\ntalk = {text}\n{AGENTS}", talks="seconds\n30\n90.5\n")
    assert scenario.traffic[0].talk == expected


def test_arrivals_may_follow_the_hours_or_a_list(folder: Path) -> None:
    second = QUEUE.replace("orders", "travel") + "arrivals = { file = 'calls.csv' }\ntalk = 60\n"
    rates = QUEUE + "arrivals = { rates = [36, 72], every = 1800 }\ntalk = 60\n"
    scenario = _read(
        folder,
        f"begin = 2026-03-02T09:00:00Z\n{rates}{second}{AGENTS}",
        calls="at\n2026-03-02T09:00:30Z\n12.5\n",
    )
    assert [traffic.arrivals for traffic in scenario.traffic] == [
        Poisson((0.01, 0.02), 1800.0),
        Listed((12.5, 30.0)),
    ]
    assert scenario.begin == datetime(2026, 3, 2, 9, tzinfo=UTC)


def test_agents_may_stand_in_a_table(folder: Path) -> None:
    scenario = _read(
        folder,
        "agents_file = 'agents.csv'\n" + QUEUE + TRAFFIC,
        agents="agent,skills,serves,wrap_up\nann,orders:2 english,acme,7.5\nbob,,,\n",
    )
    ann, bob = scenario.agents
    assert (ann.skills, ann.wrap_up) == ({"orders": 2, "english": 1}, 7.5)
    assert (bob.skills, bob.authorizations[0].contact_center_id) == ({}, "acme")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (QUEUE + TRAFFIC, "center.toml: there are no agents: add [[agents]]"),
        (AGENTS, "center.toml: there is no queue with contacts: add a [[queue]]"),
        (
            QUEUE + "talk = 1\n" + AGENTS,
            "center.toml: queue[0].arrivals: is missing, and no history tells it",
        ),
        (QUEUE + TRAFFIC + "colour = 1\n", "center.toml: queue[0].colour: there is no such key"),
        (QUEUE + "arrivals = -1\n", "center.toml: queue[0].arrivals: Expected `float` >= 0.0"),
        (
            QUEUE + "arrivals = { rate = 1, rates = [2] }\n",
            "center.toml: queue[0].arrivals: give one of rate, rates and file",
        ),
        (
            QUEUE + "arrivals = 1\ntalk = { mean = 3, deviation = 1 }\n",
            "center.toml: queue[0].talk: deviation goes with distribution lognormal, and with no other",
        ),
        ((QUEUE + TRAFFIC) * 2, "center.toml: queue acme/orders stands twice"),
        (QUEUE + TRAFFIC + AGENTS * 2, "center.toml: there are two agents 'ann'"),
        (
            QUEUE + "arrivals = 1\ntalk = { file = 'none.csv' }\n" + AGENTS,
            "none.csv: cannot be read: [Errno 2] No such file or directory",
        ),
    ],
)
def test_a_fault_is_named_with_its_file_and_key(folder: Path, text: str, fault: str) -> None:
    assert _fault(folder, text).startswith(fault)


@pytest.mark.parametrize(
    ("table", "fault"),
    [
        ("at\n5\nsoon\n", "line 3, at: 'soon' is neither seconds nor a date and time"),
        ("at\n2025-01-01T00:00:00Z\n", "line 2, at: 2025-01-01T00:00:00Z is before the beginning"),
        ("when\n5\n", "line 1: there is no column 'at'"),
        ("at,colour\n5,red\n", "line 1: 'colour' is no column that is known here"),
        ("at\n5,6\n", "line 2: there are not 1 cells, as in the heading"),
        ("at\n", "there is no line below the heading"),
        ("", "line 1: there is no column 'at'"),
    ],
)
def test_a_fault_in_a_table_is_named_with_its_line(folder: Path, table: str, fault: str) -> None:
    text = QUEUE + "arrivals = { file = 'calls.csv' }\ntalk = 1\n" + AGENTS
    assert fault in _fault(folder, text, calls=table)
    assert _fault(folder, text, calls=table).startswith("calls.csv")


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ("ann,orders:x,acme", "line 2, skills: 'orders:x' is no skill:level"),
        (",orders,acme", "line 2, agent: is empty"),
        ("ann,orders", "line 2: there are not 3 cells, as in the heading"),
    ],
)
def test_a_fault_in_the_table_of_agents_is_named_with_its_line(folder: Path, row: str, fault: str) -> None:
    text = "agents_file = 'agents.csv'\n" + QUEUE + TRAFFIC
    assert _fault(folder, text, agents=f"agent,skills,serves\n{row}\n") == f"agents.csv, {fault}"


def test_the_example_in_the_documentation_is_a_scenario(folder: Path) -> None:
    text = (DOCS / "simulate.md").read_text(encoding="utf-8").partition("```toml\n")[2].partition("```")[0]
    assert _read(folder, text).traffic


@pytest.mark.parametrize("number", ["inf", "nan", "1e9"])
@pytest.mark.parametrize("key", ["arrivals", "talk", "patience", "setup", "no_answer"])
def test_a_number_without_end_is_refused(folder: Path, key: str, number: str) -> None:
    lines = {"arrivals": "90", "talk": "180", key: number}
    text = QUEUE + "".join(f"{name} = {value}\n" for name, value in lines.items()) + AGENTS
    assert _fault(folder, text).startswith(f"center.toml: queue[0].{key}: Expected ")


def test_a_queue_may_have_a_strategy_and_a_time_line(folder: Path) -> None:
    text = (
        "strategy = 'least_skilled'\nteams = ['day']\nlongest_queue = 50\ncallback = 0.4\ntime_line = [\n"
        "  { after = 60, do = 'offer_callback' },\n"
        "  { after = 20, do = 'skill', skill = 'orders', level = 1 },\n"
        "  { after = 30, do = 'teams' } ]\n"
    )
    (traffic,) = _read(folder, QUEUE + TRAFFIC + text + AGENTS + "team = 'day'\n").traffic
    assert (traffic.queue.strategy, traffic.longest_queue, traffic.callback) == ("least_skilled", 50, 0.4)
    assert traffic.queue.demand.teams == ("day",)
    assert traffic.time_line == (
        TimeLineStep(20.0, "skill", "orders", 1),
        TimeLineStep(30.0, "teams"),
        TimeLineStep(60.0, "offer_callback"),
    )


def test_rules_may_send_different_contacts_to_one_queue(folder: Path) -> None:
    gold = "rule = 'gold'\npriority = 5\n"
    scenario = _read(folder, QUEUE + TRAFFIC + QUEUE + TRAFFIC + gold + AGENTS)
    assert [traffic.name for traffic in scenario.traffic] == ["acme/orders", "acme/orders (gold)"]
    assert "queue acme/orders gold stands twice" in _fault(folder, (QUEUE + TRAFFIC + gold) * 2 + AGENTS)


def test_an_agent_may_take_several_chats(folder: Path) -> None:
    text = "media = ['voice', 'chat']\n[agents.slots.chat]\nslots = 3\nweight = 30\nwrap_up = 2\n"
    (ann,) = _read(folder, QUEUE + TRAFFIC + AGENTS + text).agents
    assert ann.media == {"chat": MediumSlots(3, 30, 2.0)}


@pytest.mark.parametrize(
    ("step", "fault"),
    [
        ("{ after = 5, do = 'skill' }", "skill goes with do = skill"),
        ("{ after = 5, do = 'priority' }", "priority goes with do = priority"),
        ("{ after = 5, do = 'wait' }", "time_line"),
    ],
)
def test_a_step_that_cannot_be_is_named(folder: Path, step: str, fault: str) -> None:
    assert fault in _fault(folder, QUEUE + TRAFFIC + f"time_line = [{step}]\n" + AGENTS)
