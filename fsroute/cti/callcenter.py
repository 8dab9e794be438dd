"""Agents of mod_callcenter as the module sees them: pure.

Its *status* is declared, its *state* what it last did with the agent. That an agent is in wrap-up, or left alone after
an offer that was not taken, is no state there: the module reckons it from the end of the last talk and from
``ready_time`` (``agents_callback``, ``outbound_agent_thread_run``), and so does this.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from fsroute.cti.lists import ListedAgent
from fsroute.cti.phones import Phones, plain, user_of
from fsroute.model.activity import AgentActivity, AgentKey, Source
from fsroute.model.agent import AgentStatus
from fsroute.model.agent_state import Doing

MOST_AGENTS = 10_000
NOT_REGISTERED_DELAY = 5.0  # seconds; mod_callcenter's own

STATUS = {
    "Available": AgentStatus.AVAILABLE,
    "Available (On Demand)": AgentStatus.AVAILABLE,
    "On Break": AgentStatus.ON_BREAK,
    "Logged Out": AgentStatus.LOGGED_OUT,
}
STATE = {
    "Waiting": Doing.IDLE,
    "Receiving": Doing.RINGING,
    "In a queue call": Doing.TALKING,
    "Idle": Doing.AWAY,  # asks for the next call by hand
    "Reserved": Doing.RESERVED,
}
_BUSY = ("USER_BUSY", "NORMAL_CIRCUIT_CONGESTION")
_NO_DELAY = ("LOSE_RACE", "ORIGINATOR_CANCEL")


@dataclass(frozen=True, slots=True)
class Agent:
    """One agent of the module. Delays in seconds, moments in seconds since the epoch."""

    name: str
    status: AgentStatus = AgentStatus.LOGGED_OUT
    state: Doing = Doing.IDLE
    contact: str = ""
    tiers: Mapping[str, tuple[int, int]] | None = None
    wrap_up: float = 0.0
    reject_delay: float = 0.0
    busy_delay: float = 0.0
    no_answer_delay: float = 0.0
    state_since: float = 0.0
    idle_since: float = 0.0
    wrap_up_until: float = 0.0
    ready_at: float = 0.0

    @property
    def user(self) -> str:
        """The registered telephone that is dialled; empty: none is."""
        return user_of(self.contact)

    def declared(self, word: str, now: float) -> Agent:
        status = STATUS.get(word, self.status)
        if status is self.status:
            return self
        begins = status is AgentStatus.AVAILABLE and self.state is Doing.IDLE
        return replace(self, status=status, state_since=now, idle_since=now if begins else self.idle_since)

    def seen(self, word: str, now: float) -> Agent:
        state = STATE.get(word, self.state)
        if state is self.state:
            return self
        idle = state is Doing.IDLE and self.state is not Doing.RINGING
        return replace(self, state=state, state_since=now, idle_since=now if idle else self.idle_since)

    def talk_over(self, now: float) -> Agent:
        return replace(self, idle_since=now, wrap_up_until=now + self.wrap_up if self.wrap_up else 0.0)

    def missed(self, cause: str, now: float) -> Agent:
        delay = self._delay(cause)
        return replace(self, ready_at=max(self.ready_at, now + delay)) if delay else self

    def _delay(self, cause: str) -> float:
        """How long the module leaves the agent alone after an offer."""
        if cause in _NO_DELAY:
            return 0.0
        if cause in _BUSY:
            return self.busy_delay
        if cause == "CALL_REJECTED":
            return self.reject_delay
        return NOT_REGISTERED_DELAY if cause == "USER_NOT_REGISTERED" else self.no_answer_delay

    def after(self, row: ListedAgent, tiers: Mapping[str, tuple[int, int]], now: float) -> Agent:
        """As the module's own table has it."""
        agent = self if self.state_since else replace(self, state_since=now, idle_since=now)
        agent = agent.declared(row.status, now).seen(row.state, now)
        if not self.state_since:  # known for the first time: since when is in the table
            ended = max(row.last_bridge_end, row.last_status_change)
            agent = replace(agent, idle_since=min(now, ended) or now)
        return replace(
            agent,
            contact=row.contact,
            tiers=dict(tiers),
            wrap_up=row.wrap_up,
            reject_delay=row.reject_delay,
            busy_delay=row.busy_delay,
            no_answer_delay=row.no_answer_delay,
            wrap_up_until=row.last_bridge_end + row.wrap_up if row.wrap_up else 0.0,
            ready_at=row.ready_at,
        )

    def activity(self, phones: Phones, now: float) -> AgentActivity:
        """As the routing processor is to see the agent, with what the telephone is seen to do."""
        user = self.user
        state, until = self._state(phones.doing(user) if user else Doing.IDLE, now)
        return AgentActivity(
            key=AgentKey(Source.CALLCENTER, self.name),
            status=self.status,
            state=state,
            state_since=self._since(state, until, now),
            state_until=until,
            idle_since=self.idle_since,
            address=plain(self.contact),
            reachable=phones.is_registered(user) if user else None,
            skills={queue.partition("@")[0]: 1 for queue in self.tiers or ()},
            queues=dict(self.tiers or {}),
        )

    def _since(self, state: Doing, until: float | None, now: float) -> float:
        """A pause that ended by itself began the idle time, and began itself with the end of the contact."""
        if until is not None:
            return self.idle_since
        ended = [moment for moment in (self.wrap_up_until, self.ready_at) if moment <= now]
        return max([self.state_since, *ended]) if state is Doing.IDLE else self.state_since

    def _state(self, phone: Doing, now: float) -> tuple[Doing, float | None]:
        """What the agent does, and until when, where that ends by itself."""
        if self.state is not Doing.IDLE:
            return self.state, None
        if phone is not Doing.IDLE:  # a call of the telephone's own
            return phone, None
        if self.status is not AgentStatus.AVAILABLE:
            return Doing.AWAY, None
        if self.wrap_up_until > now:
            return Doing.WRAP_UP, self.wrap_up_until
        if self.ready_at > now:
            return Doing.SET_ASIDE, self.ready_at
        return Doing.IDLE, None
