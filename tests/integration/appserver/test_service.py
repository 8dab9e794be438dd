"""What peers may do to the application server, over real sockets."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import time
from pathlib import Path
from typing import Any

import gevent
import pytest

from fsroute import httpserver as server_module
from fsroute.appserver.signing import authorization
from fsroute.config import Lookup, LookupParameter
from tests.integration.appserver.center import SECRET, Center
from tests.waiting import until

AT_ONCE = 60.0  # seconds, on a machine that is busy with other tests: who were let wait would wait ten times as long

ORDER = Lookup(
    name="order",
    kind="http",
    contact_centers=("blue",),
    url="http://127.0.0.1:9/",
    method="POST",
    parameters={"number": LookupParameter(pattern="[0-9]+", max_length=8)},
)


def ask(
    center: Center,
    method: str,
    path: str,
    body: bytes = b"",
    *,
    header: str | None = None,
    target: str | None = None,
    now: float | None = None,
    nonce: str = "a" * 32,
    site: str = "north",
    secret: bytes = SECRET.reveal().encode(),
) -> tuple[int, dict[str, Any]]:
    signed = authorization(
        site, secret, method, target or path, body, time.time() if now is None else now, nonce
    )
    connection = http.client.HTTPConnection("127.0.0.1", center.settings["listen_port"], timeout=AT_ONCE)
    try:
        connection.request(method, path, body, {"Authorization": signed if header is None else header})
        response = connection.getresponse()
        raw = response.read()
        return response.status, json.loads(raw) if raw.startswith(b"{") else {}
    finally:
        connection.close()


def address_of(center: Center) -> tuple[str, int]:
    return "127.0.0.1", center.settings["listen_port"]


def question(number: str = "1234", **changed: object) -> bytes:
    return json.dumps({"contact_center": "blue", "parameters": {"number": number}} | changed).encode()


def test_health_needs_no_signature(center: Center) -> None:
    center.start()
    assert ask(center, "GET", "/v1/health", header="") == (200, {"status": "ok"})


@pytest.mark.parametrize(
    "wrong",
    [
        {"header": ""},
        {"header": "Basic bm9ydGg6c2VjcmV0"},
        {"site": "south"},
        {"secret": b"not the secret"},
        {"now": 1_700_000_000.0},
        {"target": "/v1/health"},
    ],
)
def test_who_is_not_known_learns_nothing(center: Center, wrong: dict[str, Any]) -> None:
    center.start()
    assert ask(center, "GET", "/v1/applications", **wrong) == (401, {"error": "not authorized"})


def test_a_request_counts_once(center: Center) -> None:
    center.start()
    center.publish("1")
    now = time.time()
    assert ask(center, "GET", "/v1/applications", now=now)[0] == 200
    assert ask(center, "GET", "/v1/applications", now=now)[0] == 401


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/v1/applications/..%2f..%2fetc%2fpasswd", 404),
        ("GET", "/v1/applications/../../etc/passwd", 404),
        ("GET", "/v1/applications/nobody", 404),
        ("POST", "/v1/applications", 405),
        ("DELETE", "/v1/applications/orders", 405),
        ("GET", "/v1/lookups/order", 405),
    ],
)
def test_there_are_only_the_documented_ways(center: Center, method: str, path: str, status: int) -> None:
    from urllib.parse import unquote

    center.start()
    center.publish("1")
    answer = ask(center, method, path, target=unquote(path))
    assert answer[0] == status
    assert "error" in answer[1]


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        (b"", 400, "the question is not as it must be"),
        (b"[" * 10_000, 400, "the question is not as it must be"),
        (b'{"contact_center": 1}', 400, "the question is not as it must be"),
        (question(more=1), 400, "the question is not as it must be"),
        (question(contact_center="green"), 403, "contact center green is not this site's"),
        (question("12ab"), 403, "look-up order: parameter number is not as it must be"),
        (question("123456789"), 403, "look-up order: parameter number is not as it must be"),
        (question(parameters={}), 403, "look-up order takes these parameters: number"),
        (question(parameters={"number": "1", "x": "2"}), 403, "look-up order takes these parameters: number"),
        (question(), 502, "there is no answer"),
    ],
)
def test_a_question_that_is_not_as_it_must_be_is_refused(
    center: Center, body: bytes, status: int, error: str
) -> None:
    center.start(lookups=(ORDER,))
    assert ask(center, "POST", "/v1/lookups/order", body) == (status, {"error": error})


def test_a_look_up_that_is_not_there_is_refused(center: Center) -> None:
    center.start(lookups=(ORDER,))
    status, answer = ask(center, "POST", "/v1/lookups/balance", question())
    assert (status, answer["error"]) == (403, "there is no look-up balance for contact center blue")


def raw(center: Center, text: bytes, limit: float = 2 * AT_ONCE) -> bytes:
    """What the server says to these bytes until it hangs up."""
    with socket.create_connection(("127.0.0.1", center.settings["listen_port"]), timeout=limit) as peer:
        peer.sendall(text)
        got = b""
        try:
            while piece := peer.recv(65_536):
                got += piece
        except ConnectionResetError:
            pass
        return got


@pytest.mark.parametrize(
    "text",
    [
        b"POST /v1/lookups/order HTTP/1.1\r\nContent-Length: 16385\r\n\r\n" + b"x" * 100,
        b"POST /v1/lookups/order HTTP/1.1\r\nContent-Length: 999999999999\r\n\r\n",
        b"POST /v1/lookups/order HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST /v1/lookups/order HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        b"POST /v1/lookups/order HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffff\r\n",
        b"GET /v1/health HTTP/1.1\r\n" + b"X: y\r\n" * 60 + b"\r\n",
        b"GET /v1/health HTTP/1.1\r\n" + b"X: y\r\n" * 6000 + b"\r\n",
        b"GET /v1/health HTTP/1.1\r\n" + b"X: " + b"\r" * 32_768 + b"\r\n\r\n",
        b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\n\r\n",
        b"NONSENSE\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    ],
)
def test_what_is_no_request_is_refused_and_the_connection_ends(center: Center, text: bytes) -> None:
    center.start()
    assert raw(center, text).startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 414 "))
    assert ask(center, "GET", "/v1/health")[0] == 200


def test_who_is_slow_to_ask_is_hung_up_on(center: Center) -> None:
    center.start()
    assert center.role is not None
    center.role.server.limits = server_module.ServerLimits(head=0.2, silence=0.2)
    begin = time.monotonic()
    assert raw(center, b"GET /v1/health HTTP/1.1\r\nX-Slow") == b""
    assert time.monotonic() - begin < AT_ONCE


def test_who_drips_is_hung_up_on(center: Center) -> None:
    center.start()
    assert center.role is not None
    center.role.server.limits = server_module.ServerLimits(head=0.3, silence=600)
    with socket.create_connection(("127.0.0.1", center.settings["listen_port"])) as peer:
        begin = time.monotonic()
        try:
            while time.monotonic() - begin < 2 * AT_ONCE:
                peer.sendall(b"x")
                gevent.sleep(0.02)
        except OSError:
            pass
    assert time.monotonic() - begin < AT_ONCE


def test_idle_connections_keep_nobody_out_for_long(center: Center) -> None:
    center.start(max_connections=2)
    assert center.role is not None
    center.role.server.limits = server_module.ServerLimits(head=0.3, silence=0.3, connections=2)
    idle = [socket.create_connection(("127.0.0.1", center.settings["listen_port"])) for _ in range(2)]
    pool = center.role.server.pool
    assert pool is not None
    until(lambda: pool.free_count() == 0)
    begin = time.monotonic()
    assert ask(center, "GET", "/v1/health")[0] == 200
    assert time.monotonic() - begin < AT_ONCE
    for each in idle:
        each.close()


def test_a_connection_may_carry_several_requests(center: Center) -> None:
    center.start()
    connection = http.client.HTTPConnection("127.0.0.1", center.settings["listen_port"], timeout=5)
    for _ in range(3):
        connection.request("GET", "/v1/health")
        assert connection.getresponse().read() == b'{"status":"ok"}'
    connection.close()


def test_between_two_requests_of_one_peer_others_have_their_turn(center: Center) -> None:
    center.start()
    assert center.role is not None
    turns, seen, service = [0], [], center.role.server.application

    def watched(*arguments: Any) -> Any:
        seen.append(turns[0])
        return service(*arguments)

    def take_turns() -> None:
        while len(seen) < 20:
            gevent.sleep(0)
            turns[0] += 1

    center.role.server.application = watched
    others = gevent.spawn(take_turns)
    with socket.create_connection(address_of(center)) as peer:
        peer.sendall(b"GET /v1/health HTTP/1.1\r\nHost: x\r\n\r\n" * 20)
        others.get(timeout=AT_ONCE)
    assert seen == sorted(set(seen))


def test_refusals_do_not_fill_the_log(center: Center, caplog: pytest.LogCaptureFixture) -> None:
    center.start()
    for _ in range(20):
        ask(center, "GET", "/v1/applications", header="")
    refusals = [record for record in caplog.records if "is refused" in record.getMessage()]
    assert len(refusals) == 1


@pytest.fixture
def certificate(tmp_path: Path) -> dict[str, Any]:
    import subprocess

    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-keyout", key, "-out", certificate, "-days", "1", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=IP:127.0.0.1"],
        check=True, capture_output=True,
    )  # fmt: skip
    return {"certificate": str(certificate), "key": str(key)}


def test_over_tls_the_servers_certificate_is_checked(
    center: Center, certificate: dict[str, Any], tmp_path: Path
) -> None:
    from fsroute.callserver.remote import Remote, RemoteFailed

    center.start(**certificate)
    center.publish("1")
    trusting = Remote(center.source(ca_file=certificate["certificate"]))
    assert trusting.ask("GET", "/v1/applications", timeout=5, limit=10_000).status == 200
    with pytest.raises(RemoteFailed, match="certificate verify failed"):
        Remote(center.source()).ask("GET", "/v1/applications", timeout=5, limit=10_000)


def test_who_does_not_shake_hands_is_hung_up_on(center: Center, certificate: dict[str, Any]) -> None:
    center.start(**certificate)
    assert center.role is not None
    center.role.server.limits = server_module.ServerLimits(handshake=0.2, head=600, silence=600)
    begin = time.monotonic()
    assert raw(center, b"") == b""
    assert time.monotonic() - begin < AT_ONCE
    with pytest.raises((ssl.SSLError, OSError, http.client.HTTPException)):
        ask(center, "GET", "/v1/health")
