"""The adapters that there are: fsroute's own, and those of installed packages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib.metadata import EntryPoint, entry_points

from fsroute.acd.adapters import Adapter, FaultyAcd
from fsroute.acd.adapters.callcenter import CALLCENTER
from fsroute.acd.adapters.sip import SIP
from fsroute.errors import FsrouteError
from fsroute.model.other_acd import OtherAcd

GROUP = "fsroute.acd"
BUILT_IN: dict[str, Adapter] = {"callcenter": CALLCENTER, "sip": SIP}


class FaultyAdapter(FsrouteError):
    """An entry point of the group ``fsroute.acd`` is no adapter; the text names it."""


def fault(adapters: Mapping[str, Adapter], acd: OtherAcd) -> str:
    """Why an ACD cannot be used as its row says; empty: it can."""
    adapter = adapters.get(acd.adapter)
    if adapter is None:
        return f"there is no adapter {acd.adapter}, only {', '.join(sorted(adapters))}"
    try:
        adapter.check(acd.parameters)
    except FaultyAcd as error:
        return str(error)
    return ""


def load(points: Iterable[EntryPoint] | None = None) -> dict[str, Adapter]:
    """The adapters by name, one of a package before one of fsroute's own.

    Raises:
        FaultyAdapter: names the entry point that is none.
    """
    points = entry_points(group=GROUP) if points is None else points
    return BUILT_IN | {point.name: _loaded(point) for point in points}


_VERBS = ("check", "enter", "answered", "hear", "look", "places", "serves", "queue")


def _loaded(point: EntryPoint) -> Adapter:
    where = f"the entry point {point.name} = {point.value} of {GROUP}"
    try:
        adapter: Adapter = point.load()
    except Exception as error:  # another's module may fail in any way
        raise FaultyAdapter(f"{where} cannot be loaded: {error!r}") from error
    missing = [verb for verb in _VERBS if not callable(getattr(adapter, verb, None))]
    if missing:
        raise FaultyAdapter(f"{where} lacks {', '.join(missing)}")
    return adapter
