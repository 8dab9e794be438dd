"""A manifest has one form in bytes, and says nothing that cannot be."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fsroute.ivr.manifest import BundleRefused, FileEntry, encode, parse, wrong_path
from tests.unit.ivr.bundles import KEY_ID, manifest


def refusal(data: bytes) -> str:
    with pytest.raises(BundleRefused) as refused:
        parse(data)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_a_manifest_is_read_as_it_was_written() -> None:
    one = manifest(numbers=("8005550199", "+15550100"), expires_at=1_900_000_000)
    assert parse(encode(one)) == one


def test_a_manifest_of_another_format_says_so_first() -> None:
    assert refusal(b'{"format":2,"news":true}') == "manifest.json: format 2 is not known here, 1 is"


def test_a_manifest_in_another_form_is_refused() -> None:
    text = encode(manifest())
    assert refusal(text + b"\n") == "manifest.json: is not in its canonical form"
    assert refusal(text.replace(b'"name":"test"', b'"name": "test"')).endswith("is not in its canonical form")
    assert refusal(text[:-1] + b',"version":"1"}').endswith("is not in its canonical form")


def test_an_unknown_field_is_refused() -> None:
    text = encode(manifest())
    assert refusal(text[:-1] + b',"colour":1}') == ("manifest.json: Object contains unknown field `colour`")


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"name": "../x"}, "name: '../x' is no application's name: a-z, 0-9, - and _"),
        ({"version": "1/2"}, "version: '1/2' is no version: letters, digits and . _ + -"),
        (
            {"contact_center": "Acme"},
            "contact_center: 'Acme' is no contact center: a-z, 0-9, - and _, 40 at most",
        ),
        ({"numbers": ("12a",)}, "numbers: '12a' is no number: 0-9, * and #, 32 at most, perhaps after a +"),
        ({"languages": ("english",)}, "languages: 'english' is no language, such as en or es-MX"),
        ({"key_id": "x"}, "key_id: 'x' is no key's id: 16 digits of 0-9 and a-f"),
        ({"expires_at": 1}, "expires_at is not after created_at"),
        ({"languages": ("es",)}, "prompts/en/hello.wav: language en is none of es"),
        ({"files": ()}, "application.toml is not in it"),
        (
            {"files": (FileEntry("application.toml", 1, "00"),)},
            "application.toml: '00' is no SHA-256: 64 digits of 0-9 and a-f",
        ),
        (
            {"files": (FileEntry("application.toml", 1, "0" * 64),) * 2},
            "'application.toml': is there twice",
        ),
        (
            {
                "files": (
                    FileEntry("prompts/en/a.wav", 1, "0" * 64),
                    FileEntry("application.toml", 1, "0" * 64),
                )
            },
            "the files are not in order of their paths",
        ),
        ({"files": (FileEntry("../x", 1, "0" * 64),)}, "'../x': the path leads out of the bundle"),
    ],
)
def test_a_word_that_cannot_be_is_named(fields: dict[str, object], fault: str) -> None:
    assert refusal(encode(manifest(**fields))) == f"manifest.json: {fault}"


@pytest.mark.parametrize(
    ("path", "fault"),
    [
        ("application.toml", ""),
        ("prompts/en/welcome.wav", ""),
        ("prompts/es-MX/digits/0.wav", ""),
        ("application.toml/", "only "),
        ("prompts/en/a/b/c.wav", "only "),
        ("prompts/en/.wav", "only "),
        ("prompts/en/./a.wav", "only "),
        ("prompts//a.wav", "only "),
        ("prompts/en/a.wav\n", "only "),
        ("prompts/en/a\0.wav", "there is a NUL"),
        ("prompts/../a.wav", "the path leads out"),
        ("/a.wav", "the path is absolute"),
        ("prompts/en/e\u0301.wav", "the path is not in Unicode's normal form NFC"),
        ("prompts/en/é.wav", "only "),
        ("p" * 201, "the path is longer than 200 characters"),
    ],
)
def test_only_paths_of_an_application_may_be(path: str, fault: str) -> None:
    assert wrong_path(path).startswith(fault)
    assert bool(wrong_path(path)) is bool(fault)


@settings(max_examples=400, deadline=None)
@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_any_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(BundleRefused):
        parse(data)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(sorted(msgspec.to_builtins(manifest()))), json_values)
def test_any_value_in_a_field_is_refused_or_read_as_it_is(field: str, value: object) -> None:
    data = msgspec.json.encode({**msgspec.to_builtins(manifest()), field: value})
    try:
        one = parse(data)
    except BundleRefused:
        return
    assert encode(one) == data
    assert one.key_id == KEY_ID or field == "key_id"
