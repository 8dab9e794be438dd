"""A database that is away for some of what is asked of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from fsroute.errors import DatabaseUnavailable
from fsroute.store.database import Cursor, Database
from fsroute.store.queries import Query


class Unreachable(Database):
    """Refuses the queries named in `away`, and counts in `refused` how often it did."""

    away: frozenset[str] = frozenset()

    def __init__(self, conninfo: str) -> None:
        super().__init__(conninfo, min_size=1, max_size=4)
        self.refused: Counter[str] = Counter()

    def _perform(self, query: Query, parameters: Mapping[str, Any]) -> Cursor:
        if query.name in self.away:
            self.refused[query.name] += 1
            raise DatabaseUnavailable("the database is away")
        return super()._perform(query, parameters)

    def refused_each(self, times: int) -> bool:
        """Whether everything that is away was asked for so often."""
        return all(self.refused[name] >= times for name in self.away)
