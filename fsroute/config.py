"""The configuration: one TOML file, checked as a whole, frozen.

Every key has a default, so that ``Config()`` serves one host: all roles, the embedded database,
FreeSWITCH's event socket on loopback. A key that does not exist is refused with its path. A secret
may be written in place, in a file of its own (``password_file``, ``url_file``), or in the
environment (``FSROUTE_EVENT_SOCKET_PASSWORD``, ``FSROUTE_DATABASE_URL``); the environment wins, then
the file. Secrets appear in no repr and no log.

``docs/fsroute.toml`` shows every key with its default; a test holds it against this module.
"""

from __future__ import annotations

import enum
import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from string import Formatter
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct, field

from fsroute.callserver.numbers import NORTH_AMERICA
from fsroute.errors import ConfigurationError

Seconds = Annotated[float, Meta(gt=0)]
Port = Annotated[int, Meta(ge=1, le=65535)]
Count = Annotated[int, Meta(ge=1)]
Name = Annotated[str, Meta(pattern=r"^[a-z0-9_-]{1,40}$")]  # as the database checks it
SHORTEST_SECRET = 16  # characters, of one that two sites share

_UNKNOWN_KEY = re.compile(r"Object contains unknown field `(?P<key>[^`]*)`")
_PATH = re.compile(r" - at `\$(?P<path>[^`]*)`$")


class Secret:
    """A text that no repr, str, log line or traceback shows; ``reveal()`` gives it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return "Secret('***')" if self._text else "Secret('')"

    __str__ = __repr__

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)


class Role(enum.StrEnum):
    """What a process may be; ``run`` starts those that the configuration lists."""

    CALLSERVER = "callserver"
    COORDINATOR = "coordinator"
    ACD = "acd"
    APPSERVER = "appserver"


class Section(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What all sections share."""


S = TypeVar("S", bound=Section)


class Site(Section, frozen=True):
    """Which site this host belongs to, and which FreeSWITCH it serves."""

    site_id: Name = "local"
    switch_id: Name = "switch-1"


class Database(Section, frozen=True):
    """Where the database is. Without a `url` fsroute starts its own in `state_dir`/postgres."""

    url: Secret = Secret("")
    url_file: str = ""
    pool_min: Count = 2
    pool_max: Count = 10
    statement_timeout: Seconds = 5.0

    def __post_init__(self) -> None:
        if self.pool_min > self.pool_max:
            raise ValueError(f"pool_min {self.pool_min} is above pool_max {self.pool_max}")

    @property
    def embedded(self) -> bool:
        return not self.url


class EventSocket(Section, frozen=True):
    """FreeSWITCH's inbound event socket (event_socket.conf.xml on that host)."""

    host: str = "127.0.0.1"
    port: Port = 8021
    password: Secret = Secret("ClueCon")
    password_file: str = ""


class Callserver(Section, frozen=True):
    """The outbound event-socket server that the dialplan's ``socket`` connects to.

    `fallback` is where a call goes that fsroute itself must give up: ``extension dialplan context``
    as FreeSWITCH's ``transfer`` takes them. Who asked to be called back is dialled by
    `callback_dial_string`, in which ``{number}`` is filled in; empty: nobody is called back. The whole
    number must match `callback_numbers`, which keeps callers from having expensive ones dialled. With
    `callback_recognise` who shows the number of somebody who waits for that takes the place.
    `voice_messages` is the folder that FreeSWITCH records into; empty: `state_dir`/voice_messages.
    `speech_engine` is the recogniser that ``play_and_detect_speech`` is given; empty: callers use keys only.
    """

    listen_host: str = "127.0.0.1"
    listen_port: Annotated[int, Meta(ge=0, le=65535)] = 8084
    max_sessions: Count = 1000
    fallback: str = "fsroute_fallback XML fsroute"
    hold_music: str = "local_stream://fsroute"
    callback_dial_string: str = ""
    callback_numbers: str = NORTH_AMERICA
    callback_recognise: bool = False
    voice_messages: str = ""
    voice_message_limit: Seconds = 180.0
    voice_message_silence: Seconds = 5.0
    speech_engine: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.:-]{0,64}$")] = ""

    def __post_init__(self) -> None:
        if self.callback_dial_string:
            _require_fields("callback_dial_string", self.callback_dial_string, {"number"})
        try:
            re.compile(self.callback_numbers)
        except re.error as error:
            raise ValueError(f"callback_numbers: no regular expression: {error}") from error


class Links(Section, frozen=True):
    """How network legs travel between switches.

    `address` is this switch's own, as the other switches dial it: ``host:port`` of its link
    profile. It is entered into the database at the start; empty leaves there what is there.
    `dial_string` is what the caller's switch dials; ``{token}`` and ``{address}``, the agent's
    switch's as the database holds it, are filled in.
    """

    address: Annotated[str, Meta(pattern=r"^([A-Za-z0-9_.-]+:[0-9]{1,5})?$")] = ""
    dial_string: str = "sofia/fsroute_link/{token}@{address}"

    def __post_init__(self) -> None:
        _require_fields("dial_string", self.dial_string, {"token", "address"})


class Agents(Section, frozen=True):
    """How an agent's address becomes something to dial.

    ``{address}`` is the agent's address as the database holds it; one that names its endpoint
    already (``sofia/...``, ``user/...``, ``loopback/...``) is dialled as it stands.

    Agents may send a contact on to the telephone numbers that match `transfer_numbers` as a whole (empty:
    to none), and consult them where `number_dial_string` says what to dial for ``{number}``. An agent
    whom a contact is transferred to has `transfer_wait` to take it; then it goes back where it came from. An
    agent who transfers one to a queue that the agent serves, too, is offered nothing for `transfer_pause` at least.
    """

    dial_string: str = "sofia/fsroute_agents/{address}"
    transfer_numbers: str = ""
    number_dial_string: str = ""
    transfer_wait: Seconds = 60.0
    transfer_pause: Annotated[float, Meta(ge=0)] = 10.0

    def __post_init__(self) -> None:
        _require_fields("dial_string", self.dial_string, {"address"})
        if self.number_dial_string:
            _require_fields("number_dial_string", self.number_dial_string, {"number"})
        try:
            re.compile(self.transfer_numbers)
        except re.error as error:
            raise ValueError(f"transfer_numbers: no regular expression: {error}") from error


class AskingSite(Section, frozen=True):
    """A site that may fetch applications and look things up, for these contact centers, with this secret."""

    site: Name
    contact_centers: Annotated[tuple[Name, ...], Meta(min_length=1)]
    secret: Secret = Secret("")
    secret_file: str = ""


class LookupParameter(Section, frozen=True):
    """What a parameter must look like: the whole of it matches `pattern`."""

    pattern: str = ".*"
    max_length: Annotated[int, Meta(ge=1, le=200)] = 200

    def __post_init__(self) -> None:
        _require_pattern("pattern", self.pattern)


class Lookup(Section, frozen=True):
    """One question that applications may ask, answered by a statement of SQL or by an HTTP service.

    The statement is named `statement` (else as the look-up) in `[appserver] statements`. In a `url` each
    ``{parameter}`` is filled in; with `method` POST the parameters are sent as JSON. `authorization` is the
    header that the service wants.
    """

    name: Name
    kind: Literal["sql", "http"]
    contact_centers: Annotated[tuple[Name, ...], Meta(min_length=1)]
    parameters: dict[str, LookupParameter] = {}
    timeout: Seconds = 2.0
    cache: Annotated[float, Meta(ge=0, le=86400)] = 0.0
    statement: str = ""
    url: str = ""
    method: Literal["GET", "POST"] = "GET"
    authorization: Secret = Secret("")
    authorization_file: str = ""

    def __post_init__(self) -> None:
        if (self.kind == "http") != bool(self.url):
            raise ValueError(f"look-up {self.name}: a url is for kind http, and must be there")
        wanted = set(self.parameters) if self.kind == "http" and self.method == "GET" else set()
        _require_fields("url", self.url, wanted)
        if self.url and re.match(r"https?://[^{}/?#]+(/|$)", self.url) is None:
            raise ValueError(f"url {self.url!r} must name its server by http:// or https://, without a field")


class Appserver(Section, frozen=True):
    """The application server: bundles from the folder `published`, look-ups from the site's own data.

    It serves where there are `sites` that may ask. `statements` is a folder of ``.sql`` files for look-ups, performed
    read-only on the database `lookup_url` (empty: fsroute's own).
    """

    listen_host: str = "127.0.0.1"
    listen_port: Annotated[int, Meta(ge=0, le=65535)] = 8085
    certificate: str = ""
    key: str = ""
    published: str = ""
    statements: str = ""
    lookup_url: Secret = Secret("")
    lookup_url_file: str = ""
    lookup_connections: Count = 4
    max_connections: Count = 200
    clock_window: Annotated[float, Meta(ge=5, le=600)] = 60.0
    sites: tuple[AskingSite, ...] = ()
    lookups: tuple[Lookup, ...] = ()

    def __post_init__(self) -> None:
        if bool(self.certificate) != bool(self.key):
            raise ValueError("certificate and key go together")
        _require_once("sites", [each.site for each in self.sites])
        _require_once("lookups", [each.name for each in self.lookups])


class ApplicationsFrom(Section, frozen=True):
    """A remote center whose applications run here, and who answers their look-ups.

    `urls` are its application servers, the preferred one first. `site` and the secret are what it knows this site
    by. Bundles count only of `contact_centers`, signed by a key in `keys`/CONTACT_CENTER/*.pub. Durations in seconds.
    """

    name: Name
    urls: Annotated[tuple[str, ...], Meta(min_length=1, max_length=4)]
    contact_centers: Annotated[tuple[Name, ...], Meta(min_length=1)]
    keys: str
    site: Name = "local"
    secret: Secret = Secret("")
    secret_file: str = ""
    ca_file: str = ""
    interval: Annotated[float, Meta(ge=1)] = 60.0
    connect_timeout: Seconds = 3.0
    download_timeout: Seconds = 120.0
    max_size: Count = 50_000_000
    max_lookups: Count = 50

    def __post_init__(self) -> None:
        for url in self.urls:
            if re.fullmatch(r"https?://[A-Za-z0-9.\[\]:_-]+(/[A-Za-z0-9._~/-]*)?", url) is None:
                raise ValueError(f"urls: {url!r} is no http:// or https:// address")


class Timing(Section, frozen=True):
    """Times in seconds."""

    heartbeat: Seconds = 5.0  # between signs of life in the database
    token_lifetime: Seconds = 60.0  # of a rendezvous token
    lease: Seconds = 10.0  # the leader's, after the death of its host
    drain: Seconds = 30.0  # for present calls, after SIGTERM


class Process(Section, frozen=True):
    """How the process runs. `realtime_priority` is 1 to 99 for round-robin real-time scheduling, 0 for none."""

    realtime_priority: Annotated[int, Meta(ge=0, le=99)] = 0


class Log(Section, frozen=True):
    """What is logged, and how."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["lines", "json"] = "lines"


class Config(Section, frozen=True):
    """The whole of it. `applications` are folders that each hold interactive applications."""

    site: Site = field(default_factory=Site)
    roles: tuple[Role, ...] = tuple(Role)
    state_dir: str = ""
    applications: tuple[str, ...] = ()
    applications_from: tuple[ApplicationsFrom, ...] = ()
    database: Database = field(default_factory=Database)
    event_socket: EventSocket = field(default_factory=EventSocket)
    callserver: Callserver = field(default_factory=Callserver)
    links: Links = field(default_factory=Links)
    agents: Agents = field(default_factory=Agents)
    appserver: Appserver = field(default_factory=Appserver)
    timing: Timing = field(default_factory=Timing)
    process: Process = field(default_factory=Process)
    log: Log = field(default_factory=Log)

    def __post_init__(self) -> None:
        if not self.roles:
            raise ValueError("roles is empty: name at least one of " + ", ".join(Role))
        if len(set(self.roles)) != len(self.roles):
            raise ValueError("roles names a role twice")
        _require_once("applications_from", [each.name for each in self.applications_from])
        _require_once(
            "applications_from: contact_centers",
            [center for each in self.applications_from for center in each.contact_centers],
        )

    @property
    def state_path(self) -> Path:
        """The folder that fsroute may write to; it need not exist yet."""
        return Path(self.state_dir)


def load(path: Path | None = None, environment: Mapping[str, str] = os.environ) -> Config:
    """Read the configuration of `path`, or the defaults when there is none.

    Relative paths in the file are taken from the file's folder. `state_dir` is filled in:
    ``/var/lib/fsroute`` for root, systemd's ``STATE_DIRECTORY`` for a service, else the XDG state folder.

    Raises:
        ConfigurationError: the file, or a file it names, cannot be read or says what cannot be.
    """
    source = str(path) if path else "defaults"
    config = parse(read(path), source) if path else Config()
    base = path.resolve().parent if path else Path.cwd()
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
    try:
        return msgspec.convert(tomllib.loads(text), to, dec_hook=_decode)
    except (tomllib.TOMLDecodeError, ConfigurationError) as error:
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
    return replace(config, appserver=server, applications_from=remote)


P = TypeVar("P", AskingSite, ApplicationsFrom)


def _with_secret(peer: P, base: Path, source: str, where: str) -> P:
    text = _secret_file(base, peer.secret_file, source, f"{where}: secret_file") or peer.secret.reveal()
    if len(text) < SHORTEST_SECRET:
        raise ConfigurationError(f"{source}: {where}: secret has fewer than {SHORTEST_SECRET} characters")
    return msgspec.structs.replace(peer, secret=Secret(text))


def _with_paths(config: Config, base: Path) -> Config:
    """The paths of the application server and of its keys, from the file's folder."""

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
    return replace(config, appserver=replace(server, **paths), applications_from=remote)


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


def _require_fields(key: str, template: str, fields: set[str]) -> None:
    try:
        found = {name for _, name, _, _ in Formatter().parse(template) if name is not None}
    except ValueError as error:
        raise ValueError(f"{key} {template!r}: {error}") from error
    if found != fields:
        wanted = " and ".join("{" + name + "}" for name in sorted(fields))
        raise ValueError(f"{key} {template!r} must hold {wanted} and no other field")


def _require_pattern(key: str, pattern: str) -> None:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"{key}: no regular expression: {error}") from error


def _require_once(key: str, names: list[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"{key} names {name} twice")
