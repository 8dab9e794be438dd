"""What fsroute does now held against what it did then: pure."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fsroute.acd.proxy_call import On
from fsroute.model.proxy_call import ProxyCall
from fsroute.model.routing import TERMS, Routing
from fsroute.replay.differences import Difference, Kind
from fsroute.replay.happened import EITHERS
from fsroute.replay.noted import is_as_noted
from fsroute.replay.pairing import Pair
from fsroute.replay.run import LAST_MOMENTS, Asked, Recalled, Run
from fsroute.replay.script import Key, Moved, Sent, move_key

LONGEST_TEXT = 400  # characters of a command in a difference
UNHEARD = frozenset({On.TAKEN})
"""Transitions that say nothing by themselves: a contact is taken by its reservation, too."""


@dataclass(frozen=True, slots=True)
class Story:
    """What is known of then beside the traffic: the notes, the first row of each request, routings, answers."""

    facts: Mapping[str, Any]
    rows: Sequence[ProxyCall]
    routed: Sequence[Mapping[str, Any]]
    recalled: Sequence[Recalled]
    origins: Sequence[tuple[float, str]] = ()  # what made fsroute send what it sent, from when on
    over_at: float | None = None  # the channel was hung up

    def origin(self, at: float) -> str:
        """What made fsroute send something then."""
        place = bisect_right(self.origins, at, key=lambda each: each[0])
        return self.origins[place - 1][1] if place else ""

    def lets_go(self, key: Key, at: float) -> bool:
        """Of a call that is over both sides let go of the connection: who is first is a matter of milliseconds."""
        return key[0] == "exit" and self.over_at is not None and at >= self.over_at


def compare(story: Story, run: Run, tolerance: float) -> tuple[Difference, ...]:
    """All differences in the order of time; nothing is said of what came after the run had to stop."""
    until = run.stopped_at
    found = [
        *_commands(story, run, tolerance, until),
        *_moves(run, until),
        *_routings(story, run),
        *_questions(story, run, until),
        *_ending(story, run),
    ]
    if run.stopped and not found:
        found.append(Difference(Kind.DECISION, run.stopped, then_at=until))
    return tuple(sorted(found, key=lambda each: each.at))


# Commands -----------------------------------------------------------------------------------------------


def _commands(story: Story, run: Run, tolerance: float, until: float | None) -> Iterator[Difference]:
    outputs = run.pairing.outputs
    pairs = [pair for pair in run.pairing.pairs if pair.key[0] != "move"]
    moved = _out_of_order(pairs)
    for pair in pairs:
        if pair.then is None:
            again = _may_repeat(pair.key) and any(
                each is not pair and each.text == pair.text for each in pairs
            )
            if not (again or story.lets_go(pair.key, pair.at)):
                yield _extra(pair)
            continue
        output = outputs[pair.then]
        assert isinstance(output, Sent)
        if not pair.same:
            yield _changed(output, pair, run)
        elif id(pair) in moved:
            yield _with(Kind.ORDER, "sent in another order", output, pair)
        elif abs(pair.at - pair.due) > tolerance:
            late = pair.at - pair.due
            what = f"{abs(late):.3f} s {'later' if late > 0 else 'sooner'}: {_shown(pair)}"
            yield _with(Kind.TIMING, what, output, pair)
    for number, output in enumerate(outputs):
        if (
            isinstance(output, Sent)
            and number not in run.pairing.met
            and (until is None or output.at < until)
            and not _was_repeated(run, number, output)
            and not story.lets_go(output.key, output.at)
        ):
            text = _text(output)
            yield Difference(
                Kind.MISSING,
                f"not sent: {text}",
                then_at=output.at,
                then=text,
                origin=story.origin(output.at),
            )


def _may_repeat(key: Key) -> bool:
    """A leg is ended again and again until it is gone: how often is a matter of milliseconds."""
    return key[:2] == ("api", "uuid_kill")


def _was_repeated(run: Run, number: int, output: Sent) -> bool:
    others = (run.pairing.outputs[each] for each in run.pairing.met if each != number)
    return _may_repeat(output.key) and any(
        isinstance(each, Sent) and (each.key, each.text) == (output.key, output.text) for each in others
    )


def _out_of_order(pairs: Sequence[Pair]) -> set[int]:
    """Those that must be moved for the rest to be in the order of then: all but a longest rising row of them."""
    there = [pair for pair in pairs if pair.then is not None]
    ends: list[int] = []
    last: list[int] = []
    before: list[int] = []
    for at, pair in enumerate(there):
        number = -1 if pair.then is None else pair.then
        place = bisect_left(ends, number)
        before.append(last[place - 1] if place else -1)
        ends[place : place + 1] = [number]
        last[place : place + 1] = [at]
    kept, at = set[int](), last[-1] if last else -1
    while at >= 0:
        kept.add(at)
        at = before[at]
    return {id(pair) for at, pair in enumerate(there) if at not in kept}


def _extra(pair: Pair) -> Difference:
    text = _shown(pair)
    return Difference(Kind.EXTRA, f"sent now: {text}", now_at=pair.at, now=text, origin=pair.origin)


def _changed(output: Sent, pair: Pair, run: Run) -> Difference:
    then, now = run.pairing.roles.translated(output.text), pair.text
    fields = dict(_words(then, now))
    return Difference(
        Kind.CHANGED, f"another argument: {' '.join(word for word in output.key[:2] if word)}",
        then_at=output.at, now_at=pair.at, then=_cut(then), now=_cut(now), origin=pair.origin, fields=fields,
    )  # fmt: skip


def _words(then: str, now: str) -> Iterator[tuple[str, tuple[str, str]]]:
    """The arguments that differ, where there are as many then as now."""
    theirs, ours = then.split(" "), now.split(" ")
    if len(theirs) == len(ours):
        for number, pair in enumerate(zip(theirs, ours, strict=True), 1):
            if pair[0] != pair[1]:
                yield f"argument {number}", pair


def _with(kind: Kind, what: str, output: Sent, pair: Pair) -> Difference:
    return Difference(kind, what, output.at, pair.at, _text(output), _shown(pair), pair.origin)


def _text(output: Sent) -> str:
    return _cut(" ".join(word for word in (*output.key[:2], output.text) if word))


def _shown(pair: Pair) -> str:
    return _cut(" ".join(word for word in (*pair.key[:2], pair.text) if word))


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]}…"


# The row ---------------------------------------------------------------------------------------------------


def _moves(run: Run, until: float | None) -> Iterator[Difference]:
    outputs, met = run.pairing.outputs, run.pairing.met
    for number, output in enumerate(outputs):
        if not isinstance(output, Moved) or output.on in UNHEARD or (until is not None and output.at > until):
            continue
        if number not in met and output.on not in EITHERS:
            who = f" of {output.row.agent_id}" if output.on is On.AGENT_RESERVED else ""
            yield Difference(Kind.DECISION, f"no {output.on}{who} now", then_at=output.at, then=str(output.on),
                             origin=_rule(output.row))  # fmt: skip
    for moment, event, row in run.moves:
        key = move_key(event.kind)
        pair = next((each for each in run.pairing.pairs if each.key == key and each.at == moment), None)
        if pair is None or (pair.then is None and event.kind in UNHEARD):
            continue
        if pair.then is None and event.kind == On.AGENT_RESERVED and run.ended_at - moment < LAST_MOMENTS:
            continue
        if pair.then is None:
            what = f"{event.kind}{f' of {event.agent_id}' if event.agent_id else ''}, which was not then"
            yield Difference(Kind.DECISION, what, now_at=moment, now=event.kind, origin=_rule(row))
            continue
        then = outputs[pair.then]
        assert isinstance(then, Moved)
        if event.kind == On.AGENT_RESERVED and then.row.agent_id not in (None, event.agent_id):
            yield Difference(
                Kind.DECISION, "another agent", then.at, moment, then.row.agent_id or "", event.agent_id or "",
                _rule(row), {"agent": (then.row.agent_id or "", event.agent_id or "")},
            )  # fmt: skip


def _rule(row: ProxyCall | None) -> str:
    if row is None:
        return ""
    rule = f"rule {row.rule}" if row.rule else f"queue {row.queue}"
    return f"{rule}, strategy {row.strategy}"


# The rules -----------------------------------------------------------------------------------------------


def _routings(story: Story, run: Run) -> Iterator[Difference]:
    """What the rules made of each request, against the row that it led to then."""
    rows, notes = list(story.rows), list(story.routed)
    for number, asked in enumerate(run.asked):
        note = notes[number] if number < len(notes) else None
        if asked.routed.routing is not None and rows:
            row = rows.pop(0)
            if note is None or not is_as_noted(asked.routed.routing, note):
                yield from _routing(asked, asked.routed.routing, row)
        elif note is not None:
            yield from _sent_elsewhere(asked, note)


def _routing(asked: Asked, now: Routing, row: ProxyCall) -> Iterator[Difference]:
    fields = {
        name: (str(then), str(ours))
        for name in TERMS
        if (then := getattr(row, name)) != (ours := getattr(now, name))
    }
    if fields:
        theirs, ours = row.rule or f"queue {row.queue}", now.rule or f"queue {now.queue}"
        yield Difference(
            Kind.ROUTING, f"another routing: {', '.join(fields)}", now_at=asked.at, then=theirs, now=ours,
            origin=f"rule {now.rule}" if now.rule else f"queue {now.queue}", fields=fields,
        )  # fmt: skip


def _sent_elsewhere(asked: Asked, note: Mapping[str, Any]) -> Iterator[Difference]:
    """Then or now the rules had another way than a queue."""
    routed = asked.routed
    way_now = None if routed.way is None else routed.way.do
    way_then = note.get("way")
    way_then = way_then.get("do") if isinstance(way_then, Mapping) else way_then
    if way_then == way_now and note.get("rule") == routed.rule:
        return
    then = f"{note.get('rule') or note.get('queue')}: {way_then or 'queued'}"
    now = f"{routed.rule}: {way_now or 'queued'}"
    yield Difference(Kind.ROUTING, "another way", then_at=_number(note.get("t")), now_at=asked.at, then=then, now=now,
                     origin=f"rule {routed.rule}" if routed.rule else "")  # fmt: skip


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


# Look-ups and the end ----------------------------------------------------------------------------------------


def _questions(story: Story, run: Run, until: float | None) -> Iterator[Difference]:
    for number, question in enumerate(run.questions):
        if number >= len(story.recalled):
            yield Difference(Kind.ASKED, f"look-up {question.name}, which was not asked then", now_at=question.at,
                             now=question.name, origin=question.origin)  # fmt: skip
            continue
        then = story.recalled[number].name
        if then and then != question.name:
            yield Difference(Kind.ASKED, "another look-up", now_at=question.at, then=then, now=question.name,
                             origin=question.origin)  # fmt: skip
    if until is None:
        for recalled in story.recalled[len(run.questions) :]:
            yield Difference(Kind.ASKED, f"no look-up {recalled.name}".rstrip(), then=recalled.name)


def _ending(story: Story, run: Run) -> Iterator[Difference]:
    then, now = story.facts.get("outcome"), run.facts.get("outcome")
    if run.stopped or then == now:
        return
    yield Difference(Kind.ENDING, "the contact ends otherwise", now_at=run.ended_at, then=str(then or "not"),
                     now=str(now or "not"))  # fmt: skip
