"""Reading what FreeSWITCH answers to api commands. Pure; what cannot be read is as if it were not said."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping

from fsroute.doctor.facts import EventSocketFacts, Gateway, Load, Profile

DEFAULT_PASSWORD = "ClueCon"
_READY = re.compile(r"is ready\b")
_SESSIONS = re.compile(r"^(\d+) session\(s\) - peak", re.MULTILINE)
_PER_SECOND = re.compile(r"session\(s\) per Sec out of max (\d+)")
_MOST = re.compile(r"^(\d+) session\(s\) max", re.MULTILINE)
_VERSION = re.compile(r"FreeSWITCH Version ([0-9A-Za-z.~+_-]{1,60})")
MOST_ROWS = 10_000


def version(said: str) -> str:
    """``1.11.1-release~64bit`` of what ``version`` says; empty where it says none."""
    found = _VERSION.search(said)
    return "" if found is None else found[1]


def numbers(text: str) -> tuple[int, int]:
    """Major and minor of a version, (0, 0) where there are none: ``1.10.12`` is (1, 10)."""
    found = re.match(r"(\d{1,4})\.(\d{1,4})", text)
    return (0, 0) if found is None else (int(found[1]), int(found[2]))


def load(said: str) -> Load:
    """Of what ``status`` says."""
    return Load(
        ready=_READY.search(said) is not None,
        sessions=_first(_SESSIONS, said),
        max_sessions=_first(_MOST, said),
        sessions_per_second=_first(_PER_SECOND, said),
    )


def variables(said: str) -> dict[str, str]:
    """Of what ``global_getvar`` says without a name; the first of two by one name counts."""
    found: dict[str, str] = {}
    for line in said.splitlines()[:MOST_ROWS]:
        name, equals, value = line.partition("=")
        if equals:
            found.setdefault(name.strip(), value.strip())
    return found


def parameters(configuration: str) -> dict[str, str]:
    """The ``param`` elements directly in the ``settings`` of a configuration."""
    root = tree(configuration)
    if root is None:
        return {}
    return {
        each.get("name", ""): each.get("value", "")
        for settings in root.iter("settings")
        for each in settings.findall("param")
    }


def event_socket(configuration: str) -> tuple[EventSocketFacts, bool]:
    """Of event_socket.conf: what matters of it, and whether its password is FreeSWITCH's own default."""
    found = parameters(configuration)
    facts = EventSocketFacts(found.get("listen-ip", ""), found.get("apply-inbound-acl", ""))
    return facts, found.get("password") == DEFAULT_PASSWORD


def profiles(configuration: str) -> dict[str, Profile]:
    """Of sofia.conf: the profiles as they are written; none of them counts as running yet."""
    root = tree(configuration)
    found = {}
    for element in root.iter("profile") if root is not None else ():
        name = element.get("name", "")
        said = {
            each.get("name", ""): each.get("value", "")
            for settings in element.findall("settings")
            for each in settings.findall("param")
        }
        found[name] = Profile(
            name,
            running=False,
            context=said.get("context", ""),
            codecs_in=said.get("inbound-codec-prefs", said.get("codec-prefs", "")),
            codecs_out=said.get("outbound-codec-prefs", said.get("codec-prefs", "")),
            rtp_timer=said.get("rtp-timer-name", ""),
            acls=tuple(
                each.get("value", "")
                for each in element.iter("param")
                if each.get("name") == "apply-inbound-acl"
            ),
            auth_calls=said.get("auth-calls", ""),
        )
    return found


def running(status: str) -> dict[str, str]:
    """Of ``sofia xmlstatus``: the address of each profile that runs."""
    root = tree(status)
    found = {}
    for element in root.iter("profile") if root is not None else ():
        if _text(element, "state").startswith("RUNNING"):
            found[_text(element, "name")] = _text(element, "data")
    return found


def gateways(status: str) -> tuple[Gateway, ...]:
    """Of ``sofia xmlstatus gateway``."""
    root = tree(status)
    return tuple(
        Gateway(_text(each, "name"), _text(each, "state"), _text(each, "status"))
        for each in (root.iter("gateway") if root is not None else ())
    )


def timer(said: str) -> bool | None:
    """Of ``timer_test``: whether there is that timer; None where it does not say."""
    return True if said.startswith("Avg:") else False if said.startswith("Timer Error") else None


def names(configuration: str, tag: str) -> frozenset[str]:
    """The names of all elements of a kind."""
    return _attributes(configuration, tag, "name")


def listed_modules(configuration: str) -> frozenset[str]:
    """The modules that modules.conf, or one of its kind, loads: ``mod_sofia``."""
    return _attributes(configuration, "load", "module")


def tree(text: str) -> ElementTree.Element | None:
    """XML as a tree; None where it is none, as where the switch says that it finds nothing."""
    text = text.strip()
    if not text.startswith("<") or "<!DOCTYPE" in text or "<!ENTITY" in text:
        return None
    try:
        return ElementTree.fromstring(text)
    except ElementTree.ParseError:
        return None


def route(said: str) -> str:
    """How ``originate`` ended: the hang-up cause, or ``+OK`` where somebody answered."""
    said = said.strip()
    return said.removeprefix("-ERR ") if said.startswith("-ERR ") else said[:3]


def folders(found: Mapping[str, str]) -> dict[str, str]:
    """Of the global variables: the folders."""
    return {name: value for name, value in found.items() if name.endswith("_dir") and value.startswith("/")}


def _attributes(configuration: str, tag: str, name: str) -> frozenset[str]:
    root = tree(configuration)
    return frozenset(each.get(name, "") for each in (root.iter(tag) if root is not None else ()))


def _first(pattern: re.Pattern[str], said: str) -> int:
    found = pattern.search(said)
    return 0 if found is None else int(found[1][:9])


def _text(element: ElementTree.Element, tag: str) -> str:
    return (element.findtext(tag) or "").strip()
