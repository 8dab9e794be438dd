"""The named statements of ``sql/queries/*.sql``.

A file holds statements, each under a line of its own that names it::

    -- name: live_proxy_calls repeatable
    select ...

A name is lower case words joined by underscores and stands once in all files. The word
``repeatable`` after it says that the statement may run twice without harm (it only reads, or
writes the same again), so that it is tried once more when its connection turns out to be dead.
Parameters are written ``%(name)s``; a percent sign that is none is doubled.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources.abc import Traversable
from types import MappingProxyType

from fsroute import resources

_HEAD = re.compile(r"^--[ \t]*name:[ \t]*(.*?)[ \t]*$", re.MULTILINE)
_NAME = re.compile(r"([a-z][a-z0-9_]*)( repeatable)?")


@dataclass(frozen=True, slots=True)
class Query:
    """One named statement, its text as psycopg takes it."""

    name: str
    text: bytes
    repeatable: bool = False


def parse(text: str, source: str) -> Iterator[Query]:
    """Split the text of one file into its statements.

    Raises:
        ValueError: a head or a statement is malformed; the text names `source`.
    """
    parts = _HEAD.split(text)
    if _statement(parts[0]):
        raise ValueError(f"{source}: there is SQL before the first name")
    for head, body in zip(parts[1::2], parts[2::2], strict=True):
        match = _NAME.fullmatch(head)
        if match is None:
            raise ValueError(f"{source}: {head!r} is no name of a query")
        statement = _statement(body)
        if not statement:
            raise ValueError(f"{source}: the query {match[1]} is empty")
        yield Query(match[1], statement.encode(), match[2] is not None)


def load(folder: Traversable) -> dict[str, Query]:
    """All statements of the ``.sql`` files in `folder`.

    Raises:
        ValueError: a file is malformed, or a name stands twice.
    """
    found: dict[str, Query] = {}
    for file in sorted(folder.iterdir(), key=lambda each: each.name):
        if not file.name.endswith(".sql"):
            continue
        for query in parse(file.read_text(encoding="utf-8"), file.name):
            if query.name in found:
                raise ValueError(f"{file.name}: there is another query named {query.name}")
            found[query.name] = query
    return found


@cache
def queries() -> Mapping[str, Query]:
    """The statements that fsroute carries, by name; read once."""
    return MappingProxyType(load(resources.folder("sql").joinpath("queries")))


def _statement(body: str) -> str:
    """The body without comment lines and its final semicolon: the server need not read those."""
    lines = [line for line in body.splitlines() if line.strip() and not line.lstrip().startswith("--")]
    return "\n".join(lines).strip().removesuffix(";").rstrip()
