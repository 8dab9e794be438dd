"""mod_callcenter's own lists against what was heard of it: calls that were missed are counted, once. Pure.

The module counts for each queue how many calls it has answered and how many have gone since it was loaded. What is
expected of these two by the events that were heard is kept (and written, for a process that takes over), so that the
difference is what nobody saw. A call that is missing from the members is one of them; the rest came and went unseen.
The module sends an event before it counts: a counter that is behind by little is no reason to count again later.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from fsroute.cti.lines import Line, Stage, Step
from fsroute.cti.lists import ListedMember, ListedQueue
from fsroute.model.activity import Counts

YOUNG = 1.0  # seconds that a call may be known before the module lists it
SLACK = 3  # calls by which the module's counters may be behind its events; by more: the queue was loaded anew


@dataclass(slots=True)
class Tally:
    """What the module's counters of a queue must stand at, by all that was heard."""

    answered: int
    abandoned: int


def reconcile(
    line: Line, listed: ListedQueue, members: Iterable[ListedMember], tally: Tally | None, now: float
) -> Tally:
    """Bring a line to what the module says, and return its counters.

    Args:
        line: the queue's.
        listed: the queue's row.
        members: those in the queue, waiting and talking.
        tally: what was expected; None: nobody has looked before, and nothing of the past counts.
        now: the moment that missed calls count at.
    """
    answered = max(0, listed.answered - tally.answered) if tally else 0
    abandoned = max(0, listed.abandoned - tally.abandoned) if tally else 0
    here = {member.member: member for member in members}
    for member in here.values():
        answered -= _meet(line, member, now)
    for call_id, visit in list(line.visits.items()):
        if call_id in here or visit.entered_at > now - YOUNG:
            continue
        if visit.stage is Stage.WAITING and answered > 0:
            answered -= line.step(call_id, Step.ANSWER, now)
        elif visit.stage is Stage.WAITING:
            abandoned -= 1
        line.step(call_id, Step.GO, now)
    answered, abandoned = max(0, answered), max(0, abandoned)
    if answered or abandoned:
        line.unseen(
            Counts(
                offered=answered + abandoned,
                answered=answered,
                in_time=answered,
                abandoned=abandoned,
                abandoned_early=abandoned,
            ),
            now,
        )
    return _tally(listed, tally)


def _tally(listed: ListedQueue, before: Tally | None) -> Tally:
    if (
        before is None
        or listed.answered < before.answered - SLACK
        or listed.abandoned < before.abandoned - SLACK
    ):
        return Tally(listed.answered, listed.abandoned)
    return Tally(max(listed.answered, before.answered), max(listed.abandoned, before.abandoned))


def _meet(line: Line, member: ListedMember, now: float) -> bool:
    """A call that is there; whether it was answered while nobody looked."""
    line.step(member.member, Step.ENTER, now, at=member.joined_at or None)
    if not member.talks:
        return False
    at = member.answered_at or None
    return line.step(member.member, Step.ANSWER, now, at=at, agent=member.agent)
