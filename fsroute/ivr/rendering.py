"""What an application knows of the caller, and the texts that its templates make of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from fsroute.errors import ApplicationError
from fsroute.ivr.application import Application
from fsroute.ivr.position import LONGEST_FACT, Position
from fsroute.ivr.steps import NUMBER, Renamed
from fsroute.ivr.texts import clean

Facts = Mapping[str, str]


def known(application: Application, position: Position) -> dict[str, str]:
    """All facts that the application knows; a part knows nothing of what came with the call."""
    brought = {} if position.frames else position.caller.facts
    return {**application.facts, **brought, **position.facts}


def render(application: Application, position: Position, template: str) -> str:
    """The text of a template.

    Raises:
        TemplateFault: it cannot be rendered for this caller.
    """
    if "{" not in template:
        return template
    return application.render(template, _names(application, position))


def rendered(application: Application, position: Position, templates: Mapping[str, str]) -> dict[str, str]:
    """Facts that templates make, by name."""
    return {
        name: render(application, position, template).strip()[:LONGEST_FACT]
        for name, template in templates.items()
    }


def number(application: Application, position: Position, template: str) -> str:
    """A number to transfer to.

    Raises:
        ApplicationError: the template's text is none.
    """
    text = re.sub(r"[\s().-]", "", render(application, position, template))
    if re.fullmatch(NUMBER.pattern, text) is None:
        raise ApplicationError("the number to transfer to is none")
    return text


def learned(position: Position, facts: Facts) -> Facts:
    """The facts of the position with `facts` in front of them."""
    return MappingProxyType({**position.facts, **facts})


def taken(wanted: Renamed, facts: Facts) -> dict[str, str]:
    """Of facts that come from elsewhere those that are wanted, by our names; what is absent is empty."""
    return {
        ours: clean(str(facts.get(theirs, "")))[:LONGEST_FACT] for ours, theirs in renaming(wanted).items()
    }


def renaming(wanted: Renamed) -> dict[str, str]:
    """``{ours: theirs}``, however the file wrote it."""
    return dict(wanted) if isinstance(wanted, dict) else {name: name for name in wanted}


def _names(application: Application, position: Position) -> Mapping[str, object]:
    caller, is_part = position.caller, bool(position.frames)
    about = {
        "number": "" if is_part else caller.number,
        "name": "" if is_part else caller.name,
        "number_called": caller.number_called,
        "arrived_at": caller.arrived_at.isoformat(timespec="seconds"),
        "medium": caller.medium,
        "language": caller.language,
    }
    return {
        "caller": _cut(about),
        "facts": _cut(known(application, position)),
        "customer": {} if is_part else _cut(caller.customer),
        "network": {} if is_part else _cut(caller.network),
        "language": position.language,
    }


def _cut(mapping: Facts) -> dict[str, str]:
    return {name: value[:LONGEST_FACT] for name, value in mapping.items()}
