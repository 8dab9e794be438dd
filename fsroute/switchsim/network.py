"""The network: switches, the people on it, and what goes wrong between them."""

from __future__ import annotations

import random
import uuid
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import gevent

from fsroute.switchsim.addresses import Address, parse_address
from fsroute.switchsim.causes import parse_cause
from fsroute.switchsim.link import Link, LinkEnd
from fsroute.switchsim.originate import DialFailed
from fsroute.switchsim.people import Agent, Behaviour, Caller, Scenario
from fsroute.switchsim.profile import CallerProfile
from fsroute.switchsim.states import CONSUME_MEDIA, INIT, NONE, ROUTING
from fsroute.switchsim.telephones import AgentCall, CallerCall, Telephone
from fsroute.switchsim.thread import live

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fsroute.switchsim.channel import Channel
    from fsroute.switchsim.party import Party
    from fsroute.switchsim.switch import Switch


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to calls to one address; `times` None is until `Network.heal`.

    `kind`: ``no route`` (no answer from the network: NORMAL_TEMPORARY_FAILURE at once),
    ``refuse`` (with `cause`), ``dead`` (never answers), ``delay`` (`seconds` each way).
    """

    kind: str
    cause: str = "NORMAL_TEMPORARY_FAILURE"
    seconds: float = 0.0
    times: int | None = None


class Director(Protocol):
    """Decides call by call what otherwise goes by address; both see the number that the caller shows."""

    def behaviour(self, agent: Agent, caller_number: str) -> Behaviour:
        """What the agent does with this call."""

    def fault(self, address: str, caller_number: str) -> Fault | None:
        """What goes wrong with a leg to `address`."""


class Network:
    """Joins switches and people. `seed` makes uuids and latencies repeatable.

    `speed` divides what people take (script, talk, patience) and how long files play; protocol
    times stay real. `media_timeout` (seconds) is when a channel notices that its link is gone.
    """

    def __init__(self, *, seed: int = 0, speed: float = 1.0, media_timeout: float = 2.0) -> None:
        self.random = random.Random(seed)
        self.speed = speed
        self.media_timeout = media_timeout
        self.switches: dict[str, Switch] = {}
        self.agents: dict[str, Agent] = {}
        self.agent_calls: list[AgentCall] = []
        self.caller_calls: list[CallerCall] = []
        self.links: list[Link] = []
        self.parted: set[frozenset[str]] = set()  # pairs of switches that do not reach each other for now
        self.director: Director | None = None
        self._calls_to: dict[str, int] = {}
        self._faults: dict[str, Fault] = {}

    def new_uuid(self) -> str:
        return str(uuid.UUID(int=self.random.getrandbits(128), version=4))

    # -- who is there

    def add_switch(self, switch: Switch) -> None:
        self.switches[switch.name] = switch

    def add_agent(self, agent: Agent) -> None:
        """Register an agent under its address; one that was there before is replaced."""
        self.agents[parse_address(agent.address).key] = agent

    def remove_agent(self, address: str) -> None:
        self.agents.pop(parse_address(address).key, None)

    def call(self, caller: Caller, switch: Switch | None = None) -> CallerCall:
        """Place a call now."""
        call = CallerCall(self, caller)
        self.caller_calls.append(call)
        call.place(switch or self.switches[caller.switch or next(iter(self.switches))])
        return call

    def play(self, scenario: Scenario) -> list[gevent.Greenlet[..., CallerCall]]:
        """Register the agents and place the calls at their times; each greenlet's value is its call."""
        for agent in scenario.agents:
            self.add_agent(agent)
        return [
            gevent.spawn_later(caller.starts / self.speed, self.call, caller) for caller in scenario.callers
        ]

    # -- what goes wrong

    def fail(self, address: str, fault: Fault) -> None:
        """Make calls to ``user@host:port``, to ``host:port`` or to ``user/…`` fail."""
        self._faults[address] = fault

    def heal(self, address: str) -> None:
        self._faults.pop(address, None)

    def cut(self, one: str = "", other: str = "") -> int:
        """Lose the links between two switches, or all; calls under way end by their media time-out."""
        chosen = [link for link in self.links if {one, other} <= {*_ends(link), ""}]
        for link in chosen:
            link.cut()
        return len(chosen)

    def part(self, one: str, other: str) -> None:
        """From now on nothing gets from one switch to the other, in either direction, and nobody is told."""
        self.parted.add(frozenset((one, other)))
        for link in self._between(one, other):
            link.fall_silent()

    def rejoin(self, one: str, other: str) -> None:
        """They reach each other again."""
        self.parted.discard(frozenset((one, other)))
        for link in self._between(one, other):
            link.rejoined()

    def _between(self, one: str, other: str) -> list[Link]:
        return [link for link in self.links if link.switches == frozenset((one, other))]

    def lose(self, party: Party) -> None:
        """The switch at this party's channel died without a word."""
        if isinstance(party, LinkEnd):
            party.link.cut()
        elif isinstance(party, Telephone):
            gevent.spawn_later(self.media_timeout, party.lost)

    def switch_at(self, address: Address) -> Switch | None:
        """The switch that takes calls to an address from outside; None: none does, or no call gets there now."""
        fault = self._fault(address)
        if fault is not None and fault.kind != "delay":
            return None
        there = (one for one in self.switches.values() if one.link_address == address.host)
        return next((one for one in there if one.is_running), None)

    def _fault(self, address: Address) -> Fault | None:
        for key in (address.key, address.host):
            fault = self._faults.get(key)
            if fault is None:
                continue
            if fault.times is not None:
                self._faults[key] = replace(fault, times=fault.times - 1)
                if fault.times <= 1:
                    self.heal(key)
            return fault
        return None

    # -- calls

    def dial(
        self,
        switch: Switch,
        text: str,
        variables: Mapping[str, str],
        caller: Channel | None,
        caller_id: tuple[str, str],
    ) -> Channel:
        """Raise a leg from `switch`.

        Raises:
            DialFailed: the address cannot be tried.
        """
        try:
            address = parse_address(text)
        except ValueError:
            raise DialFailed("DESTINATION_OUT_OF_ORDER") from None
        if address.kind == "error":
            raise DialFailed(parse_cause(address.user))
        if address.kind == "user" and address.key not in self.agents:
            raise DialFailed("USER_NOT_REGISTERED")
        leg = switch.add_outbound(_leg_profile(self, address, variables, caller, caller_id), variables)
        if caller is not None:
            leg.see(caller, "originator")
            caller.set("originated_legs", f"{leg.uuid};Outbound Call;{address.user}")
        leg.set("sofia_profile_name", address.profile)
        if address.kind == "user":  # the user's dial-string in the directory sets it
            domain = text.partition("@")[2] or switch.globals["local_ip_v4"]
            leg.set("presence_id", f"{address.user}@{domain}")
        _begin(leg)
        leg.update({"sip_from_user": leg.profile.caller_id_number, "sip_to_user": address.user})
        leg.profile.network_addr = "127.0.0.1"
        leg.profile.callee_id_name = variables.get("origination_callee_id_name") or address.user
        leg.profile.callee_id_number = variables.get("origination_callee_id_number") or address.user
        leg.renew_profile()
        self._send(leg, address)
        return leg

    def _send(self, leg: Channel, address: Address) -> None:
        if address.kind == "null":  # answers itself, and there is nobody (mod_loopback.c)
            gevent.spawn(leg.party_answers)
            return
        if address.kind == "loopback":
            self._loop(leg, address)
            return
        fault = self._fault(address)
        if fault is None and self.director is not None:
            fault = self.director.fault(address.host, leg.profile.caller_id_number)
        delay = fault.seconds if fault is not None and fault.kind == "delay" else 0.0
        if fault is not None and fault.kind == "dead":
            return
        if fault is not None and fault.kind in {"no route", "refuse"}:
            gevent.spawn(leg.party_ends, fault.cause)
            return
        far = next((one for one in self.switches.values() if one.link_address == address.host), None)
        if far is not None and address.host:
            self._link(leg, far, address, delay)
        elif (agent := self.agents.get(address.key) or self.agents.get(address.user)) is not None:
            self._ring(leg, agent)
        else:
            gevent.spawn(leg.party_ends, "NORMAL_TEMPORARY_FAILURE")

    def _link(self, leg: Channel, far: Switch, address: Address, delay: float) -> None:
        link = Link(self, leg, delay, far.name)
        leg.party = link.near_end
        self.links.append(link)
        if len(self.links) > 1000:
            self.links = [one for one in self.links if one.near.is_up]
        headers = {name: value for name, value in leg.variables.items() if name.startswith("sip_h_")}

        def arrive() -> None:
            if not far.is_running:
                leg.party_ends("NORMAL_TEMPORARY_FAILURE")
                return
            link.far = far.receive(
                link.far_end,
                number=leg.profile.caller_id_number,
                name=leg.profile.caller_id_name,
                number_called=address.user,
                profile=far.options.link_profile,
                variables=headers,
            )
            if not leg.is_up:
                link.far.party_ends(leg.cause or "ORIGINATOR_CANCEL")

        self._spawn(link, arrive)

    def _loop(self, leg: Channel, address: Address) -> None:
        """The other end of a loopback leg is a channel of the same switch, in the context named (mod_loopback.c)."""
        link = Link(self, leg)
        leg.party = link.near_end
        switch = leg.switch

        def arrive() -> None:
            link.far = switch.receive(
                link.far_end,
                number=leg.profile.caller_id_number,
                name=leg.profile.caller_id_name,
                number_called=address.user,
                context=address.profile,
            )

        gevent.spawn(arrive)

    @staticmethod
    def _spawn(link: Link, arrive: Callable[[], None]) -> None:
        gevent.spawn(link.carry, arrive)

    def _ring(self, leg: Channel, agent: Agent) -> None:
        count = self._calls_to.get(agent.address, 0)
        self._calls_to[agent.address] = count + 1
        behaviour = agent.behaviours[min(count, len(agent.behaviours) - 1)]
        if self.director is not None:
            behaviour = self.director.behaviour(agent, leg.profile.caller_id_number)
        call = AgentCall(self, agent, behaviour)
        self.agent_calls.append(call)
        leg.party = call
        call.invited(leg)


def _ends(link: Link) -> tuple[str, str]:
    return link.near.switch.name, link.far.switch.name if link.far is not None else ""


def _leg_profile(
    network: Network,
    address: Address,
    variables: Mapping[str, str],
    caller: Channel | None,
    caller_id: tuple[str, str],
) -> CallerProfile:
    def first(*names: str) -> str:
        own = (variables.get(name) for name in names)
        of_caller = (caller.get(name) for name in names) if caller is not None else iter(())
        return next((value for value in (*own, *of_caller) if value), "")

    name = first("origination_caller_id_name", "effective_caller_id_name") or caller_id[0]
    number = first("origination_caller_id_number", "effective_caller_id_number") or caller_id[1]
    if caller is not None:
        name, number = name or caller.profile.caller_id_name, number or caller.profile.caller_id_number
    return CallerProfile(
        uuid=variables.get("origination_uuid") or network.new_uuid(),
        channel_name=str(address),
        direction="outbound",
        destination_number=address.user,
        context=caller.profile.context if caller is not None else "default",
        caller_id_name=name,
        caller_id_number=number or "0000000000",
        callee_id_name="Outbound Call",
        callee_id_number=address.user,
        dialplan="XML" if caller is not None else "",
        source="mod_sofia" if caller is not None else "src/switch_ivr_originate.c",
    )


def _begin(leg: Channel) -> None:
    """Send the events of a leg that is being raised, and start its greenlet."""
    leg.state = NONE
    leg.fire("CHANNEL_OUTGOING")
    leg.change_state(INIT)
    leg.next_state = ROUTING
    leg.fire("CHANNEL_CREATE")
    leg.fire("CHANNEL_ORIGINATE")
    leg.next_state = None
    leg.change_state(ROUTING)
    leg.change_state(CONSUME_MEDIA)
    gevent.spawn(live, leg)
