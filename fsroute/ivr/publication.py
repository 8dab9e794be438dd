"""The published folder of a remote site: what its application server gives to those who run its applications.

::

    PUBLISHED/orders/1.fsapp  2.fsapp …   every version, never changed
    PUBLISHED/orders/current              one line: the version that counts, and its sequence
    PUBLISHED/orders/history              a line for each publication and each rollback

The sequence grows with every publication and every rollback, whichever version it makes current. So a
site knows an old answer from a decision to go back. Lines are JSON; publishers take turns.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from fsroute.errors import ApplicationError
from fsroute.ivr.archive import SUFFIX, Bundle, content_of
from fsroute.ivr.manifest import NAME, BundleRefused
from fsroute.ivr.published import Record, current_record, history, is_form, keep, make_current, place_of, turn
from fsroute.ivr.signature import moment


@dataclass(frozen=True, slots=True)
class Publication:
    """A published version of an application; `sequence` and `at` are of the last time that it became current."""

    name: str
    version: str
    sequence: int
    at: float
    sha256: str
    size: int
    contact_center: str
    key_id: str
    expires_at: int | None
    path: Path
    is_current: bool = True


def publish(bundle: Bundle, data: bytes, folder: Path, now: float) -> Publication:
    """Make `bundle`, whose archive is `data`, the current version of its application.

    What is current already stays so, without a new sequence.

    Raises:
        BundleRefused: it has expired, or the version is there with another content, or the application
            belongs to another contact center.
        ApplicationError: the folder cannot be read or written.
    """
    manifest = bundle.manifest
    _check_expiry(manifest.name, manifest.version, manifest.expires_at, now)
    with turn(folder, manifest.name, make=True) as place:
        present = current_record(place)
        if present is not None and present.contact_center != manifest.contact_center:
            raise BundleRefused(
                f"{manifest.name} belongs to contact center {present.contact_center}, "
                f"not to {manifest.contact_center}"
            )
        keep(place / f"{manifest.version}{SUFFIX}", data, f"{manifest.name} {manifest.version}")
        if present is not None and present.version == manifest.version:
            return _publication(place, present, True)
        record = Record(
            sequence=_next_sequence(place, present),
            version=manifest.version,
            act="publish",
            at=now,
            sha256=bundle.sha256,
            size=bundle.size,
            contact_center=manifest.contact_center,
            key_id=manifest.key_id,
            expires_at=manifest.expires_at,
        )
        make_current(place, record)
        return _publication(place, record, True)


def rollback(name: str, folder: Path, now: float, version: str | None = None) -> Publication:
    """Make a published `version` current again; without one, that before the current one was published.

    Raises:
        BundleRefused: it has expired, or its file was changed.
        ApplicationError: there is no such version.
    """
    with turn(folder, name) as place:
        present = current_record(place)
        if present is None:
            raise ApplicationError(f"{name}: nothing is published")
        records = list(history(place))
        wanted = _wanted(name, records, present, version)
        _check_expiry(name, wanted.version, wanted.expires_at, now)
        path = place / f"{wanted.version}{SUFFIX}"
        if _sha256(path) != wanted.sha256:
            raise BundleRefused(f"{name} {wanted.version}: {path.name} was changed since it was published")
        if wanted.version == present.version:
            return _publication(place, present, True)
        again = msgspec.structs.replace(
            wanted, sequence=_next_sequence(place, present), act="rollback", at=now
        )
        make_current(place, again)
        return _publication(place, again, True)


def current(folder: Path, name: str) -> Publication | None:
    """The current version of an application, None if nothing of it is published.

    Raises:
        ApplicationError: what is published cannot be read.
    """
    place = place_of(folder, name)
    record = current_record(place)
    return None if record is None else _publication(place, record, True)


def published(folder: Path, faults: dict[str, str] | None = None) -> list[Publication]:
    """The current version of every application, in order of their names.

    With `faults`, an application that cannot be read is left out and noted there by its name.

    Raises:
        ApplicationError: what is published cannot be read.
    """
    try:
        names = sorted(each.name for each in folder.iterdir() if each.is_dir() and is_form(NAME, each.name))
    except OSError as error:
        raise ApplicationError(f"{folder} cannot be read: {error.strerror}") from error
    found = []
    for name in names:
        try:
            found.append(current(folder, name))
        except ApplicationError as error:
            if faults is None:
                raise
            faults[name] = str(error)
    return [each for each in found if each is not None]


def versions(folder: Path, name: str) -> list[Publication]:
    """Every published version of an application, in order of when it was last made current.

    Raises:
        ApplicationError: what is published cannot be read.
    """
    place = place_of(folder, name)
    present = current_record(place)
    last = {record.version: record for record in history(place)}
    ordered = sorted(last.values(), key=lambda record: record.sequence)
    return [
        _publication(place, each, present is not None and each.version == present.version) for each in ordered
    ]


def _next_sequence(place: Path, present: Record | None) -> int:
    """One more than any before, also than one that did not become current."""
    known = [record.sequence for record in history(place)]
    return max([*known, 0 if present is None else present.sequence]) + 1


def _wanted(name: str, records: Sequence[Record], present: Record, version: str | None) -> Record:
    if version is not None:
        found = [record for record in records if record.version == version]
        if not found:
            known = ", ".join(dict.fromkeys(record.version for record in records))
            raise ApplicationError(f"{name}: there is no version {version!r}; published are {known}")
        return found[-1]
    own = [count for count, record in enumerate(records) if record.version == present.version]
    first = own[0] if own else 0
    if first == 0:
        raise ApplicationError(f"{name}: there is no version before {present.version}")
    return records[first - 1]


def _check_expiry(name: str, version: str, expires_at: int | None, now: float) -> None:
    if expires_at is not None and now >= expires_at:
        raise BundleRefused(f"{name} {version}: expired at {moment(expires_at)}")


def _sha256(path: Path) -> str:
    return hashlib.sha256(content_of(path)).hexdigest()


def _publication(place: Path, record: Record, is_current: bool) -> Publication:
    return Publication(
        name=place.name,
        version=record.version,
        sequence=record.sequence,
        at=record.at,
        sha256=record.sha256,
        size=record.size,
        contact_center=record.contact_center,
        key_id=record.key_id,
        expires_at=record.expires_at,
        path=place / f"{record.version}{SUFFIX}",
        is_current=is_current,
    )
