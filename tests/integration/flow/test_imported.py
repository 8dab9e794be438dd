"""A set-up of mod_callcenter, imported into a fresh database, serves calls as it did: tier after tier."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from fsroute.app import sample_folder
from fsroute.cli.main import cli
from fsroute.demo.centers import EAST, WEST, Center
from fsroute.ivr import load
from fsroute.switchsim import Agent, Answers, Network
from tests.integration.flow.callers import row
from tests.integration.flow.conftest import ADDRESSES, FAST, World
from tests.waiting import until

SET_UP = f"""<configuration name="callcenter.conf">
<queues><queue name="support@acme">
  <param name="strategy" value="longest-idle-agent"/>
  <param name="tier-rules-apply" value="true"/>
  <param name="tier-rule-wait-second" value="1"/>
</queue></queues>
<agents>
  <agent name="ann@acme" type="callback" status="On Break"
         contact="[leg_timeout=15]sofia/fsroute_agents/{ADDRESSES["ann"]}"/>
  <agent name="bob@acme" type="callback" status="Available" contact="sofia/fsroute_agents/{ADDRESSES["bob"]}"/>
</agents>
<tiers>
  <tier agent="ann@acme" queue="support@acme" level="1" position="1"/>
  <tier agent="bob@acme" queue="support@acme" level="2" position="1"/>
</tiers>
</configuration>"""


@pytest.fixture
def world(conninfo: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setenv("FSROUTE_DATABASE_URL", conninfo)
    (tmp_path / "callcenter.conf.xml").write_text(SET_UP)
    number = ("--number", "8005550100=support@acme", "--application", "orders")
    place = ("--site", "west", "--switch", "west-1", "--output", str(tmp_path / "acme.sql"))
    for command in (
        ("import", "callcenter", str(tmp_path / "callcenter.conf.xml"), *number, *place),
        ("rules", "load", str(tmp_path / "acme.sql")),
    ):
        done = CliRunner().invoke(cli, command)
        assert done.exit_code == 0, done.output
    network = Network(speed=20.0)
    application = load(Path(sample_folder()) / "orders")
    centers = [
        Center(each, conninfo, network, {application.name: application}, FAST) for each in (WEST, EAST)
    ]
    world = World(conninfo, network, centers[0], centers[1])
    for name in ("ann", "bob"):
        network.add_agent(
            Agent(f"sofia/fsroute_agents/{ADDRESSES[name]}", name, (Answers(after=0.1, talk=1),))
        )
    try:
        for center in centers:
            center.start()
        yield world
    finally:
        for center in centers:
            center.stop()


def test_the_second_tier_serves_after_its_time(world: World) -> None:
    call = world.call_for_an_agent()
    until(lambda: world.states() == ["queued"], 10)
    assert (row(world).rule, row(world).demand.skills) == ("number-8005550100", (("support", 2),))
    world.wait_for_outcomes("served")
    assert call.talked_with == "bob"
    [(waited,)] = world.query(
        "select extract(epoch from reserved_at - queued_at)::float8"
        " from reservation join proxy_call using (proxy_call_id)"
    )
    assert 0.9 < waited < 60
    world.assert_nothing_violated()
    world.assert_nothing_left()
