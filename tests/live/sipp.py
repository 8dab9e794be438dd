"""SIPp: many callers, or many agents, as one process."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from string import Template

from tests.live.freeswitch import free_port
from tests.live.rtp import capture, digit_packets, tone

SCENARIOS = Path(__file__).parent / "scenarios"
LOOPBACK = "127.0.0.1"


def find() -> str | None:
    return shutil.which("sipp")


class Sipp:
    """One SIPp process; its files go to `folder`."""

    def __init__(self, folder: Path, name: str, scenario: str, arguments: list[str]) -> None:
        self.port = free_port()
        self._log = folder / f"{name}.log"
        file = folder / f"{name}.xml"
        file.write_text(scenario)
        command = [find() or "sipp", *arguments, "-sf", str(file), "-i", LOOPBACK, "-mi", LOOPBACK,
                   "-p", str(self.port), "-mp", str(free_port()), "-nostdin", "-trace_err",
                   "-error_file", str(folder / f"{name}.errors")]  # fmt: skip
        with self._log.open("wb") as output:
            self._process = subprocess.Popen(
                command, cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                start_new_session=True, env={"TERM": "dumb", "PATH": "/usr/bin:/bin"},
            )  # fmt: skip

    @property
    def pid(self) -> int:
        return self._process.pid

    def finish(self, limit: float) -> int:
        """Wait until all its calls are over; 0 where each went as its scenario says."""
        return self._process.wait(limit)

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()

    def problems(self) -> str:
        """What SIPp says of calls that went otherwise."""
        errors = self._log.with_suffix(".errors")
        return (errors.read_text(errors="replace") if errors.exists() else "")[-2000:]


def callers(folder: Path, name: str, calls: int, number: str, port: int, *, patient: bool) -> Sipp:
    """`calls` callers, ten a second; patient ones wait for the end, others hang up after three seconds."""
    audio = folder / "caller.pcmu"
    audio.write_bytes(b"".join(tone(440)))
    ending = SCENARIOS / ("is_hung_up.xml" if patient else "hangs_up.xml")
    scenario = Template((SCENARIOS / "caller.xml").read_text()).substitute(
        audio=audio, ending=ending.read_text()
    )
    arguments = [f"{LOOPBACK}:{port}", "-s", number, "-m", str(calls), "-l", str(calls), "-r", "10"]
    return Sipp(folder, name, scenario, arguments)


def agents(folder: Path, name: str, talk: float = 5.0) -> Sipp:
    """As many agents as are called, all at one port; each talks for `talk` seconds."""
    scenario = Template((SCENARIOS / "agent.xml").read_text()).safe_substitute(talk=round(1000 * talk))
    return Sipp(folder, name, scenario, ["-rtp_echo"])


def acd(folder: Path, name: str, talk: float) -> Sipp:
    """An ACD that answers at once, tells by digit 5 that a human is there, and hangs up `talk` seconds later."""
    digit = folder / "digit.pcap"
    digit.write_bytes(capture(digit_packets("5")))
    scenario = Template((SCENARIOS / "acd.xml").read_text()).safe_substitute(
        digit=digit, talk=round(1000 * talk)
    )
    return Sipp(folder, name, scenario, ["-rtp_echo"])


def redirected(folder: Path, name: str, calls: int, number: str, port: int, rate: int) -> tuple[Sipp, Path]:
    """`calls` calls, `rate` a second, that must be redirected; the file gets a line with each one's Contact."""
    contacts = folder / f"{name}.contacts"
    arguments = [f"{LOOPBACK}:{port}", "-s", number, "-m", str(calls), "-l", str(calls), "-r", str(rate),
                 "-trace_logs", "-log_file", str(contacts)]  # fmt: skip
    return Sipp(folder, name, (SCENARIOS / "redirected.xml").read_text(), arguments), contacts


def following(
    folder: Path, name: str, calls: int, number: str, port: int, rate: int, caller: str
) -> tuple[Sipp, Path]:
    """As `redirected`, from numbers that begin with `caller`; each calls where it is sent, and waits for the end."""
    contacts = folder / f"{name}.contacts"
    scenario = Template((SCENARIOS / "follows.xml").read_text()).safe_substitute(caller=caller)
    arguments = [f"{LOOPBACK}:{port}", "-s", number, "-m", str(calls), "-l", str(calls), "-r", str(rate),
                 "-recv_timeout", "30000", "-trace_logs", "-log_file", str(contacts)]  # fmt: skip
    return Sipp(folder, name, scenario, arguments), contacts
