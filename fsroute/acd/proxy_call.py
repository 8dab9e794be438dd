"""The life of a proxy call and of its legs: four tables, no I/O.

A proxy call stands in a queue for a caller who is still at the local site. Its agent leg and its network
leg live beside it, and the join needs *agent accepted* and *network leg present*, in either order. Every
transition is one compare-and-set in SQL, fed from these tables; whoever loses a race undoes its own leg and
nothing else. ``docs/state-tables.md`` is drawn from here.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from fsroute.errors import IllegalTransition
from fsroute.model.proxy_call import AgentLeg, CallerLeg, NetworkLeg, ProxyCall, State

HELD_FOR = 5.0  # seconds before a contact is offered again whose network leg was given up

S = TypeVar("S", bound=enum.StrEnum)


class On(enum.StrEnum):
    """What happens to a proxy call; the name is also the kind of the event that is logged."""

    REQUESTED = "requested"
    TAKEN = "taken"
    AGENT_RESERVED = "agent_reserved"
    AGENT_RINGING = "agent_ringing"
    AGENT_ANSWERED = "agent_answered"
    AGENT_ACCEPTED = "agent_accepted"
    AGENT_FAILED = "agent_failed"
    NETWORK_LEG_WANTED = "network_leg_wanted"
    NETWORK_LEG_RAISED = "network_leg_raised"
    NETWORK_LEG_PRESENT = "network_leg_present"
    NETWORK_LEG_FAILED = "network_leg_failed"
    NETWORK_LEG_GIVEN_UP = "network_leg_given_up"
    JOINED = "joined"
    JOIN_FAILED = "join_failed"
    AGENT_LEFT = "agent_left"
    CONVERSATION_OVER = "conversation_over"
    CONVERSATION_LOST = "conversation_lost"
    CALLER_GONE = "caller_gone"
    SWITCH_DIED = "switch_died"
    LIMIT_PASSED = "limit_passed"
    NOBODY_MAY_SERVE = "nobody_may_serve"
    CENTER_CLOSED = "center_closed"
    TIME_LINE_STEP = "time_line_step"
    CALLBACK_CHOSEN = "callback_chosen"
    CALLER_WANTED = "caller_wanted"
    CALLER_DIALLED = "caller_dialled"
    CALLER_BACK = "caller_back"
    CALLER_UNREACHED = "caller_unreached"
    CALLBACK_GIVEN_UP = "callback_given_up"
    TRANSFERRED = "transferred"
    TRANSFERRED_OUT = "transferred_out"
    DIRECTED = "directed"
    NOT_TAKEN = "not_taken"
    ACD_ENTERED = "acd_entered"
    ACD_LEFT = "acd_left"
    ACD_OFFERED = "acd_offered"


@dataclass(frozen=True, slots=True)
class Row(Generic[S]):
    """One line of a table: in any state of `sources`, `on` leads to `target`."""

    sources: tuple[S, ...]
    on: On
    target: S
    meaning: str


_OPEN = (State.REQUESTED, State.QUEUED, State.CALLBACK, State.OFFERED, State.READY)
_CALLED_BACK = (State.CALLBACK, State.OFFERED, State.READY)

PROXY_CALL: tuple[Row[State], ...] = (
    Row(
        (State.REQUESTED,),
        On.TAKEN,
        State.QUEUED,
        "the coordinator has it; position and expected wait go back",
    ),
    Row(
        (State.QUEUED, State.CALLBACK),
        On.AGENT_RESERVED,
        State.OFFERED,
        "about to be served: both legs start, by the lead; a caller to be called back is dialled",
    ),
    Row((State.OFFERED,), On.AGENT_RINGING, State.OFFERED, "the agent's phone rings"),
    Row(
        (State.OFFERED,),
        On.AGENT_ANSWERED,
        State.OFFERED,
        "the agent's phone is answered; a key may still be asked for",
    ),
    Row((State.OFFERED,), On.AGENT_ACCEPTED, State.READY, "the agent's leg is up and the agent is there"),
    Row(
        (State.OFFERED, State.READY),
        On.AGENT_FAILED,
        State.QUEUED,
        "no answer, busy, refused, gone or key not pressed: place kept, agent set aside, network leg refused;"
        " one that is not answered yet is held for whoever directs it",
    ),
    *(
        Row((state,), on, state, meaning)
        for on, meaning in (
            (On.NETWORK_LEG_WANTED, "the lead has come: the caller's site is asked for the network leg"),
            (On.NETWORK_LEG_RAISED, "the caller's site calls the agent's switch with a token"),
            (On.NETWORK_LEG_PRESENT, "the network leg has come in with a valid token and waits unanswered"),
            (
                On.NETWORK_LEG_FAILED,
                "the network leg failed; it is raised again, up to the queue's number of tries",
            ),
        )
        for state in (State.QUEUED, State.OFFERED, State.READY)
    ),
    Row(
        (State.QUEUED, State.OFFERED, State.READY),
        On.NETWORK_LEG_GIVEN_UP,
        State.QUEUED,
        "tries used up or absent in time: place kept, agent let go without wrap-up",
    ),
    *(
        Row(
            (state,),
            On.DIRECTED,
            state,
            "not answered yet, and nobody directs it any more: from now on it waits like any other",
        )
        for state in (State.REQUESTED, State.QUEUED)
    ),
    Row(
        (State.OFFERED, State.READY),
        On.NOT_TAKEN,
        State.ABANDONED,
        "a caller who was redirected before the answer, in place of what leads back to the queue: nobody's to keep",
    ),
    Row((State.READY,), On.JOINED, State.BRIDGED, "caller and agent talk"),
    Row((State.READY,), On.JOIN_FAILED, State.QUEUED, "place kept, music again at once"),
    Row(
        (State.BRIDGED,),
        On.AGENT_LEFT,
        State.BRIDGED,
        "the agent's leg ended: wrap-up; the caller's site decides how it goes on",
    ),
    Row(
        (State.BRIDGED,),
        On.CONVERSATION_OVER,
        State.ENDED,
        "the agent hung up; the application goes on with the caller",
    ),
    Row(
        (State.BRIDGED,),
        On.CONVERSATION_LOST,
        State.QUEUED,
        "network leg or switch lost, caller still there: head of the queue",
    ),
    Row(
        _OPEN,
        On.CALLER_GONE,
        State.ABANDONED,
        "the caller hung up: both legs torn down, agent available at once",
    ),
    Row(
        (State.BRIDGED,),
        On.CALLER_GONE,
        State.ENDED,
        "the caller hung up after the talk; the agent goes to wrap-up",
    ),
    Row(
        (*_OPEN, State.BRIDGED),
        On.SWITCH_DIED,
        State.LOST,
        "the caller's switch died; agent available at once",
    ),
    Row(
        (State.REQUESTED, State.QUEUED),
        On.LIMIT_PASSED,
        State.OVERFLOWED,
        "the longest wait or the longest queue of the rule: the caller goes another way",
    ),
    Row(
        (State.REQUESTED, State.QUEUED, State.CALLBACK),
        On.NOBODY_MAY_SERVE,
        State.REFUSED,
        "no agent authorized, or none logged on, by rule",
    ),
    Row(
        (State.REQUESTED, State.QUEUED, State.CALLBACK),
        On.CENTER_CLOSED,
        State.REFUSED,
        "the contact center was closed at once",
    ),
    *(
        Row((state,), On.TIME_LINE_STEP, state, "the rule's time line: another demand, priority or treatment")
        for state in (State.QUEUED, State.CALLBACK)
    ),
    Row(
        (State.QUEUED,),
        On.CALLBACK_CHOSEN,
        State.CALLBACK,
        "the caller hangs up and keeps the place",
    ),
    Row(
        (State.CALLBACK,), On.CALLER_WANTED, State.CALLBACK, "the lead has come: the caller is to be dialled"
    ),
    *(
        Row((state,), On.CALLER_DIALLED, state, "the caller's site dials the caller")
        for state in _CALLED_BACK
    ),
    Row((State.CALLBACK,), On.CALLER_BACK, State.QUEUED, "the caller is on the line again and waits"),
    *(
        Row((state,), On.CALLER_BACK, state, "the caller is on the line again")
        for state in (State.OFFERED, State.READY)
    ),
    Row(
        _CALLED_BACK,
        On.CALLER_UNREACHED,
        State.CALLBACK,
        "busy or no answer: tried again later; place kept, agent let go without wrap-up",
    ),
    Row(_CALLED_BACK, On.CALLBACK_GIVEN_UP, State.UNREACHED, "the rule's tries are used up"),
    Row(
        (State.BRIDGED,),
        On.TRANSFERRED,
        State.QUEUED,
        "to a queue or an agent: arrival and priority kept; the agent goes to wrap-up",
    ),
    Row(
        (State.BRIDGED,),
        On.TRANSFERRED_OUT,
        State.ENDED,
        "to a number: the caller's site sends the caller on",
    ),
    *(
        Row((state,), on, state, meaning)
        for on, meaning in (
            (On.ACD_ENTERED, "another ACD serves it, and has it in its queue"),
            (On.ACD_LEFT, "that ACD has let go of it: it is entered there again"),
        )
        for state in (State.QUEUED, State.CALLBACK)
    ),
    Row(
        (State.QUEUED, State.CALLBACK),
        On.ACD_OFFERED,
        State.OFFERED,
        "that ACD is about to serve it, with an agent of its own: the network leg starts, by the lead",
    ),
)

AGENT_LEG: tuple[Row[AgentLeg], ...] = (
    Row((AgentLeg.NONE,), On.AGENT_RESERVED, AgentLeg.DIALLING, "the agent's switch is asked to dial"),
    Row((AgentLeg.NONE,), On.ACD_OFFERED, AgentLeg.RINGING, "the other ACD calls its agent"),
    Row((AgentLeg.DIALLING,), On.AGENT_RINGING, AgentLeg.RINGING, "the phone rings"),
    Row(
        (AgentLeg.DIALLING, AgentLeg.RINGING),
        On.AGENT_ANSWERED,
        AgentLeg.ANSWERED,
        "somebody or something answered",
    ),
    Row(
        (AgentLeg.DIALLING, AgentLeg.RINGING, AgentLeg.ANSWERED),
        On.AGENT_ACCEPTED,
        AgentLeg.ACCEPTED,
        "by answering, or with the key where the address asks for it",
    ),
    Row((AgentLeg.ACCEPTED,), On.JOINED, AgentLeg.JOINED, "talks with the caller"),
    Row(
        (AgentLeg.DIALLING, AgentLeg.RINGING, AgentLeg.ANSWERED, AgentLeg.ACCEPTED),
        On.AGENT_FAILED,
        AgentLeg.NONE,
        "did not come to serve",
    ),
    Row((AgentLeg.JOINED,), On.AGENT_LEFT, AgentLeg.NONE, "hung up after the talk"),
)

NETWORK_LEG: tuple[Row[NetworkLeg], ...] = (
    Row((NetworkLeg.NONE,), On.NETWORK_LEG_WANTED, NetworkLeg.WANTED, "the lead has come"),
    Row((NetworkLeg.WANTED,), On.NETWORK_LEG_RAISED, NetworkLeg.RAISING, "under way with a single-use token"),
    Row(
        (NetworkLeg.RAISING,),
        On.NETWORK_LEG_PRESENT,
        NetworkLeg.PRESENT,
        "rings at the agent's switch, unanswered",
    ),
    Row((NetworkLeg.PRESENT,), On.JOINED, NetworkLeg.JOINED, "answered and joined"),
    Row((NetworkLeg.NOT_NEEDED,), On.JOINED, NetworkLeg.NOT_NEEDED, "caller and agent are on one switch"),
    Row(
        (NetworkLeg.WANTED, NetworkLeg.RAISING, NetworkLeg.PRESENT),
        On.NETWORK_LEG_FAILED,
        NetworkLeg.WANTED,
        "again, up to the number of tries",
    ),
    Row(
        (
            NetworkLeg.NONE,
            NetworkLeg.WANTED,
            NetworkLeg.RAISING,
            NetworkLeg.PRESENT,
            NetworkLeg.NOT_NEEDED,
        ),
        On.NETWORK_LEG_GIVEN_UP,
        NetworkLeg.NONE,
        "the tries are used up, or the agent waited in vain for the caller's side",
    ),
)


CALLER_LEG: tuple[Row[CallerLeg], ...] = (
    Row(
        (CallerLeg.PRESENT,), On.CALLBACK_CHOSEN, CallerLeg.ABSENT, "told that the place is kept, and hung up"
    ),
    Row((CallerLeg.ABSENT,), On.CALLER_WANTED, CallerLeg.WANTED, "the lead has come"),
    Row((CallerLeg.ABSENT,), On.AGENT_RESERVED, CallerLeg.WANTED, "an agent is reserved"),
    *(
        Row((leg,), On.ACD_OFFERED, leg if leg is not CallerLeg.ABSENT else CallerLeg.WANTED, meaning)
        for leg, meaning in (
            (CallerLeg.ABSENT, "the other ACD is about to serve the contact"),
            (CallerLeg.PRESENT, "the caller waits"),
            (CallerLeg.WANTED, "the lead came before"),
            (CallerLeg.DIALLING, "the lead came before"),
        )
    ),
    Row((CallerLeg.WANTED,), On.CALLER_DIALLED, CallerLeg.DIALLING, "by one process of the caller's site"),
    Row(
        (CallerLeg.DIALLING, CallerLeg.WANTED, CallerLeg.ABSENT),
        On.CALLER_BACK,
        CallerLeg.PRESENT,
        "answered, or called in again",
    ),
    Row(
        (CallerLeg.DIALLING, CallerLeg.WANTED),
        On.CALLER_UNREACHED,
        CallerLeg.ABSENT,
        "busy, no answer or no way",
    ),
    Row(
        (CallerLeg.DIALLING, CallerLeg.WANTED, CallerLeg.ABSENT),
        On.CALLBACK_GIVEN_UP,
        CallerLeg.ABSENT,
        "not tried any more",
    ),
)


class Table(Generic[S]):
    """A state table, ready for look-up."""

    def __init__(self, rows: Iterable[Row[S]]) -> None:
        self._targets: dict[On, dict[S, S]] = {}
        for row in rows:
            for source in row.sources:
                known = self._targets.setdefault(row.on, {}).setdefault(source, row.target)
                if known != row.target:
                    raise IllegalTransition(f"{row.on} in {source} leads to both {known} and {row.target}")

    def targets(self, on: On) -> dict[S, S]:
        """Each state in which `on` may happen, with the state it leads to; empty if the table has no say."""
        return self._targets.get(on, {})

    def after(self, state: S, on: On) -> S:
        """The state that `on` leads to.

        Raises:
            IllegalTransition: the table does not allow `on` in `state`.
        """
        try:
            return self._targets[on][state]
        except KeyError:
            raise IllegalTransition(f"{on} cannot happen in {state}") from None


CALL_TABLE = Table(PROXY_CALL)
AGENT_LEG_TABLE = Table(AGENT_LEG)
NETWORK_LEG_TABLE = Table(NETWORK_LEG)
CALLER_LEG_TABLE = Table(CALLER_LEG)


def without_a_way(call: ProxyCall) -> dict[str, object]:
    """What changes besides with a network leg that is given up.

    The contact is held for a while, and then the agent to whom no way led is not preferred to others any more.
    """
    changes: dict[str, object] = {"held_for": HELD_FOR}
    if call.agent_id is not None and call.agent_id == call.preferred_agent_id:
        changes["preferred_agent_id"] = None
    return changes
