"""How many captured calls ``fsroute route-diff`` compares in a second: ``python -m tests.benchmarks.route_diff``.

Calls of 400 chunks each, one journal of all, agents who change all the time; every tenth call would go elsewhere.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from fsroute.coordinator.actions import AgentChanged
from fsroute.coordinator.strategies import BUILT_IN
from fsroute.replay.elsewhere import CapturedCall, Comparison
from fsroute.replay.journal import RulesChanged
from fsroute.replay.reading import paths_of, read_call, with_what_was_seen
from tests.unit.replay.captured import asked_note, write_call, write_journal
from tests.unit.routing.snapshots import Snapshot, agent

CHUNK = (
    b"Event-Name: CHANNEL_EXECUTE\n"
    + b"variable_of_some_length: a value that is about as long as usual\n" * 20
)


def make(folder: Path, calls: int, agents: int) -> Snapshot:
    snapshot = Snapshot()
    for number in range(50):
        snapshot.rule(f"rule{number}", number, if_caller_number=f"\\+49{number:03}.*", priority=number)
    staff = [agent(f"agent{number}", sales=number % 5) for number in range(agents)]
    changes = [replace(staff[number % agents], version=number + 1) for number in range(calls)]
    write_journal(
        folder,
        RulesChanged(7, snapshot.tables),
        *(AgentChanged(each, 0) for each in staff),
        *(AgentChanged(each, each.version) for each in changes),
    )
    for number in range(calls):
        note = asked_note(n=2 + agents + number, number=f"+49{number % 10:03}55")
        write_call(folder, f"call{number:06}.jsonl", note, rule=f"rule{number % 10}", chunks=[CHUNK] * 400)
    return snapshot


def compare(folder: Path, old: Snapshot) -> Comparison:
    new = Snapshot()
    new.tables = {**old.tables, "routing_rule": [*old.tables["routing_rule"]]}
    new.tables["routing_rule"][3] = {**new.tables["routing_rule"][3], "priority": 99}
    comparison = Comparison(None, new.rules(8), BUILT_IN.__getitem__)
    calls = [call for path in paths_of([folder]) if (call := read_call(path)) is not None]
    for each in with_what_was_seen(calls):
        assert isinstance(each, CapturedCall), each
        comparison.add(each)
    return comparison


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=2000)
    parser.add_argument("--agents", type=int, default=200)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        snapshot = make(folder, given.calls, given.agents)
        size = sum(path.stat().st_size for path in folder.iterdir())
        began, used = time.perf_counter(), time.process_time()
        comparison = compare(folder, snapshot)
        seconds, cpu = time.perf_counter() - began, time.process_time() - used
        print(
            f"{given.calls} calls, {size / 1e6:.0f} MB, {given.agents} agents: {len(comparison.elsewhere)} elsewhere"
        )
        print(f"{seconds:.2f} s ({cpu:.2f} s of processor): {given.calls / seconds:.0f} calls a second")


if __name__ == "__main__":
    main()
