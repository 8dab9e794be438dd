"""A bundle in one file, ``NAME-VERSION.fsapp``: an application with its manifest and signature.

What is read comes from a stranger until its signature is known: sizes, counts and names are looked at before
anything is inflated, and the manifest's signature before any other file. Everything that can be wrong with
it is a `BundleRefused`.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from fsroute.errors import ApplicationError
from fsroute.ivr import bundle as folders
from fsroute.ivr import manifest as manifests
from fsroute.ivr import zipform
from fsroute.ivr.application import FILE_NAME, PROMPTS, Application
from fsroute.ivr.manifest import (
    LONGEST_MANIFEST,
    MANIFEST,
    SIGNATURE,
    BundleRefused,
    FileEntry,
    Manifest,
    shown,
)
from fsroute.ivr.signature import SIGNATURE_SIZE, Trust, TrustedKey, key_id, public_of, sign, verify

SUFFIX = ".fsapp"
INFLATED_ANYWAY = 1_000_000  # bytes; below this in all, the ratio says nothing


@dataclass(frozen=True, slots=True)
class Limits:
    """What a bundle may be at most: `archive`, `file` and `total` in bytes, the latter two inflated.

    `ratio` is the total by the archive's size: what inflates to more is made to fill a disk.
    """

    archive: int = 50_000_000
    files: int = 2000
    file: int = folders.LARGEST_PROMPT
    total: int = 200_000_000
    ratio: int = 100


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle that was read: `files` by path, `sha256` and `size` (bytes) of the archive as a whole.

    `key` is the one that signed it; None when nobody looked at the signature (`examine`).
    """

    manifest: Manifest
    files: Mapping[str, bytes] = field(repr=False)
    signature: bytes = field(repr=False)
    sha256: str
    size: int
    key: TrustedKey | None = None


# Reading


def read(data: bytes | Path, trust: Trust, now: float, limits: Limits = Limits()) -> Bundle:
    """The bundle in `data`, if it is whole and signed by whom `trust` trusts at `now` (seconds since the epoch).

    Raises:
        BundleRefused: it is not; the text names the file in it and the fault.
    """
    return _open(data, limits, trust, now)


def examine(data: bytes | Path, limits: Limits = Limits()) -> Bundle:
    """The bundle in `data`, if it is whole; who signed it is not looked at. For its author, not for callers.

    Raises:
        BundleRefused: it is not whole.
    """
    return _open(data, limits, None, 0.0)


def _open(source: bytes | Path, limits: Limits, trust: Trust | None, now: float) -> Bundle:
    if not isinstance(source, Path):
        return _opened(source, limits, trust, now)
    try:
        return _opened(content_of(source, limits), limits, trust, now)
    except BundleRefused as error:
        raise BundleRefused(f"{source.name}: {error}") from error


def content_of(path: Path, limits: Limits = Limits()) -> bytes:
    """The bytes of a file that may be a bundle.

    Raises:
        BundleRefused: it cannot be read, or is too large.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise BundleRefused("is no ordinary file")
        with path.open("rb") as file:
            return file.read(limits.archive + 1)
    except OSError as error:
        raise BundleRefused(f"cannot be read: {error.strerror}") from error


def _opened(data: bytes, limits: Limits, trust: Trust | None, now: float) -> Bundle:
    if len(data) > limits.archive:
        raise BundleRefused(f"larger than {limits.archive} bytes")
    packed = zipform.entries(data, limits.files + 2)
    _check_names(packed)
    _check_sizes(packed, len(data), limits)
    entries = {entry.name: entry for entry in packed}
    text = zipform.inflate(entries.pop(MANIFEST))
    signature = zipform.inflate(entries.pop(SIGNATURE))
    manifest = manifests.parse(text)
    key = None if trust is None else trust.check(manifest, now)
    if key is not None:
        verify(key.public, text, signature)
    _check_whole(manifest, entries)
    files = {entry.path: _content(entry, entries[entry.path]) for entry in manifest.files}
    _check_application(manifest, files[FILE_NAME])
    return Bundle(
        manifest, MappingProxyType(files), signature, hashlib.sha256(data).hexdigest(), len(data), key
    )


def _check_names(entries: Sequence[zipform.Entry]) -> None:
    names = [entry.name for entry in entries]
    for name in (MANIFEST, SIGNATURE):
        if names.count(name) != 1:
            raise BundleRefused(f"{name}: is {'missing' if name not in names else 'there twice'}")
    own = (name for name in names if name not in (MANIFEST, SIGNATURE))
    for fault in manifests.wrong_paths(own):
        raise BundleRefused(fault)


def _check_sizes(entries: Sequence[zipform.Entry], archive: int, limits: Limits) -> None:
    special = {MANIFEST: LONGEST_MANIFEST, SIGNATURE: SIGNATURE_SIZE, FILE_NAME: folders.LONGEST_FILE}
    for entry in entries:
        most = special.get(entry.name, limits.file)
        if entry.size > most:
            raise BundleRefused(f"{entry.name}: larger than {most} bytes")
    total = sum(entry.size for entry in entries)
    if total > limits.total:
        raise BundleRefused(f"inflates to {total} bytes, {limits.total} at most may be")
    if total > max(INFLATED_ANYWAY, limits.ratio * archive):
        raise BundleRefused(f"inflates to more than {limits.ratio} times its size")


def _check_whole(manifest: Manifest, entries: Mapping[str, zipform.Entry]) -> None:
    listed = {entry.path for entry in manifest.files}
    for path in entries:
        if path not in listed:
            raise BundleRefused(f"{path}: is not in the manifest")
    for entry in manifest.files:
        if entry.path not in entries:
            raise BundleRefused(f"{entry.path}: is in the manifest, but missing")
        if entry.size != entries[entry.path].size:
            raise BundleRefused(f"{entry.path}: has not the size that the manifest says")


def _content(listed: FileEntry, entry: zipform.Entry) -> bytes:
    content = zipform.inflate(entry)
    if hashlib.sha256(content).hexdigest() != listed.sha256:
        raise BundleRefused(f"{listed.path}: was changed, its SHA-256 is not the manifest's")
    return content


def _check_application(manifest: Manifest, content: bytes) -> None:
    """The manifest says of the application what it says of itself."""
    try:
        raw = folders.parse(content.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise BundleRefused(f"{FILE_NAME}: is not TOML") from error
    expected = {
        "name": manifest.name,
        "version": manifest.version,
        "languages": list(manifest.languages),
    }
    for what, value in expected.items():
        if raw.get(what) != value:
            raise BundleRefused(f"{FILE_NAME}: {what} is not {shown(str(value))}, as the manifest says")


# Unpacking


def unpack(bundle: Bundle, folder: Path) -> Path:
    """Write a bundle's files, its manifest and signature to `folder`, which appears whole or not at all.

    A folder that holds the same bundle stays as it is. Files are on the disk when this returns.

    Raises:
        ApplicationError: there is something else at `folder`, or it cannot be written.
    """
    files = {
        MANIFEST: manifests.encode(bundle.manifest),
        SIGNATURE: bundle.signature,
        **bundle.files,
    }
    beside = folder.with_name(f".{folder.name}.{secrets.token_hex(8)}")
    try:
        if folder.exists():
            return _same(folder, files)
        folder.parent.mkdir(parents=True, exist_ok=True)
        try:
            _write_all(beside, files)
            os.rename(beside, folder)
        finally:
            shutil.rmtree(beside, ignore_errors=True)
        _sync(folder.parent)
    except OSError as error:
        raise ApplicationError(f"{folder}: cannot be written: {error.strerror}") from error
    return folder


def _same(folder: Path, files: Mapping[str, bytes]) -> Path:
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}
    if there != set(files) or any((folder / path).read_bytes() != files[path] for path in files):
        raise ApplicationError(f"{folder}: holds something else already")
    return folder


def _write_all(folder: Path, files: Mapping[str, bytes]) -> None:
    made = {folder}
    for path, content in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        made |= {each for each in target.parents if each.is_relative_to(folder)}
        with target.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    for each in made:
        _sync(each)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


# Packing


def pack(
    folder: Path,
    private: Ed25519PrivateKey,
    *,
    contact_center: str,
    created_at: float,
    numbers: Sequence[str] = (),
    expires_at: float | None = None,
    limits: Limits = Limits(),
) -> bytes:
    """The archive of the application in `folder`, signed. The same content gives the same bytes.

    Raises:
        ApplicationError: the application has faults.
        BundleRefused: it could not be taken by anybody.
    """
    application = folders.load(folder)
    files = {path: (folder / path).read_bytes() for path in sorted(paths_of(application))}
    manifest = Manifest(
        name=application.name,
        version=application.version,
        contact_center=contact_center,
        numbers=tuple(numbers),
        languages=application.languages,
        created_at=int(created_at),
        expires_at=None if expires_at is None else int(expires_at),
        key_id=key_id(public_of(private)),
        files=tuple(
            FileEntry(path, len(content), hashlib.sha256(content).hexdigest())
            for path, content in files.items()
        ),
    )
    text = manifests.encode(manifest)
    data = zipform.pack({MANIFEST: text, SIGNATURE: sign(private, text), **files})
    examine(data, limits)
    return data


def paths_of(application: Application) -> frozenset[str]:
    """The files of an application that belong in its bundle."""
    prompts = {
        f"{PROMPTS}/{language}/{prompt}.wav"
        for language, several in application.recordings.items()
        for prompt in several
    }
    return frozenset({FILE_NAME, *prompts})


def file_name(manifest: Manifest) -> str:
    """What a bundle's file is called."""
    return f"{manifest.name}-{manifest.version}{SUFFIX}"
