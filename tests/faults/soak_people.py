"""Who calls in the soak, and what callers and agents do: pure, repeatable by its seed."""

from __future__ import annotations

import random

from fsroute.switchsim.people import (
    Agent,
    Answers,
    Behaviour,
    Busy,
    Caller,
    HangUp,
    NoAnswer,
    Press,
    Rejects,
    Step,
    Wait,
    WaitFor,
)

ACME, GLOBEX = "8005550100", "8005550200"
EAST_AGENTS, WEST_AGENTS = 40, 10
PATIENCE = 200.0  # seconds, before the speed of the network, after which anybody gives up waiting
TO_AN_AGENT: tuple[Step, ...] = (WaitFor("main_menu"), Press("2"))
SELF_SERVED: tuple[Step, ...] = (
    WaitFor("main_menu"),
    Press("1"),
    WaitFor("order_number"),
    Press("52345"),
    WaitFor("anything_else"),
    HangUp(),
)
KINDS: tuple[tuple[int, str], ...] = (
    (55, "an agent"),
    (20, "served by the application"),
    (10, "gives up in the application"),
    (10, "gives up waiting"),
    (5, "asks for the operator"),
)
"""Of a hundred calls, how many are of which kind."""


def number(of: int) -> str:
    return f"+1415{of:07}"


def index(number: str) -> int:
    return int(number.removeprefix("+1415"))


def caller(index: int, chance: random.Random) -> Caller:
    """The caller of one call; the number that it shows is nobody else's."""
    (kind,) = chance.choices([kind for _, kind in KINDS], [weight for weight, _ in KINDS])
    called, patience, talk = chance.choice((ACME, GLOBEX)), PATIENCE, None
    script = TO_AN_AGENT
    match kind:
        case "an agent":
            talk = chance.uniform(2.0, 10.0)
        case "served by the application":
            script = SELF_SERVED
        case "gives up in the application":
            script = (WaitFor("main_menu"), Wait(chance.uniform(0.0, 4.0)), HangUp())
        case "gives up waiting":
            script = (*TO_AN_AGENT, Wait(chance.uniform(0.5, 10.0)), HangUp())
        case "asks for the operator":
            script = (WaitFor("main_menu"), Press("0"))
    return Caller(number(index), f"Caller {index}", called, script, patience=patience, talk=talk)


class People:
    """For the network: most offers are taken; some agents do not answer, are busy, or refuse."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)

    def behaviour(self, agent: Agent, caller_number: str) -> Behaviour:
        offered = self._chance.random()
        if offered < 0.01:
            return NoAnswer()
        if offered < 0.03:
            return Busy()
        if offered < 0.05:
            return Rejects(after=2.0)
        return Answers(after=self._chance.uniform(0.2, 3.0), talk=self._chance.uniform(2.0, 30.0))

    def fault(self, address: str, caller_number: str) -> None:
        """The network is whole."""


def center_sql() -> str:
    """Two contact centers as in the sample, and agents enough for them, who are logged on."""
    return f"""
set search_path = fsroute;
update queue set offer_timeout = 2, longest_wait = 30;
update agent set status = 'logged_out';
insert into agent (agent_id, name, site_id, switch_id, address, status, wrap_up, set_aside)
select 'e' || n, 'East ' || n, 'east', 'east-1', 'sip:e' || n || '@127.0.0.1:6001', 'available', 0, 1
  from generate_series(1, {EAST_AGENTS}) n
union all
select 'w' || n, 'West ' || n, 'west', 'west-1', 'sip:w' || n || '@127.0.0.1:6002', 'available', 0, 1
  from generate_series(1, {WEST_AGENTS}) n;
insert into agent_skill (agent_id, skill, level)
select agent_id, skill, 3 from agent, unnest(array['orders', 'travel']) skill where status = 'available'
on conflict do nothing;
insert into agent_authorization (agent_id, contact_center_id)
select agent_id, contact_center_id from agent, contact_center where status = 'available'
on conflict do nothing;
"""


def agents() -> list[Agent]:
    """At their telephones."""
    east = [(f"e{n}@127.0.0.1:6001", f"e{n}") for n in range(1, EAST_AGENTS + 1)]
    west = [(f"w{n}@127.0.0.1:6002", f"w{n}") for n in range(1, WEST_AGENTS + 1)]
    return [Agent(f"sofia/fsroute_agents/{address}", name) for address, name in (*east, *west)]
