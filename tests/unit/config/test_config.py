from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest

from fsroute.config import Config, Role, Secret, default_state_dir, load, parse
from fsroute.errors import ConfigurationError


def test_without_a_file_one_host_is_served_with_all_roles_and_the_embedded_database() -> None:
    config = load(None, {"HOME": "/home/ann"})
    assert config.roles == tuple(Role)
    assert config.database.embedded
    assert (config.event_socket.host, config.event_socket.port) == ("127.0.0.1", 8021)
    assert config.callserver.listen_host == "127.0.0.1"


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("colour = 1", "colour"),
        ("[database]\nurll = 'x'", "database.urll"),
        ("[timing]\nheartbeat = 0", "timing.heartbeat"),
        ("[event_socket]\nport = 70000", "event_socket.port"),
        ("[event_socket]\npassword = 3", "event_socket.password"),
        ("roles = ['callserver', 'barber']", "roles[1]"),
        ("[site]\nsite_id = 'two words'", "site.site_id"),
        ("[log]\nlevel = 'loud'", "log.level"),
        ("database = 3", "database"),
    ],
)
def test_a_wrong_key_or_value_is_refused_with_file_and_path(text: str, path: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse(text, "/etc/fsroute/fsroute.toml")
    assert str(caught.value).startswith(f"/etc/fsroute/fsroute.toml: {path}: ")


SITE = "[[appserver.sites]]\nsite = 'north'\ncontact_centers = ['blue']\n"
LOOKUP = "[[appserver.lookups]]\nname = 'order'\nkind = 'sql'\ncontact_centers = ['blue']\n"
SOURCE = (
    "[[applications_from]]\nname = 's'\nurls = ['https://x']\ncontact_centers = ['blue']\nkeys = 'keys'\n"
)


@pytest.mark.parametrize("text", [SITE, SOURCE, SITE + "secret = 'short'", SOURCE + "secret = 'short'"])
def test_a_secret_between_sites_must_be_long_enough(text: str, tmp_path: Path) -> None:
    path = tmp_path / "fsroute.toml"
    path.write_text(text)
    with pytest.raises(
        ConfigurationError, match=r"(sites north|from s): secret has fewer than 16 characters"
    ):
        load(path, {})


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("roles = []", "roles is empty"),
        ("roles = ['acd', 'acd']", "twice"),
        ("[database]\npool_min = 9\npool_max = 3", "pool_min 9 is above pool_max 3"),
        ("[links]\ndial_string = 'sofia/x/{token}'", "{address} and {token}"),
        ("[links]\ndial_string = 'sofia/x/{token}@{address}{other}'", "no other field"),
        ("[agents]\ndial_string = 'sofia/x/{'", "dial_string"),
        ("[events]\nqueue_name = 'x'", "must hold {queue} and no other field"),
        ("[events]\nagent_name = '{agent}{queue}'", "must hold {agent} and no other field"),
        ("x =", "Invalid value"),
        ("[appserver]\ncertificate = 'x.pem'", "certificate and key go together"),
        (SITE + SITE, "sites names north twice"),
        (SITE.replace("['blue']", "[]"), "length >= 1"),
        (LOOKUP.replace("sql", "http"), "a url is for kind http"),
        (LOOKUP + "url = 'http://x/'", "a url is for kind http"),
        (LOOKUP + "parameters = { a = { pattern = '[' } }", "no regular expression"),
        (SOURCE.replace("https://x", "ftp://x"), "is no http:// or https:// address"),
        (SOURCE.replace("https://x", "https://user@x"), "is no http:// or https:// address"),
        (SOURCE + SOURCE.replace("'s'", "'t'"), "contact_centers names blue twice"),
    ],
)
def test_what_cannot_be_is_said_in_words(text: str, fault: str) -> None:
    with pytest.raises(ConfigurationError, match=fault.replace("{", r"\{")):
        parse(text)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    missing = tmp_path / "missing.toml"
    with pytest.raises(ConfigurationError, match=r"missing\.toml: cannot be read"):
        load(missing, {})


def test_a_secret_is_shown_by_nothing() -> None:
    config = parse("[event_socket]\npassword = 'p4ss'\n[database]\nurl = 'postgresql://u:p4ss@h/d'")
    for text in (repr(config), str(config), f"{config.event_socket.password}", f"{config.database.url!r}"):
        assert "p4ss" not in text
    assert config.event_socket.password.reveal() == "p4ss"


def test_the_environment_wins_over_the_file_of_a_secret_and_that_over_the_value(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("from-file\n")
    path = tmp_path / "fsroute.toml"
    path.write_text("[event_socket]\npassword = 'in-place'\npassword_file = 'secret'\n")
    assert load(path, {}).event_socket.password == Secret("from-file")
    environment = {"FSROUTE_EVENT_SOCKET_PASSWORD": "from-environment", "FSROUTE_DATABASE_URL": "dbname=x"}
    config = load(path, environment)
    assert config.event_socket.password.reveal() == "from-environment"
    assert config.database.url.reveal() == "dbname=x"
    assert not config.database.embedded


@pytest.mark.parametrize("content", [None, " \n"])
def test_an_empty_or_missing_file_of_a_secret_is_refused(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "secret").write_text(content)
    path = tmp_path / "fsroute.toml"
    path.write_text("[database]\nurl_file = 'secret'\n")
    with pytest.raises(ConfigurationError, match=r"database\.url_file"):
        load(path, {})


def test_relative_folders_are_taken_from_the_file_s_folder(tmp_path: Path) -> None:
    path = tmp_path / "fsroute.toml"
    path.write_text("state_dir = 'state'\napplications = ['apps', '/srv/apps']\n")
    config = load(path, {})
    assert config.state_path == tmp_path / "state"
    assert config.applications == (str(tmp_path / "apps"), "/srv/apps")


@pytest.mark.parametrize(
    ("environment", "root", "expected"),
    [
        ({"HOME": "/home/ann"}, False, "/home/ann/.local/state/fsroute"),
        ({"HOME": "/home/ann", "XDG_STATE_HOME": "/data/state"}, False, "/data/state/fsroute"),
        ({"HOME": "/home/ann", "XDG_STATE_HOME": "relative"}, False, "/home/ann/.local/state/fsroute"),
        ({"HOME": "/root"}, True, "/var/lib/fsroute"),
        ({"STATE_DIRECTORY": "/var/lib/private/fsroute:/x"}, False, "/var/lib/private/fsroute"),
    ],
)
def test_state_is_kept_where_the_system_says(environment: dict[str, str], root: bool, expected: str) -> None:
    assert default_state_dir(environment, root=root) == Path(expected)


def test_the_configuration_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        Config().roles = ()  # type: ignore[misc]
    assert msgspec.structs.replace(Config(), state_dir="/x").state_path == Path("/x")


def test_the_present_environment_is_the_default() -> None:
    assert load().state_path == default_state_dir(os.environ)
