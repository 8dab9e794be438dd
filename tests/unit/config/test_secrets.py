from __future__ import annotations

import os
from pathlib import Path

import pytest

from fsroute.config import load
from fsroute.errors import ConfigurationError

HOME = {"HOME": "/home/ann"}


def _write(folder: Path, secrets: str, configuration: str = "") -> Path:
    path = folder / "fsroute.toml"
    path.write_text(f'secrets_file = "secrets.toml"\n{configuration}')
    (folder / "secrets.toml").write_text(secrets)
    (folder / "secrets.toml").chmod(0o600)
    return path


def test_keys_of_both_files_count(tmp_path: Path) -> None:
    path = _write(
        tmp_path,
        '[event_socket]\npassword = "x"\n[database]\nurl = "host=db"\n',
        "[event_socket]\nport = 8022\n",
    )
    config = load(path, HOME)
    assert config.event_socket.password.reveal() == "x"
    assert config.event_socket.port == 8022
    assert config.database.url.reveal() == "host=db"


def test_the_environment_wins(tmp_path: Path) -> None:
    path = _write(tmp_path, '[event_socket]\npassword = "x"\n')
    config = load(path, {**HOME, "FSROUTE_EVENT_SOCKET_PASSWORD": "y"})
    assert config.event_socket.password.reveal() == "y"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o601, 0o644, 0o660])
def test_a_file_that_lets_others_in_is_refused_with_the_cure(tmp_path: Path, mode: int) -> None:
    path = _write(tmp_path, '[event_socket]\npassword = "x"\n')
    (tmp_path / "secrets.toml").chmod(mode)
    with pytest.raises(ConfigurationError, match=f"mode {mode:04o} lets others in: chmod 0600 {tmp_path}"):
        load(path, HOME)


@pytest.mark.parametrize(
    ("secrets", "fault"),
    [
        ("[event_socket]\nport = 8023\n", "event_socket.port stands in the configuration, too"),
        ("event_socket = 3\n", "event_socket stands in the configuration, too"),
        ("[event_socket]\npassword = hunter2\n", "is no TOML"),
        ('[event_socket]\npasword = "hunter2"\n', "event_socket.pasword: there is no such key"),
    ],
)
def test_a_file_that_says_what_cannot_be_is_refused_and_shows_no_secret(
    tmp_path: Path, secrets: str, fault: str
) -> None:
    path = _write(tmp_path, secrets, "[event_socket]\nport = 8022\n")
    with pytest.raises(ConfigurationError) as caught:
        load(path, HOME)
    assert fault in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    path = _write(tmp_path, "")
    (tmp_path / "secrets.toml").unlink()
    with pytest.raises(ConfigurationError, match="cannot be read: No such file"):
        load(path, HOME)
    os.mkfifo(tmp_path / "secrets.toml", 0o600)
    with pytest.raises(ConfigurationError, match="is no file"):
        load(path, HOME)
    (tmp_path / "secrets.toml").unlink()
    (tmp_path / "secrets.toml").write_bytes(b"\xff")
    (tmp_path / "secrets.toml").chmod(0o600)
    with pytest.raises(ConfigurationError, match="is no UTF-8"):
        load(path, HOME)
