"""What a site says of customers."""

from __future__ import annotations

import pytest

from fsroute.config import parse
from fsroute.errors import ConfigurationError

TABLE = "[[customers]]\nname = 'crm'\ncontact_centers = ['blue']\n"
HTTP = TABLE + "kind = 'http'\n"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (TABLE + "by = ['number', 'number']", "names a key twice"),
        (TABLE + "by = ['Account']", "does not match|matching regex"),
        (TABLE + "kind = 'sql'", "a statement is for kind sql, and must be there"),
        (TABLE + "statement = 'x.sql'", "a statement is for kind sql"),
        (TABLE + "database = 'dbname=x'", "a database is for kind sql"),
        (TABLE + "timeout = 60", "timeout"),
        (TABLE + TABLE, "customers names crm twice"),
        (TABLE + "take = { a = 'b' }", "take is for kind http"),
        (HTTP, "a url is for kind http"),
        (HTTP + "url = 'http://x/'", "must hold"),
        (HTTP + "url = 'http://x/{value}/{other}'", "must hold"),
        (HTTP + "url = 'http://{value}/'", "must name its server"),
        (HTTP + "url = 'http://user@x/{value}'", "must name its server"),
        (HTTP + "url = 'http://x/{value}'\nmethod = 'POST'", "must hold"),
        (HTTP + "url = 'http://x/{value}'\ntake = { a = '..' }", "take"),
        ("[numbers]\ncountry = '0'", "numbers.country"),
    ],
)
def test_what_cannot_be_is_said(text: str, fault: str) -> None:
    with pytest.raises(ConfigurationError, match=fault):
        parse(text)


def test_an_address_may_have_the_key_and_the_contact_center() -> None:
    config = parse(HTTP + "url = 'https://x/{contact_center}/{key}/{value}'")
    assert config.customers[0].by == ("number",)
