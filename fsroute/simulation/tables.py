"""CSV texts with a heading, and the values in their cells. Errors name the file, the line and the fault."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import TypeVar

from fsroute.errors import ConfigurationError

T = TypeVar("T")


def table(
    text: str, source: str, required: tuple[str, ...], optional: tuple[str, ...] = ()
) -> Iterator[tuple[int, dict[str, str]]]:
    """(line number, cells by column) of a CSV text with a heading; a column that is not there is empty.

    Raises:
        ConfigurationError: a column is missing or unknown, or a line has too many or too few cells.
    """
    reader = csv.DictReader(io.StringIO(text), restkey="", restval=None, skipinitialspace=True)
    names = [name.strip() for name in reader.fieldnames or ()]
    for name in required:
        if name not in names:
            raise ConfigurationError(f"{source}, line 1: there is no column {name!r}")
    for name in names:
        if name not in required + optional:
            raise ConfigurationError(f"{source}, line 1: {name!r} is no column that is known here")
    reader.fieldnames = names
    for row in reader:
        if "" in row or None in row.values():
            raise ConfigurationError(
                f"{source}, line {reader.line_num}: there are not {len(names)} cells, as in the heading"
            )
        cells = {name: (row.get(name) or "").strip() for name in required + optional}
        for name in required:
            if not cells[name]:
                raise ConfigurationError(f"{source}, line {reader.line_num}, {name}: is empty")
        yield reader.line_num, cells


def column(text: str, source: str, name: str, convert: Callable[[str], float]) -> list[float]:
    """The values of the only column of a CSV text.

    Raises:
        ConfigurationError: there is none, or a value is wrong; the text names the file and the line.
    """
    values = [cell(source, line, name, convert, row[name]) for line, row in table(text, source, (name,))]
    if not values:
        raise ConfigurationError(f"{source}: there is no line below the heading")
    return values


def cell(source: str, line: int, name: str, convert: Callable[[str], T], text: str) -> T:
    """A cell's value; raises ConfigurationError with file, line, column and fault."""
    try:
        return convert(text)
    except ValueError as error:
        raise ConfigurationError(f"{source}, line {line}, {name}: {error}") from error


def not_negative(text: str) -> float:
    """A finite number of seconds from 0 on; raises ValueError."""
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"{text!r} is no number") from None
    if not 0.0 <= value < float("inf"):
        raise ValueError(f"{text} is no time in seconds")
    return value


def moment(text: str, begin: datetime) -> float:
    """Seconds from the beginning, written so or as an ISO 8601 date and time.

    Raises:
        ValueError: it is neither, or lies before the beginning.
    """
    try:
        return not_negative(text)
    except ValueError:
        pass
    try:
        seconds = (aware(datetime.fromisoformat(text)) - begin).total_seconds()
    except ValueError:
        raise ValueError(f"{text!r} is neither seconds nor a date and time") from None
    if seconds < 0.0:
        raise ValueError(f"{text} is before the beginning, {begin.isoformat()}")
    return seconds


def aware(value: datetime) -> datetime:
    """Without a time zone it is UTC."""
    return value if value.tzinfo is not None else value.replace(tzinfo=UTC)
