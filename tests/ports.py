"""Ports for processes that are started, killed and started again where they were."""

from __future__ import annotations

import random
import socket


def free_port() -> int:
    """One that nobody uses now, and that the kernel gives to nobody while its process is dead."""
    while True:
        port = random.SystemRandom().randrange(20_000, 30_000)
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            continue
        return port
