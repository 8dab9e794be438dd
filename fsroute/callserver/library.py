"""The applications that calls find by name. One is swapped in whole; calls in progress keep what they began with."""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Mapping
from pathlib import Path

from fsroute.ivr import Application


class Library(Mapping[str, Application]):
    """`local` are those of the configured folders; a downloaded one of the same name takes their place."""

    def __init__(self, local: Mapping[str, Application]) -> None:
        self._present: dict[str, Application] = dict(local)
        self._given: list[tuple[weakref.ref[Application], Path]] = []

    def __getitem__(self, name: str) -> Application:
        return self._present[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._present)

    def __len__(self) -> int:
        return len(self._present)

    def put(self, application: Application) -> None:
        """Have calls that begin from now on find this one."""
        self._given.append((weakref.ref(application), application.folder))
        self._present = {**self._present, application.name: application}

    def in_use(self) -> set[Path]:
        """The folders of those that serve, and of those that a call still has."""
        self._given = [(each, folder) for each, folder in self._given if each() is not None]
        return {folder for _, folder in self._given}
