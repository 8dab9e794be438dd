"""The section of the routing processor."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from fsroute.config.section import Count, Seconds, Secret, Section, require_fields


class Scp(Section, frozen=True):
    """The routing processor: an outbound event-socket server for calls that nobody has answered yet.

    It serves calls where there is a `listen_port`, and decisions over HTTP where there is an `http_port`; a peer shows
    the `http_token` (at least 16 characters). A switch without a sign of life for `stale` gets no calls, a call on its
    way to an agent counts as the agent's for `confirm`. `dial_string` is for agents and doors outside fsroute,
    ``{address}`` is ``user@host``; they may ring for `ring`. Numbers that rules send calls to are
    transferred to `number_to`.
    """

    listen_host: str = "127.0.0.1"
    listen_port: Annotated[int, Meta(ge=0, le=65535)] = 0
    max_sessions: Count = 1000
    stale: Seconds = 12.0
    confirm: Annotated[float, Meta(ge=1, le=60)] = 5.0
    ring: Seconds = 20.0
    dial_string: str = "sofia/fsroute_link/{address}"
    number_to: Annotated[str, Meta(pattern=r"^[A-Za-z]+ [A-Za-z0-9_.-]+$")] = "XML default"
    http_host: str = "127.0.0.1"
    http_port: Annotated[int, Meta(ge=0, le=65535)] = 0
    http_token: Secret = Secret("")
    http_token_file: str = ""
    http_connections: Count = 100
    http_rate: Annotated[float, Meta(gt=0, le=100_000)] = 200.0

    def __post_init__(self) -> None:
        require_fields("dial_string", self.dial_string, {"address"})

    @property
    def serves(self) -> bool:
        return bool(self.listen_port or self.http_port)
