"""The section [install]: what `fsroute install` puts on a FreeSWITCH that somebody else administers."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from typing import Annotated, Final

from msgspec import Meta

from fsroute.config.dialplan import check_text, one_of, within
from fsroute.config.section import Section

MOST_NETWORKS = 90
"""mod_sofia takes 100 access lists for a profile (SOFIA_MAX_ACL)."""

RTP_TIMERS: Final[Mapping[str, str]] = {"soft": "", "posix": "posix_timer", "timerfd": "timerfd"}
"""By what a SIP profile's calls are timed (``rtp-timer-name``), and the module that the timer is of; FreeSWITCH's own
needs none. Without its module they are not timed at all: who sends nothing hears nothing."""

_CODEC = re.compile(r"[A-Za-z0-9@.-]+")
Context = Annotated[str, Meta(pattern=r"^([A-Za-z0-9][A-Za-z0-9_.-]{0,63})?$")]


class Install(Section, frozen=True):
    """What `fsroute install` adds to FreeSWITCH's configuration.

    The toll-free numbers are those of [dialplan] and, with `numbers_from_database`, all that the database holds.
    Callers enter in the dialplan's context `entry_context`, agents' phones dial in `feature_context`; both include
    the files of the folder of their name. Empty: nobody enters there. A profile for network legs is made where
    [links] address says how other switches reach this one; it listens at `link_ip` (empty: the address itself, or
    FreeSWITCH's own where that is a name) and takes calls from `link_networks` (CIDR), or, where none are given,
    from the switches in the database whose addresses are no names. Its calls are timed by `rtp_timer`, one of
    `RTP_TIMERS`, which FreeSWITCH must have loaded.
    """

    numbers_from_database: bool = True
    entry_context: Context = "public"
    feature_context: Context = "default"
    link_ip: str = ""
    link_networks: tuple[str, ...] = ()
    link_codecs: tuple[str, ...] = ("PCMU", "PCMA")
    link_session_timeout_s: int = 120
    rtp_timer: str = "soft"
    link_certificates: Annotated[str, Meta(pattern=r"^(/[A-Za-z0-9_./-]{1,200})?$")] = ""

    def __post_init__(self) -> None:
        try:
            if self.link_ip:
                ipaddress.ip_address(self.link_ip)
            for network in self.link_networks:
                ipaddress.ip_network(network)
        except ValueError as error:
            raise ValueError(f"link_ip or link_networks: {error}") from None
        if len(self.link_networks) > MOST_NETWORKS:
            raise ValueError(f"link_networks names more than {MOST_NETWORKS} networks")
        for codec in self.link_codecs:
            check_text("link_codecs", codec, _CODEC)
        one_of("rtp_timer", self.rtp_timer, RTP_TIMERS)
        within("link_session_timeout_s", self.link_session_timeout_s, 90, 86_400)
