"""Who is taken, of the calls that come: this process's part of each limit. Pure; times in seconds that never go back.

A call is counted in each scope that it belongs to (its site, its contact center) as long as its channel is there. A
process takes calls within its share of a limit, which the database deals out to all processes (`share_admission`), so
that no call waits for a statement. Until a share has come, and while the database is away, what was known stands: at
first the whole limit, as where one process serves.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from fsroute.model.admission import Dealt, Limit, Refusal, Share, Use, Why

MOST_NUMBERS = 1000  # numbers that refusals are counted by, until they are written


@dataclass(slots=True)
class _Scope:
    limit: Limit
    share: Share
    tokens: float
    filled_at: float
    is_dealt: bool = True
    due: Share | None = None  # what the share is to be lowered to
    present: int = 0
    wanted: int = 0  # new calls since the last report
    demand: float = 0.0

    def fill(self, now: float) -> None:
        """New calls are taken in a burst of one second's at most, and one at least."""
        rate = self.share.per_second
        if rate is not None:
            full = max(1.0, rate)
            self.tokens = min(full, self.tokens + max(0.0, now - self.filled_at) * rate)
        self.filled_at = now

    def lower(self, now: float) -> None:
        """Come down to what was due; calls that are there keep their room."""
        if self.due is None:
            return
        self.fill(now)
        calls, rate = self.share.calls, self.share.per_second
        if calls is not None and self.due.calls is not None:
            calls = min(calls, max(self.present, self.due.calls))
        if rate is not None and self.due.per_second is not None:
            rate = min(rate, self.due.per_second)
        self.share, self.due = Share(calls, rate), None

    def why_not(self) -> Why | None:
        if self.share.calls is not None and self.present >= self.share.calls:
            return Why.CALLS
        if self.share.per_second is not None and (self.tokens < 1 or self.share.per_second <= 0):
            return Why.PER_SECOND
        return None

    @property
    def is_shared(self) -> bool:
        """Others have a part of it: asking again may give more."""
        fewer = self.limit.calls is not None and (self.share.calls or 0) < self.limit.calls
        slower = self.limit.per_second is not None and (self.share.per_second or 0) < self.limit.per_second
        return fewer or slower


@dataclass(slots=True)
class Gate:
    """Counts who is there, by channel; `refused` counts (number called, scope, why, treatment)."""

    refused: Counter[tuple[str, str, Why, str]] = field(default_factory=Counter)
    _scopes: dict[str, _Scope] = field(default_factory=dict)
    _present: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _reported_at: float | None = None

    def set_limits(
        self,
        limits: Mapping[str, Limit],
        now: float,
        present: Mapping[str, tuple[str, ...]] | None = None,
        *,
        alone: bool = True,
    ) -> None:
        """From now on these; calls that are there stay, and count. `present`: the scopes of calls, if others now.

        Of a limit that is new this process has all if it is `alone`, and nothing else until a share is dealt.
        """
        self._present.update(
            {name: now_in for name, now_in in (present or {}).items() if name in self._present}
        )
        scopes = {}
        for name, limit in limits.items():
            if limit.calls is None and limit.per_second is None:
                continue
            scope = self._scopes.get(name)
            if scope is None:
                scope = _Scope(limit, _part(limit, alone), max(1.0, limit.per_second or 0.0), now)
                scope.is_dealt = alone
            scope.present = sum(name in names for names in self._present.values())
            scope.share = _within(scope.share, limit)
            scope.limit = limit
            scopes[name] = scope
        self._scopes = scopes

    def enter(
        self, channel: str, names: Sequence[str], now: float, *, taken: bool = False, again: bool = False
    ) -> Refusal | None:
        """Take a call, or say why not; one that was `taken` before is counted, whatever the limits are.

        `again`: it was asked for a moment ago, and counts once among those that wanted to be taken.
        """
        if channel in self._present:
            return None
        scopes = [(name, self._scopes[name]) for name in names if name in self._scopes]
        if not taken:
            for _, scope in scopes:
                scope.wanted += not again
                scope.fill(now)
            for name, scope in scopes:
                why = scope.why_not()
                if why is not None:
                    return Refusal(name, why, scope.limit.treatment)
        self._present[channel] = tuple(names)
        for _, scope in scopes:
            scope.present += 1
            scope.tokens -= not taken
        return None

    def left(self, channel: str) -> None:
        """The channel is gone; one that was never taken is no error."""
        for name in self._present.pop(channel, ()):
            if name in self._scopes:
                self._scopes[name].present -= 1

    def may_ask(self, refusal: Refusal) -> bool:
        """Whether another process may have what this one lacks."""
        scope = self._scopes.get(refusal.scope)
        return scope is not None and scope.is_shared

    def note(self, number_called: str, refusal: Refusal) -> None:
        """A call was refused for good."""
        key = (number_called, refusal.scope, refusal.why, refusal.treatment.do)
        if key not in self.refused and len(self.refused) >= MOST_NUMBERS:
            key = ("", *key[1:])
        self.refused[key] += 1

    def take_refused(self) -> Counter[tuple[str, str, Why, str]]:
        """What was noted since it was taken last."""
        taken, self.refused = self.refused, Counter()
        return taken

    def put_back(self, refused: Counter[tuple[str, str, Why, str]]) -> None:
        """It could not be written: it is counted with what comes."""
        refused.update(self.refused)
        self.refused = refused

    def channels(self) -> list[str]:
        """Of the calls that are there."""
        return list(self._present)

    def present(self, name: str) -> int:
        scope = self._scopes.get(name)
        return 0 if scope is None else scope.present

    # What is told, and dealt out ---------------------------------------------------------------------------

    def report(self, now: float) -> list[Use]:
        """What this process has of each limit; demand is counted anew from here.

        What is to be given up is given up before it is told: calls are taken while the report is on its way.
        """
        seconds = max(0.05, now - (self._reported_at if self._reported_at is not None else now - 1.0))
        self._reported_at = now
        uses = []
        for name, scope in self._scopes.items():
            scope.demand = max(scope.wanted / seconds, (scope.demand + scope.wanted / seconds) / 2)
            scope.demand = 0.0 if scope.demand < 0.01 else scope.demand
            scope.wanted = 0
            scope.lower(now)
            uses.append(Use(name, scope.limit, scope.present, scope.demand, scope.share))
        return uses

    def assume_alone(self) -> None:
        """No share can be had: of limits that none was dealt of, this process has all."""
        for scope in self._scopes.values():
            if not scope.is_dealt:
                scope.share = _part(scope.limit, True)

    def dealt(self, shares: Iterable[Dealt], now: float) -> bool:
        """The shares as they are now; true: something is to be given up, by the next report, which others wait for."""
        is_less = False
        for each in shares:
            scope = self._scopes.get(each.scope)
            if scope is not None:
                scope.fill(now)
                scope.share, scope.due = _within(each.share, scope.limit), each.due
                scope.is_dealt = True
                scope.fill(now)
                is_less = is_less or each.share != each.due
        return is_less


def _part(limit: Limit, whole: bool) -> Share:
    """All of a limit, or nothing."""
    if whole:
        return Share(limit.calls, limit.per_second)
    return Share(None if limit.calls is None else 0, None if limit.per_second is None else 0.0)


def _within(share: Share, limit: Limit) -> Share:
    """What is left of a share when the limit is another one now: no more than that, until the next comes."""
    calls, rate = share.calls, share.per_second
    return Share(
        limit.calls if calls is None or limit.calls is None else min(calls, limit.calls),
        limit.per_second if rate is None or limit.per_second is None else min(rate, limit.per_second),
    )
