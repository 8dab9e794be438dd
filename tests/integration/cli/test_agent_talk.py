"""``fsroute agent hold`` and the like, against the database that the agent's switch looks at."""

from __future__ import annotations

import gevent
import pytest
from click.testing import CliRunner

from fsroute.cli.main import cli
from fsroute.store.transfers import Transfers
from tests.fix_center import Center
from tests.waiting import until


def test_what_an_agent_does_in_a_talk_needs_a_talk_and_one_place_to_go(
    monkeypatch: pytest.MonkeyPatch, center: Center
) -> None:
    monkeypatch.setenv("FSROUTE_DATABASE_URL", center.database.conninfo)
    run = CliRunner().invoke
    assert "agent bob is in no talk" in run(cli, ["agent", "hold", "bob"]).output
    for arguments in ([], ["--agent", "bob", "--queue", "late"]):
        told = run(cli, ["agent", "transfer", "ann", *arguments])
        assert told.exit_code == 2
        assert "one of --agent, --queue and --number" in told.output


def test_a_command_for_an_agent_says_what_came_of_it(monkeypatch: pytest.MonkeyPatch, center: Center) -> None:
    monkeypatch.setenv("FSROUTE_DATABASE_URL", center.database.conninfo)
    center.bridged()
    transfers = Transfers(center.database)

    def answer(result: str) -> None:
        until(lambda: transfers.waiting("away", 10.0), 10)
        command = transfers.take(transfers.waiting("away", 10.0)[0], "away")
        assert command is not None
        transfers.finish(command.command_id, result)

    for result, output in (
        ("done", "transferred to queue late\n"),
        ("no such thing", "Error: no such thing\n"),
    ):
        switch = gevent.spawn(answer, result)
        told = CliRunner().invoke(cli, ["agent", "transfer", "ann", "--queue", "late"])
        switch.get(timeout=30)
        assert told.output == output
