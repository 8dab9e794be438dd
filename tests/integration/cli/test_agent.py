from __future__ import annotations

import json
from collections.abc import Callable

import psycopg
import pytest
from click.testing import CliRunner, Result

from fsroute.agentdesk import pin
from fsroute.cli.main import cli
from tests.fix_center import Center


@pytest.fixture
def agent(monkeypatch: pytest.MonkeyPatch, center: Center) -> Callable[..., Result]:
    """Run ``fsroute agent …`` on the center's database."""
    monkeypatch.setenv("FSROUTE_DATABASE_URL", center.database.conninfo)

    def run(*arguments: str, keyed: str = "") -> Result:
        return CliRunner().invoke(cli, ["agent", *arguments], input=keyed)

    return run


Agent = Callable[..., Result]


def test_an_agents_day(agent: Agent, center: Center) -> None:
    assert agent("log-on", "ann").output == "ann is available\n"
    assert agent("break", "ann", "--reason", "lunch").output == "ann is on break\n"
    assert agent("ready", "ann").output == "ann is available\n"
    call = center.bridged()
    assert agent("break", "ann").output == "ann is on break, talking\n"
    center.proxy_calls.agent_left(call.agent_leg_uuid or "", "NORMAL_CLEARING")
    assert agent("wrap-up-extend", "ann", "30").output == "ann is on break, wrap up\n"
    assert agent("wrap-up-end", "ann").output == "ann is on break\n"
    assert agent("log-off", "ann", "--reason", "end of shift").output == "ann is logged out\n"
    assert agent("wrap-up-end", "ann").output == "Error: agent ann is logged out: log on first\n"


def test_the_list_tells_what_each_agent_does_and_why(agent: Agent, center: Center) -> None:
    center.sql("update agent set unavailable_reason = 'no_answer', available_from = now() + interval '1 hour'"
               " where agent_id = 'ann'")  # fmt: skip
    agent("break", "bob", "--reason", "lunch")
    head, ann, bob = (line.split("\t") for line in agent("list").output.splitlines())
    assert dict(zip(head, ann, strict=True)) | {"since": "", "until": ""} == {
        "agents": "agents", "agent": "ann", "name": "Ann", "site": "east", "status": "available", "reason": "",
        "state": "set aside (no answer)", "since": "", "until": "", "for": "", "served": "0",
        "skills": "english 2, orders 2",
    }  # fmt: skip
    assert (bob[4:7], bob[7]) == (["on break", "lunch", "away"], "0 s")
    only = agent("list", "--state", "set_aside").output.splitlines()[1:]
    assert [line.split("\t")[1] for line in only] == ["ann"]


def test_the_list_as_json_is_a_line_for_each_agent(agent: Agent, center: Center) -> None:
    call = center.bridged()
    ann, bob = (json.loads(line) for line in agent("list", "--json").output.splitlines())
    assert (ann["state"], ann["contact_id"], ann["contact_center_id"]) == ("talking", call.contact_id, "blue")
    assert (bob["status"], bob["state"], bob["skills"]) == ("available", "idle", {"english": 2, "orders": 2})
    assert json.loads(agent("show", "ann", "--json").output)["agent_id"] == "ann"


def test_an_agent_is_shown(agent: Agent) -> None:
    shown = dict(line.split("\t")[1:] for line in agent("show", "ann").output.splitlines())
    assert (shown["agent"], shown["address"], shown["switch"]) == ("ann", "user/ann", "away")
    assert agent("show", "nobody").output == "Error: there is no agent nobody\n"


def test_an_outcome_code_is_recorded_or_the_list_is_told(agent: Agent, center: Center) -> None:
    center.sql("insert into outcome_code values ('blue', '1', 'order placed')")
    call = center.bridged()
    assert agent("outcome", "ann", "9").output == (
        "Error: contact center blue has no outcome code 9; it has 1 (order placed)\n"
    )
    assert agent("outcome", "ann", "1").output == f"1 (order placed) for contact {call.contact_id}\n"


def test_a_pin_is_asked_for_twice_and_never_shown(agent: Agent, center: Center) -> None:
    result = agent("pin", "ann", keyed="246813\n246813\n")
    assert result.exit_code == 0
    assert "246813" not in result.output
    assert result.output.endswith("ann has a new PIN\n")
    assert pin.verify("246813", center.agent()["pin_hash"])


def test_a_pin_is_generated_or_taken_away(agent: Agent, center: Center) -> None:
    made = agent("pin", "ann", "--generate").output.strip()
    assert pin.verify(made, center.agent()["pin_hash"])
    assert agent("pin", "ann", "--remove").output == "ann has no PIN\n"
    assert center.agent()["pin_hash"] is None
    assert agent("pin", "ann", "--remove", "--generate").exit_code == 2


def test_a_bad_pin_changes_nothing(agent: Agent, center: Center) -> None:
    result = agent("pin", "ann", keyed="1234\n1234\n")
    assert result.exit_code == 1
    assert "1234" not in result.output
    assert center.agent()["pin_hash"] is None


def test_an_agent_logs_on_elsewhere(agent: Agent, center: Center) -> None:
    assert "hot_desk is off" in agent("log-on", "ann", "--address", "user/desk7", "--switch", "home").output
    center.sql("update agent set hot_desk = true")
    assert agent("log-on", "ann", "--address", "user/desk7", "--switch", "home").exit_code == 0
    assert center.agent()["address"] == "user/desk7"


def test_whoever_listens_hears_of_a_command_at_once(agent: Agent, center: Center) -> None:
    with psycopg.connect(center.database.conninfo, autocommit=True) as connection:
        connection.execute('listen "fsroute.coordinator"')
        agent("break", "ann")
        assert [note.payload for note in connection.notifies(timeout=30, stop_after=1)] == ['["a:ann"]']
