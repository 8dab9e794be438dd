"""Routing rules as values: conditions, results, and the whole that one version holds.

``document.py`` builds a `RuleSet` from a snapshot of the tables, ``match.py`` asks it. Times in seconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from fsroute.model.contact import CallerInformation
from fsroute.model.direct import Direct
from fsroute.model.routing import Routing, Way
from fsroute.routing.calendar import Calendar
from fsroute.routing.pattern import Pattern


@dataclass(frozen=True, slots=True)
class Inquiry:
    """A contact for which somebody is to be found: whose it is, which queue the application asks for, who it is.

    `caller.facts` are those that the application has learned so far.
    """

    contact_center_id: str
    queue: str
    caller: CallerInformation


@dataclass(frozen=True, slots=True)
class Condition:
    """What must hold of a contact, all of it; None and () ask nothing.

    `is_open` goes with `calendar`. `segment` is that of the customer's record (``customer["segment"]``), or else
    the fact ``segment``. Other `facts` are asked of what the application learned, then of the customer's record.
    """

    queue: str | None = None
    number_called: Pattern | None = None
    caller_number: Pattern | None = None
    region: str | None = None
    medium: str | None = None
    language: str | None = None
    calendar: str | None = None
    is_open: bool | None = None
    segment: Pattern | None = None
    facts: tuple[tuple[str, Pattern], ...] = ()


@dataclass(frozen=True, slots=True)
class Result:
    """What a contact gets; None: as the row of the queue says.

    `way` is set for contacts that are not queued. `queue` None: the one that the application asks for.
    `terms` are the fields of a `Routing` that the rule decides itself, `callback` those of its `CallbackTerms`.
    `direct` is set where calls are routed before the answer.
    """

    way: Way | None = None
    queue: str | None = None
    skills: tuple[tuple[str, int], ...] | None = None
    sites: tuple[str, ...] | None = None
    teams: tuple[str, ...] | None = None
    terms: Mapping[str, Any] = field(default_factory=dict)
    callback: Mapping[str, Any] = field(default_factory=dict)
    direct: Direct | None = None

    def routing(self, base: Routing, medium: str, rule: str, version: int | None) -> Routing:
        """The routing of one contact, upon the `base` that the queue's row gives."""
        demand = replace(
            base.demand,
            medium=medium,
            skills=base.demand.skills if self.skills is None else self.skills,
            sites=base.demand.sites if self.sites is None else self.sites,
            teams=base.demand.teams if self.teams is None else self.teams,
        )
        callback = replace(base.callback, **self.callback) if self.callback else base.callback
        known: dict[str, Any] = {
            "demand": demand,
            "callback": callback,
            "rule": rule,
            "rules_version": version,
        }
        return replace(base, **known, **self.terms)


@dataclass(frozen=True, slots=True)
class Rule:
    """If the condition holds, the result. Of a contact center's rules the first by (`ordinal`, `name`) that matches."""

    contact_center_id: str
    name: str
    ordinal: int
    condition: Condition
    result: Result
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class Regions:
    """Regions by the longest prefix of the caller's number; a leading + counts for nothing."""

    prefixes: Mapping[str, str] = field(default_factory=dict)
    longest: int = 0

    @classmethod
    def of(cls, pairs: Iterable[tuple[str, str]]) -> Regions:
        """From pairs of (region, prefix)."""
        prefixes = {prefix.removeprefix("+"): region for region, prefix in pairs}
        return cls(prefixes, max(map(len, prefixes), default=0))

    def region(self, number: str) -> str | None:
        digits = number.removeprefix("+")
        for length in range(min(self.longest, len(digits)), -1, -1):
            region = self.prefixes.get(digits[:length])
            if region is not None:
                return region
        return None

    def of_region(self, region: str) -> list[str]:
        """The prefixes of a region."""
        return [prefix for prefix, name in self.prefixes.items() if name == region]


@dataclass(frozen=True, slots=True)
class RuleSet:
    """All rules of one version, with what they refer to. `version` None: the queues' rows alone.

    `queues` holds, by (contact center, queue), what the queue's row says; `rules` by contact center, in order;
    `calendars` by (contact center, calendar); `numbers` the contact center and the application of each number.
    """

    version: int | None = None
    queues: Mapping[tuple[str, str], Routing] = field(default_factory=dict)
    rules: Mapping[str, tuple[Rule, ...]] = field(default_factory=dict)
    calendars: Mapping[tuple[str, str], Calendar] = field(default_factory=dict)
    regions: Regions = field(default_factory=Regions)
    time_zones: Mapping[str, str] = field(default_factory=dict)
    numbers: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def count(self) -> int:
        return sum(map(len, self.rules.values()))
