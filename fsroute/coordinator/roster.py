"""The agents as the core knows them: in which groups they stand, and who of them is idle. Pure.

What an agent does is known from two sides: the agent's row lists reservations, and the core knows of those that
it has claimed or heard of in a proxy call's row. Both count. When a reservation has ended the agent is idle for
nothing until the row has been read anew, for only the row knows of wrap-up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from math import inf

from fsroute.coordinator.groups import AgentGroup
from fsroute.coordinator.matching import Matching
from fsroute.coordinator.timers import Timers
from fsroute.model.agent import CAPACITY, ONE_AT_A_TIME, Agent, AgentStatus
from fsroute.model.proxy_call import ProxyCall
from fsroute.routing.eligibility import Qualification, next_boundary


@dataclass(slots=True)
class Member:
    """An agent, the agent's group for each medium, and for which of them the agent is idle.

    `until` is when the qualification may change, `free_from` when wrap-up or a set-aside ends, in seconds since
    the epoch. `free` holds (group, load) while the agent is freed, that is idle but not yet indexed as such.
    """

    agent: Agent
    qualification: Qualification
    posts: dict[str, AgentGroup]
    until: float
    on_duty: bool
    free_from: float
    stale: bool = False
    free: list[tuple[AgentGroup, int]] = field(default_factory=list)
    idle: list[AgentGroup] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Freed:
    """An agent as the row will be, with (group, load) of each medium that there is room for."""

    agent: Agent
    free: list[tuple[AgentGroup, int]]


class Roster:
    """All agents. `freed` are those who became idle and have not been looked at since."""

    def __init__(self, matching: Matching, timers: Timers) -> None:
        self.members: dict[str, Member] = {}
        self.freed: dict[str, Member] = {}
        self._matching = matching
        self._timers = timers
        self._as_of: dict[str, int] = {}  # agent → when the reading of the agent's row began, as a number
        self._engaged: dict[str, dict[int, str]] = {}  # agent → proxy call, claimed or reserved → its medium

    def read(self, agent: Agent, as_of: int, now: float) -> None:
        """An agent's row was read; of two readings the one begun later is the truth."""
        agent_id = agent.agent_id
        if as_of >= self._as_of.get(agent_id, 0):
            self._as_of[agent_id] = as_of
            self._enter(agent, now)

    def forget(self, agent_id: str, as_of: int) -> None:
        """There is no such agent any more."""
        if as_of >= self._as_of.get(agent_id, 0):
            self._as_of[agent_id] = as_of
            self._unsettle(agent_id)
            member = self.members.pop(agent_id, None)
            if member is not None:
                self._leave(member)

    def _enter(self, agent: Agent, now: float) -> None:
        """The row decides the agent's groups, until an authorization begins or ends."""
        agent_id = agent.agent_id
        self._unsettle(agent_id)
        known = self.members.get(agent_id)
        on_duty = agent.status is not AgentStatus.LOGGED_OUT
        free_from = agent.available_from.timestamp()
        if known is not None and now < known.until and self._qualifies_as(known, agent):
            if known.on_duty is not on_duty:
                for group in known.posts.values():
                    self._matching.count_on_duty(group, 1 if on_duty else -1)
            known.agent, known.on_duty, known.free_from, known.stale = agent, on_duty, free_from, False
            return
        qualification = Qualification.of(agent, now, agent_id in self._matching.alone)
        posts = {
            medium: self._matching.enter(qualification, medium, on_duty) for medium in qualification.media
        }
        until = next_boundary(agent, now) or inf
        self.members[agent_id] = Member(agent, qualification, posts, until, on_duty, free_from)
        if known is not None:
            self._leave(known)
        if until < inf:
            self._timers.set(until, ("agent", agent_id))

    def _qualifies_as(self, known: Member, agent: Agent) -> bool:
        before = known.agent
        return (
            before.skills == agent.skills
            and before.authorizations == agent.authorizations
            and before.switch_id == agent.switch_id
            and before.site_id == agent.site_id
            and before.team == agent.team
            and (known.qualification.agent_id is not None) == (agent.agent_id in self._matching.alone)
        )

    def _leave(self, member: Member) -> None:
        for medium, group in member.posts.items():
            self._matching.leave(group, medium, member.on_duty)

    def look_again(self, agent_id: str, now: float) -> None:
        """A time of the agent's has come, or others group the agent differently: enter by the row as known."""
        member = self.members.get(agent_id)
        if member is None:
            return
        stale = member.stale
        self._enter(member.agent, now)
        member = self.members[agent_id]
        member.stale = stale
        if member.until < inf:
            self._timers.set(member.until, ("agent", agent_id))
        self.settle(agent_id, now)

    # Idle or not ---------------------------------------------------------------------------------------

    def settle(self, agent_id: str, now: float) -> None:
        """An idle agent is freed; one who will be idle is looked at again then."""
        self._unsettle(agent_id)
        member = self.members.get(agent_id)
        if member is None or member.stale or member.agent.status is not AgentStatus.AVAILABLE:
            return
        if member.free_from > now:
            self._timers.set(member.free_from, ("agent", agent_id))
            return
        member.free = self._room(member, member.agent, self._engaged.get(agent_id, {}))
        if member.free:
            self.freed[agent_id] = member

    def free_without(self, agent_id: str, call: ProxyCall, now: float) -> Freed | None:
        """The agent as the end of this talk will make free at once; None if it will not, or nobody knows."""
        proxy_call_id = call.proxy_call_id
        member, engaged = self.members.get(agent_id), self._engaged.get(agent_id, {})
        if member is None or member.stale or proxy_call_id not in engaged or member.free_from > now:
            return None
        agent = member.agent
        if agent.status is not AgentStatus.AVAILABLE or agent.wrap_up_after(engaged[proxy_call_id]):
            return None
        others = {number: medium for number, medium in engaged.items() if number != proxy_call_id}
        at = datetime.fromtimestamp(now, UTC)
        left = replace(
            agent,
            reservations=tuple(one for one in agent.reservations if one.proxy_call_id != proxy_call_id),
            available_from=max(agent.available_from, at),
            idle_since=at,
            last_reserved_at=call.reserved_at,
            contacts_served=agent.contacts_served + 1,
        )
        return Freed(left, self._room(member, left, others))

    def _room(self, member: Member, agent: Agent, engaged: Mapping[int, str]) -> list[tuple[AgentGroup, int]]:
        """The groups for whose medium a slot is free whose weight fits, with the load that there is."""
        if not engaged and not agent.reservations and not agent.media:
            return [(group, 0) for group in member.posts.values()]
        held = [(one.medium, one.weight) for one in agent.reservations if one.proxy_call_id not in engaged]
        for medium in engaged.values():
            held.append((medium, agent.media.get(medium, ONE_AT_A_TIME).weight))
        load = sum(weight for _, weight in held)
        free = []
        for medium, group in member.posts.items():
            slots = agent.media.get(medium, ONE_AT_A_TIME)
            taken = sum(one == medium for one, _ in held)
            if taken < slots.slots and load + slots.weight <= CAPACITY:
                free.append((group, load))
        return free

    def _unsettle(self, agent_id: str) -> None:
        member = self.members.get(agent_id)
        if member is None:
            return
        if member.free:
            del self.freed[agent_id]
            member.free = []
        if member.idle:
            for group in member.idle:
                group.remove_idle(agent_id)
            member.idle = []

    def index(self, member: Member) -> None:
        """Nobody waits for a freed agent: the agent takes the place among the idle."""
        for group, load in member.free:
            group.add_idle(member.agent, load)
        member.idle = [group for group, _ in member.free]
        member.free = []
        del self.freed[member.agent.agent_id]

    # Reservations --------------------------------------------------------------------------------------

    def engage(self, agent_id: str, proxy_call_id: int, medium: str, now: float) -> None:
        """The agent is claimed or reserved for a proxy call; other slots may still be free."""
        engaged = self._engaged.setdefault(agent_id, {})
        if proxy_call_id in engaged:
            return
        engaged[proxy_call_id] = medium
        member = self.members.get(agent_id)
        if member is not None:
            if member.agent.media:
                self.settle(agent_id, now)
            else:
                self._unsettle(agent_id)

    def disengage(self, agent_id: str, proxy_call_id: int) -> None:
        engaged = self._engaged.get(agent_id)
        if engaged is not None and engaged.pop(proxy_call_id, None) is not None and not engaged:
            del self._engaged[agent_id]

    def let_go(self, agent_id: str, proxy_call_id: int) -> None:
        """A reservation has ended: what the agent does now is known when the agent's row has been read."""
        self.disengage(agent_id, proxy_call_id)
        member = self.members.get(agent_id)
        if member is not None:
            self._unsettle(agent_id)
            member.stale = True
