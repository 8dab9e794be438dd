"""Who lets go of a connection first is no difference once the call is over, and one while it lives."""

from __future__ import annotations

import pytest

from fsroute.replay.comparing import Story
from fsroute.replay.script import Key

EXIT: Key = ("exit", "", "")


def story(over_at: float | None) -> Story:
    return Story(facts={}, rows=(), routed=(), recalled=(), over_at=over_at)


@pytest.mark.parametrize(
    ("over_at", "key", "at", "lets_go"),
    [
        (2.0, EXIT, 2.0, True),
        (2.0, EXIT, 2.5, True),
        (2.0, EXIT, 1.9, False),
        (None, EXIT, 2.5, False),
        (2.0, ("sendmsg", "hangup", ""), 2.5, False),
    ],
)
def test_an_exit_counts_for_nothing_only_after_the_hang_up(
    over_at: float | None, key: Key, at: float, lets_go: bool
) -> None:
    assert story(over_at).lets_go(key, at) is lets_go
