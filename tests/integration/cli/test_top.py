"""`fsroute top` in a pseudo-terminal: what a person sees, and how the terminal is given back."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from click.testing import CliRunner

from fsroute.cli.main import cli
from tests.fix_center import Center
from tests.fix_database import perform

LIMIT = 60.0  # seconds
ENTERED, LEFT = b"\x1b[?1049h", b"\x1b[?1049l"


class Screen:
    """The program in a terminal of so many columns and lines; `seen` is all that it has written."""

    def __init__(self, conninfo: str, *arguments: str, term: str = "xterm") -> None:
        self.master, self._slave = pty.openpty()
        self.resize(100, 30)
        self.before = termios.tcgetattr(self._slave)
        self.seen = b""
        self.child = subprocess.Popen(
            [sys.executable, "-m", "fsroute", "top", "--interval", "0.2", *arguments],
            stdin=self._slave,
            stdout=self._slave,
            stderr=self._slave,
            env={**os.environ, "FSROUTE_DATABASE_URL": conninfo, "TERM": term},
            start_new_session=True,
            preexec_fn=lambda: signal.signal(
                signal.SIGINT, signal.SIG_DFL
            ),  # whoever runs the tests may ignore it
        )

    def resize(self, columns: int, lines: int) -> None:
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def read(self, wanted: Callable[[bytes], Any]) -> bytes:
        """All that is written from now on until `wanted` holds of it."""
        fresh, end = b"", time.monotonic() + LIMIT
        while not wanted(fresh):
            assert time.monotonic() < end, fresh[-2000:]
            if select.select([self.master], [], [], 0.2)[0]:
                fresh += os.read(self.master, 65536)
        self.seen += fresh
        return fresh

    def press(self, keys: str) -> None:
        os.write(self.master, keys.encode())

    def end(self) -> int:
        """Wait for the program, whatever it still writes, and see that the terminal is as it was."""
        end = time.monotonic() + LIMIT
        while self.child.poll() is None:
            assert time.monotonic() < end
            if select.select([self.master], [], [], 0.05)[0]:
                self.seen += os.read(self.master, 65536)
        while select.select([self.master], [], [], 0)[0]:
            self.seen += os.read(self.master, 65536)
        assert termios.tcgetattr(self._slave)[:4] == self.before[:4]
        return int(self.child.returncode)

    def close(self) -> None:
        if self.child.poll() is None:
            self.child.kill()
            self.child.wait()
        os.close(self.master)
        os.close(self._slave)


@pytest.fixture
def screen(conninfo: str) -> Iterator[Callable[..., Screen]]:
    made: list[Screen] = []

    def start(*arguments: str, term: str = "xterm") -> Screen:
        made.append(Screen(conninfo, *arguments, term=term))
        return made[-1]

    yield start
    for one in made:
        one.close()


def test_it_shows_what_happens_turns_pages_and_gives_the_terminal_back(
    screen: Callable[..., Screen], center: Center
) -> None:
    center.offered()
    top = screen()
    first = top.read(lambda seen: b"calls (1)" in seen)
    assert first.startswith(ENTERED)
    assert b"ann" in first
    center.request()
    top.read(lambda seen: b"calls (2)" in seen)
    top.press("3")
    top.read(lambda seen: b"queues (4) by waiting" in seen)
    top.press("s")
    top.read(lambda seen: b"queues (4) by oldest" in seen)
    top.resize(60, 8)
    os.kill(top.child.pid, signal.SIGWINCH)
    small = top.read(lambda seen: seen.endswith(b"\x1b[J") and b"more lines below" in seen)
    for line in re.sub(rb"\x1b\[[0-9;?]*[A-Za-z]", b"", small.rpartition(b"\x1b[H")[2]).split(b"\r\n"):
        assert len(line.decode()) <= 60
    top.press("p")
    top.read(lambda seen: b"PAUSED" in seen)
    top.press("q")
    assert top.end() == 0
    assert LEFT in top.seen
    assert top.seen.rindex(b"\x1b[?25h") > top.seen.rindex(b"\x1b[?25l"), "the cursor is there again"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_however_it_ends_the_terminal_is_as_it_was(screen: Callable[..., Screen], number: int) -> None:
    top = screen()
    top.read(lambda seen: b"q quit" in seen)
    os.kill(top.child.pid, number)
    assert top.end() != 0
    assert LEFT in top.seen


def test_a_database_that_goes_away_gives_the_terminal_back_before_it_is_told(
    screen: Callable[..., Screen], center: Center
) -> None:
    top = screen("--page", "queues")
    top.read(lambda seen: b"queues (4)" in seen)
    center.sql("alter table queue alter column queue type text")
    center.sql("alter table proxy_call rename to proxy_calls")
    told = top.read(lambda seen: b"not read: " in seen)
    assert b"proxy_call" in told
    center.sql("alter table proxy_calls rename to proxy_call")
    top.read(lambda seen: b"leader: " in seen)
    top.press("q")
    assert top.end() == 0


def test_a_dumb_terminal_gets_lines_and_no_controls(screen: Callable[..., Screen]) -> None:
    top = screen(term="dumb")
    seen = top.read(lambda seen: seen.count(b"fsroute top") >= 2)
    assert b"\x1b" not in seen
    os.kill(top.child.pid, signal.SIGINT)
    assert top.end() != 0


def test_once_is_one_picture_for_a_pipe(
    conninfo: str, center: Center, monkeypatch: pytest.MonkeyPatch
) -> None:
    center.request()
    perform(conninfo, "update fsroute.agent set name = E'A\\x1b[2Jnn\\u202e' where agent_id = 'ann'")
    monkeypatch.setenv("FSROUTE_DATABASE_URL", conninfo)
    done = CliRunner().invoke(cli, ["top", "--once"])
    assert done.exit_code == 0, done.output
    assert "A?[2Jnn?" in done.output
    assert "\x1b" not in done.output
    assert re.search(r"^\d+ +blue/orders +requested +west", done.output, re.MULTILINE)
    assert "+4930111" not in done.output, "no caller's number"
    assert "Ms. Caller" not in done.output
