"""Dial strings as addresses."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsroute.importing.addresses import address

CONTACTS = """
user/1000@default                               user/1000@default       -
[leg_timeout=10]user/1000@default               user/1000@default       10
{originate_timeout=20,a=b}[leg_timeout=7]user/x user/x                  7
{^^:a=b:call_timeout=9}sofia/internal/x@10.0.0.1 sofia/internal/x@10.0.0.1 9
<a=b>loopback/5000/default                      loopback/5000/default   -
user/1,user/2                                   user/1                  -
user/1|sofia/gateway/gw/2                       user/1                  -
user/1:_:user/2                                 user/1                  -
${sofia_contact(1000@x.example)}                user/1000@x.example     -
${sofia_contact(internal/1000@x.example)}       user/1000@x.example     -
[leg_timeout=abc]verto.rtc/1000                 verto.rtc/1000          -
group/support@default                           -                       -
user/${agent}                                   -                       -
1000                                            -                       -
[unclosed=1                                     -                       -
"""


@pytest.mark.parametrize("line", [line for line in CONTACTS.splitlines() if line])
def test_a_contact_becomes_an_address(line: str) -> None:
    contact, text, rings = re.split(r"\s+(?=\S+\s+\S+$)|\s+(?=\S+$)", line)
    found = address(contact)
    assert (found.text or "-", str(found.rings or "-")) == (text, rings)


@given(st.text(max_size=80) | st.text(alphabet="[]{}<>^|,:_=a/$user", max_size=40))
def test_an_address_is_always_one_that_the_database_takes(contact: str) -> None:
    found = address(contact).text
    assert re.search(r"[\x00-\x1f${}\[\],]", found) is None
    assert len(found) <= 200
