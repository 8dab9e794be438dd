"""Runs a target on many inputs, and says what was found."""

from __future__ import annotations

import hashlib
import importlib
import pkgutil
import resource
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.fuzz import targets
from tests.fuzz.mutating import Mutator

CASES = Path(__file__).parent / "cases"
SLOW = 2.0  # seconds of processor that one input may take
LARGE = 300_000  # KiB by which an input may make the process grow


@dataclass(frozen=True)
class Target:
    """What is fuzzed. `run` returns a word for what became of the input; an error that comes out of it is a finding."""

    seeds: Callable[[], Sequence[bytes]]
    run: Callable[[bytes], str]
    tokens: Sequence[bytes] = ()


@dataclass(frozen=True)
class Finding:
    data: bytes
    what: str


@dataclass
class Report:
    """`executions` inputs were run; `outcomes` counts what became of them."""

    executions: int = 0
    seconds: float = 0.0
    outcomes: dict[str, int] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)


def names() -> list[str]:
    return sorted(module.name for module in pkgutil.iter_modules(targets.__path__))


def target(name: str) -> Target:
    found = importlib.import_module(f"tests.fuzz.targets.{name}").TARGET
    assert isinstance(found, Target)
    return found


def cases(name: str) -> Iterator[Path]:
    """What was found once."""
    yield from sorted((CASES / name).glob("*"))


def once(target: Target, data: bytes) -> tuple[str, Finding | None]:
    """What becomes of one input, and what is wrong with that."""
    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.thread_time()
    try:
        outcome = target.run(data)
    except Exception:
        return "error", Finding(data, traceback.format_exc(limit=-6))
    took = time.thread_time() - began
    grew = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    if took > SLOW:
        return "slow", Finding(data, f"{took:.1f} s of processor for {len(data)} bytes")
    if grew > LARGE:
        return "large", Finding(data, f"{grew} KiB more for {len(data)} bytes")
    return outcome, None


def fuzz(target: Target, seconds: float, seed: int, most: int = 1 << 62) -> Report:
    """Run inputs for so long, `most` at most; of findings that look alike one is kept."""
    mutator = Mutator(target.seeds(), target.tokens, seed)
    report, seen = Report(), set()
    began = time.monotonic()
    while time.monotonic() - began < seconds and report.executions < most:
        data = mutator.next()
        outcome, finding = once(target, data)
        report.executions += 1
        if outcome not in report.outcomes:
            mutator.keep(data)
        report.outcomes[outcome] = report.outcomes.get(outcome, 0) + 1
        if finding is not None and (alike := finding.what.strip().splitlines()[-1][:60]) not in seen:
            seen.add(alike)
            report.findings.append(finding)
    report.seconds = time.monotonic() - began
    return report


def save(name: str, finding: Finding) -> Path:
    folder = CASES / name
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / hashlib.sha256(finding.data).hexdigest()[:16]
    path.write_bytes(finding.data)
    return path
