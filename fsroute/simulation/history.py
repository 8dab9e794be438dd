"""What the ledger teaches about each queue: how often contacts come, how long they talk, how long they wait.

Patience is seen only of those who gave up; of the others it is known that it was longer than their wait. For an
exponential patience the estimate that uses both is the time that all have waited over the number of those who
gave up (maximum likelihood with censored observations).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo

from fsroute.acd.proxy_call import On
from fsroute.simulation.durations import Exponential, Recorded

DAY = timedelta(days=1)

QueueKey = tuple[str, str, str]
"""A contact center, one of its queues, and the rule that sent contacts there ("": none)."""


@dataclass(frozen=True, slots=True)
class Event:
    """What happened to a proxy call; `at` in seconds since the epoch.

    `queue` and `rule` where it was requested; `treatment` is the step of the time line that the caller heard.
    """

    at: float
    contact_center_id: str
    proxy_call_id: int
    kind: str
    queue: str | None = None
    rule: str | None = None
    treatment: str | None = None


@dataclass(frozen=True, slots=True)
class Hours:
    """The hours of the day that are looked at, from `begin` to before `end`, in one time zone."""

    begin: float = 0.0
    end: float = 24.0
    zone: tzinfo = UTC

    def holds(self, at: float) -> bool:
        local = datetime.fromtimestamp(at, self.zone)
        return self.begin <= local.hour + local.minute / 60 + local.second / 3600 < self.end

    def day(self, at: float) -> datetime:
        """The beginning of the day of `at`, seconds since the epoch."""
        return datetime.fromtimestamp(at, self.zone).replace(hour=0, minute=0, second=0, microsecond=0)

    def seconds(self, days: Iterable[datetime], since: float, until: float) -> float:
        """How much of these hours of these days lies between two moments, in seconds."""
        spans = ((day + timedelta(hours=self.begin), day + timedelta(hours=self.end)) for day in days)
        return math.fsum(
            max(0.0, min(end.timestamp(), until) - max(begin.timestamp(), since)) for begin, end in spans
        )


@dataclass(slots=True)
class QueueHistory:
    """What was seen of one queue within the hours; times in seconds."""

    arrivals: list[float] = field(default_factory=list)  # seconds since the epoch
    talks: list[float] = field(default_factory=list)
    setups: list[float] = field(default_factory=list)  # from the reservation to the join
    waited: float = 0.0  # by all, until joined or gone
    gave_up: int = 0
    offers: int = 0
    not_taken: int = 0
    callbacks_offered: int = 0
    callbacks: int = 0

    def talk(self) -> Recorded | None:
        return Recorded(tuple(self.talks)) if self.talks else None

    def setup(self) -> Recorded | None:
        return Recorded(tuple(self.setups)) if self.setups else None

    def patience(self) -> Exponential | None:
        """None: nobody has ever given up."""
        return Exponential(self.waited / self.gave_up) if self.gave_up and self.waited > 0.0 else None

    def no_answer(self) -> float:
        """Share of offers that the agent did not take."""
        return self.not_taken / self.offers if self.offers else 0.0

    def callback(self) -> float:
        """Share of callers who chose to be called back when it was offered."""
        return min(1.0, self.callbacks / self.callbacks_offered) if self.callbacks_offered else 0.0


@dataclass(slots=True)
class _Call:
    queue: QueueHistory
    waits_since: float | None
    reserved_at: float | None = None
    joined_at: float | None = None
    is_called_back: bool = False


class History:
    """Takes in events in the order of the ledger; `queues` is what they teach."""

    def __init__(self, hours: Hours) -> None:
        self.queues: dict[QueueKey, QueueHistory] = {}
        self._hours = hours
        self._days: set[datetime] = set()
        self._calls: dict[int, _Call] = {}

    def open_seconds(self, since: float, until: float) -> float:
        """How long the hours looked at were, on days on which anybody came."""
        return self._hours.seconds(self._days, since, until)

    def take(self, event: Event) -> None:
        if event.kind == On.REQUESTED:
            self._requested(event)
            return
        call = self._calls.get(event.proxy_call_id)
        if call is not None:
            self._happened(call, event)

    def _requested(self, event: Event) -> None:
        if event.queue is None or not self._hours.holds(event.at):
            return
        key = (event.contact_center_id, event.queue, event.rule or "")
        queue = self.queues.setdefault(key, QueueHistory())
        queue.arrivals.append(event.at)
        self._days.add(self._hours.day(event.at))
        self._calls[event.proxy_call_id] = _Call(queue, event.at)

    def _happened(self, call: _Call, event: Event) -> None:
        if event.kind == On.AGENT_RESERVED:
            call.queue.offers += 1
            call.reserved_at = event.at
        elif event.kind == On.AGENT_FAILED:
            call.queue.not_taken += 1
        elif event.kind == On.NOT_TAKEN:
            call.queue.not_taken += 1
            self._over(call, event)
        elif event.kind == On.TIME_LINE_STEP:
            call.queue.callbacks_offered += event.treatment == "offer_callback"
        elif event.kind == On.CALLBACK_CHOSEN:
            self._waits_no_more(call, event.at)
            call.queue.callbacks += 1
            call.is_called_back = True
        elif event.kind == On.JOINED:
            self._joined(call, event.at)
        else:
            self._over(call, event)

    @staticmethod
    def _waits_no_more(call: _Call, at: float) -> None:
        if call.waits_since is not None:
            call.queue.waited += at - call.waits_since
            call.waits_since = None

    def _joined(self, call: _Call, at: float) -> None:
        self._waits_no_more(call, at)
        if call.reserved_at is not None and not call.is_called_back:
            call.queue.setups.append(at - call.reserved_at)
        call.joined_at = at

    def _over(self, call: _Call, event: Event) -> None:
        """The talk or the wait has ended, and with it what is looked at."""
        if call.joined_at is not None and event.kind != On.CONVERSATION_LOST:
            call.queue.talks.append(event.at - call.joined_at)
        elif call.waits_since is not None:
            call.queue.waited += event.at - call.waits_since
            call.queue.gave_up += event.kind == On.CALLER_GONE
        del self._calls[event.proxy_call_id]
