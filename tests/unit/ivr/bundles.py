"""Bundles for the tests: a small application, its keys, and archives put together by hand."""

from __future__ import annotations

import hashlib
import stat
import zipfile
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from fsroute.ivr import zipform
from fsroute.ivr.archive import pack
from fsroute.ivr.manifest import MANIFEST, SIGNATURE, FileEntry, Manifest, encode
from fsroute.ivr.signature import Trust, TrustedKey, key_id, public_of, sign
from tests.unit.ivr.applications import write

NOW = 1_800_000_000.0
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
KEY_ID = key_id(public_of(KEY))
TRUST = Trust.of({"acme": [TrustedKey(public_of(KEY))]})

END = '\n[steps.a]\ndo = "play"\nprompt = "hello"\nnext = "end"\n[steps.end]\ndo = "hang_up"\n'
TOML = b'name = "test"\nversion = "1"\nlanguages = ["en"]\n'
FILES = {"application.toml": TOML, "prompts/en/hello.wav": b"RIFF" + bytes(100)}


def folder_of(folder: Path, version: str = "1", steps: str = END) -> Path:
    """An application that passes the checks."""
    folder.mkdir(parents=True, exist_ok=True)
    write(folder, steps, prompts=["sorry", "hello"])
    path = folder / "application.toml"
    path.write_text(path.read_text().replace('version = "1"', f'version = "{version}"'))
    return folder


def packed(folder: Path, version: str = "1", contact_center: str = "acme") -> bytes:
    """A good bundle of that application."""
    source = folder_of(folder / f"source-{version}", version)
    return pack(source, KEY, contact_center=contact_center, created_at=NOW)


def manifest(files: Mapping[str, bytes] = FILES, /, **fields: object) -> Manifest:
    entries = tuple(
        FileEntry(path, len(content), hashlib.sha256(content).hexdigest())
        for path, content in sorted(files.items())
    )
    good = Manifest(
        name="test",
        version="1",
        contact_center="acme",
        languages=("en",),
        created_at=int(NOW),
        key_id=KEY_ID,
        files=entries,
    )
    return msgspec.structs.replace(good, **fields)


def signed(text: bytes, files: Mapping[str, bytes] = FILES, key: Ed25519PrivateKey = KEY) -> bytes:
    """An archive with this manifest, rightly signed, whatever else is in it."""
    return zipform.pack({MANIFEST: text, SIGNATURE: sign(key, text), **files})


def archive(files: Mapping[str, bytes] = FILES, /, **fields: object) -> bytes:
    """An archive whose manifest lists exactly `files`."""
    return signed(encode(manifest(files, **fields)), files)


def zip_with(extra: zipfile.ZipInfo, content: bytes = b"", before: Mapping[str, bytes] = FILES) -> bytes:
    """A good archive with one more entry, made as strangely as the standard library can."""
    text = encode(manifest(before))
    target = BytesIO()
    with zipfile.ZipFile(target, "w") as file:
        for name, data in {MANIFEST: text, SIGNATURE: sign(KEY, text), **before}.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = (stat.S_IFREG | 0o644) << 16
            file.writestr(info, data)
        file.writestr(extra, content)
    return target.getvalue()
