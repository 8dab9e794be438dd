"""Rows are read when a signal has told of them: what looks now and then, unasked, would hide a signal that was lost.

Such looks are put off here, so that what waits for one waits for ever: in this process by the fixture
`nobody_looks_unasked`, in ``fsroute run`` as a process of its own by ``python -m tests.unasked_run``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fsroute.acd import entry, keeping, offer
from fsroute.callserver import hold
from fsroute.coordinator import loop
from fsroute.scp import watch

NEVER = 600  # seconds, or looks: longer than any test waits
LOOKS = (
    (hold, "READ_AGAIN"),
    (offer, "READ_AGAIN"),
    (entry, "READ_AGAIN"),
    (keeping, "READ_AGAIN"),
    (loop, "UNHEARD_EVERY"),
    (watch, "UNHEARD_EVERY"),
)


def put_off(set_attribute: Callable[[Any, str, int], None] = setattr) -> None:
    """Nobody looks from now on."""
    for room, name in LOOKS:
        assert hasattr(room, name)
        set_attribute(room, name, NEVER)


@pytest.fixture(autouse=True)
def nobody_looks_unasked(monkeypatch: pytest.MonkeyPatch) -> None:
    put_off(monkeypatch.setattr)
