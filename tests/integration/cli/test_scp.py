"""``fsroute scp``: what would be decided, and what was."""

from __future__ import annotations

import json
from uuid import uuid4

import pytest
from click.testing import CliRunner, Result

from fsroute.cli.main import cli
from fsroute.scp.openapi import DESCRIPTION
from fsroute.store.direct import DirectCalls, Wanted
from fsroute.store.loading import Loader
from fsroute.store.signals import Signals
from fsroute.store.store import Store
from tests.fix_center import Center
from tests.integration.scp.test_http import NUMBER, RULES, schema


@pytest.fixture
def ruled(center: Center) -> Center:
    center.sql("update switch set seen_at = clock_timestamp() where switch_id = 'away'")
    loaded = Loader(center.database, frozenset({"longest_idle"}), {}).load(RULES, "test.sql", "test")
    assert loaded.version is not None
    return center


def run(monkeypatch: pytest.MonkeyPatch, center: Center, *arguments: str) -> Result:
    monkeypatch.setenv("FSROUTE_DATABASE_URL", center.database.conninfo)
    return CliRunner().invoke(cli, arguments)


def test_what_would_be_decided_is_told_and_nothing_reserved(
    monkeypatch: pytest.MonkeyPatch, ruled: Center
) -> None:
    result = run(monkeypatch, ruled, "scp", "explain", NUMBER, "+4930111")
    lines = result.output.splitlines()
    assert lines[0].startswith("longest_idle: ann at east, idle "), result.output
    assert lines[0].endswith("; left out west: never seen")
    assert lines[1] == "rule early: longest_idle, redirect, otherwise busy USER_BUSY"
    assert "destinations\t1\tann\teast" in lines
    assert "left out\twest\tnever seen" in lines
    assert ruled.live_reservations() == []
    assert ruled.value("select count(*) from contact") == 0


def test_it_is_told_as_the_http_interface_would(monkeypatch: pytest.MonkeyPatch, ruled: Center) -> None:
    decision = json.loads(run(monkeypatch, ruled, "scp", "explain", "--json", NUMBER).output)
    schema("Decision").validate(decision)
    assert DESCRIPTION["openapi"] == "3.1.0"
    assert decision["destinations"][0]["agent"] == "ann"


def test_a_number_that_no_rule_routes_goes_the_ordinary_way(
    monkeypatch: pytest.MonkeyPatch, ruled: Center
) -> None:
    result = run(monkeypatch, ruled, "scp", "explain", "123")
    assert result.output == (
        "the number belongs to no contact center\nthe call goes the ordinary way: answered by a call server\n"
    )


def test_what_was_decided_for_a_contact_is_shown(monkeypatch: pytest.MonkeyPatch, ruled: Center) -> None:
    contact_id = ruled.contact()
    direct = DirectCalls(Store(ruled.database, Signals(ruled.database)))
    known = ruled.contacts.get(contact_id)
    caller = ruled.contacts.caller(contact_id)
    assert known is not None
    assert caller is not None
    direct.claim(known, caller, {"why": "cost: nobody, so queue", "to": "queue", "try": 1}, Wanted())
    output = run(monkeypatch, ruled, "scp", "contact", contact_id).output
    assert " to queue: cost: nobody, so queue\n" in output
    assert '{"try": 1}' in output
    missing = run(monkeypatch, ruled, "scp", "contact", str(uuid4()))
    assert missing.exit_code == 1
    assert "nothing was decided for contact" in missing.output
