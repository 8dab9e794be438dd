"""Lists of customers as contact centers export them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsroute.customers.listing import Entry, Fault, ListRefused, entries, sniffed
from fsroute.customers.numbers import Plan

KEYS = {"phone": "number", "account": "account"}
LIST = """\ufeffPhone,Account,Name,Segment
(415) 555-0123,A-1,"Lovelace, Ada",gold
,A-2,Bob,
"""


def read(text: str, keys: dict[str, str] = KEYS) -> list[Entry | Fault]:
    return list(entries(text.splitlines(keepends=True), keys, Plan()))


def test_each_key_leads_to_the_customers_facts() -> None:
    ada = {"account": "A-1", "name": "Lovelace, Ada", "segment": "gold"}
    assert read(LIST) == [
        Entry(2, "number", "+14155550123", ada),
        Entry(2, "account", "A-1", ada),
        Entry(3, "account", "A-2", {"account": "A-2", "name": "Bob"}),
    ]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("x,A-3,Cyd,", "line 2: phone is no telephone number"),
        (",,Cyd,gold", "line 2: none of phone, account is there"),
        ("4155550123,A-3,Cyd", "line 2: 3 columns, not 4"),
        (f"4155550123,A-3,{'x' * 201},", "line 2: fact name is longer than 200 characters"),
    ],
)
def test_a_faulty_line_is_named_and_its_neighbours_are_read(line: str, why: str) -> None:
    found = read(f"phone,account,name,segment\n{line}\n,A-9,Dee,\n")
    assert [str(each) for each in found if isinstance(each, Fault)] == [why]
    assert found[-1] == Entry(3, "account", "A-9", {"account": "A-9", "name": "Dee"})


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "line 1: there is no column 'account', only none"),
        ("phone,name\n", "line 1: there is no column 'account', only phone, name"),
        ("phone,account,a,a\n", "line 1: two columns are called 'a'"),
        ("phone,account,Größe\n", "line 1: .*a fact's name"),
        ('phone,account\n\'"x\n"a"b,c\n', "line 3: "),
        ("phone,account\n" + "x" * 20_000 + ",1\n", "line 2: field larger"),
    ],
)
def test_a_list_that_cannot_be_read_says_where(text: str, why: str) -> None:
    with pytest.raises(ListRefused, match=why):
        read(text)


@pytest.mark.parametrize(
    ("first", "delimiter"), [("a,b", ","), ("a;b\n", ";"), ("a\tb\r\n", "\t"), ("number", ","), ("", ",")]
)
def test_the_delimiter_is_seen_in_the_first_line(first: str, delimiter: str) -> None:
    assert sniffed(first) == delimiter


@given(st.text(max_size=300))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        found = read("phone,account,name\n" + text)
    except ListRefused:
        return
    for each in found:
        assert isinstance(each, Fault) or (0 < len(each.value) <= 200 and len(each.facts) <= 3)
