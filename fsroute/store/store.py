"""The store as the roles use it: rows, transitions, and the signal that a row changed."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from fsroute.acd.proxy_call import On
from fsroute.errors import StoreError, Unanswered
from fsroute.model.contact import Outcome
from fsroute.model.proxy_call import NetworkLeg, ProxyCall
from fsroute.model.routing import Routing
from fsroute.store.agents import Agents
from fsroute.store.claims import Dialling, Leaving
from fsroute.store.contacts import Closed, Contacts
from fsroute.store.database import Database
from fsroute.store.duty import Duty
from fsroute.store.proxy_calls import Attempt, LetGo, ProxyCalls
from fsroute.store.signals import Signals
from fsroute.store.transfers import Transfers

COORDINATOR = "coordinator"
"""The topic of everything that may concern a decision."""


UNHEARD = "u:"
"""The key of whatever nobody may have told of."""


def switch_topic(switch_id: str) -> str:
    """The topic of what concerns one switch, as the caller's or as the agent's."""
    return f"switch.{switch_id}"


def agents_topic(switch_id: str) -> str:
    """The topic of the agents of one switch who have a standing leg; SQL publishes it."""
    return f"agents.{switch_id}"


def call_key(proxy_call_id: int) -> str:
    return f"p:{proxy_call_id}"


def agent_key(agent_id: str) -> str:
    return f"a:{agent_id}"


class Store:
    """One database: contacts, proxy calls, agents, signals, and the database's clock."""

    def __init__(self, database: Database, signals: Signals) -> None:
        self.database = database
        self.signals = signals
        self.contacts = Contacts(database)
        self.proxy_calls = ProxyCalls(database)
        self.agents = Agents(database)
        self.transfers = Transfers(database)
        self.duty = Duty(database)
        self.clock_offset = 0.0  # seconds to add to this host's clock to have the database's

    def beside(self, database: Database) -> Store:
        """A store of the same process for a part that acts as another database role.

        Signals are shared. Agents who are let go are not handed over: such parts are to each other as in two
        processes.
        """
        other = Store(database, self.signals)
        other.proxy_calls.on_row = self._row_beside
        return other

    def _row_beside(self, row: ProxyCall) -> None:
        if self.proxy_calls.on_row is not None:
            self.proxy_calls.on_row(row)

    def now(self) -> float:
        """Seconds since the epoch by the database's clock, to the precision of the last `measure_clock`."""
        return time.time() + self.clock_offset

    def measure_clock(self) -> float:
        """Hold this host's clock against the database's; returns the offset in seconds.

        Their clock was read between the question and the answer. An offset that agrees with this stays, however
        long the answer took: a busy machine is no reason to believe in another one.
        """
        before = time.time()
        theirs = float(self.database.value("clock"))
        after = time.time()
        self.clock_offset = min(max(self.clock_offset, theirs - after), theirs - before)
        return self.clock_offset

    def announce(self, *calls: ProxyCall | None) -> None:
        """Tell every role that one of these rows (the same proxy call before and after) concerns."""
        known = [call for call in calls if call is not None]
        if not known:
            return
        row = known[-1]
        key = call_key(row.proxy_call_id)
        switches = _concerned(known)
        if len({call.version for call in known}) > 1 and row.version > known[0].version + 1:
            switches |= self._unseen_switch(row)  # somebody else's change came between: maybe a reservation
        for switch_id in sorted(switches):
            self.signals.publish(switch_topic(switch_id), key, row)
        self.signals.publish(COORDINATOR, key, row)

    @contextmanager
    def in_doubt(self, *calls: ProxyCall | None) -> Iterator[None]:
        """Around a transition of these: if it goes unanswered, whoever it may concern reads the rows.

        It may have been done, and whoever tries it again is told no more than that somebody was first.
        """
        try:
            yield
        except BaseException as error:
            # whoever is ended amid a statement does not hear the answer either
            if isinstance(error, Unanswered) or not isinstance(error, StoreError):
                self.hint_at(*calls)
            raise

    def hint_at(self, *calls: ProxyCall | None) -> None:
        """Whoever these concern, by what is known of them, reads the rows: what they are now may not have been told."""
        for call in calls:
            if call is not None:
                key = call_key(call.proxy_call_id)
                for topic in (*map(switch_topic, sorted(_concerned([call]))), COORDINATOR):
                    self.signals.publish(topic, key)

    def ask_to_look(self) -> None:
        """Something may have been done of which nobody knows enough to tell: the leader looks what has changed.

        By who succeeds a process that may have died between a commit and its signal, too.
        """
        self.signals.publish(COORDINATOR, UNHEARD)

    def _unseen_switch(self, row: ProxyCall) -> set[str]:
        try:
            switch_id = self.proxy_calls.last_reserved_switch(row.proxy_call_id)
        except StoreError:  # the change is made: its news must go out
            return set()
        return set() if switch_id is None else {switch_id}

    def hand_over_agents(self, taker: LetGo | None, leaving: Leaving | None = None) -> None:
        """Hand agents whom a transition frees to this process's coordinator, to save it a read; None: no more.

        It is called by whoever made the transition, before that goes on; `leaving` is asked before the transition.
        """
        self.proxy_calls.on_let_go = self.contacts.on_let_go = taker
        self.proxy_calls.on_leaving = leaving

    def announce_agent(self, agent_id: str) -> None:
        self.signals.publish(COORDINATOR, agent_key(agent_id))

    def request(self, contact_id: str, queue: str) -> ProxyCall | None:
        call = self.proxy_calls.request(contact_id, queue)
        self.announce(call)
        return call

    def route(self, contact_id: str, routing: Routing) -> ProxyCall | None:
        """Ask for an agent as the rules decided; None: the contact has ended."""
        call = self.proxy_calls.route(contact_id, routing)
        self.announce(call)
        return call

    def move(
        self,
        call: ProxyCall,
        on: On,
        *,
        attempt: Attempt | None = None,
        network_leg: NetworkLeg | None = None,
        end_reservation: str | None = None,
        epoch: int | None = None,
        set: Mapping[str, object] | None = None,
        data: Mapping[str, object] | None = None,
    ) -> ProxyCall | None:
        """One transition, and the signal of it. None: the race was lost, nothing changed."""
        with self.in_doubt(call):
            moved = self.proxy_calls.move(
                call.proxy_call_id,
                on,
                attempt=attempt or Attempt(),
                network_leg=network_leg,
                end_reservation=end_reservation,
                epoch=epoch,
                set=set,
                data=data,
            )
        if moved is not None:
            self.announce(call, moved)
        return moved

    def agent_left(
        self, call: ProxyCall, agent_leg_uuid: str, cause: str, dialling: Dialling | None = None
    ) -> ProxyCall | None:
        """The agent's leg ended after the talk of `call`: the reservation ends and wrap-up begins.

        None: it had ended before. An agent without wrap-up may be reserved for the next contact with it; `dialling`
        hears of that before.
        """
        with self.in_doubt(call):
            moved = self.proxy_calls.agent_left(agent_leg_uuid, cause, call, dialling)
        if moved is not None:
            self.announce(call, moved)
        return moved

    def close_contact(
        self,
        contact_id: str,
        outcome: Outcome,
        data: Mapping[str, object],
        call: ProxyCall | None = None,
        on: On = On.CALLER_GONE,
    ) -> Closed | None:
        """End a contact once, whoever sees it first; `call` is the last row that the closer knows."""
        known = call if call is not None else self.proxy_calls.latest(contact_id)
        with self.in_doubt(known):
            closed = self.contacts.close(contact_id, outcome, data, on)
        if closed is not None and closed.call is not None:
            self.announce(known, closed.call)
        return closed


def _concerned(calls: Sequence[ProxyCall]) -> set[str]:
    """The switches of the callers, the agents, the network legs and the other ACDs."""
    found = {
        switch_id
        for call in calls
        for switch_id in (call.switch_id, call.agent_switch_id, call.network_switch_id)
        if switch_id is not None
    }
    return found | {call.acd.switch_id for call in calls if call.acd is not None}
