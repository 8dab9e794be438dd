"""What fsroute says on an event socket, read back from its bytes: pure."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

LONGEST_COMMAND = 1 << 20  # bytes

_LENGTH = re.compile(rb"^content-length: *(\d{1,7})[ \r]*$", re.IGNORECASE | re.MULTILINE)
STATE = "fsroute_state"
"""The channel variable that holds where the caller stands in the application."""


class DamagedCommand(ValueError):
    """Bytes that are no command, or end within one."""


@dataclass(frozen=True, slots=True)
class Command:
    """One command.

    `verb` is its first word; `name` what it asks for: the function of ``api``, the application of ``sendmsg …
    execute``, the call command of another ``sendmsg``. `subject` is the variable of ``uuid_setvar``. `argument` is
    all that follows; `event_uuid` what its end will be known by.
    """

    verb: str
    name: str = ""
    argument: str = ""
    subject: str = ""
    event_uuid: str = ""
    target: str = ""  # of a sendmsg to another channel
    lock: bool = False

    @property
    def key(self) -> tuple[str, str, str]:
        """What two commands have in common that are the same but for their arguments."""
        return self.verb, self.name, self.subject

    @property
    def is_execute(self) -> bool:
        return self.verb == "execute"

    def __str__(self) -> str:
        return " ".join(word for word in (self.verb, self.name, self.argument) if word)


class Splitter:
    """Cuts what is written to an event socket into commands, however it comes in pieces."""

    def __init__(self) -> None:
        self._kept = b""

    @property
    def is_within(self) -> bool:
        """A command has begun that is not complete."""
        return bool(self._kept)

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The commands that are complete now, each as its bytes.

        Raises:
            DamagedCommand: no command is as long as this.
        """
        text = self._kept + data
        while True:
            text = text.lstrip(b"\n")
            head = text.find(b"\n\n")
            found = None if head < 0 else _LENGTH.search(text, 0, head)
            end = head + 2 + (int(found[1]) if found else 0)
            if head < 0 or end > len(text):
                break
            yield text[:end]
            text = text[end:]
        self._kept = text
        if len(text) > LONGEST_COMMAND:
            raise DamagedCommand(f"a command of more than {LONGEST_COMMAND} bytes")


def parse(command: bytes) -> Command:
    """Read one command."""
    head, _, body = command.decode("utf-8", "surrogateescape").partition("\n\n")
    first, *lines = head.split("\n")
    verb, _, rest = first.partition(" ")
    if verb in ("api", "bgapi"):
        return _api(verb, rest)
    if verb != "sendmsg":
        return Command(verb, argument=rest)
    headers = {
        name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
    }
    what = headers.get("call-command", "")
    if what != "execute":
        return Command("sendmsg", what, headers.get("hangup-cause", ""), target=rest)
    return Command(
        "execute",
        headers.get("execute-app-name", ""),
        body if "content-length" in headers else headers.get("execute-app-arg", ""),
        event_uuid=headers.get("event-uuid", ""),
        target=rest,
        lock=headers.get("event-lock") == "true",
    )


def _api(verb: str, text: str) -> Command:
    name, _, argument = text.partition(" ")
    subject = ""
    if name in ("uuid_setvar", "uuid_getvar"):
        subject = argument.split(" ")[1] if argument.count(" ") else ""
    return Command(verb, name, argument, subject)


def stands_at(command: Command) -> tuple[str, str] | None:
    """(application, step) that a command says the caller is at from now on; None: it says nothing of it."""
    found = position(command)
    return None if found is None else (str(found.get("a", "")), str(found.get("s", "")))


def position(command: Command) -> dict[str, object] | None:
    """The position in the application that a command keeps on the channel (`fsroute.ivr.position`)."""
    if command.name != "uuid_setvar" or command.subject != STATE:
        return None
    text = command.argument.split(" ", 2)[-1]
    try:
        loaded = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        return None
    return loaded if isinstance(loaded, dict) else None


def readable(command: Command) -> str:
    """The argument as people and `fsroute.replay.roles` compare it: what is packed is unpacked.

    The application's version is left out of a position: it would be in each, and is told once.
    """
    found = position(command)
    if found is None:
        return command.argument
    found.pop("v", None)
    for frame in found.get("k") or ():  # type: ignore[attr-defined]
        if isinstance(frame, dict):
            frame.pop("v", None)
    uuid = command.argument.split(" ", 1)[0]
    return f"{uuid} {STATE} {json.dumps(found, sort_keys=True, ensure_ascii=False)}"
