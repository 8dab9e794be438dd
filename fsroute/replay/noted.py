"""What a capture says was decided: pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from fsroute.model.routing import TERMS, Routing


def is_as_noted(now: Routing, note: Mapping[str, Any]) -> bool:
    """A capture that was accepted says itself what was decided; its journal says what was then."""
    terms = {name: getattr(now, name) for name in TERMS}
    known = msgspec.json.decode(msgspec.json.encode(terms))
    return all(name in note and note[name] == value for name, value in known.items())
