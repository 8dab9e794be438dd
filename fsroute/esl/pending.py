"""How many applications wait on a channel: FreeSWITCH drops the socket above 256, without a word."""

from __future__ import annotations

from typing import Final

from fsroute.esl.errors import TooManyPending

MAX_PENDING: Final = 200


class PendingApplications:
    """The applications queued on one channel that have not ended, oldest first, by Event-UUID.

    FreeSWITCH takes them in order, so the end of one says that those before it are no longer
    queued, even if one of them still runs: a bridge or a prompt runs what comes meanwhile inside.
    """

    __slots__ = ("_uuids",)

    def __init__(self) -> None:
        self._uuids: list[str] = []

    def __len__(self) -> int:
        return len(self._uuids)

    def admit(self, event_uuid: str) -> None:
        """One more is going to be queued.

        Raises:
            TooManyPending: 200 are queued already; FreeSWITCH drops the socket above 256.
        """
        if len(self._uuids) >= MAX_PENDING:
            raise TooManyPending(f"{MAX_PENDING} applications wait on the channel already")
        self._uuids.append(event_uuid)

    def withdraw(self, event_uuid: str) -> None:
        """It was refused, and is not queued after all."""
        if event_uuid in self._uuids:
            self._uuids.remove(event_uuid)

    def ended(self, application_uuid: str) -> None:
        """CHANNEL_EXECUTE_COMPLETE came with this Application-UUID; others' are ignored."""
        if application_uuid in self._uuids:
            del self._uuids[: self._uuids.index(application_uuid) + 1]

    def flush(self) -> None:
        """``uuid_break … all`` or a transfer threw the queue away."""
        self._uuids.clear()
