"""What capturing costs: processor time of a process that serves calls, with and without, and the delay of a command.

``python -m tests.benchmarks.capture_cost`` has a stand-in switch place the same calls to ``fsroute run`` again and
again: without capture, with it, and with names and numbers replaced, in rounds, so that whatever else the machine does
meets all of them. What is said is each mode against the run without capture of its own round: the median of the
rounds, the least and the most. All roles are in the one process. There are two sorts of calls: an application alone (a
menu, a question of five keys, some prompts), and a menu, a request, the wait, an agent, the conversation and its end.
Counted is all processor time of that process, user and system, all threads; neither the switch nor the database. The
time of the threads beside the hub is told apart: it is nearly all that capturing costs, and less a matter of what else
the machine does than the difference of two totals. Files are part of it: a file system that has just deleted many files
makes new ones slowly (ext4 passes over their inodes for some seconds), so let ``--folder`` lie where nobody does.

Then one session asks ``api`` over a socket, and the replies are timed: with nobody watching, with a recorder, with one
that scrubs, and each time beside a stream of events that the recorder has to take in.
"""

from __future__ import annotations

from gevent import monkey

monkey.patch_all()

import argparse  # noqa: E402
import shutil  # noqa: E402
import signal  # noqa: E402
import socket  # noqa: E402
import statistics  # noqa: E402
import tempfile  # noqa: E402
import threading  # noqa: E402
import time  # noqa: E402
from collections import defaultdict  # noqa: E402
from collections.abc import Iterator, Sequence  # noqa: E402
from pathlib import Path  # noqa: E402

import gevent  # noqa: E402
import psycopg  # noqa: E402

from fsroute import resources  # noqa: E402
from fsroute.demo.centers import WEST  # noqa: E402
from fsroute.esl.session import Session  # noqa: E402
from fsroute.esl.transport import plain_socket  # noqa: E402
from fsroute.replay.folder import Folder  # noqa: E402
from fsroute.replay.recorder import About, Recorder  # noqa: E402
from fsroute.replay.scrub import Scrubber, Settings  # noqa: E402
from fsroute.replay.writer import Limits  # noqa: E402
from fsroute.store.embedded import EmbeddedPostgres  # noqa: E402
from fsroute.store.migrate import migrate  # noqa: E402
from fsroute.store.scratch import new_folder  # noqa: E402
from fsroute.switchsim import Agent, Answers, Caller, HangUp, Network, Press, WaitFor  # noqa: E402
from tests.benchmarks.esl_traffic import frame, long_events  # noqa: E402
from tests.integration.flow.conftest import ADDRESSES  # noqa: E402
from tests.integration.flow.processes import Process, Site  # noqa: E402

SCRIPTS = {
    "application": (
        WaitFor("main_menu"), Press("1"), WaitFor("order_number"), Press("12345"), WaitFor("being_packed"), HangUp(),
    ),
    "agent": (WaitFor("main_menu"), Press("2")),
}  # fmt: skip
MODES = ("off", "capture", "scrub")
AGENTS = "update fsroute.agent set site_id = 'west', switch_id = 'west-1', wrap_up = 0, status = 'available'"
SPEED = 20.0
SETTLES = 1.5  # seconds


class Bench:
    """One stand-in switch, one database, one process at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._disk = new_folder()
        self._postgres = EmbeddedPostgres(self._disk)
        self._network = Network(speed=SPEED)
        self._site = Site(WEST, self._network)
        self._turn = 0

    def start(self) -> None:
        self._database = self._postgres.start()
        migrate(self._database)
        sample = (resources.folder("sql") / "samples" / "two_sites.sql").read_text("utf-8")
        with psycopg.connect(self._database, autocommit=True) as connection:
            connection.execute(sample.encode())
            connection.execute(AGENTS.encode())
        for name, address in ADDRESSES.items():
            answers = Answers(after=1, talk=3)
            self._network.add_agent(Agent(f"sofia/fsroute_agents/{address}", name, (answers,)))

    def stop(self) -> None:
        self._site.switch.stop()
        self._postgres.stop()
        shutil.rmtree(self._disk, ignore_errors=True)

    def measure(self, sort: str, mode: str, calls: int, together: int) -> tuple[float, float, int]:
        """(seconds of the processor for a call, of these beside the hub, bytes kept for a call)."""
        self._turn += 1
        kept = self._folder / f"kept-{self._turn}"
        options = (
            () if mode == "off" else ("--capture", str(kept), *(("--scrub",) if mode == "scrub" else ()))
        )
        name = f"run-{self._turn}"
        process = Process(self._folder, name, WEST, self._site.switch, self._database, options=options)
        self._site.processes[:] = [process]
        process.start()
        self._site.switch.reload()
        try:
            self._place(sort, together, together)  # what is done for the first time
            gevent.sleep(SETTLES)
            clock = ~process.pid << 3 | 2  # all threads of a process: clock_getcpuclockid(3)
            before, beside = time.clock_gettime(clock), _beside_hub(process.pid)
            self._place(sort, calls, together)
            gevent.sleep(SETTLES)  # the thread's last piece
            seconds = time.clock_gettime(clock) - before
            beside = _beside_hub(process.pid) - beside
        finally:
            process.send(signal.SIGTERM)
            process.wait(20)
        size = sum(path.stat().st_size for path in kept.glob("*.jsonl")) if kept.exists() else 0
        return seconds / calls, beside / calls, size // (calls + together)

    def _place(self, sort: str, calls: int, together: int) -> None:
        placed = 0
        switch = self._site.switch
        while placed < calls or switch.channels:
            while placed < calls and len(switch.channels) < together:
                placed += 1
                number = f"+1415555{placed % 10_000:04d}"
                self._network.call(
                    Caller(number, f"Ada Lovelace {placed}", "8005550100", SCRIPTS[sort]), switch
                )
            gevent.sleep(0.01)


def _beside_hub(pid: int) -> float:
    """Seconds of the processor that the threads of a process have used, but the first (proc(5), schedstat)."""
    threads = [path for path in Path(f"/proc/{pid}/task").iterdir() if path.name != str(pid)]
    return sum(int((path / "schedstat").read_text().split()[0]) / 1e9 for path in threads)


# The delay of a command ------------------------------------------------------------------------------------


def delays(mode: str, folder: Path, seconds: float, rate: int) -> list[float]:
    """Seconds from `api` to its reply, while `rate` events a second come in on another session."""
    recorder = None
    if mode != "off":
        scrubbing = Scrubber(Settings(b"key")) if mode == "scrub" else None
        recorder = Recorder(Folder(folder), Limits(), About("here", "here-1"), time.time, scrubbing=scrubbing)
        recorder.start()
    asked, answers = _pair(recorder)
    busy, floods = _pair(recorder)
    stop = threading.Event()
    native = monkey.get_original("_thread", "start_new_thread")
    native(_answer, (answers,))
    native(_flood, (floods, rate, stop))
    found = []
    give_up = time.monotonic() + seconds
    while time.monotonic() < give_up:
        began = time.perf_counter()
        asked.api("uptime")
        found.append(time.perf_counter() - began)
        gevent.sleep(0.002)
        while len(busy.events):
            busy.events.get()
    stop.set()
    for session in (asked, busy):
        session.close()
        session.finish()
    if recorder is not None:
        recorder.stop()
    return found


def _pair(recorder: Recorder | None) -> tuple[Session, socket.socket]:
    """A session that is connected, and FreeSWITCH's end of it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        ours = socket.create_connection(server.getsockname())
        theirs, _ = server.accept()
    session = Session(plain_socket(ours), None if recorder is None else recorder.outbound())
    plain = monkey.get_original("socket", "socket")(fileno=theirs.detach())
    plain.setblocking(True)
    plain.sendall(b"Event-Name: CHANNEL_DATA\nUnique-ID: c7512d7c-67d0\nContent-Type: command/reply\n\n")
    session.connect()
    return session, plain


def _answer(far: socket.socket) -> None:
    """In a thread of the system's own, as another program would."""
    while said := far.recv(1000):
        far.sendall(b"Content-Type: api/response\nContent-Length: 3\n\n+OK" * said.count(b"api "))


def _flood(far: socket.socket, rate: int, stop: threading.Event) -> None:
    sleep = monkey.get_original("time", "sleep")
    events = [frame(payload) for payload in long_events()]
    number = 0
    try:
        while not stop.is_set():
            far.sendall(events[number % len(events)])
            number += 1
            sleep(1.0 / rate)
    except OSError:
        return


def _part(values: list[float], part: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * part))]


def _rounds(turns: int) -> Iterator[Sequence[str]]:
    """All modes in each, every time beginning with another: what comes first is no mode's privilege."""
    for turn in range(turns):
        at = turn % len(MODES)
        yield MODES[at:] + MODES[:at]


def _compare(bench: Bench, sort: str, turns: int, calls: int, together: int) -> None:
    """Each mode against the run without capture of the same round: what else the machine does is much the same."""
    costs: dict[str, list[float]] = defaultdict(list)
    besides: dict[str, list[float]] = defaultdict(list)
    print(f"{sort:<14}{'ms of CPU a call':>20}{'us beside the hub':>20}{'bytes kept a call':>20}")
    for modes in _rounds(turns):
        for mode in modes:
            cost, beside, size = bench.measure(sort, mode, calls, together)
            costs[mode].append(cost)
            besides[mode].append(beside)
            print(f"{mode:<14}{cost * 1e3:>20.2f}{beside * 1e6:>20.0f}{size:>20}", flush=True)
    plain = costs["off"]
    print(f"{sort}, off: {statistics.median(plain) * 1e3:.2f} ms a call")
    for mode in MODES[1:]:
        total = [cost / without - 1.0 for cost, without in zip(costs[mode], plain, strict=True)]
        thread = [cost / without for cost, without in zip(besides[mode], plain, strict=True)]
        print(
            f"{sort}, {mode}: {statistics.median(costs[mode]) * 1e3:.2f} ms a call,"
            f" {statistics.median(total) * 100:+.1f} % ({min(total) * 100:+.1f} to {max(total) * 100:+.1f});"
            f" beside the hub {statistics.median(thread) * 100:.1f} %"
            f" ({min(thread) * 100:.1f} to {max(thread) * 100:.1f})",
            flush=True,
        )


def main() -> None:
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("--calls", type=int, default=150, help="in each turn")
    reader.add_argument("--together", type=int, default=15, help="at a time")
    reader.add_argument("--seconds", type=float, default=6.0, help="of commands in each mode")
    reader.add_argument("--events", type=int, default=200, help="a second, meanwhile")
    reader.add_argument("--turns", type=int, default=5, help="through all modes, of each sort of calls")
    reader.add_argument("--folder", help="what captures are kept in; one that is temporary if left out")
    given = reader.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="fsroute-capture-", dir=given.folder))
    bench = Bench(folder)
    try:
        bench.start()
        for sort in SCRIPTS:
            _compare(bench, sort, given.turns, given.calls, given.together)
        print(
            f"{'mode':<10}{'p50 us':>10}{'p99 us':>10}{'max us':>10}   of a command, {given.events} events/s"
        )
        for mode in MODES:
            found = delays(mode, folder / f"delays-{mode}", given.seconds, given.events)
            print(f"{mode:<10}" + "".join(f"{_part(found, part) * 1e6:>10.0f}" for part in (0.5, 0.99, 1.0)))
    finally:
        bench.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
