"""Reading a context as mod_dialplan_xml does, as far as a number called decides. Pure."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass

MOST_TEXT = 4_000_000  # characters of one context; expressions are the administrator's own


@dataclass(frozen=True, slots=True)
class Leads:
    """Where a number leads in a context: the extension that takes it for certain, and those before that might.

    `extension` is empty where none takes it.
    """

    extension: str
    to_fsroute: bool
    doubtful: tuple[str, ...] = ()


def leads(context: str, number: str) -> Leads:
    """Where a call to `number` goes in the XML of a context.

    Raises:
        ValueError: the text is no XML.
    """
    doubtful = []
    for extension in parse(context).iter("extension"):
        certainty = _takes(extension, number)
        if certainty is None and _does_something(extension):
            doubtful.append(extension.get("name", "(without a name)"))
        if certainty and extension.get("continue") != "true":
            return Leads(extension.get("name", "(without a name)"), _is_ours(extension), tuple(doubtful))
    return Leads("", False, tuple(doubtful))


def socket_hosts(context: str) -> tuple[str, ...]:
    """The addresses (``host:port``) that the ``socket`` applications of a context lead to, each once.

    Raises:
        ValueError: the text is no XML.
    """
    found: dict[str, None] = {}
    for action in parse(context).iter("action"):
        if action.get("application") == "socket":
            words = action.get("data", "").split()
            found |= dict.fromkeys(each for each in (words[0].split("|") if words else ()) if each)
    return tuple(found)


def has_extension(context: str, name: str) -> bool:
    """Whether a context has an extension of this name; raises as `leads`."""
    return any(each.get("name") == name for each in parse(context).iter("extension"))


def sets(context: str, application: str, text: str) -> bool:
    """Whether somewhere in a context an application is given `text`; raises as `leads`."""
    return any(
        action.get("application") == application and text in action.get("data", "")
        for action in parse(context).iter("action")
    )


def parse(context: str) -> ElementTree.Element:
    if len(context) > MOST_TEXT:
        raise ValueError(f"the context has more than {MOST_TEXT} characters")
    if "<!DOCTYPE" in context or "<!ENTITY" in context:
        raise ValueError("the context declares entities")
    try:
        return ElementTree.fromstring(context)
    except ElementTree.ParseError as error:
        raise ValueError(f"not well-formed: {error}") from None


def _takes(extension: ElementTree.Element, number: str) -> bool | None:
    """True: it takes the number; False: it does not; None: it depends on more than the number."""
    conditions = list(extension.findall("condition"))
    answers = [_matches(each, number) for each in conditions]
    if not conditions:
        return False
    if any(each.get("break") in ("never", "on-true", "always") for each in conditions):
        return None if len(conditions) > 1 else answers[0]
    if any(answer is False for answer in answers):
        return False
    return None if None in answers else True


def _matches(condition: ElementTree.Element, number: str) -> bool | None:
    field = condition.get("field")
    others = set(condition.attrib) - {"field", "expression", "break", "require-nested"}
    if field is None and not others and condition.find("regex") is None:
        return True  # one without a field always matches
    if field != "destination_number" or others or condition.find("regex") is not None:
        return None
    try:
        return re.search(condition.get("expression", ""), number) is not None
    except re.error:
        return None


def _does_something(extension: ElementTree.Element) -> bool:
    """Whether an extension may take a call away: one that only sets variables and continues may not."""
    return extension.get("continue") != "true" and extension.find(".//action") is not None


def _is_ours(extension: ElementTree.Element) -> bool:
    """Whether it hands the call to one of fsroute's contexts."""
    return any(
        action.get("application") == "transfer" and action.get("data", "").split()[-1:] in OURS
        for action in extension.iter("action")
    )


OURS = (["fsroute"], ["fsroute_before_answer"], ["fsroute_features"])
