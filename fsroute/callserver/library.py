"""The applications that calls find by name. One is swapped in whole; calls in progress keep what they began with.

A name is nobody's by itself: whoever may publish could take that of another contact center's application. So a
downloaded one takes the place of a folder of this site only for calls to its own contact center; to others it is a
part that may be called, where nothing else has the name.
"""

from __future__ import annotations

import re
import weakref
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from fsroute.errors import ApplicationError
from fsroute.ivr import Application

FEWEST_DIGITS = 9
"""Of numbers that are the same when one ends with the other, as ``is_number_called`` has it in SQL."""


class NotServed(ApplicationError):
    """There is no application that may answer a call; the text names it and the number."""


class Library(Mapping[str, Application]):
    """`local` are those of the configured folders; a downloaded one of the same name takes their place."""

    def __init__(self, local: Mapping[str, Application]) -> None:
        self._local = dict(local)
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

    def for_call(self, contact_center_id: str, number_called: str) -> dict[str, Application]:
        """Those that a call to this number of this contact center may run, as they are now."""
        found = {name: self._of(contact_center_id, name) for name in self._present}
        return {name: each for name, each in found.items() if is_for(each.numbers, number_called)}

    def answering(self, name: str, contact_center_id: str, number_called: str) -> Application:
        """The application of this name that answers a call to this number.

        Raises:
            NotServed: there is none, or it may not.
        """
        what = f"application {name!r} of number {number_called}"
        if name not in self._present:
            raise NotServed(f"{what} is not here")
        found = self._of(contact_center_id, name)
        if found.contact_center not in ("", contact_center_id):
            raise NotServed(f"{what} is contact center {found.contact_center}'s, not {contact_center_id}'s")
        if not is_for(found.numbers, number_called):
            raise NotServed(f"{what} is not for it: version {found.version} names other numbers")
        return found

    def _of(self, contact_center_id: str, name: str) -> Application:
        present = self._present[name]
        is_own = present.contact_center in ("", contact_center_id)
        return present if is_own else self._local.get(name, present)

    def in_use(self) -> set[Path]:
        """The folders of those that serve, and of those that a call still has."""
        self._given = [(each, folder) for each, folder in self._given if each() is not None]
        return {folder for _, folder in self._given}


def is_for(numbers: Iterable[str], number_called: str) -> bool:
    """Whether an application that is for `numbers` serves this one; for none: any."""
    numbers = tuple(numbers)
    return not numbers or any(_same(each, number_called) for each in numbers)


def _same(one: str, other: str) -> bool:
    """The same digits, with or without what stands before them."""
    if one == other:
        return True
    ours, theirs = (re.sub("[^0-9]", "", each) for each in (one, other))
    if not ours or not theirs:
        return False
    long = min(len(ours), len(theirs)) >= FEWEST_DIGITS
    return ours == theirs or (long and (ours.endswith(theirs) or theirs.endswith(ours)))
