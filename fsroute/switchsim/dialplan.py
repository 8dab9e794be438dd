"""A small interpreter of XML dialplans, so that the stand-in runs what a real switch runs. Pure.

Understood: contexts, extensions (``continue``), conditions (``field``, ``expression``, ``break`` =
on-false, on-true, always, never), actions, anti-actions, ``inline``, ``$1`` from the expression,
``$${global}``. Not understood: nested conditions, ``<regex>``, time-of-day fields (never match).
Source: mod_dialplan_xml.c.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from fsroute.switchsim.encoding import is_true
from fsroute.switchsim.variables import Lookup, expand

_GLOBAL = re.compile(r"\$\$\{([^}]*)\}")
_GROUP = re.compile(r"\$(\d)")
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_PROFILE_FIELDS = {
    "destination_number",
    "caller_id_number",
    "caller_id_name",
    "network_addr",
    "ani",
    "username",
    "context",
    "uuid",
    "source",
    "chan_name",
    "rdnis",
    "dialplan",
}


@dataclass(frozen=True, slots=True)
class Action:
    """One application to run, its argument with ``$1`` filled in and ``${…}`` not yet expanded."""

    application: str
    data: str = ""


@dataclass(frozen=True, slots=True)
class _Condition:
    field: str
    expression: re.Pattern[str] | None
    breaks: str
    actions: tuple[tuple[Action, bool], ...]
    anti_actions: tuple[tuple[Action, bool], ...]


@dataclass(frozen=True, slots=True)
class _Extension:
    name: str
    continues: bool
    conditions: tuple[_Condition, ...]


class Dialplan:
    """Contexts by name; `route` gives the actions for one call."""

    def __init__(self) -> None:
        self._contexts: dict[str, list[_Extension]] = {}
        self._elements: dict[str, ElementTree.Element] = {}

    @classmethod
    def parse(
        cls, *documents: str, globals_: Mapping[str, str] | None = None, context: str = "default"
    ) -> Dialplan:
        """Read documents in order; an extension outside any context belongs to `context`.

        Raises:
            xml.etree.ElementTree.ParseError: a document is not well-formed.
        """
        dialplan = cls()
        for document in documents:
            dialplan.add(document, globals_ or {}, context)
        return dialplan

    @classmethod
    def load(cls, folder: Path, globals_: Mapping[str, str] | None = None) -> Dialplan:
        """Read a folder laid out as FreeSWITCH's ``dialplan``: ``*.xml`` and ``<context>/*.xml``."""
        dialplan = cls()
        for path in sorted(folder.rglob("*.xml")):
            context = path.parent.name if path.parent != folder else "default"
            dialplan.add(path.read_text("utf-8"), globals_ or {}, context)
        return dialplan

    def add(self, document: str, globals_: Mapping[str, str], context: str = "default") -> None:
        """Read one more document; contexts of one name are joined in the order they come."""
        text = _GLOBAL.sub(lambda match: _escape(globals_.get(match[1], "")), _COMMENT.sub("", document))
        root = ElementTree.fromstring(text)
        found = list(root.iter("context")) if root.tag != "context" else [root]
        for element in found:
            self._extend(element.get("name", context), element)
        if not found:
            self._extend(context, root)

    def _extend(self, name: str, element: ElementTree.Element) -> None:
        extensions = self._contexts.setdefault(name, [])
        self._elements.setdefault(name, ElementTree.Element("context", name=name)).extend(
            element.iter("extension")
        )
        extensions.extend(_read_extension(child) for child in element.iter("extension"))

    def text(self, name: str) -> str | None:
        """A context as XML, which ``xml_locate`` shows; None: there is no such context."""
        element = self._elements.get(name)
        return None if element is None else ElementTree.tostring(element, encoding="unicode")

    def route(
        self, context: str, lookup: Lookup, inline: Callable[[Action], None] | None = None
    ) -> list[Action]:
        """Return the actions of a call in `context`, as mod_dialplan_xml collects them.

        `lookup` answers profile fields and variables by name; `inline` performs actions marked
        ``inline="true"`` at once, so that later conditions see them.
        """
        actions: list[Action] = []
        for extension in self._contexts.get(context, ()):
            matched = _run_extension(extension, lookup, inline, actions)
            if matched and not extension.continues:
                break
        return actions


def _run_extension(
    extension: _Extension, lookup: Lookup, inline: Callable[[Action], None] | None, into: list[Action]
) -> bool:
    """Run the conditions in order; true when the last one that was looked at took the call."""
    proceed = False
    for condition in extension.conditions:
        match = _match(condition, lookup)
        chosen = condition.actions if match is not None else condition.anti_actions
        for action, is_inline in chosen:
            filled = Action(action.application, _fill_in(action.data, match))
            if is_inline and inline is not None:
                inline(filled)
            else:
                into.append(filled)
        proceed = match is not None or bool(chosen)
        if condition.breaks == "always" or condition.breaks == ("on-false" if match is None else "on-true"):
            break
    return proceed


def _match(condition: _Condition, lookup: Lookup) -> re.Match[str] | None:
    if condition.expression is None:
        return re.match("", "")
    if "$" in condition.field:
        return condition.expression.search(expand(condition.field, lookup))
    value = lookup(condition.field) if condition.field in _PROFILE_FIELDS else None
    return condition.expression.search(value or "")


def _fill_in(data: str, match: re.Match[str] | None) -> str:
    """Put groups in for ``$1``; without a group in the expression the text stays as it is."""
    if match is None or not match.re.groups:
        return data
    return _GROUP.sub(lambda found: _group(match, int(found[1])), data)


def _group(match: re.Match[str], number: int) -> str:
    return (match[number] or "") if number <= match.re.groups else ""


def _read_extension(element: ElementTree.Element) -> _Extension:
    conditions = tuple(_read_condition(child) for child in element if child.tag == "condition")
    return _Extension(element.get("name", ""), is_true(element.get("continue")), conditions)


def _read_condition(element: ElementTree.Element) -> _Condition:
    expression = element.get("expression")
    if expression is None and (child := element.find("expression")) is not None:
        expression = child.text or ""
    pattern = re.compile(_strip_slashes(expression)) if expression is not None else None
    if pattern is None and element.attrib.keys() - {"field", "expression", "break"}:
        pattern = re.compile(r"(?!)")  # a time of day or another test that is not understood here
    return _Condition(
        element.get("field", ""),
        pattern,
        element.get("break", "on-false"),
        _read_actions(element, "action"),
        _read_actions(element, "anti-action"),
    )


def _read_actions(element: ElementTree.Element, tag: str) -> tuple[tuple[Action, bool], ...]:
    found = (child for child in element if child.tag == tag)
    return tuple(
        (_read_action(child), is_true(child.get("inline")))
        for child in found
        for _ in range(int(child.get("loop", "1")))
    )


def _read_action(element: ElementTree.Element) -> Action:
    text = (element.text or "").strip()
    return Action(element.get("application", ""), text or element.get("data", ""))


def _strip_slashes(expression: str) -> str:
    if len(expression) > 1 and expression.startswith("/") and expression.rstrip("i").endswith("/"):
        flags = "(?i)" if expression.endswith("i") else ""
        return flags + expression.rstrip("i")[1:-1]
    return expression


def _escape(value: str) -> str:
    return value.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
