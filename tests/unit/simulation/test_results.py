from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from fsroute.cli.main import cli
from fsroute.cli.simulate import dump
from fsroute.simulation.durations import Constant, Exponential
from fsroute.simulation.plot import bars
from fsroute.simulation.results import Point, evaluate, run
from fsroute.simulation.sample import End, Sample, Tally
from fsroute.simulation.scenario import group_names, pooled_bound
from tests.unit.simulation.scenes import agent, agents, day, listed, queue, steady

CENTER = """
duration = 1800
warm_up = 0
[[queue]]
contact_center = "acme"
name = "orders"
arrivals = 80
talk = 120
[[agents]]
name = "ann"
count = 4
"""


def _tally(answered: list[float], abandoned: list[float]) -> Tally:
    tally = Tally()
    for wait in answered:
        tally.add(End.ANSWERED, wait)
    for wait in abandoned:
        tally.add(End.ABANDONED, wait)
    return tally


def test_figures_are_shares_of_those_who_came() -> None:
    scenario = day(steady(1.0), agents=agents(2), answer_within=20.0)
    samples = [
        Sample(3600.0, (_tally([0.0, 10.0, 30.0], [50.0]),), {"no skills for acme": 3600.0}),
        Sample(3600.0, (_tally([0.0, 0.0, 20.0, 20.0], []),), {"no skills for acme": 1800.0}),
    ]
    results = evaluate(scenario, samples, seed=1, replications=2)
    total = results.total
    assert (total.contacts, total.ends) == (8, {"answered": 7, "abandoned": 1})
    values = [total.service_level, total.mean_wait, total.mean_wait_answered, total.abandoned]
    assert [figure and figure.value for figure in values] == [6 / 8, 130 / 8, 80 / 7, 1 / 8]
    assert (median := total.percentiles[50]) is not None
    assert median.value == 15.0
    assert (busy := results.groups[0].occupancy) is not None
    assert busy.value == 5400 / 14_400


def test_one_run_is_cut_into_batches() -> None:
    results = run(day(steady(3.0), agents=agents(4)), seed=1, replications=1)
    assert results.basis == "20 batches of one run"
    assert results.total.mean_wait is not None
    assert results.total.mean_wait.half_width is not None


def test_agents_with_the_same_skills_and_authorizations_are_one_group() -> None:
    crew = (agent("ann", one=1), agent("bob", one=1), agent("eve", one=2), agent("joe", center="other"))
    names = group_names(day(agents=crew))
    assert names == {
        "ann": "one:1 for acme",
        "bob": "one:1 for acme",
        "eve": "one:2 for acme",
        "joe": "no skills for other",
    }


def test_the_bound_pools_all_contacts_and_agents() -> None:
    scenario = day(steady(4.0, 100.0, "one"), steady(3.0, 100.0, "two"), agents=(*agents(5), *agents(3)))
    bound = pooled_bound(scenario)
    assert bound is not None
    assert (bound.state.agents, bound.state.patience) == (8, None)
    assert bound.state.load == pytest.approx(7.0)
    assert bound.approximations == ()


def test_the_bound_says_where_it_is_not_erlang_s() -> None:
    scenario = day(
        replace(steady(4.0), patience=Exponential(60.0), setup=Constant(3.0)),
        replace(steady(2.0), queue=queue("two", priority=1)),
        agents=agents(8),
    )
    bound = pooled_bound(scenario)
    assert bound is not None
    assert bound.approximations == (
        "handling times are not exponential",
        "patience is not one exponential time",
        "priorities differ",
    )
    assert bound.state.patience == pytest.approx(60.0 * 6 / 4)
    assert bound.answered_within(1.9) == 0.0 < bound.answered_within(2.1)


def test_a_pool_that_is_never_done_has_no_ratio() -> None:
    results = run(day(steady(4.0), agents=agents(3)), seed=1, replications=2)
    assert results.bound is not None
    assert (results.bound.mean_wait, results.ratio) == (math.inf, None)
    assert json.loads(json.dumps(dump(results)))["bound"]["mean_wait"] is None


def test_without_contacts_there_is_nothing_to_say() -> None:
    results = run(day(listed(), agents=agents(1)), seed=1, replications=2)
    assert (results.bound, results.total.contacts, results.total.mean_wait) == (None, 0, None)
    assert [point.share for point in results.curve] == [0.0]


def test_a_bar_shows_the_share_and_where_the_bound_is() -> None:
    points = [Point(0.0, 0.5, 0.75), Point(20.0, 1.0, None)]
    assert list(bars(points, 8)) == ["     0 s ####  |   50.0%", "    20 s ######## 100.0%"]
    assert list(bars([Point(5.0, 0.5625, 1.0)], 4, fine=True)) == ["     5 s ██▎┃  56.2%"]


# The command ------------------------------------------------------------------------------------------


def _command(tmp_path: Path, *arguments: str, text: str = CENTER) -> Result:
    path = tmp_path / "center.toml"
    path.write_text(text)
    return CliRunner().invoke(cli, ["simulate", str(path), *arguments])


def test_the_command_prints_waits_occupancy_curve_and_ratio(tmp_path: Path) -> None:
    result = _command(tmp_path, "--pooled", "-n", "3")
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert lines[0].startswith("waits\tqueue\tcontacts\tin 20 s\tmean wait\tmedian")
    assert lines[1].startswith("waits\tacme/orders\t")
    assert "occupancy\tno skills for acme\t4\t" in result.output
    assert any(line.startswith("     0 s #") for line in lines)
    assert "mean wait over that of the pooled Erlang bound: " in result.output
    assert "mean wait over that of one pool with the same contacts: 1.000 ± 0.000" in result.output
    assert lines[-1].endswith(" a second")


def test_the_same_seed_writes_the_same_file(tmp_path: Path) -> None:
    for name, seed in (("one", "7"), ("again", "7"), ("other", "8")):
        arguments = ("--json", str(tmp_path / name), "--seed", seed, "-n", "2")
        assert _command(tmp_path, *arguments).exit_code == 0
    one, again, other = ((tmp_path / name).read_text() for name in ("one", "again", "other"))
    assert one == again
    assert json.loads(one)["total"] != json.loads(other)["total"]


def test_options_count_instead_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "figures"
    options = ("--duration", "900", "--warm-up", "60", "--answer-within", "5", "-n", "1")
    assert _command(tmp_path, *options, "--json", str(path)).exit_code == 0
    figures = json.loads(path.read_text())
    assert [figures[name] for name in ("duration", "warm_up", "answer_within")] == [900, 60, 5]


def test_a_fault_in_the_file_ends_with_one_line_and_status_1(tmp_path: Path) -> None:
    result = _command(tmp_path, text=CENTER + "serves = 3\n")
    assert (result.exit_code, result.output) == (
        1,
        f"Error: {tmp_path}/center.toml: agents[0].serves: Expected `array`, got `int`\n",
    )


def test_without_a_file_or_a_database_there_is_nothing_to_simulate() -> None:
    result = CliRunner().invoke(cli, ["simulate"])
    assert result.exit_code == 2
    assert "name a FILE, or say --from-database" in result.output


@pytest.mark.parametrize("hours", ["17-9", "9", "a-b", "9-25"])
def test_hours_that_are_none_are_refused(tmp_path: Path, hours: str) -> None:
    result = _command(tmp_path, "--hours", hours)
    assert result.exit_code == 2
    assert "is no stretch of a day" in result.output


def test_a_folder_that_is_not_there_is_found_out_before_the_simulation(tmp_path: Path) -> None:
    result = _command(tmp_path, "--json", str(tmp_path / "none" / "figures"))
    assert result.exit_code == 2
    assert f"there is no folder {tmp_path}/none" in " ".join(result.output.split())
