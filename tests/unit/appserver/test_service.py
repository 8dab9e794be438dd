from __future__ import annotations

import io
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsroute.appserver.catalogue import Catalogue
from fsroute.appserver.lookups import Answers
from fsroute.appserver.service import Service
from fsroute.appserver.signing import ANSWER, Gate, Site, authorization, body_hash, is_answer
from fsroute.config import Lookup
from fsroute.httpserver import LONGEST_BODY

SECRET = b"what north and blue share"
NORTH = Site("north", frozenset({"blue"}), SECRET)
ORDER = Lookup(name="order", kind="sql", contact_centers=("blue", "green"))


class Statements:
    names = frozenset({"order"})

    def first(self, name: str, parameters: Any, timeout: float) -> dict[str, object] | None:
        return {"state": "sent"}


def service() -> Service:
    return Service(
        Gate({"north": NORTH}), Catalogue(None, lambda folder, faults: []), Answers([ORDER], Statements())
    )


def perform(environ: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
    answered: list[Any] = []
    body = b"".join(service()(environ, lambda status, headers: answered.append((status, dict(headers)))))
    ((status, headers),) = answered
    return int(status.split()[0]), headers, body


def asked(method: str, path: str, body: bytes, **more: str) -> dict[str, Any]:
    header = authorization("north", SECRET, method, path, body, time.time(), "0" * 32)
    return {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "HTTP_AUTHORIZATION": header,
        "wsgi.input": io.BytesIO(body),
    } | more


words = st.text(max_size=60) | st.sampled_from(
    ["/v1/applications", "/v1/applications/orders", "/v1/lookups/order", "/v1/health", "/v1/applications/"]
)
bodies = st.binary(max_size=100) | st.sampled_from(
    [b'{"contact_center":"blue"}', b'{"contact_center":"blue","parameters":{}}', b"[" * 5000, b"{}"]
)


@given(st.sampled_from(["GET", "HEAD", "POST", "PUT", "X"]), words, bodies, st.text(max_size=30))
def test_whatever_a_site_asks_is_answered_signed_and_never_by_a_fault(
    method: str, path: str, body: bytes, tags: str
) -> None:
    status, headers, answer = perform(
        asked(method, path, body, HTTP_IF_NONE_MATCH=tags, QUERY_STRING=tags[:1])
    )
    assert status in {200, 304, 400, 403, 404, 405}
    if path != "/v1/health":
        tag = headers.get("ETag", "").strip('"')
        assert is_answer(SECRET, "0" * 32, status, tag, body_hash(answer), headers[ANSWER])


@given(words, bodies, st.text(max_size=200))
def test_whoever_has_no_secret_learns_only_that_the_server_lives(path: str, body: bytes, header: str) -> None:
    environ = asked("GET", path, body) | {"HTTP_AUTHORIZATION": header}
    status, _, answer = perform(environ)
    assert (status, answer) in [(401, b'{"error":"not authorized"}'), (200, b'{"status":"ok"}')]


def test_a_look_up_of_two_contact_centers_is_asked_for_ones_own_only() -> None:
    for center, status in (("blue", 200), ("green", 403)):
        body = f'{{"contact_center":"{center}","parameters":{{}}}}'.encode()
        assert perform(asked("POST", "/v1/lookups/order", body))[0] == status


def test_a_body_is_read_no_further_than_it_may_be_long() -> None:
    environ = asked("POST", "/v1/lookups/order", b"x" * LONGEST_BODY)
    environ["wsgi.input"] = io.BytesIO(b"x" * LONGEST_BODY * 2)
    assert perform(environ)[0] == 400
    assert environ["wsgi.input"].tell() == LONGEST_BODY


def test_a_published_folder_that_cannot_be_read_leaves_what_was_there(
    caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    def unreadable(folder: Path, faults: dict[str, str]) -> list[Any]:
        raise OSError("gone")

    catalogue = Catalogue(tmp_path, unreadable)
    for _ in range(3):
        assert catalogue.refresh() == set()
    assert caplog.text.count("cannot be read, the last ones stay: gone") == 1
