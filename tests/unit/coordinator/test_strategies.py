from __future__ import annotations

import logging
from configparser import ConfigParser
from dataclasses import replace
from importlib.metadata import EntryPoint
from pathlib import Path
from types import SimpleNamespace

import pytest

from fsroute.coordinator import strategies
from fsroute.coordinator.strategies import (
    BUILT_IN,
    GROUP,
    FaultyStrategy,
    Strategies,
    Strategy,
    UnknownStrategy,
    load,
    queue_imbalance,
)
from fsroute.model.agent import Agent
from tests.unit.coordinator.scenario import play

ROOT = Path(__file__).parents[3]
HERE = "tests.unit.coordinator.test_strategies"


def by_name(agent: Agent, load: int) -> tuple[float, ...]:
    return (load, *map(ord, agent.agent_id))


ALPHABET = Strategy("alphabet", rank=by_name)
NO_STRATEGY = SimpleNamespace(name="alphabet")


def point(name: str, value: str) -> EntryPoint:
    return EntryPoint(name, value, GROUP)


def test_highest_level_prefers_who_is_best_at_what_is_asked() -> None:
    play("""
        0  agent anna sales=5 billing=1 idle=-90 |
        0  agent boris sales=7 idle=-10 |
        0  agent clara sales=7 idle=-20 |
        1  call 1 sales=5 strategy=highest_level | 1 to clara
        2  call 2 sales=5 strategy=highest_level | 2 to boris
        3  call 3 sales=5 strategy=highest_level | 3 to anna
    """)


def test_highest_level_adds_the_levels_of_all_that_is_asked() -> None:
    play("""
        0  agent anna sales=5 english=5 idle=-90 |
        0  agent boris sales=9 english=2 idle=-10 |
        1  call 1 sales=1 english=1 strategy=highest_level | 1 to boris
    """)


def test_least_skilled_keeps_the_versatile_for_others() -> None:
    play("""
        0  agent anna sales=5 billing=5 idle=-90 |
        0  agent boris sales=3 idle=-10 |
        0  agent clara sales=2 idle=-5 |
        1  call 1 sales=2 strategy=least_skilled | 1 to clara
        2  call 2 sales=2 strategy=least_skilled | 2 to boris
        3  call 3 sales=2 strategy=least_skilled | 3 to anna
    """)


def test_fewest_contacts_evens_out_the_work() -> None:
    play("""
        0   agent anna served=3 idle=-90 |
        0   agent boris served=2 idle=-10 |
        1   call 1 strategy=fewest_contacts | 1 to boris
        2   accept 1 |
        3   join 1 |
        9   hang up 1 |
        10  call 2 strategy=fewest_contacts | 2 to anna
    """)


def test_round_robin_goes_by_the_last_reservation_whatever_became_of_it() -> None:
    play("""
        0   agent anna last=-50 idle=-90 |
        0   agent boris last=-60 idle=-10 |
        0   agent clara idle=-1 |
        1   call 1 strategy=round_robin | 1 to clara
        2   call 2 strategy=round_robin | 2 to boris
        3   call 3 strategy=round_robin | 3 to anna
    """)


def test_cost_adds_the_network_leg_to_the_agent() -> None:
    play("""
        0  rates x>x=0 x>y=3 y>x=4 |
        0  agent anna site=y rate=2 idle=-90 |
        0  agent boris site=x rate=4 idle=-10 |
        0  agent clara site=y rate=9 idle=-99 |
        1  call 1 site=x strategy=cost | 1 to boris
        2  hang up 1 |
        3  call 2 site=y strategy=cost | 2 to anna
        4  call 3 site=y strategy=cost | 3 to boris
    """)


def test_rates_that_change_count_from_the_next_decision_on() -> None:
    play("""
        0  agent anna site=y idle=-10 |
        0  agent boris site=x idle=-90 |
        1  rates x>x=5 x>y=1 |
        2  call 1 site=x strategy=cost | 1 to anna
        3  hang up 1 |
        4  rates x>x=1 x>y=5 |
        5  call 2 site=x strategy=cost | 2 to boris
    """)


def test_last_agent_comes_first_if_idle_and_eligible() -> None:
    play("""
        0  agent anna idle=-90 |
        0  agent boris idle=-10 |
        0  agent clara center=b idle=-99 |
        1  call 1 strategy=last_agent preferred=boris | 1 to boris
        2  call 2 strategy=last_agent preferred=boris | 2 to anna
        3  hang up 1 |
        3  hang up 2 |
        4  call 3 strategy=last_agent preferred=clara | 3 to anna
        5  call 4 strategy=last_agent | 4 to boris
    """)


def test_a_lost_conversation_prefers_its_former_agent_whatever_the_strategy() -> None:
    play("""
        0   agent anna idle=-90 |
        1   call 1 | 1 to anna
        2   accept 1 |
        3   join 1 |
        4   agent boris idle=-80 |
        4   agent clara idle=-70 |
        9   slow |
        10  lose 1 | 1 to boris
    """)  # anna's row has not been read yet
    play("""
        0   agent anna idle=-10 |
        1   call 1 | 1 to anna
        2   accept 1 |
        3   join 1 |
        9   on_break anna |
        10  lose 1 |
        11  available anna | 1 to anna
    """)


def test_with_a_former_agent_idle_the_longest_idle_has_to_wait() -> None:
    play("""
        0  agent anna idle=-90 |
        0  agent boris idle=-10 |
        1  call 1 priority=1000000 preferred=boris | 1 to boris
        2  call 2 preferred=boris | 2 to anna
    """)


def test_an_arriving_contact_goes_to_the_pool_with_the_largest_idleness_imbalance() -> None:
    """Ten on duty, five idle: half of each pool should be. Of reds four in six are idle, of blues one in four."""
    red = "\n".join(f"0 agent red{n} red=1 {'' if n < 4 else 'status=on_break'} |" for n in range(6))
    blue = "\n".join(
        f"0 agent blue{n} blue=1 idle=-90 {'' if n < 1 else 'status=on_break'} |" for n in range(4)
    )
    play(f"""
        {red}
        {blue}
        1  call 1 strategy=queue_idleness_ratio | 1 to red0
        2  call 2 | 2 to blue0
    """)


def test_a_freed_agent_turns_to_the_class_with_the_largest_queue_imbalance() -> None:
    """Equal arrivals so far, but three of one class wait and one of the other."""
    play("""
        0   agent anna sales=1 billing=1 status=on_break |
        1   call 1 billing=1 strategy=queue_idleness_ratio |
        2   call 2 sales=1 strategy=queue_idleness_ratio |
        3   call 3 sales=1 strategy=queue_idleness_ratio |
        4   call 4 billing=1 strategy=queue_idleness_ratio |
        5   call 5 sales=1 strategy=queue_idleness_ratio |
        6   call 6 billing=1 strategy=queue_idleness_ratio |
        7   hang up 4 |
        7   hang up 6 |
        8   available anna | 2 to anna
    """)


def test_priority_comes_before_any_imbalance() -> None:
    play("""
        0   agent anna sales=1 billing=1 status=on_break |
        2   call 2 sales=1 strategy=queue_idleness_ratio |
        3   call 3 sales=1 strategy=queue_idleness_ratio |
        4   call 4 billing=1 priority=1 strategy=queue_idleness_ratio |
        8   available anna | 4 to anna
    """)


def test_a_contact_that_is_not_balanced_is_passed_over_only_by_who_was_before_it() -> None:
    play("""
        0   agent anna sales=1 billing=1 status=on_break |
        1   call 1 |
        2   call 2 sales=1 strategy=queue_idleness_ratio |
        3   call 3 sales=1 strategy=queue_idleness_ratio |
        8   available anna | 1 to anna
    """)


def test_the_imbalance_is_what_waits_beyond_the_lines_share_of_arrivals() -> None:
    line = SimpleNamespace(waiting_count=6, arrivals=10.0, demand=None)
    house = SimpleNamespace(idle=0, on_duty=0, waiting=8, arrivals=40.0, rates={})
    assert queue_imbalance(line, house) == 4.0


def test_a_decision_records_the_key_and_the_imbalance_it_was_made_by() -> None:
    center = play("""
        0  agent anna sales=2 status=on_break idle=-7 |
        1  call 1 sales=1 strategy=queue_idleness_ratio |
        2  slow |
        3  available anna | 1 to anna
    """)
    why = dict(center.claims[0].why)
    assert why["strategy"] == "queue_idleness_ratio"
    assert why["imbalance"] == 0.0
    assert isinstance(why["key"], tuple)
    assert why["key"][-1] == "anna"


# Plug-ins --------------------------------------------------------------------------------------------


def test_the_entry_points_of_the_package_are_the_built_in_strategies() -> None:
    parser = ConfigParser()
    parser.read(ROOT / "setup.cfg")
    lines = parser["options.entry_points"][GROUP].strip().splitlines()
    points = [point(*(part.strip() for part in line.split("="))) for line in lines]
    assert load(points).known == BUILT_IN
    assert {one.name for one in points} == set(BUILT_IN)


def test_a_strategy_of_another_package_serves() -> None:
    known = load([point("alphabet", f"{HERE}:ALPHABET")])
    table = """
        0  agent boris idle=-90 |
        0  agent anna idle=-10 |
        0  agent clara idle=-99 |
        1  call 1 strategy=alphabet | 1 to anna
        2  call 2 strategy=alphabet | 2 to boris
        3  call 3 | 3 to clara
    """
    play(table, known)


def test_a_plug_in_may_replace_a_built_in_strategy_and_goes_by_its_entry_points_name() -> None:
    known = load([point("longest_idle", f"{HERE}:ALPHABET")])
    assert known["longest_idle"] == replace(ALPHABET, name="longest_idle")


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (f"{HERE}:NOTHING", "cannot be loaded"),
        ("no_such_module:X", "cannot be loaded"),
        (f"{HERE}:NO_STRATEGY", "not a Strategy"),
    ],
)
def test_a_faulty_plug_in_is_named(value: str, why: str) -> None:
    with pytest.raises(FaultyStrategy, match=f"alphabet = {value}.*{why}"):
        load([point("alphabet", value)])


def test_an_unknown_strategy_is_an_error_for_rules_and_a_warning_for_contacts(
    caplog: pytest.LogCaptureFixture,
) -> None:
    known = Strategies()
    with pytest.raises(UnknownStrategy, match="no strategy 'best', only cost, "):
        known["best"]
    with caplog.at_level(logging.WARNING, strategies.__name__):
        table = """
            0  agent anna idle=-10 |
            0  agent boris idle=-90 |
            1  call 1 strategy=best | 1 to boris
            2  call 2 strategy=best | 2 to anna
        """
        play(table, known)
    assert [record.getMessage() for record in caplog.records] == [
        "there is no strategy 'best': the longest idle are chosen instead"
    ]


def test_the_documentation_names_every_strategy_and_its_example_is_one() -> None:
    text = (ROOT / "docs" / "strategies.md").read_text()
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    assert [row.split("`")[1] for row in rows] == list(BUILT_IN)
    example: dict[str, object] = {}
    exec(text.split("```python")[1].split("```")[0], example)
    made = example["NEWCOMERS"]
    assert isinstance(made, Strategy)
    table = """
        0  agent anna served=3 rate=2 |
        0  agent boris served=2 rate=9 |
        1  call 1 strategy=newcomers | 1 to boris
    """
    play(table, Strategies({**BUILT_IN, "newcomers": made}))
