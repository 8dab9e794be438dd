"""Answers of the database that get lost: what was asked is done, and whoever asked hears of a lost connection."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import psycopg
import pytest

from fsroute.store.database import Cursor, Database
from fsroute.store.queries import Query


class Losses:
    """The next answer to each of these statements, by name and, where given, the kind of transition, is lost."""

    def __init__(self) -> None:
        self.named: list[tuple[str, str | None]] = []

    def lose(self, name: str, kind: str | None = None) -> None:
        self.named.append((name, kind))

    def befalls(self, query: Query, parameters: Mapping[str, Any]) -> bool:
        for each in ((query.name, None), (query.name, parameters.get("kind"))):
            if each in self.named:
                self.named.remove(each)
                return True
        return False


@pytest.fixture
def losses(monkeypatch: pytest.MonkeyPatch) -> Losses:
    losses, perform = Losses(), Database._once

    def unanswered(self: Database, query: Query, parameters: Mapping[str, Any]) -> Cursor:
        cursor = perform(self, query, parameters)
        if losses.befalls(query, parameters):
            raise psycopg.OperationalError("server closed the connection unexpectedly")
        return cursor

    monkeypatch.setattr(Database, "_once", unanswered)
    return losses
