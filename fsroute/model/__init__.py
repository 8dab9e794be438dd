"""The nouns of a contact center: frozen values, no I/O."""

from fsroute.model.agent import Agent, AgentStatus, Authorization, Held, MediumSlots
from fsroute.model.contact import CallerInformation, Demand, Lead, LeadKind, Outcome, Queue
from fsroute.model.proxy_call import AgentLeg, CallerLeg, NetworkLeg, ProxyCall, State
from fsroute.model.routing import CallbackTerms, Routing, TimeLineStep, Way

__all__ = [
    "Agent",
    "AgentLeg",
    "AgentStatus",
    "Authorization",
    "CallbackTerms",
    "CallerInformation",
    "CallerLeg",
    "Demand",
    "Held",
    "Lead",
    "LeadKind",
    "MediumSlots",
    "NetworkLeg",
    "Outcome",
    "ProxyCall",
    "Queue",
    "Routing",
    "State",
    "TimeLineStep",
    "Way",
]
