"""Which keys are believed, when, and how they lie in files."""

from __future__ import annotations

import base64
import contextlib
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from fsroute.errors import ConfigurationError
from fsroute.ivr.keyfiles import new_pair, private_key, public_keys, public_line, trust
from fsroute.ivr.manifest import BundleRefused
from fsroute.ivr.signature import Trust, TrustedKey, key_id, public_of, sign, verify
from tests.unit.ivr.bundles import KEY, KEY_ID, NOW, OTHER_KEY, manifest

PUBLIC = public_of(KEY)


def refusal(key: TrustedKey, now: float = NOW) -> str:
    with pytest.raises(BundleRefused) as refused:
        Trust.of({"acme": [key]}).check(manifest(), now)
    return str(refused.value)


def test_a_signature_is_for_bundles_only() -> None:
    verify(PUBLIC, b"text", sign(KEY, b"text"))
    with pytest.raises(BundleRefused, match=r"manifest\.sig: the manifest was changed"):
        verify(PUBLIC, b"text", KEY.sign(b"text"))


@settings(max_examples=100, deadline=None)
@given(st.binary(min_size=60, max_size=68))
def test_no_other_signature_is_taken(signature: bytes) -> None:
    with pytest.raises(BundleRefused, match=r"^manifest\.sig: "):
        verify(PUBLIC, b"text", signature)


def test_a_new_key_takes_over_without_a_gap() -> None:
    both = Trust.of(
        {
            "acme": [
                TrustedKey(PUBLIC, not_after=NOW + 10),
                TrustedKey(public_of(OTHER_KEY), not_before=NOW),
            ]
        }
    )
    by_the_new = manifest(key_id=key_id(public_of(OTHER_KEY)))
    assert both.check(manifest(), NOW).public == PUBLIC
    assert both.check(by_the_new, NOW).public == public_of(OTHER_KEY)
    with pytest.raises(BundleRefused, match=f"key {KEY_ID} counts no longer since 2027-01-15 08:00:10 UTC"):
        both.check(manifest(), NOW + 10)


def test_a_key_counts_in_its_time_only() -> None:
    assert refusal(TrustedKey(PUBLIC, not_before=NOW + 1)) == (
        f"test 1: key {KEY_ID} counts only from 2027-01-15 08:00:01 UTC on"
    )
    assert refusal(TrustedKey(PUBLIC, revoked=True)) == f"test 1: key {KEY_ID} has been revoked"


def test_a_revocation_counts_wherever_it_stands() -> None:
    for keys in ([TrustedKey(PUBLIC), TrustedKey(PUBLIC, revoked=True)],) * 2:
        with pytest.raises(BundleRefused, match="has been revoked"):
            Trust.of({"acme": keys}).check(manifest(), NOW)
        keys.reverse()


def test_a_key_of_one_contact_center_is_none_of_another() -> None:
    with pytest.raises(BundleRefused, match="contact center acme is not trusted here"):
        Trust.of({"delta": [TrustedKey(PUBLIC)]}).check(manifest(), NOW)


# Files


def test_a_new_pair_signs_and_is_trusted(tmp_path: Path) -> None:
    name = new_pair(tmp_path / "ann", "Ann at Acme")
    private = private_key(tmp_path / "ann")
    assert key_id(public_of(private)) == name
    assert stat.S_IMODE((tmp_path / "ann").stat().st_mode) == 0o600
    line = (tmp_path / "ann.pub").read_text()
    assert line == public_line(public_of(private), "Ann at Acme")
    assert line.startswith(f"fsroute-ed25519 {name} ")
    (tmp_path / "keys/acme").mkdir(parents=True)
    (tmp_path / "ann.pub").rename(tmp_path / "keys/acme/ann.pub")
    key = trust(tmp_path / "keys").check(manifest(key_id=name), NOW)
    assert (key.public, key.comment) == (public_of(private), "Ann at Acme")


def test_a_key_is_never_overwritten(tmp_path: Path) -> None:
    new_pair(tmp_path / "ann")
    before = (tmp_path / "ann").read_bytes()
    with pytest.raises(ConfigurationError, match="is there already; keys are never overwritten"):
        new_pair(tmp_path / "ann")
    (tmp_path / "ann.pub").unlink()
    with pytest.raises(ConfigurationError, match="ann is there already; keys are never overwritten"):
        new_pair(tmp_path / "ann")
    assert (tmp_path / "ann").read_bytes() == before


def test_a_private_key_that_others_can_read_is_not_used(tmp_path: Path) -> None:
    new_pair(tmp_path / "ann")
    (tmp_path / "ann").chmod(0o640)
    with pytest.raises(ConfigurationError, match="others than its owner can use it; chmod 600 it"):
        private_key(tmp_path / "ann")


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "is no private key in PEM without a passphrase"),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "is no private key in PEM"),
        (
            Ed448PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
            "is not an Ed25519 key",
        ),
        (bytes(20_000), "larger than 16384 bytes, which no key is"),
    ],
)
def test_a_file_that_is_no_private_key_is_named(tmp_path: Path, content: bytes, fault: str) -> None:
    path = tmp_path / "key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(ConfigurationError, match=f"key: {fault}"):
        private_key(path)
    with pytest.raises(ConfigurationError, match="gone cannot be read: No such file"):
        private_key(tmp_path / "gone")


def test_terms_stand_anywhere_after_the_key(tmp_path: Path) -> None:
    words = public_line(PUBLIC).strip()
    path = tmp_path / "a.pub"
    path.write_text(
        "# Ann's\n\n"
        f"{words} not-before=2026-01-01 not-after=2027-01-01T12:00:00+01:00 Ann at noon\n"
        f"{words} revoked Ann\n"
        f"{words} Ann at Acme REVOKED\n"
    )
    first, second, third = public_keys(path)
    assert (first.not_before, first.not_after, first.revoked) == (1767225600.0, 1798801200.0, False)
    assert first.comment == "Ann at noon"
    assert (second.revoked, second.comment) == (True, "Ann")
    assert (third.revoked, third.comment) == (True, "Ann at Acme")


OTHER_ID = base64.b64encode(bytes(31)).decode()


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("ssh-ed25519 AAAA ann", "line 1: is not fsroute-ed25519 KEYID BASE64 comment"),
        (f"fsroute-ed25519 {KEY_ID} !", "line 1: the key is not in base64"),
        (f"fsroute-ed25519 {KEY_ID} {OTHER_ID}", "line 1: the key has 31 bytes, not 32"),
        (
            public_line(PUBLIC).replace(KEY_ID, "0" * 16),
            f"line 1: the key's id is {KEY_ID}, not 0000000000000000",
        ),
        (public_line(PUBLIC).strip() + " not-after=soon", "line 1: 'soon' is no date such as 2027-01-31"),
        ("\ufeff\ud800".encode("utf-8", "surrogatepass").decode("latin-1"), "line 1: is not"),
    ],
)
def test_a_line_that_is_wrong_is_named(tmp_path: Path, line: str, fault: str) -> None:
    (tmp_path / "acme").mkdir()
    (tmp_path / "acme/a.pub").write_text(line)
    with pytest.raises(ConfigurationError) as refused:
        trust(tmp_path)
    assert f"acme/a.pub: {fault}" in str(refused.value)


def test_a_folder_of_keys_that_is_none_or_holds_a_strange_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="gone: is no folder of keys"):
        trust(tmp_path / "gone")
    (tmp_path / "Acme Inc").mkdir()
    with pytest.raises(ConfigurationError, match="'Acme Inc' is no contact center"):
        trust(tmp_path)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_any_file_of_keys_is_refused_or_read(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.pub"
    path.write_bytes(content)
    with contextlib.suppress(ConfigurationError):
        assert all(isinstance(key, TrustedKey) for key in public_keys(path))


def test_a_key_that_is_no_point_of_the_curve_verifies_nothing() -> None:
    with pytest.raises(BundleRefused):
        verify(b"\xff" * 32, b"text", Ed25519PrivateKey.generate().sign(b"text"))
