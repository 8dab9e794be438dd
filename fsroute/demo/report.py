"""What the demonstration came to: pure."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fsroute.demo.plan import SHOWN_BY, PlannedCall
from fsroute.records.contact_record import ContactRecord

EVENTS = {
    "agent_failed": "offered again, in their place, after an agent failed",
    "network_leg_failed": "whose network leg was raised again",
    "time_line_step": "reached by the rule's time line",
    "callback_chosen": "who hung up and kept the place",
    "caller_back": "called back",
    "transferred": "transferred by an agent",
    "center_closed": "waiting when their contact center was closed",
}


@dataclass(frozen=True, slots=True)
class Report:
    """`records` and `plans` run in parallel, a plan is None where nobody planned the contact.

    `violations` are the audit's, as text; `silences` counts callers who heard nothing for longer than anybody
    would bear; `missing` are planned calls that left no contact.
    """

    records: Sequence[ContactRecord]
    plans: Sequence[PlannedCall | None]
    violations: Sequence[str]
    missing: int
    silences: int
    stray_channels: int

    @property
    def wrong(self) -> list[str]:
        """Each contact that did not end as its plan says, or did not show what it was to show."""
        found = []
        for record, plan in zip(self.records, self.plans, strict=True):
            if plan is not None and record.outcome != plan.expected:
                found.append(
                    f"{plan.caller.number} ({plan.kind}): {record.outcome or 'not ended'} instead of {plan.expected}"
                )
            elif plan is not None and SHOWN_BY.get(plan.kind, "arrived") not in record.kinds:
                found.append(f"{plan.caller.number} ({plan.kind}): without {SHOWN_BY[plan.kind]}")
        return found

    @property
    def is_good(self) -> bool:
        return not (self.wrong or self.violations or self.missing or self.silences or self.stray_channels)

    @property
    def network_leg(self) -> float:
        """Seconds that network legs were answered for."""
        return sum(record.network_leg for record in self.records)

    @property
    def sent_at_once(self) -> float:
        """Seconds that they would have been, had each call been sent on when it asked for an agent."""
        return sum(record.sent_at_once for record in self.records)

    def outcomes(self) -> dict[str, int]:
        return dict(Counter(_ending(record) for record in self.records).most_common())

    def shown(self) -> dict[str, int]:
        """How many contacts each of these happened to."""
        return {text: sum(kind in record.kinds for record in self.records) for kind, text in EVENTS.items()}

    def waits(self) -> list[float]:
        """Seconds from asking for an agent to the talk, of those who were served by one."""
        return sorted(record.waited for record in self.records if record.outcome == "served")

    def agent_waits(self) -> list[float]:
        """Milliseconds from an agent's accepting to the talk."""
        return sorted(wait for record in self.records for wait in record.agent_waits)

    def to_json(self) -> dict[str, Any]:
        """The report as ``--report`` writes it."""
        return {
            "calls": [_call(record) for record in self.records],
            "violations": list(self.violations),
            "shown": self.shown(),
            "network_leg_s": round(self.network_leg, 3),
            "sent_at_once_s": round(self.sent_at_once, 3),
        }


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` of the sorted `values` lie; 0 if there are none."""
    return values[min(len(values) - 1, int(share * len(values)))] if values else 0.0


def median(values: Sequence[float]) -> float:
    return statistics.median(values) if values else 0.0


def _ending(record: ContactRecord) -> str:
    return f"abandoned ({record.abandoned_in})" if record.abandoned_in else str(record.outcome)


def _call(record: ContactRecord) -> Mapping[str, Any]:
    return {
        "contact": record.contact_id,
        "outcome": record.outcome,
        "waited_s": round(record.waited, 3),
        "agent": record.agent_id,
        "agent_wait_ms": round(record.agent_waits[-1], 1) if record.agent_waits else None,
        "network_leg_s": round(record.network_leg, 3),
    }
