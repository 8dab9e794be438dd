"""What is shown: rows as they are read, and what is computed of two readings. Values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Picture:
    """One reading. `at` in seconds since the epoch, by the database's clock; `fault` says why there is none."""

    at: float = 0.0
    calls: tuple[Row, ...] = ()
    queues: tuple[Row, ...] = ()
    agents: tuple[Row, ...] = ()
    sites: tuple[Row, ...] = ()
    totals: Row = field(default_factory=dict)
    rates: Row = field(default_factory=dict)
    leader: str = ""
    fault: str = ""
