"""Who may wait at all: contact centers that are closed at once, and contacts whom nobody is left to serve. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from fsroute.coordinator.demands import DemandClass
from fsroute.coordinator.matching import Matching
from fsroute.coordinator.queues import Queues, widened
from fsroute.coordinator.timers import Timers
from fsroute.model.contact import Demand
from fsroute.model.proxy_call import ProxyCall, State

REFUSE_GRACE = (
    5.0  # seconds between the last agent's leaving and the refusal of those who wait: one may come back
)


def why_nobody(call: ProxyCall, demand: DemandClass, later: Iterable[DemandClass]) -> str | None:
    """The reason to refuse a contact whom nobody is there to serve, by its rule; None: it may wait.

    A caller who is to be called back waits for agents who log on another day. Who could be served when the time
    line has widened the demand may wait for that: `later` are the classes that it leads to, made when asked for.
    """
    if call.refuse_when == "never" or demand.on_duty:
        return None
    classes = [demand, *later]
    if any(each.on_duty for each in classes):
        return None
    if not any(each.groups or each.prospects for each in classes):
        return "no_agent_authorized"
    if call.refuse_when == "no_agent_logged_on" and call.state is not State.CALLBACK:
        return "no_agent_logged_on"
    return None


class Admission:
    """`closed` are the contact centers closed at once; True: who waits there already is kept waiting."""

    def __init__(
        self,
        matching: Matching,
        timers: Timers,
        queues: Queues,
        class_of: Callable[[Demand, str], DemandClass],
    ) -> None:
        self.closed: dict[str, bool] = {}
        self._matching = matching
        self._timers = timers
        self._queues = queues
        self._class_of = class_of

    def why_not_enter(self, call: ProxyCall, demand: DemandClass) -> str | None:
        """The reason to refuse a contact that comes; None: it may wait."""
        if call.contact_center_id in self.closed:
            return "center_closed"
        return self._nobody(call, demand)

    def may_stay(self, call: ProxyCall) -> bool:
        """Its contact center is open, or keeps who waits."""
        return self.closed.get(call.contact_center_id) is not False

    def _nobody(self, call: ProxyCall, demand: DemandClass) -> str | None:
        return why_nobody(call, demand, (self._class_of(each, call.strategy) for each in widened(call)))

    def look_who_is_left(self, now: float) -> None:
        """Agents came or went: leads may have come, and those whom nobody is left to serve may not wait on."""
        for demand in self._matching.shaken:
            self._queues.touch(demand)
            if demand.on_duty:
                demand.alone_since = None
                self._timers.drop(("class", demand.number))
            elif demand.head is not None:
                self.look_after(demand, now)
        self._matching.shaken.clear()

    def look_after(self, demand: DemandClass, now: float) -> None:
        """A class with contacts but without agents gets a moment for one to come back."""
        if not demand.on_duty and demand.alone_since is None:
            demand.alone_since = now
            self._timers.set(now + REFUSE_GRACE, ("class", demand.number))

    def left_alone(self, number: int, calls: Callable[[int], ProxyCall]) -> Iterator[tuple[int, str]]:
        """The moment has passed for a class: (proxy call, reason) of all who may not wait on."""
        demand = self._matching.numbered(number)
        if demand is None or demand.on_duty:
            return
        demand.alone_since = None
        for _, _, waiting in list(demand.waiting):
            reason = self._nobody(calls(waiting), demand)
            if reason is not None:
                yield waiting, reason
