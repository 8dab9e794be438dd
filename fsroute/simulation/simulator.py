"""The coordinator's core at work on a virtual clock.

What happens next is taken from a heap; the core is told of it as the coordinator's loop would tell it, and what
the core wants done is done at once, as a database without delay would do it. Everything random about a contact
is drawn when it arrives, from a source that belongs to its queue alone: whatever is decided, the same contacts
come with the same talk times and the same patience, so that two rules can be compared contact by contact.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Iterator
from datetime import timedelta

from fsroute.coordinator.actions import (
    Action,
    AgentChanged,
    CallChanged,
    Event,
    Expire,
    Overflow,
    Refresh,
    Refuse,
    Reserve,
    Step,
    Take,
    Tick,
)
from fsroute.coordinator.state import Coordinator
from fsroute.coordinator.strategies import Strategies
from fsroute.model.agent import ONE_AT_A_TIME
from fsroute.model.proxy_call import ProxyCall, State
from fsroute.simulation import rows
from fsroute.simulation.contacts import Contact, Source
from fsroute.simulation.sample import End, Recorder, Sample
from fsroute.simulation.scenario import Scenario, group_names, logged_on

LONGEST_DRAIN = 86_400.0  # seconds after the last arrival in which those who wait may still be served

WAITING = (State.REQUESTED, State.QUEUED)
UNSERVED = (*WAITING, State.OFFERED)
LEAVES = ("number", "voice_message")  # steps of a time line after which the contact does not wait any more
LAST = {State.ABANDONED: End.ABANDONED, State.OVERFLOWED: End.OVERFLOWED, State.REFUSED: End.REFUSED}


def simulate(
    scenario: Scenario, seed: int | str, stretches: int = 1, strategies: Strategies | None = None
) -> list[Sample]:
    """Let the core serve a scenario once; the same seed gives the same result.

    Contacts that arrive in the warm-up are not counted. No contact comes after the end, but those who wait are
    served. With `stretches` the time that counts is cut into so many equal parts. `strategies` are the built-in
    ones unless given.
    """
    return list(Simulation(scenario, seed, stretches, strategies).run())


class Simulation:
    """One run; `run` may be called once."""

    def __init__(
        self, scenario: Scenario, seed: int | str, stretches: int, strategies: Strategies | None = None
    ) -> None:
        self._scenario = scenario
        self._core = Coordinator(strategies)
        self._recorder = Recorder(scenario.warm_up, scenario.end, stretches, len(scenario.traffic))
        self._groups = group_names(scenario)
        self._agents = {agent.agent_id: logged_on(agent, scenario.begin) for agent in scenario.agents}
        self._busy_since: dict[str, float] = {}
        self._contacts: dict[int, Contact] = {}
        self._sources = [
            Source(traffic, f"{seed} {number} {traffic.name}", scenario.end)
            for number, traffic in enumerate(scenario.traffic)
        ]
        self._future: list[tuple[float, int, Callable[[int], None], int]] = []
        self._planned = 0  # so that of two things at one moment the one planned first comes first
        self._arrived = 0
        self._readings = 0
        self._begin = scenario.begin.timestamp()
        self._now = 0.0  # seconds from the beginning
        self._moment = scenario.begin
        self._epoch = self._begin  # the same moment as the core counts it

    def run(self) -> Iterator[Sample]:
        for agent_id in self._agents:
            self._tell(self._read(agent_id))
        for number in range(len(self._sources)):
            self._plan_arrival(number)
        while self._step():
            pass
        self._close()
        yield from self._recorder.samples

    def _step(self) -> bool:
        """Let the next thing happen, or let the core know that time has passed; False when all is over."""
        due = self._core.deadline()
        if not self._future and (due is None or not self._core.waiting()):
            return False
        planned = self._future[0][0] if self._future else self._scenario.end + LONGEST_DRAIN
        if due is not None and due - self._begin <= planned:
            self._move_clock(due - self._begin)
            self._epoch = max(self._epoch, due)
            self._tell(Tick())
            return True
        if not self._future or planned > self._scenario.end + LONGEST_DRAIN:
            return False
        at, _, happens, subject = heapq.heappop(self._future)
        self._move_clock(at)
        happens(subject)
        return True

    def _move_clock(self, now: float) -> None:
        """Forward only; a moment has whole microseconds, as in the database."""
        self._now = max(self._now, now)
        self._moment = self._scenario.begin + timedelta(seconds=self._now)
        self._epoch = max(self._epoch, self._moment.timestamp())

    def _plan(self, after: float, happens: Callable[[int], None], subject: int) -> None:
        self._planned += 1
        heapq.heappush(self._future, (self._now + after, self._planned, happens, subject))

    def _close(self) -> None:
        """Who has not ended by now is counted as it stands."""
        for contact in self._contacts.values():
            if contact.call.state in UNSERVED:
                self._count(contact, End.WAITING)
        for agent_id, since in self._busy_since.items():
            self._recorder.work(self._groups[agent_id], since, self._now)

    # What happens ------------------------------------------------------------------------------------

    def _plan_arrival(self, number: int) -> None:
        at = self._sources[number].next()
        if at is not None:
            self._plan(at - self._now, self._arrives, number)

    def _arrives(self, number: int) -> None:
        self._plan_arrival(number)
        source = self._sources[number]
        self._arrived += 1
        call = rows.requested(self._arrived, source.traffic, self._moment)
        contact = source.contact(number, self._now, call)
        self._contacts[self._arrived] = contact
        if contact.patience is not None:
            self._plan(contact.patience, self._loses_patience, self._arrived)
        self._tell(CallChanged(call))

    def _loses_patience(self, number: int) -> None:
        contact = self._contacts.get(number)
        if contact is not None and contact.call.state in UNSERVED and not contact.called_back:
            self._tell(self._ends(contact, State.ABANDONED))

    def _joins(self, number: int) -> None:
        contact = self._contacts.get(number)
        if contact is not None and contact.call.state is State.OFFERED:
            self._tell(self._join(contact))

    def _is_not_answered(self, number: int) -> None:
        contact = self._contacts.get(number)
        if contact is not None and contact.call.state is State.OFFERED:
            self._release(contact, self._scenario.set_aside)
            self._tell(self._write(contact, rows.back_in_queue(contact.call)))

    def _hangs_up(self, number: int) -> None:
        contact = self._contacts[number]
        agent_id = contact.call.agent_id
        assert agent_id is not None, "a talk has an agent"
        agent = self._agents[agent_id]
        wrap_up = agent.media.get(contact.call.demand.medium, ONE_AT_A_TIME).wrap_up
        self._release(contact, agent.wrap_up if wrap_up is None else wrap_up, served=True)
        del self._contacts[number]
        self._tell(CallChanged(rows.over(contact.call, State.ENDED)))

    # What the core wants done ------------------------------------------------------------------------

    def _tell(self, event: Event) -> None:
        news = deque((event,))
        while news:
            for action in self._core.apply(news.popleft(), self._epoch):
                news.append(self._perform(action))

    def _perform(self, action: Action) -> Event:
        if isinstance(action, Refresh):
            return self._read(action.agent_id)
        contact = self._contacts[action.proxy_call_id]
        if isinstance(action, Reserve):
            return self._reserve(contact, action.agent_id)
        if isinstance(action, Take):
            return self._write(contact, rows.taken(contact.call, self._moment))
        if isinstance(action, Refuse):
            return self._ends(contact, State.REFUSED)
        if isinstance(action, Overflow):
            return self._ends(contact, State.OVERFLOWED)
        if isinstance(action, Step):
            return self._take_step(contact, action.number)
        assert not isinstance(action, Expire), "every simulated offer ends in time"
        raise AssertionError(f"no network leg is simulated, yet one is wanted: {action}")

    def _take_step(self, contact: Contact, number: int) -> Event:
        step = contact.call.time_line[number]
        if step.do in LEAVES and not contact.called_back:
            return self._ends(contact, State.OVERFLOWED)
        call = rows.stepped(contact.call, step)
        if step.do == "offer_callback" and contact.wants_callback and not contact.called_back:
            self._count(contact, End.CALLED_BACK)
            contact.called_back = True
            call = rows.to_be_called_back(call)
        return self._write(contact, call)

    def _read(self, agent_id: str) -> Event:
        self._readings += 1
        return AgentChanged(self._agents[agent_id], self._readings)

    def _write(self, contact: Contact, call: ProxyCall) -> Event:
        contact.call = call
        return CallChanged(call)

    def _reserve(self, contact: Contact, agent_id: str) -> Event:
        number = contact.call.proxy_call_id
        self._agents[agent_id] = rows.reserved(self._agents[agent_id], contact.call)
        self._busy_since.setdefault(agent_id, self._now)
        contact.call = rows.offered(contact.call, agent_id, self._moment)
        setup = self._sources[contact.traffic].offer()
        if setup is None:
            self._plan(contact.call.offer_timeout, self._is_not_answered, number)
        elif setup > 0.0:
            self._plan(setup, self._joins, number)
        else:
            return self._join(contact)
        return CallChanged(contact.call)

    def _join(self, contact: Contact) -> Event:
        if contact.called_back:
            self._recorder.called_back(contact.traffic, contact.arrived, self._now - contact.arrived)
        self._count(contact, End.ANSWERED)
        self._plan(contact.talk, self._hangs_up, contact.call.proxy_call_id)
        return self._write(contact, rows.bridged(contact.call, self._moment))

    def _ends(self, contact: Contact, state: State) -> Event:
        """It is over without a talk."""
        self._count(contact, LAST[state])
        if contact.call.agent_id is not None:
            self._release(contact, None)
        del self._contacts[contact.call.proxy_call_id]
        return CallChanged(rows.over(contact.call, state))

    def _release(self, contact: Contact, pause: float | None, served: bool = False) -> None:
        """The agent is free after `pause` seconds (None: at once), which are work if a contact was `served`."""
        agent_id = contact.call.agent_id
        assert agent_id is not None, "an offer has an agent"
        agent = rows.released(self._agents[agent_id], contact.call, self._moment, pause, served)
        self._agents[agent_id] = agent
        if not agent.reserved:
            until = self._now + (pause or 0.0 if served else 0.0)
            self._recorder.work(self._groups[agent_id], self._busy_since.pop(agent_id), until)

    def _count(self, contact: Contact, end: End) -> None:
        """Who is to be called back has been counted."""
        if not contact.called_back:
            self._recorder.contact(contact.traffic, contact.arrived, end, self._now - contact.arrived)
