"""A small configuration of somebody else's, and a FreeSWITCH that reads it: what the installer meets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from fsroute.errors import ConfigurationError
from fsroute.install.freexml import Element
from fsroute.install.installer import Place
from fsroute.install.switch import Switch
from fsroute.install.tree import Tree, read_tree

TREE = {
    "freeswitch.xml": """\
<document type="freeswitch/xml">
  <X-PRE-PROCESS cmd="include" data="vars.xml"/>
  <section name="configuration">
    <X-PRE-PROCESS cmd="include" data="autoload_configs/*.xml"/>
  </section>
  <section name="dialplan">
    <X-PRE-PROCESS cmd="include" data="dialplan/*.xml"/>
  </section>
</document>
""",
    "vars.xml": '<X-PRE-PROCESS cmd="set" data="external_sip_port=5080"/>\n',
    "autoload_configs/sofia.conf.xml": """\
<configuration name="sofia.conf">
  <profiles>
    <X-PRE-PROCESS cmd="include" data="../sip_profiles/*.xml"/>
  </profiles>
</configuration>
""",
    "autoload_configs/event_socket.conf.xml": """\
<configuration name="event_socket.conf">
  <settings>
    <param name="listen-ip" value="127.0.0.1"/>
    <param name="password" value="secret"/>
    <param name="apply-inbound-acl" value="loopback.auto"/>
  </settings>
</configuration>
""",
    "autoload_configs/local_stream.conf.xml": """\
<configuration name="local_stream.conf"><directory name="fsroute" path="/x"/></configuration>
""",
    "autoload_configs/conference.conf.xml": """\
<configuration name="conference.conf"><profiles><profile name="default"/></profiles></configuration>
""",
    "autoload_configs/modules.conf.xml": """\
<configuration name="modules.conf"><modules>
  <load module="mod_sofia"/>
</modules></configuration>
""",
    "sip_profiles/external.xml": """\
<profile name="external"><settings>
  <param name="sip-ip" value="192.0.2.1"/>
  <param name="sip-port" value="$${external_sip_port}"/>
</settings></profile>
""",
    "dialplan/default.xml": """\
<include>
<context name="default">
  <X-PRE-PROCESS cmd="include" data="default/*.xml"/>
</context>
</include>
""",
    "dialplan/public.xml": """\
<include>
<context name="public">
  <extension name="doors"><condition field="destination_number" expression="^77\\d$"/></extension>
  <X-PRE-PROCESS cmd="include" data="public/*.xml"/>
</context>
</include>
""",
}

FUSIONPBX = """<configuration name="lua.conf"><settings>
<param name="xml-handler-script" value="app.lua xml_handler"/>
<param name="xml-handler-bindings" value="configuration,dialplan,directory"/>
</settings></configuration>"""


def lay(folder: Path, changes: Mapping[str, str | None] | None = None) -> Place:
    """Write the tree with `changes` (None: the file is not there) to `folder`/conf."""
    for name, text in {**TREE, **(changes or {})}.items():
        path = folder / "conf" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if text is not None:
            path.write_text(text)
    (folder / "sounds").mkdir(exist_ok=True)
    variables = {
        "conf_dir": str(folder / "conf"),
        "sounds_dir": str(folder / "sounds"),
        "mod_dir": "/usr/lib/freeswitch/mod",
        "base_dir": "/usr",
    }
    return Place(folder / "conf", folder / "sounds", variables)


class ReadingSwitch(Switch):
    """Answers as FreeSWITCH does, from the configuration that it has read last. `said` are the commands."""

    def __init__(self, place: Place, *, port_taken: bool = False) -> None:
        super().__init__(self._answer)
        self.said: list[str] = []
        self.profiles: set[str] = set()
        self.calls: list[str] = []
        self.lacking = {"mod_spy", "mod_hash"}  # modules that are not loaded
        self.files: set[str] = set()
        self._place = place
        self._port_taken = port_taken
        self._tree = self._read()

    def _read(self) -> Tree:
        return read_tree(self._place.conf_dir, self._place.variables, {})

    def _answer(self, command: str) -> str:
        self.said.append(command)
        words = command.split()
        if words[:2] == ["sofia", "profile"]:
            return self._profile(*words[2:4])
        answers: dict[str, Callable[[], str]] = {
            "global_getvar": self._variables,
            "version": lambda: "FreeSWITCH Version 1.11.1-release (64bit)",
            "module_exists": lambda: "false" if words[1] in self.lacking else "true",
            "file_exists": lambda: "true" if words[1] in self.files else "false",
            "reloadxml": self._reload,
            "xml_locate": lambda: self._located(words[-1]),
            "sofia": self._status,
            "show": self._channels,
        }
        return answers[words[0]]()

    def _variables(self) -> str:
        return "\n".join(f"{name}={value}" for name, value in self._place.variables.items())

    def _channels(self) -> str:
        rows = [f"u|{each}|x" for each in self.calls]
        return "\n".join(["uuid|context|state", *rows, "", f"{len(rows)} total."])

    def _reload(self) -> str:
        try:
            self._tree = self._read()
        except ConfigurationError as error:
            return f"+OK [{error}]\n"
        return "+OK [Success]\n"

    def _located(self, name: str) -> str:
        found = self._tree.context(name)
        return _written(found) if found else "-ERR can't find context\n"

    def _profile(self, name: str, verb: str) -> str:
        self._reload()
        sofia = self._tree.configuration("sofia.conf")
        known = {each.get("name") for each in sofia.every("profile")} if sofia else set()
        if verb == "start" and name in known and not self._port_taken:
            self.profiles.add(name)
        elif verb == "stop":
            self.profiles.discard(name)
        return f"Reload XML [Success]\n{name} {verb}"

    def _status(self) -> str:
        return "\n".join(
            f"{name}\tprofile\tsip:mod_sofia@192.0.2.1:5090\tRUNNING (0)" for name in self.profiles
        )


def _written(element: Element) -> str:
    inside = "".join(_written(child) for child in element.children)
    return f'<{element.tag} name="{element.get("name")}">{inside}</{element.tag}>'
