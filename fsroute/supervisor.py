"""What systemd is told of this process, as sd_notify(3) has it: a datagram to the socket in NOTIFY_SOCKET.

A unit of ``Type=notify`` counts as started when the process says so: what comes after it in order finds it serving.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Mapping

log = logging.getLogger(__name__)

READY = "READY=1"
STOPPING = "STOPPING=1"


def within(seconds: float) -> str:
    """The present start or stop may take so long from now on, whatever the unit says."""
    return f"EXTEND_TIMEOUT_USEC={round(seconds * 1_000_000)}"


def tell(*states: str, environment: Mapping[str, str] = os.environ) -> bool:
    """Send `states`; returns whether somebody was there to be told. What fails is logged, and harms nothing."""
    place = environment.get("NOTIFY_SOCKET", "")
    if not place.startswith(("/", "@")):
        return False
    address = f"\0{place[1:]}" if place.startswith("@") else place
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as notify:
            notify.settimeout(1.0)
            notify.sendto("\n".join(states).encode(), address)
    except OSError as error:
        log.warning("the supervisor at %s is not told %s: %s", place, " ".join(states), error)
        return False
    return True
