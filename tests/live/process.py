"""``fsroute run`` as a process of its own, beside one switch."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.live.freeswitch import PASSWORD, Ports
from tests.waiting import until

CONFIGURATION = """\
state_dir = "{folder}"
applications = ["{folder}/../applications"]
{roles}
[site]
site_id = "{site}"
switch_id = "{switch}"

[database]
url = "{database}"

[event_socket]
port = {ports.event_socket}
password = "{password}"

[callserver]
listen_port = {ports.callserver}
callback_dial_string = "sofia/fsroute_agents/{{number}}@127.0.0.1:{ports.carrier}"
voice_message_silence = 30.0

[scp]
listen_port = {ports.scp}
stale = 8.0
confirm = 3.0
http_port = {ports.decisions}
http_token = "{token}"

[agents]
transfer_numbers = "555[0-9]{{4}}"
number_dial_string = "sofia/fsroute_agents/{{number}}@127.0.0.1:{ports.carrier}"

[acd]
listen_port = {ports.readiness}

[timing]
drain = 2.0

[process]
realtime_priority = {realtime_priority}

[log]
level = "{level}"
"""


TOKEN = "a-token-of-the-live-tests"
WITHOUT_COORDINATOR = 'roles = ["callserver", "acd", "scp"]'


class FsrouteRun:
    """One host's process: started, killed as hard as can be, started again."""

    def __init__(
        self,
        folder: Path,
        site: str,
        ports: Ports,
        database: str,
        roles: str = "",
        realtime_priority: int = 0,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.site = site
        self.options: tuple[str, ...] = ()
        """More of ``fsroute run``; without any its calls are kept where FSROUTE_LIVE_CAPTURE says."""
        self.configuration = folder / "fsroute.toml"
        self.log_file = folder / "fsroute.log"
        self.configuration.write_text(
            CONFIGURATION.format(
                folder=folder,
                site=site,
                switch=f"{site}-1",
                database=database,
                ports=ports,
                password=PASSWORD,
                token=TOKEN,
                roles=roles,
                realtime_priority=realtime_priority,
                level=os.environ.get("FSROUTE_LIVE_LOG", "info"),
            )
        )
        self.configuration.chmod(0o600)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> float:
        """Start it and wait until it serves; returns when it was started, in seconds since the epoch."""
        served = self.log().count("fsroute serves")
        began = time.time()
        with self.log_file.open("ab") as output:
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "fsroute",
                    "run",
                    "--config",
                    str(self.configuration),
                    *(self.options or self._captured()),
                ],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        until(lambda: self._serves(served), 60)
        return began

    def _captured(self) -> list[str]:
        """Keep the calls where ``FSROUTE_LIVE_CAPTURE`` says, each site's in a folder of its own."""
        folder = os.environ.get("FSROUTE_LIVE_CAPTURE")
        return ["--capture", str(Path(folder).absolute() / self.site)] if folder else []

    def _serves(self, before: int) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, f"fsroute ended: {self.log()[-1000:]}"
        return self.log().count("fsroute serves") > before

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def runs(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        """kill -9."""
        if self._process is not None:
            os.kill(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def stop(self) -> None:
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(8)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def log(self) -> str:
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""
