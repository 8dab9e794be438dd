"""Look-ups as the application server answers them: from a statement of SQL, or from an HTTP service."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from fsroute.config import Lookup
from fsroute.errors import ConfigurationError
from fsroute.httpclient import Limits, Reply, request, tls_context
from fsroute.lookups.facts import LONGEST_ANSWER, AnswerRefused
from fsroute.lookups.sources import (
    LookupFailed,
    LookupRefused,
    Statements,
    by_http,
    by_sql,
    facts_or_none,
)


class Answers:
    """The look-ups of one server, by name.

    Raises:
        ConfigurationError: a look-up names a statement that there is not.
    """

    def __init__(self, lookups: Sequence[Lookup], statements: Statements | None = None) -> None:
        self._lookups = {each.name: each for each in lookups}
        self._statements = statements
        self._tls = tls_context()
        known = frozenset() if statements is None else statements.names
        for each in lookups:
            if each.kind == "sql" and _statement(each) not in known:
                raise ConfigurationError(f"look-up {each.name}: there is no statement {_statement(each)}")

    def find(self, name: str, contact_center: str, parameters: Mapping[str, str]) -> Lookup:
        """The look-up, if this may be asked.

        Raises:
            LookupRefused: there is none of this name for the contact center, or a parameter is not as it must be.
        """
        lookup = self._lookups.get(name)
        if lookup is None or contact_center not in lookup.contact_centers:
            raise LookupRefused(f"there is no look-up {name} for contact center {contact_center}")
        check_parameters(lookup, parameters)
        return lookup

    def answer(self, lookup: Lookup, parameters: Mapping[str, str]) -> dict[str, str] | None:
        """The facts found, None when there are none.

        Raises:
            LookupFailed, LookupSlow: there is no answer.
        """
        try:
            if lookup.kind == "http":
                return facts_or_none(by_http(lookup, parameters, self._ask))
            assert self._statements is not None
            row = by_sql(lookup.name, _statement(lookup), parameters, self._statements, lookup.timeout)
            return facts_or_none(row)
        except AnswerRefused as error:
            raise LookupFailed(f"look-up {lookup.name}: {error}") from error

    def _ask(self, lookup: Lookup, url: str, headers: Mapping[str, str], body: bytes | None) -> Reply:
        limits = Limits(lookup.timeout, lookup.timeout, LONGEST_ANSWER)
        return request(lookup.method, url, headers, body, limits, self._tls)


def check_parameters(lookup: Lookup, parameters: Mapping[str, str]) -> None:
    """See that exactly the look-up's parameters are there, each as it must be.

    Raises:
        LookupRefused: they are not; the text names the parameter, not its value.
    """
    if parameters.keys() != lookup.parameters.keys():
        wanted = ", ".join(sorted(lookup.parameters)) or "none"
        raise LookupRefused(f"look-up {lookup.name} takes these parameters: {wanted}")
    for name, form in lookup.parameters.items():
        value = parameters[name]
        if len(value) > form.max_length or "\0" in value or re.fullmatch(form.pattern, value) is None:
            raise LookupRefused(f"look-up {lookup.name}: parameter {name} is not as it must be")


def _statement(lookup: Lookup) -> str:
    return lookup.statement or lookup.name
