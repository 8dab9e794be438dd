"""Bundles of applications: archives as they come, and archives whose files were changed before they were signed."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from fsroute.errors import ApplicationError
from fsroute.ivr import archive, bundle, zipform
from fsroute.ivr.application import FILE_NAME
from fsroute.ivr.archive import Limits
from fsroute.ivr.manifest import MANIFEST, SIGNATURE, FileEntry, encode, parse
from fsroute.ivr.signature import sign
from tests.fuzz.running import Target
from tests.unit.ivr.bundles import KEY, NOW, TRUST, packed

LIMITS = Limits()
MARK = b"signed:"
"""What begins so is no archive: it is put into one, with the other files, and signed."""

TOKENS = (
    b"PK\x01\x02",
    b"PK\x03\x04",
    b"PK\x05\x06",
    b"PK\x06\x06",
    b"\xff\xff\xff\xff",
    b"manifest.json",
    b"manifest.sig",
    b"../",
    b"/etc/passwd",
    b"application.toml",
    b"con",
    b"prompts/en/",
    b"\x00\x08",
    b'"size":',
    b'"path":"',
    MARK,
    b"[steps.a]\ndo = ",
    b"{{ caller.name }}",
    b"{{ caller.__class__ }}",
    b'next = "a"',
    b"[[steps.a.choices]]",
)


@cache
def _good() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        return packed(Path(folder))


@cache
def _signed_files() -> Mapping[str, bytes]:
    return archive.examine(_good()).files


def _seeds() -> Sequence[bytes]:
    text = zipform.inflate(next(each for each in zipform.entries(_good(), 1000) if each.name == FILE_NAME))
    return [_good(), MARK + text]


def _signed(text: bytes) -> bytes:
    """The good bundle with another application.toml, put in order by whoever has the key."""
    files = {each.name: zipform.inflate(each) for each in zipform.entries(_good(), 1000)}
    manifest = parse(files[MANIFEST])
    files[FILE_NAME] = text
    entries = tuple(
        FileEntry(each.path, len(files[each.path]), hashlib.sha256(files[each.path]).hexdigest())
        for each in manifest.files
    )
    listed = encode(type(manifest)(**{
        name: entries if name == "files" else getattr(manifest, name) for name in manifest.__struct_fields__
    }))  # fmt: skip
    return zipform.pack(files | {MANIFEST: listed, SIGNATURE: sign(KEY, listed)})


def run(data: bytes) -> str:
    is_signed = data.startswith(MARK)
    try:
        found = archive.read(_signed(data[len(MARK) :]) if is_signed else data, TRUST, NOW, LIMITS)
    except ApplicationError:
        return "refused"
    assert is_signed or found.files == _signed_files(), "other files than those that were signed"
    with tempfile.TemporaryDirectory() as folder:
        place = archive.unpack(found, Path(folder) / "unpacked")
        assert {path.name for path in Path(folder).iterdir()} == {"unpacked"}, "a file outside of its folder"
        try:
            bundle.load(place)
        except ApplicationError:
            return "taken, and faulty"
    return "taken"


TARGET = Target(_seeds, run, TOKENS)
