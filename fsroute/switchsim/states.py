"""Channel states and call states with FreeSWITCH's numbers, and what interrupts an application."""

from __future__ import annotations

NEW = "CS_NEW"
INIT = "CS_INIT"
ROUTING = "CS_ROUTING"
SOFT_EXECUTE = "CS_SOFT_EXECUTE"
EXECUTE = "CS_EXECUTE"
EXCHANGE_MEDIA = "CS_EXCHANGE_MEDIA"
PARK = "CS_PARK"
CONSUME_MEDIA = "CS_CONSUME_MEDIA"
HIBERNATE = "CS_HIBERNATE"
RESET = "CS_RESET"
HANGUP = "CS_HANGUP"
REPORTING = "CS_REPORTING"
DESTROY = "CS_DESTROY"
NONE = "CS_NONE"

STATE_NUMBERS = {
    NEW: 0,
    INIT: 1,
    NONE: 1,
    ROUTING: 2,
    SOFT_EXECUTE: 3,
    EXECUTE: 4,
    EXCHANGE_MEDIA: 5,
    PARK: 6,
    CONSUME_MEDIA: 7,
    HIBERNATE: 8,
    RESET: 9,
    HANGUP: 10,
    REPORTING: 11,
    DESTROY: 12,
}

CALL_STATE_NUMBERS = {
    "DOWN": 0,
    "DIALING": 1,
    "RINGING": 2,
    "EARLY": 3,
    "ACTIVE": 4,
    "HELD": 5,
    "RING_WAIT": 6,
    "HANGUP": 7,
    "UNHELD": 8,
}


class Left(Exception):
    """The channel must leave what it runs: it was hung up, transferred or put to another state."""
