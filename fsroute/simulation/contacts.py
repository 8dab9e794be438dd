"""Who comes, and what chance has in store for them. No clock: times in seconds from the beginning."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from fsroute.model.proxy_call import ProxyCall
from fsroute.simulation.scenario import Traffic


@dataclass(slots=True)
class Contact:
    """A contact as far as it has come."""

    traffic: int  # index in the scenario
    arrived: float
    talk: float
    patience: float | None
    wants_callback: bool
    call: ProxyCall
    called_back: bool = False  # the caller has hung up and waits at home


class Source:
    """The contacts of one queue as they come.

    Everything random about a contact is drawn when it arrives, from sources that belong to its queue alone.
    """

    def __init__(self, traffic: Traffic, seed: str, until: float) -> None:
        self.traffic = traffic
        self._times = traffic.arrivals.times(Random(f"{seed} arrivals"), until)
        self._talks = Random(f"{seed} talks")
        self._patience = Random(f"{seed} patience")
        self._callbacks = Random(f"{seed} callbacks")
        self._offers = Random(f"{seed} offers")

    def next(self) -> float | None:
        """When the next one comes."""
        return next(self._times, None)

    def contact(self, number: int, arrived: float, call: ProxyCall) -> Contact:
        """The one that has come; `number` is the traffic's in the scenario."""
        traffic = self.traffic
        talk = traffic.talk.draw(self._talks)
        patience = None if traffic.patience is None else traffic.patience.draw(self._patience)
        wants_callback = traffic.callback > 0.0 and self._callbacks.random() < traffic.callback
        return Contact(number, arrived, talk, patience, wants_callback, call)

    def offer(self) -> float | None:
        """Seconds until the agent is joined; None: the agent does not take the offer."""
        setup = self.traffic.setup.draw(self._offers)
        refused = self.traffic.no_answer > 0.0 and self._offers.random() < self.traffic.no_answer
        return None if refused or setup > self.traffic.queue.offer_timeout else setup
