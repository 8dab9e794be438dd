"""Where customers are looked up: fsroute's own table, another SQL database, or an HTTP service."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from fsroute.config import Customers as Section
from fsroute.customers.picking import pick
from fsroute.errors import ConfigurationError
from fsroute.httpclient import Limits, Reply, request, tls_context
from fsroute.lookups.facts import LONGEST_ANSWER
from fsroute.lookups.sources import by_http, by_sql, facts_or_none
from fsroute.store.inquiries import Inquiries, statements_of
from fsroute.store.queries import queries

TABLE = "customer_facts"  # the statement of kind table
PATIENCE = 1.0  # seconds for a connection to be free; as many as may ask at once there are


class Source(Protocol):
    """Facts of a customer by one key."""

    def look_up(self, parameters: Mapping[str, str], timeout: float) -> Mapping[str, str] | None:
        """The facts, None where there is no such customer; `parameters` are key, value and contact_center.

        Raises:
            LookupFailed, LookupSlow, LookupRefused, AnswerRefused: there is no answer.
        """

    def close(self) -> None: ...


class OwnTable:
    """The table ``customer``; its facts are a JSON object."""

    def __init__(self, section: Section, conninfo: str) -> None:
        self._section = section
        statements = {TABLE: queries()[TABLE]}
        self._inquiries = Inquiries(
            conninfo, statements, of_fsroute=True, size=section.max_lookups, patience=PATIENCE
        )

    def look_up(self, parameters: Mapping[str, str], timeout: float) -> Mapping[str, str] | None:
        row = by_sql(self._section.name, TABLE, parameters, self._inquiries, timeout)
        found = None if row is None else row["facts"]
        return facts_or_none(found if isinstance(found, Mapping) else None)

    def close(self) -> None:
        self._inquiries.close()


class OtherDatabase:
    """The one statement of a file, read-only; its first row is the facts.

    Raises:
        ConfigurationError: the file cannot be read, or does not hold one statement.
    """

    def __init__(self, section: Section, conninfo: str) -> None:
        self._section = section
        statements = statements_of(Path(section.statement))
        if len(statements) != 1:
            raise ConfigurationError(
                f"{section.statement}: {len(statements)} statements under a name, not one"
            )
        [self._statement] = statements
        own = section.database.reveal()
        self._inquiries = Inquiries(
            own or conninfo, statements, of_fsroute=not own, size=section.max_lookups, patience=PATIENCE
        )

    def look_up(self, parameters: Mapping[str, str], timeout: float) -> Mapping[str, str] | None:
        name = self._section.name
        return facts_or_none(by_sql(name, self._statement, parameters, self._inquiries, timeout))

    def close(self) -> None:
        self._inquiries.close()


class HttpService:
    """A service that answers with a JSON object; 204 and 404 say that there is no such customer."""

    def __init__(self, section: Section) -> None:
        self._section = section
        self._tls = tls_context(section.ca_file) if section.url.startswith("https") else None

    def look_up(self, parameters: Mapping[str, str], timeout: float) -> Mapping[str, str] | None:
        def ask(section: Section, url: str, headers: Mapping[str, str], body: bytes | None) -> Reply:
            limits = Limits(timeout, timeout, LONGEST_ANSWER)
            return request(section.method, url, headers, body, limits, self._tls)

        answer = by_http(self._section, parameters, ask)
        return None if answer is None else pick(answer, self._section.take)

    def close(self) -> None:
        """Each request has a connection of its own."""


def source(section: Section, conninfo: str) -> Source:
    """What a section asks; `conninfo` is fsroute's own database.

    Raises:
        ConfigurationError: a file that the section names is not as it must be.
    """
    match section.kind:
        case "table":
            return OwnTable(section, conninfo)
        case "sql":
            return OtherDatabase(section, conninfo)
    return HttpService(section)
