"""The nouns of a contact center: frozen values, no I/O."""

from fsroute.model.agent import Agent, AgentStatus, Authorization
from fsroute.model.contact import CallerInformation, Demand, Lead, LeadKind, Outcome, Queue
from fsroute.model.proxy_call import AgentLeg, NetworkLeg, ProxyCall, State

__all__ = [
    "Agent",
    "AgentLeg",
    "AgentStatus",
    "Authorization",
    "CallerInformation",
    "Demand",
    "Lead",
    "LeadKind",
    "NetworkLeg",
    "Outcome",
    "ProxyCall",
    "Queue",
    "State",
]
