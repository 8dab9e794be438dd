"""Transfers and consultations in SQL, and what agents ask for by command."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from psycopg.types.json import Jsonb

from fsroute.model.agent import AgentStatus
from fsroute.model.contact import CallerInformation
from fsroute.model.proxy_call import ProxyCall
from fsroute.store.database import Database
from fsroute.store.proxy_calls import from_row

RoutingDocument = Mapping[str, Any]
"""A routing as ``route_proxy_call`` reads it (``fsroute.model.routing.Routing.dump``)."""


def desk_topic(switch_id: str) -> str:
    """The topic of commands for the agents of one switch; keys are ``x:`` and the command."""
    return f"desk.{switch_id}"


@dataclass(frozen=True, slots=True)
class Command:
    """What an agent asked for by command."""

    command_id: int
    agent_id: str
    kind: str
    data: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Colleague:
    """An agent whom another agent named; `authorized` for the contact in hand."""

    agent_id: str
    status: AgentStatus
    authorized: bool


class Transfers:
    """What agents do during talks, in one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # Commands ----------------------------------------------------------------------------------------------

    def ask(self, agent_id: str, kind: str, data: Mapping[str, str]) -> int:
        """Ask for something on behalf of an agent; returns the command.

        Raises:
            StoreError: there is no such agent, or the agent is in no talk.
        """
        return int(self._database.value("ask_agent", agent_id=agent_id, kind=kind, data=Jsonb(dict(data))))

    def result(self, command_id: int) -> str | None:
        """What came of a command; None: nothing yet."""
        value = self._database.value("agent_command_result", command_id=command_id)
        return None if value is None else str(value)

    def take(self, command_id: int, switch_id: str) -> Command | None:
        """Take a command on; None if somebody else has, or if it is another switch's."""
        row = self._database.one("take_agent_command", command_id=command_id, switch_id=switch_id)
        return None if row is None else Command(**row)

    def waiting(self, switch_id: str, age: float) -> list[int]:
        """Commands for a switch that nobody has taken, not older than `age` seconds."""
        rows = self._database.run("waiting_agent_commands", switch_id=switch_id, age=age)
        return [row["command_id"] for row in rows]

    def finish(self, command_id: int, result: str) -> None:
        self._database.execute("finish_agent_command", command_id=command_id, result=result)

    # Where to ----------------------------------------------------------------------------------------------

    def colleague(self, call: ProxyCall, name: str) -> Colleague | None:
        """The agent of this id or extension, as one who is to take `call`."""
        row = self._database.one(
            "transfer_agent",
            name=name,
            contact_center_id=call.contact_center_id,
            medium=call.demand.medium,
        )
        return (
            None if row is None else Colleague(row["agent_id"], AgentStatus(row["status"]), row["authorized"])
        )

    def queue(self, contact_center_id: str, name: str) -> str | None:
        """The contact center's queue of this name or extension."""
        value = self._database.value("transfer_queue", contact_center_id=contact_center_id, name=name)
        return None if value is None else str(value)

    def caller(self, contact_id: str) -> CallerInformation | None:
        """Whom a talk is about: of a consultation the caller of the contact that it is about.

        What was erased is empty; None: there is no such contact.
        """
        row = self._database.one("transfer_caller", contact_id=contact_id)
        return None if row is None else CallerInformation(**row)

    def pause(self, agent_id: str, seconds: float) -> None:
        """The agent is offered nothing for the next `seconds`, or longer if that was so before."""
        self._database.execute("pause_after_transfer", agent_id=agent_id, pause=seconds)

    # Consultations -----------------------------------------------------------------------------------------

    def open(
        self, agent_leg_uuid: str, contact_id: str, channel_uuid: str, core_uuid: str, data: Mapping[str, str]
    ) -> bool:
        """Open the contact of a consultation, whose caller is the agent; false: the talk is over, or has one."""
        return bool(
            self._database.value(
                "open_consultation",
                agent_leg_uuid=agent_leg_uuid,
                contact_id=contact_id,
                channel_uuid=channel_uuid,
                core_uuid=core_uuid or None,
                routing=None,
                data=Jsonb(dict(data)),
            )
        )

    def route(self, contact_id: str, routing: RoutingDocument) -> ProxyCall | None:
        """Ask for the agent whom another one wants to consult."""
        row = self._database.one("route_consultation", contact_id=contact_id, routing=Jsonb(dict(routing)))
        return None if row is None else from_row(row)

    def consultation(self, contact_id: str) -> str | None:
        """The contact of the consultation that goes on during a contact."""
        value = self._database.value("consultation_of", contact_id=contact_id)
        return None if value is None else str(value)

    def completed(self, switch_id: str) -> list[tuple[ProxyCall, str, str]]:
        """Conversations that went over to whom an agent of the switch had consulted, and what they are joined of.

        Each with the leg that was held and the leg of whom was consulted, both of them at the switch.
        """
        rows = self._database.run("completed_consultations", switch_id=switch_id)
        return [(from_row(row), row["held"], row["other"]) for row in rows]

    def complete(self, agent_leg_uuid: str, data: Mapping[str, str]) -> list[ProxyCall]:
        """The agent leaves, and whom the agent consulted goes on: the conversation, and the consultation's call.

        Empty: there is nobody to go on with.
        """
        rows = self._database.run(
            "complete_consultation", agent_leg_uuid=agent_leg_uuid, data=Jsonb(dict(data))
        )
        return [from_row(row) for row in rows]
