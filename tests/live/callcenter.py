"""mod_callcenter of a real switch, as its administrator has it: by ``callcenter_config``."""

from __future__ import annotations

from tests.live.freeswitch import FreeSwitch
from tests.live.sip import Phone


class Callcenter:
    """The mod_callcenter of a switch: agents that tests bring, and what it says of them."""

    def __init__(self, switch: FreeSwitch) -> None:
        self._switch = switch
        self._agents: list[str] = []

    def agent(self, name: str, phone: Phone, queue: str = "support@default", **settings: object) -> Phone:
        self.agent_at(name, phone.address, queue, **settings)
        return phone

    def agent_at(self, name: str, address: str, queue: str = "support@default", **settings: object) -> None:
        self._agents.append(name)
        self._config(f"agent add {name} callback")
        self._config(f"agent set contact {name} [leg_timeout=4]sofia/fsroute_agents/{address}")
        for setting, value in settings.items():
            self._config(f"agent set {setting} {name} {value}")
        self._config(f"agent set status {name} Available")
        self._config(f"agent set state {name} Waiting")
        self._config(f"tier add {queue} {name} 1 1")

    def of(self, name: str) -> dict[str, str]:
        """An agent's row."""
        return next(row for row in self._table("agent list") if row["name"] == name)

    def members(self, queue: str = "support@default") -> list[dict[str, str]]:
        return self._table(f"queue list members {queue}")

    def dismiss(self) -> None:
        for name in self._agents:
            self._config(f"agent del {name}")

    def _config(self, command: str) -> str:
        answer = self._switch.api(f"callcenter_config {command}")
        assert answer.startswith("+OK"), answer
        return answer

    def _table(self, command: str) -> list[dict[str, str]]:
        names, *rows = self._switch.api(f"callcenter_config {command}").strip().splitlines()
        return [dict(zip(names.split("|"), row.split("|"), strict=True)) for row in rows if "|" in row]
