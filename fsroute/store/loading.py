"""Rules are loaded: a file is run, checked and becomes the next version, all in one transaction or not at all."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from fsroute.model.other_acd import OtherAcd
from fsroute.routing.check import House, check
from fsroute.routing.document import rule_set
from fsroute.routing.faults import Fault, Severity
from fsroute.routing.rules import RuleSet
from fsroute.store.agents import Agents
from fsroute.store.connection import Connection
from fsroute.store.database import Cursor, Database, Statements
from fsroute.store.faults import translate
from fsroute.store.queries import Query, queries
from fsroute.store.rules import Document, UnknownVersion, write
from fsroute.store.sqlfile import FileRefused, statements

log = logging.getLogger(__name__)

Asked = Mapping[str, frozenset[str]]
"""The queues that each application asks for."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """What became of a load: the rules as they would be, all that is wrong with them, and the version.

    `version` None: nothing was written, for the faults or because it was only to be checked. Not `is_new`: the
    newest version holds the same already.
    """

    rules: RuleSet
    house: House
    faults: tuple[Fault, ...]
    version: int | None = None
    is_new: bool = False

    @property
    def is_refused(self) -> bool:
        return any(fault.is_error for fault in self.faults)


class Loader:
    """Loads and checks rules in one database.

    `strategies` are the names of those that there are; `asked` the queues that applications ask for, of those
    that are known here; `prompts` the recordings that are known here; `acd_fault` says why an ACD of another make
    cannot be used.
    """

    def __init__(
        self,
        database: Database,
        strategies: frozenset[str],
        asked: Asked,
        prompts: frozenset[str] = frozenset(),
        acd_fault: Callable[[OtherAcd], str] = lambda _acd: "",
    ) -> None:
        self._database = database
        self._acd_fault = acd_fault
        self._strategies = strategies
        self.asked = asked
        self._prompts = prompts

    def load(self, text: str | None, source: str, by: str, *, strict: bool = False) -> Loaded:
        """Run a file of SQL over emptied rule tables, check what they hold then, and write the next version.

        Without `text` the tables are taken as they stand. Errors leave everything as it was, with `strict`
        warnings do so too. Every running process swaps the version in by the commit.

        Raises:
            FileRefused: the file controls the transaction, or holds commands of psql.
            StoreError: the database refused a statement of it; the text names `source` and the line.
        """
        with self._transaction() as transaction:
            found = self._run(transaction, text, source)
            if found.is_refused or (strict and found.faults):
                transaction.connection.rollback()
                return found
            document = transaction.value("rules_document")
            version, is_new = write(transaction, document, by, source)
        log.info("rules version=%d source=%s by=%s new=%s", version, source, by, is_new)
        return Loaded(found.rules, found.house, found.faults, version, is_new)

    def check(self, text: str | None, source: str) -> Loaded:
        """The same without a trace; raises as `load`."""
        with self._transaction() as transaction:
            found = self._run(transaction, text, source)
            transaction.connection.rollback()
        return found

    def roll_back(self, version: int, by: str) -> tuple[int, bool]:
        """Make an old version the newest again, and put its rows back into the rule tables and the queues.

        Contact centers, numbers, and queues that the version does not know stay as they are. Returns the
        version that it is now, and False if it was the newest already.

        Raises:
            UnknownVersion: there is none by this number.
            RulesError: this program cannot read it.
            StoreError: its rows do not fit any more, as where their contact center is gone.
        """
        with self._transaction() as transaction:
            transaction.execute("rules_lock")
            row = transaction.one("rules_version", version=version)
            if row is None:
                raise UnknownVersion(f"there is no version {version} of the rules")
            document: dict[str, Any] = row["document"]
            rule_set(document, version)
            transaction.execute("rules_empty")
            for name in (
                "rules_restore_acds",
                "rules_restore_queues",
                "rules_forget_queue_skills",
                "rules_restore",
            ):
                transaction.execute(name, document=Jsonb(document))
            written = write(transaction, document, by, f"version {version}")
        log.info("rules version=%d source=version %d by=%s", written[0], version, by)
        return written

    def house(self, statements: Statements) -> House:
        return House(
            Agents(statements).all(),
            frozenset(row["site_id"] for row in statements.run("rules_sites")),
            self._strategies,
            self.asked,
            self._prompts,
            self._acd_fault,
        )

    def _run(self, transaction: _Transaction, text: str | None, source: str) -> Loaded:
        transaction.execute("rules_lock")
        if text is not None:
            transaction.execute("rules_empty")
            transaction.perform(text, source)
            transaction.execute("rules_path")
        document: Document = transaction.value("rules_document")
        house = self.house(transaction)
        rules, faults = check(document, house, datetime.now(UTC))
        if not any(fault.is_error for fault in faults):
            faults += _bereft(transaction, rules)
        return Loaded(rules, house, tuple(faults))

    @contextmanager
    def _transaction(self) -> Iterator[_Transaction]:
        """Committed at the end of the block, or not at all; a file may set the connection as it likes."""
        connection = self._database.connect("rules")
        try:
            connection.autocommit = False
            yield _Transaction(connection)
            connection.commit()
        except psycopg.Error as error:
            raise translate(error, "rules") from error
        finally:
            connection.close()


def _bereft(statements: Statements, rules: RuleSet) -> Iterator[Fault]:
    """Contact centers whose rules in force would all be gone, as where a file holds something else."""
    for row in statements.run("rules_in_force"):
        center = row["contact_center_id"]
        if not rules.rules.get(center):
            text = f"no rules any more: version {row['version']} has {row['rules']}; only its queues' rows would count"
            yield Fault("contact_center", center, text, Severity.WARNING)


class _Transaction(Statements):
    """Named statements, and those of a file, on one connection."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(queries())
        self.connection = connection

    def perform(self, text: str, source: str) -> None:
        """Run the statements of a file; raises as `Loader.load`."""
        try:
            found = statements(text)
        except FileRefused as error:
            raise FileRefused(f"{source}, {error}") from None
        for statement in found:
            try:
                self.connection.execute(statement.text.encode())
            except psycopg.Error as error:
                position = error.diag.statement_position
                line = statement.line_at(int(position) if position else None)
                said = error.diag.message_primary or str(error)
                more = " ".join(filter(None, (error.diag.message_detail, error.diag.message_hint)))
                text = f"{source}, line {line}: {said} {more}".strip()
                raise type(translate(error))(text) from error

    def _perform(self, query: Query, parameters: Mapping[str, Any]) -> Cursor:
        try:
            return self.connection.execute(query.text, parameters)
        except psycopg.Error as error:
            raise translate(error, query.name) from error
