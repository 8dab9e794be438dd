"""A terminal that is drawn on, and given back as it was, however the program ends."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import termios
import tty
from collections.abc import Sequence
from types import FrameType, TracebackType
from typing import Self, TextIO

import gevent.event
import gevent.hub


from fsroute.top.drawing import Line
from fsroute.top.view import keys

ENTER = "\x1b[?1049h\x1b[?25l\x1b[?7l"  # the other screen, no cursor, no wrapping
LEAVE = "\x1b[?7h\x1b[?25h\x1b[0m\x1b[?1049l"
STYLES = {"title": "\x1b[1m", "head": "\x1b[2m", "alarm": "\x1b[7m", "": ""}
READ = 1024  # bytes


class Terminal:
    """Keys in, frames out. A dumb one gets frames without any control, and its keys are not read one by one."""

    def __init__(self, output: TextIO, source: int | None, name: str) -> None:
        self._output = output
        self._source = source
        self.is_dumb = name in ("", "dumb", "unknown") or not output.isatty() or source is None
        self._before: list[object] | None = None
        self._rest = ""
        self._woken = gevent.event.Event()
        self._handlers: dict[int, object] = {}

    @classmethod
    def standard(cls) -> Self:
        source = sys.stdin.fileno() if sys.stdin.isatty() else None
        return cls(sys.stdout, source, os.environ.get("TERM", ""))

    def __enter__(self) -> Self:
        if self.is_dumb or self._source is None:
            return self
        self._before = termios.tcgetattr(self._source)
        for number in (signal.SIGWINCH, signal.SIGCONT, signal.SIGTERM, signal.SIGHUP):
            self._handlers[number] = signal.signal(number, self._signalled)
        tty.setcbreak(self._source)
        self._write(ENTER)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._before is None or self._source is None:
            return
        try:
            self._write(LEAVE)
            termios.tcsetattr(self._source, termios.TCSADRAIN, self._before)
        except (OSError, termios.error):
            pass  # it is gone
        for number, handler in self._handlers.items():
            signal.signal(number, handler)  # type: ignore[arg-type]
        self._before = None

    def size(self) -> tuple[int, int]:
        """Columns and lines, as they are now."""
        found = shutil.get_terminal_size((80, 24)) if self._source is None else os.get_terminal_size(self._source)
        return (found.columns or 80, found.lines or 24)

    def draw(self, lines: Sequence[Line]) -> None:
        """One frame. Only what is styled here holds a control; texts hold none."""
        if self.is_dumb:
            self._write("\n".join(line.text.rstrip() for line in lines).rstrip("\n") + "\n\n")
            return
        rows = (f"{STYLES[line.style]}{line.text}\x1b[0m\x1b[K" for line in lines)
        self._write("\x1b[H" + "\r\n".join(rows) + "\x1b[J")

    def wait(self, seconds: float) -> list[str]:
        """The keys that come within `seconds`; sooner back with the first, or when the window has another size."""
        if self.is_dumb or self._source is None:
            gevent.sleep(seconds)
            return []
        hub = gevent.hub.get_hub()
        watcher = hub.loop.io(self._source, 1)
        self._woken.clear()
        watcher.start(self._woken.set)
        try:
            if not self._woken.wait(seconds):
                return []
        finally:
            watcher.stop()
            watcher.close()
        return self._read()

    def _read(self) -> list[str]:
        assert self._source is not None
        os.set_blocking(self._source, False)
        try:
            data = os.read(self._source, READ)
        except BlockingIOError:
            return []  # a signal
        except OSError:
            return ["q"]  # the line is gone
        finally:
            os.set_blocking(self._source, True)
        if not data:
            return ["q"]
        found, self._rest = keys(self._rest + data.decode("latin-1"))
        return found

    def _signalled(self, number: int, frame: FrameType | None) -> None:
        if number in (signal.SIGTERM, signal.SIGHUP):
            raise SystemExit(128 + number)
        if number == signal.SIGCONT and self._source is not None:
            tty.setcbreak(self._source)
            self._write(ENTER)
        self._woken.set()

    def _write(self, text: str) -> None:
        self._output.write(text)
        self._output.flush()
