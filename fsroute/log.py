"""How log lines look: a sentence for people, then stable ``key=value`` fields for machines.

A room logs through ``logging.getLogger(__name__)`` and passes its fields as `extra`::

    log.info("the caller's session opened", extra={"contact": contact_id, "queue": queue})

    2026-03-01T10:15:02.123Z info    callserver.session: the caller's session opened contact=… queue=sales

What callers wrote cannot begin a new line: control characters are escaped. Where standard error leads to the
journal (systemd sets JOURNAL_STREAM), each line begins with its priority, ``<6>``, as sd-daemon(3) has it; the journal
takes it off again.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal, TextIO

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.:/@+-,|*%")


def setup(
    level: str = "info", format: Literal["lines", "json"] = "lines", stream: TextIO | None = None
) -> None:
    """Send fsroute's log, and warnings of everybody else, to `stream` (standard error)."""
    handler = logging.StreamHandler(stream or sys.stderr)
    formatter = JsonLines() if format == "json" else Lines()
    handler.setFormatter(
        Prioritised(formatter) if leads_to_journal(handler.stream, os.environ) else formatter
    )
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    logging.getLogger("fsroute").setLevel(level.upper())


def fields(record: logging.LogRecord) -> dict[str, Any]:
    """What was passed as `extra`, in the order given."""
    return {key: value for key, value in vars(record).items() if key not in _STANDARD}


class Lines(logging.Formatter):
    """One line a record; a traceback follows on lines that start with a blank."""

    def format(self, record: logging.LogRecord) -> str:
        line = (
            f"{_time(record)} {record.levelname.lower():<7} {_room(record)}: {_escape(record.getMessage())}"
        )
        for key, value in fields(record).items():
            line += f" {key}={_value(value)}"
        if record.exc_info:
            trace = self.formatException(record.exc_info)
            line += "".join(f"\n    {_escape(part)}" for part in trace.splitlines())
        return line


class JsonLines(logging.Formatter):
    """One JSON object a record: ``time level room message``, the fields, ``error``."""

    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "room": _room(record),
            "message": record.getMessage(),
            **fields(record),
        }
        if record.exc_info:
            entry["error"] = self.formatException(record.exc_info)
        return json.dumps(entry, default=str, ensure_ascii=True)


PRIORITIES = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))
"""Levels and syslog's priorities for them (RFC 5424, 6.2.1); what is below has 7."""


class Prioritised(logging.Formatter):
    """Another formatter's lines, each with its priority before it: a traceback's, too."""

    def __init__(self, formatter: logging.Formatter) -> None:
        super().__init__()
        self._formatter = formatter

    def format(self, record: logging.LogRecord) -> str:
        priority = next((number for level, number in PRIORITIES if record.levelno >= level), 7)
        return "\n".join(f"<{priority}>{line}" for line in self._formatter.format(record).split("\n"))


def leads_to_journal(stream: TextIO, environment: Mapping[str, str]) -> bool:
    """Is `stream` the socket that systemd names (systemd.exec(5), JOURNAL_STREAM: device and inode)?"""
    try:
        there = os.fstat(stream.fileno())
    except (OSError, ValueError):  # no file
        return False
    return environment.get("JOURNAL_STREAM") == f"{there.st_dev}:{there.st_ino}"


def _time(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _room(record: logging.LogRecord) -> str:
    return record.name.removeprefix("fsroute.")


def _value(value: object) -> str:
    text = f"{value:.3f}" if isinstance(value, float) else str(value)
    return text if text and _PLAIN.issuperset(text) else json.dumps(text, ensure_ascii=False)


def _escape(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
