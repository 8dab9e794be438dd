"""What becomes of an agent's standing leg: pure.

A standing leg stands all shift: the agent's phone is called once, and its channel waits in park between the
contacts. The agent's row says who is to have one and which channel it is; what is seen on the switch says whether
that channel is there. Both decide together, whatever happened in which order.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace

from fsroute.model.agent import AgentStatus

FIRST_RETRY = 1.0  # seconds after a lost leg, doubled with every call that is not answered
LONGEST_RETRY = 60.0  # seconds
FAR_AWAY = 20.0  # seconds that somebody who did not answer, or refused, is left alone at least


@dataclass(frozen=True, slots=True)
class StandingAgent:
    """An agent's row, as far as the standing leg goes; `uuid` names the channel that the row speaks of."""

    agent_id: str
    address: str
    leg: str  # dialled or standing
    status: AgentStatus
    uuid: str | None

    @property
    def is_on_duty(self) -> bool:
        """To have a standing leg: it stays through breaks, and ends with the shift."""
        return self.leg == "standing" and self.status is not AgentStatus.LOGGED_OUT


class Where(enum.StrEnum):
    """How far a standing leg is, as seen on the switch."""

    ABSENT = "absent"
    DIALLING = "dialling"
    UP = "up"


@dataclass(frozen=True, slots=True)
class Leg:
    """What is seen of an agent's standing leg. `dial_after` is in seconds since the epoch.

    `parked`: it stands; otherwise it talks, or is on its way back. `unparked`: its park ended though nobody took it,
    as when an outbound socket closes that it was on before. `gone` names the channel that was last seen to be no
    more. `failures` counts the calls since a leg was up. `address` is what was dialled; empty for a channel that came
    by itself.
    """

    where: Where = Where.ABSENT
    uuid: str | None = None
    address: str = ""
    parked: bool = False
    unparked: bool = False
    gone: str | None = None
    cause: str = ""
    failures: int = 0
    dial_after: float = 0.0

    def up(self, uuid: str, parked: bool) -> Leg:
        return Leg(Where.UP, uuid, self.address if uuid == self.uuid else "", parked)

    def away(self) -> Leg:
        """It is joined, or about to be."""
        return replace(self, parked=False, unparked=False)

    def lost(self, cause: str, now: float) -> Leg:
        """The channel is gone: how soon is the phone called again?"""
        failures = self.failures + 1
        pause = min(FIRST_RETRY * 2 ** (failures - 1), LONGEST_RETRY)
        if self.where is Where.DIALLING and cause not in _NOBODYS_FAULT:
            pause = max(pause, FAR_AWAY)
        return Leg(gone=self.uuid, cause=cause, failures=failures, dial_after=now + pause)


_NOBODYS_FAULT = frozenset(
    {"SWITCH_UNAVAILABLE", "NETWORK_OUT_OF_ORDER", "NORMAL_TEMPORARY_FAILURE", "LOSE_RACE"}
)


@dataclass(frozen=True, slots=True)
class Look:
    """The row speaks of a channel that is not known here: is it there?"""

    uuid: str


@dataclass(frozen=True, slots=True)
class Dial:
    """Call the agent's phone."""


@dataclass(frozen=True, slots=True)
class NoteUp:
    """The row is to name this channel."""

    uuid: str


@dataclass(frozen=True, slots=True)
class NoteLost:
    """The row names a channel that is no more."""

    uuid: str
    reason: str


@dataclass(frozen=True, slots=True)
class StandAgain:
    """Park this channel: it has no media."""

    uuid: str


@dataclass(frozen=True, slots=True)
class End:
    """Hang this channel up: the shift is over, or another one took its place."""

    uuid: str


Step = Look | Dial | NoteUp | NoteLost | StandAgain | End


class Use(enum.StrEnum):
    """What a contact has the leg for."""

    NONE = "none"
    OFFERED = "offered"
    TALKING = "talking"  # or consulting somebody


def decide(row: StandingAgent | None, leg: Leg, use: Use, now: float) -> Step | None:
    """The one thing to do now; None: nothing until something happens or `deadline` comes.

    Without a `row` the agent is no more, or not at this switch. While a contact has the leg nobody's talk is cut.
    """
    in_use = use is not Use.NONE
    if leg.unparked and leg.uuid is not None and use is not Use.TALKING:
        return StandAgain(leg.uuid)
    named = row.uuid if row is not None else None
    if named is not None and named not in (leg.uuid, leg.gone):
        return None if in_use and leg.where is Where.UP else Look(named)
    if row is None or not row.is_on_duty:
        return _off_duty(named, leg, in_use)
    if leg.uuid is not None and leg.address not in ("", row.address):
        return None if in_use else End(leg.uuid)
    if leg.where is Where.UP:
        return NoteUp(leg.uuid) if leg.uuid is not None and named != leg.uuid else None
    if leg.where is Where.DIALLING:
        return None
    if named is not None:
        return NoteLost(named, leg.cause or "gone")
    return Dial() if row.status is AgentStatus.AVAILABLE and now >= leg.dial_after else None


def _off_duty(named: str | None, leg: Leg, in_use: bool) -> Step | None:
    if leg.uuid is not None:
        return None if in_use else End(leg.uuid)
    return NoteLost(named, "logged_out") if named is not None else None


def deadline(row: StandingAgent | None, leg: Leg) -> float | None:
    """When `decide` must be asked again though nothing has happened; None: never."""
    waits = row is not None and row.is_on_duty and row.status is AgentStatus.AVAILABLE
    return leg.dial_after if waits and leg.where is Where.ABSENT else None
