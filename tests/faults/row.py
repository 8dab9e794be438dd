"""One row of the matrix: callers at every stage, one fault, and what came of them."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import count
from typing import Protocol

import gevent

from fsroute.monitoring.audit import audit
from fsroute.store.database import Database
from tests.faults.company import Company
from tests.faults.scenes import SCENES, Place, Scene
from tests.faults.table import CELLS, Broken, Stage
from tests.waiting import until

AWAY = 0.7  # seconds for which something is broken at least
BACK_WITHIN = 2.0  # seconds from serving: what is promised
CLEAN_LIMIT = 20.0  # seconds until nothing is left on the switches

_numbers = count(1)


class System(Place, Protocol):
    """What a row is played on."""

    application: str
    """The name of the callers' application."""
    late: float
    """Seconds for which a contact may wait beside an idle agent (I3), as busy as the machine is."""

    @property
    def database(self) -> Database: ...

    def prepare(self, broken: Broken) -> None:
        """Before callers come: whatever is needed for this fault beside the usual."""

    def strike(self, broken: Broken) -> None:
        """Break it."""

    def heal(self, broken: Broken) -> None:
        """Make it whole; returns when what was broken serves again."""

    def restore(self, broken: Broken) -> None:
        """After the row: as it was before `prepare`."""

    def taken_back(self, broken: Broken) -> float | None:
        """Seconds from serving (or, where another takes over, from the fault) until all calls were in hand again."""

    def kept_waiting(self, took: float) -> float:
        """Seconds of those until all calls were in hand for which other programs had the processor."""

    def left(self) -> list[str]:
        """What is on the switches though all calls are over."""


@dataclass
class Verdict:
    """What came of a cell: no fault, or what was seen instead. `seconds` is the time that its callers took."""

    fault: str = ""
    seconds: float = 0.0


@dataclass
class Row:
    """What came of a row."""

    broken: Broken
    cells: dict[Stage, Verdict] = field(default_factory=dict)
    taken_back: float | None = None
    kept_waiting: float = 0.0
    """Seconds of `taken_back` that were other programs' doing."""
    seconds: float = 0.0
    left: str = ""
    """What was left behind by whichever cell."""

    @property
    def is_taken_back(self) -> bool:
        """As soon as is promised, by our own doing."""
        return self.taken_back is None or self.taken_back - self.kept_waiting < BACK_WITHIN


def play(system: System, broken: Broken, stages: Iterable[Stage] = tuple(Stage)) -> Row:
    """Callers come to each stage, it breaks, is made whole, and they go on; each cell is judged by itself."""
    began = time.monotonic()
    row = Row(broken, {stage: Verdict() for stage in stages})
    scenes = {stage: _scene(system, broken, stage) for stage in row.cells}
    system.prepare(broken)
    for last in (False, True):
        now = {stage: scene for stage, scene in scenes.items() if scene.begins_last is last}
        _all(row, now, lambda scene: scene.begin())
    struck = time.monotonic()
    system.strike(broken)
    _all(row, scenes, lambda scene: scene.meanwhile())
    gevent.sleep(max(0.0, struck + AWAY - time.monotonic()))
    system.heal(broken)
    _all(row, scenes, _go_on)
    row.taken_back = system.taken_back(broken)
    row.kept_waiting = system.kept_waiting(row.taken_back or 0.0)
    row.left = _left(system, scenes.values())
    system.restore(broken)
    _audit(system, row, scenes)
    row.seconds = time.monotonic() - began
    return row


def _scene(system: System, broken: Broken, stage: Stage) -> Scene:
    cell = CELLS[broken, stage]
    number = next(_numbers)
    company = Company(system, f"f{number}", f"80044{number:05}")
    scene = SCENES[stage](system, company, cell)
    company.found(system.application, **scene.queue)
    return scene


def _go_on(scene: Scene) -> None:
    scene.afterwards()
    scene.finish()


def _all(row: Row, scenes: dict[Stage, Scene], do: Callable[[Scene], None]) -> None:
    """Each scene in a greenlet of its own, save those that have failed already."""
    sound = {stage: scene for stage, scene in scenes.items() if not row.cells[stage].fault}
    gevent.joinall([gevent.spawn(_one, row.cells[stage], scene, do) for stage, scene in sound.items()])


def _one(verdict: Verdict, scene: Scene, do: Callable[[Scene], None]) -> None:
    began = time.monotonic()
    try:
        do(scene)
    except AssertionError as error:
        verdict.fault = str(error) or traceback.format_exc(limit=-2)
    except Exception:
        verdict.fault = traceback.format_exc(limit=-6)
    verdict.seconds += time.monotonic() - began


def _left(system: System, scenes: Iterable[Scene]) -> str:
    """Nothing of the row is there any more: no agent on duty, no channel."""
    for scene in scenes:
        for visit in scene.company.visits:
            visit.caller.hang_up()
        scene.company.log_out()
    try:
        until(lambda: not system.left(), CLEAN_LIMIT)
    except AssertionError:
        return "\n".join(system.left())
    return ""


def _audit(system: System, row: Row, scenes: dict[Stage, Scene]) -> None:
    """``fsroute audit --contact-center``, cell by cell."""
    for stage, scene in scenes.items():
        report = audit(system.database, None, scene.company.name, system.late)
        violations = "\n".join(str(violation) for violation in report.violations)
        if violations:
            row.cells[stage].fault += f"\nthe audit: {violations}\n{scene.company.story()}"
