"""Others who ask the routing processor over HTTP: a Kamailio of the tests' own, and mod_xml_curl of a switch that runs."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.live.freeswitch import FreeSwitch, Ports, free_port
from tests.live.process import TOKEN
from tests.waiting import until

CONFIGURATION = Path(__file__).parent / "kamailio" / "redirects.cfg"
MODULES = Path("/usr/lib/x86_64-linux-gnu/kamailio/modules")
NEEDED = ("http_client.so", "jansson.so")
XML_CURL = """<configuration name="xml_curl.conf"><bindings><binding name="fsroute">
  <param name="gateway-url" value="http://127.0.0.1:{port}/v1/dialplan" bindings="dialplan"/>
  <param name="gateway-credentials" value="fsroute:{token}"/>
  <param name="auth-scheme" value="basic"/>
  <param name="timeout" value="3"/>
</binding></bindings></configuration>
"""


def no_kamailio() -> str:
    """Why the tests with Kamailio cannot run; empty: they can."""
    if shutil.which("kamailio") is None:
        return "no kamailio found on the PATH"
    lacks = [name for name in NEEDED if not (MODULES / name).is_file()]
    return f"kamailio lacks {', '.join(lacks)}" if lacks else ""


class Kamailio:
    """One process tree on loopback with the configuration that the documentation shows."""

    def __init__(self, folder: Path, decisions: int) -> None:
        self.port = free_port()
        self._log = folder / "kamailio.log"
        text = CONFIGURATION.read_text()
        for shown, real in (
            ("127.0.0.1:8087", f"127.0.0.1:{decisions}"),
            ("127.0.0.1:5060", f"127.0.0.1:{self.port}"),
            ("the-http-token", TOKEN),
            ("debug=1", "debug=2"),
        ):
            assert text.count(shown) == 1, shown
            text = text.replace(shown, real)
        file = folder / "kamailio.cfg"
        file.write_text(text)
        command = ["kamailio", "-f", str(file), "-DD", "-E", "-m", "32", "-M", "4", "-Y", str(folder)]
        with self._log.open("wb") as output:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
            )
        until(lambda: "Listening on" in self.log() or self._process.poll() is not None, 15)
        assert self._process.poll() is None, self.log()[-2000:]

    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def stop(self) -> None:
        """Its children end with it."""
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@contextmanager
def xml_curl(switch: FreeSwitch, ports: Ports) -> Iterator[None]:
    """The switch asks for its dialplan by HTTP.

    Raises:
        LookupError: it has no mod_xml_curl.
    """
    file = switch.folder / "conf" / "autoload_configs" / "xml_curl.conf.xml"
    file.write_text(XML_CURL.format(port=ports.decisions, token=TOKEN))
    switch.api("reloadxml")
    try:
        if "+OK" not in switch.api("load mod_xml_curl"):
            raise LookupError("FreeSWITCH has no mod_xml_curl")
        yield
    finally:
        switch.api("unload mod_xml_curl")
        file.unlink()
        switch.api("reloadxml")
