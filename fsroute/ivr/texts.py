"""Text that others sent, as one line that may be kept and shown: pure."""

from __future__ import annotations

_CONTROL = (*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029)  # line ends of all kinds among them
_SURROGATES = range(0xD800, 0xE000)
_UNWANTED = {**dict.fromkeys(_CONTROL, " "), **dict.fromkeys(_SURROGATES, "\ufffd")}


def clean(text: str) -> str:
    """The text without line ends, NUL, other control characters and lone surrogates."""
    return text.translate(_UNWANTED)
