"""A proxy call: the entry that stands in a queue for a caller who is still at the local site."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime

from fsroute.model.contact import Demand, Lead
from fsroute.model.other_acd import OtherAcd
from fsroute.model.routing import CallbackTerms, TimeLineStep, Way


class State(enum.StrEnum):
    """Where a proxy call stands; ``fsroute.acd.proxy_call`` has the table of its transitions."""

    REQUESTED = "requested"
    QUEUED = "queued"
    CALLBACK = "callback"  # queued, and the caller has hung up to be called back
    OFFERED = "offered"
    READY = "ready"
    BRIDGED = "bridged"
    ENDED = "ended"
    ABANDONED = "abandoned"
    LOST = "lost"
    OVERFLOWED = "overflowed"
    REFUSED = "refused"
    UNREACHED = "unreached"


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


class CallerLeg(enum.StrEnum):
    """The caller's own channel: a caller who asked to be called back has none for a while."""

    PRESENT = "present"
    ABSENT = "absent"
    WANTED = "wanted"  # to be called back now
    DIALLING = "dialling"


WAITING = frozenset({State.QUEUED, State.CALLBACK})
LIVE = frozenset({State.REQUESTED, State.OFFERED, State.READY, State.BRIDGED}) | WAITING
FINAL = frozenset(State) - LIVE

_USUAL_TERMS, _GOES_ON = CallbackTerms(), Way()


@dataclass(frozen=True, slots=True)
class ProxyCall:
    """One proxy call with what the roles need to act on it, read in one statement.

    `switch_id` and `channel_uuid` are the caller's; `agent_*` are set while a reservation
    stands; `network_switch_id` is where the network leg goes. `treatment` is the step of the time line that
    the caller is to hear now, `treatment_number` counts them. `expected_wait_error` is half the width of the
    band that 90 of 100 waits end in, as a part of `expected_wait`. `way` is set in a final state: where the caller
    goes from there. `acd` is the ACD of another make that serves it, if one does: then no agent is reserved, and at
    that ACD's switch `acd_entry_uuid` is the channel that waits in the caller's stead, `acd_leg_uuid` the one that
    leads to `acd_agent`; `acd_since` is when the first of them or the offer last changed. Durations in seconds.
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
    rule: str | None = None
    rules_version: int | None = None
    preferred_agent_id: str | None = None
    longest_queue: int | None = None
    time_line: tuple[TimeLineStep, ...] = ()
    time_line_done: int = 0
    caller_leg: CallerLeg = CallerLeg.PRESENT
    callback: CallbackTerms = _USUAL_TERMS
    callback_number: str = ""
    callback_failures: int = 0
    overflow: Way = _GOES_ON
    treatment: TimeLineStep | None = None
    treatment_number: int = 0
    way: Way | None = None
    caller_site_id: str = ""
    expected_wait_basis: str | None = None
    expected_wait_error: float | None = None
    acd: OtherAcd | None = None
    acd_entry_uuid: str | None = None
    acd_agent: str | None = None
    acd_leg_uuid: str | None = None
    acd_since: datetime | None = None

    @property
    def is_waiting(self) -> bool:
        """Has a place in the queue, with the caller there or to be called back."""
        return self.state in WAITING

    @property
    def callback_ends(self) -> bool:
        """The next call that does not reach the caller is the last."""
        return self.callback_failures + 1 >= self.callback.tries

    @property
    def is_live(self) -> bool:
        return self.state in LIVE

    @property
    def same_switch(self) -> bool:
        """Caller and agent hang on one FreeSWITCH: no network leg."""
        return self.agent_switch_id is not None and self.agent_switch_id == self.switch_id
