"""Builds the parts from the configuration; nothing else wires."""

from __future__ import annotations

import gc
import logging
import os
import signal
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import gevent
import gevent.event

import fsroute
from fsroute import scheduling
from fsroute.acd.desk import Desk
from fsroute.acd.desk import Settings as DeskSettings
from fsroute.acd.legs import Settings as OfferSettings
from fsroute.acd.role import AcdRole
from fsroute.agentdesk.desk import AgentDesk
from fsroute.appserver.role import AppServerRole
from fsroute.callserver.bundles import READING
from fsroute.callserver.desk import Settings as CallSettings
from fsroute.callserver.download import Downloads
from fsroute.callserver.library import Library
from fsroute.callserver.looking_up import Lookups
from fsroute.callserver.lookups import Lookups as RemoteLookups
from fsroute.callserver.remote import Remote
from fsroute.callserver.reports import reporter
from fsroute.callserver.role import CallServerRole
from fsroute.callserver.shelf import Shelf
from fsroute.config import Config, Role
from fsroute.coordinator.loop import CoordinatorRole
from fsroute.errors import ConfigurationError, StoreError
from fsroute.ivr import Application, load
from fsroute.ivr.application import FILE_NAME
from fsroute.ivr.publication import published
from fsroute.store.applications import TOPIC as PUBLISHED
from fsroute.store.applications import ApplicationVersions
from fsroute.store.database import Database
from fsroute.store.embedded import EmbeddedPostgres
from fsroute.store.lease import Lease
from fsroute.store.migrate import migrate
from fsroute.store.rulebook import RuleBook
from fsroute.store.signals import Signals
from fsroute.store.store import Store
from fsroute.switchlink import SwitchLink

log = logging.getLogger(__name__)

SKEW_LIMIT = 0.1  # seconds between this host's clock and the database's that raise an alarm


class App:
    """The roles of one host, over one database.

    Args:
        config: what this host is.
        conninfo: the database's connection string; its schema must be there.
        applications: interactive applications by name; those of the configured folders unless given.
        lookups: who asks the application servers; those of the configuration unless given.
    """

    def __init__(
        self,
        config: Config,
        conninfo: str,
        applications: Mapping[str, Application] | None = None,
        lookups: Lookups | None = None,
    ) -> None:
        self.config = config
        name = f"fsroute {config.site.switch_id}"
        self._database = Database(
            conninfo,
            min_size=config.database.pool_min,
            max_size=config.database.pool_max,
            application_name=name,
            statement_timeout=config.database.statement_timeout,
        )
        self._signals = Signals(self._database)
        self.store = Store(self._database, self._signals)
        self._applications = Library(load_applications(config) if applications is None else applications)
        self._holder = f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:8]}"
        self.rules = RuleBook(self.store)
        self._clock: gevent.Greenlet[..., None] | None = None
        self.link: SwitchLink | None = None
        self.callserver: CallServerRole | None = None
        self.acd: AcdRole | None = None
        self.coordinator: CoordinatorRole | None = None
        remotes = [Remote(source) for source in config.applications_from]
        self.lookups = RemoteLookups(remotes) if lookups is None else lookups
        self.downloads = self._downloads(remotes)
        self.appserver = self._appserver(conninfo)

    def start(self) -> None:
        """Start the roles; the switch may come later.

        Raises:
            StoreError: the database is not there.
            OSError: the call server's address is taken.
        """
        self._database.open()
        self._measure_clock()
        self._signals.start()
        self.rules.start()
        if Role.COORDINATOR in self.config.roles:
            self.coordinator = CoordinatorRole(self.store, self._lease("coordinator"))
            self.coordinator.start()
        if self.appserver is not None:
            self.appserver.start()
        if Role.ACD in self.config.roles or Role.CALLSERVER in self.config.roles:
            self._start_at_switch()
        self._clock = gevent.spawn(self._keep_clock)

    def _start_at_switch(self) -> None:
        config = self.config
        switch_id = config.site.switch_id
        event_socket = config.event_socket
        self.store.agents.register_switch(config.site.site_id, switch_id, config.links.address or None)
        self.link = SwitchLink(
            self.store,
            switch_id,
            event_socket.host,
            event_socket.port,
            event_socket.password.reveal(),
            config.timing.heartbeat,
        )
        if Role.ACD in config.roles:
            settings = OfferSettings(switch_id, config.agents.dial_string)
            desk = Desk(self.store, self.link, self.rules, desk_settings(config), lambda: str(uuid4()))
            lease = self._lease(f"switch:{switch_id}")
            self.acd = AcdRole(self.store, self.link, settings, lease, desk, desk.finish)
            self.acd.start()
        if Role.CALLSERVER in config.roles:
            self._start_downloads()
            self.callserver = CallServerRole(
                self.store,
                self.link,
                self.rules,
                call_settings(config),
                self._applications,
                (config.callserver.listen_host, config.callserver.listen_port),
                config.callserver.max_sessions,
                AgentDesk(self.store, switch_id),
                self.lookups,
            )
            self.callserver.start()
        self.link.start()

    def _downloads(self, remotes: list[Remote]) -> Downloads:
        shelf = Shelf(self.config.state_path / "applications")
        report = reporter(ApplicationVersions(self._database), self.config.site.switch_id)
        return Downloads(remotes, shelf, self._applications, READING, report)

    def _start_downloads(self) -> None:
        """What is on the shelf serves before the first call comes."""
        names = [source.name for source in self.config.applications_from]
        ApplicationVersions(self._database).forget(self.config.site.switch_id, names)
        if names:
            self.downloads.start()
            self._signals.subscribe(PUBLISHED, self.downloads.signalled)

    def _appserver(self, conninfo: str) -> AppServerRole | None:
        settings = self.config.appserver
        if Role.APPSERVER not in self.config.roles or not settings.sites:
            return None
        return AppServerRole(
            settings,
            published,
            conninfo,
            lambda name: self._signals.publish(PUBLISHED, name),
        )

    def stop(self, drain: float = 0.0) -> None:
        """No new calls; those there are have `drain` seconds to end, then go back to the dialplan."""
        self.downloads.stop()
        if self.callserver is not None:
            self.callserver.stop(drain)
        if self._clock is not None:
            self._clock.kill()
        if self.acd is not None:
            self.acd.stop()
        if self.coordinator is not None:
            self.coordinator.stop()
        if self.appserver is not None:
            self.appserver.stop()
        if self.link is not None:
            self.link.stop()
        self.rules.stop()
        self._signals.stop()
        self._database.close()

    def _lease(self, name: str) -> Lease:
        return Lease(self._database, name, self._holder, self.config.timing.lease)

    def _keep_clock(self) -> None:
        while True:
            gevent.sleep(self.config.timing.heartbeat)
            try:
                self._measure_clock()
            except StoreError as error:
                log.debug("clock not measured: %s", error)

    def _measure_clock(self) -> None:
        offset = self.store.measure_clock()
        if abs(offset) > SKEW_LIMIT:
            log.warning(
                "this host's clock is %.3f s off the database's: arrivals are corrected by it", -offset
            )


def desk_settings(config: Config) -> DeskSettings:
    agents = config.agents
    return DeskSettings(
        numbers=agents.transfer_numbers,
        dial_string=agents.number_dial_string,
        agent_wait=agents.transfer_wait,
        pause=agents.transfer_pause,
    )


def call_settings(config: Config) -> CallSettings:
    return CallSettings(
        switch_id=config.site.switch_id,
        dial_string=config.links.dial_string,
        fallback=config.callserver.fallback,
        hold_music=config.callserver.hold_music,
        token_lifetime=config.timing.token_lifetime,
        callback_dial_string=config.callserver.callback_dial_string,
        callback_numbers=config.callserver.callback_numbers,
        callback_recognise=config.callserver.callback_recognise,
        voice_messages=Path(config.callserver.voice_messages or config.state_path / "voice_messages"),
        message_limit=config.callserver.voice_message_limit,
        message_silence=config.callserver.voice_message_silence,
        speech_engine=config.callserver.speech_engine,
        callserver=f"{config.callserver.listen_host}:{config.callserver.listen_port}",
    )


def load_applications(config: Config) -> dict[str, Application]:
    """The applications of the configured folders; the sample where none is configured.

    Raises:
        ApplicationError: one of them is faulty.
        ConfigurationError: a folder is not there, or two applications have one name.
    """
    found: dict[str, Application] = {}
    folders = [Path(folder) for folder in config.applications] or [sample_folder()]
    for folder in folders:
        if not folder.is_dir():
            raise ConfigurationError(f"applications: {folder} is no folder")
        for each in sorted(path.parent for path in [*folder.glob(FILE_NAME), *folder.glob(f"*/{FILE_NAME}")]):
            application = load(each)
            if application.name in found:
                raise ConfigurationError(
                    f"applications: {each} and {found[application.name].folder} have one name"
                )
            found[application.name] = application
    return found


def sample_folder() -> Path:
    """Where the sample application and its music lie."""
    return Path(fsroute.__file__).parent / "ivr" / "sample"


@contextmanager
def database(config: Config) -> Iterator[str]:
    """The configured database, or the embedded one, started and kept; migrated. Yields the connection string."""
    if not config.database.embedded:
        conninfo = config.database.url.reveal()
        migrate(conninfo)
        yield conninfo
        return
    server = EmbeddedPostgres(config.state_path / "postgres")
    conninfo = server.start()
    try:
        server.keep()
        migrate(conninfo)
        yield conninfo
    finally:
        server.stop()


def serve(config: Config) -> None:
    """``fsroute run``: until SIGTERM or SIGINT, which drain: present calls finish or are handed over."""
    stop = gevent.event.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        gevent.signal_handler(number, stop.set)
    scheduling.take(config.process.realtime_priority)
    with database(config) as conninfo:
        app = App(config, conninfo)
        try:
            app.start()
            gc.collect()
            gc.freeze()  # what is there now stays: a full collection, which stops all calls, need not look at it
            roles = ", ".join(config.roles)
            log.info(
                "fsroute serves site=%s switch=%s roles=%s", config.site.site_id, config.site.switch_id, roles
            )
            stop.wait()
            log.info("draining for at most %.0f s", config.timing.drain)
        finally:
            app.stop(config.timing.drain)
