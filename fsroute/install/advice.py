"""What belongs into files of the administrator's own: said, never done. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from fsroute.install.checks import is_listed, reads_drop_in
from fsroute.install.freexml import Element
from fsroute.install.tree import Tree

MODULES = (
    "event_socket", "commands", "dptools", "dialplan_xml", "sofia", "loopback", "sndfile", "tone_stream",
    "local_stream", "conference", "spy",
)  # fmt: skip
"""Without these calls fail; callers' voice messages, SMS and mod_callcenter need more, where they are used."""
LOOPBACK = ("127.0.0.1", "::1", "localhost")
DEFAULT_PASSWORD = "ClueCon"
LOOPBACK_LIST = "loopback.auto"
"""What FreeSWITCH takes where no list is named, too."""


@dataclass(frozen=True, slots=True)
class Snippet:
    """Something to put into `file` (below the configuration's folder) at `place`, and why."""

    file: str
    place: str
    text: str
    why: str


def advise(
    tree: Tree,
    *,
    has_module: Callable[[str], bool] | None,
    entries: tuple[str, ...],
    music: str,
    sounds: str,
    conference_profile: str,
    link_networks: tuple[str, ...],
    limits: bool = False,
) -> list[Snippet]:
    """All that is missing; `has_module` asks the running switch, without one its configuration counts.

    `entries` are contexts that should include drop-ins of ours; with `limits` FreeSWITCH itself counts callers.
    """
    return [
        *_modules(
            tree,
            has_module or (lambda name: is_listed(tree, name)),
            (*MODULES, "hash") if limits else MODULES,
        ),
        *_event_socket(tree),
        *_entries(tree, entries),
        *_music(tree, music, sounds),
        *_conference(tree, conference_profile),
        *_links(link_networks),
    ]


def _modules(tree: Tree, has_module: Callable[[str], bool], wanted: tuple[str, ...]) -> Iterator[Snippet]:
    missing = [name for name in wanted if not has_module(f"mod_{name}")]
    if missing:
        lines = "\n".join(f'<load module="mod_{name}"/>' for name in missing)
        now = "; ".join(f"load mod_{name}" for name in missing)
        yield Snippet(
            _file(tree, "modules.conf"),
            "within <modules>",
            lines,
            f"These modules are needed. Without a restart, in fs_cli: {now}",
        )


def _event_socket(tree: Tree) -> Iterator[Snippet]:
    found = tree.configuration("event_socket.conf")
    if found is None:
        yield Snippet(
            "autoload_configs/event_socket.conf.xml",
            "a file of its own",
            _EVENT_SOCKET,
            "the event socket is how fsroute and FreeSWITCH talk",
        )
        return
    values = {each.get("name"): each.get("value") for each in found.every("param")}
    lines, reasons = [], []
    if values.get("listen-ip", "::") not in LOOPBACK:
        lines.append('<param name="listen-ip" value="127.0.0.1"/>')
        where = values.get("listen-ip") or "every address"
        reasons.append(f"it listens at {where}, where nothing but its access list keeps others out")
    if values.get("password", DEFAULT_PASSWORD) == DEFAULT_PASSWORD:
        lines.append('<param name="password" value="A-SECRET-OF-YOURS"/>')
        reasons.append(
            "its password is FreeSWITCH's own, which everybody knows; give fsroute the new one"
            " ([event_socket] password)"
        )
    if lines and values.get("apply-inbound-acl", LOOPBACK_LIST) != LOOPBACK_LIST:
        lines.append(f'<param name="apply-inbound-acl" value="{LOOPBACK_LIST}"/>')
        reasons.append(f"its access list is {values['apply-inbound-acl']}")
    if lines:
        why = "The event socket gives whoever reaches it the whole switch: " + "; ".join(reasons)
        yield Snippet(
            _file(tree, "event_socket.conf"),
            "within <settings>, in place of what is there",
            "\n".join(lines),
            why,
        )


def _entries(tree: Tree, entries: tuple[str, ...]) -> Iterator[Snippet]:
    for name in entries:
        context = tree.context(name)
        text = f'<X-PRE-PROCESS cmd="include" data="{name}/*.xml"/>'
        if context is None:
            yield Snippet(
                f"dialplan/{name}.xml",
                "a file of its own",
                f'<include>\n  <context name="{name}">\n    {text}\n  </context>\n</include>',
                f"there is no context {name}",
            )
        elif not reads_drop_in(tree, name):
            yield Snippet(
                tree.where(context).rpartition(":")[0],
                f'within <context name="{name}">, before whatever takes every number',
                text,
                f"the context {name} includes no drop-ins, so that nobody enters fsroute from there",
            )


def _music(tree: Tree, music: str, sounds: str) -> Iterator[Snippet]:
    name = music.removeprefix("local_stream://")
    if name == music or name in _names(tree.configuration("local_stream.conf"), "directory"):
        return
    text = _STREAM.format(name=name, sounds=sounds)
    yield Snippet(
        _file(tree, "local_stream.conf"),
        "within <configuration>",
        text,
        f"the music {name} for those who wait; without it they hear the stream `default`, if there is one. Then, in"
        f" fs_cli: reloadxml; local_stream start {name}",
    )


def _conference(tree: Tree, name: str) -> Iterator[Snippet]:
    if name not in _names(tree.configuration("conference.conf"), "profile"):
        yield Snippet(
            _file(tree, "conference.conf"),
            "within <profiles>",
            f'<profile name="{name}">\n  <param name="caller-controls" value="none"/>\n</profile>',
            f"conferences that agents make have the profile {name}",
        )


def _links(networks: tuple[str, ...]) -> Iterator[Snippet]:
    if networks:
        nodes = "\n".join(f'  <node type="allow" cidr="{network}"/>' for network in networks)
        yield Snippet(
            "autoload_configs/acl.conf.xml",
            "within <network-lists>",
            f'<list name="fsroute_links" default="deny">\n{nodes}\n</list>',
            "the other switches have IPv6 addresses, which a SIP profile cannot hold. Then, in fs_cli: reloadacl",
        )


def _names(configuration: Element | None, tag: str) -> set[str]:
    return {each.get("name") for each in configuration.every(tag)} if configuration else set()


def _file(tree: Tree, name: str) -> str:
    """The file that a configuration is in, as it is on this switch."""
    found = tree.configuration(name)
    return tree.where(found).rpartition(":")[0] if found else f"autoload_configs/{name}.xml"


_EVENT_SOCKET = """\
<configuration name="event_socket.conf" description="Event socket">
  <settings>
    <param name="nat-map" value="false"/>
    <param name="listen-ip" value="127.0.0.1"/>
    <param name="listen-port" value="8021"/>
    <param name="password" value="A-SECRET-OF-YOURS"/>
    <param name="apply-inbound-acl" value="loopback.auto"/>
  </settings>
</configuration>"""
_STREAM = """\
<directory name="{name}" path="{sounds}/fsroute/music">
  <param name="rate" value="8000"/>
  <param name="shuffle" value="false"/>
  <param name="channels" value="1"/>
  <param name="interval" value="20"/>
  <param name="timer-name" value="soft"/>
</directory>"""
