from __future__ import annotations

import contextlib
import xml.etree.ElementTree as ElementTree
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsroute.install.freexml import Element, Malformed, parse


def _as_tuple(element: Element) -> tuple[object, ...]:
    return (element.tag, element.attributes, [_as_tuple(child) for child in element.children])


def _from_expat(element: ElementTree.Element) -> tuple[object, ...]:
    return (element.tag, dict(element.attrib), [_from_expat(child) for child in element])


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("<a/>", ("a", {}, [])),
        ("<a />", ("a", {}, [])),
        ("before <a>text</a> after", ("a", {}, [])),
        ("<a b='1' c = \"x > y\"/>", ("a", {"b": "1", "c": "x > y"}, [])),
        ('<a b="&lt;&amp;&#65;&#x42;&quot;&unknown;"/>', ("a", {"b": '<&AB"&unknown;'}, [])),
        ('<a b="bare & amp"/>', ("a", {"b": "bare & amp"}, [])),
        ("<a b/>", ("a", {"b": ""}, [])),
        ('<a b="1" b="2"/>', ("a", {"b": "1"}, [])),
        ("<a><b/><!-- <c> --><![CDATA[<d>]]></a>", ("a", {}, [("b", {}, [])])),
        ("<?xml version='1.0'?><!DOCTYPE a [<!ELEMENT a ANY>]><a/>", ("a", {}, [])),
        ("<a><b></b ></a >", ("a", {}, [("b", {}, [])])),
    ],
)
def test_what_freeswitch_takes_is_taken(text: str, tree: tuple[object, ...]) -> None:
    assert _as_tuple(parse(text)) == tree


@pytest.mark.parametrize(
    ("text", "fault", "offset"),
    [
        ("", "root tag missing", 0),
        ("nothing", "root tag missing", 7),
        ("<a>", "unclosed tag <a>", 0),
        ("<a><b></a>", "unexpected closing tag </a>", 6),
        ("<a/><b/>", "markup outside of root element", 4),
        ("<a/></b>", "unexpected closing tag </b>", 4),
        ('<a b="c/>', 'missing "', 0),
        ("<a b", "missing >", 0),
        ("<a / >", "missing >", 0),
        ("<a><!-- -- --></a>", "unclosed <!--", 3),
        ("<a><![CDATA[</a>", "unclosed <![CDATA[", 3),
        ("<a>1 < 2</a>", "unexpected <", 5),
        ("<a><?php</a>", "unclosed <?", 3),
    ],
)
def test_what_freeswitch_refuses_is_refused_in_its_words(text: str, fault: str, offset: int) -> None:
    with pytest.raises(Malformed) as caught:
        parse(text)
    assert (str(caught.value), caught.value.offset) == (fault, offset)


@given(st.text(alphabet="<>/=!-?[]'\"&;# ab\n", max_size=40))
def test_any_text_is_a_tree_or_malformed(text: str) -> None:
    with contextlib.suppress(Malformed):
        assert parse(text).tag is not None


_names = st.sampled_from(["a", "b", "param", "X-y", "_z"])
_values = st.text(alphabet="ab<>&'\" é", max_size=6)
_trees: st.SearchStrategy[Any] = st.recursive(
    st.tuples(_names, st.dictionaries(_names, _values, max_size=3), st.just([])),
    lambda inner: st.tuples(_names, st.just({}), st.lists(inner, max_size=3)),
    max_leaves=6,
)


def _written(tree: Any) -> ElementTree.Element:
    tag, attributes, children = tree
    element = ElementTree.Element(tag, attributes)
    element.extend(_written(child) for child in children)
    return element


@given(_trees)
def test_well_formed_xml_is_read_as_expat_reads_it(tree: Any) -> None:
    text = ElementTree.tostring(_written(tree), encoding="unicode")
    assert _as_tuple(parse(text)) == _from_expat(ElementTree.fromstring(text))
