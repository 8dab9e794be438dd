"""The log as each test found it: a command that is run in this process sets it up for good."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

LOGGERS = ("", "fsroute")


@pytest.fixture(autouse=True)
def _the_log_stays_as_it_was() -> Iterator[None]:
    before = {name: (logging.getLogger(name).level, logging.getLogger(name).handlers[:]) for name in LOGGERS}
    yield
    for name, (level, handlers) in before.items():
        logger = logging.getLogger(name)
        logger.setLevel(level)
        logger.handlers[:] = handlers
