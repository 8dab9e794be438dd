"""A bundle is taken whole and signed, or refused with the file and the fault."""

from __future__ import annotations

import contextlib
import stat
import struct
import zipfile
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fsroute.errors import ApplicationError
from fsroute.ivr import load
from fsroute.ivr.archive import Bundle, Limits, examine, file_name, pack, read, unpack
from fsroute.ivr.manifest import MANIFEST, SIGNATURE, BundleRefused, encode
from fsroute.ivr.signature import Trust, TrustedKey, public_of, sign
from fsroute.ivr.zipform import pack as zipped
from tests.unit.ivr.bundles import (
    FILES,
    KEY,
    KEY_ID,
    NOW,
    OTHER_KEY,
    TOML,
    TRUST,
    archive,
    folder_of,
    manifest,
    packed,
    signed,
    zip_with,
)

LIMITS = Limits()


def refusal(data: bytes | Path, trust: Trust = TRUST, now: float = NOW, limits: Limits = LIMITS) -> str:
    with pytest.raises(BundleRefused) as refused:
        read(data, trust, now, limits)
    text = str(refused.value)
    assert "\n" not in text
    return text


def test_what_was_packed_is_read_and_runs_from_where_it_is_unpacked(tmp_path: Path) -> None:
    bundle = read(packed(tmp_path), TRUST, NOW)
    assert (bundle.manifest.name, bundle.manifest.version) == ("test", "1")
    assert bundle.manifest.contact_center == "acme"
    assert bundle.key is not None
    assert bundle.key.key_id == KEY_ID == bundle.manifest.key_id
    assert file_name(bundle.manifest) == "test-1.fsapp"
    folder = unpack(bundle, tmp_path / "shelf" / "test" / "1")
    application = load(folder)
    assert (application.name, application.version) == ("test", "1")
    assert sorted(path.name for path in folder.parent.iterdir()) == ["1"], "nothing is left beside it"
    assert stat.S_IMODE((folder / "prompts/en").stat().st_mode) & 0o055 == 0o055, "the switch can read it"


def test_the_same_folder_gives_the_same_bytes(tmp_path: Path) -> None:
    first, second = packed(tmp_path / "one"), packed(tmp_path / "two")
    assert first == second


def test_any_zip_program_reads_it(tmp_path: Path) -> None:
    with zipfile.ZipFile(BytesIO(packed(tmp_path))) as file:
        assert file.testzip() is None
        assert file.namelist()[:3] == [MANIFEST, SIGNATURE, "application.toml"]


def test_only_what_the_application_needs_is_packed(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "a")
    (folder / "prompts/en/words.toml").write_text("")
    (folder / "notes.txt").write_text("private")
    files = examine(pack(folder, KEY, contact_center="acme", created_at=NOW)).files
    assert sorted(files) == ["application.toml", "prompts/en/hello.wav", "prompts/en/sorry.wav"]


def test_an_application_with_faults_is_not_packed(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "a", steps='\n[steps.a]\ndo = "play"\nprompt = "gone"\nnext = "a"\n')
    with pytest.raises(ApplicationError, match="prompt gone is missing"):
        pack(folder, KEY, contact_center="acme", created_at=NOW)


def test_a_contact_center_that_cannot_be_is_not_packed(tmp_path: Path) -> None:
    with pytest.raises(BundleRefused, match="contact_center: 'A B' is no contact center"):
        packed(tmp_path, contact_center="A B")


def test_a_good_archive_made_by_hand_is_taken() -> None:
    assert read(archive(), TRUST, NOW).files == FILES


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"", "is no archive, or was cut short"),
        (b"GIF89a" * 100, "is no archive, was cut short, or has something behind its end"),
        (archive() + b"\0", "is no archive, was cut short, or has something behind its end"),
        (archive()[:-1], "is no archive, was cut short, or has something behind its end"),
        (b"#!" + archive(), "the archive's directory is damaged"),
    ],
)
def test_what_is_no_archive_is_refused(data: bytes, fault: str) -> None:
    assert refusal(data) == fault


def strange(name: str, **fields: object) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = (stat.S_IFREG | 0o644) << 16
    for field, value in fields.items():
        setattr(info, field, value)
    return info


@pytest.mark.parametrize(
    ("entry", "fault"),
    [
        (strange("../evil.wav"), "'../evil.wav': the path leads out of the bundle"),
        (strange("prompts/../../x.wav"), "'prompts/../../x.wav': the path leads out of the bundle"),
        (strange("/etc/passwd"), "'/etc/passwd': the path is absolute"),
        (strange("C:/x.wav"), "'C:/x.wav': the path is absolute"),
        (strange("prompts\\en\\x.wav"), "'prompts\\\\en\\\\x.wav': there is a backslash in the path"),
        (
            strange("notes.txt"),
            "'notes.txt': only application.toml and prompts/<language>/<prompt>.wav may be in a bundle",
        ),
        (
            strange("prompts/en/HELLO.wav"),
            "'prompts/en/HELLO.wav': only application.toml and prompts/<language>/<prompt>.wav may be in a bundle",
        ),
        (
            strange("prompts/en/e\u0301.wav"),
            "'prompts/en/e\\u0301.wav': a name in a bundle is of ASCII letters",
        ),
        (strange("prompts/en/more.wav"), "prompts/en/more.wav: is not in the manifest"),
        (
            strange("prompts/en/more.wav", external_attr=(stat.S_IFLNK | 0o777) << 16),
            "'prompts/en/more.wav': is a symbolic link",
        ),
        (
            strange("prompts/en/more.wav", external_attr=(stat.S_IFIFO | 0o644) << 16),
            "'prompts/en/more.wav': is no ordinary file",
        ),
        (strange("prompts/en/", external_attr=0x10), "'prompts/en/': is no ordinary file"),
        (
            strange("prompts/en/more.wav", compress_type=zipfile.ZIP_LZMA),
            "'prompts/en/more.wav': has flags (0x2) that a bundle has not",
        ),
        (
            strange("prompts/en/more.wav", compress_type=zipfile.ZIP_BZIP2),
            "'prompts/en/more.wav': is packed by method 12, which a bundle is not",
        ),
        (
            strange("prompts/en/more.wav", extra=b"\1\0\2\0ab"),
            "the archive has extra fields or comments, which a bundle has not",
        ),
        (
            strange("prompts/en/more.wav", comment=b"hello"),
            "the archive has extra fields or comments, which a bundle has not",
        ),
    ],
)
def test_a_strange_entry_is_refused(entry: zipfile.ZipInfo, fault: str) -> None:
    content = b"" if entry.filename.endswith("/") else b"x"
    assert refusal(zip_with(entry, content)) == fault


def test_an_encrypted_entry_is_refused() -> None:
    data = bytearray(archive())
    at = data.rindex(b"PK\1\2")
    data[at + 8] |= 1
    assert refusal(bytes(data)) == "'prompts/en/hello.wav': is encrypted"


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_file_that_is_there_twice_is_refused() -> None:
    twice = zip_with(strange("prompts/en/hello.wav"), b"other")
    assert refusal(twice) == "'prompts/en/hello.wav': is there twice"
    assert refusal(zip_with(strange(MANIFEST), b"{}")) == "manifest.json: is there twice"


def test_names_that_differ_by_capital_letters_are_refused() -> None:
    files = {
        "application.toml": TOML,
        "prompts/es-MX/hello.wav": b"1",
        "prompts/es-mx/hello.wav": b"2",
    }
    assert (
        refusal(archive(files, languages=("es-MX", "es-mx")))
        == "'prompts/es-mx/hello.wav': differs from 'prompts/es-MX/hello.wav' by capital letters only"
    )


def test_a_manifest_or_signature_that_is_missing_is_named() -> None:
    assert refusal(zipped({SIGNATURE: bytes(64), **FILES})) == "manifest.json: is missing"
    assert refusal(zipped({MANIFEST: encode(manifest()), **FILES})) == "manifest.sig: is missing"


def test_a_file_that_was_changed_is_refused() -> None:
    changed = {**FILES, "prompts/en/hello.wav": b"RIFF" + bytes(99) + b"x"}
    assert (
        refusal(signed(encode(manifest()), changed))
        == "prompts/en/hello.wav: was changed, its SHA-256 is not the manifest's"
    )


def test_a_file_that_is_longer_missing_or_too_much_is_refused() -> None:
    text = encode(manifest())
    longer = {**FILES, "prompts/en/hello.wav": b"RIFF" + bytes(101)}
    assert refusal(signed(text, longer)) == "prompts/en/hello.wav: has not the size that the manifest says"
    without = {"application.toml": TOML}
    assert refusal(signed(text, without)) == "prompts/en/hello.wav: is in the manifest, but missing"


def test_a_manifest_that_was_changed_after_signing_is_refused() -> None:
    signature = sign(KEY, encode(manifest()))
    data = zipped({MANIFEST: encode(manifest(numbers=("911",))), SIGNATURE: signature, **FILES})
    assert refusal(data) == "manifest.sig: the manifest was changed, or signed with another key"


def test_another_keys_signature_under_a_trusted_keys_name_is_refused() -> None:
    data = signed(encode(manifest()), key=OTHER_KEY)
    assert refusal(data) == "manifest.sig: the manifest was changed, or signed with another key"


def test_a_signature_of_another_length_is_refused() -> None:
    data = zipped({MANIFEST: encode(manifest()), SIGNATURE: b"", **FILES})
    assert refusal(data) == "manifest.sig: is 0 bytes long, not 64"


def test_a_signature_is_looked_at_before_any_other_file() -> None:
    data = signed(encode(manifest()), {"application.toml": b"?"}, key=OTHER_KEY)
    assert refusal(data).startswith("manifest.sig: ")


def test_an_application_that_is_another_than_the_manifest_says_is_refused() -> None:
    files = {"application.toml": TOML.replace(b'"1"', b'"2"')}
    assert refusal(archive(files)) == "application.toml: version is not '1', as the manifest says"
    assert refusal(archive({"application.toml": b"= ="})) == "application.toml: is not TOML"
    endless = b"a." * 400_000 + b"b = 1"
    assert refusal(archive({"application.toml": endless})) == "application.toml: is not TOML"


def test_an_expired_bundle_is_refused() -> None:
    data = archive(expires_at=int(NOW) + 10)
    assert read(data, TRUST, NOW + 9)
    assert refusal(data, now=NOW + 10) == "test 1: expired at 2027-01-15 08:00:10 UTC"


def test_a_key_that_is_not_trusted_is_refused() -> None:
    other = Trust.of({"acme": [TrustedKey(public_of(OTHER_KEY))], "delta": [TrustedKey(public_of(KEY))]})
    assert refusal(archive(), other) == f"test 1: key {KEY_ID} is not trusted for contact center acme"
    assert refusal(archive(), Trust()) == "test 1: contact center acme is not trusted here"


@pytest.mark.parametrize(
    ("limits", "fault"),
    [
        (Limits(archive=100), "larger than 100 bytes"),
        (Limits(files=1), "the archive holds 4 files, 3 at most may be"),
        (Limits(file=50), "prompts/en/hello.wav: larger than 50 bytes"),
        (Limits(total=200), " bytes, 200 at most may be"),
    ],
)
def test_an_oversized_bundle_is_refused(limits: Limits, fault: str) -> None:
    assert refusal(archive(), limits=limits).endswith(fault)


def test_what_inflates_too_far_is_refused_before_it_is_inflated() -> None:
    files = {**FILES, "prompts/en/silence.wav": bytes(5_000_000)}
    assert refusal(archive(files)) == "inflates to more than 100 times its size"


def test_what_inflates_to_more_than_it_says_is_refused() -> None:
    listed = encode(manifest({**FILES, "prompts/en/z.wav": bytes(10)}))
    data = bytearray(signed(listed, {**FILES, "prompts/en/z.wav": bytes(1000)}))
    for mark, at in ((b"PK\1\2", 24), (b"PK\3\4", 22)):
        struct.pack_into("<L", data, data.rindex(mark) + at, 10)
    assert refusal(bytes(data)) == "prompts/en/z.wav: inflates to more than the archive says"


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    assert refusal(tmp_path / "gone.fsapp") == "gone.fsapp: cannot be read: No such file or directory"
    assert refusal(tmp_path) == f"{tmp_path.name}: is no ordinary file"
    path = tmp_path / "x.fsapp"
    path.write_bytes(b"1")
    assert refusal(path) == "x.fsapp: is no archive, or was cut short"


def test_a_folder_that_holds_the_same_bundle_stays_and_another_is_left_alone(tmp_path: Path) -> None:
    bundle = read(archive(), TRUST, NOW)
    folder = unpack(bundle, tmp_path / "one")
    assert unpack(bundle, folder) == folder
    (folder / "prompts/en/hello.wav").write_bytes(b"!")
    with pytest.raises(ApplicationError, match="holds something else already"):
        unpack(bundle, folder)


def test_what_cannot_be_unpacked_leaves_nothing(tmp_path: Path) -> None:
    bundle = read(archive(), TRUST, NOW)
    broken = Bundle(bundle.manifest, {"prompts": b"", **bundle.files}, b"", "", 0)
    with pytest.raises(ApplicationError, match="cannot be written"):
        unpack(broken, tmp_path / "one")
    assert list(tmp_path.iterdir()) == []


GOOD = archive()


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """The good archive after some bytes were changed, cut out, doubled or put in."""
    data = bytearray(GOOD)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        length = draw(st.integers(0, 8))
        data[at : at + length] = draw(st.binary(max_size=8))
    return bytes(data)


@settings(max_examples=600, deadline=None)
@given(mutated())
def test_a_changed_archive_is_refused_or_says_the_same(data: bytes) -> None:
    for trust in (TRUST, None):
        with contextlib.suppress(BundleRefused):
            bundle = examine(data) if trust is None else read(data, trust, NOW)
            assert dict(bundle.files) == FILES
            assert bundle.manifest == manifest()


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=400), st.binary(max_size=100), st.binary(max_size=100))
def test_anything_in_an_archive_is_refused(text: bytes, signature: bytes, application: bytes) -> None:
    data = zipped({MANIFEST: text, SIGNATURE: signature, "application.toml": application})
    with pytest.raises(BundleRefused):
        read(data, TRUST, NOW)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=400))
def test_any_application_under_a_right_signature_is_refused_or_read(application: bytes) -> None:
    try:
        bundle = read(archive({"application.toml": application}), TRUST, NOW)
    except BundleRefused:
        return
    assert bundle.files["application.toml"] == application
