"""An operator's file of rules, cut into statements; and the rows that it left, checked."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from fsroute.routing.check import House, check
from fsroute.routing.faults import RulesError
from fsroute.store.sqlfile import FileRefused, statements
from tests.fuzz.running import Target
from tests.unit.routing.snapshots import Snapshot

SAMPLES = Path(__file__).parents[3] / "sql" / "samples"
NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
CONTROLS = re.compile(
    r"\s*(commit|rollback|begin|abort|end|savepoint|release|create\s+table|drop|alter|grant|revoke)\b", re.I
)

TOKENS = (
    b"commit;",
    b"--",
    b"/*",
    b"*/",
    b"$$",
    b"$a$",
    b"e'\\'",
    b"''",
    b'"',
    b";",
    b"\\copy",
    b"\\!",
    b"copy x from stdin;",
    b"set transaction",
    b"prepare transaction 'x'",
    b"U&'\\0000'",
    b"insert into routing_rule values (",
    b"do $$ begin end $$;",
    b'"if_number_called": "',
    b'"(a|a)*$"',
    b'"[[:alpha:]"',
    b'"time_zone": "',
    b'"after_s": ',
    b'"format": 2',
    b"\xc2\xa0",
)


def _seeds() -> Sequence[bytes]:
    documents = [Snapshot().rule("one", queue="sales").tables, Snapshot().tables]
    files = [path.read_bytes() for path in sorted(SAMPLES.glob("*.sql")) if "agents" not in path.name]
    return [*files, *(json.dumps(document, default=str).encode() for document in documents)]


def run(data: bytes) -> str:
    text = data.decode("utf-8", "replace")
    if text.lstrip().startswith("{"):
        return _document(text)
    try:
        found = statements(text)
    except FileRefused as error:
        return "refused" if str(error).startswith("line ") else _fault("it does not say where")
    for statement in found:
        assert CONTROLS.match(statement.text) is None, "what controls the transaction went through"
        assert 1 <= statement.line <= text.count("\n") + 1
    return f"{min(len(found), 3)} statements"


def _fault(what: str) -> str:
    raise AssertionError(what)


def _document(text: str) -> str:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return "no document"
    if not isinstance(document, dict):
        return "no document"
    try:
        _, faults = check(document, House(), NOON)
    except RulesError:
        return "refused"
    for fault in faults:
        assert str(fault).isprintable() or "\n" not in str(fault)
    return "faulty" if faults else "rules"


TARGET = Target(_seeds, run, TOKENS)
