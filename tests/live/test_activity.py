"""Activity of a site whose ACD is mod_callcenter, as a CTI processor sees it on a real FreeSWITCH."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fsroute.model.activity import QueueKey, Source
from tests.live.figures import measured
from tests.live.people import AnswersAfter, declines, never_answers
from tests.live.watched_site import NUMBER, PLAIN, QUEUE, SITE, WRAP_UP, WatchedSite
from tests.waiting import until

pytestmark = pytest.mark.live


@pytest.fixture
def south(program: Path, conninfo: str) -> Iterator[WatchedSite]:
    folder = Path(tempfile.mkdtemp(prefix="fsroute-live-"))
    site = WatchedSite(program, folder, conninfo)
    try:
        site.start()
        yield site
    finally:
        site.stop()
        shutil.rmtree(folder, ignore_errors=True)


def test_a_callers_way_through_a_queue_of_mod_callcenter(south: WatchedSite) -> None:
    south.phone("2001", AnswersAfter(1.0))
    until(lambda: south.doing("ann@default") == "idle", 10)
    ann = south.agent("ann@default")
    assert ann is not None
    assert (ann.address, ann.queues, ann.skills) == (
        "user/2001@fsroute.invalid",
        {QUEUE: (1, 1)},
        {"support": 1},
    )
    until(lambda: (agent := south.agent("ann@default")) is not None and agent.reachable is True, 5)
    assert south.agent("2001@fsroute.invalid", Source.USER) is None, "it is ann's"
    caller = south.call()
    until(lambda: south.doing("ann@default") == "ringing", 10)
    until(lambda: south.doing("ann@default") == "talking", 10)
    until(
        lambda: (
            south.stands() == south.stands(SITE) == south.stands(QueueKey(Source.NUMBER, NUMBER)) == (0, 1)
        ),
        5,
    )
    caller.hang_up()
    until(lambda: south.doing("ann@default") == "wrap_up", 5)
    until(lambda: south.doing("ann@default") == "idle", WRAP_UP + 3)
    until(lambda: south.stands() == (0, 0), 5)
    line = south.line()
    assert line is not None
    assert (line.windows[60].offered, line.windows[60].answered, line.service_level) == (1, 1, 1.0)
    assert line.handling is not None
    assert line.handling >= WRAP_UP
    until(lambda: south.history() == {"offered": 1, "answered": 1, "abandoned": 0, "handled": 1}, 5)
    assert south.history("site") == south.history()
    until(lambda: south.switch.channels() == 0, 5)


def test_who_gives_up_and_who_declines(south: WatchedSite) -> None:
    ann = south.phone("2001", never_answers)
    until(lambda: (agent := south.agent("ann@default")) is not None and agent.reachable is True, 10)
    caller = south.call()
    until(lambda: south.doing("ann@default") == "ringing", 10)
    assert south.stands() == (1, 0)
    caller.hang_up()
    until(lambda: south.history()["abandoned"] == 1, 5)
    until(lambda: south.doing("ann@default") == "idle", 10)
    ann.behave = declines
    caller = south.call()
    until(lambda: south.doing("ann@default") == "set_aside", 10)
    caller.hang_up()
    until(lambda: south.history() == {"offered": 2, "answered": 0, "abandoned": 2, "handled": 0}, 5)


def test_a_status_is_seen_within_the_time_that_routing_needs(south: WatchedSite) -> None:
    south.phone("2001", AnswersAfter(1.0))
    until(lambda: south.doing("ann@default") == "idle", 10)
    took = []
    for number in range(40):
        status, expected = ("'On Break'", "on_break") if number % 2 == 0 else ("Available", "available")
        began = time.monotonic()
        south.switch.api(f"callcenter_config agent set status ann@default {status}")
        until(lambda expected=expected: _status(south) == expected)  # type: ignore[misc]
        took.append(time.monotonic() - began)
    took.sort()
    measured("a status set at mod_callcenter → in the database, p50", took[20])
    measured("a status set at mod_callcenter → in the database, worst of 40", took[-1])


def _status(south: WatchedSite) -> str:
    agent = south.agent("ann@default")
    return str(agent.status) if agent else ""


def test_telephones_and_plain_calls(south: WatchedSite) -> None:
    desk = south.phone("2002", AnswersAfter(1.0))
    user = "2002@fsroute.invalid"
    until(lambda: south.doing(user, Source.USER) == "idle", 10)
    south.call(PLAIN)
    until(lambda: south.doing(user, Source.USER) == "ringing", 5)
    until(lambda: south.stands(SITE) == (1, 0), 5)
    until(lambda: south.doing(user, Source.USER) == "talking", 5)
    until(lambda: south.stands(SITE) == (0, 1), 5)
    desk.latest().hang_up()
    until(lambda: south.doing(user, Source.USER) == "idle", 5)
    until(lambda: south.history("site") == {"offered": 1, "answered": 1, "abandoned": 0, "handled": 1}, 5)


def test_a_processor_that_dies_is_followed_by_one_that_counts_none_twice(south: WatchedSite) -> None:
    south.phone("2001", AnswersAfter(0.2))
    until(lambda: south.doing("ann@default") == "idle", 10)
    talking = south.call()
    until(lambda: south.doing("ann@default") == "talking", 10)
    waiting, gone = south.call(), south.call()
    until(lambda: south.stands() == (2, 1), 10)
    south.run.kill()
    gone.hang_up()
    unseen = south.call()
    unseen.until_answered()
    unseen.hang_up()
    until(lambda: _listed(south, "Abandoned") == 2, 10)
    began = south.run.start()
    until(lambda: south.stands() == (1, 1) and south.history()["abandoned"] == 2, 20)
    measured(
        "kill -9 of a CTI processor: from the start of the next until its counts are right",
        time.time() - began,
    )
    talking.hang_up()
    until(lambda: south.stands() == (0, 1) and south.doing("ann@default") == "talking", 15)
    waiting.hang_up()
    until(lambda: south.stands() == (0, 0), 10)
    until(lambda: south.history()["handled"] == 2, 5)
    assert south.history() == {"offered": 4, "answered": 2, "abandoned": 2, "handled": 2}


def _listed(south: WatchedSite, state: str) -> int:
    return south.switch.api("callcenter_config queue list members").count(f"|{state}|")


def test_a_switch_that_dies_gets_stale_and_comes_back(
    south: WatchedSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    south.phone("2001", never_answers)
    until(lambda: south.doing("ann@default") == "idle", 10)
    south.call()
    until(lambda: south.stands() == (1, 0), 10)
    began = time.monotonic()
    south.switch.stop()
    until(lambda: _link(south) == "down", 10)
    measured("FreeSWITCH killed → its activity is no longer known", time.monotonic() - began)
    head = south.activities.heads()[0]
    time.sleep(1.0)
    assert south.activities.heads()[0].known_at == head.known_at
    south.switch.start()
    south.switch.until_ready()
    until(lambda: _link(south) == "up", 20)
    until(lambda: south.stands() == (0, 0), 20)
    assert south.history()["abandoned"] == 1


def _link(south: WatchedSite) -> str:
    site = south.site()
    return site.head.link if site else ""
