"""Caller information from channel data: all of it is the caller's word."""

from __future__ import annotations

from datetime import UTC, datetime

from fsroute.esl.messages import Event
from fsroute.model.contact import CallerInformation

LATE = 60.0  # seconds that may pass from a call's arrival at the switch until this process has it


def caller_information(channel: Event, now: float, clock_offset: float = 0.0) -> CallerInformation:
    """What a channel says of its caller.

    `now` is in seconds since the epoch by the database's clock, `clock_offset` what that is ahead of this host's.
    """
    return CallerInformation(
        number=_clean(channel.get("Caller-Caller-ID-Number"), 64),
        name=_clean(channel.get("Caller-Caller-ID-Name"), 128),
        number_called=number_called(channel),
        arrived_at=datetime.fromtimestamp(_arrival(channel, now, clock_offset), UTC),
        language=_clean(channel.get("variable_default_language"), 16) or "en",
        network={
            "address": _clean(channel.get("Caller-Network-Addr"), 64),
            "sip_call_id": _clean(channel.get("variable_sip_call_id"), 128),
            "codec": _clean(channel.get("variable_read_codec"), 32),
        },
    )


def number_called(channel: Event) -> str:
    """What a channel says that its caller has called."""
    return _clean(
        channel.get("variable_fsroute_number_called") or channel.get("Caller-Destination-Number"), 64
    )


def _arrival(channel: Event, now: float, clock_offset: float) -> float:
    """When the call came to the switch, whatever it took to get here: calls keep the order of the wire."""
    text = channel.get("Caller-Channel-Created-Time", "")
    created = int(text) / 1e6 + clock_offset if text.isdecimal() and len(text) < 20 else 0.0
    return created if now - LATE <= created <= now else now


def _clean(text: str | None, longest: int) -> str:
    """Control characters out, length bounded: PostgreSQL refuses a zero byte, people refuse the rest."""
    return "".join(letter for letter in (text or "") if letter.isprintable())[:longest]
