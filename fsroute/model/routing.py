"""What a contact is to get, as the rules decided it: the demand, and how it is waited for.

Values that go to SQL as JSON.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fsroute.model.contact import Demand, Lead
from fsroute.model.other_acd import OtherAcd


@dataclass(frozen=True, slots=True)
class Way:
    """Where a contact goes that does not wait for an agent (any more).

    `do` is ``application`` (the interactive application goes on), ``announce`` (`prompt`, then hang up),
    ``number`` (transfer to `number`), ``voice_message`` (`prompt`, then the caller's message is recorded).
    """

    do: str = "application"
    number: str = ""
    prompt: str = ""

    @classmethod
    def load(cls, document: Mapping[str, Any]) -> Way:
        return cls(**{str(name): str(value) for name, value in document.items()})

    def dump(self) -> dict[str, Any]:
        return {"do": self.do, "number": self.number, "prompt": self.prompt}


@dataclass(frozen=True, slots=True)
class TimeLineStep:
    """What happens `after` seconds in the queue.

    `do` is ``skill`` (`skill` at `level` suffices from now on; None: it is not asked for any more), ``teams`` or
    ``sites`` (widened to `names`; none: any), ``priority`` (raised by `priority`), ``offer_callback``,
    ``announce`` (`prompt`, then music again), ``announce_wait`` (position and expected wait, `every` so many
    seconds, where the error band is `within` that part of it), ``voice_message`` or ``number`` (the contact leaves
    the queue).
    """

    after: float
    do: str
    skill: str = ""
    level: int | None = None
    names: tuple[str, ...] = ()
    priority: int = 0
    number: str = ""
    prompt: str = ""
    every: float = 0.0
    within: float = 0.0

    @classmethod
    def load(cls, document: Mapping[str, Any]) -> TimeLineStep:
        return cls(**{**document, "names": tuple(document.get("names", ()))})

    def dump(self) -> dict[str, Any]:
        """Without what is not said."""
        document: dict[str, Any] = {"after": self.after, "do": self.do}
        if self.skill:
            document |= {"skill": self.skill, "level": self.level}
        if self.names or self.do in ("teams", "sites"):
            document["names"] = list(self.names)
        if self.priority:
            document["priority"] = self.priority
        if self.every:
            document |= {"every": self.every, "within": self.within}
        return document | {name: text for name in ("number", "prompt") if (text := getattr(self, name))}

    def changed(self, demand: Demand) -> Demand:
        """The demand after this step."""
        if self.do == "skill":
            skills = {**dict(demand.skills), self.skill: self.level}
            left = tuple(sorted((skill, level) for skill, level in skills.items() if level is not None))
            return demand.with_(skills=left)
        if self.do in ("teams", "sites"):
            return demand.with_(**{self.do: tuple(sorted(self.names))})
        return demand


@dataclass(frozen=True, slots=True)
class CallbackTerms:
    """How a caller who kept the place is called back: times in seconds."""

    tries: int = 3
    retry_after: float = 300.0
    ring: float = 25.0

    @classmethod
    def load(cls, document: Mapping[str, Any]) -> CallbackTerms:
        return cls(**document)

    def dump(self) -> dict[str, Any]:
        return {"tries": self.tries, "retry_after": self.retry_after, "ring": self.ring}


_OFFERED, _GOES_ON, _USUAL_TERMS = Lead(), Way(), CallbackTerms()


@dataclass(frozen=True, slots=True)
class Routing:
    """A rule's result for one contact. `rule` and `rules_version` are None where the queue's row alone decided.

    Times in seconds; `longest_queue` counts waiting contacts of the queue. `acd` serves it if it is not None: an ACD of
    another make.
    """

    queue: str
    demand: Demand
    rule: str | None = None
    rules_version: int | None = None
    priority: int = 0
    strategy: str = "longest_idle"
    lead: Lead = _OFFERED
    hold_music: str = "local_stream://fsroute"
    offer_timeout: float = 20.0
    network_leg_timeout: float = 10.0
    network_leg_tries: int = 3
    longest_wait: float | None = None
    longest_queue: int | None = None
    refuse_when: str = "no_agent_authorized"
    time_line: tuple[TimeLineStep, ...] = ()
    overflow: Way = _GOES_ON
    callback: CallbackTerms = _USUAL_TERMS
    acd: OtherAcd | None = None

    def dump(self) -> dict[str, Any]:
        """As ``route_proxy_call`` and ``move_proxy_call`` in ``sql/schema.sql`` read it."""
        demand = self.demand
        return {
            "queue": self.queue,
            "rule": self.rule,
            "rules_version": self.rules_version,
            "medium": demand.medium,
            "skills": [list(pair) for pair in demand.skills],
            "sites": list(demand.sites),
            "teams": list(demand.teams),
            "only_agent_id": demand.agent_id,
            "priority": self.priority,
            "strategy": self.strategy,
            "lead": str(self.lead),
            "hold_music": self.hold_music,
            "offer_timeout": self.offer_timeout,
            "network_leg_timeout": self.network_leg_timeout,
            "network_leg_tries": self.network_leg_tries,
            "longest_wait": self.longest_wait,
            "longest_queue": self.longest_queue,
            "refuse_when": self.refuse_when,
            "time_line": [step.dump() for step in self.time_line],
            "overflow": self.overflow.dump(),
            "callback": self.callback.dump(),
            "acd": None if self.acd is None else self.acd.dump(),
        }


TERMS = (
    "queue", "rule", "demand", "priority", "strategy", "lead", "hold_music", "offer_timeout", "network_leg_timeout",
    "network_leg_tries", "longest_wait", "longest_queue", "refuse_when", "time_line", "overflow", "callback", "acd",
)  # fmt: skip
"""What of a `Routing` its proxy call carries under the same names; all but the version of the rules."""
