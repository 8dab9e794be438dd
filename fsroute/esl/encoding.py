"""How FreeSWITCH writes values on the event socket (``switch_url_encode_opt`` in switch_utils.c). Pure."""

from __future__ import annotations

import re
from functools import lru_cache

_UNSAFE = re.compile(rb'%(?![0-9A-F]{2})|[^ -~]|[ #&+:;<=>?@\[\\\]^`{|}"]')
_PLAIN = re.compile(r"[A-Za-z0-9_.,/()!'*$~-]*\Z")


@lru_cache(maxsize=8192)
def url_encode(value: str) -> str:
    """Encode a header's value; a ``%XX`` in upper case that is already there stays as it is.

    A line end is the only thing that must never survive; the doubtful ``%XX`` is FreeSWITCH's
    own way and makes decoding ambiguous by nature.
    """
    if _PLAIN.match(value):
        return value
    raw = value.encode("utf-8", "surrogateescape")
    return _UNSAFE.sub(lambda match: b"%%%02X" % match[0][0], raw).decode("ascii")
