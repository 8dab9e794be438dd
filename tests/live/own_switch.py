"""A FreeSWITCH that somebody else administers: a configuration that ships with it, made to run on loopback.

What is changed is what an administrator would: ports, addresses, the password. Modules that are listed but not built
are left in, since FreeSWITCH passes over them with a line in its log.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path

from fsroute.install.render import arguments
from tests.live.freeswitch import PASSWORD, EventSocket, Ports
from tests.waiting import until

SHIPPED = "FSROUTE_FREESWITCH_CONF"
_VARIABLES = {
    "local_ip_v4": "127.0.0.1",
    "external_rtp_ip": "127.0.0.1",
    "external_sip_ip": "127.0.0.1",
}


def shipped(name: str) -> Path | None:
    """A configuration of FreeSWITCH's own source, ``vanilla`` or ``minimal``.

    FSROUTE_FREESWITCH_CONF may name the folder that it is in.
    """
    places = [Path(os.environ.get(SHIPPED, "/nowhere")), Path("/usr/share/freeswitch/conf")]
    places += sorted([*Path("/usr/src").glob("freeswitch*/conf"), *Path.home().glob("*/freeswitch/conf")])
    return next((place / name for place in places if (place / name / "freeswitch.xml").is_file()), None)


class OwnSwitch:
    """One instance with the configuration `conf`, which is copied; everything lies below `folder`."""

    def __init__(self, program: Path, folder: Path, conf: Path, ports: Ports) -> None:
        self.folder = folder
        self.conf = folder / "conf"
        self.ports = ports
        self._program = program
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: EventSocket | None = None
        shutil.copytree(conf, self.conf)
        self._administer()

    def start(self) -> None:
        options = arguments(self.folder)
        for place in (word for word in options if word.startswith("/")):
            Path(place).mkdir(parents=True, exist_ok=True)
        with (self.folder / "console.log").open("wb") as output:
            self._process = subprocess.Popen(
                [str(self._program), *options],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        until(self._answers, 60)

    def stop(self) -> None:
        if self._socket is not None:
            self._socket.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def api(self, command: str) -> str:
        assert self._socket is not None
        return self._socket.api(command)

    def variables(self) -> dict[str, str]:
        """FreeSWITCH's global variables."""
        lines = self.api("global_getvar").splitlines()
        return dict(line.split("=", 1) for line in lines if "=" in line)

    def snapshot(self) -> dict[str, tuple[str, int, int, int, int]]:
        """Every file and folder of conf and sounds: hash, mode, owner, time."""
        found = {}
        for root in (self.conf, self.folder / "sounds"):
            for path in [root, *sorted(root.rglob("*"))]:
                entry = path.lstat()
                content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
                key = str(path.relative_to(self.folder))
                found[key] = (content, entry.st_mode, entry.st_uid, entry.st_gid, entry.st_mtime_ns)
        return found

    def _administer(self) -> None:
        for name in ("internal-ipv6.xml", "external-ipv6.xml"):
            (self.conf / "sip_profiles" / name).unlink(missing_ok=True)
        values = {
            **_VARIABLES,
            "internal_sip_port": str(self.ports.agents),
            "external_sip_port": str(self.ports.callers),
        }
        lines = "".join(
            f'  <X-PRE-PROCESS cmd="set" data="{name}={value}"/>\n' for name, value in values.items()
        )
        self._change("vars.xml", r"</include>", f"{lines}</include>")
        self._change("vars.xml", r'(?m)^.*cmd="stun-set".*\n', "")
        self._change(
            "autoload_configs/event_socket.conf.xml", r'(listen-ip" value=)"[^"]*"', r'\1"127.0.0.1"'
        )
        self._change("autoload_configs/event_socket.conf.xml", "8021", str(self.ports.event_socket))
        self._change("autoload_configs/event_socket.conf.xml", "ClueCon", PASSWORD)

    def _change(self, name: str, pattern: str, replacement: str) -> None:
        path = self.conf / name
        path.write_text(re.sub(pattern, replacement, path.read_text()))

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, "FreeSWITCH ended"
        try:
            self._socket = self._socket or EventSocket(self.ports.event_socket)
        except OSError:
            return False
        return "external\t" in self.api("sofia status")
