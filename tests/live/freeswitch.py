"""A FreeSWITCH of the tests' own: found on this machine, its tree rendered, started, asked, stopped."""

from __future__ import annotations

import os
import random
import shutil
import socket
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from fsroute.config import Secret
from fsroute.install.render import arguments, render_switch
from fsroute.install.settings import MODULES, DialplanSettings, SwitchSettings, User
from tests.waiting import until

PASSWORD = "live-test"
PREFIXES = ("/usr/bin", "/usr/local/freeswitch/bin", "/usr/local/bin", "/opt/*/bin")
SEARCHED = "FSROUTE_FREESWITCH, PATH, " + ", ".join(PREFIXES)


def find() -> Path | None:
    """The program ``freeswitch``: by environment variable, PATH, or the usual prefixes."""
    named = os.environ.get("FSROUTE_FREESWITCH")
    places = [Path(named), Path(named) / "bin" / "freeswitch"] if named else list(_usual_places())
    return next((place for place in places if place.is_file() and os.access(place, os.X_OK)), None)


def _usual_places() -> Iterator[Path]:
    if on_path := shutil.which("freeswitch"):
        yield Path(on_path)
    for prefix in PREFIXES:
        yield from sorted(Path("/").glob(f"{prefix.removeprefix('/')}/freeswitch"))


PHONES = tuple(str(number) for number in range(2001, 2021))
"""The agents' phones that every switch knows."""

FEATURE_NUMBER = "8005559999"
"""By which agents reach the feature codes from any telephone."""


EARLY_NUMBER = "8005558888"
"""Calls to it are routed before the answer."""


def phone_password(name: str) -> str:
    return f"secret-{name}"


_given: set[int] = set()


def free_port() -> int:
    """A port of loopback that nobody uses now, over UDP or TCP, and that the kernel gives to nobody."""
    while True:
        port = random.randrange(10_000, 20_000)
        if port not in _given and all(map(_is_free, (port, port), (socket.SOCK_DGRAM, socket.SOCK_STREAM))):
            _given.add(port)
            return port


def _is_free(port: int, kind: socket.SocketKind) -> bool:
    with socket.socket(socket.AF_INET, kind) as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


@dataclass(frozen=True)
class Ports:
    """Where one switch and its fsroute listen; RTP from `rtp` on."""

    rtp: int
    callers: int = field(default_factory=free_port)
    agents: int = field(default_factory=free_port)
    link: int = field(default_factory=free_port)
    event_socket: int = field(default_factory=free_port)
    callserver: int = field(default_factory=free_port)
    scp: int = field(default_factory=free_port)
    decisions: int = field(default_factory=free_port)
    carrier: int = field(default_factory=free_port)  # where those are who are called back
    readiness: int = field(default_factory=free_port)  # where ACDs of other makes say how far calls are


class FreeSwitch:
    """One instance on loopback, with everything it writes below `folder`.

    `files` go beside what is rendered, by their path below `conf`; `modules` are loaded, those of fsroute if
    not given. Callers are led to the call servers at `callservers`, by default to the one of `ports`. Calls are timed
    by `rtp_timer`, whose module is loaded, too; memory is given out by the library `allocator`, the C library's if ''.
    """

    def __init__(
        self,
        program: Path,
        name: str,
        folder: Path,
        ports: Ports,
        modules: tuple[str, ...] = MODULES,
        files: Mapping[str, str] | None = None,
        callservers: tuple[int, ...] = (),
        media_timeout_ms: int = 60_000,
        rtp_timer: str = "soft",
        allocator: str = "",
    ) -> None:
        self.name = name
        self.folder = folder
        self.ports = ports
        self._program = program
        self._files = files or {}
        self._environment = {**os.environ, "LD_PRELOAD": allocator} if allocator else None
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: EventSocket | None = None
        self._settings = SwitchSettings(
            event_socket_password=Secret(PASSWORD),
            users=tuple(User(name=name, password=Secret(phone_password(name))) for name in PHONES),
            name=name,
            callers_port=ports.callers,
            agents_port=ports.agents,
            link_port=ports.link,
            event_socket_port=ports.event_socket,
            rtp_first=ports.rtp,
            rtp_last=ports.rtp + 1999,
            rtp_timer=rtp_timer,
            modules=modules,
            log_level=os.environ.get("FSROUTE_LIVE_SWITCH_LOG", "info"),
            dialplan=DialplanSettings(
                numbers=("*",),
                numbers_before_answer=(EARLY_NUMBER,),
                callservers=tuple(f"127.0.0.1:{port}" for port in callservers or (ports.callserver,)),
                link_media_timeout_ms=media_timeout_ms,
                routing_processors=(f"127.0.0.1:{ports.scp}",),
                feature_numbers=(FEATURE_NUMBER,),
            ),
        )

    def secure_links(self, certificates: Path, codecs: tuple[str, ...], session_timeout_s: int) -> None:
        """Network legs by TLS and SRTP, with session timers of so many seconds, from the next start on."""
        self._settings = msgspec.structs.replace(
            self._settings,
            link_certificates=str(certificates),
            link_codecs=codecs,
            link_session_timeout_s=session_timeout_s,
            dialplan=msgspec.structs.replace(self._settings.dialplan, link_srtp=True),
        )

    def start(self) -> None:
        conf = render_switch(self._settings, self.folder)
        for path, text in self._files.items():
            (conf / path).write_text(text)
        command = [str(self._program), *arguments(self.folder)]
        with (self.folder / "console.log").open("wb") as output:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env=self._environment,
            )

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def until_ready(self) -> None:
        until(self._answers, 90)  # several of them on a machine that is busy

    def stop(self) -> None:
        """kill -9: nothing of it is kept, and an orderly end takes seconds. It may be started again."""
        if self._process is None:
            return
        if self._socket is not None:
            self._socket.close()
        self._process.kill()
        self._process.wait()
        self._process = self._socket = None

    def runs(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def api(self, command: str) -> str:
        assert self._socket is not None
        return self._socket.api(command)

    def channels(self) -> int:
        """How many channels there are now (the sessions that the core counts, not its lagging table)."""
        return int(self.api("status").split("session(s) - ")[0].split("\n")[-1].split()[0])

    def variable(self, uuid: str, name: str) -> str:
        value = self.api(f"uuid_getvar {uuid} {name}").strip()
        return "" if value == "_undef_" or value.startswith("-ERR") else value

    def answer_state(self, uuid: str) -> str:
        """``ringing``, ``answered``…; empty where there is no such channel."""
        dump = self.api(f"uuid_dump {uuid}")
        return next((line.split()[1] for line in dump.splitlines() if line.startswith("Answer-State:")), "")

    def log(self) -> str:
        return (self.folder / "log" / "freeswitch.log").read_text(errors="replace")

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, f"FreeSWITCH {self.name} ended"
        try:
            self._socket = self._socket or EventSocket(self.ports.event_socket)
        except OSError:
            return False
        return all(
            f"{profile}\t" in self.api("sofia status")
            for profile in ("fsroute_callers", "fsroute_agents", "fsroute_link")
        )


class EventSocket:
    """The event socket with nothing of the product's in between: commands, one after the other."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), 5)
        self._socket.settimeout(10)
        self._stream = self._socket.makefile("rb")
        self._frame()
        self._send(f"auth {PASSWORD}")
        self._frame()

    def api(self, command: str) -> str:
        self._send(f"api {command}")
        return self._frame()

    def close(self) -> None:
        self._stream.close()
        self._socket.close()

    def _send(self, command: str) -> None:
        self._socket.sendall(f"{command}\n\n".encode())

    def _frame(self) -> str:
        length = 0
        while (line := self._stream.readline().strip()) or not length:
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
            if not line:
                return ""
        return self._stream.read(length).decode(errors="replace")
