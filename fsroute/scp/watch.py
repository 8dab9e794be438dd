"""Keeps the picture of all sites true: rows at the start, signs of life every second, changes when a call asks.

A signal says what has changed, and is noted; it is read once a call is to be decided, for all who ask at that moment,
and otherwise with the look at signs of life. Where nobody calls, the many changes of a second are read together.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from math import inf

import gevent
import gevent.event

from fsroute.errors import StoreError
from fsroute.model.activity import Changes, Head, SiteActivity
from fsroute.model.agent import Agent
from fsroute.model.direct import DoorRow, SwitchSeen
from fsroute.model.proxy_call import ProxyCall
from fsroute.outage import Outage
from fsroute.routing.eligibility import next_boundary
from fsroute.scp.picture import Door, Picture
from fsroute.scp.reading import Reading
from fsroute.scp.selection import Limits
from fsroute.scp.sights import (
    activity_place,
    door_of,
    place_of,
    seat_of,
    seats_of_activity,
    site_of,
    taken_name,
)
from fsroute.store.activity import ACTIVITY, Activities
from fsroute.store.direct import TAKEN, DirectCalls
from fsroute.store.signals import Subscription
from fsroute.store.store import COORDINATOR, Store

log = logging.getLogger(__name__)

LOOK = 1.0  # seconds between two looks at signs of life, doors, capacities and rates, and at all that has changed
LOOK_AGAIN = 0.2  # seconds in which such a look is still good where a call depends on it
REFRESH_LIMIT = 0.5  # seconds that a decision waits for what has changed; then it goes by what is known
STOP_LIMIT = 3.0  # seconds for a read to end
UNHEARD_EVERY = 1  # looks: activity and agents taken, of which no signal may have told


class Watch:
    """One process's picture. `ready` is set once everything was read."""

    def __init__(self, store: Store, limits: Limits) -> None:
        self.picture = Picture()
        self.ready = gevent.event.Event()
        self.links: dict[str, str] = {}
        """Where the switches take network legs: ``host:port`` by switch."""
        self._store = store
        self._direct = DirectCalls(store)
        self._activities = Activities(store.database)
        self._limits = limits
        self._doors: list[DoorRow] = []
        self._capacities: Mapping[str, int] = {}
        self._known: dict[str, SiteActivity] = {}
        self._versions: dict[str, int] = {}
        self._seats_at: dict[str, set[str]] = {}
        self._concerned: tuple[set[str], set[int]] = (set(), set())
        self._everybody = True
        self._have_agents = self._have_looked = False
        self._looked_at = 0.0
        self._looks = 0
        self._boundaries: dict[str, float] = {}
        self._switches: set[str] | None = None  # whose activity has changed; None: anybody's
        self._agents = Reading(self._follow_agents)
        self._activity = Reading(lambda: self._follow(self._read_activity))
        self._taken = Reading(lambda: self._follow(self._read_taken))
        self._over = gevent.event.Event()
        self._agents_unread = Outage(log, "agents are not read")
        self._activity_unread = Outage(log, "activity is not read")
        self._greenlets: list[gevent.Greenlet[..., None]] = []
        self._subscriptions: list[Subscription] = []

    def start(self) -> None:
        """Read in the background, and follow."""
        signals = self._store.signals
        self._subscriptions = [
            signals.subscribe(COORDINATOR, self._signalled),
            signals.subscribe(ACTIVITY, self._activity_signalled),
            signals.subscribe(TAKEN, self._taken_signalled),
        ]
        for reading in self._readings:
            reading.mark()
        self._agents.ask()
        self._greenlets = [gevent.spawn(self._keep_looking)]

    def ask(self) -> None:
        """Begin to read what has changed: a call has come, which will be decided soon. Does not wait."""
        for reading in self._readings:
            reading.ask()

    def refresh(self) -> None:
        """What was told to have changed until now is in the picture after this, unless the database is away or slow."""
        until = time.monotonic() + REFRESH_LIMIT
        for reading, asked in [(reading, reading.ask()) for reading in self._readings]:
            reading.wait(asked, until)

    def look_again(self) -> bool:
        """Look at the signs of life before a call is sent away for the want of one; False: that was just done."""
        if self._store.now() - self._looked_at < LOOK_AGAIN:
            return False
        self._guarded(self._look)
        return True

    def stop(self) -> None:
        for subscription in self._subscriptions:
            self._store.signals.unsubscribe(subscription)
        self._subscriptions = []
        self._over.set()
        greenlets = [*self._greenlets, *(each for reading in self._readings for each in reading.stop())]
        # One that is killed amid a connect leaves that open for a minute.
        gevent.joinall(greenlets, STOP_LIMIT)
        gevent.killall(greenlets, block=False)
        self._greenlets = []

    def read(self) -> None:
        """Everything, once: for who asks and goes.

        Raises:
            StoreError: the database cannot be read.
        """
        self._look()
        self._agents.read()

    @property
    def _readings(self) -> tuple[Reading, ...]:
        return self._agents, self._activity, self._taken

    def _say_ready(self) -> None:
        if self._have_agents and self._have_looked:
            self.ready.set()

    # Agents of fsroute's own ---------------------------------------------------------------------------------

    def _signalled(self, key: str | int | None, row: object) -> None:
        """An agent, a proxy call with the agent whom it has or had, or anything."""
        kind, _, name = str(key).partition(":")
        names, calls = self._concerned
        known = len(names) + len(calls)
        if key is None:
            self._everybody = True
            self._agents.mark()
        elif kind == "a":
            names.add(name)
        elif kind == "p":
            calls.add(int(name))
            if isinstance(row, ProxyCall) and row.agent_id is not None:
                names.add(row.agent_id)
        if len(names) + len(calls) > known:
            self._agents.mark()

    def _follow_agents(self) -> None:
        try:
            self._read_agents()
        except StoreError as error:
            self._everybody = True
            self._agents_unread.failed(error)
            raise
        self._agents_unread.over()
        self._say_ready()

    def _read_agents(self) -> None:
        everybody, concerned = self._everybody, self._concerned
        self._everybody, self._concerned = False, (set(), set())
        if everybody:
            self._put(self._store.agents.all(), everybody=True)
            self._have_agents = True
        elif any(concerned):
            names, calls = concerned
            found = self._direct.concerned(sorted(names), sorted(calls))
            self._put(found)
            for name in names - {agent.agent_id for agent in found}:
                self._forget(name)

    def _put(self, agents: Iterable[Agent], everybody: bool = False) -> None:
        now = self._store.now()
        here = set()
        for agent in agents:
            here.add(agent.agent_id)
            if agent.version >= self._versions.get(agent.agent_id, 0):
                self._versions[agent.agent_id] = agent.version
                self.picture.put(seat_of(agent, now), now)
                self._boundaries[agent.agent_id] = next_boundary(agent, now) or inf
        if everybody:
            for name in self._versions.keys() - here:
                self._forget(name)

    def _forget(self, agent_id: str) -> None:
        if self._versions.pop(agent_id, None) is not None:
            self._boundaries.pop(agent_id, None)
            self.picture.drop(agent_id)

    def _ask_again(self) -> None:
        """Agents of whom an authorization has begun or ended: their rows are what they were."""
        now = self._store.now()
        due = [name for name, moment in self._boundaries.items() if moment <= now]
        if due:
            self._concerned[0].update(due)
            self._agents.mark()

    # Activity -------------------------------------------------------------------------------------------------

    def _activity_signalled(self, key: str | int | None, _row: object) -> None:
        if key is None:
            self._switches = None
        elif self._switches is not None and str(key) not in self._switches:
            self._switches.add(str(key))
        else:
            return
        self._activity.mark()

    def _read_activity(self) -> None:
        """One statement for all switches whose activity has changed."""
        switch_ids, self._switches = self._switches, set()
        if switch_ids is not None and not switch_ids:
            return
        known = {switch_id: activity.head.version for switch_id, activity in self._known.items()}
        try:
            found = self._activities.changes(
                known, None if switch_ids is None else sorted(switch_ids), to_select=True
            )
        except StoreError:
            self._switches = None
            raise
        for changes in found:
            self._take_in(changes)

    def _take_in(self, changes: Changes) -> None:
        switch_id = changes.head.switch_id
        before = self._known.get(switch_id)
        after = SiteActivity(changes.head).after(changes) if before is None else before.after(changes)
        self._known[switch_id] = after
        self._place_activity(after, changes.whole)

    def _place_activity(self, activity: SiteActivity, whole: bool = True) -> None:
        """The agents of a switch who are known by activity alone, and what it says of its site."""
        now, head = self._store.now(), activity.head
        self.picture.places[activity_place(head.switch_id)] = place_of(head)
        seats = {seat.name: seat for seat in seats_of_activity(activity, self._doors)}
        for seat in seats.values():
            if self.picture.seat(seat.name) != seat:
                self.picture.put(seat, now)
        for name in self._seats_at.get(head.switch_id, set()) - seats.keys():
            self.picture.drop(name)
        self._seats_at[head.switch_id] = set(seats)
        self._report(head.site_id)

    def _report(self, site_id: str) -> None:
        switches = [activity for activity in self._known.values() if activity.head.site_id == site_id]
        self.picture.report(site_of(site_id, switches, self._capacities.get(site_id), self._doors))

    # Agents who are taken -------------------------------------------------------------------------------------

    def _taken_signalled(self, _key: str | int | None, _row: object) -> None:
        self._taken.mark()

    def _read_taken(self) -> None:
        now = self._store.now()
        for row in self._direct.taken():
            name = taken_name(row.switch_id, row.agent)
            seat = self.picture.seat(name)
            if seat is not None and seat.idle_since <= row.taken_at and row.taken_until > now:
                self.picture.take(name, row.taken_at, row.taken_until)

    # Signs of life ---------------------------------------------------------------------------------------------

    def _keep_looking(self) -> None:
        tidied = 0.0
        while not self._over.is_set():
            self._guarded(self._look)
            self.ask()
            self._say_ready()
            if self._store.now() - tidied > 60:
                tidied = self._store.now()
                self._guarded(self._direct.tidy)
            self._over.wait(LOOK)

    def _look(self) -> None:
        doors, capacities = self._direct.doors(), self._direct.capacities()
        changed = (doors, capacities) != (self._doors, self._capacities)
        self._doors, self._capacities = doors, capacities
        self.picture.rates = self._direct.rates()
        heads = {head.switch_id: head for head in self._activities.heads()}
        self._look_at(self._direct.switches(), heads)
        if self._looks % UNHEARD_EVERY == 0:
            self._switches = None
            self._activity.read()
            self._taken.read()
        self._looks += 1
        if changed:
            for activity in list(self._known.values()):
                self._place_activity(activity)
            for site_id in capacities:
                self._report(site_id)
            self._hang_doors()
        self._have_looked = True
        self._looked_at = self._store.now()
        self._ask_again()

    def _look_at(self, switches: list[SwitchSeen], heads: Mapping[str, Head]) -> None:
        for switch in switches:
            head = heads.get(switch.switch_id)
            self.links[switch.switch_id] = switch.link_address
            self.picture.places[switch.switch_id] = place_of(head, switch)
            alone = place_of(head) if head is not None else place_of(None, switch, activity=True)
            self.picture.places[activity_place(switch.switch_id)] = alone

    def _hang_doors(self) -> None:
        doors: dict[str, dict[str, Door]] = {}
        for row in self._doors:
            doors.setdefault(row.contact_center_id, {})[row.site_id] = door_of(row)
        self.picture.doors = doors

    def _guarded(self, do: Callable[[], None]) -> None:
        with suppress(StoreError):
            self._follow(do)

    def _follow(self, do: Callable[[], None]) -> None:
        try:
            do()
        except StoreError as error:
            self._activity_unread.failed(error)
            raise
        self._activity_unread.over()
