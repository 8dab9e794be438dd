"""Reads the configuration: the file, the files it names, the environment."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from fsroute.config.applications import ApplicationsFrom, AskingSite
from fsroute.config.customers import Customers
from fsroute.config.secrets import with_secrets_file
from fsroute.config.section import Secret, Section
from fsroute.config.whole import Config
from fsroute.errors import ConfigurationError

SHORTEST_SECRET = 16  # characters, of one that two sites share

_UNKNOWN_KEY = re.compile(r"Object contains unknown field `(?P<key>[^`]*)`")
_PATH = re.compile(r" - at `\$(?P<path>[^`]*)`$")

S = TypeVar("S", bound=Section)


def load(path: Path | None = None, environment: Mapping[str, str] = os.environ) -> Config:
    """Read the configuration of `path`, or the defaults when there is none.

    Relative paths in the file are taken from the file's folder. `state_dir` is filled in:
    ``/var/lib/fsroute`` for root, systemd's ``STATE_DIRECTORY`` for a service, else the XDG state folder.

    Raises:
        ConfigurationError: the file, or a file it names, cannot be read or says what cannot be.
    """
    source = str(path) if path else "defaults"
    base = path.resolve().parent if path else Path.cwd()
    config = _parse_with_secrets(read(path), base, source) if path else Config()
    config = _with_secrets(config, base, source, environment)
    state_dir = base / config.state_dir if config.state_dir else default_state_dir(environment)
    applications = tuple(str(base / folder) for folder in config.applications)
    config = _with_paths(config, base)
    return msgspec.structs.replace(config, state_dir=str(state_dir), applications=applications)


def parse(text: str, source: str = "configuration") -> Config:
    """Check a TOML text; `source` names it in errors. Files of secrets are not read.

    Raises:
        ConfigurationError: the text is no TOML, or a key is unknown or has a wrong value.
    """
    return convert(text, Config, source)


def convert(text: str, to: type[S], source: str) -> S:
    """Check a TOML text against any section, as `parse` does for the whole."""
    return _convert(_loads(text, source), to, source)


def _parse_with_secrets(text: str, base: Path, source: str) -> Config:
    table = _loads(text, source)
    name = table.get("secrets_file")
    if isinstance(name, str) and name:
        table = with_secrets_file(table, base / name, source)
    return _convert(table, Config, source)


def _loads(text: str, source: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{source}: {error}") from error


def _convert(table: dict[str, Any], to: type[S], source: str) -> S:
    try:
        return msgspec.convert(table, to, dec_hook=_decode)
    except ConfigurationError as error:
        raise ConfigurationError(f"{source}: {error}") from error
    except msgspec.ValidationError as error:
        raise ConfigurationError(f"{source}: {_explain(str(error))}") from error


def read(path: Path) -> str:
    """The text of a configuration file; raises ConfigurationError."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: cannot be read: {error}") from error


def default_state_dir(environment: Mapping[str, str] = os.environ, *, root: bool | None = None) -> Path:
    """The folder for what must survive a restart (XDG Base Directory Specification; systemd.exec)."""
    if given := environment.get("STATE_DIRECTORY"):
        return Path(given.split(":")[0])
    if os.geteuid() == 0 if root is None else root:
        return Path("/var/lib/fsroute")
    home = environment.get("XDG_STATE_HOME", "")
    if not home.startswith("/"):  # the specification: a relative path is to be ignored
        home = str(Path(environment.get("HOME") or Path.home()) / ".local" / "state")
    return Path(home) / "fsroute"


def _decode(kind: type, value: Any) -> Any:
    if kind is Secret and isinstance(value, str):
        return Secret(value)
    raise TypeError(f"Expected `str`, got `{type(value).__name__}`")


def _explain(text: str) -> str:
    """Turn msgspec's message into ``section.key: what is wrong``."""
    found = _PATH.search(text)
    path = found["path"].lstrip(".") if found else ""
    text = _PATH.sub("", text)
    if unknown := _UNKNOWN_KEY.match(text):
        path = f"{path}.{unknown['key']}".lstrip(".")
        text = "there is no such key"
    return f"{path}: {text}" if path else text


def _with_secrets(config: Config, base: Path, source: str, environment: Mapping[str, str]) -> Config:
    replace = msgspec.structs.replace
    url = environment.get("FSROUTE_DATABASE_URL") or _secret_file(
        base, config.database.url_file, source, "database.url_file"
    )
    if url:
        config = replace(config, database=replace(config.database, url=Secret(url)))
    password = environment.get("FSROUTE_EVENT_SOCKET_PASSWORD") or _secret_file(
        base, config.event_socket.password_file, source, "event_socket.password_file"
    )
    if password:
        config = replace(config, event_socket=replace(config.event_socket, password=Secret(password)))
    token = _secret_file(base, config.scp.http_token_file, source, "scp.http_token_file")
    if token:
        config = replace(config, scp=replace(config.scp, http_token=Secret(token)))
    if config.scp.http_port and len(config.scp.http_token.reveal()) < SHORTEST_SECRET:
        raise ConfigurationError(f"{source}: scp: http_token has fewer than {SHORTEST_SECRET} characters")
    return _with_secrets_of_sites(config, base, source)


def _with_secrets_of_sites(config: Config, base: Path, source: str) -> Config:
    """The secrets between sites; each must be there, and long enough to withstand guessing."""
    replace = msgspec.structs.replace
    server = config.appserver
    sites = tuple(_with_secret(each, base, source, f"appserver.sites {each.site}") for each in server.sites)
    lookups = []
    for each in server.lookups:
        key = f"appserver.lookups {each.name}: authorization_file"
        text = _secret_file(base, each.authorization_file, source, key)
        lookups.append(replace(each, authorization=Secret(text)) if text else each)
    url = _secret_file(base, server.lookup_url_file, source, "appserver.lookup_url_file")
    server = replace(
        server, sites=sites, lookups=tuple(lookups), lookup_url=Secret(url) if url else server.lookup_url
    )
    remote = tuple(
        _with_secret(each, base, source, f"applications_from {each.name}")
        for each in config.applications_from
    )
    customers = tuple(_with_secrets_of_customers(each, base, source) for each in config.customers)
    return replace(config, appserver=server, applications_from=remote, customers=customers)


def _with_secrets_of_customers(customers: Customers, base: Path, source: str) -> Customers:
    where = f"customers {customers.name}"
    database = _secret_file(base, customers.database_file, source, f"{where}: database_file")
    authorization = _secret_file(base, customers.authorization_file, source, f"{where}: authorization_file")
    return msgspec.structs.replace(
        customers,
        database=Secret(database) if database else customers.database,
        authorization=Secret(authorization) if authorization else customers.authorization,
    )


P = TypeVar("P", AskingSite, ApplicationsFrom)


def _with_secret(peer: P, base: Path, source: str, where: str) -> P:
    text = _secret_file(base, peer.secret_file, source, f"{where}: secret_file") or peer.secret.reveal()
    if len(text) < SHORTEST_SECRET:
        raise ConfigurationError(f"{source}: {where}: secret has fewer than {SHORTEST_SECRET} characters")
    return msgspec.structs.replace(peer, secret=Secret(text))


def _with_paths(config: Config, base: Path) -> Config:
    """The paths of the application server, of its keys, of captures and of customers, from the file's folder."""

    def absolute(name: str) -> str:
        return str(base / name) if name else ""

    replace = msgspec.structs.replace
    server = config.appserver
    paths = {
        name: absolute(getattr(server, name)) for name in ("certificate", "key", "published", "statements")
    }
    remote = tuple(
        replace(each, keys=absolute(each.keys), ca_file=absolute(each.ca_file))
        for each in config.applications_from
    )
    capture = replace(config.capture, folder=absolute(config.capture.folder))
    customers = tuple(
        replace(each, statement=absolute(each.statement), ca_file=absolute(each.ca_file))
        for each in config.customers
    )
    server = replace(server, **paths)
    return replace(config, appserver=server, applications_from=remote, capture=capture, customers=customers)


def _secret_file(base: Path, name: str, source: str, key: str) -> str:
    if not name:
        return ""
    try:
        text = (base / name).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{source}: {key}: cannot be read: {error}") from error
    if not text:
        raise ConfigurationError(f"{source}: {key}: {base / name} is empty")
    return text
