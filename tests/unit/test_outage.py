"""An outage is said twice: when it begins, and when it is over."""

from __future__ import annotations

import logging

import pytest

from fsroute.outage import Outage

log = logging.getLogger(__name__)


def test_what_is_away_is_said_once_and_its_return_with_how_long_it_was(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    times = iter([100.0, 130.5, 200.0])
    outage = Outage(log, "the rules cannot be read", lambda: next(times))
    outage.over()
    for _ in range(50):
        outage.failed("no route\n\tto host")
    assert outage.lasts
    outage.over()
    outage.over()
    outage.failed("again")
    assert [record.getMessage() for record in caplog.records] == [
        "the rules cannot be read: no route to host",
        "over after 30.5 s: the rules cannot be read",
        "the rules cannot be read: again",
    ]
