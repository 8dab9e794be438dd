from __future__ import annotations

import pytest

from fsroute.switchsim.addresses import parse_address


@pytest.mark.parametrize(
    ("text", "key", "profile"),
    [
        ("sofia/internal/1001@127.0.0.1:5080", "1001@127.0.0.1:5080", "internal"),
        ("sofia/fsroute_link/fsr0123@10.0.0.2:5072;transport=tcp", "fsr0123@10.0.0.2:5072", "fsroute_link"),
        ("sofia/internal/sip:1001@10.0.0.1", "1001@10.0.0.1", "internal"),
        ("sip:1001@10.0.0.1", "1001@10.0.0.1", "internal"),
        ("user/1001", "user/1001", "internal"),
        ("user/1001@center.example", "user/1001", "internal"),
        ("sofia/gateway/carrier/+14155550199", "+14155550199", "carrier"),
        ("error/USER_BUSY", "USER_BUSY", ""),
    ],
)
def test_an_address_names_who_is_called(text: str, key: str, profile: str) -> None:
    address = parse_address(text)
    assert (address.key, address.profile) == (key, profile)


@pytest.mark.parametrize(
    ("text", "context"),
    [
        ("loopback/1001", "default"),
        ("loopback/1001/public", "public"),
        ("loopback/1001/public/XML", "public"),
    ],
)
def test_a_loopback_names_a_number_and_its_context(text: str, context: str) -> None:
    address = parse_address(text)
    assert (address.kind, address.user, address.profile) == ("loopback", "1001", context)


@pytest.mark.parametrize("text", ["", "1001", "loopback/", "user/", "sofia/internal", "sofia//x"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="address"):
        parse_address(text)
