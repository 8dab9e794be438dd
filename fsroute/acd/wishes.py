"""Why a wish of an agent's is not fulfilled."""

from __future__ import annotations

from fsroute.errors import FsrouteError


class Refused(FsrouteError):
    """What an agent asks for cannot be; the text says why."""
