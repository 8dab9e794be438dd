"""What a process has to do with captures, whether it keeps any or not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from fsroute.config import Capture, Config
from fsroute.coordinator.state import Coordinator
from fsroute.coordinator.strategies import Strategies
from fsroute.esl.transport import Tap
from fsroute.ivr import Application
from fsroute.replay.folder import Folder
from fsroute.replay.keeper import Keeper
from fsroute.replay.recorder import About, Recorder
from fsroute.replay.scrub import Scrubber
from fsroute.replay.scrub import Settings as Scrubbing
from fsroute.replay.writer import Limits
from fsroute.store.rulebook import RuleBook
from fsroute.store.store import Store

MEGABYTE = 1 << 20


class Capturing:
    """The recorder and the journal of one process, as the configuration wants them; none without a folder."""

    def __init__(
        self, config: Config, store: Store, rules: RuleBook, applications: Mapping[str, Application]
    ) -> None:
        self._settings = config.capture
        self._store = store
        self._rules = rules
        self._applications = applications
        self._about = About(config.site.site_id, config.site.switch_id)
        self.recorder: Recorder | None = None
        self.keeper: Keeper | None = None
        self.switch_version: Callable[[], str] = lambda: ""
        """Of the FreeSWITCH whose calls come; empty while it is not known."""

    def start(self, is_leader: Callable[[], bool]) -> None:
        """Before the rules are read and the roles begin; the database is open.

        Raises:
            ConfigurationError: the folder cannot be written to.
        """
        settings = self._settings
        if not settings.folder:
            return
        limits = limits_of(settings)
        folder = Folder(Path(settings.folder))
        self.recorder = Recorder(
            folder,
            limits,
            self._about,
            self._store.now,
            sample=settings.sample,
            links=settings.inbound,
            scrubbing=scrubber_of(settings, folder) if settings.scrub else None,
            switch_version=lambda: self.switch_version(),
        )
        self.recorder.start()
        self.keeper = Keeper(
            self.recorder, self._store, self._versions, limits.max_file_size, limits.rotation, is_leader
        )
        self.keeper.start()
        self._rules.on_swap = self.keeper.rules_swapped

    def stop(self) -> None:
        if self.keeper is not None:
            self.keeper.stop()
        if self.recorder is not None:
            self.recorder.stop()

    def outbound(self) -> Tap | None:
        return None if self.recorder is None else self.recorder.outbound()

    def inbound(self, link: str) -> Tap | None:
        return None if self.recorder is None else self.recorder.inbound(link)

    def new_core(self, strategies: Strategies) -> Coordinator:
        return Coordinator(strategies) if self.keeper is None else self.keeper.new_core(strategies)

    def _versions(self) -> dict[str, str]:
        return {name: application.version for name, application in self._applications.items()}


def scrubber_of(settings: Capture, folder: Folder) -> Scrubber:
    """What replaces names and numbers by the folder's key; raises ConfigurationError."""
    return Scrubber(Scrubbing(folder.scrub_key(), settings.scrub_kept_digits, settings.scrub_facts))


def limits_of(settings: Capture) -> Limits:
    return Limits(
        max_file_size=settings.max_file_size * MEGABYTE,
        rotation=settings.rotation,
        max_age=settings.max_age,
        max_total_size=settings.max_total_size * MEGABYTE,
    )
