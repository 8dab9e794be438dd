"""The outbound server beside greenswitch's: CPU per call, memory per session, connects, idling.

    python -m tests.benchmarks.esl_outbound [cpu] [memory] [connects] [idle]

Each server runs in a process of its own, and only what that process uses is counted. The callers
live in this process and say what a real FreeSWITCH said in a recorded call. "face" is fsroute
under greenswitch's names.
"""

from __future__ import annotations

from gevent import monkey

monkey.patch_all()

import contextlib  # noqa: E402
import socket  # noqa: E402
import subprocess  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402
import uuid  # noqa: E402
from collections.abc import Callable, Iterator  # noqa: E402
from pathlib import Path  # noqa: E402

import gevent  # noqa: E402
import psutil  # noqa: E402
from gevent.pool import Pool  # noqa: E402

from tests.benchmarks.esl_traffic import CallTraffic  # noqa: E402

KINDS = ("greenswitch", "face", "fsroute")
REPLY = b"Content-Type: command/reply\nReply-Text: +OK\n\n"


class Caller:
    """One call on a real socket, as FreeSWITCH would speak."""

    def __init__(self, port: int, limit: float = 30) -> None:
        self.traffic = CallTraffic(str(uuid.uuid4()))
        self.sock = socket.create_connection(("127.0.0.1", port), limit)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # as FreeSWITCH does
        self.file = self.sock.makefile("rb")

    def command(self) -> dict[str, str]:
        """The next command; its first line under the empty name. Empty at the end of the file."""
        found: dict[str, str] = {}
        while line := self.file.readline().decode():
            if line == "\n":
                if found:
                    return found
                continue
            name, colon, value = line.rstrip("\n").partition(": ")
            found[name if colon and found else ""] = value if colon and found else line.rstrip("\n")
        return found

    def serve(self, until: str = "") -> bool:
        """Answer until the hang-up or the socket's end, or until the application `until` is asked for."""
        while command := self.command():
            application = command.get("execute-app-name", "")
            if command[""] == "connect":
                self.sock.sendall(self.traffic.channel_data)
            elif application == "hangup":
                self.sock.sendall(REPLY + self.traffic.ending())
                return True  # FreeSWITCH closes now
            elif application:
                self._run(application, command.get("Event-UUID", ""), until)
            else:
                self.sock.sendall(REPLY)
            if until and application == until:
                return True
        return False

    def _run(self, application: str, event_uuid: str, until: str) -> None:
        said = self.traffic.application(application, event_uuid or str(uuid.uuid4()))
        self.sock.sendall(REPLY + said if application != until else REPLY)

    def close(self) -> None:
        self.file.close()
        self.sock.close()


@contextlib.contextmanager
def server(kind: str, work: str) -> Iterator[tuple[psutil.Process, int]]:
    command = [sys.executable, "-m", "tests.benchmarks.esl_server", kind, work]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        for _ in range(100):
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            time.sleep(0.05)
        time.sleep(0.5)
        try:
            yield psutil.Process(process.pid), port
        finally:
            process.kill()


def cpu(process: psutil.Process) -> float:
    """Seconds of CPU that all threads of a process have used, from the scheduler's nanoseconds."""
    tasks = Path(f"/proc/{process.pid}/task").glob("*/schedstat")
    return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9


def one_call(port: int) -> None:
    caller = Caller(port)
    caller.serve()
    caller.close()


def cpu_per_call(calls: int = 1000, at_once: int = 20) -> None:
    print(f"CPU per call, {calls} calls, {at_once} at once (answer, a prompt, hang-up; real events)")
    figures = {}
    for kind in KINDS:
        with server(kind, "calls") as (process, port):
            one_call(port)
            before, begin = cpu(process), time.monotonic()
            pool = Pool(at_once)
            for _ in range(calls):
                pool.spawn(one_call, port)
            pool.join()
            took = time.monotonic() - begin
            time.sleep(1.5)  # greenswitch takes a call down later
            figures[kind] = 1000 * (cpu(process) - before) / calls
        show(kind, figures, "ms", f"{calls / took:6.0f} calls/s")


def memory_per_session(sessions: int = 1000) -> None:
    print(f"memory per session, {sessions} sessions that wait (unique set size)")
    figures = {}
    for kind in KINDS:
        with server(kind, "idle") as (process, port):
            warm = connect_all(port, 20)
            before = process.memory_full_info().uss
            callers = connect_all(port, sessions)
            figures[kind] = (process.memory_full_info().uss - before) / sessions / 1024
            close_all(warm + callers)
        show(kind, figures, "KiB")


def idle_sessions(sessions: int = 3000, seconds: float = 10) -> None:
    print(f"{sessions} sessions that wait, over {seconds:g} s")
    figures = {}
    for kind in KINDS:
        with server(kind, "idle") as (process, port):
            callers = connect_all(port, sessions)
            time.sleep(2)
            before = cpu(process)
            time.sleep(seconds)
            figures[kind] = 100 * (cpu(process) - before) / seconds
            close_all(callers)
        show(kind, figures, "% of a core")


def simultaneous_connects(sessions: int = 1000, limit: float = 15) -> None:
    print(f"{sessions} simultaneous connects, until each call has its first application")
    for kind in KINDS:
        with server(kind, "idle") as (_, port):
            served: list[float] = []
            begin = time.monotonic()
            greenlets = [gevent.spawn(first_application, port, begin, served, limit) for _ in range(sessions)]
            gevent.joinall(greenlets, timeout=limit)
            gevent.killall(greenlets)
            last = f"the last after {max(served):.2f} s" if served else ""
            print(f"  {kind:<12} {len(served):5d} of {sessions} served within {limit:g} s; {last}")


def first_application(port: int, begin: float, served: list[float], limit: float) -> None:
    with contextlib.suppress(OSError):
        caller = Caller(port, limit)
        if caller.serve(until="answer"):
            served.append(time.monotonic() - begin)
        gevent.sleep(limit)


def connect_all(port: int, count: int) -> list[Caller]:
    """So many calls that wait; greenswitch serves no more than a few at once."""
    callers: list[Caller] = []

    def one() -> None:
        caller = Caller(port)
        callers.append(caller)
        caller.serve(until="answer")
        caller.sock.sendall(caller.traffic.application("answer", str(uuid.uuid4())))
        gevent.spawn(caller.serve, until="playback")

    pool = Pool(20)
    for _ in range(count):
        pool.spawn(one)
    pool.join()
    time.sleep(0.5)
    return callers


def close_all(callers: list[Caller]) -> None:
    for caller in callers:
        with contextlib.suppress(RuntimeError):  # somebody reads from it
            caller.close()


def show(kind: str, figures: dict[str, float], unit: str, more: str = "") -> None:
    share = figures[kind] / figures[KINDS[0]] if figures[KINDS[0]] else 0
    print(f"  {kind:<12} {figures[kind]:8.2f} {unit}  {share:6.1%} of greenswitch's  {more}")


WORK: dict[str, Callable[[], None]] = {
    "cpu": cpu_per_call,
    "memory": memory_per_session,
    "connects": simultaneous_connects,
    "idle": idle_sessions,
}

if __name__ == "__main__":
    for name in sys.argv[1:] or list(WORK):
        WORK[name]()
