"""A proxy call: the entry that stands in a queue for a caller who is still at the local site."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime

from fsroute.model.contact import Demand, Lead


class State(enum.StrEnum):
    """Where a proxy call stands; ``fsroute.acd.proxy_call`` has the table of its transitions."""

    REQUESTED = "requested"
    QUEUED = "queued"
    OFFERED = "offered"
    READY = "ready"
    BRIDGED = "bridged"
    ENDED = "ended"
    ABANDONED = "abandoned"
    LOST = "lost"
    OVERFLOWED = "overflowed"
    REFUSED = "refused"


class AgentLeg(enum.StrEnum):
    """The leg from the remote switch to the agent."""

    NONE = "none"
    DIALLING = "dialling"
    RINGING = "ringing"
    ANSWERED = "answered"
    ACCEPTED = "accepted"
    JOINED = "joined"


class NetworkLeg(enum.StrEnum):
    """The leg from the caller's switch to the agent's switch."""

    NONE = "none"
    WANTED = "wanted"
    RAISING = "raising"
    PRESENT = "present"
    JOINED = "joined"
    NOT_NEEDED = "not_needed"  # caller and agent are on one switch


LIVE = frozenset({State.REQUESTED, State.QUEUED, State.OFFERED, State.READY, State.BRIDGED})
FINAL = frozenset(State) - LIVE


@dataclass(frozen=True, slots=True)
class ProxyCall:
    """One proxy call with what the roles need to act on it, read in one statement.

    `switch_id` and `channel_uuid` are the caller's; `agent_*` are set while a reservation
    stands; `network_switch_id` is where the network leg goes. Durations in seconds.
    """

    proxy_call_id: int
    contact_id: str
    contact_center_id: str
    contact_center_name: str
    queue: str
    demand: Demand
    priority: int
    arrived_at: datetime
    queued_at: datetime | None
    switch_id: str
    channel_uuid: str
    caller_number: str
    caller_name: str
    state: State
    agent_leg: AgentLeg
    network_leg: NetworkLeg
    strategy: str
    lead: Lead
    hold_music: str
    offer_timeout: float
    network_leg_timeout: float
    network_leg_tries: int
    network_leg_failures: int
    longest_wait: float | None
    refuse_when: str
    held_until: datetime | None = None
    position: int | None = None
    expected_wait: float | None = None
    agent_id: str | None = None
    agent_name: str | None = None
    agent_address: str | None = None
    agent_switch_id: str | None = None
    agent_leg_uuid: str | None = None
    accept_key: str | None = None
    network_switch_id: str | None = None
    network_address: str | None = None
    network_leg_uuid: str | None = None
    rendezvous_uuid: str | None = None
    reserved_at: datetime | None = None
    accepted_at: datetime | None = None
    bridged_at: datetime | None = None
    version: int = 0

    @property
    def is_live(self) -> bool:
        return self.state in LIVE

    @property
    def same_switch(self) -> bool:
        """Caller and agent hang on one FreeSWITCH: no network leg."""
        return self.agent_switch_id is not None and self.agent_switch_id == self.switch_id
