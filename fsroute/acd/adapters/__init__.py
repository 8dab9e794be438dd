"""What fsroute asks of an ACD of another make: few verbs, all of them pure.

An adapter makes commands of proxy calls and signals of events; ``fsroute.acd.entering`` decides what is done, and
``fsroute.acd.entry`` does it. The *entry* is the channel at the ACD's switch that waits in the caller's stead; its
name is made by fsroute, so that events find it.

A package brings an adapter by an entry point of the group ``fsroute.acd``: an object that has the verbs of `Adapter`
(``loading.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from fsroute.errors import FsrouteError
from fsroute.esl.messages import Event
from fsroute.model.other_acd import OtherAcd
from fsroute.model.proxy_call import ProxyCall

ENTRY = "fsroute_entry"
"""The variable of an entry's channel that names its proxy call."""


class FaultyAcd(FsrouteError):
    """The parameters of an ACD of another make cannot be used; the text says which and why."""


@dataclass(frozen=True, slots=True)
class Waits:
    """The entry has its place in the ACD's queue."""


@dataclass(frozen=True, slots=True)
class Offering:
    """An agent is about to be there: the phone rings."""

    agent: str = ""


@dataclass(frozen=True, slots=True)
class NotTaken:
    """The agent did not come to serve, without a name no agent did; the entry waits on."""

    agent: str = ""
    reason: str = "failed"


@dataclass(frozen=True, slots=True)
class AgentThere:
    """A human is there, at this channel of the switch."""

    agent: str
    leg: str


@dataclass(frozen=True, slots=True)
class AgentLeft:
    """The human has gone."""

    cause: str = ""


@dataclass(frozen=True, slots=True)
class Joinable:
    """The agent's channel may be bridged from now on."""


@dataclass(frozen=True, slots=True)
class Told:
    """The ACD says how long it may take: the place, counted from 1, and seconds."""

    position: int | None = None
    expected_wait: float | None = None


@dataclass(frozen=True, slots=True)
class Left:
    """The ACD has let go of the entry. `is_final`: by a limit of its own, so that it is not entered again."""

    reason: str
    is_final: bool = False


Signal = Waits | Offering | NotTaken | AgentThere | AgentLeft | Joinable | Told | Left

Ask = Callable[[str], str]
"""Performs an api command at the switch and gives its output, whatever it is."""


class Adapter(Protocol):
    """An ACD of another make, as fsroute uses it. None of the verbs keeps anything."""

    def check(self, parameters: Mapping[str, str]) -> None:
        """Can these be used?

        Raises:
            FaultyAcd: they cannot.
        """

    def enter(self, call: ProxyCall, acd: OtherAcd, entry_uuid: str, token: str, now: float) -> str:
        """The api command that makes the entry; `token` is a secret of the entry, `now` in seconds since the epoch."""

    def answered(self, acd: OtherAcd, entry_uuid: str) -> Iterable[tuple[str, str]]:
        """Applications (name, argument) to be executed on the entry once it is answered."""

    def hear(self, acd: OtherAcd, entry_uuid: str, event: Event) -> Iterator[Signal]:
        """What an event of the switch says of the entry."""

    def look(self, acd: OtherAcd, entry_uuid: str, ask: Ask) -> Iterator[Signal]:
        """How far an entry is whose channel is there, for who finds it after a restart."""

    def places(self, acd: OtherAcd, ask: Ask) -> Mapping[str, int]:
        """Place in the queue, counted from 1, by entry; empty where the ACD cannot be asked."""

    def serves(self, event: Event) -> str:
        """The queue in which, by this event, somebody was served; empty if the event says no such thing."""

    def queue(self, acd: OtherAcd) -> str:
        """The name of the ACD's queue, as `serves` gives it."""


def required(parameters: Mapping[str, str], known: Iterable[str], needed: Iterable[str]) -> None:
    """Only known parameters, and all that are needed.

    Raises:
        FaultyAcd: it is otherwise.
    """
    unknown = sorted(set(parameters) - set(known))
    if unknown:
        raise FaultyAcd(f"unknown parameters: {', '.join(unknown)}")
    for name in needed:
        if not parameters.get(name):
            raise FaultyAcd(f"the parameter {name} is missing")
