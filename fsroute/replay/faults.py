"""What can be wrong with a capture or a journal."""

from __future__ import annotations

from fsroute.errors import FsrouteError


class CaptureError(FsrouteError):
    """A capture or a journal cannot be read; the text names the file, the line, and what is wrong.

    `line` counts from 1; 0: the file as a whole.
    """

    def __init__(self, name: str, line: int, what: str) -> None:
        super().__init__(f"{name}, line {line}: {what}" if line else f"{name}: {what}")
        self.name = name
        self.line = line
        self.what = f"line {line}: {what}" if line else what


class OtherVersion(CaptureError):
    """It is of a version that this program does not read."""


class Truncated(CaptureError):
    """It ends before its last line: whoever wrote it was cut off."""
