"""The section of the CTI processor."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from fsroute.config.section import Count, Seconds, Section


class Cti(Section, frozen=True):
    """What of this host's switch is watched, and how long it is kept. Times in seconds, `retention` in days.

    `own` are fsroute's queues and agents, `callcenter` mod_callcenter's, `users` registered telephones that are no
    agent's, `calls` all calls that come in, by number too. `profiles` are the SIP profiles whose telephones count
    (empty: all). The service level is the part answered within `service_level`; `service_levels` has other
    limits by queue (``center/queue``, or the name in mod_callcenter). Every `reconcile` what was heard is held
    against the switch's own lists. Activity that is older than `stale_after` is shown as stale.
    """

    own: bool = True
    callcenter: bool = True
    users: bool = True
    calls: bool = True
    profiles: tuple[str, ...] = ()
    service_level: Seconds = 20.0
    service_levels: dict[str, Seconds] = {}
    heartbeat: Annotated[float, Meta(ge=0.2, le=60)] = 2.0
    reconcile: Annotated[float, Meta(ge=1, le=3600)] = 60.0
    stale_after: Seconds = 10.0
    retention_intervals: Count = 35
    retention: Count = 400
