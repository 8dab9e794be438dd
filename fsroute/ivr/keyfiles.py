"""Keys in files: a pair of one author, and a folder of those that are trusted.

A private key is PEM (PKCS #8), readable by its owner alone. A public key is one line::

    fsroute-ed25519 KEYID BASE64 [not-before=DATE] [not-after=DATE] [revoked] comment

A folder of trust holds ``CONTACT_CENTER/*.pub``, each with one such line or several; what begins with ``#``
is a remark. The terms may also stand behind the comment. A date is ``2027-01-31`` (its first moment, UTC) or
``2027-01-31T18:00:00Z``.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
import stat
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from fsroute.errors import ConfigurationError
from fsroute.ivr.manifest import CONTACT_CENTER
from fsroute.ivr.signature import PUBLIC_SIZE, Trust, TrustedKey, key_id, public_of

KIND = "fsroute-ed25519"
LONGEST_KEY_FILE = 16_384  # bytes
MOST_FILES = 100  # of keys, for one contact center

_NOT_BEFORE, _NOT_AFTER = "not-before=", "not-after="


# A pair


def new_pair(path: Path, comment: str = "") -> str:
    """Write a new private key to `path` and its public key to ``path.pub``; the key's id.

    Raises:
        ConfigurationError: there is such a file already, or it cannot be written.
    """
    private = Ed25519PrivateKey.generate()
    public = public_of(private)
    secret = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    line = public_line(public, comment)
    beside = path.with_name(path.name + ".pub")
    if beside.exists():
        raise ConfigurationError(f"{beside} is there already; keys are never overwritten")
    _write_new(path, secret, 0o600)
    _write_new(beside, line.encode(), 0o644)
    return key_id(public)


def public_line(public: bytes, comment: str = "") -> str:
    """The line of a public key, with its line end."""
    words = [KIND, key_id(public), base64.b64encode(public).decode(), *comment.split()]
    return " ".join(words) + "\n"


def _write_new(path: Path, content: bytes, mode: int) -> None:
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
        with os.fdopen(handle, "wb") as file:
            os.fchmod(handle, mode)
            file.write(content)
            file.flush()
            os.fsync(handle)
    except FileExistsError as error:
        raise ConfigurationError(f"{path} is there already; keys are never overwritten") from error
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be written: {error.strerror}") from error


def private_key(path: Path) -> Ed25519PrivateKey:
    """The private key in a file.

    Raises:
        ConfigurationError: it is none, or others can read the file.
    """
    content = _read(path)
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise ConfigurationError(f"{path}: others than its owner can use it; chmod 600 it")
    try:
        key = load_pem_private_key(content, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise ConfigurationError(f"{path}: is no private key in PEM without a passphrase") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise ConfigurationError(f"{path}: is not an Ed25519 key")
    return key


# Trust


def trust(folder: Path) -> Trust:
    """The keys in ``folder/CONTACT_CENTER/*.pub``.

    Raises:
        ConfigurationError: a file in it cannot be read, or a line is wrong; the text names both.
    """
    if not folder.is_dir():
        raise ConfigurationError(f"{folder}: is no folder of keys")
    keys = {each.name: tuple(_keys_in(each)) for each in sorted(folder.iterdir()) if each.is_dir()}
    for name in keys:
        if re.fullmatch(CONTACT_CENTER.pattern, name) is None:
            raise ConfigurationError(f"{folder / name}: {name!r} {CONTACT_CENTER.words}")
    return Trust.of(keys)


def _keys_in(folder: Path) -> Iterator[TrustedKey]:
    paths = sorted(folder.glob("*.pub"))
    if len(paths) > MOST_FILES:
        raise ConfigurationError(f"{folder}: holds {len(paths)} keys, {MOST_FILES} at most")
    for path in paths:
        yield from public_keys(path)


def public_keys(path: Path) -> list[TrustedKey]:
    """The keys in one file.

    Raises:
        ConfigurationError: the file cannot be read, or a line is wrong.
    """
    try:
        lines = _read(path).decode("utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path}: is not a text in UTF-8") from error
    found = []
    for number, line in enumerate(lines, 1):
        if line.strip() and not line.lstrip().startswith("#"):
            found.append(_public_key(line.split(), f"{path}: line {number}"))
    return found


def _public_key(words: Sequence[str], where: str) -> TrustedKey:
    if len(words) < 3 or words[0] != KIND:
        raise ConfigurationError(f"{where}: is not {KIND} KEYID BASE64 comment")
    try:
        public = base64.b64decode(words[2], validate=True)
    except (binascii.Error, ValueError) as error:
        raise ConfigurationError(f"{where}: the key is not in base64") from error
    if len(public) != PUBLIC_SIZE:
        raise ConfigurationError(f"{where}: the key has {len(public)} bytes, not {PUBLIC_SIZE}")
    if key_id(public) != words[1]:
        raise ConfigurationError(f"{where}: the key's id is {key_id(public)}, not {words[1]}")
    return _with_terms(public, words[3:], where)


def _with_terms(public: bytes, words: Sequence[str], where: str) -> TrustedKey:
    """The words after the key: its terms, wherever they stand, and what is only a comment.

    Who writes `revoked` at the end of the line means it.
    """
    not_before = not_after = None
    revoked = False
    comment = []
    for word in words:
        if word.startswith(_NOT_BEFORE):
            not_before = _moment(word.removeprefix(_NOT_BEFORE), where)
        elif word.startswith(_NOT_AFTER):
            not_after = _moment(word.removeprefix(_NOT_AFTER), where)
        elif word.casefold() == "revoked":
            revoked = True
        else:
            comment.append(word)
    return TrustedKey(public, not_before, not_after, revoked, " ".join(comment))


def _moment(text: str, where: str) -> float:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ConfigurationError(f"{where}: {text!r} is no date such as 2027-01-31") from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _read(path: Path) -> bytes:
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise ConfigurationError(f"{path}: is no ordinary file")
        with path.open("rb") as file:
            content = file.read(LONGEST_KEY_FILE + 1)
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}") from error
    if len(content) > LONGEST_KEY_FILE:
        raise ConfigurationError(f"{path}: larger than {LONGEST_KEY_FILE} bytes, which no key is")
    return content
