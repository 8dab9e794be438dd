"""Tiers as levels of one skill: who is asked first has the highest level, and the time line lowers what is asked. Pure.

mod_callcenter orders the agents of a queue by level, then by what its strategy says. With tier rules it widens to the
next level after a time. fsroute's ``highest_level`` orders by level first, too, and then by idle time.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from fsroute.importing.callcenter import Queue, Tier
from fsroute.importing.plan import Step
from fsroute.importing.remarks import Remark, shown

ONE_BY_ONE = frozenset({"top-down", "sequentially-by-agent-order", "ring-progressively"})
"""Strategies that ask agents by their positions, too."""

STRATEGIES = {
    "longest-idle-agent": "longest_idle",
    "round-robin": "round_robin",
    "top-down": "highest_level",
    "agent-with-least-talk-time": "fewest_contacts",
    "agent-with-fewest-calls": "fewest_contacts",
    "sequentially-by-agent-order": "highest_level",
    "random": "longest_idle",
    "ring-all": "longest_idle",
    "ring-progressively": "highest_level",
}
"""mod_callcenter's, and the nearest of fsroute's."""

NEAREST = {
    "top-down": "for each caller the agents are asked from the top again, those who have just refused are set aside",
    "agent-with-least-talk-time": "contacts are counted, talk time is not",
    "random": "there is no chance in fsroute: the longest idle agent is asked",
    "ring-all": "one agent is asked at a time; a short offer_timeout comes nearest",
    "ring-progressively": "one agent is asked at a time, and let go when the next one is asked",
}
"""What is different where the nearest is not the same."""


@dataclass(frozen=True, slots=True)
class Ladder:
    """The levels of a queue's skill: of each agent, asked for at first, and the steps that lower it."""

    levels: tuple[tuple[str, int], ...]
    asked: int
    steps: tuple[Step, ...]


def strategy(queue: Queue, tiers: Iterable[Tier]) -> tuple[str, list[Remark]]:
    """The nearest strategy, and what is different."""
    name = queue.text("strategy", "longest-idle-agent").lower()
    place = queue.at("strategy")
    tiers = list(tiers)
    several = len({tier.level for tier in tiers}) > 1
    remarks = []
    if name not in STRATEGIES:
        text = f"queue {shown(queue.name)}: no strategy is called {shown(name)}: agents are asked by level and position"
        return "highest_level", [Remark(place, text, "highest_level does so, too")]
    nearest = STRATEGIES[name]
    if name in NEAREST:
        text = f"queue {shown(queue.name)}: strategy {name} becomes {nearest}: {NEAREST[name]}"
        remarks.append(Remark(place, text))
    if several and nearest != "highest_level":
        if name not in ("longest-idle-agent", "random", "ring-all"):
            text = f"queue {shown(queue.name)}: with several tier levels {name} becomes highest_level"
            remarks.append(Remark(place, text, "within a level the longest idle agent is asked"))
        nearest = "highest_level"
    return nearest, remarks


def ladder(queue: Queue, tiers: Iterable[Tier], skill: str) -> Ladder:
    """The tiers of a queue as levels of `skill`, 1 and higher."""
    tiers = sorted(tiers, key=lambda tier: (tier.level, tier.position, tier.agent))
    by_position = queue.text("strategy").lower() in ONE_BY_ONE

    def rung(tier: Tier) -> tuple[int, int]:
        return (tier.level, tier.position if by_position else 0)

    rungs = sorted({rung(tier) for tier in tiers}, reverse=True)
    level_of = {each: number for number, each in enumerate(rungs, 1)}
    levels = tuple((tier.agent, level_of[rung(tier)]) for tier in tiers)
    lowest: dict[int, int] = {}  # of the skill, by tier level
    for tier in tiers:
        lowest[tier.level] = min(lowest.get(tier.level, len(rungs)), level_of[rung(tier)])
    waits = [(wait(queue, level), lowest[level]) for level in sorted(lowest)[1:]] if applies(queue) else []
    if not waits:
        return Ladder(levels, 1, ())
    first = lowest[min(lowest)]
    return Ladder(levels, first, tuple(Step(after, "skill", skill, level) for after, level in _last(waits)))


def applies(queue: Queue) -> bool:
    """Whether callers wait before the next level is asked."""
    return queue.flag("tier-rules-apply", False) and queue.whole("tier-rule-wait-second") > 0


def wait(queue: Queue, level: int) -> int:
    """Seconds after which a tier level is asked."""
    seconds = queue.whole("tier-rule-wait-second")
    return seconds * level if queue.flag("tier-rule-wait-multiply-level", False) else seconds


def _last(waits: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Of several steps at one time the last: it has the lowest level."""
    return sorted(dict(waits).items())


def remarks_of_rules(queue: Queue, tiers: Iterable[Tier]) -> list[Remark]:
    """What the tier rules do that fsroute's time line does not."""
    if not applies(queue) or len({tier.level for tier in tiers}) < 2:
        return []
    place, name = queue.at("tier-rules-apply"), shown(queue.name)
    if queue.flag("tier-rule-no-agent-no-wait", True):
        text = (
            f"queue {name}: a level where nobody is logged on is waited for, too (tier-rule-no-agent-no-wait)"
        )
        return [Remark(place, text, "shorten after_s of its step, or give the agents on duty higher levels")]
    if queue.flag("tier-rule-wait-multiply-level", False):
        text = f"queue {name}: mod_callcenter lets callers wait for the first level, too; here it is asked at once"
        return [Remark(place, text)]
    return []
