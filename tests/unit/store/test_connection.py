from __future__ import annotations

import socket
from typing import Any

import pytest

from fsroute.errors import DatabaseUnavailable, StoreError
from fsroute.store.connection import parameters, with_addresses

HOSTS = {"one": ["10.0.0.1"], "two": ["10.0.0.2", "fd00::2"]}


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> None:
    def look_up(host: str, port: None, **how: Any) -> list[Any]:
        if host not in HOSTS:
            raise socket.gaierror("no such host")
        return [(None, None, None, "", (address, 0)) for address in HOSTS[host]]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)


def test_what_the_connection_string_says_goes_before_our_defaults() -> None:
    wanted = parameters("host=db connect_timeout=2 options='-c work_mem=64MB'", "fsroute", 5.0)
    assert wanted["connect_timeout"] == "2"
    assert wanted["target_session_attrs"] == "read-write"
    assert wanted["application_name"] == "fsroute"
    assert "-c search_path=fsroute " in wanted["options"]
    assert "-c statement_timeout=5000 " in wanted["options"]
    assert wanted["options"].endswith(" -c work_mem=64MB")


def test_an_address_of_a_url_is_understood() -> None:
    wanted = parameters("postgresql://me@db:5433/calls", "fsroute", 5.0)
    assert (wanted["host"], wanted["port"], wanted["dbname"], wanted["user"]) == ("db", "5433", "calls", "me")


def test_a_malformed_connection_string_is_refused() -> None:
    with pytest.raises(StoreError, match="connection string is malformed"):
        parameters("host=db and more", "fsroute", 5.0)


@pytest.mark.usefixtures("names")
def test_each_address_of_each_host_is_tried_with_the_hosts_port() -> None:
    found = with_addresses({"host": "one,two,10.9.9.9", "port": "5432,5433,5434"})
    assert found["host"] == "one,two,two,10.9.9.9"
    assert found["hostaddr"] == "10.0.0.1,10.0.0.2,fd00::2,10.9.9.9"
    assert found["port"] == "5432,5433,5433,5434"


@pytest.mark.usefixtures("names")
def test_a_host_that_is_not_found_is_left_out() -> None:
    assert with_addresses({"host": "none,one", "port": "5432"})["hostaddr"] == "10.0.0.1"


@pytest.mark.usefixtures("names")
def test_a_database_of_which_no_host_is_found_is_unavailable() -> None:
    with pytest.raises(DatabaseUnavailable, match="none: no such host"):
        with_addresses({"host": "none"})


@pytest.mark.parametrize("host", ["/run/postgresql", "127.0.0.1", "::1", ""])
def test_an_address_or_a_socket_needs_no_name_service(host: str) -> None:
    wanted = {"host": host, "port": "5432"}
    assert with_addresses(wanted) == wanted
