"""How long it will take: position times pace, the pace from two sources. Pure.

What is *modelled*: handling time over the agents on duty who may serve, of whom each contact of another class
that they may serve too takes its share. What was *observed*: how long the last contact that entered service
had waited for each place it moved up, or the one at the head waits already if that is longer. The first knows at
once of agents who come and go, the second of whatever the first leaves out (priorities, callers who give up,
agents slower than usual); where both are known the estimate is their mean. See R. Ibrahim and W. Whitt,
Real-Time Delay Estimation Based on Delay History, Manufacturing & Service Operations Management 11 (2009): the
delay of the last to enter service, and of the head of the line, refined by the length of the queue.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

SMOOTHING = 0.1  # the weight of the newest handling time
WAIT_FINENESS = 0.25  # an expected wait is told again when it has changed by more than this part
NINETY_PERCENT = 1.645  # standard deviations to either side
MOST_COUNTED = 2.0 / SMOOTHING - 1.0  # observations that a smoothed mean is worth
OBSERVATION_KEPT = 900.0  # seconds for which the last contact to enter service says something of now


@dataclass(frozen=True, slots=True)
class Handling:
    """Handling times, from reservation to the end of the talk: their smoothed mean in seconds, and how many.

    `square` is the smoothed mean of their squares; None: not known.
    """

    mean: float
    count: int
    square: float | None = None

    def and_one_of(self, seconds: float) -> Handling:
        weight = max(SMOOTHING, 1.0 / (self.count + 1))
        square = 2.0 * self.mean * self.mean if self.square is None else self.square
        return Handling(
            self.mean + weight * (seconds - self.mean),
            self.count + 1,
            square + weight * (seconds * seconds - square),
        )

    @property
    def variation(self) -> float:
        """Their variance over the square of the mean; where it is not known that of exponential times, 1."""
        if self.square is None or self.mean <= 0.0:
            return 1.0
        return max(0.0, self.square / (self.mean * self.mean) - 1.0)

    @property
    def variance_of_mean(self) -> float:
        """How far the mean may be off, as a part of it, squared."""
        return self.variation / min(max(self.count, 1), MOST_COUNTED)


@dataclass(frozen=True, slots=True)
class Entered:
    """A contact that entered service after a wait: seconds, from which place, and when."""

    waited: float
    place: int
    at: float

    @property
    def pace(self) -> float:
        return self.waited / self.place


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds for each place of a queue, and what they rest on; (None, None): nothing is known.

    `variance` says how far the pace itself may be off, `chance` how much one place may differ from the next: both as
    parts of it, squared.
    """

    seconds: float | None
    basis: str | None
    variance: float = 1.0
    chance: float = 1.0

    def wait(self, position: int) -> float | None:
        return None if self.seconds is None else self.seconds * position

    def error(self, position: int) -> float | None:
        """Half the width of the band that 90 of 100 waits end in, as a part of the expected wait.

        What the pace may be off counts, chance, which weighs less the more places are ahead, and that a wait is told
        again only when it has changed enough.
        """
        if self.seconds is None:
            return None
        told_coarsely = WAIT_FINENESS * WAIT_FINENESS / 3.0
        return NINETY_PERCENT * sqrt(self.variance + self.chance / position + told_coarsely)


UNKNOWN = Pace(None, None)


def pace(
    handling: Handling | None,
    on_duty: int,
    working_here: float,
    last: Entered | None,
    head: Entered | None,
    now: float,
) -> Pace:
    """Seconds for each place.

    Args:
        handling: of this class.
        on_duty: agents who may serve it.
        working_here: what of these agents falls to this class; the others that they may serve take the rest.
        last: the last contact of this class to enter service.
        head: who waits at its head, and how long already.
        now: in seconds since the epoch.
    """
    modelled = handling.mean / working_here if handling is not None and working_here > 0.0 else None
    if last is not None and now - last.at > OBSERVATION_KEPT:
        last = None
    known, why, off = [], [], []
    if modelled is not None and handling is not None:
        known.append(modelled)
        off.append(handling.variance_of_mean)
        why.append(_modelled(handling, on_duty, working_here))
    if last is not None and on_duty:
        known.append(last.pace)
        off.append(1.0 / last.place)
        why.append(f"last to enter service waited {last.waited:.0f} s from place {last.place}")
    if not known:
        return UNKNOWN
    seconds = sum(known) / len(known)
    apart = (max(known) - min(known)) / 2.0 / seconds if seconds > 0.0 else 0.0
    variance = sum(off) / len(off) ** 2 + apart * apart
    chance = _chance(handling, on_duty)
    if head is not None and head.place > 1 and head.pace > seconds:  # it has moved up that slowly
        slower = 1.0 - seconds / head.pace
        basis = f"the first has waited {head.waited:.0f} s; {'; '.join(why)}"
        return Pace(head.pace, basis, variance + slower * slower, chance)
    return Pace(seconds, "; ".join(why), variance, chance)


def _chance(handling: Handling | None, on_duty: int) -> float:
    """One agent frees places as handling times vary; of many agents the times between two are as if by chance."""
    if handling is None or on_duty < 1:
        return 1.0
    return handling.variation / on_duty + 1.0 - 1.0 / on_duty


def _modelled(handling: Handling, on_duty: int, working_here: float) -> str:
    times = "contact" if handling.count == 1 else "contacts"
    agents = "agent" if on_duty == 1 else "agents"
    shared = (
        "" if working_here > on_duty - 0.05 else f" ({working_here:.1f} after the share of other demands)"
    )
    return f"{on_duty} {agents}{shared}, {handling.mean:.0f} s handling time over {handling.count} {times}"
