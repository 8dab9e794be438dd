"""Hang-up causes: their Q.850 numbers, and what ``bridge`` writes into DIALSTATUS for them."""

from __future__ import annotations

Q850 = {
    "NONE": 0,
    "UNALLOCATED_NUMBER": 1,
    "NO_ROUTE_TRANSIT_NET": 2,
    "NO_ROUTE_DESTINATION": 3,
    "NORMAL_CLEARING": 16,
    "USER_BUSY": 17,
    "NO_USER_RESPONSE": 18,
    "NO_ANSWER": 19,
    "SUBSCRIBER_ABSENT": 20,
    "CALL_REJECTED": 21,
    "NUMBER_CHANGED": 22,
    "DESTINATION_OUT_OF_ORDER": 27,
    "INVALID_NUMBER_FORMAT": 28,
    "RESPONSE_TO_STATUS_ENQUIRY": 30,
    "NORMAL_UNSPECIFIED": 31,
    "NORMAL_CIRCUIT_CONGESTION": 34,
    "NETWORK_OUT_OF_ORDER": 38,
    "NORMAL_TEMPORARY_FAILURE": 41,
    "SWITCH_CONGESTION": 42,
    "REQUESTED_CHAN_UNAVAIL": 44,
    "BEARERCAPABILITY_NOTAVAIL": 58,
    "SERVICE_NOT_IMPLEMENTED": 79,
    "INCOMPATIBLE_DESTINATION": 88,
    "RECOVERY_ON_TIMER_EXPIRE": 102,
    "INTERWORKING": 127,
    "SUCCESS": 142,
    "ORIGINATOR_CANCEL": 487,
    "CRASH": 500,
    "SYSTEM_SHUTDOWN": 501,
    "LOSE_RACE": 502,
    "MANAGER_REQUEST": 503,
    "BLIND_TRANSFER": 600,
    "ATTENDED_TRANSFER": 601,
    "ALLOTTED_TIMEOUT": 602,
    "USER_CHALLENGE": 603,
    "MEDIA_TIMEOUT": 604,
    "PICKED_OFF": 605,
    "USER_NOT_REGISTERED": 606,
    "PROGRESS_TIMEOUT": 607,
    "INVALID_GATEWAY": 608,
    "GATEWAY_DOWN": 609,
    "INVALID_URL": 610,
    "INVALID_PROFILE": 611,
}

_BY_NUMBER = {str(number): name for name, number in Q850.items()}

_DIALSTATUS = {
    "ORIGINATOR_CANCEL": "CANCEL",
    "USER_BUSY": "BUSY",
    "NO_ANSWER": "NOANSWER",
    "DESTINATION_OUT_OF_ORDER": "INVALIDARGS",
    "INVALID_PROFILE": "INVALIDARGS",
    "CALL_REJECTED": "DONTCALL",
}

_SIP = {
    "400": "NORMAL_TEMPORARY_FAILURE",
    "403": "CALL_REJECTED",
    "404": "UNALLOCATED_NUMBER",
    "408": "RECOVERY_ON_TIMER_EXPIRE",
    "480": "NO_USER_RESPONSE",
    "486": "USER_BUSY",
    "503": "NORMAL_TEMPORARY_FAILURE",
    "600": "USER_BUSY",
    "603": "CALL_REJECTED",
}

ALWAYS_CONTINUES = frozenset({"NO_ANSWER", "NO_USER_RESPONSE", "ORIGINATOR_CANCEL"})
"""Causes after which a failed ``bridge`` leaves the caller alone even without continue_on_fail."""


def parse_cause(text: str) -> str:
    """Read a cause by name or number; anything else is NORMAL_CLEARING, as in switch_channel_str2cause."""
    word = text.strip().upper()
    if word in Q850:
        return word
    return _BY_NUMBER.get(word, "NORMAL_CLEARING")


def dial_status(cause: str) -> str:
    """Return what ``bridge`` sets DIALSTATUS to (switch_ivr_originate.c)."""
    return _DIALSTATUS.get(cause, cause)


def cause_of_response(sip_status: str) -> str:
    """Return the cause for the SIP status of ``respond``."""
    return _SIP.get(sip_status, "NORMAL_CLEARING")
