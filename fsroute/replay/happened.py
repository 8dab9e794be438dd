"""What happened to a proxy call between two of its rows, by the state tables: pure.

The journal has rows, not transitions: of two that follow each other it says what a role read, and a role may have
missed some in between. Each transition raises the row's version by one; so a way through the tables with that many
steps is what happened, or something that leads to the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final, TypeVar

from fsroute.acd.proxy_call import AGENT_LEG_TABLE, CALL_TABLE, CALLER_LEG_TABLE, NETWORK_LEG_TABLE, On
from fsroute.model.proxy_call import FINAL, WAITING, AgentLeg, CallerLeg, NetworkLeg, ProxyCall, State

L = TypeVar("L", AgentLeg, NetworkLeg, CallerLeg)

MOST_MISSED: Final = 8  # transitions between two rows, beyond which nothing is said

COORDINATORS: Final = frozenset({
    On.TAKEN, On.AGENT_RESERVED, On.NOBODY_MAY_SERVE, On.CENTER_CLOSED, On.TIME_LINE_STEP, On.NETWORK_LEG_WANTED,
    On.CALLER_WANTED, On.LIMIT_PASSED,
})  # fmt: skip
"""What the coordinator does; the end of the queue's time line is the call server's own."""

CALLSERVERS: Final = frozenset({
    On.REQUESTED, On.NETWORK_LEG_RAISED, On.NETWORK_LEG_FAILED, On.CONVERSATION_OVER, On.CONVERSATION_LOST,
    On.CALLBACK_CHOSEN, On.CALLER_BACK,
})  # fmt: skip

EITHERS: Final = frozenset({On.AGENT_FAILED, On.NETWORK_LEG_GIVEN_UP, On.CALLER_GONE, On.JOINED})
"""What may come from here or from somebody else: who was late finds it done."""


HOLDS: Final = frozenset({On.NETWORK_LEG_GIVEN_UP, On.JOIN_FAILED, On.CALLER_UNREACHED})
"""After these it may not be offered for a while."""

LEADS_ELSEWHERE: Final = frozenset(
    {On.LIMIT_PASSED, On.CENTER_CLOSED, On.TRANSFERRED_OUT, On.NOBODY_MAY_SERVE}
)
"""With these a way may come that the caller is to go."""
ASKS: Final = frozenset({On.TRANSFERRED, On.TIME_LINE_STEP})
"""With these a contact may ask for others than before."""


def is_ours(on: On) -> bool:
    """Whether the call server or the coordinator of the replay does it by itself."""
    return on in COORDINATORS or on in CALLSERVERS


@dataclass(frozen=True, slots=True)
class Place:
    """Where a row stands, as far as the tables tell."""

    state: State = State.REQUESTED
    agent_leg: AgentLeg = AgentLeg.NONE
    network_leg: NetworkLeg = NetworkLeg.NONE
    caller_leg: CallerLeg = CallerLeg.PRESENT
    steps: int = 0  # of the time line that are done
    failures: int = 0  # of the network leg
    held: bool = False  # not offered for a while
    elsewhere: bool = False  # it has a way of its own to go
    asks_otherwise: bool = False  # in another queue or for other agents than before

    @classmethod
    def of(cls, call: ProxyCall) -> Place:
        return cls(
            call.state,
            call.agent_leg,
            call.network_leg,
            call.caller_leg,
            call.time_line_done,
            call.network_leg_failures,
            call.held_until is not None,
            call.way is not None,
        )


def happened(before: ProxyCall | None, after: ProxyCall) -> tuple[On, ...] | None:
    """The transitions from one row to a later one; None: the tables do not tell.

    `before` None: from the request on, which is not among them.
    """
    steps = after.version - (1 if before is None else before.version)
    if not 0 <= steps <= MOST_MISSED:
        return None
    if before is None:
        return _way(Place(), Place.of(after), steps)
    otherwise = (before.queue, before.demand) != (after.queue, after.demand)
    begin, end = Place.of(before), replace(Place.of(after), asks_otherwise=otherwise)
    way = _way(begin, end, steps)
    return () if way is None and begin == end and _was_handed_over(before, after) else way


def _was_handed_over(before: ProxyCall, after: ProxyCall) -> bool:
    """A consultation was completed: another agent has the talk, which no table tells."""
    agents = {before.agent_id, after.agent_id}
    return after.state is State.BRIDGED and len(agents) == 2 and None not in agents


@lru_cache(maxsize=4096)
def _way(begin: Place, end: Place, steps: int) -> tuple[On, ...] | None:
    """The first way of that many steps, breadth first."""
    ways: dict[Place, tuple[On, ...]] = {begin: ()}
    for _ in range(steps):
        further: dict[Place, tuple[On, ...]] = {}
        for place, way in ways.items():
            for on, target in _nexts(place):
                further.setdefault(target, (*way, on))
        ways = further
    return ways.get(end)


@lru_cache(maxsize=4096)
def _nexts(place: Place) -> tuple[tuple[On, Place], ...]:
    return tuple((on, after) for on in On for after in _after(place, on))


def _after(place: Place, on: On) -> Iterator[Place]:
    """Where a transition leads, as ``move_proxy_call`` and ``reserve_agent`` have it; nothing where it cannot be."""
    if on is On.REQUESTED:
        return
    if on is On.AGENT_RESERVED:
        yield from _reserved(place)
        return
    state = CALL_TABLE.targets(on).get(place.state)
    agent = _leg(AGENT_LEG_TABLE.targets(on), place.agent_leg)
    caller = _leg(CALLER_LEG_TABLE.targets(on), place.caller_leg)
    network = _leg(NETWORK_LEG_TABLE.targets(on), place.network_leg)
    if state is None or agent is None or caller is None or network is None:
        return
    if state is State.QUEUED and caller is not CallerLeg.PRESENT:
        state = State.CALLBACK
    if state in FINAL:
        agent, network = AgentLeg.NONE, NetworkLeg.NONE
    if state in WAITING and place.state not in WAITING:
        agent, network = AgentLeg.NONE, NetworkLeg.NONE
        caller = caller if caller is CallerLeg.PRESENT else CallerLeg.ABSENT
    after = Place(state, agent, network, caller, *_counts(place, on, state), place.held and state in WAITING,
                  asks_otherwise=place.asks_otherwise)  # fmt: skip
    if on is On.AGENT_ACCEPTED and after.network_leg is NetworkLeg.NONE:  # with the lead "ready"
        yield replace(after, network_leg=NetworkLeg.WANTED)
    for held in dict.fromkeys((after.held, True) if on in HOLDS else (after.held,)):
        for elsewhere in (False, True) if on in LEADS_ELSEWHERE else (False,):
            for otherwise in dict.fromkeys(
                (True, after.asks_otherwise) if on in ASKS else (after.asks_otherwise,)
            ):
                yield replace(after, held=held, elsewhere=elsewhere, asks_otherwise=otherwise)


def _leg(targets: Mapping[L, L], leg: L) -> L | None:
    """None: not from this one; a table that has no say leaves it."""
    return targets.get(leg) if targets else leg


def _counts(place: Place, on: On, state: State) -> tuple[int, int]:
    steps = place.steps + (on is On.TIME_LINE_STEP)
    if on is On.TRANSFERRED:
        steps = 0
    if on is On.NETWORK_LEG_FAILED:
        return steps, place.failures + 1
    back = state in WAITING and place.state not in WAITING
    return steps, 0 if on is On.NETWORK_LEG_GIVEN_UP or back else place.failures


def _reserved(place: Place) -> Iterator[Place]:
    if place.state not in (State.REQUESTED, State.QUEUED, State.CALLBACK):
        return
    caller = CallerLeg.WANTED if place.caller_leg is CallerLeg.ABSENT else place.caller_leg
    reserved = replace(
        place, state=State.OFFERED, agent_leg=AgentLeg.DIALLING, caller_leg=caller, failures=0, held=False
    )
    for leg in dict.fromkeys((place.network_leg, NetworkLeg.WANTED, NetworkLeg.NOT_NEEDED, NetworkLeg.NONE)):
        yield replace(reserved, network_leg=leg)
