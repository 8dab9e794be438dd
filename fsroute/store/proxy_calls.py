"""Proxy calls in SQL: each transition is one compare-and-set, fed from the state tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import gevent
from psycopg.types.json import Jsonb

from fsroute.acd.proxy_call import AGENT_LEG_TABLE, CALL_TABLE, CALLER_LEG_TABLE, NETWORK_LEG_TABLE, On
from fsroute.errors import Fenced, StoreError
from fsroute.model.agent import Agent
from fsroute.model.contact import Demand, Lead
from fsroute.model.other_acd import OtherAcd
from fsroute.model.proxy_call import AgentLeg, CallerLeg, NetworkLeg, ProxyCall, State
from fsroute.model.routing import CallbackTerms, Routing, TimeLineStep, Way
from fsroute.store import agents
from fsroute.store.claims import Claim, Dialling, Leaving
from fsroute.store.database import Database

_PLAIN = (
    "proxy_call_id", "contact_id", "contact_center_id", "contact_center_name", "queue", "priority", "arrived_at",
    "queued_at", "switch_id", "channel_uuid", "caller_number", "caller_name", "strategy", "hold_music",
    "offer_timeout", "network_leg_timeout", "network_leg_tries", "network_leg_failures", "held_until", "longest_wait",
    "refuse_when", "position", "expected_wait", "agent_id", "agent_name", "agent_address", "agent_switch_id",
    "agent_leg_uuid", "accept_key", "network_switch_id", "network_address", "network_leg_uuid", "rendezvous_uuid",
    "reserved_at", "accepted_at", "bridged_at", "version", "rule", "rules_version", "preferred_agent_id",
    "longest_queue", "time_line_done", "callback_number", "callback_failures", "treatment_number", "caller_site_id",
    "expected_wait_basis", "expected_wait_error", "acd_entry_uuid", "acd_agent", "acd_leg_uuid", "acd_since",
)  # fmt: skip


def _claimed(claim: Claim, leaving: ProxyCall) -> ProxyCall:
    """The row of a contact as it will be if the claim is granted, so far as dialling the agent needs it."""
    return replace(
        claim.call,
        agent_id=claim.agent_id,
        agent_leg_uuid=claim.agent_leg_uuid,
        agent_address=leaving.agent_address,
    )


def from_row(row: Mapping[str, Any]) -> ProxyCall:
    """A row of the view ``proxy_call_detail`` as a value."""
    return ProxyCall(
        demand=_demand(row),
        state=State(row["state"]),
        agent_leg=AgentLeg(row["agent_leg"]),
        network_leg=NetworkLeg(row["network_leg"]),
        caller_leg=CallerLeg(row["caller_leg"]),
        lead=Lead.parse(row["lead"]),
        time_line=tuple(TimeLineStep.load(step) for step in row["time_line"]),
        overflow=Way.load(row["overflow"]),
        callback=CallbackTerms.load(row["callback"]),
        treatment=None if row["treatment"] is None else TimeLineStep.load(row["treatment"]),
        way=None if row["way"] is None else Way.load(row["way"]),
        acd=None if row["acd"] is None else OtherAcd.load(row["acd"]),
        **{name: row[name] for name in _PLAIN},
    )


def _demand(row: Mapping[str, Any]) -> Demand:
    return Demand(
        row["contact_center_id"],
        row["medium"],
        tuple((str(skill), int(level)) for skill, level in row["skills"]),
        tuple(row["sites"]),
        tuple(row["teams"]),
        row["only_agent_id"],
    )


LetGo = Callable[[Agent, ProxyCall], None]
"""Takes an agent who was freed, and the proxy call that the agent is freed of."""

NOTES = frozenset({On.TAKEN, On.AGENT_RINGING, On.AGENT_ANSWERED})
"""Transitions that promise nothing to anybody: whoever finds them undone does them again."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """The legs that the caller of a transition believes in; an attempt that is over changes nothing."""

    agent_leg_uuid: str | None = None
    network_leg_uuid: str | None = None


class ProxyCalls:
    """The proxy calls of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.on_let_go: LetGo | None = None
        """Told of each agent whom a transition frees, with both rows as they are then, before the transition's caller
        is."""
        self.on_row: Callable[[ProxyCall], None] | None = None
        """Shown each row that is read, for a journal; must neither wait nor fail."""
        self.on_leaving: Leaving | None = None

    def request(self, contact_id: str, queue: str) -> ProxyCall | None:
        """Ask for an agent; the live proxy call of the contact if it has one already, None if the contact ended.

        Raises:
            StoreError: the contact center has no such queue.
        """
        return self._one("request_proxy_call", contact_id=contact_id, queue=queue)

    def route(self, contact_id: str, routing: Routing) -> ProxyCall | None:
        """Ask for an agent as the rules decided; otherwise like `request`."""
        return self._one("route_proxy_call", contact_id=contact_id, routing=Jsonb(routing.dump()))

    def get(self, proxy_call_id: int) -> ProxyCall | None:
        return self._one("proxy_call", proxy_call_id=proxy_call_id)

    def of_agent_leg(self, agent_leg_uuid: str) -> ProxyCall | None:
        """The proxy call whose live reservation has this leg."""
        return self._one("proxy_call_of_agent_leg", agent_leg_uuid=agent_leg_uuid)

    def some(self, proxy_call_ids: Sequence[int]) -> list[ProxyCall]:
        rows = self._database.run("proxy_calls", proxy_call_ids=list(proxy_call_ids))
        return self._read(rows)

    def versions(self) -> dict[int, int]:
        """The version of each live proxy call's row: what a reader of before has to read again."""
        rows = self._database.run("live_proxy_call_versions")
        return {row["proxy_call_id"]: row["version"] for row in rows}

    def latest(self, contact_id: str) -> ProxyCall | None:
        """The contact's last proxy call, live or not."""
        return self._one("latest_proxy_call", contact_id=contact_id)

    def callback_of_caller(
        self, contact_center_id: str, caller_number: str, switch_id: str, queue: str, application: str
    ) -> ProxyCall | None:
        """The first place in the queue that somebody of this number keeps, who is not on the line."""
        return self._one(
            "callback_of_caller",
            contact_center_id=contact_center_id,
            caller_number=caller_number,
            switch_id=switch_id,
            queue=queue,
            application=application,
        )

    def live(self) -> list[ProxyCall]:
        return self._read(self._database.run("live_proxy_calls"))

    def live_of_caller_switch(self, switch_id: str) -> list[ProxyCall]:
        rows = self._database.run("live_proxy_calls_of_caller_switch", switch_id=switch_id)
        return [from_row(row) for row in rows]

    def live_of_other_acds(self, switch_id: str) -> list[ProxyCall]:
        """Those that an ACD of another make serves beside the switch."""
        return [
            from_row(row) for row in self._database.run("live_proxy_calls_of_other_acds", switch_id=switch_id)
        ]

    def live_of_agent_switch(self, switch_id: str) -> list[ProxyCall]:
        """Those with an agent or a network leg at the switch."""
        rows = self._database.run("live_proxy_calls_of_agent_switch", switch_id=switch_id)
        return [from_row(row) for row in rows]

    def move(
        self,
        proxy_call_id: int,
        on: On,
        *,
        attempt: Attempt = Attempt(),
        network_leg: NetworkLeg | None = None,
        end_reservation: str | None = None,
        epoch: int | None = None,
        set: Mapping[str, object] | None = None,
        data: Mapping[str, object] | None = None,
    ) -> ProxyCall | None:
        """One transition as the tables have it; None when the race was lost and nothing was changed.

        Args:
            proxy_call_id: whose.
            on: what happened.
            attempt: the legs that must still be the present ones.
            network_leg: a target for the network leg other than the table's.
            end_reservation: ends the live reservation, for this reason.
            epoch: the coordinator's; a stale one is refused.
            set: columns that change with it (see ``move_proxy_call`` in ``sql/schema.sql``).
            data: goes with the event.

        Raises:
            Fenced: `epoch` is not the present one.
        """
        targets = CALL_TABLE.targets(on)
        agent_leg = AGENT_LEG_TABLE.targets(on)
        network = NETWORK_LEG_TABLE.targets(on)
        if network_leg is not None:
            network = dict.fromkeys(network or NetworkLeg, network_leg)
        values = _pairs("", targets) | _pairs("agent_leg_", agent_leg) | _pairs("network_leg_", network)
        caller_leg = {
            name: pairs
            for name, pairs in _pairs("caller_leg_", CALLER_LEG_TABLE.targets(on)).items()
            if pairs
        }
        return self._one(
            "move_proxy_call",
            proxy_call_id=proxy_call_id,
            kind=str(on),
            agent_leg_uuid=attempt.agent_leg_uuid,
            network_leg_uuid=attempt.network_leg_uuid,
            end_reservation=end_reservation,
            epoch=epoch,
            hand_over=self.on_let_go is not None,
            only_notes=on in NOTES,
            set=Jsonb({**(set or {}), **caller_leg}),
            data=Jsonb(dict(data or {})),
            **values,
        )

    def reserve(
        self, epoch: int, proxy_call_id: int, agent_id: str, agent_leg_uuid: str, data: Mapping[str, object]
    ) -> ProxyCall | None:
        """Reserve an agent for a queued proxy call; committed when this returns. None: choose again.

        Raises:
            Fenced: `epoch` is not the present one.
        """
        return self._one(
            "reserve_agent",
            epoch=epoch,
            proxy_call_id=proxy_call_id,
            agent_id=agent_id,
            agent_leg_uuid=agent_leg_uuid,
            data=Jsonb(dict(data)),
        )

    def agent_left(
        self,
        agent_leg_uuid: str,
        cause: str,
        call: ProxyCall | None = None,
        dialling: Dialling | None = None,
    ) -> ProxyCall | None:
        """The agent's leg ended after the talk: the reservation ends and wrap-up begins.

        With `call`, the talk's row as the caller knows it, an agent without wrap-up is reserved for the next contact
        by the same statement, if a coordinator in this process knows which that is. `dialling` hears of that
        before.
        """
        claim = None if call is None or self.on_leaving is None else self.on_leaving(call)
        if call is not None and claim is not None:
            try:
                return self._go_on(call, claim, agent_leg_uuid, cause, dialling)
            except Fenced:  # nothing was done, and the agent has left all the same
                pass
        return self._one(
            "agent_left",
            agent_leg_uuid=agent_leg_uuid,
            data=Jsonb({"cause": cause}),
            hand_over=self.on_let_go is not None,
        )

    def _go_on(
        self, leaving: ProxyCall, claim: Claim, agent_leg_uuid: str, cause: str, dialling: Dialling | None
    ) -> ProxyCall | None:
        # Beside the statement: what dials the agent is composed and sent while the database is at work.
        if dialling is not None:
            gevent.spawn(lambda: dialling.begin(_claimed(claim, leaving)))
        try:
            rows = self._database.run(
                "agent_goes_on",
                leaving=leaving.proxy_call_id,
                left_leg_uuid=agent_leg_uuid,
                data=Jsonb({"cause": cause}),
                epoch=claim.epoch,
                proxy_call_id=claim.call.proxy_call_id,
                agent_id=claim.agent_id,
                agent_leg_uuid=claim.agent_leg_uuid,
                why=Jsonb(dict(claim.why)),
            )
        except BaseException as error:  # a greenlet that is ended is no answer either
            claim.failed(error if isinstance(error, StoreError) else StoreError("the statement was given up"))
            raise
        by_number = {row["proxy_call_id"]: row for row in rows}
        next_one = by_number.pop(claim.call.proxy_call_id, None)
        reserved = None if next_one is None else from_row(next_one)
        try:
            if reserved is not None and dialling is not None:
                dialling.reserved(reserved)
        finally:
            claim.reserved(reserved)
        return self._told(next(iter(by_number.values()), None))

    def last_reserved_switch(self, proxy_call_id: int) -> str | None:
        """The switch of the agent whom the proxy call was offered last; None if it never was."""
        value = self._database.value("last_reserved_switch", proxy_call_id=proxy_call_id)
        return None if value is None else str(value)

    def recent_handling(self) -> list[tuple[Demand, float, int, float]]:
        """Of the last hours: (demand, mean seconds from reservation to the end of the talk, how many, mean square)."""
        rows = self._database.run("recent_handling")
        return [(_demand(row), row["mean"], row["count"], row["square"]) for row in rows]

    def of_token(self, digest: str) -> tuple[int, str | None] | None:
        """The proxy call that raised a network leg with this token's digest, and the leg; None if late or unknown."""
        row = self._database.one("proxy_call_of_token", token_digest=digest)
        if row is None or not row["valid"]:
            return None
        return row["proxy_call_id"], row["network_leg_uuid"]

    def write_progress(
        self, progress: Sequence[tuple[int, int, float | None, str | None, float | None]]
    ) -> list[tuple[int, str]]:
        """Write (proxy call, position, expected wait in seconds, basis, error).

        Returns (proxy call, caller's switch) of those that wait still.
        """
        ids, positions, waits, bases, errors = (list(column) for column in zip(*progress, strict=True))
        rows = self._database.run(
            "write_progress",
            proxy_call_ids=ids,
            positions=positions,
            expected_waits=waits,
            bases=bases,
            errors=errors,
        )
        return [(row["proxy_call_id"], row["switch_id"]) for row in rows]

    def _read(self, rows: Iterable[Mapping[str, Any]]) -> list[ProxyCall]:
        calls = [from_row(row) for row in rows]
        if self.on_row is not None:
            for call in calls:
                self.on_row(call)
        return calls

    def _one(self, name: str, **values: object) -> ProxyCall | None:
        return self._told(self._database.one(name, **values))

    def _told(self, row: Mapping[str, Any] | None) -> ProxyCall | None:
        if row is None:
            return None
        (call,) = self._read([row])
        if self.on_let_go is not None and row.get("let_go") is not None:
            self.on_let_go(agents.from_json(row["let_go"]), call)
        return call


def _pairs(prefix: str, targets: Mapping[Any, Any]) -> dict[str, list[str] | None]:
    if not targets:
        return {f"{prefix}from": None, f"{prefix}to": None}
    return {
        f"{prefix}from": [str(source) for source in targets],
        f"{prefix}to": [str(target) for target in targets.values()],
    }
