"""Who may sign a bundle: Ed25519 keys (RFC 8032), and what each contact center trusts. Pure.

Several keys of one contact center may be trusted at once, each for its time, so that a new one takes over
without a gap. A key's time and its revocation are judged by the moment of the check, never by what a
manifest says of itself: whoever has stolen a key can write any date.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from fsroute.ivr.manifest import SIGNATURE, BundleRefused, Manifest

DOMAIN = b"fsroute bundle manifest 1\0"
"""Stands before the manifest when it is signed: a signature for anything else is none for a bundle."""

SIGNATURE_SIZE = 64  # bytes
PUBLIC_SIZE = 32  # bytes


def key_id(public: bytes) -> str:
    """The name of a public key (its 32 bytes): 16 hexadecimal digits of its SHA-256."""
    return hashlib.sha256(public).hexdigest()[:16]


def public_of(private: Ed25519PrivateKey) -> bytes:
    """The 32 bytes of the public key."""
    return private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def sign(private: Ed25519PrivateKey, manifest: bytes) -> bytes:
    """The 64 bytes of ``manifest.sig``."""
    return private.sign(DOMAIN + manifest)


def verify(public: bytes, manifest: bytes, signature: bytes) -> None:
    """See that the owner of the key signed these bytes.

    Raises:
        BundleRefused: the signature is none of this key for this manifest.
    """
    if len(signature) != SIGNATURE_SIZE:
        raise BundleRefused(f"{SIGNATURE}: is {len(signature)} bytes long, not {SIGNATURE_SIZE}")
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, DOMAIN + manifest)
    except InvalidSignature as error:
        raise BundleRefused(f"{SIGNATURE}: the manifest was changed, or signed with another key") from error


@dataclass(frozen=True, slots=True)
class TrustedKey:
    """A public key (32 bytes) that a contact center signs with.

    It counts from `not_before` until just before `not_after` (seconds since the epoch; None: no limit).
    """

    public: bytes
    not_before: float | None = None
    not_after: float | None = None
    revoked: bool = False
    comment: str = ""

    @property
    def key_id(self) -> str:
        return key_id(self.public)


Keys = Mapping[str, TrustedKey]


@dataclass(frozen=True, slots=True)
class Trust:
    """The keys that are trusted, by contact center and key id."""

    keys: Mapping[str, Keys] = field(default_factory=lambda: MappingProxyType({}))

    @classmethod
    def of(cls, keys: Mapping[str, Iterable[TrustedKey]]) -> Trust:
        """The trust in these keys. Of one that is there twice, a revocation counts, else the last."""
        trusted = {}
        for contact_center, several in keys.items():
            found: dict[str, TrustedKey] = {}
            for key in several:
                if key.key_id not in found or not found[key.key_id].revoked:
                    found[key.key_id] = key
            trusted[contact_center] = MappingProxyType(found)
        return cls(MappingProxyType(trusted))

    def check(self, manifest: Manifest, now: float) -> TrustedKey:
        """The key that must have signed `manifest`, if it and the manifest count at `now`.

        Raises:
            BundleRefused: the contact center or the key is not trusted, not yet, no longer or never again,
                or the bundle has expired.
        """
        name = f"{manifest.name} {manifest.version}"
        keys = self.keys.get(manifest.contact_center)
        if not keys:
            raise BundleRefused(f"{name}: contact center {manifest.contact_center} is not trusted here")
        key = keys.get(manifest.key_id)
        if key is None:
            raise BundleRefused(
                f"{name}: key {manifest.key_id} is not trusted for contact center {manifest.contact_center}"
            )
        _check_time(name, key, now)
        if manifest.expires_at is not None and now >= manifest.expires_at:
            raise BundleRefused(f"{name}: expired at {moment(manifest.expires_at)}")
        return key


def _check_time(name: str, key: TrustedKey, now: float) -> None:
    if key.revoked:
        raise BundleRefused(f"{name}: key {key.key_id} has been revoked")
    if key.not_before is not None and now < key.not_before:
        raise BundleRefused(f"{name}: key {key.key_id} counts only from {moment(key.not_before)} on")
    if key.not_after is not None and now >= key.not_after:
        raise BundleRefused(f"{name}: key {key.key_id} counts no longer since {moment(key.not_after)}")


def moment(seconds: float) -> str:
    """A moment as a person reads it: ``2026-12-24 18:00:00 UTC``."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"
