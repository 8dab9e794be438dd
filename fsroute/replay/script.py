"""What is played: all that happened around a call then, in one order of time. Pure.

An *input* came from outside: a message of FreeSWITCH, a row that somebody else changed, an agent who logged on. An
*output* is what fsroute itself did: a command, a transition of the call's own row. The player gives the inputs again;
each waits for the outputs that stood before it then, since one of them may have caused it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from fsroute.acd.proxy_call import On
from fsroute.model.proxy_call import ProxyCall
from fsroute.replay.commands import readable
from fsroute.replay.journal import Entry
from fsroute.replay.transcript import Heard, Said

Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sent:
    """Output: a command."""

    at: float
    said: Said
    text: str  # its argument, readable

    @property
    def key(self) -> Key:
        return self.said.command.key


@dataclass(frozen=True, slots=True)
class Moved:
    """Output: a transition of the call's own row; `row` is the row after it, as far as the journal has it.

    The news of a reservation come to the call server `news` seconds later.
    """

    at: float
    on: On
    row: ProxyCall
    news: float = 0.0

    @property
    def key(self) -> Key:
        return move_key(self.on)

    @property
    def text(self) -> str:
        return ""


@dataclass(frozen=True, slots=True)
class Answer:
    """Input: the reply to a command."""

    at: float
    heard: Heard


@dataclass(frozen=True, slots=True)
class Arrived:
    """Input: an event or a notice."""

    at: float
    heard: Heard


@dataclass(frozen=True, slots=True)
class Others:
    """Input: somebody else changed the call's row; the news of it come `news` seconds later.

    `seen`: somebody saw the row then; else routing was told of it then, and it may have been there for a while.
    `quiet`: an agent was reserved upon it before the call server had heard of it.
    """

    at: float
    on: On
    row: ProxyCall
    news: float = 0.0
    seen: bool = False
    quiet: bool = False


@dataclass(frozen=True, slots=True)
class Told:
    """Input: something that routing was told and that is not this call's."""

    at: float
    entry: Entry


@dataclass(frozen=True, slots=True)
class Released:
    """Input: the process was about to end, and gave the call back to the dialplan."""

    at: float


@dataclass(frozen=True, slots=True)
class End:
    """Input: the connection was over."""

    at: float


_SAME: Final[Mapping[str, On]] = {
    On.CONVERSATION_OVER: On.CALLER_GONE,
    On.CENTER_CLOSED: On.NOBODY_MAY_SERVE,
}


def move_key(on: str) -> Key:
    """By what a transition is found again; two that leave the same row are one, since the journal has only rows."""
    return ("move", str(_SAME.get(on, on)))


Output = Sent | Moved
Input = Answer | Arrived | Others | Told | Released | End
Item = Output | Input


def sent(said: Said) -> Sent:
    return Sent(said.at, said, readable(said.command))


def spoken(items: Iterable[Said | Heard]) -> list[Item]:
    """A transcript as items."""
    return [
        sent(item) if isinstance(item, Said)
        else Arrived(item.at, item) if item.answers is None
        else Answer(item.at, item)
        for item in items
    ]  # fmt: skip


def in_order(*lists: Iterable[Item]) -> list[Item]:
    """All of them in one order of time; at one moment those of the first list come first."""
    return sorted((item for each in lists for item in each), key=lambda item: item.at)
