"""What a recogniser says that the caller said, as the keys that it stands for: pure.

All of it is data from outside: bounded, and taken for nothing but words that are compared.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from xml.etree import ElementTree

from fsroute.ivr.actions import Said

LONGEST_RESULT = 20_000  # characters
LONGEST_SAID = 200  # characters

DIGIT_WORDS = {
    "en": ("zero oh", "one", "two to too", "three", "four for", "five", "six", "seven", "eight", "nine"),
    "es": ("cero", "uno una un", "dos", "tres", "cuatro", "cinco", "seis", "siete", "ocho", "nueve"),
    "de": ("null", "eins ein", "zwei zwo", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun"),
}
"""How the digits 0 to 9 are said."""


def said(result: str) -> Said | None:
    """What ``play_and_detect_speech`` gave: NLSML (RFC 6787, section 6.3), JSON, or the bare text.

    None: nothing was understood.
    """
    text = result.strip()
    if not text or len(text) > LONGEST_RESULT:
        return None
    if text.startswith("<"):
        found = _from_nlsml(text)
    elif text.startswith("{"):
        found = _from_json(text)
    else:
        found = (text, 1.0)
    if found is None or not normal(found[0]):
        return None
    return Said(normal(found[0]), min(1.0, max(0.0, found[1])))


def normal(text: str) -> str:
    """Words as they are compared: lower case, one blank between them, nothing but letters and digits."""
    return " ".join(re.findall(r"[\w*#]+", text.casefold()))[:LONGEST_SAID]


def keys_meant(words: Mapping[str, str], text: str) -> str:
    """The keys that what was said stands for; empty: none."""
    heard = normal(text)
    return next((keys for phrase, keys in words.items() if normal(phrase) == heard), "")


def digits_meant(language: str, text: str) -> str:
    """What was said as digits; empty where a word of it is none."""
    spoken = DIGIT_WORDS.get(re.split("[-_]", language)[0], ())
    values = {word: str(digit) for digit, words in enumerate(spoken) for word in words.split()}
    digits = [values.get(word, word) for word in normal(text).split()]
    return "".join(digits) if all(re.fullmatch("[0-9*#]+", each) for each in digits) else ""


def _from_nlsml(text: str) -> tuple[str, float] | None:
    if "<!" in text:  # no document types, no entities
        return None
    try:
        root = ElementTree.fromstring(re.sub(r"^<\?.*?\?>", "", text))
    except ElementTree.ParseError:
        return None
    for interpretation in root.iter():
        if _local(interpretation.tag) == "interpretation":
            parts = {_local(part.tag): part for part in interpretation}
            words = parts["input"] if "input" in parts else parts.get("instance")
            spoken = "" if words is None else "".join(words.itertext())
            return spoken, _confidence(interpretation.get("confidence", "1"))
    return None


def _from_json(text: str) -> tuple[str, float] | None:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return None
    spoken = document.get("text") if isinstance(document, dict) else None
    if not isinstance(spoken, str):
        return None
    return spoken, _confidence(document.get("confidence", 1.0))


def _local(tag: object) -> str:
    return str(tag).rpartition("}")[2]


def _confidence(value: object) -> float:
    """From 0 to 1; some recognisers count to 100."""
    try:
        number = float(value) if isinstance(value, str | int | float) else 0.0
    except (ValueError, OverflowError):
        return 0.0
    if not 0.0 <= number <= 100.0:
        return 0.0
    return number / 100 if number > 1.0 else number
