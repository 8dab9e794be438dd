"""What a process shows of itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from fsroute.metrics.sights import Captures, Connections, Sight


class ProcessSights(Collector):
    """Looks at the process when it is asked."""

    def __init__(self, look: Callable[[], Sight]) -> None:
        self._look = look

    def describe(self) -> Iterator[Any]:
        """Nothing: the registry need not look before the process has started."""
        return iter(())

    def collect(self) -> Iterator[Any]:
        sight = self._look()
        yield _one("fsroute_leader", "Whether this process leads the coordination: 1 or 0.", sight.epoch is not None)
        yield _one("fsroute_leader_epoch", "The epoch in which this process leads; 0: it does not.", sight.epoch or 0)
        yield from _links(sight)
        yield from _doors(sight)
        yield from _connections(sight.connections)
        if sight.captures is not None:
            yield from _captures(sight.captures)


def _one(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, value=float(value))


def _links(sight: Sight) -> Iterator[GaugeMetricFamily]:
    up = GaugeMetricFamily(
        "fsroute_event_socket_up", "Whether the connection to the switch stands: 1 or 0.", labels=("link",)
    )
    lag = GaugeMetricFamily(
        "fsroute_event_socket_lag_seconds", "How far FreeSWITCH is behind with its events.", labels=("link",)
    )
    for name, link in sight.links.items():
        up.add_metric((name,), float(link.up))
        lag.add_metric((name,), link.lag)
    return iter((up, lag))


def _doors(sight: Sight) -> Iterator[GaugeMetricFamily | CounterMetricFamily]:
    now = GaugeMetricFamily("fsroute_sessions", "Calls in hand at a door.", labels=("door",))
    limit = GaugeMetricFamily("fsroute_sessions_limit", "As many as are taken at a time.", labels=("door",))
    refused = CounterMetricFamily(
        "fsroute_sessions_refused", "Calls sent to the fallback because there were as many already.", labels=("door",)
    )
    for name, door in sight.doors.items():
        now.add_metric((name,), door.sessions)
        limit.add_metric((name,), door.limit)
        refused.add_metric((name,), door.refused)
    return iter((now, limit, refused))


def _connections(pool: Connections) -> Iterator[GaugeMetricFamily | CounterMetricFamily]:
    now = GaugeMetricFamily(
        "fsroute_database_connections", "Connections of the pool, by state.", labels=("state",)
    )
    now.add_metric(("in_use",), pool.in_use)
    now.add_metric(("idle",), pool.idle)
    yield now
    yield _one("fsroute_database_connections_limit", "As many as the pool may have.", pool.limit)
    yield CounterMetricFamily(
        "fsroute_database_connections_opened", "Connections that the pool has made.", value=pool.opened
    )
    yield CounterMetricFamily(
        "fsroute_database_connections_failed", "Attempts to connect that failed.", value=pool.failures
    )


def _captures(captures: Captures) -> Iterator[GaugeMetricFamily | CounterMetricFamily]:
    yield _one("fsroute_capturing", "Whether calls are kept as files now: 1 or 0.", captures.runs)
    yield CounterMetricFamily(
        "fsroute_captures_written", "Captures whose files are complete.", value=captures.written
    )
    yield CounterMetricFamily(
        "fsroute_capture_stops", "How often a full disk or queue has stopped capturing.", value=captures.stops
    )
