"""The database's named statements, performed in memory: what the call server and the coordinator ask, and no more.

Truthful to ``sql/schema.sql`` and ``sql/queries``: the same rows for the same statements in the same order (a test
performs both at random and compares). One greenlet at a time and no lock; no event is written, but `on_event` is told
what the ledger would be. The clock is the caller's.

The transitions themselves are in `fsroute.replay.transitions`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from fsroute.errors import StoreError
from fsroute.replay import transitions
from fsroute.replay.run import LedgerEvent
from fsroute.store.database import Database, Row

UNSEEN: Final = frozenset({"token_digest", "token_expires_at", "back_to"})
"""Columns of ``proxy_call`` that the view ``proxy_call_detail`` does not show."""
FAR: Final = datetime(9999, 1, 1, tzinfo=UTC)
FEWEST_DIGITS: Final = 9
"""Of numbers that are the same when one ends with the other (``is_number_called``)."""


@dataclass(slots=True)
class Tables:
    """What is in the database, as rows by their keys. A row is a dict with the columns' names."""

    centers: dict[str, str] = field(default_factory=dict)  # the names, by contact center
    switches: dict[str, tuple[str, str | None]] = field(default_factory=dict)  # site and link address
    numbers: dict[str, tuple[str, str]] = field(default_factory=dict)  # contact center and application
    queues: dict[tuple[str, str], Row] = field(default_factory=dict)
    agents: dict[str, Row] = field(default_factory=dict)
    contacts: dict[str, Row] = field(default_factory=dict)
    personal: dict[str, Row] = field(default_factory=dict)
    calls: dict[int, Row] = field(default_factory=dict)
    reservations: list[Row] = field(default_factory=list)
    messages: dict[str, Row] = field(default_factory=dict)


class Memory(Database):
    """Performs statements on `tables`. `now` gives seconds since the epoch."""

    def __init__(
        self,
        tables: Tables,
        now: Callable[[], float],
        on_event: Callable[[LedgerEvent], None] = lambda event: None,
        numbers: Iterator[int] | None = None,
    ) -> None:
        self.tables = tables
        self.on_event = on_event
        self.before_read: Callable[[], None] = lambda: None
        """Called before the row of a proxy call is read: whoever writes late writes now."""
        self._clock = now
        self.numbers = itertools.count(1) if numbers is None else numbers
        self._versions = itertools.count(
            1 + max((row["version"] for row in tables.agents.values()), default=0)
        )

    # What the store calls ------------------------------------------------------------------------------------

    def run(self, name: str, /, **parameters: Any) -> list[Row]:
        """The rows of a statement.

        Raises:
            StoreError: the database would refuse it, or it is none that is performed here.
        """
        statement = getattr(self, f"_{name}", None)
        if statement is None:
            raise StoreError(f"the statement {name!r} is not performed in memory")
        rows: list[Row] = statement(**{_word(key): _plain(value) for key, value in parameters.items()})
        return rows

    def one(self, name: str, /, **parameters: Any) -> Row | None:
        return next(iter(self.run(name, **parameters)), None)

    def execute(self, name: str, /, **parameters: Any) -> int:
        return len(self.run(name, **parameters))

    def open(self) -> None:
        """There is nothing to connect to."""

    def close(self) -> None:
        """Nothing is held."""

    # Moments and rows -----------------------------------------------------------------------------------------

    def moment(self, later: float = 0.0) -> datetime:
        """Now, or so many seconds later."""
        return datetime.fromtimestamp(self._clock(), UTC) + timedelta(seconds=later)

    def next_agent_version(self) -> int:
        return next(self._versions)

    def live_reservation(self, proxy_call_id: int) -> Row | None:
        rows = self.tables.reservations
        return next((r for r in rows if r["proxy_call_id"] == proxy_call_id and r["ended_at"] is None), None)

    def log(self, kind: str, contact_id: str, **values: Any) -> None:
        self.on_event(LedgerEvent(kind, contact_id, **values))

    def detail(self, row: Row) -> Row:
        """A row of ``proxy_call_detail``."""
        tables = self.tables
        personal = tables.personal.get(row["contact_id"], {})
        held = self.live_reservation(row["proxy_call_id"]) or {}
        agent = tables.agents.get(held.get("agent_id", ""), {})
        return {
            **{name: value for name, value in row.items() if name not in UNSEEN},
            "contact_center_name": tables.centers.get(row["contact_center_id"], row["contact_center_id"]),
            "caller_number": personal.get("caller_number", ""),
            "caller_name": personal.get("caller_name", ""),
            "callback_number": personal.get("callback_number") or "",
            "agent_id": held.get("agent_id"),
            "agent_name": agent.get("name"),
            "agent_address": agent.get("address"),
            "accept_key": agent.get("accept_key"),
            "agent_switch_id": held.get("agent_switch_id"),
            "agent_leg_uuid": held.get("agent_leg_uuid"),
            "reserved_at": held.get("reserved_at"),
            "network_address": tables.switches.get(row["network_switch_id"], ("", None))[1],
            "caller_site_id": tables.switches.get(row["switch_id"], ("", None))[0],
        }

    def agent_detail(self, row: Row) -> Row:
        """A row of ``agent_detail``."""
        waits = row["leg"] == "standing" and row["standing_leg_uuid"] is None
        held = [
            [r["proxy_call_id"], r["medium"], r["slot"], r["weight"]]
            for r in self.tables.reservations
            if r["agent_id"] == row["agent_id"] and r["ended_at"] is None and r["slot"] > 0
        ]
        others = row.get("held_for_others", [])
        shown = {name: value for name, value in row.items() if name not in ("held_for_others", "set_aside")}
        return {**shown, "available_from": FAR if waits else row["available_from"],
                "reservations": [*others, *held]}  # fmt: skip

    def _live(self) -> Iterable[Row]:
        return (row for row in self.tables.calls.values() if row["ended_at"] is None)

    # Contacts ---------------------------------------------------------------------------------------------

    def _number_called(self, number: str) -> list[Row]:
        found = self.tables.numbers.get(number)
        return [] if found is None else [{"contact_center_id": found[0], "application": found[1]}]

    def _is_number_called(self, number: str) -> list[Row]:
        theirs = _digits(number)
        return [{"exists": any(_same(_digits(each), theirs) for each in self.tables.numbers)}]

    def _open_contact(self, **values: Any) -> list[Row]:
        contact_id = str(values["contact_id"])
        if contact_id in self.tables.contacts:
            return []
        if values["contact_center_id"] not in self.tables.centers:
            raise StoreError(f"open_contact: there is no contact center {values['contact_center_id']}")
        plain = ("contact_center_id", "medium", "switch_id", "channel_uuid", "core_uuid", "number_called",
                 "application", "arrived_at")  # fmt: skip
        self.tables.contacts[contact_id] = {
            "contact_id": contact_id, **{name: values[name] for name in plain},
            "ended_at": None, "outcome": None, "rule": None, "rules_version": None,
        }  # fmt: skip
        personal = ("caller_number", "caller_name", "language", "facts", "customer", "network")
        self.tables.personal[contact_id] = {
            "contact_id": contact_id, "contact_center_id": values["contact_center_id"],
            **{name: values[name] for name in personal}, "callback_number": None, "application_state": None,
        }  # fmt: skip
        self.log("arrived", contact_id, data=values["data"])
        return [{"contact_id": contact_id}]

    def _contact(self, contact_id: str) -> list[Row]:
        row = self.tables.contacts.get(contact_id)
        if row is None:
            return []
        return [{name: value for name, value in row.items() if name not in ("rule", "rules_version")}]

    def _contact_of_channel(self, switch_id: str, channel_uuid: str) -> list[Row]:
        return [
            {"contact_id": row["contact_id"]}
            for row in self.tables.contacts.values()
            if row["channel_uuid"] == channel_uuid
            and row["switch_id"] == switch_id
            and row["ended_at"] is None
        ]

    def _learn_facts(self, contact_id: str, facts: Mapping[str, str], language: str) -> list[Row]:
        row = self.tables.personal.get(contact_id)
        if row is None:
            return []
        row["facts"] = {**row["facts"], **facts}
        row["language"] = language
        return [{}]

    def _know_customer(self, contact_id: str, customer: Mapping[str, str]) -> list[Row]:
        row = self.tables.personal.get(contact_id)
        if row is None:
            return []
        row["customer"] = dict(customer)
        return [{}]

    def _log_contact(self, contact_id: str, kind: str, **values: Any) -> list[Row]:
        if contact_id not in self.tables.contacts:
            return []
        self.log(kind, contact_id, **values)
        return [{}]

    def _send_contact_away(
        self, contact_id: str, rule: str | None, rules_version: int | None, way: str, reason: str
    ) -> list[Row]:
        row = self.tables.contacts.get(contact_id)
        if row is None:
            return []
        row["rule"], row["rules_version"] = rule, rules_version
        said = {"rule": rule, "rules_version": rules_version, "way": way, "reason": reason}
        self.log(
            "not_queued", contact_id, data={key: value for key, value in said.items() if value is not None}
        )
        return [{}]

    def _caller_of_contact(self, contact_id: str) -> list[Row]:
        contact, h = self.tables.contacts.get(contact_id), self.tables.personal.get(contact_id)
        if contact is None or h is None:
            return []
        return [{
            "number": h["caller_number"], "name": h["caller_name"], "number_called": contact["number_called"],
            "arrived_at": contact["arrived_at"], "medium": contact["medium"], "language": h["language"],
            "facts": h["facts"], "customer": h["customer"], "network": h["network"],
        }]  # fmt: skip

    def _keep_application_state(self, contact_id: str, state: str) -> list[Row]:
        row = self.tables.personal.get(contact_id)
        if row is None:
            return []
        row["application_state"] = state
        return [{}]

    def _application_state(self, contact_id: str) -> list[Row]:
        row = self.tables.personal.get(contact_id)
        return [] if row is None else [{"application_state": row["application_state"]}]

    def _keep_voice_message(self, contact_id: str, path: str, duration_s: float) -> list[Row]:
        if contact_id not in self.tables.contacts:
            return []
        before = self.tables.messages.get(contact_id, {"path": path})["path"]
        self.tables.messages[contact_id] = {"path": path, "duration_s": duration_s}
        self.log("voice_message", contact_id, data={"duration_s": duration_s})
        return [{"path": before}] if before != path else []

    def _live_contacts_of_switch(self, switch_id: str) -> list[Row]:
        away = {row["contact_id"] for row in self._live() if row["caller_leg"] != "present"}
        names = ("contact_id", "channel_uuid", "core_uuid", "arrived_at")
        return [
            {name: row[name] for name in names}
            for row in self.tables.contacts.values()
            if row["switch_id"] == switch_id and row["ended_at"] is None and row["contact_id"] not in away
        ]

    def _take_over_contact(self, contact_id: str, called_again: str) -> list[Row]:
        row, new = self.tables.personal.get(contact_id), self.tables.personal.get(called_again)
        if row is None or new is None:
            return []
        names = ("caller_name", "language", "facts", "customer", "network", "application_state")
        row.update({name: new[name] for name in names})
        return [{}]

    def _close_contact(self, **values: Any) -> list[Row]:
        closed = transitions.close_contact(self, **values)
        row = self.tables.calls.get(closed["closed_proxy_call_id"] or 0)
        return [{**({} if row is None else self.detail(row)), **closed, "let_go": None}]

    # Proxy calls --------------------------------------------------------------------------------------------

    def _route_proxy_call(self, contact_id: str, routing: Mapping[str, Any]) -> list[Row]:
        return self._shown(transitions.route(self, contact_id, routing))

    def _request_proxy_call(self, contact_id: str, queue: str) -> list[Row]:
        contact = self.tables.contacts.get(contact_id)
        if contact is None or contact["ended_at"] is not None:
            return []
        routing = self.tables.queues.get((contact["contact_center_id"], queue))
        if routing is None:
            raise StoreError(f"contact center {contact['contact_center_id']} has no queue {queue}")
        return self._shown(transitions.route(self, contact_id, routing))

    def _move_proxy_call(self, only_notes: bool, hand_over: bool, **values: Any) -> list[Row]:
        rows = self._shown(transitions.move(self, **values))
        return [{**row, "let_go": None} for row in rows]

    def _reserve_agent(self, epoch: int, **values: Any) -> list[Row]:
        return self._shown(transitions.reserve(self, **values))

    def _agent_left(self, agent_leg_uuid: str, data: Mapping[str, Any], hand_over: bool) -> list[Row]:
        rows = self._shown(transitions.agent_left(self, agent_leg_uuid, data))
        return [{**row, "let_go": None} for row in rows]

    def _proxy_call(self, proxy_call_id: int) -> list[Row]:
        self.before_read()
        return self._shown(self.tables.calls.get(proxy_call_id))

    def _proxy_calls(self, proxy_call_ids: list[int]) -> list[Row]:
        rows = (self.tables.calls.get(number) for number in proxy_call_ids)
        return [self.detail(row) for row in rows if row is not None]

    def _latest_proxy_call(self, contact_id: str) -> list[Row]:
        rows = [row for row in self.tables.calls.values() if row["contact_id"] == contact_id]
        return self._shown(max(rows, key=_number, default=None))

    def _live_proxy_calls(self) -> list[Row]:
        return [self.detail(row) for row in sorted(self._live(), key=_number)]

    def _live_proxy_calls_of_caller_switch(self, switch_id: str) -> list[Row]:
        return [self.detail(row) for row in self._live() if row["switch_id"] == switch_id]

    def _last_reserved_switch(self, proxy_call_id: int) -> list[Row]:
        found = [r for r in self.tables.reservations if r["proxy_call_id"] == proxy_call_id]
        return [{"agent_switch_id": found[-1]["agent_switch_id"]}] if found else []

    def _callback_of_caller(
        self, contact_center_id: str, caller_number: str, switch_id: str, queue: str, application: str
    ) -> list[Row]:
        asked = {"contact_center_id": contact_center_id, "switch_id": switch_id, "queue": queue}
        found = [
            row
            for row in self._live()
            if all(row[name] == value for name, value in asked.items())
            and row["state"] in ("callback", "offered", "ready") and row["caller_leg"] != "present"
            and self.tables.personal.get(row["contact_id"], {}).get("caller_number") == caller_number
            and self.tables.contacts[row["contact_id"]]["application"] == application
            and self.tables.contacts[row["contact_id"]]["ended_at"] is None
        ]  # fmt: skip
        return self._shown(min(found, key=lambda row: row["arrived_at"], default=None))

    def _write_progress(
        self,
        proxy_call_ids: list[int],
        positions: list[int],
        expected_waits: list[float | None],
        bases: list[str | None],
        errors: list[float | None],
    ) -> list[Row]:
        columns = zip(proxy_call_ids, positions, expected_waits, bases, errors, strict=True)
        touched = []
        for number, position, wait, basis, error in columns:
            row = self.tables.calls.get(number)
            if row is not None and row["state"] in ("queued", "callback"):
                row.update(position=position, expected_wait=wait, expected_wait_basis=basis,
                           expected_wait_error=error)  # fmt: skip
                touched.append({"proxy_call_id": number, "switch_id": row["switch_id"]})
        return touched

    def _shown(self, row: Row | None) -> list[Row]:
        return [] if row is None else [self.detail(row)]

    # Agents ----------------------------------------------------------------------------------------------------

    def _agents(self, agent_ids: list[str] | None) -> list[Row]:
        agents = self.tables.agents
        wanted = sorted(agents if agent_ids is None else set(agent_ids) & agents.keys())
        return [self.agent_detail(agents[agent_id]) for agent_id in wanted]


def _number(row: Row) -> int:
    number: int = row["proxy_call_id"]
    return number


def _word(name: str) -> str:
    """A parameter's name as Python takes it."""
    return {"from": "from_", "to": "to", "set": "set_"}.get(name, name)


def _plain(value: Any) -> Any:
    """What a parameter wraps for JSON."""
    return getattr(value, "obj", value)


def _digits(number: str) -> str:
    return "".join(letter for letter in number if letter in "0123456789")


def _same(ours: str, theirs: str) -> bool:
    if ours == theirs:
        return True
    long = min(len(ours), len(theirs)) >= FEWEST_DIGITS
    return long and (ours.endswith(theirs) or theirs.endswith(ours))
