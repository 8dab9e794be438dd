"""Decisions over HTTP, with a real database: held against the description, and against hostile peers."""

from __future__ import annotations

import base64
import http.client
import json
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from fsroute.acd.proxy_call import On
from fsroute.monitoring.audit import audit
from fsroute.scp import directing
from fsroute.scp.openapi import DESCRIPTION
from fsroute.scp.role import Http, ScpRole
from fsroute.scp.selection import Limits
from fsroute.scp.server import Settings
from fsroute.store.loading import Loader
from fsroute.store.rulebook import RuleBook
from fsroute.store.signals import Signals
from fsroute.store.store import Store
from tests.fix_center import Center
from tests.waiting import until

TOKEN = "a-token-of-the-test"
NUMBER = "8005550100"
RULES = """
insert into routing_rule (contact_center_id, rule, ordinal, queue, if_caller_number)
    values ('blue', 'early', 1, 'orders', null), ('blue', 'late', 0, 'orders', '\\+49999.*');
insert into routing_rule_direct (contact_center_id, rule, policy, manner, tries, otherwise)
    values ('blue', 'early', 'longest_idle', 'redirect', 2, 'busy');
"""


class Peer:
    """An OpenSIPS, say."""

    def __init__(self, port: int) -> None:
        self._port = port

    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        token: str | None = TOKEN,
        kind: str = "application/json",
    ) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=10)
        headers = {"Content-Type": kind} | ({"Authorization": f"Bearer {token}"} if token else {})
        sent = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        connection.request(method, path, sent, headers)
        reply = connection.getresponse()
        read = reply.status, reply.read()
        connection.close()
        return read

    def decide(self, **call: Any) -> dict[str, Any]:
        status, body = self.ask("POST", "/v1/decisions", {"number_called": NUMBER, **call})
        assert status == 200, body
        decision: dict[str, Any] = json.loads(body)
        schema("Decision").validate(decision)
        return decision


def schema(name: str) -> Draft202012Validator:
    return Draft202012Validator({**DESCRIPTION, "$ref": f"#/components/schemas/{name}"})


@pytest.fixture
def role(center: Center) -> Iterator[ScpRole]:
    center.sql("update switch set seen_at = clock_timestamp()")
    loaded = Loader(center.database, frozenset({"longest_idle"}), {}).load(RULES, "test.sql", "test")
    assert loaded.version is not None, [str(fault) for fault in loaded.faults]
    signals = Signals(center.database)
    store = Store(center.database, signals)
    store.measure_clock()
    signals.start()
    book = RuleBook(store)
    book.start()
    host = directing.Settings("home", confirm=1.0)
    web = Http(("127.0.0.1", 0), TOKEN, connections=20, rate=1000.0)
    role = ScpRole(store, book, "west", None, Settings(), host, Limits(stale=60.0, confirm=1.0), http=web)
    role.start()
    assert signals.listening.wait(10)
    try:
        yield role
    finally:
        role.stop(0.0)
        book.stop()
        signals.stop()


@pytest.fixture
def peer(role: ScpRole) -> Peer:
    assert role.http is not None
    return Peer(int(role.http.server_port or 0))


def test_a_call_gets_an_agent_of_its_own(center: Center, peer: Peer) -> None:
    first, second = peer.decide(caller_number="+4930111"), peer.decide(caller_number="+4930222")
    agents = {decision["destinations"][0]["agent"] for decision in (first, second)}
    assert agents == {"ann", "bob"}
    uri = first["destinations"][0]["uri"]
    assert uri.startswith("sip:fsr")
    assert uri.endswith(("@10.0.0.1:5080", "@10.0.0.2:5080"))
    assert first["destinations"][0]["expires"] == 1.0
    assert {agent for agent, _ in center.live_reservations()} == {"ann", "bob"}
    third = peer.decide()
    assert third["destinations"] == []
    assert third["otherwise"] == {"do": "busy", "number": None, "cause": "USER_BUSY", "uri": None}
    outcome = "select outcome from contact where contact_id = %(id)s"
    assert center.value(outcome, id=third["contact_id"]) == "refused"


def test_the_next_is_had_by_the_same_contact(center: Center, peer: Peer) -> None:
    first = peer.decide()
    name = first["destinations"][0]["name"]
    second = peer.decide(contact_id=first["contact_id"], tried=[name])
    assert second["contact_id"] == first["contact_id"]
    assert second["destinations"][0]["name"] != name
    assert [agent for agent, _ in center.live_reservations()] == [second["destinations"][0]["agent"]]
    third = peer.decide(contact_id=first["contact_id"], tried=[name, second["destinations"][0]["name"]])
    assert third["destinations"] == []
    assert center.live_reservations() == []
    assert center.value("select count(*) from contact") == 1


def test_whom_the_agent_did_not_take_is_kept_for_the_peer(center: Center, peer: Peer) -> None:
    """The agent's switch has refused the call; the peer asks again, and it is the same contact's."""
    first = peer.decide()
    agent = first["destinations"][0]["agent"]
    (call_id,) = (number for _, number in center.live_reservations())
    center.proxy_calls.move(call_id, On.AGENT_FAILED, end_reservation="busy")
    second = peer.decide(contact_id=first["contact_id"], tried=[agent])
    assert second["contact_id"] == first["contact_id"]
    assert second["destinations"][0]["agent"] != agent
    assert center.kinds(first["contact_id"]).count("requested") == 1


def test_a_peer_who_does_not_ask_again_ends_the_contact(center: Center, peer: Peer) -> None:
    first = peer.decide()
    (call_id,) = (number for _, number in center.live_reservations())
    center.proxy_calls.move(call_id, On.AGENT_FAILED, end_reservation="busy")
    outcome = "select outcome from contact where contact_id = %(id)s"
    until(lambda: center.value(outcome, id=first["contact_id"]) == "failed", 15)
    assert [str(each) for each in audit(center.database, limit=60.0) if not str(each).startswith("I4")] == []


def test_who_does_not_come_frees_the_agent(center: Center, peer: Peer) -> None:
    peer.decide()
    until(lambda: center.live_reservations() == [])
    assert center.value("select outcome from contact") == "abandoned"


def test_what_would_be_decided_claims_nothing(center: Center, peer: Peer) -> None:
    status, body = peer.ask(
        "GET", "/v1/decisions?" + urlencode({"number_called": NUMBER, "caller_number": "+49"})
    )
    decision = json.loads(body)
    schema("Decision").validate(decision)
    assert status == 200
    assert [place["uri"] for place in decision["destinations"]] == [None, None]
    assert decision["contact_id"] is None
    assert center.live_reservations() == []
    assert center.value("select count(*) from contact") == 0


@pytest.mark.parametrize(
    ("call", "why"),
    [
        ({"number_called": "123"}, "the number belongs to no contact center"),
        ({"caller_number": "+499991"}, "rule late does not route before the answer"),
    ],
)
def test_what_no_rule_routes_goes_the_ordinary_way(peer: Peer, call: dict[str, str], why: str) -> None:
    decision = peer.decide(**call)
    assert (decision["why"], decision["otherwise"]["do"]) == (why, "ordinary")


def test_mod_xml_curl_has_its_dialplan(center: Center, peer: Peer) -> None:
    form = {
        "hostname": "fs1", "section": "dialplan", "Caller-Destination-Number": NUMBER, "Caller-Context": "public",
        "Caller-Caller-ID-Name": 'Bob"><x>', "Caller-Caller-ID-Number": "+4930111",
    }  # fmt: skip
    kind = "application/x-www-form-urlencoded"
    status, body = peer.ask("POST", "/v1/dialplan", urlencode(form).encode(), kind=kind)
    assert status == 200
    action = ElementTree.fromstring(body).find(".//action")
    assert action is not None
    assert action.get("application") == "redirect"
    assert str(action.get("data")).startswith("sip:fsr")
    for other in ({**form, "section": "directory"}, {**form, "Caller-Context": "fsroute"}):
        assert b"not found" in peer.ask("POST", "/v1/dialplan", urlencode(other).encode(), kind=kind)[1]
    assert len(center.live_reservations()) == 1


def test_the_password_of_mod_xml_curl_is_the_token(role: ScpRole) -> None:
    assert role.http is not None
    connection = http.client.HTTPConnection("127.0.0.1", int(role.http.server_port or 0), timeout=10)
    for password, status in ((TOKEN, 200), ("wrong", 401)):
        basic = base64.b64encode(f"fs:{password}".encode()).decode()
        connection.request(
            "GET", f"/v1/decisions?number_called={NUMBER}", headers={"Authorization": f"Basic {basic}"}
        )
        reply = connection.getresponse()
        reply.read()
        assert reply.status == status
    connection.close()


def test_without_the_token_nothing_is_told(center: Center, peer: Peer) -> None:
    for token in (None, "", "wrong", TOKEN + "x", "\u00e4"):
        status, body = peer.ask("POST", "/v1/decisions", {"number_called": NUMBER}, token=token)
        assert status == 401, token
        schema("Error").validate(json.loads(body))
    assert peer.ask("GET", "/v1/health", token=None)[0] == 200
    assert json.loads(peer.ask("GET", "/openapi.json", token=None)[1]) == json.loads(json.dumps(DESCRIPTION))
    assert center.value("select count(*) from contact") == 0


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/v1/decisions", b"", 400),
        ("POST", "/v1/decisions", b"[" * 5000, 400),
        ("POST", "/v1/decisions", b"\xff\xfe", 400),
        ("POST", "/v1/decisions", {"number_called": "8 0"}, 400),
        ("POST", "/v1/decisions", {"number_called": NUMBER, "strange": 1}, 400),
        ("POST", "/v1/decisions", {"number_called": NUMBER, "contact_id": "x"}, 400),
        ("POST", "/v1/decisions", {"number_called": NUMBER, "tried": ["a"] * 11}, 400),
        ("POST", "/v1/decisions", {"number_called": NUMBER, "caller_name": "x" * 129}, 400),
        ("GET", "/v1/decisions", None, 400),
        ("PUT", "/v1/decisions", {}, 405),
        ("GET", "/v1/nothing", None, 404),
        ("POST", "/v1/dialplan", b"a=1&" * 2000, 400),
    ],
)
def test_a_request_that_is_none_is_refused(
    peer: Peer, method: str, path: str, body: object, status: int
) -> None:
    found, answer = peer.ask(method, path, body)
    assert found == status, answer
    schema("Error").validate(json.loads(answer))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.sampled_from(["caller_number", "caller_name", "language", "address", "call_id"]),
                       st.text(max_size=40)))  # fmt: skip
def test_whatever_a_caller_is_called_the_decision_is_as_described(peer: Peer, call: dict[str, str]) -> None:
    status, body = peer.ask("POST", "/v1/decisions", {"number_called": NUMBER, **call})
    assert status in (200, 400)
    schema("Decision" if status == 200 else "Error").validate(json.loads(body))
