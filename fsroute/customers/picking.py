"""The facts in a service's answer: those at the places that the configuration names. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from fsroute.lookups.facts import facts_of


def pick(answer: Mapping[str, object], take: Mapping[str, str]) -> dict[str, str]:
    """The facts of `answer`, a JSON object; without `take` all of it, which must be flat then.

    A place is a path of names, of positions in lists too: ``customer.tier``, ``orders.0.state``. What is not there, or
    is null, is no fact.

    Raises:
        AnswerRefused: what is there is no fact: nested, or too long.
    """
    if not take:
        return facts_of(answer)
    return facts_of({name: _at(answer, path.split(".")) for name, path in take.items()})


def _at(value: object, path: list[str]) -> object:
    for name in path:
        if isinstance(value, Mapping):
            value = value.get(name)
        elif isinstance(value, list) and name.isdecimal() and len(name) < 10 and int(name) < len(value):
            value = value[int(name)]
        else:
            return None
    return value
