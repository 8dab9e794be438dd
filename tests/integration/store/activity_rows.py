"""Rows of activity as a processor writes them."""

from __future__ import annotations

import time

from fsroute.store.activity import ActivityWriting
from tests.fix_center import Center

NOW = time.time()
ANN = {
    "source": "callcenter", "agent": "ann", "status": "available", "state": "idle", "state_since": NOW,
    "idle_since": NOW, "address": "user/ann", "skills": {"support": 1}, "queues": {"support": [1, 2]},
}  # fmt: skip
SUPPORT = {
    "source": "callcenter", "queue": "support", "medium": "voice", "waiting": 2, "talking": 1, "oldest_at": NOW,
    "agents": 1, "idle": 0, "threshold": 20, "windows": {"60": {"offered": 3}},
}  # fmt: skip
INTERVAL = {
    "source": "callcenter", "queue": "support", "medium": "voice", "begins_at": NOW - NOW % 900, "offered": 3,
    "answered": 1, "abandoned": 0, "abandoned_early": 0, "automatic": 0, "in_time": 1, "wait_s": 2.5,
    "longest_wait_s": 2.5, "handled": 0, "handling_s": 0,
}  # fmt: skip


def writing(center: Center, epoch: int = 1) -> ActivityWriting:
    found = ActivityWriting(center.database, "away", epoch)
    found.begin()
    return found
