"""Contacts in SQL: opened when they arrive, closed once, personal data apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from psycopg.types.json import Jsonb

from fsroute.acd.proxy_call import CALL_TABLE, On
from fsroute.model.contact import CallerInformation, Outcome
from fsroute.model.proxy_call import ProxyCall
from fsroute.store import agents, proxy_calls
from fsroute.store.database import Statements


@dataclass(frozen=True, slots=True)
class Contact:
    """A contact's row. `core_uuid` names the FreeSWITCH process that held the caller."""

    contact_id: str
    contact_center_id: str
    medium: str
    switch_id: str
    channel_uuid: str
    core_uuid: str | None
    number_called: str
    application: str
    arrived_at: datetime
    ended_at: datetime | None = None
    outcome: str | None = None


@dataclass(frozen=True, slots=True)
class Closed:
    """What closing a contact did: the proxy call and the agent that were set free by it; the row as it is then."""

    proxy_call_id: int | None
    agent_id: str | None
    call: ProxyCall | None = field(default=None, compare=False)


class Contacts:
    """The contacts of one database."""

    def __init__(self, database: Statements) -> None:
        self._database = database
        self.on_let_go: proxy_calls.LetGo | None = None
        """Told of each agent whom the closing of a contact frees, as the row is then."""

    def application_of(self, number_called: str) -> tuple[str, str] | None:
        """(contact center, application) that a number belongs to."""
        row = self._database.one("number_called", number=number_called)
        return None if row is None else (row["contact_center_id"], row["application"])

    def numbers_called(self, most: int) -> dict[str, tuple[str, str]]:
        """(contact center, application) by number, of `most` numbers."""
        rows = self._database.run("numbers_called", most=most)
        return {row["number"]: (row["contact_center_id"], row["application"]) for row in rows}

    def open(self, contact: Contact, caller: CallerInformation) -> None:
        """Write a contact that has arrived; twice is once."""
        self._database.run(
            "open_contact",
            contact_id=contact.contact_id,
            contact_center_id=contact.contact_center_id,
            medium=contact.medium,
            switch_id=contact.switch_id,
            channel_uuid=contact.channel_uuid,
            core_uuid=contact.core_uuid,
            number_called=contact.number_called,
            application=contact.application,
            arrived_at=contact.arrived_at,
            caller_number=caller.number,
            caller_name=caller.name,
            language=caller.language,
            facts=Jsonb(dict(caller.facts)),
            customer=Jsonb(dict(caller.customer)),
            network=Jsonb(dict(caller.network)),
            data=Jsonb({"application": contact.application, "switch_id": contact.switch_id}),
        )

    def get(self, contact_id: str) -> Contact | None:
        row = self._database.one("contact", contact_id=contact_id)
        return None if row is None else Contact(**row)

    def of_channel(self, switch_id: str, channel_uuid: str) -> str | None:
        """The live contact that a channel of a switch carries."""
        value = self._database.value("contact_of_channel", switch_id=switch_id, channel_uuid=channel_uuid)
        return None if value is None else str(value)

    def learn(self, contact_id: str, facts: Mapping[str, str], language: str) -> None:
        """Facts that the application learned join the caller information."""
        self._database.execute(
            "learn_facts", contact_id=contact_id, facts=Jsonb(dict(facts)), language=language
        )

    def know_customer(self, contact_id: str, customer: Mapping[str, str]) -> None:
        """What was found about the customer joins the caller information."""
        self._database.execute("know_customer", contact_id=contact_id, customer=Jsonb(dict(customer)))

    def log(self, contact_id: str, kind: str, data: Mapping[str, object], proxy_call_id: int | None = None,
            agent_id: str | None = None, state: str | None = None) -> None:  # fmt: skip
        """Append an event that changes no state."""
        self._database.execute("log_contact", contact_id=contact_id, kind=kind, data=Jsonb(dict(data)),
                           proxy_call_id=proxy_call_id, agent_id=agent_id, state=state)  # fmt: skip

    def close(
        self, contact_id: str, outcome: Outcome, data: Mapping[str, object], on: On = On.CALLER_GONE
    ) -> Closed | None:
        """End a contact; None if it had ended already. A proxy call's own end decides the outcome before `outcome`."""
        targets = CALL_TABLE.targets(on)
        row = self._database.one(
            "close_contact",
            contact_id=contact_id,
            outcome=str(outcome),
            kind=str(on),
            data=Jsonb(dict(data)),
            hand_over=self.on_let_go is not None,
            **{
                "from": [str(source) for source in targets],
                "to": [str(target) for target in targets.values()],
            },
        )
        if row is None or not row["closed"]:
            return None
        call = None if row["closed_proxy_call_id"] is None else proxy_calls.from_row(row)
        if self.on_let_go is not None and row["let_go"] is not None and call is not None:
            self.on_let_go(agents.from_json(row["let_go"]), call)
        return Closed(row["closed_proxy_call_id"], row["closed_agent_id"], call)

    def send_away(
        self, contact_id: str, rule: str | None, rules_version: int | None, way: str, reason: str
    ) -> None:
        """Record that the rules had another way for a contact than a queue, and which rule it was."""
        self._database.execute(
            "send_contact_away",
            contact_id=contact_id,
            rule=rule,
            rules_version=rules_version,
            way=way,
            reason=reason,
        )

    def caller(self, contact_id: str) -> CallerInformation | None:
        """What is known of a contact's caller; None once it was erased."""
        row = self._database.one("caller_of_contact", contact_id=contact_id)
        return None if row is None else CallerInformation(**row)

    def keep_application_state(self, contact_id: str, state: str) -> None:
        """Where the caller stands in the application, for the channel on which the caller is called back."""
        self._database.execute("keep_application_state", contact_id=contact_id, state=state)

    def application_state(self, contact_id: str) -> str:
        """What `keep_application_state` kept; empty where there is none."""
        return str(self._database.value("application_state", contact_id=contact_id) or "")

    def keep_message(self, contact_id: str, path: str, seconds: float) -> str | None:
        """A voice message that the caller left, in a file of the switch's host.

        Returns the file of the message that it takes the place of; None: there was none, or it is the same file.
        """
        before = self._database.value(
            "keep_voice_message", contact_id=contact_id, path=path, duration_s=seconds
        )
        return None if before is None else str(before)

    def live_of_switch(self, switch_id: str) -> list[tuple[str, str, str | None, bool]]:
        """(contact, channel, core, whether it is a consultation) of each contact of a switch that has not ended."""
        rows = self._database.run("live_contacts_of_switch", switch_id=switch_id)
        return [
            (row["contact_id"], row["channel_uuid"], row["core_uuid"], row["is_consultation"]) for row in rows
        ]

    def is_ours(self, number: str) -> bool:
        """Whether it is a number that people call us by: a call to it would come back here."""
        return bool(self._database.value("is_number_called", number=number))

    def take_over(self, contact_id: str, called_again: str) -> None:
        """A contact goes on with another call: what is known of the caller is what that one has told, and no more."""
        self._database.execute("take_over_contact", contact_id=contact_id, called_again=called_again)

    def erase(self, contact_id: str) -> None:
        """Remove the personal data of a contact; the ledger stays whole."""
        self._database.execute("erase_contact", contact_id=contact_id)
