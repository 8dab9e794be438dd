"""Nothing that is playing delays a bridge: how long a caller hears nothing between a prompt that is cut and the bridge.

The stand-in switch holds events back as a real one does (10 ms in the mean). ``pytest -s`` prints the figures.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fsroute.model.routing import TimeLineStep
from fsroute.switchsim import Answers, CallerCall, Options
from tests.integration.flow.callers import treat
from tests.integration.flow.shop import Shop, open_shop
from tests.waiting import until

LIMIT = (
    0.2  # seconds from the cut of the prompt to the bridge, for most; on an idle machine it is 50 ms at worst
)
CALLS = 8
AGENT = '[steps.a]\ndo = "need_agent"\nqueue = "support"\n'


@pytest.fixture
def slow(conninfo: str, tmp_path: Path) -> Iterator[Shop]:
    """A shop whose switches are as late as real ones."""
    shop = open_shop(conninfo, tmp_path, options=Options(heartbeat=1.0))
    try:
        shop.west.start()
        shop.east.start()
        yield shop
    finally:
        shop.west.stop()
        shop.east.stop()


def gap_after(call: CallerCall, prompt: str) -> float:
    """Seconds of silence after the prompt; 0 where the ringback of the bridge followed at once."""
    stretches = call.timeline.stretches()
    cut = next(nth for nth, heard in enumerate(stretches) if prompt in heard.what)
    after = stretches[cut + 1]
    return after.lasted if after.what == "silence" else 0.0


def test_a_prompt_that_is_cut_is_followed_by_the_bridge(
    slow: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    slow.change(AGENT)
    gaps = []
    for _ in range(CALLS):
        slow.network.speed = 1.0
        call = slow.call_in()
        treat(slow, TimeLineStep(0.0, "announce"))
        until(lambda call=call: "please_hold" in call.timeline.now, 10)  # type: ignore[misc]
        slow.log_on("ann", Answers(after=0.2))
        until(lambda call=call: call.talked_with, 5)  # type: ignore[misc]
        gaps.append(gap_after(call, "please_hold"))
        slow.network.speed = 20.0
        call.hang_up()
        until(lambda call=call: call.over.is_set() and not slow.west.switch.channels, 5)  # type: ignore[misc]
        slow.query("update agent set status = 'logged_out', available_from = 'epoch' returning 1")
        slow.store.announce_agent("ann")
    gaps.sort()
    with capsys.disabled():
        print(
            f"\nprompt cut to bridge: median {1000 * gaps[CALLS // 2]:.1f} ms, worst {1000 * gaps[-1]:.1f} ms"
        )
    assert gaps[CALLS // 2] < LIMIT, gaps
