"""Caller information from channel data: all of it is the caller's word."""

from __future__ import annotations

from datetime import UTC, datetime

from fsroute.esl.messages import Event
from fsroute.model.contact import CallerInformation


def caller_information(channel: Event, now: float) -> CallerInformation:
    """What a channel says of its caller; `now` is in seconds since the epoch."""
    return CallerInformation(
        number=_clean(channel.get("Caller-Caller-ID-Number"), 64),
        name=_clean(channel.get("Caller-Caller-ID-Name"), 128),
        number_called=_clean(
            channel.get("variable_fsroute_number_called") or channel.get("Caller-Destination-Number"), 64
        ),
        arrived_at=datetime.fromtimestamp(now, UTC),
        language=_clean(channel.get("variable_default_language"), 16) or "en",
        network={
            "address": _clean(channel.get("Caller-Network-Addr"), 64),
            "sip_call_id": _clean(channel.get("variable_sip_call_id"), 128),
            "codec": _clean(channel.get("variable_read_codec"), 32),
        },
    )


def _clean(text: str | None, longest: int) -> str:
    """Control characters out, length bounded: PostgreSQL refuses a zero byte, people refuse the rest."""
    return "".join(letter for letter in (text or "") if letter.isprintable())[:longest]
