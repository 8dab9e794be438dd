from __future__ import annotations

import fnmatch
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsroute.errors import ConfigurationError
from fsroute.install.preprocess import Expanded, expand

MAIN = "/conf/freeswitch.xml"


class Memory:
    """Files by absolute path."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self._files = files

    def read(self, path: str) -> str | None:
        return self._files.get(path)

    def glob(self, pattern: str) -> list[str]:
        found = (path for path in self._files if fnmatch.fnmatchcase(path, pattern))
        return sorted(path for path in found if path.count("/") == pattern.count("/"))


def _expand(files: Mapping[str, str], **variables: str) -> Expanded:
    return expand(Memory({f"/conf/{name}": text for name, text in files.items()}), MAIN, variables)


@pytest.mark.parametrize(
    ("line", "made"),
    [
        ("<a/>\n", "<a/>\n"),
        ("<a/>\r\n", "<a/>\r\n"),
        ("no end", "no end"),
        ("<include>\n<b/>\n</include>\n", "<b/>\n"),
        ("<include><b/></include>\n", ""),  # all on one line: FreeSWITCH drops the line
        ('<?xml version="1.0"?>\n', ""),
        ('<a v="$${known}"/>\n', '<a v="value"/>\n'),
        ('<a v="$${KNOWN}$${unknown}!"/>\n', '<a v="value!"/>\n'),
        ('<a v="$${unended"/>\n', '<a v="$${unended"/>\n'),
        ('<a v="${channel}"/>\n', '<a v="${channel}"/>\n'),
        ("<!-- $${known} -->\n", "<!-- value -->\n"),
        ("<!-- an X-PRE-PROCESS is spoken of -->\n", ""),
        ('<X-NO-PRE-PROCESS cmd="set" data="known=x"/>\n', '<X-NO-PRE-PROCESS cmd="set" data="known=x"/>\n'),
        ('<XX-PRE-PROCESS cmd="set" data="known=x"/>\n$${known}', "value"),
        ('<X-PRE-PROCESS cmd="set" data="known=new"/>after\n$${known}', "new"),
        ('<x-pre-process cmd="set" data=" odd = x"/>\n[$${ odd}]', "[x]"),
        ('<!-- <X-PRE-PROCESS cmd="set" data="known=commented"/> -->\n$${known}', "commented"),
        ("a<!--#set known=old way-->b\n$${known}", "ab\nold way"),
        ("a<!--#comment\nhidden $${known}\n-->shown\n", "ashown\n"),
        ('<X-PRE-PROCESS cmd="set"/>\n', ""),
        ("<X-PRE-PROCESS\n", ""),
    ],
)
def test_a_line_becomes_what_freeswitch_makes_of_it(line: str, made: str) -> None:
    assert _expand({"freeswitch.xml": line}, known="value").text == made


def test_includes_are_relative_to_the_file_that_has_them_and_in_order() -> None:
    made = _expand(
        {
            "freeswitch.xml": '<X-PRE-PROCESS cmd="include" data="deep/*.xml"/>\n',
            "deep/b.xml": "b\n",
            "deep/a.xml": 'a\n<X-PRE-PROCESS cmd="include" data="in/*.xml"/>\nz\n',
            "deep/in/c.xml": "c\n",
            "in/wrong.xml": "wrong\n",
            "deep/no.noload": "no\n",
        }
    )
    assert made.text == "a\nc\nz\nb\n"
    assert made.place(made.text.index("c")) == ("/conf/deep/in/c.xml", 1)
    assert made.place(made.text.index("z")) == ("/conf/deep/a.xml", 3)


def test_a_variable_counts_from_where_it_is_set() -> None:
    text = '$${x}\n<X-PRE-PROCESS cmd="include" data="vars.xml"/>\n$${x}\n'
    made = _expand({"freeswitch.xml": text, "vars.xml": '<X-PRE-PROCESS cmd="set" data="x=2"/>\n'}, x="1")
    assert made.text == "1\n2\n"


@pytest.mark.parametrize("command", ["exec", "exec-set", "stun-set", "env-set"])
def test_no_command_is_performed_but_each_is_told_of(command: str) -> None:
    made = _expand({"freeswitch.xml": f'\n<X-PRE-PROCESS cmd="{command}" data="x=reboot"/>\n'})
    assert made.text == "\n"
    assert made.unseen == [f"{MAIN}:2: {command} x=reboot"]


def test_an_include_of_itself_ends_as_it_does_in_freeswitch() -> None:
    made = _expand({"freeswitch.xml": 'x\n<X-PRE-PROCESS cmd="include" data="freeswitch.xml"/>\n'})
    assert made.text == "x\n" * 101


def test_includes_that_multiply_are_refused() -> None:
    text = '<X-PRE-PROCESS cmd="include" data="*.xml"/>\n'
    with pytest.raises(ConfigurationError, match="never ends"):
        _expand({"freeswitch.xml": text, "other.xml": text})


def test_a_configuration_without_a_main_file_is_none() -> None:
    with pytest.raises(ConfigurationError, match="no configuration of FreeSWITCH"):
        _expand({"vars.xml": ""})


@given(st.text(alphabet='<>!-#X-PRE-PROCESS cmd="set"data=include/$${}\r\n', max_size=80))
def test_whatever_stands_in_a_file_is_followed_to_its_end(text: str) -> None:
    made = _expand({"freeswitch.xml": text})
    assert len(made.text) <= len(text) * 102
