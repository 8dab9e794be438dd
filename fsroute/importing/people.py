"""What an agent's attributes become, with a remark on what is not the same. Pure. Times in seconds."""

from __future__ import annotations

from collections.abc import Iterable

from fsroute.importing.addresses import TIMEOUTS, address
from fsroute.importing.callcenter import Agent, Queue
from fsroute.importing.names import parted, slug
from fsroute.importing.remarks import Say, shown

SET_ASIDE = 0  # mod_callcenter asks again at once, unless it is told to wait

STATUSES = {
    "Available": "available",
    "Available (On Demand)": "available",
    "On Break": "on_break",
    "Logged Out": "logged_out",
}
LEGS = {"callback": "dialled", "uuid-standby": "standing"}


def declared(agent: Agent, say: Say) -> str:
    """The agent's status."""
    name, text = shown(agent.name), agent.text("status") or "Logged Out"
    if text not in STATUSES:
        say(agent.place, f"agent {name}: status {shown(text)} becomes logged_out", "")
    if text == "Available (On Demand)":
        told = f"agent {name} is available on demand: after each contact mod_callcenter waits for the agent"
        say(agent.place, told, "a long wrap_up, ended by the agent, comes nearest")
    return STATUSES.get(text, "logged_out")


def dialled(agent: Agent, say: Say) -> str:
    name, contact = shown(agent.name), agent.text("contact")
    found = address(contact)
    user, domain = parted(agent.name)
    guess = f"user/{slug(user, 'agent')}" + (f"@{slug(domain)}" if domain and "." not in domain else "")
    guess = f"user/{agent.name}" if address(f"user/{agent.name}").text else guess
    if agent.text("type") == "uuid-standby":
        text = f"agent {name} calls in and stands by; fsroute calls the agent's phone for the shift"
        say(agent.place, text, f"the address is {found.text or guess}: correct it where it is another")
    elif not found.text:
        text = f"agent {name}: contact {shown(contact) or 'is not there'}: no endpoint that fsroute dials"
        say(agent.place, text, f"the address is {guess}: correct it")
    if found.others:
        say(agent.place, f"agent {name}: of {found.others + 1} endpoints the first is dialled")
    lost = sorted(found.variables.keys() - set(TIMEOUTS))
    if lost:
        text = f"agent {name}: {shown(', '.join(lost))} of the dial string are not set"
        say(agent.place, text, "set them at the endpoint, as in the directory's user or the gateway")
    return found.text or guess


def set_aside(agent: Agent, say: Say) -> int:
    delays = {
        key: agent.whole(key) for key in ("no-answer-delay-time", "reject-delay-time", "busy-delay-time")
    }
    longest = max(delays.values())
    if len(set(delays.values())) > 1:
        told = ", ".join(f"{key} {seconds}" for key, seconds in delays.items())
        text = f"agent {shown(agent.name)}: {told}: fsroute has one time for all"
        say(agent.place, text, f"set_aside is {longest}")
    return longest or SET_ASIDE


def miss_then(agent: Agent, queues: Iterable[Queue], say: Say) -> str:
    if not agent.whole("max-no-answer"):
        return "on_break"
    found = {queue.text("agent-no-answer-status", "On Break") for queue in queues}
    usable = {"On Break": "on_break", "Logged Out": "logged_out"}
    if len(found) > 1 or not found <= usable.keys():
        text = f"agent {shown(agent.name)}: after max-no-answer {shown(', '.join(sorted(found)))}"
        say(agent.place, text, "miss_then is on_break")
        return "on_break"
    return usable[next(iter(found), "On Break")]
