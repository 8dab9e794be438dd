"""Plays what came from outside, each thing at its time and not before what caused it.

The time of an input is that of what stood before it then, moved to when that happened now. It waits for every output
that stood before it: one of them may be its cause. An output that does not come within `PATIENCE` of its time, or that
a later one has overtaken, is waited for no longer. So if fsroute does now what it did then, however much quicker,
everything happens in the order of then; and if not, the rest of the call still goes on.

What an application of FreeSWITCH did is heard only if the application was asked for now, too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from fsroute.acd.proxy_call import On
from fsroute.replay.happened import EITHERS
from fsroute.replay.pairing import Pair, Pairing
from fsroute.replay.roles import Roles
from fsroute.replay.script import Answer, Arrived, End, Input, Item, Moved, Others, Released, Sent, Told
from fsroute.replay.transcript import MICRO, Heard
from fsroute.replay.wire import Wire, WiredLoop

PATIENCE: Final = 2.0  # seconds beyond its time that an output is waited for
PATIENCE_WITH_OTHERS: Final = 0.1  # seconds, where somebody else may have done it then
SOON: Final = EITHERS | {On.TAKEN}
"""What need not come from here, or not by itself."""
ABOUT_AN_EXECUTION: Final = ("CHANNEL_EXECUTE", "CHANNEL_EXECUTE_COMPLETE")
HARMLESS: Final = frozenset({"playback", "say", "sleep", "answer", "set", "set_profile_var", "gentones"})
"""Applications whose end is known beforehand: one that was not asked for then is taken to end at once."""


class Tape:
    """Plays a script over a wire.

    Args:
        take: performs an input that is no traffic: what somebody else did to the row, what routing was told.
        cannot_go_on: told why nothing that follows can be known.
    """

    def __init__(
        self,
        loop: WiredLoop,
        items: Sequence[Item],
        pairing: Pairing,
        take: Callable[[Others | Told | Released], None],
        cannot_go_on: Callable[[str], None],
    ) -> None:
        self.wire: Wire | None = None
        self._loop = loop
        self._items = items
        self._pairing = pairing
        self._roles: Roles = pairing.roles
        self._take = take
        self._cannot_go_on = cannot_go_on
        self._numbers = {
            id(item): number for number, item in enumerate(pairing.outputs)
        }  # of outputs, by the item
        self._commands = {
            item.said.number: number for number, item in enumerate(pairing.outputs) if isinstance(item, Sent)
        }
        self._by_event = {
            item.said.command.event_uuid: number
            for number, item in enumerate(pairing.outputs)
            if isinstance(item, Sent) and item.said.command.event_uuid
        }
        self._answers = {item.heard.answers: item for item in items if isinstance(item, Answer)}
        self._next = 0
        self._answered: set[int] = set()  # outputs whose reply was given
        self._given_up: set[int] = set()  # outputs that are waited for no longer
        self._then = 0.0  # what was played last, on the clock of then
        self._now = 0.0  # and on that of now
        self._waits = 0  # for what the loop's clock is set
        self._busy = False
        self.stopped = False
        self.log: list[tuple[float, bool, bytes]] = []
        """What crossed the socket, on the clock of then: when, whether fsroute said it, and the bytes."""

    # What the player asks --------------------------------------------------------------------------------

    def then(self) -> float:
        """How far the recording has come, in its own time."""
        return self._then + max(0.0, self._loop.monotonic() - self._now)

    def now_of(self, then: float) -> float:
        """When something of then is due."""
        return round(self._now + max(0.0, then - self._then), MICRO)

    def start(self) -> None:
        self._go_on()

    def stop(self) -> None:
        """Nothing more is played; the connection ends."""
        self.stopped = True
        self._loop.forget(self._waits)
        if self.wire is not None:
            self.wire.deliver(b"")

    # What fsroute does -------------------------------------------------------------------------------------

    def met(self, pair: Pair) -> None:
        """An output of now was paired."""
        if self.stopped:
            return
        number = pair.then
        if number is not None and number in self._given_up and number not in self._answered:
            self._answer_late(number)
        self._go_on()

    def answer_unknown(self, reply: bytes, complete: bytes | None, after: float) -> None:
        """A command that was not sent then (or is sent again): a reply at once, and the end of what it began."""
        self._deliver(reply)
        if complete is not None:
            self._loop.at(round(self._loop.monotonic() + after, MICRO), lambda: self._deliver(complete))

    def answer_of(self, number: int) -> Answer | None:
        """The reply that an output had then."""
        item = self._pairing.outputs[number]
        return self._answers.get(item.said.number) if isinstance(item, Sent) else None

    def complete_of(self, number: int) -> Arrived | None:
        """What said that the application of an output was over."""
        item = self._pairing.outputs[number]
        if not isinstance(item, Sent):
            return None
        uuid = item.said.command.event_uuid
        return next(
            (
                each
                for each in self._items
                if isinstance(each, Arrived) and _execution(each.heard) == ("CHANNEL_EXECUTE_COMPLETE", uuid)
            ),
            None,
        )

    # The tape ----------------------------------------------------------------------------------------------

    def _go_on(self) -> None:
        """Play until something has to be waited for."""
        if self._busy:
            return
        self._busy = True
        try:
            while not self.stopped and self._next < len(self._items):
                due = self._due(self._items[self._next])
                if due is None:
                    continue
                self._loop.forget(self._waits)
                if due > self._loop.monotonic():
                    self._waits = self._loop.at(due, self._go_on)
                    return
                self._play(self._items[self._next])
        finally:
            self._busy = False

    def _due(self, item: Item) -> float | None:
        """When to go on with this item; None: it is over already."""
        if isinstance(item, Sent | Moved):
            return self._due_output(item)
        if isinstance(item, Answer):
            return self._due_answer(item)
        if isinstance(item, Arrived) and not self._was_asked_for(item.heard):
            self._next += 1
            return None
        return self.now_of(item.at)

    def _due_output(self, item: Sent | Moved) -> float | None:
        number = self._numbers[id(item)]
        pair = self._pairing.met.get(number)
        if pair is None and not self._pairing.is_passed(number):
            patience = PATIENCE_WITH_OTHERS if isinstance(item, Moved) and item.on in SOON else PATIENCE
            return round(self.now_of(item.at) + patience, MICRO)
        if pair is None:
            self._given_up.add(number)
        else:
            self._reached(item.at, pair.at)
        self._next += 1
        return None

    def _due_answer(self, item: Answer) -> float | None:
        number = self._commands.get(item.heard.answers or 0)
        if number is None or number in self._answered or number not in self._pairing.met:
            self._next += 1
            return None
        return self.now_of(item.at)

    def _play(self, item: Item) -> None:
        self._next += 1
        if isinstance(item, Sent | Moved):  # it did not come
            self._given_up.add(self._numbers[id(item)])
            if isinstance(item, Moved) and item.on in EITHERS:
                self._take(Others(item.at, item.on, item.row))
            return
        self._reached(item.at, self._loop.monotonic())
        self._give(item)

    def _give(self, item: Input) -> None:
        if isinstance(item, Answer):
            self._answered.add(self._commands[item.heard.answers or 0])
            self._deliver(self._roles.translate(item.heard.raw))
        elif isinstance(item, Arrived):
            self._deliver(self._roles.translate(item.heard.raw))
        elif isinstance(item, End):
            self._deliver(b"")
        else:
            self._take(item)

    def _reached(self, then: float, now: float) -> None:
        self._then = max(self._then, then)
        self._now = max(self._now, now)

    def _answer_late(self, number: int) -> None:
        answer = self.answer_of(number)
        self._answered.add(number)
        if answer is not None:
            self._deliver(self._roles.translate(answer.heard.raw))

    def _was_asked_for(self, heard: Heard) -> bool:
        """What an application did is heard if the application was asked for."""
        found = _execution(heard)
        number = None if found is None else self._by_event.get(found[1])
        return number is None or number in self._pairing.met

    def _deliver(self, data: bytes) -> None:
        self.log.append((self.then(), False, data))
        if self.wire is not None:
            self.wire.deliver(data)


def _execution(heard: Heard) -> tuple[str, str] | None:
    """(event, Application-UUID) of what tells of an application; None: something else."""
    name = heard.message.get("Event-Name", "")
    return (name, heard.message.get("Application-UUID", "")) if name in ABOUT_AN_EXECUTION else None
