"""Thirty callers at once, ten agents."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.live import sipp
from tests.live.figures import measured, noted
from tests.live.two_sites import ContactCenter, TwoSites
from tests.waiting import until

pytestmark = [pytest.mark.live, pytest.mark.skipif(sipp.find() is None, reason="no SIPp found")]

PATIENT, WITH_EARS, IMPATIENT, AGENTS = 24, 2, 4, 10


@pytest.fixture
def crowd(two_sites: TwoSites, tmp_path: Path) -> Iterator[Crowd]:
    crowd = Crowd(tmp_path, two_sites.west.ports.callers)
    yield crowd
    crowd.stop()


class Crowd:
    """The SIPp processes of a test."""

    def __init__(self, folder: Path, port: int) -> None:
        self._folder = folder
        self._port = port
        self._processes: list[sipp.Sipp] = []

    def agents(self) -> sipp.Sipp:
        self._processes.append(sipp.agents(self._folder, "agents"))
        return self._processes[-1]

    def callers(self, calls: int, number: str, *, patient: bool) -> sipp.Sipp:
        name = "patient" if patient else "impatient"
        self._processes.append(sipp.callers(self._folder, name, calls, number, self._port, patient=patient))
        return self._processes[-1]

    def stop(self) -> None:
        for process in self._processes:
            process.stop()


def test_thirty_callers_and_ten_agents(
    company: Callable[..., ContactCenter], two_sites: TwoSites, crowd: Crowd
) -> None:
    acme = company(application="straight")
    desks = crowd.agents()
    for number in range(AGENTS):
        acme.agent_at(f"a{number}", f"sip:a{number}@127.0.0.1:{desks.port}")
    began = time.time()
    patient = crowd.callers(PATIENT, acme.number, patient=True)
    listeners = [acme.call() for _ in range(WITH_EARS)]
    acme.until(lambda: len(acme.outcomes()) == PATIENT + WITH_EARS, 20)
    impatient = crowd.callers(IMPATIENT, acme.number, patient=False)
    acme.until(lambda: len(acme.rows()) == PATIENT + WITH_EARS + IMPATIENT, 20)
    live = acme.live()
    noted(f"most calls at once: {live} callers, {two_sites.channels()} channels on two switches")
    assert live == PATIENT + WITH_EARS + IMPATIENT

    assert impatient.finish(30) == 0, impatient.problems()
    assert patient.finish(60) == 0, patient.problems()
    for caller in listeners:
        caller.until_over(30)
        assert caller.ended_by == "them"
        assert caller.media.first_heard(440, caller.answered_at), "its own voice, by way of the agent"
    acme.until(lambda: None not in acme.outcomes())
    noted(f"30 callers, 10 agents who talk 5 s: all over after {time.time() - began:.1f} s")
    assert Counter(acme.outcomes()) == {"served": PATIENT + WITH_EARS, "abandoned": IMPATIENT}, acme.story()
    gaps = [caller.media.largest_gap(caller.answered_at, caller.ended_at) for caller in listeners]
    measured("longest silence of a caller among thirty", max(gaps))
    note_waits(acme)
    until(lambda: two_sites.channels() == 0 and not two_sites.live_reservations())


def note_waits(acme: ContactCenter) -> None:
    """What agents waited between accepting and the join."""
    bridged = [row for row in acme.rows() if row["bridged_at"]]
    waits = sorted((row["bridged_at"] - row["accepted_at"]).total_seconds() for row in bridged)
    measured("30 callers: agent's wait from accepting to the join, median", waits[len(waits) // 2])
    measured("30 callers: agent's wait from accepting to the join, longest", waits[-1])
