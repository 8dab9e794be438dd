"""The section of the metrics."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from fsroute.config.section import Section


class Metrics(Section, frozen=True):
    """Figures for Prometheus over HTTP, where there is a `listen_port`.

    Whoever may connect may read; there is nothing of persons in it. What is known of the whole center is read from the
    database every `interval` seconds, by the process that leads.
    """

    listen_host: str = "127.0.0.1"
    listen_port: Annotated[int, Meta(ge=0, le=65535)] = 0
    interval: Annotated[float, Meta(ge=1, le=300)] = 5.0
