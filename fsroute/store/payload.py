"""What a notification carries, and how signals that wait are merged. Pure.

A payload is the JSON object ``{"by": sender, "keys": [...]}``, or from other programs just the list;
a key is text or a number, and null says "everything may have changed".
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

Key = str | int | None

MOST_WAITING = 10_000  # keys; a reader who is so far behind reads everything in less time
LONGEST = 7000
"""Bytes; PostgreSQL takes less than 8,000."""


def encode(by: str, keys: Iterable[Key]) -> Iterator[str]:
    """The payloads for `keys`, as few as the longest payload allows."""
    head, room = f'{{"by":{json.dumps(by)},"keys":[', LONGEST - len(by) - 40
    parts: list[str] = []
    size = 0
    for key in keys:
        part = json.dumps(key)
        if len(part) > room:
            part = "null"
        if size + len(part) + 1 > room:
            yield f"{head}{','.join(parts)}]}}"
            parts, size = [], 0
        parts.append(part)
        size += len(part) + 1
    if parts:
        yield f"{head}{','.join(parts)}]}}"


def decode(text: str) -> tuple[str | None, list[Key]]:
    """The sender, None if unknown, and the keys; what cannot be read means "everything"."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):  # whoever is connected may notify
        return None, [None]
    by, keys = (content.get("by"), content.get("keys")) if isinstance(content, dict) else (None, content)
    if not isinstance(keys, list) or not all(isinstance(key, str | int | None) for key in keys):
        return None, [None]
    return (by if isinstance(by, str) else None), keys


class Inbox:
    """Signals that wait for a slow reader: one for each key, in the order of the first.

    A row stays with its key only while it is known to be the newest: of two rows that with the
    greater ``version``; a signal without a row makes the reader read it himself. "Everything"
    swallows what came before it, and stands for more than `MOST_WAITING` keys.
    """

    def __init__(self) -> None:
        self._waiting: dict[Key, Any] = {}

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def add(self, key: Key, row: Any) -> None:
        if key is None or (len(self._waiting) >= MOST_WAITING and key not in self._waiting):
            self._waiting = {None: None}
        elif key in self._waiting:
            self._waiting[key] = newer(self._waiting[key], row)
        else:
            self._waiting[key] = row

    def take(self) -> tuple[Key, Any] | None:
        """The first signal, None when there is none."""
        for key in self._waiting:
            return key, self._waiting.pop(key)
        return None


def newer(one: Any, other: Any) -> Any:
    """Of two rows the newer, None when that cannot be told."""
    before, after = getattr(one, "version", None), getattr(other, "version", None)
    if before is None or after is None:
        return None
    return other if after >= before else one
