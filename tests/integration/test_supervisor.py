"""What systemd would be told, at a socket as systemd's."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from fsroute import supervisor


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[tuple[socket.socket, dict[str, str]]]:
    """The socket, and the environment that names it."""
    place = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as there:
        there.bind(str(place))
        there.settimeout(10)
        yield there, {"NOTIFY_SOCKET": str(place)}


def test_all_that_is_told_at_once_comes_at_once(manager: tuple[socket.socket, dict[str, str]]) -> None:
    there, environment = manager
    assert supervisor.tell(supervisor.STOPPING, supervisor.within(1.5), environment=environment)
    assert there.recv(1000) == b"STOPPING=1\nEXTEND_TIMEOUT_USEC=1500000"


def test_a_name_without_a_file_is_one_too() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as there:
        there.bind("")  # the kernel gives it an abstract name
        name = there.getsockname().decode().replace("\0", "@", 1)
        assert supervisor.tell(supervisor.READY, environment={"NOTIFY_SOCKET": name})
        there.settimeout(10)
        assert there.recv(1000) == b"READY=1"


@pytest.mark.parametrize("place", [None, "", "vsock:2:1234", "relative"])
def test_where_no_supervisor_listens_nobody_is_told(place: str | None) -> None:
    environment = {} if place is None else {"NOTIFY_SOCKET": place}
    assert not supervisor.tell(supervisor.READY, environment=environment)


def test_a_supervisor_that_is_gone_harms_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    environment = {"NOTIFY_SOCKET": str(tmp_path / "nobody")}
    assert not supervisor.tell(supervisor.READY, environment=environment)
    assert "is not told READY=1" in caplog.text
