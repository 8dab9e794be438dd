"""Whose FreeSWITCH this is: packages, built from source, FusionPBX; and who serves its dialplan. Pure."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fsroute.install.tree import Tree

SOURCE_PREFIX = "/usr/local/freeswitch"
PACKAGES = ("/etc/freeswitch", "/usr/share/freeswitch/sounds")
USUAL = (
    PACKAGES,
    (f"{SOURCE_PREFIX}/conf", f"{SOURCE_PREFIX}/sounds"),
    (f"{SOURCE_PREFIX}/etc/freeswitch", f"{SOURCE_PREFIX}/share/freeswitch/sounds"),
)
"""Where configuration and sounds lie: in packages, in builds from source, and in those with the FHS layout."""


class Kind(enum.StrEnum):
    """What made this FreeSWITCH."""

    PACKAGES = "packages (FHS)"
    SOURCE = "built from source"
    FUSIONPBX = "FusionPBX"
    OTHER = "a layout of its own"


@dataclass(frozen=True, slots=True)
class Layout:
    """`handler` names what serves the dialplan before the files do, empty for nothing."""

    kind: Kind
    handler: str = ""


def recognise(tree: Tree, variables: Mapping[str, str]) -> Layout:
    """What the configuration in `tree` tells; `variables` are FreeSWITCH's global ones, as far as they are known."""
    handler = _handler(tree)
    if "app.lua" in handler or "fusionpbx" in handler.lower():
        return Layout(Kind.FUSIONPBX, handler)
    conf = str(tree.conf_dir)
    base = variables.get("base_dir", "")
    if conf == PACKAGES[0]:
        return Layout(Kind.PACKAGES, handler)
    if conf.startswith(f"{SOURCE_PREFIX}/") or (
        base and base not in ("/usr", "/") and conf.startswith(f"{base}/")
    ):
        return Layout(Kind.SOURCE, handler)
    return Layout(Kind.OTHER, handler)


def _handler(tree: Tree) -> str:
    """The script or the address that FreeSWITCH asks for its dialplan."""
    for name, source, bindings in (
        ("lua.conf", "xml-handler-script", "xml-handler-bindings"),
        ("python.conf", "xml-handler-script", "xml-handler-bindings"),
        ("perl.conf", "xml-handler-script", "xml-handler-bindings"),
    ):
        found = tree.configuration(name)
        values = {each.get("name"): each.get("value") for each in found.every("param")} if found else {}
        if values.get(source) and "dialplan" in values.get(bindings, "").split(","):
            return f"{values[source]} ({name}.xml)"
    curl = tree.configuration("xml_curl.conf")
    for each in curl.every("param") if curl else ():
        if each.get("name") == "gateway-url" and "dialplan" in each.get("bindings", "dialplan"):
            return f"{each.get('value')} (xml_curl.conf.xml)"
    return ""


def usual_places() -> list[tuple[str, str]]:
    """The usual places of configuration and sounds that are there on this host."""
    return [(conf, sounds) for conf, sounds in USUAL if (Path(conf) / "freeswitch.xml").is_file()]
