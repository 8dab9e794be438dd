"""An ACD of another make that serves a queue, as the rules name it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

OWN = "fsroute"
"""What a rule calls fsroute's own queue, where the queue's row names another ACD."""


@dataclass(frozen=True, slots=True)
class OtherAcd:
    """Where a contact waits that fsroute does not distribute itself; it goes to SQL as JSON.

    `adapter` names the entry point of the group ``fsroute.acd`` that speaks with it, `switch_id` the switch beside
    it; `parameters` are the adapter's.
    """

    name: str
    adapter: str
    switch_id: str
    parameters: Mapping[str, str] = field(default_factory=dict, hash=False)

    @classmethod
    def load(cls, document: Mapping[str, Any]) -> OtherAcd:
        parameters = {str(name): str(value) for name, value in (document.get("parameters") or {}).items()}
        return cls(str(document["name"]), str(document["adapter"]), str(document["switch_id"]), parameters)

    def dump(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "adapter": self.adapter,
            "switch_id": self.switch_id,
            "parameters": dict(self.parameters),
        }

    @property
    def tells_offers(self) -> bool:
        """It tells of an agent who is about to be there; if not, the lead ``offered`` comes while the contact waits."""
        return self.parameters.get("tells_offers", "false" if self.adapter == "sip" else "true") == "true"
