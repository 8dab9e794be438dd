"""fsroute's own calls and agents as activity: rows in, values out. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fsroute.cti.lines import Stage
from fsroute.model.activity import AgentActivity, AgentKey, QueueKey, Source
from fsroute.model.agent_state import AgentMoment
from fsroute.model.proxy_call import ProxyCall, State

_SENT_ON = (State.OVERFLOWED, State.REFUSED)


@dataclass(frozen=True, slots=True)
class OwnCall:
    """A proxy call of a caller of this switch. `stage` None: it is over; `sent_on` by a rule.

    `unseen`: it came and went while nobody looked. Moments in seconds since the epoch.
    """

    number: int
    queue: QueueKey
    stage: Stage | None
    entered_at: float
    answered_at: float | None = None
    sent_on: bool = False
    agent: str = ""
    channel: str = ""
    expected_wait: float | None = None
    unseen: bool = False


@dataclass(frozen=True, slots=True)
class OwnCounted:
    """Calls up to this one are counted, or are of a time before there was anybody to count."""

    number: int


@dataclass(frozen=True, slots=True)
class OwnAgents:
    """Agents of this switch as their rows are; `whole`: these are all, else those of `names` that there are."""

    agents: tuple[AgentActivity, ...]
    whole: bool
    names: frozenset[str] = frozenset()


def own_call(call: ProxyCall, unseen: bool = False) -> OwnCall:
    """What a proxy call's row says."""
    stage = None if not call.is_live else Stage.TALKING if call.state is State.BRIDGED else Stage.WAITING
    answered = call.bridged_at is not None and (call.state is State.BRIDGED or stage is None)
    return OwnCall(
        number=call.proxy_call_id,
        queue=QueueKey(Source.FSROUTE, f"{call.contact_center_id}/{call.queue}", call.demand.medium),
        stage=stage,
        entered_at=call.arrived_at.timestamp(),
        answered_at=call.bridged_at.timestamp() if answered and call.bridged_at is not None else None,
        sent_on=call.state in _SENT_ON,
        agent=call.agent_id or "",
        channel=call.channel_uuid,
        expected_wait=call.expected_wait if stage is Stage.WAITING else None,
        unseen=unseen,
    )


def own_agent(
    moment: AgentMoment, skills: Mapping[str, int], queues: Mapping[str, tuple[int, int]]
) -> AgentActivity:
    """What an agent's row says; `queues` are those that the agent may serve."""
    return AgentActivity(
        key=AgentKey(Source.FSROUTE, moment.agent_id),
        status=moment.status,
        state=moment.state,
        state_since=moment.state_since if moment.state_since is not None else moment.idle_since,
        state_until=moment.state_until,
        idle_since=moment.idle_since,
        address=moment.address,
        skills=skills,
        queues=queues,
    )
