"""The manifest of a bundle: what it is, whose, for which numbers, and the hash of every file. Pure.

``manifest.json`` is canonical JSON: the fields in one order, no spaces, the files in order of their
paths. So one manifest has one form in bytes, and it is these bytes that are signed.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from fsroute.errors import ApplicationError
from fsroute.ivr.application import FILE_NAME, PROMPTS
from fsroute.ivr.steps import NUMBER, PROMPT_NAME, Form

FORMAT = 1
MANIFEST = "manifest.json"
SIGNATURE = "manifest.sig"
LONGEST_MANIFEST = 1_000_000  # bytes
LONGEST_PATH = 200  # characters
LAST_MOMENT = 253_402_300_799  # the end of the year 9999, in seconds since the epoch

NAME = Form("[a-z0-9][a-z0-9_-]{0,63}", "is no application's name: a-z, 0-9, - and _")
VERSION = Form("[0-9A-Za-z][0-9A-Za-z._+-]{0,31}", "is no version: letters, digits and . _ + -")
CONTACT_CENTER = Form("[a-z0-9_-]{1,40}", "is no contact center: a-z, 0-9, - and _, 40 at most")
LANGUAGE = Form("[a-z]{2,3}([-_][a-zA-Z]{2,4})?", "is no language, such as en or es-MX")
NUMBER_FOR = Form(NUMBER.pattern, "is no number: 0-9, * and #, 32 at most, perhaps after a +")
KEY_ID = Form("[0-9a-f]{16}", "is no key's id: 16 digits of 0-9 and a-f")
SHA256 = Form("[0-9a-f]{64}", "is no SHA-256: 64 digits of 0-9 and a-f")

_PROMPT_PATH = re.compile(
    f"{PROMPTS}/(?P<language>{LANGUAGE.pattern})/(?P<prompt>{PROMPT_NAME.pattern})[.]wav"
)


class BundleRefused(ApplicationError):
    """A bundle is not taken; the text names the file in it and the fault."""


Moment = Annotated[int, Meta(ge=0, le=LAST_MOMENT)]


class FileEntry(Struct, frozen=True, forbid_unknown_fields=True):
    """One file of a bundle; `size` in bytes, `sha256` in lower-case hexadecimal."""

    path: str
    size: Annotated[int, Meta(ge=0, le=2**53)]
    sha256: str


class Manifest(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a signature vouches for.

    `contact_center` owns the application, `numbers` are those that it is for (none: whoever runs it
    decides). Moments in seconds since the epoch; `expires_at` is the first at which it is refused.
    """

    format: int = FORMAT
    name: str
    version: str
    contact_center: str
    numbers: Annotated[tuple[str, ...], Meta(max_length=1000)] = ()
    languages: Annotated[tuple[str, ...], Meta(min_length=1, max_length=32)]
    created_at: Moment
    expires_at: Moment | None = None
    key_id: str
    files: tuple[FileEntry, ...]


class _Head(Struct, frozen=True):
    format: int


def encode(manifest: Manifest) -> bytes:
    """The one form of a manifest in bytes."""
    return msgspec.json.encode(manifest)


def parse(data: bytes) -> Manifest:
    """The manifest that `encode` wrote.

    Raises:
        BundleRefused: it is another format's, not canonical, or says something that cannot be.
    """
    if len(data) > LONGEST_MANIFEST:
        raise BundleRefused(f"{MANIFEST}: larger than {LONGEST_MANIFEST} bytes")
    try:
        head = msgspec.json.decode(data, type=_Head)
        if head.format != FORMAT:
            raise BundleRefused(f"{MANIFEST}: format {head.format} is not known here, {FORMAT} is")
        manifest = msgspec.json.decode(data, type=Manifest)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise BundleRefused(f"{MANIFEST}: {shown(str(error), quote=False)}") from error
    check(manifest)
    if encode(manifest) != data:
        raise BundleRefused(f"{MANIFEST}: is not in its canonical form")
    return manifest


def check(manifest: Manifest) -> None:
    """See that a manifest may be believed if its signature may.

    Raises:
        BundleRefused: a word or a path in it is not as it must be.
    """
    for fault in _faults(manifest):
        raise BundleRefused(f"{MANIFEST}: {fault}")


def _faults(manifest: Manifest) -> Iterator[str]:
    yield from _wrong_words("name", NAME, manifest.name)
    yield from _wrong_words("version", VERSION, manifest.version)
    yield from _wrong_words("contact_center", CONTACT_CENTER, manifest.contact_center)
    yield from _wrong_words("numbers", NUMBER_FOR, *manifest.numbers)
    yield from _wrong_words("languages", LANGUAGE, *manifest.languages)
    yield from _wrong_words("key_id", KEY_ID, manifest.key_id)
    if manifest.expires_at is not None and manifest.expires_at <= manifest.created_at:
        yield "expires_at is not after created_at"
    paths = [entry.path for entry in manifest.files]
    yield from wrong_paths(paths)
    if FILE_NAME not in paths:
        yield f"{FILE_NAME} is not in it"
    if paths != sorted(paths):
        yield "the files are not in order of their paths"
    for entry in manifest.files:
        yield from _wrong_words(entry.path, SHA256, entry.sha256)
        yield from _wrong_language(entry.path, manifest.languages)


def _wrong_words(what: str, form: Form, *words: str) -> Iterator[str]:
    for word in words:
        if re.fullmatch(form.pattern, word) is None:
            yield f"{what}: {shown(word)} {form.words}"


def _wrong_language(path: str, languages: tuple[str, ...]) -> Iterator[str]:
    match = _PROMPT_PATH.fullmatch(path)
    if match is not None and match["language"] not in languages:
        yield f"{path}: language {match['language']} is none of {', '.join(languages)}"


def wrong_paths(paths: Iterable[str]) -> Iterator[str]:
    """What is wrong with the paths of a bundle's files, each by itself and beside the others."""
    seen: dict[str, str] = {}
    for path in paths:
        wrong = wrong_path(path)
        other = seen.get(path.casefold())
        seen[path.casefold()] = path
        if wrong:
            yield f"{shown(path)}: {wrong}"
        elif other == path:
            yield f"{shown(path)}: is there twice"
        elif other is not None:
            yield f"{shown(path)}: differs from {shown(other)} by capital letters only"


def wrong_path(path: str) -> str:
    """Why a path cannot be a file's of a bundle; empty when it can."""
    parts = path.split("/")
    if len(path) > LONGEST_PATH:
        return f"the path is longer than {LONGEST_PATH} characters"
    if "\0" in path:
        return "there is a NUL in the path"
    if "\\" in path:
        return "there is a backslash in the path"
    if path.startswith("/") or re.match("[A-Za-z]:", path):
        return "the path is absolute"
    if ".." in parts:
        return "the path leads out of the bundle"
    if not unicodedata.is_normalized("NFC", path):
        return "the path is not in Unicode's normal form NFC"
    if path != FILE_NAME and _PROMPT_PATH.fullmatch(path) is None:
        return f"only {FILE_NAME} and {PROMPTS}/<language>/<prompt>.wav may be in a bundle"
    return ""


def shown(text: str, *, quote: bool = True) -> str:
    """Text that a stranger wrote, fit for one line of a message: quoted, escaped and cut."""
    cut = text if len(text) <= 80 else text[:77] + "..."
    return ascii(cut) if quote else ascii(cut)[1:-1]
