"""Telling the database which application serves here, for `fsroute status` at any site."""

from __future__ import annotations

import logging
from collections.abc import Callable

from fsroute.callserver.download import Status
from fsroute.errors import StoreError
from fsroute.store.applications import ApplicationVersions

log = logging.getLogger(__name__)


def reporter(versions: ApplicationVersions, switch_id: str) -> Callable[[Status], None]:
    """What `Downloads` tells how each application is; a database that is away hears it the next time."""

    def report(status: Status) -> None:
        known = status.known
        try:
            if status.state == "gone":
                versions.forget_one(switch_id, status.source, status.name)
                return
            versions.report(
                switch_id,
                status.source,
                status.name,
                status.contact_center,
                status.state,
                status.message,
                version=known.version if known else None,
                sequence=known.sequence if known else None,
                sha256=known.sha256 if known else None,
                fetched_at=known.fetched_at if known else None,
                checked_at=status.checked_at,
                expires_at=known.expires_at if known else None,
            )
        except StoreError as error:
            log.debug("the state of application %s is not told: %s", status.name, error)

    return report
