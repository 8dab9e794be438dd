"""Nothing of a call stays when it is over."""

from __future__ import annotations

import gc
from collections import Counter

from fsroute.acd.desk import Talk
from fsroute.acd.offer import Offer
from fsroute.callserver.call import Call
from fsroute.switchsim import Answers
from tests.integration.flow.conftest import World
from tests.waiting import until

CALLS = 4


def kept() -> Counter[str]:
    gc.collect()
    return Counter(type(each).__name__ for each in gc.get_objects() if isinstance(each, Offer | Talk | Call))


def test_nothing_is_kept_of_calls_that_agents_have_served(world: World) -> None:
    before = kept()
    world.log_on("ann", *[Answers(after=0.1, talk=0.3)] * CALLS)
    for number in range(CALLS):
        world.call_for_an_agent(f"+1415555010{number}", patience=60)
    world.wait_for_outcomes(*["served"] * CALLS, limit=20)
    world.assert_nothing_left()
    until(lambda: kept() - before <= Counter({"Offer": 1, "Talk": 1, "Call": 1}), 10)
