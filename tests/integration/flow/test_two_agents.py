"""An application that needs two agents, one after the other, and loses its process in between."""

from __future__ import annotations

import shutil
from datetime import datetime
from pathlib import Path

import pytest

from fsroute.app import sample_folder
from fsroute.errors import DatabaseUnavailable
from fsroute.ivr import load
from fsroute.routing.match import Routed
from fsroute.routing.rules import Inquiry
from fsroute.store.rulebook import RuleBook
from fsroute.switchsim import Answers, Caller
from tests.integration.flow.conftest import World
from tests.waiting import until

TWICE = """\
name = "twice"
version = "1"
start = "first"
languages = ["en"]

[sorry]
prompt = "sorry"

[steps.first]
do = "need_agent"
queue = "support"
on_served = "between"
on_overflowed = "end"
on_refused = "end"

[steps.between]
do = "play"
prompt = "hold_on"
next = "second"

[steps.second]
do = "need_agent"
queue = "second"
on_served = "goodbye"
on_overflowed = "end"
on_refused = "end"

[steps.goodbye]
do = "play"
prompt = "goodbye"
next = "end"

[steps.end]
do = "hang_up"
"""


def test_the_first_agents_outcome_is_not_taken_for_the_seconds(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process dies while the database keeps it from asking for the second agent."""
    (tmp_path / "application.toml").write_text(TWICE)
    shutil.copytree(sample_folder() / "orders" / "prompts" / "en", tmp_path / "prompts" / "en")
    twice = load(tmp_path)
    world.west._applications["twice"] = twice  # type: ignore[index]
    assert world.west.app is not None
    world.west.app._applications.put(twice)
    world.query("insert into number_called values ('8005550300', 'acme', 'twice') returning 1")
    world.query("insert into queue (contact_center_id, queue) values ('acme', 'second') returning 1")
    as_ever, asked = RuleBook.route, []

    def route(book: RuleBook, inquiry: Inquiry, now: datetime) -> Routed:
        if inquiry.queue == "second":
            asked.append(now)
            raise DatabaseUnavailable("the database is away")
        return as_ever(book, inquiry, now)

    monkeypatch.setattr(RuleBook, "route", route)
    world.log_on("ann", Answers(after=0.1, talk=2))
    call = world.place(Caller("+14155550123", "Ada", "8005550300"))
    until(lambda: asked and world.states() == ["ended"], 10)
    assert world.west.app is not None
    world.west.app.stop()
    monkeypatch.setattr(RuleBook, "route", as_ever)
    world.west.start_app()
    until(lambda: len(world.states()) == 2, 15)
    until(lambda: call.timeline.heard("prompts/en/goodbye"), 15)
    assert world.query("select queue, state from proxy_call order by proxy_call_id") == [
        ("support", "ended"),
        ("second", "ended"),
    ]
    world.wait_for_outcomes("served")
