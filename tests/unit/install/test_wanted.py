from __future__ import annotations

import os
import xml.etree.ElementTree as ElementTree
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fsroute.config import Config, convert
from fsroute.install.freexml import parse
from fsroute.install.preprocess import expand
from fsroute.install.wanted import Known, Number, Wanted, dialplan_settings, wanted

SOUNDS = PurePosixPath("/usr/share/freeswitch/sounds")
GOLDEN = Path(__file__).parent / "golden_install"
ENTRY = "conf/dialplan/public/00_fsroute.xml"
LINK = "conf/sip_profiles/fsroute_link.xml"


def _wanted(text: str = "", known: Known | None = None) -> Wanted:
    return wanted(convert(text, Config, "test"), known or Known(), SOUNDS)


def _networks(made: Wanted) -> list[str]:
    tree = ElementTree.fromstring(made.files[LINK])
    return [each.get("value", "") for each in tree.iter("param") if each.get("name") == "apply-inbound-acl"]


def test_the_dialplan_leads_to_what_this_host_serves() -> None:
    text = """
        scp = {listen_port = 9002}
        callserver = {listen_host = '0.0.0.0', listen_port = 9001, hold_music = 'local_stream://soft'}
        """
    made = dialplan_settings(convert(text, Config, "test"))
    assert (made.callservers, made.routing_processors) == (("127.0.0.1:9001",), ("127.0.0.1:9002",))
    assert made.hold_music == "local_stream://soft"
    given = convert(text + "\n[dialplan]\ncallservers = ['10.0.0.1:1', '10.0.0.2:2']", Config, "test")
    assert dialplan_settings(given).callservers == ("10.0.0.1:1", "10.0.0.2:2")


def test_what_is_put_on_a_switch_is_as_the_golden_files_say() -> None:
    """To accept a change: run with FSROUTE_UPDATE_GOLDEN=1, and read the difference."""
    known = Known(
        (Number("8005550100", "Acme <Sons> -- & Co"), Number("+448005550101", "Blue")), ("192.0.2.2:5090",)
    )
    text = """
        links = {address = '192.0.2.1:5090'}
        dialplan = {feature_numbers = ['8005550199'], numbers_before_answer = ['8005550102']}
        """
    made = {
        target.removeprefix("conf/"): content.decode()
        for target, content in _wanted(text, known).files.items()
        if target.startswith("conf/")
    }
    if os.environ.get("FSROUTE_UPDATE_GOLDEN"):
        for path, content in made.items():
            (GOLDEN / path).parent.mkdir(parents=True, exist_ok=True)
            (GOLDEN / path).write_text(content)
    golden = {str(path.relative_to(GOLDEN)): path.read_text() for path in GOLDEN.rglob("*.xml")}
    assert made == golden


def test_numbers_are_those_of_the_configuration_and_the_database_each_once() -> None:
    known = Known((Number("8005550100", "Acme"), Number("+8005550101", "Acme"), Number("support", "Acme")))
    made = _wanted("[dialplan]\nnumbers = ['+8005550100']", known)
    assert made.numbers == ("+8005550100", "+8005550101", "support")
    assert _wanted("[install]\nnumbers_from_database = false", known).numbers == ()


def test_the_contexts_of_callers_and_agents_may_be_others_or_one() -> None:
    made = _wanted(
        "[install]\nentry_context = 'carrier'\nfeature_context = 'carrier'", Known((Number("1", "A"),))
    )
    tree = ElementTree.fromstring(made.files["conf/dialplan/carrier/00_fsroute.xml"])
    assert [each.get("name") for each in tree.iter("extension")] == ["fsroute_1", "fsroute_feature_codes"]
    none = _wanted("[install]\nentry_context = ''\nfeature_context = ''")
    assert not any(target.endswith("00_fsroute.xml") for target in none.files)


@pytest.mark.parametrize(
    ("links", "configured", "networks", "noted"),
    [
        (("192.0.2.2:5090", "192.0.2.3:5090", "192.0.2.2:5091"), "", ["192.0.2.2/32", "192.0.2.3/32"], ""),
        (("192.0.2.2:5090",), "link_networks = ['10.0.0.0/8']", ["10.0.0.0/8"], ""),
        (("east.example.net:5090",), "", ["fsroute_links"], "east.example.net is known by name"),
        ((), "", ["fsroute_links"], "no other switch is known"),
        (("[2001:db8::1]:5090",), "", ["fsroute_links"], ""),
    ],
)
def test_the_profile_for_network_legs_takes_calls_of_the_other_switches_only(
    links: tuple[str, ...], configured: str, networks: list[str], noted: str
) -> None:
    made = _wanted(f"[links]\naddress = '192.0.2.1:5091'\n[install]\n{configured}", Known((), links))
    assert _networks(made) == networks
    assert any(noted in note for note in made.notes)
    assert made.link_networks == (("2001:db8::1/128",) if "2001" in str(links) else ())


def test_a_switch_that_is_known_by_name_listens_where_freeswitch_does() -> None:
    text = _wanted("[links]\naddress = 'east.example.net:5090'").files[LINK].decode()
    assert '<param name="sip-ip" value="$${local_ip_v4}"/>' in text
    assert LINK not in _wanted().files, "without an address there is no profile"


class _One:
    """One file, included into a document."""

    def __init__(self, text: str) -> None:
        self._files = {
            "/c/freeswitch.xml": '<d>\n<X-PRE-PROCESS cmd="include" data="x.xml"/>\n</d>\n',
            "/c/x.xml": text,
        }

    def read(self, path: str) -> str | None:
        return self._files.get(path)

    def glob(self, pattern: str) -> list[str]:
        return [pattern]


_hostile = st.one_of(
    st.text(max_size=30),
    st.sampled_from(
        [
            "--><X-PRE-PROCESS cmd=\"exec\" data=\"reboot\"/><!--",
            "$${sounds_dir}",
            "a -- b --->",
            "</include>",
            "<?xml?>",
            "\n<X-PRE-PROCESS cmd='include' data='/etc/*'/>\n",
            "x-PRE-process",
            "<!--#set x=y-->",
        ]
    ),
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(_hostile, _hostile), max_size=4))
def test_whatever_numbers_and_names_the_database_has_freeswitch_reads_our_extensions_and_nothing_else(
    rows: list[tuple[str, str]],
) -> None:
    made = _wanted("", Known((*(Number(*row) for row in rows), Number("8005550100", "Acme"))))
    text = made.files[ENTRY].decode()
    read = expand(_One(text), "/c/freeswitch.xml", {"sounds_dir": "EXPANDED"})
    assert read.unseen == []
    assert read.files == ["/c/freeswitch.xml", "/c/x.xml"]
    assert "EXPANDED" not in read.text
    tree = parse(read.text)
    assert len(tree.children) == len(made.numbers)
    assert {child.tag for child in tree.children} == {"extension"}
    assert [each.get("data") for each in tree.every("action")] == ["$1 XML fsroute"] * len(made.numbers)
