"""Configuration files are data, whoever wrote them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsroute.importing.remarks import ImportRefused
from fsroute.importing.xmlfile import LARGEST, Reader, unknown_variables

BILLION = """<?xml version="1.0"?>
<!DOCTYPE lolz [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>
<configuration><queue name="&b;"/></configuration>"""
OUTSIDE = '<!DOCTYPE c [<!ENTITY x SYSTEM "file:///etc/passwd">]>\n<c><queue name="&x;"/></c>'


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (BILLION, "f.xml:2: a document type"),
        (OUTSIDE, "f.xml:1: a document type"),
        ('<!DOCTYPE c SYSTEM "http://127.0.0.1:9/x.dtd"><c/>', "f.xml:1: a document type"),
        ("<c>\n<queue name=x/></c>", "f.xml:2: this is no XML"),
        ("<c>&x;</c>", "f.xml:1: this is no XML: undefined entity"),
        ("", "f.xml:1: this is no XML"),
        ("<a>" * 40 + "</a>" * 40, "f.xml:1: more than 32 elements within each other"),
        ('<?xml version="1.0" encoding="klingon"?><c/>', "this is no XML"),
        ("x" * (LARGEST + 1), "f.xml: more than 5000000 bytes"),
    ],
)
def test_what_is_no_plain_xml_is_refused_with_its_line(text: str, why: str) -> None:
    with pytest.raises(ImportRefused, match=why):
        Reader().read(text.encode(), "f.xml")


def test_variables_are_replaced_where_they_are_known() -> None:
    reader = Reader({"a": "1"})
    text = '<c><X-PRE-PROCESS cmd="set" data="b=$${a}2"/><q x="$${b}" y="$${c}" z="${a}"/></c>'
    [found] = reader.read(text.encode(), "f.xml").all("q")
    assert found.attributes == {"x": "12", "y": "$${c}", "z": "${a}"}
    assert unknown_variables("$${c}/$${d}") == ["c", "d"]


def test_a_variable_that_holds_itself_does_not_grow() -> None:
    reader = Reader({"a": "x" * 4000})
    sets = "".join('<X-PRE-PROCESS cmd="set" data="a=$${a}$${a}"/>' for _ in range(50))
    with pytest.raises(ImportRefused, match="longer than 10000"):
        reader.read(f"<c>{sets}</c>".encode(), "f.xml")


def test_nothing_is_performed() -> None:
    reader = Reader()
    reader.read(b'<c>\n<X-PRE-PROCESS cmd="exec-set" data="ip=curl http://x"/>\n</c>', "f.xml")
    assert [str(remark) for remark in reader.remarks] == [
        "f.xml:2: exec-set ip=curl http://x: nothing is performed; give what it sets with --var NAME=VALUE"
    ]


def test_settings_may_be_lines() -> None:
    reader = Reader()
    reader.read_settings("# theirs\nhold_music=local_stream://x\n\nnonsense\n", "vars")
    assert reader.variables == {"hold_music": "local_stream://x"}
    assert [str(remark) for remark in reader.remarks] == ["vars:4: 'nonsense' sets no variable"]


@given(st.binary(max_size=300) | st.text(alphabet="<>/=&;!\"'[]ab \n$", max_size=80).map(str.encode))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        Reader().read(data, "f.xml")
    except ImportRefused:
        return
