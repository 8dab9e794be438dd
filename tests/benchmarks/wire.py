"""An agent hangs up: how soon does the agent's phone ring again? Measured on the wire, against mod_callcenter.

``python -m tests.benchmarks.wire`` starts one FreeSWITCH with mod_callcenter, and fsroute beside it, has 30 agents talk
3 s give or take a quarter while 150 callers wait, first with the one, then with the other, and prints the time from
the agent's BYE to the next INVITE at the agent's phone, by the kernel's timestamps. It needs root (CAP_NET_RAW), SIPp
and FreeSWITCH. The host is as ``docs/limits.md`` wants a busy one: FreeSWITCH with the real-time priority that it takes
where it is not started with ``-np``, timed by mod_posix_timer, with jemalloc's memory; fsroute and its database with
``[process] realtime_priority``. ``--np``, ``--timer soft``, ``--allocator ''`` and ``--ordinary`` take each of that
away. With ``--check`` it ends with 1 where a target is missed.
"""

from __future__ import annotations

from gevent import monkey

monkey.patch_all()

import argparse  # noqa: E402
import json  # noqa: E402
import os  # noqa: E402
import shutil  # noqa: E402
import socket  # noqa: E402
import subprocess  # noqa: E402
import sys  # noqa: E402
import tempfile  # noqa: E402
import time  # noqa: E402
from dataclasses import dataclass, field  # noqa: E402
from pathlib import Path  # noqa: E402
from string import Template  # noqa: E402

from fsroute import scheduling  # noqa: E402
from fsroute.config.install import RTP_TIMERS  # noqa: E402
from fsroute.install.settings import MODULES  # noqa: E402
from fsroute.store.embedded import EmbeddedPostgres  # noqa: E402
from fsroute.store.migrate import migrate  # noqa: E402
from tests.benchmarks import processes, wire_figures, wire_sides  # noqa: E402
from tests.benchmarks.processes import Cpu, postmaster  # noqa: E402
from tests.benchmarks.wire_figures import Turnover  # noqa: E402
from tests.live import freeswitch  # noqa: E402
from tests.live.freeswitch import FreeSwitch  # noqa: E402
from tests.live.freeswitch import Ports as SwitchPorts  # noqa: E402
from tests.live.process import FsrouteRun  # noqa: E402
from tests.live.sipp import LOOPBACK, Sipp  # noqa: E402
from tests.waiting import until  # noqa: E402

AGENTS, WAITING = 30, 150
TALK = 3.0  # seconds
SPREAD = 0.25
ARRIVALS = 30  # callers a second, until so many wait
WARM_UP = 12.0  # seconds until the queue is full
SCENARIOS = Path(__file__).parent / "wire_scenarios"
TARGETS = {"p50": 0.030, "p99": 0.080, "command p50": 0.003, "command p99": 0.010}  # seconds
TIMES_FASTER = 15.0
SWITCH_PRIORITY = 1  # with round robin, as FreeSWITCH's unit has it; fsroute's is one above


@dataclass(frozen=True)
class Side:
    """What one of the two did."""

    name: str
    turnovers: list[Turnover]
    overtaken: tuple[int, int, float]
    cpu: dict[str, float] = field(default_factory=dict)  # part of a core, by program

    @property
    def dead_times(self) -> list[float]:
        return sorted(each.dead_time for each in self.turnovers)

    def quantile(self, part: float) -> float:
        return wire_figures.quantile(self.dead_times, part)


@dataclass(frozen=True)
class Host:
    """How it is set up: real-time priorities, 0 for none, of FreeSWITCH and of fsroute with its database; FreeSWITCH's
    timer, and the library that gives out its memory, '' for the C library."""

    switch_priority: int
    priority: int
    timer: str
    allocator: str

    def __str__(self) -> str:
        def scheduling_of(priority: int) -> str:
            return f"real-time priority {priority}" if priority else "ordinary scheduling"

        return (
            f"FreeSWITCH with {scheduling_of(self.switch_priority)}, timer {self.timer}, allocator "
            f"{self.allocator or 'of the C library'}; fsroute with {scheduling_of(self.priority)}"
        )


class Bench:
    """One switch, one database, the phones."""

    def __init__(self, program: Path, folder: Path, disk: Path, host: Host) -> None:
        self.folder = folder
        self._host = host
        self._postgres = EmbeddedPostgres(disk / "postgres")
        self._sinks = [_sink(), _sink()]  # what callers and agents are sent is heard by nobody
        self.agents = self._agents()
        self.switch = FreeSwitch(
            program, "here-1", folder / "switch", SwitchPorts(20_000), (*MODULES, "callcenter"),
            wire_sides.callcenter_files(AGENTS, self.agents.port), rtp_timer=host.timer, allocator=host.allocator,
        )  # fmt: skip
        self.fsroute: FsrouteRun | None = None

    def start(self) -> None:
        database = self._start_database()
        migrate(database)
        self.switch.start()
        self.switch.until_ready()
        self._require_timer()
        if self._host.switch_priority:
            processes.prefer(self.switch.pid, self._host.switch_priority)
        self.fsroute = wire_sides.fsroute(
            self.folder / "fsroute",
            database,
            self.switch.ports,
            AGENTS,
            self.agents.port,
            self._host.priority,
        )

    def _start_database(self) -> str:
        """As `fsroute run` starts it: what is started inherits the scheduling."""
        if scheduling.take(self._host.priority):
            scheduling.lift_disk_threads(self._host.priority)
        try:
            return self._postgres.start()
        finally:
            os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))

    def _require_timer(self) -> None:
        module = RTP_TIMERS[self._host.timer]
        file = f"{self.switch.api('global_getvar mod_dir').strip()}/mod_{module}.so"
        if module and not Path(file).is_file():
            raise SystemExit(f"this FreeSWITCH has no {file}: build it, or give --timer soft")

    def stop(self) -> None:
        processes.ordinary(scheduling.disk_threads())
        if self.fsroute is not None:
            self.fsroute.stop()
        self.agents.stop()
        self.switch.stop()
        self._postgres.stop()

    def _agents(self) -> Sipp:
        text = Template((SCENARIOS / "agent.xml").read_text()).substitute(
            shortest=round(1000 * TALK * (1 - SPREAD)),
            longest=round(1000 * TALK * (1 + SPREAD)),
            media_port=self._sinks[0].getsockname()[1],
        )
        return Sipp(self.folder, "agents", text, [])

    def _callers(self, name: str, number: str, prefix: str) -> Sipp:
        text = Template((SCENARIOS / "caller.xml").read_text()).substitute(
            prefix=prefix, media_port=self._sinks[1].getsockname()[1]
        )
        there = f"{LOOPBACK}:{self.switch.ports.callers}"
        arguments = [there, "-s", number, "-l", str(AGENTS + WAITING), "-r", str(ARRIVALS)]
        return Sipp(self.folder, name, text, arguments)

    def measure(self, name: str, number: str, prefix: str, seconds: float) -> Side:
        """Callers come until so many wait; then the wire is listened to for `seconds`."""
        callers = self._callers(f"callers-{name}", number, prefix)
        ports = wire_figures.Ports(self.agents.port, self.switch.ports.callers)
        record = self.folder / f"{name}.jsonl"
        sniffer = self._sniffer(record, callers)
        try:
            time.sleep(WARM_UP)
            since, cpu = time.time(), self._programs()
            time.sleep(seconds)
            parts = {program: used.seconds() / (time.time() - since) for program, used in cpu.items()}
            ended = time.time()
        finally:
            callers.stop()
            time.sleep(0.5)
            sniffer.terminate()
            sniffer.wait()
        records = [json.loads(line) for line in record.read_text().splitlines()]
        return Side(
            name,
            wire_figures.turnovers(records, ports, since, ended - 2.0),
            wire_figures.overtaken(records, ports, since, ended),
            parts,
        )

    def _programs(self) -> dict[str, Cpu]:
        found = {"FreeSWITCH": Cpu(self.switch.pid), "SIPp": Cpu(self.agents.pid)}
        if self.fsroute is not None and self.fsroute.runs():
            found["fsroute"] = Cpu(self.fsroute.pid)
            found["PostgreSQL"] = Cpu(postmaster(self._postgres.folder))
        return found

    def _sniffer(self, record: Path, callers: Sipp) -> subprocess.Popen[bytes]:
        ports = f"{self.agents.port},{callers.port},{self.switch.ports.callers}"
        command = [sys.executable, "-m", "tests.benchmarks.sniffer", str(record), ports]
        return subprocess.Popen([*command, str(self.switch.ports.event_socket)])

    def clear(self) -> None:
        """Hang up everybody, so that the other side begins with an idle switch."""
        self.switch.api("hupall")
        until(lambda: self.switch.channels() == 0, 20)


def _sink() -> socket.socket:
    """A port that takes audio and has nobody read it: the kernel drops what is too much."""
    sink = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sink.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2304)
    sink.bind((LOOPBACK, 0))
    return sink


def report(side: Side) -> None:
    late, total, worst = side.overtaken
    print(f"\n{side.name}: {len(side.turnovers)} turnovers")
    print(f"  BYE → next INVITE:      {wire_figures.line(side.dead_times)}")
    if any(each.originate for each in side.turnovers):
        seen = [each for each in side.turnovers if each.originate]
        print(f"  · BYE → event:          {wire_figures.line(each.hangup - each.bye for each in seen)}")
        print(f"  · event → originate:    {wire_figures.line(each.originate - each.hangup for each in seen)}")
        print(f"  · originate → INVITE:   {wire_figures.line(each.invite - each.originate for each in seen)}")
    print(f"  overtaken by a later caller: {late} of {total}, the worst by {worst:.1f} s")
    print("  CPU, of one core: " + ", ".join(f"{name} {100 * part:.0f} %" for name, part in side.cpu.items()))


def missed(peer: Side, ours: Side) -> list[str]:
    """The targets that were not reached."""
    commands = sorted(each.originate - each.hangup for each in ours.turnovers if each.originate)
    figures = {
        "p50": ours.quantile(0.5),
        "p99": ours.quantile(0.99),
        "command p50": wire_figures.quantile(commands, 0.5),
        "command p99": wire_figures.quantile(commands, 0.99),
    }
    found = [f"{name} {1000 * value:.1f} ms" for name, value in figures.items() if not value < TARGETS[name]]
    if not peer.quantile(0.5) >= TIMES_FASTER * ours.quantile(0.5):
        found.append(f"{peer.quantile(0.5) / ours.quantile(0.5):.1f} times faster at p50")
    return found + ([f"{ours.overtaken[0]} overtaken"] if ours.overtaken[0] else [])


def _library(name: str) -> str:
    """Where the library is, as the loader finds it; '' for none."""
    if not name:
        return ""
    listed = subprocess.run(["/sbin/ldconfig", "-p"], capture_output=True, text=True, check=True).stdout
    found = [line.split()[-1] for line in listed.splitlines() if line.split()[:1] == [name]]
    if not found:
        raise SystemExit(f"no {name} here: install it (Debian: libjemalloc2), or give --allocator ''")
    return found[0]


def main() -> int:
    parser = argparse.ArgumentParser(description="Dead time of agents on the wire, against mod_callcenter.")
    parser.add_argument("--seconds", type=float, default=45.0, help="of measurement, for each side")
    parser.add_argument("--only", choices=["mod_callcenter", "fsroute"])
    parser.add_argument("--keep", action="store_true", help="keep the records and the logs")
    parser.add_argument("--np", action="store_true", help="FreeSWITCH with ordinary scheduling")
    parser.add_argument(
        "--ordinary", action="store_true", help="fsroute and its database with ordinary scheduling"
    )
    parser.add_argument(
        "--timer", choices=sorted(RTP_TIMERS), default="posix", help="by what calls are timed"
    )
    parser.add_argument("--allocator", default="libjemalloc.so.2", help="for FreeSWITCH; '': the C library's")
    parser.add_argument("--check", action="store_true", help="end with 1 where a target is missed")
    arguments = parser.parse_args()
    program = freeswitch.find()
    if program is None:
        parser.error(f"no FreeSWITCH found: looked at {freeswitch.SEARCHED}")
    folder = Path(tempfile.mkdtemp(prefix="fsroute-wire-", dir="/dev/shm"))
    disk = Path(tempfile.mkdtemp(prefix="fsroute-wire-", dir="/var/tmp"))
    disk.chmod(0o711)
    switch_priority = 0 if arguments.np else SWITCH_PRIORITY
    priority = 0 if arguments.ordinary else switch_priority + 1
    host = Host(switch_priority, priority, arguments.timer, _library(arguments.allocator))
    os.environ.setdefault("FSROUTE_LIVE_SWITCH_LOG", "notice")  # as it is rendered by default
    bench = Bench(program, folder, disk, host)
    sides = {}
    print(host)
    print(f"load average before: {os.getloadavg()[0]:.2f} on {os.cpu_count()} cores")
    try:
        bench.start()
        if arguments.only != "fsroute":
            sides["peer"] = bench.measure(
                "mod_callcenter", wire_sides.CALLCENTER_NUMBER, "7", arguments.seconds
            )
            report(sides["peer"])
            bench.clear()
        if arguments.only != "mod_callcenter":
            assert bench.fsroute is not None
            bench.fsroute.start()
            sides["ours"] = bench.measure("fsroute", wire_sides.FSROUTE_NUMBER, "8", arguments.seconds)
            report(sides["ours"])
    finally:
        bench.stop()
        if arguments.keep:
            print(f"kept: {folder} {disk}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(disk, ignore_errors=True)
    if len(sides) < 2:
        return 0
    peer, ours = sides["peer"], sides["ours"]
    ratios = [peer.quantile(part) / ours.quantile(part) for part in (0.5, 0.99)]
    print(f"\nfsroute is {ratios[0]:.1f} times as fast at p50, {ratios[1]:.1f} times at p99")
    misses = missed(peer, ours)
    print(f"missed: {', '.join(misses)}" if misses else "every target is reached")
    print(f"load average after: {os.getloadavg()[0]:.2f}")
    return 1 if misses and arguments.check else 0


if __name__ == "__main__":
    sys.exit(main())
