"""What agents and operators ask for on behalf of agents: one call of SQL each; the rules are there.

Everything here tells the coordinator by itself, as it does when it is called from psql.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fsroute.errors import UnknownAgent
from fsroute.model.agent import AgentStatus
from fsroute.model.agent_state import AgentState, Doing, OutcomeCode
from fsroute.store.database import Statements


@dataclass(frozen=True, slots=True)
class Phone:
    """A telephone that proved to a switch, by its password, who it is."""

    switch_id: str
    username: str
    domain: str

    @property
    def address(self) -> str:
        """How the switch dials it."""
        return f"user/{self.username}@{self.domain}"


@dataclass(frozen=True, slots=True)
class Owner:
    """An agent whose phone it is; `own_phone`: nobody else ever uses it."""

    agent_id: str
    own_phone: bool


class Duty:
    """Log-on, breaks, wrap-up, outcome codes and PINs in one database.

    All methods that name an agent raise `UnknownAgent`, and `Declined` where a rule says no.
    """

    def __init__(self, database: Statements) -> None:
        self._database = database

    def states(self) -> list[AgentState]:
        """What all agents declare and do, in order of their names."""
        return [state_from_row(row) for row in self._database.run("agent_states", agent_id=None)]

    def state(self, agent_id: str) -> AgentState:
        row = self._database.one("agent_states", agent_id=agent_id)
        if row is None:
            raise UnknownAgent(f"there is no agent {agent_id}", "unknown_agent")
        return state_from_row(row)

    def log_on(self, agent_id: str, address: str | None = None, switch_id: str | None = None) -> None:
        """Available; at another `address` or switch, where the agent may move."""
        self._database.one("agent_log_on", agent_id=agent_id, address=address, switch_id=switch_id)

    def stand(self, agent_id: str, switch_id: str, channel_uuid: str) -> None:
        """Available, with a channel at that switch as the standing leg, which the agent has called in."""
        self._database.one("agent_stand", agent_id=agent_id, switch_id=switch_id, channel_uuid=channel_uuid)

    def log_off(self, agent_id: str, reason: str | None = None) -> None:
        self._database.one("agent_log_off", agent_id=agent_id, reason=reason)

    def take_break(self, agent_id: str, reason: str | None = None) -> None:
        self._database.one("agent_break", agent_id=agent_id, reason=reason)

    def ready(self, agent_id: str) -> None:
        """Back from a break, out of wrap-up, set aside no longer."""
        self._database.one("agent_ready", agent_id=agent_id)

    def end_wrap_up(self, agent_id: str) -> None:
        self._database.one("agent_end_wrap_up", agent_id=agent_id)

    def extend_wrap_up(self, agent_id: str, seconds: float) -> None:
        self._database.one("agent_extend_wrap_up", agent_id=agent_id, seconds=seconds)

    def outcome(self, agent_id: str, code: str, note: str | None = None) -> OutcomeCode:
        """Record what came of the contact in talk, or of the last one."""
        row = self._database.one("agent_outcome", agent_id=agent_id, code=code, note=note)
        assert row is not None
        return OutcomeCode(**row)

    def break_reason(self, digits: str) -> str | None:
        """What dialled digits mean as the reason of a break; None: nothing."""
        row = self._database.one("break_reason", digits=digits)
        return None if row is None else str(row["reason"])

    # PINs and telephones -------------------------------------------------------------------------------

    def set_pin(self, agent_id: str, pin_hash: str | None) -> None:
        """Store a PIN's text (`fsroute.agentdesk.pin.encode`); None takes the PIN away. A lock is lifted."""
        self._database.one("agent_set_pin", agent_id=agent_id, pin_hash=pin_hash)

    def pin_attempt(self, agent_id: str) -> tuple[str | None, bool]:
        """A PIN is about to be compared: its text, if there is one, and whether the agent is locked.

        It counts as wrong until `pin_checked` says otherwise.
        """
        row = self._database.one("agent_pin_attempt", agent_id=agent_id)
        assert row is not None
        return row["pin_hash"], row["locked"]

    def pin_checked(self, agent_id: str, right: bool) -> bool:
        """Say how the comparison went; true: the agent is locked by it."""
        return bool(self._database.value("agent_pin_checked", agent_id=agent_id, right=right))

    def pin_attempt_begins(self, switch_id: str, source: str) -> int | None:
        """Somebody at the switch is about to prove who they are; None: too many there were wrong lately.

        `source` is the registered phone, empty for all others together. It counts as wrong until `pin_attempt_over`.
        """
        value = self._database.value("pin_attempt_begins", switch_id=switch_id, source=source)
        return None if value is None else int(value)

    def pin_attempt_over(self, attempt: int, right: bool) -> bool:
        """Say how it went; true: it was the one wrong PIN too many."""
        return bool(self._database.value("pin_attempt_over", attempt_id=attempt, right=right))

    def of_extension(self, extension: str) -> Owner | None:
        """The agent with this extension."""
        row = self._database.one("agent_of_extension", extension=extension)
        return None if row is None else Owner(**row)

    def of_phone(self, phone: Phone) -> list[Owner]:
        """Whose phone it is: nobody's, one agent's, or shared."""
        rows = self._database.run(
            "agents_of_phone", switch_id=phone.switch_id, username=phone.username, domain=phone.domain
        )
        return [Owner(**row) for row in rows]


def state_from_row(row: Mapping[str, Any]) -> AgentState:
    return AgentState(
        **{
            **row,
            "status": AgentStatus(row["status"]),
            "state": Doing(row["state"]),
            "skills": {str(skill): int(level) for skill, level in row["skills"].items()},
        }
    )
