"""The sections of applications that travel between sites, and of what they ask for."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from msgspec import Meta

from fsroute.config.section import (
    Count,
    Name,
    Seconds,
    Secret,
    Section,
    require_fields,
    require_once,
    require_pattern,
)


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
        require_pattern("pattern", self.pattern)


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
        require_fields("url", self.url, wanted)
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
        require_once("sites", [each.site for each in self.sites])
        require_once("lookups", [each.name for each in self.lookups])


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
