"""``fsroute simulate``: the coordinator's own decisions on a virtual clock, and what callers would wait."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fsroute.cli.options import config_option

if TYPE_CHECKING:
    from fsroute.simulation.estimates import Estimate
    from fsroute.simulation.history import Hours
    from fsroute.simulation.results import QueueFigures, Results
    from fsroute.simulation.sources import Found


class HoursOfDay(click.ParamType[datetime]):
    """``9-17`` or ``8:30-17``, in the time zone of this machine."""

    name = "hours"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        from fsroute.simulation.history import Hours

        if isinstance(value, Hours):
            return value
        try:
            begin, end = (_hour(text) for text in str(value).split("-"))
            if not 0.0 <= begin < end <= 24.0:
                raise ValueError
        except ValueError:
            self.fail(f"{value!r} is no stretch of a day such as 9-17 or 8:30-17", param, ctx)
        return Hours(begin, end, datetime.now().astimezone().tzinfo or UTC)


def _hour(text: str) -> float:
    hour, _, minute = text.partition(":")
    return int(hour) + int(minute or 0) / 60


@click.command("simulate")
@click.argument(
    "path", metavar="[FILE]", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option("--from-database", is_flag=True, help="Agents, queues and their traffic from the database.")
@config_option
@click.option(
    "--days",
    type=click.IntRange(1),
    default=28,
    show_default=True,
    help="How far back to learn from the ledger.",
)
@click.option("--hours", type=HoursOfDay(), default="0-24", help="Learn from these hours only, such as 9-17.")
@click.option("--available-only", is_flag=True, help="Only the agents who are available now.")
@click.option("--replications", "-n", type=click.IntRange(1), default=10, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed, the same result.")
@click.option("--duration", type=click.FloatRange(1.0, 1e8), help="Seconds that count in each replication.")
@click.option("--warm-up", type=click.FloatRange(0.0, 1e8), help="Seconds before them that do not.")
@click.option("--answer-within", type=click.FloatRange(0.0, 1e8), help="Seconds for the service level.")
@click.option(
    "--strategy",
    "names",
    multiple=True,
    metavar="NAME",
    help="In all queues instead of their own; several are compared with the same contacts.",
)
@click.option("--pooled", is_flag=True, help="Simulate one pool of all agents too, with the same contacts.")
@click.option(
    "--json",
    "json_path",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="Write all figures to this file.",
)
def command(
    path: Path | None,
    from_database: bool,
    config_path: Path | None,
    days: int,
    hours: Hours,
    available_only: bool,
    replications: int,
    seed: int,
    names: tuple[str, ...],
    pooled: bool,
    json_path: Path | None,
    **times: float | None,
) -> None:
    """Simulate the contact center of FILE, or of the database, with the coordinator's own decisions.

    Prints service level, waits, abandonment and occupancy with 95 % confidence intervals, and how far the
    mean wait is from the best that one pool of all agents could do. With --from-database, FILE changes
    what the database says: other traffic, more agents.
    """
    from dataclasses import replace

    from fsroute.coordinator.strategies import load
    from fsroute.simulation.results import run
    from fsroute.simulation.scenario import with_strategy
    from fsroute.simulation.sources import from_file

    if json_path is not None and not json_path.parent.is_dir():
        raise click.BadParameter(f"there is no folder {json_path.parent}", param_hint="--json")
    if from_database:
        since = datetime.now(UTC) - timedelta(days=days)
        found = _from_database(config_path, since, hours, path, available_only)
    elif path is not None:
        found = from_file(path)
    else:
        raise click.UsageError("name a FILE, or say --from-database")
    given = {name: value for name, value in times.items() if value is not None}
    scenario = replace(found.scenario, **given)  # type: ignore[arg-type]
    strategies = load()
    for name in {*names, *(each.queue.strategy for each in scenario.traffic)}:
        strategies[name]  # an unknown one is named before it is simulated in vain
    began = time.perf_counter()
    results = {
        name: run(each, seed, replications, pooled, _progress(replications), strategies)
        for name, each in {name: with_strategy(scenario, name) for name in names}.items()
    } or {"": run(scenario, seed, replications, pooled, _progress(replications), strategies)}
    seconds = time.perf_counter() - began
    if len(results) > 1:
        compare(results, seconds)
    else:
        show(next(iter(results.values())), seconds)
    for note in found.notes:
        click.echo(note)
    if json_path is not None:
        dumped = {name: dump(each) for name, each in results.items()}
        whole = {"strategies": dumped} if len(dumped) > 1 else next(iter(dumped.values()))
        json_path.write_text(json.dumps(whole, indent=2) + "\n", encoding="utf-8")


def _from_database(
    config_path: Path | None, since: datetime, hours: Hours, path: Path | None, available_only: bool
) -> Found:
    from fsroute import config
    from fsroute.cli.store import opened
    from fsroute.simulation.sources import from_database

    with opened(config.load(config_path)) as store:
        return from_database(store.database, since, hours, path, available_only)


def _progress(replications: int) -> Any:
    """On a terminal, a line that says how far it is; else nothing."""
    if not sys.stderr.isatty():
        return lambda done: None

    def say(done: int) -> None:
        click.echo(f"\rreplication {done} of {replications}", nl=done == replications, err=True)

    return say


# On the screen ----------------------------------------------------------------------------------------


def show(results: Results, seconds: float) -> None:
    """Print tables, the curve of answers, and what it comes to; `seconds` is how long it took."""
    from fsroute.cli.tables import show as table

    within = f"in {results.scenario.answer_within:g} s"
    columns = (
        "queue", "contacts", within, "mean wait", "median", "p90", "p99", "answered after", "abandoned", "other",
    )  # fmt: skip
    queues = [*results.queues, results.total] if len(results.queues) > 1 else results.queues
    table("waits", columns, [_row(figures) for figures in queues])
    table(
        "occupancy",
        ("agents", "number", "busy"),
        [(group.name, group.agents, _share(group.occupancy)) for group in results.groups],
    )
    _show_curve(results)
    for line in _conclusion(results):
        click.echo(line)
    contacts = results.total.contacts * (1 if results.pooled_ratio is None else 2)
    click.echo(f"{contacts} contacts simulated in {seconds:.1f} s, {contacts / seconds:.0f} a second")


def compare(results: Mapping[str, Results], seconds: float) -> None:
    """Print one line for each strategy: all queues together, and how far from one pool."""
    from fsroute.cli.tables import show as table

    first = next(iter(results.values()))
    of_pool = first.pooled_ratio is not None
    columns = (
        "strategy", f"in {first.scenario.answer_within:g} s", "mean wait", "median", "p90", "p99", "abandoned",
        "of one pool" if of_pool else "of the Erlang bound",
    )  # fmt: skip
    table("strategies, with the same contacts", columns, [
        (
            name,
            _share(each.total.service_level),
            _time(each.total.mean_wait),
            *(_time(each.total.percentiles[share]) for share in (50, 90, 99)),
            _share(each.total.abandoned),
            _figure(each.pooled_ratio if of_pool else each.ratio, "{:.3f}", ""),
        )
        for name, each in results.items()
    ])  # fmt: skip
    click.echo(f"95 % confidence intervals from {first.basis}, seed {first.seed}")
    contacts = sum(each.total.contacts * (1 + of_pool) for each in results.values())
    click.echo(f"{contacts} contacts simulated in {seconds:.1f} s, {contacts / seconds:.0f} a second")


def _row(figures: QueueFigures) -> tuple[object, ...]:
    other = [
        f"{number} {end}" for end, number in figures.ends.items() if end not in ("answered", "abandoned")
    ]
    if figures.mean_callback is not None:
        other.append(f"they talk after {_time(figures.mean_callback)}")
    return (
        figures.name,
        figures.contacts,
        _share(figures.service_level),
        _time(figures.mean_wait),
        *(_time(figures.percentiles[each]) for each in (50, 90, 99)),
        _time(figures.mean_wait_answered),
        _share(figures.abandoned),
        ", ".join(other),
    )


def _time(estimate: Estimate | None) -> str:
    return _figure(estimate, "{:.1f}", " s")


def _share(estimate: Estimate | None) -> str:
    return _figure(estimate, "{:.1%}", "")


def _figure(estimate: Estimate | None, form: str, unit: str) -> str:
    if estimate is None:
        return ""
    value = form.format(estimate.value)
    if estimate.half_width is None:
        return value + unit
    return f"{value} ± {form.format(estimate.half_width)}{unit}"


def _show_curve(results: Results) -> None:
    from fsroute.simulation.plot import bars

    click.echo("answered within" + (" (the line: one pool, Erlang)" if results.bound else ""))
    if not sys.stdout.isatty():
        for line in bars(results.curve):
            click.echo(line)
        return
    from rich.console import Console
    from rich.text import Text

    console = Console()
    for line in bars(results.curve, min(60, max(20, console.width - 20)), fine=True):
        text = Text(line)
        text.highlight_regex("┃", "bold red")
        text.highlight_regex("[▏▎▍▌▋▊▉█]+", "green")
        console.print(text)


def _conclusion(results: Results) -> Iterator[str]:
    yield f"95 % confidence intervals from {results.basis}, seed {results.seed}"
    bound = results.bound
    if bound is None:
        return
    state = bound.state
    model = "Erlang C" if state.patience is None else "Erlang A"
    yield (
        f"one pool ({model}): {state.agents} agents, {state.rate * 3600:.1f} contacts an hour, "
        f"{state.handling:.1f} s of work each, load {state.load / state.agents:.1%}, "
        f"mean wait {bound.mean_wait:.1f} s, abandoned {state.abandoned:.1%}"
    )
    if bound.approximations:
        yield "which is an approximation here: " + "; ".join(bound.approximations)
    if results.ratio is not None:
        yield f"mean wait over that of the pooled Erlang bound: {_figure(results.ratio, '{:.3f}', '')}"
    if results.pooled_ratio is not None:
        ratio = _figure(results.pooled_ratio, "{:.3f}", "")
        yield f"mean wait over that of one pool with the same contacts: {ratio}"


# As JSON ------------------------------------------------------------------------------------------------


def dump(results: Results) -> dict[str, Any]:
    """Results as JSON writes them: times in seconds, intervals as half widths, null where there is none."""
    from dataclasses import asdict

    scenario, bound = results.scenario, results.bound
    state = None if bound is None else {**asdict(bound.state), "occupancy": bound.state.occupancy}
    whole = {
        "seed": results.seed,
        "replications": results.replications,
        "basis": results.basis,
        **{name: getattr(scenario, name) for name in ("duration", "warm_up", "answer_within")},
        "queues": [asdict(figures) for figures in results.queues],
        "total": asdict(results.total),
        "groups": [asdict(group) for group in results.groups],
        "curve": [asdict(point) for point in results.curve],
        "bound": state,
        "bound_approximations": [] if bound is None else list(bound.approximations),
        "ratio": results.ratio and asdict(results.ratio),
        "pooled_ratio": results.pooled_ratio and asdict(results.pooled_ratio),
    }
    finite = _finite(whole)
    assert isinstance(finite, dict), "a dict stays one"
    return finite


def _finite(value: object) -> object:
    """JSON has no infinity: null stands for it."""
    if isinstance(value, dict):
        return {str(key): _finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    return None if value in (float("inf"), float("-inf")) else value
