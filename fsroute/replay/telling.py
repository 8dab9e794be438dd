"""A replayed call as people read it: the ladder of then, with what is other now beside it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr

from fsroute.replay.differences import Difference
from fsroute.replay.ladder import cut, drawn, ladder, visible

if TYPE_CHECKING:
    from fsroute.replay.player import Replayed

AROUND = 2  # rungs shown before and after a difference
MOST = 50  # differences of one call that are shown


@dataclass(frozen=True, slots=True)
class Told:
    """One line. `mark` is ``-`` for what was, ``+`` for what is, ``!`` for what differs, empty for what is the same."""

    mark: str
    text: str

    def __str__(self) -> str:
        return f"{self.mark or ' '} {self.text}"


def told(replayed: Replayed, width: int = 100) -> Iterator[Told]:
    """The differences of a call on its ladder; nothing where there is none."""
    found = replayed.differences[:MOST]
    shown = [(rung.t, line) for rung, line in drawn(ladder(replayed.capture), width - 2)]
    last = 0
    for at, each in _by_place(found, [t for t, _ in shown]):
        begin = max(last, at - AROUND)
        if begin > last:
            yield Told("", f"{'':9} ⋮")
        yield from (Told("", line) for _, line in shown[begin:at])
        yield from _difference(each, width)
        last = max(last, at)
    if found and last < len(shown):
        yield from (Told("", line) for _, line in shown[last : last + AROUND])
    if len(replayed.differences) > MOST:
        yield Told("!", f"and {len(replayed.differences) - MOST} differences more")
    if replayed.stopped and found:
        since = f" from {replayed.stopped_at:.3f} s on" if replayed.stopped_at is not None else ""
        yield Told("!", f"nothing is compared{since}: {visible(replayed.stopped)}")


def _by_place(found: Sequence[Difference], moments: Sequence[float]) -> Iterator[tuple[int, Difference]]:
    """Each difference behind the last rung of its time."""
    for each in found:
        at = each.at
        yield sum(1 for moment in moments if moment <= at), each


def _difference(each: Difference, width: int) -> Iterator[Told]:
    origin = f"  [{visible(each.origin)}]" if each.origin else ""
    yield Told("!", cut(f"{each.at:9.3f} {each.kind}: {visible(each.what)}{origin}", max(width, 60) - 2))
    if each.fields:
        for name, (then, now) in each.fields.items():
            yield Told("-", cut(f"{'':9} {name}: {visible(then)}", width * 2))
            yield Told("+", cut(f"{'':9} {name}: {visible(now)}", width * 2))
        return
    if each.then:
        yield Told("-", cut(f"{'':9} {visible(each.then)}", width * 2))
    if each.now:
        yield Told("+", cut(f"{'':9} {visible(each.now)}", width * 2))


def document(each: Replayed) -> dict[str, object]:
    """A call for programs."""
    return {
        "call": each.name,
        "situation": each.capture.header.situation,
        "same": each.is_same and not each.skipped,
        "skipped": each.skipped or None,
        "stopped": each.stopped or None,
        "stopped_at": each.stopped_at,
        "outcome": each.outcome,
        "remarks": list(each.remarks),
        "differences": [
            {
                "kind": str(difference.kind), "what": difference.what, "then_at": difference.then_at,
                "now_at": difference.now_at, "then": difference.then, "now": difference.now,
                "origin": difference.origin, "fields": {k: list(v) for k, v in difference.fields.items()},
            }
            for difference in each.differences
        ],
    }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Case:
    """One capture as a test: at most one of `failure`, `error` and `skipped` says something."""

    name: str
    seconds: float
    failure: str = ""
    error: str = ""
    skipped: str = ""


def junit(cases: Iterable[Case]) -> str:
    """What continuous integration reads."""
    listed = list(cases)
    counts = {
        "tests": len(listed),
        "failures": sum(bool(case.failure) for case in listed),
        "errors": sum(bool(case.error) for case in listed),
        "skipped": sum(bool(case.skipped) for case in listed),
    }
    said = " ".join(f'{name}="{count}"' for name, count in counts.items())
    took = f"{sum(case.seconds for case in listed):.3f}"
    inner = "\n".join(_case(case) for case in listed)
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        f'<testsuites><testsuite name="fsroute replay" {said} time="{took}">\n{inner}\n</testsuite></testsuites>\n'
    )


def _case(case: Case) -> str:
    head = f'<testcase classname="replay" name={quoteattr(_xml(case.name))} time="{case.seconds:.3f}"'
    for tag, text in (("failure", case.failure), ("error", case.error), ("skipped", case.skipped)):
        if text:
            first = quoteattr(_xml(text.splitlines()[0]))
            return f"{head}><{tag} message={first}>{escape(_xml(text))}</{tag}></testcase>"
    return f"{head}/>"


def _xml(text: str) -> str:
    """Without what XML cannot hold."""
    return "".join(
        letter
        if letter in "\n\t" or (" " <= letter < "\ud800") or "\ue000" <= letter < "\ufffe"
        else "\ufffd"
        for letter in text
    )
