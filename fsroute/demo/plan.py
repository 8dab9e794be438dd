"""Who calls, and what each caller and agent does: pure, repeatable by its seed."""

from __future__ import annotations

import enum
import random
from dataclasses import dataclass

from fsroute.model.contact import Outcome
from fsroute.switchsim.people import (
    Answers,
    Behaviour,
    Busy,
    Caller,
    HangUp,
    NoAnswer,
    Press,
    Rejects,
    Wait,
    WaitFor,
)

ACME, GLOBEX, INITECH, UMBRELLA = "8005550100", "8005550200", "8005550300", "8005550400"
HOOLI, HOOLI_BACK, STARK = "8005550500", "8005550501", "8005550600"

_TO_AN_AGENT = (WaitFor("main_menu"), Press("2"))
_CHOOSES_A_CALLBACK = (
    *_TO_AN_AGENT,
    WaitFor("callback_offer"),
    Press("1"),
    WaitFor("callback_confirm"),
    Press("1"),
)


class Kind(enum.StrEnum):
    """What a call is to show."""

    BRIDGED = "an agent talks with the caller"
    SELF_SERVED = "the application serves the caller"
    GONE_IN_APPLICATION = "the caller hangs up in the application"
    GONE_WHILE_WAITING = "the caller hangs up while waiting"
    GONE_WHILE_OFFERED = "the caller hangs up while the agent's phone rings"
    GONE_WHEN_READY = "the caller hangs up when the agent is there"
    AGENT_NO_ANSWER = "the agent does not answer, another one does"
    AGENT_BUSY = "the agent is busy, another one is not"
    AGENT_REFUSES = "the agent refuses, another one does not"
    LEG_FAILS = "the network leg fails and is raised again"
    OVERFLOWED = "nobody is available, the longest wait passes"
    REFUSED = "nobody is authorized"
    TRANSFERRED = "the caller asks for the operator"
    WIDENED = "no expert is there: the rule's time line asks for less"
    CALLED_BACK = "the caller hangs up, keeps the place and is called back"
    HANDED_ON = "the agent transfers the caller to another queue"
    CLOSED = "the contact center is closed at once"


EXPECTED = {
    Kind.SELF_SERVED: Outcome.SELF_SERVED,
    Kind.GONE_IN_APPLICATION: Outcome.ABANDONED,
    Kind.GONE_WHILE_WAITING: Outcome.ABANDONED,
    Kind.GONE_WHILE_OFFERED: Outcome.ABANDONED,
    Kind.GONE_WHEN_READY: Outcome.ABANDONED,
    Kind.OVERFLOWED: Outcome.OVERFLOWED,
    Kind.REFUSED: Outcome.REFUSED,
    Kind.TRANSFERRED: Outcome.TRANSFERRED,
    Kind.CLOSED: Outcome.REFUSED,
}
"""How each kind must end; a kind that is not here must be served."""

SHOWN_BY = {
    Kind.AGENT_NO_ANSWER: "agent_failed",
    Kind.AGENT_BUSY: "agent_failed",
    Kind.AGENT_REFUSES: "agent_failed",
    Kind.LEG_FAILS: "network_leg_failed",
    Kind.OVERFLOWED: "limit_passed",
    Kind.WIDENED: "time_line_step",
    Kind.CALLED_BACK: "caller_back",
    Kind.HANDED_ON: "transferred",
}
"""The event without which a call of a kind has not shown what it is to show."""

HANGS_UP_WHEN = {
    Kind.GONE_WHILE_WAITING: "queued",
    Kind.GONE_WHILE_OFFERED: "offered",
    Kind.GONE_WHEN_READY: "ready",
}
"""The state of the proxy call in which the caller of a kind hangs up."""

_NUMBERS = {
    Kind.OVERFLOWED: INITECH,
    Kind.GONE_WHILE_WAITING: INITECH,
    Kind.REFUSED: UMBRELLA,
    Kind.GONE_WHEN_READY: ACME,  # its agents are at the other site: there is a network leg
    Kind.LEG_FAILS: ACME,
    Kind.WIDENED: HOOLI,
    Kind.CALLED_BACK: HOOLI_BACK,
    Kind.HANDED_ON: ACME,
    Kind.CLOSED: STARK,
}

_FIRST_OFFER: dict[Kind, Behaviour] = {
    Kind.AGENT_NO_ANSWER: NoAnswer(),
    Kind.AGENT_BUSY: Busy(),
    Kind.AGENT_REFUSES: Rejects(after=3.0),
    Kind.GONE_WHILE_OFFERED: NoAnswer(),
    Kind.GONE_WHEN_READY: Answers(after=1.0),
    Kind.HANDED_ON: Answers(after=2.0),  # until the transfer
}


@dataclass(frozen=True, slots=True)
class PlannedCall:
    """One call; `caller.number` names it everywhere."""

    kind: Kind
    caller: Caller
    talk: float  # seconds, before the demonstration's speed

    @property
    def expected(self) -> Outcome:
        return EXPECTED.get(self.kind, Outcome.SERVED)

    def behaviour(self, offer: int) -> Behaviour:
        """What the agent does who gets this call as its offer number `offer`, counted from 0."""
        first = _FIRST_OFFER.get(self.kind)
        if first is not None and offer == 0:
            return first
        return Answers(after=2.0 + self.talk / 20, talk=self.talk)


def plan(calls: int, seed: int) -> tuple[PlannedCall, ...]:
    """Every kind at least once where there are calls enough, then mostly calls that need an agent."""
    chance = random.Random(seed)
    kinds = list(Kind)[:calls]
    kinds += chance.choices(list(Kind), weights=[12, 4, *([1] * (len(Kind) - 2))], k=calls - len(kinds))
    chance.shuffle(kinds)
    moment = 0.0
    planned = []
    for index, kind in enumerate(kinds):
        moment += chance.expovariate(1 / 2.5)
        planned.append(_planned(index, kind, moment, chance))
    return tuple(planned)


def _planned(index: int, kind: Kind, starts: float, chance: random.Random) -> PlannedCall:
    number = f"+1415555{index:04}"
    called = _NUMBERS.get(kind, chance.choice((ACME, GLOBEX)))
    script = {
        Kind.SELF_SERVED: (
            WaitFor("main_menu"),
            Press("1"),
            WaitFor("order_number"),
            Press(f"{chance.randrange(10_000, 100_000)}"),
            WaitFor("anything_else"),
            HangUp(),
        ),
        Kind.GONE_IN_APPLICATION: (WaitFor("main_menu"), Wait(2.0), HangUp()),
        Kind.TRANSFERRED: (WaitFor("main_menu"), Press("0")),
        Kind.CALLED_BACK: _CHOOSES_A_CALLBACK,
    }.get(kind, _TO_AN_AGENT)
    caller = Caller(number, f"Caller {index + 1}", called, script, starts=starts)
    return PlannedCall(kind, caller, talk=chance.uniform(15.0, 60.0))
