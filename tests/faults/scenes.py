"""What the callers of a cell do before, during and after the fault, and what they must have seen. One class a stage."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Protocol

from fsroute.model.contact import HEAD_PRIORITY
from tests.faults.company import Company, Visit, World
from tests.faults.people import Telephone
from tests.faults.table import CALL_SERVERS, Broken, Cell, Seen, Stage

RECORDED_WITHIN = 15.0  # seconds after the media time-out: a busy machine writes late
CLOSED_WITHIN = 25.0  # seconds: a switch is given up when nobody has listened there for 5 s


class Place(World, Protocol):
    """Two sites that a fault can befall."""

    longest_quiet: float
    """Seconds for which a caller may hear nothing while something dies."""
    media_timeout: float
    """Seconds in which a switch notices that nothing comes any more."""
    wrap_up: float
    """Seconds: the fault comes before its end."""
    struck: float
    """When the last fault came, in seconds since the epoch."""

    def variable(self, channel_uuid: str, name: str) -> str:
        """Of a caller's channel; empty if it is not set or there is no such channel."""

    def came_back(self, contact_id: str) -> bool:
        """Whether a call server has taken the call up again."""


class Scene:
    """The callers of one cell. Steps raise AssertionError with what was seen instead."""

    queue: dict[str, object] = {}
    begins_last = False
    """What it begins with lasts for some seconds only."""

    def __init__(self, place: Place, company: Company, cell: Cell) -> None:
        self.place = place
        self.company = company
        self.cell = cell
        self.seen = cell.seen
        self.ends: list[tuple[Visit, str]] = []
        """Who is to be closed with which outcome."""

    def begin(self) -> None:
        """Bring the callers where they are to be when it breaks."""
        raise NotImplementedError

    def meanwhile(self) -> None:
        """While it is broken."""

    def afterwards(self) -> None:
        """It is whole again: what must be seen is waited for, and the callers leave."""
        raise NotImplementedError

    def finish(self) -> None:
        """Every caller is accounted for, and nobody was left in silence."""
        self.company.until_over(self.ends)
        accounted = {visit.contact_id for visit, _ in self.ends}
        assert accounted == {visit.contact_id for visit in self.company.visits}, "somebody is not looked at"
        for visit, outcome in self.ends:
            self.company.until(visit.caller.is_over, f"{visit.caller.number} is off the line")
            if outcome != "lost":
                quiet = visit.caller.quiet() - (
                    self.place.media_timeout if self.seen is Seen.COMES_FIRST else 0
                )
                assert quiet <= self.place.longest_quiet, (
                    f"{visit.caller.number} heard nothing for {quiet:.1f} s\n{visit.caller.heard()}"
                )
        self.company.until(
            lambda: not self.company.reservations(), f"nothing is reserved: {self.company.reservations()}"
        )
        for name, telephone in self.company.telephones.items():
            self.company.until(telephone.is_idle, f"no call is left at {name}'s telephone")

    # What scenes have in common ---------------------------------------------------------------------------

    def until_lost(self) -> None:
        self.ends = [(visit, "lost") for visit in self.company.visits]
        self.company.until_over(self.ends)
        for visit in self.company.visits:
            self.written_within(CLOSED_WITHIN, visit, "closed")

    def written_within(self, seconds: float, visit: Visit, kind: str) -> None:
        """Since it broke: the first event of a kind of a contact."""
        event = next(event for event in self.company.events(kind) if event["contact_id"] == visit.contact_id)
        took = event["at"].timestamp() - self.place.struck
        assert took <= seconds, f"{visit.caller.number}: {kind} after {took:.1f} s\n{self.company.story()}"

    def step(self, visit: Visit) -> str:
        """Where a caller's application is, as it is kept with the channel."""
        contact = self.company.world.query(
            "select channel_uuid from contact where contact_id = %s", visit.contact_id
        )
        state = self.place.variable(contact[0]["channel_uuid"], "fsroute_state")
        return str(json.loads(base64.urlsafe_b64decode(state + "=="))["s"]) if state else ""

    def until_step(self, visit: Visit, step: str) -> None:
        self.company.until(lambda: self.step(visit) == step, f"{visit.caller.number} is at {step}")

    def until_state(self, visit: Visit, *states: str) -> None:
        self.company.until(
            lambda: self.company.state(visit) in states, f"{visit.caller.number} is {' or '.join(states)}"
        )

    def until_talks(self, visit: Visit) -> None:
        self.company.until(
            lambda: visit.caller.talks() and self.company.state(visit) == "bridged",
            f"{visit.caller.number} talks",
        )

    def until_back(self, visit: Visit) -> None:
        """A call server has the call, again if it had lost it."""
        if self.cell.broken in CALL_SERVERS:
            self.company.until(
                lambda: self.place.came_back(visit.contact_id), f"{visit.caller.number} is taken back"
            )

    def joined_once(self, *visits: Visit) -> None:
        for visit in visits:
            joined = self.company.count(visit, "joined")
            assert joined == 1, f"{visit.caller.number} was joined {joined} times\n{self.company.story()}"

    def one_conversation(self, *visits: Visit) -> None:
        """Of callers who still talk."""
        self.joined_once(*visits)
        for visit in visits:
            assert not visit.caller.broke_off(), f"the conversation of {visit.caller.number} broke off"

    def leave(self, *visits: Visit) -> None:
        """They have had what they wanted."""
        for visit in visits:
            visit.caller.hang_up()
            self.ends.append((visit, "served"))

    def go(self, visit: Visit, outcome: str) -> None:
        """Somebody hangs up in the midst of it."""
        visit.caller.hang_up()
        self.ends.append((visit, outcome))


class InApplication(Scene):
    """Asked for the number of an order, of which nothing is keyed yet."""

    def begin(self) -> None:
        self.first, self.second, self.gone = (self.company.call("1") for _ in range(3))
        for visit in self.company.visits:
            self.until_step(visit, "order_number")

    def meanwhile(self) -> None:
        if self.seen is Seen.GOES_ON:
            self.go(self.gone, "abandoned")

    def afterwards(self) -> None:
        if self.seen is Seen.LOST:
            return self.until_lost()
        for visit in (self.first, self.second):
            self.until_back(visit)
            assert self.step(visit) == "order_number", f"{visit.caller.number} is at {self.step(visit)}"
            visit.caller.press("12345")
        for visit in (self.first, self.second):
            self.until_step(visit, "anything_else")
            visit.caller.hang_up()
            self.ends.append((visit, "self_served"))
        return None


class Waiting(Scene):
    """Three in the queue, and nobody to serve them; the second leaves."""

    def begin(self) -> None:
        for _ in range(3):
            self.until_state(self.company.call("2"), "queued")
        self.first, self.gone, self.last = self.company.visits

    def meanwhile(self) -> None:
        if self.seen is Seen.KEEPS_PLACE:
            self.go(self.gone, "abandoned")

    def afterwards(self) -> None:
        if self.seen is Seen.LOST:
            return self.until_lost()
        helper = self.company.agent("helper", answers=True)
        for visit in (self.first, self.last):
            self.until_talks(visit)
            assert visit.caller.number in helper.shown(), f"the helper saw {helper.shown()!r}"
            self.one_conversation(visit)
            self.leave(visit)
        served = self.company.order_served()
        assert served == [self.first.contact_id, self.last.contact_id], "not in the order of arrival"
        return None


class Offered(Scene):
    """Phones ring at both sites; there is no network leg before an agent has accepted."""

    queue = {"lead": "ready", "offer_timeout": 90, "network_leg_timeout": 60}
    sites = ("east", "west", "east")
    network_leg = "none"

    def begin(self) -> None:
        self.phones: dict[Visit, Telephone] = {}
        self.remote: list[Visit] = []
        for number, site in enumerate(self.sites):
            phone = self.company.agent(f"agent-{number}", site)
            visit = self.company.call("2")
            self.phones[visit] = phone
            self.company.until(lambda visit=visit: self._is_offered(visit), "offered")  # type: ignore[misc]
            if site == "east":
                self.remote.append(visit)
        self.first, self.second, self.gone = self.company.visits

    def _is_offered(self, visit: Visit) -> bool:
        row = self.company.row(visit)
        there = row.get("network_leg") in (self.network_leg, "not_needed")
        return row.get("agent_leg") == "ringing" and there and self.phones[visit].rings()

    def meanwhile(self) -> None:
        if self.seen is Seen.ANSWERED:
            self.phones[self.first].answer()
            self.go(self.gone, "abandoned")

    def afterwards(self) -> None:
        if self.seen is Seen.LOST:
            return self.until_lost()
        waiting = [self.second] if self.seen is Seen.ANSWERED else [self.first, self.second]
        for visit in waiting:
            self._answer(visit)
        for visit in (self.first, self.second):
            self.until_talks(visit)
        if self.seen is Seen.OFFERED_AGAIN:
            self._until_offered_again(self.gone)
            self.company.until(self.company.telephone_for(self.gone).rings, "the third is offered again")
            self.go(self.gone, "abandoned")
        self.one_conversation(self.first, self.second)
        for visit in (self.first, self.second):
            offers = self.company.count(visit, "agent_reserved")
            wanted = 2 if self.seen is Seen.OFFERED_AGAIN and visit in self.remote else 1
            assert offers == wanted, f"offered {offers} times\n{self.company.story()}"
        self.leave(self.first, self.second)
        return None

    def _answer(self, visit: Visit) -> None:
        """Pick the phone up; where the offer broke off, the one that rings next."""
        if self.seen is Seen.OFFERED_AGAIN and visit in self.remote:
            self._until_offered_again(visit)
        phone = self.company.telephone_for(visit)
        self.company.until(phone.rings, f"the phone for {visit.caller.number} rings")
        phone.answer()

    def _until_offered_again(self, visit: Visit) -> None:
        self.company.until(
            lambda: self.company.count(visit, "agent_reserved") > 1, f"{visit.caller.number} is offered again"
        )


class Ringing(Offered):
    """Phones ring at the other site, and so do the network legs."""

    queue = {"lead": "offered", "offer_timeout": 90, "network_leg_timeout": 60}
    sites = ("east", "east", "east")
    network_leg = "present"


class Bridged(Scene):
    """Caller and agent talk, over a network leg or on one switch; one caller leaves, and two agents."""

    def begin(self) -> None:
        self.phones = []
        for number, site in enumerate(("east", "west", "east", "east", "west")):
            self.phones.append(self.company.agent(f"agent-{number}", site, answers=True))
            self.until_talks(self.company.call("2"))
        self.remote, self.local, self.gone, self.left, self.left_here = self.company.visits

    def meanwhile(self) -> None:
        if self.seen is Seen.TALKS_ON:
            self.go(self.gone, "served")
            for number, visit in ((3, self.left), (4, self.left_here)):
                self.phones[number].hang_up()
                self.ends.append((visit, "served"))
            for visit in (self.remote, self.local):
                assert visit.caller.talks(), f"{visit.caller.number} does not talk on"

    def afterwards(self) -> None:
        if self.seen is Seen.LOST:
            return self.until_lost()
        if self.seen is Seen.COMES_FIRST:
            self._talk_again()
        for visit in (self.remote, self.local):
            self.company.until(visit.caller.talks, f"{visit.caller.number} talks on")
        if self.seen is Seen.COMES_FIRST:
            self.one_conversation(self.local, self.left_here)
            self.leave(self.left_here)
        else:
            self.one_conversation(self.remote, self.local)
            self.joined_once(self.gone, self.left, self.left_here)
        self.leave(self.remote, self.local)
        return None

    def _talk_again(self) -> None:
        for visit in (self.remote, self.gone, self.left):
            self.company.until(
                partial(self._is_joined_again, visit), f"{visit.caller.number} is joined again"
            )
            self.until_talks(visit)
            assert self.company.count(visit, "conversation_lost") == 1, self.company.story()
            self.written_within(self.place.media_timeout + RECORDED_WITHIN, visit, "conversation_lost")
            assert self.company.row(visit)["priority"] == HEAD_PRIORITY, "does not come first"
        self.leave(self.gone, self.left)

    def _is_joined_again(self, visit: Visit) -> bool:
        return self.company.count(visit, "joined") == 2


class WrappingUp(Scene):
    """An agent writes up what the last caller wanted; the next caller waits."""

    begins_last = True

    def begin(self) -> None:
        self.company.agent("writer", answers=True, wrap_up=self.place.wrap_up)
        served = self.company.call("2")
        self.until_talks(served)
        self.leave(served)
        self.company.until(lambda: self.company.outcome(served), "the first is served")
        self.ends_at: datetime = self.company.agent_row("writer")["available_from"]
        if self.cell.broken is not Broken.CALLERS_SWITCH:
            self._next()
            self.until_state(self.next, "queued")  # what is keyed to a call server that dies is lost

    def _next(self) -> None:
        self.next = self.company.call("2")

    def meanwhile(self) -> None:
        assert self.place.struck < self.ends_at.timestamp(), "the wrap-up was over before it broke"

    def afterwards(self) -> None:
        if self.cell.broken is Broken.CALLERS_SWITCH:
            self._next()
        self.until_talks(self.next)
        reserved = [
            event["at"] for event in self.company.events("agent_reserved")
            if event["contact_id"] == self.next.contact_id
        ]  # fmt: skip
        assert len(reserved) == 1, self.company.story()
        assert reserved[0] >= self.ends_at, "the wrap-up was cut short"
        self.leave(self.next)


SCENES: dict[Stage, Callable[[Place, Company, Cell], Scene]] = {
    Stage.APPLICATION: InApplication,
    Stage.WAITING: Waiting,
    Stage.OFFERED: Offered,
    Stage.RINGING: Ringing,
    Stage.BRIDGED: Bridged,
    Stage.WRAP_UP: WrappingUp,
}
