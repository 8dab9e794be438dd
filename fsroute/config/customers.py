"""The sections of what is known of customers, and of how their numbers are written."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from msgspec import Meta

from fsroute.config.section import Name, Secret, Section, require_fields

_Digits = Annotated[str, Meta(pattern=r"^[0-9]{0,6}$")]
_Fact = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
_Key = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,63}(=number)?$")]
_Text = Annotated[str, Meta(max_length=200)]
_Facts = Annotated[dict[_Fact, _Text], Meta(max_length=32)]
_Path = Annotated[str, Meta(pattern=r"^[^.]{1,64}(\.[^.]{1,64}){0,7}$")]

NUMBER = "number"
"""The key of a customer who is known by the telephone number, in E.164."""


class Numbers(Section, frozen=True):
    """How telephone numbers reach this site: North America's way unless said otherwise.

    A number without `international_prefix` or ``+`` is a national one of `country` (its calling code), perhaps after
    `trunk_prefix`.
    """

    country: Annotated[str, Meta(pattern=r"^[1-9][0-9]{0,2}$")] = "1"
    international_prefix: _Digits = "011"
    trunk_prefix: _Digits = "1"


class Customers(Section, frozen=True):
    """Where the facts about the customers of some contact centers are.

    `by` are the keys that a customer is looked up by, each in turn until there is one: ``number``, or the name of a
    fact that the application learns, with ``=number`` if that is a telephone number. Kind ``table`` is fsroute's own
    table, ``sql`` the one statement in the file `statement` on the database `database` (empty: fsroute's own), ``http``
    a service: each is given ``key``, ``value`` and ``contact_center``. `take` names the facts and their places in a
    service's answer. `on_empty`, `on_slow` and `on_failed` are the facts of who is not found. The application begins
    without the facts unless it is to wait `wait` for them. Durations in seconds.
    """

    name: Name
    contact_centers: Annotated[tuple[Name, ...], Meta(min_length=1)]
    kind: Literal["table", "sql", "http"] = "table"
    by: Annotated[tuple[_Key, ...], Meta(min_length=1, max_length=8)] = (NUMBER,)
    timeout: Annotated[float, Meta(gt=0, le=10)] = 1.0
    wait: Annotated[float, Meta(ge=0, le=10)] = 0.0
    cache: Annotated[float, Meta(ge=0, le=86400)] = 60.0
    cache_size: Annotated[int, Meta(ge=1, le=1_000_000)] = 10_000
    max_lookups: Annotated[int, Meta(ge=1, le=100)] = 8
    on_empty: _Facts = {}
    on_slow: _Facts = {}
    on_failed: _Facts = {}
    statement: str = ""
    database: Secret = Secret("")
    database_file: str = ""
    url: str = ""
    method: Literal["GET", "POST"] = "GET"
    authorization: Secret = Secret("")
    authorization_file: str = ""
    ca_file: str = ""
    take: Annotated[dict[_Fact, _Path], Meta(max_length=32)] = {}

    def __post_init__(self) -> None:
        if len(set(self.by)) != len(self.by):
            raise ValueError(f"customers {self.name}: by names a key twice")
        if (self.kind == "sql") != bool(self.statement):
            raise ValueError(f"customers {self.name}: a statement is for kind sql, and must be there")
        if self.kind != "sql" and (self.database or self.database_file):
            raise ValueError(f"customers {self.name}: a database is for kind sql")
        if (self.kind == "http") != bool(self.url):
            raise ValueError(f"customers {self.name}: a url is for kind http, and must be there")
        if self.take and self.kind != "http":
            raise ValueError(f"customers {self.name}: take is for kind http; a statement names its columns")
        self._check_url()

    def _check_url(self) -> None:
        if not self.url:
            return
        if re.match(r"https?://[^{}/?#@\s]+(/|$)", self.url) is None:
            raise ValueError(f"url {self.url!r} must name its server by http:// or https://, without a field")
        if self.method == "POST":
            require_fields("url", self.url, set())
            return
        fields = {"value"} | {name for name in ("key", "contact_center") if "{" + name + "}" in self.url}
        require_fields("url", self.url, fields)
