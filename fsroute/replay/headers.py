"""What the headers of FreeSWITCH's events hold, as far as scrubbing has to know. Pure."""

from __future__ import annotations

import enum
import re
from functools import lru_cache
from typing import Final


class Kind(enum.Enum):
    """How the value of a header is scrubbed."""

    KEPT = enum.auto()  # the protocol's own: as it is
    TEXT = enum.auto()  # numbers, public addresses and what is known to be somebody's name
    NAME = enum.auto()  # somebody's name, or words that a caller chose: every word
    NUMBER = enum.auto()  # a number, or the name of a user
    URI = enum.auto()  # of SIP: display name and user
    STATE = enum.auto()  # an application's position, with the facts that it has learned
    DIGITS = enum.auto()  # what a caller keyed
    DIGIT = enum.auto()  # one key


_NAME: Final = re.compile(
    r"(?:^|[-_])(?:(?:caller|callee|orig|cid|id)[-_](?:id[-_])?name|display|display[-_]name|from[-_]name)$"
    r"|^variable_sip_h_(?!x-fsroute)|^variable_sip_subject$|^variable_sip_geo"
)
_NUMBER: Final = re.compile(
    r"(?:^|[-_])(?:(?:caller|callee|orig|cid|id)[-_](?:id[-_])?(?:number|num)|ani|aniii|rdnis|username)$"
    r"|^variable_sip_(?:from|contact|p_asserted|ppid|paid)_user(?:_stripped)?$|^variable_sip_auth_username$"
)
_URI: Final = re.compile(
    r"channel[-_]name$|^variable_caller_id$|presence[-_](?:id|data)$"
    r"|^variable_sip_(?:full_)?(?:from|contact|remote[-_]party|p[-_]|ppid|paid|history|diversion|refer|recover|reply|"
    r"reason|rpid|cid|to_uri|call_info|user_to_user|invite_)"
)
_KEPT: Final = re.compile(
    r"^(?:variable_)?(?:event-(?:name|date-.*|calling-.*|sequence|subclass)|core-uuid|freeswitch-(?:hostname|"
    r"switchname|version))$"
    r"|uuid$|unique-id$|^channel-(?:state|call-state)|^original-channel|^answer-state$|direction$|^channel-hit"
    r"|^hangup-cause|^content-|[-_]time$|[-_](?:profile-index|dialplan|context|source|screen-bit|hide-name|"
    r"hide-number)$|^application$|^application-response$|^dtmf-(?:duration|source)$|^speech-type$|^job-command$"
    r"|^playback-status$|^control$|^socket-mode$|^linger-time$|^variable_(?:current_application|last_app)$"
    r"|codec|^variable_rtp_(?!local_sdp)|_(?:epoch|uepoch|stamp|ms|samples|seconds|size|count|bytes|rate|port|pt|tag|"
    r"flow|pos|disposition|cause|status|phrase|accum|payload|ptime|ssrc|cseq|usec|history|mode|role|result|type|"
    r"protocol|loops|loop)$|(?:sec|duration)$|^variable_(?:fsroute_contact|fsroute_callserver|session_id|dtmf_type|"
    r"sip_call_id|sip_via_.*|max_forwards|endpoint_disposition|sip_allow|sip_user_agent)$"
)
_DIGITS: Final = re.compile(
    r"^variable_(?:fsroute_(?:digits|keyed)_\d+(?:_invalid)?|digits_dialed|playback_terminator_used)$"
)


@lru_cache(maxsize=4096)
def kind_of(name: str) -> Kind:
    """By the header's name; what nobody knows is text."""
    lower = name.lower()
    if lower == "variable_fsroute_state":
        return Kind.STATE
    if lower == "dtmf-digit":
        return Kind.DIGIT
    if _DIGITS.search(lower):
        return Kind.DIGITS
    if _NAME.search(lower):
        return Kind.NAME
    if _NUMBER.search(lower):
        return Kind.NUMBER
    if _KEPT.search(lower):
        return Kind.KEPT
    if _URI.search(lower):
        return Kind.URI
    return Kind.TEXT


SENSITIVE: Final = re.compile(
    r"name|number|phone|mobile|mail|address|street|city|account|pin$|^pin|iban|card|birth|customer_id|password|secret",
    re.IGNORECASE,
)
"""Names of facts about callers whose values are replaced whole."""
