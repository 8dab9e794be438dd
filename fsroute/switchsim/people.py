"""People with telephones, as values: what callers and agents do. Times in seconds.

Callers follow a script of steps; agents behave by their address, once per call that rings them.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Wait:
    """Wait for so long, scaled by the network's speed."""

    seconds: float


@dataclass(frozen=True, slots=True)
class WaitFor:
    """Wait until something is heard whose name contains `text`, but no longer than `limit`.

    ``WaitFor("talking")`` waits for an agent, ``WaitFor("waiting for digits")`` for the end of a prompt.
    """

    text: str
    limit: float = 30.0


@dataclass(frozen=True, slots=True)
class Press:
    """Press keys, one every `gap` seconds."""

    digits: str
    gap: float = 0.1


@dataclass(frozen=True, slots=True)
class Speak:
    """Say something; `result` is what a recogniser that listens makes of it."""

    result: str


@dataclass(frozen=True, slots=True)
class HangUp:
    """End the call."""


Step = Wait | WaitFor | Press | Speak | HangUp


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who calls. After the script the caller stays on the line.

    `patience`: hangs up when nobody has talked with them so long after the call began; None: waits
    for ever. `talk`: hangs up so long after a conversation began; None: the other side ends it.
    `starts`: when to call, counted from the start of the scenario. `host` is where the telephone is,
    `profile` the SIP profile of the switch that takes the call. `user` (``name@domain``): whose password the
    telephone has proved to know, as on a profile with ``auth-calls``.
    """

    number: str
    name: str
    number_called: str
    script: tuple[Step, ...] = ()
    patience: float | None = None
    talk: float | None = None
    starts: float = 0.0
    switch: str = ""
    label: str = ""
    host: str = "127.0.0.1"
    profile: str = "internal"
    user: str = ""


@dataclass(frozen=True, slots=True)
class Answers:
    """The agent answers `after` so long, presses `key` `key_after` later, hangs up after `talk`.

    `refers_after`: sends REFER so long after the conversation began; it is refused and recorded.
    """

    after: float = 0.5
    talk: float | None = None
    key: str = ""
    key_after: float = 0.2
    rings_after: float = 0.0
    refers_after: float | None = None


@dataclass(frozen=True, slots=True)
class Busy:
    """486."""

    after: float = 0.0


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """Rings until the switch gives up."""

    rings_after: float = 0.0


@dataclass(frozen=True, slots=True)
class Rejects:
    """Rings, then refuses with a cause."""

    after: float = 0.5
    cause: str = "CALL_REJECTED"


@dataclass(frozen=True, slots=True)
class Dead:
    """The telephone does not react at all."""


Behaviour = Answers | Busy | NoAnswer | Rejects | Dead


@dataclass(frozen=True, slots=True)
class Agent:
    """Somebody who is called at `address`; the last behaviour repeats for all further calls."""

    address: str
    name: str
    behaviours: tuple[Behaviour, ...] = (Answers(),)


@dataclass(frozen=True, slots=True)
class Scenario:
    """A whole script: who calls when, and who answers."""

    callers: tuple[Caller, ...] = ()
    agents: tuple[Agent, ...] = field(default=())
