"""Thirty callers at once, ten agents."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.live import sipp
from tests.live.figures import measured, noted
from tests.live.two_sites import ContactCenter, TwoSites
from tests.waiting import until

pytestmark = pytest.mark.live

PATIENT, WITH_EARS, IMPATIENT, AGENTS = 24, 2, 4, 10


def test_thirty_callers_and_ten_agents(
    company: Callable[..., ContactCenter], two_sites: TwoSites, tmp_path: Path
) -> None:
    acme = company(application="straight")
    port = two_sites.west.ports.callers
    desks = sipp.agents(tmp_path, "agents")
    try:
        for number in range(AGENTS):
            acme.agent_at(f"a{number}", f"sip:a{number}@127.0.0.1:{desks.port}")
        began = time.time()
        patient = sipp.callers(tmp_path, "patient", PATIENT, acme.number, port, patient=True)
        listeners = [acme.call() for _ in range(WITH_EARS)]
        until(lambda: len(acme.rows()) == PATIENT + WITH_EARS, 20)
        impatient = sipp.callers(tmp_path, "impatient", IMPATIENT, acme.number, port, patient=False)
        until(lambda: len(acme.rows()) == PATIENT + WITH_EARS + IMPATIENT, 20)
        noted(f"most calls at once: {acme.live()} callers, {two_sites.channels()} channels on two switches")
        assert acme.live() == PATIENT + WITH_EARS + IMPATIENT
        assert impatient.finish(30) == 0, impatient.problems()
        assert patient.finish(60) == 0, patient.problems()
        for caller in listeners:
            caller.until_over(30)
            assert caller.ended_by == "them"
            assert caller.media.first_heard(440, caller.answered_at), "its own voice, by way of the agent"
    finally:
        desks.stop()
    until(lambda: None not in acme.outcomes())
    noted(f"30 callers, 10 agents who talk 3 s: all over after {time.time() - began:.1f} s")
    assert Counter(acme.outcomes()) == {"served": PATIENT + WITH_EARS, "abandoned": IMPATIENT}, acme.story()
    measured("longest silence of a caller among thirty",
             max(caller.media.largest_gap(caller.answered_at, caller.ended_at) for caller in listeners))  # fmt: skip
    measured_waits(acme)
    until(lambda: two_sites.channels() == 0 and not two_sites.live_reservations())


def measured_waits(acme: ContactCenter) -> None:
    """What agents waited between accepting and the join."""
    waits = sorted((row["bridged_at"] - row["accepted_at"]).total_seconds() for row in acme.rows() if row["bridged_at"])
    measured("30 callers: agent's wait from accepting to the join, median", waits[len(waits) // 2])
    measured("30 callers: agent's wait from accepting to the join, longest", waits[-1])
