"""Builds the parts from the configuration; nothing else wires."""

from __future__ import annotations

import gc
import logging
import os
import signal
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from uuid import uuid4

import gevent
import gevent.event

import fsroute
from fsroute import scheduling, supervisor
from fsroute.acd.adapters import loading as adapters
from fsroute.acd.desk import Desk
from fsroute.acd.desk import Settings as DeskSettings
from fsroute.acd.entries import Entries
from fsroute.acd.legs import Settings as OfferSettings
from fsroute.acd.readiness import Readiness
from fsroute.acd.role import AcdRole
from fsroute.agentdesk.desk import AgentDesk
from fsroute.appserver.role import AppServerRole
from fsroute.callcenter.events import CallcenterEvents
from fsroute.callcenter.info import Naming
from fsroute.callserver.admitting import Admission
from fsroute.callserver.bundles import READING
from fsroute.callserver.customer import Customers
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
from fsroute.cti import activity, collector
from fsroute.cti.role import CtiRole
from fsroute.cti.role import Settings as CtiSettings
from fsroute.customers.customers import Customers as Books
from fsroute.customers.numbers import Plan
from fsroute.doctor.wanted import link_profile
from fsroute.errors import ConfigurationError, StoreError
from fsroute.esl.inbound import InboundClient
from fsroute.httpserver import Server
from fsroute.ivr import Application, load
from fsroute.ivr.application import FILE_NAME
from fsroute.ivr.publication import published
from fsroute.metrics import sights
from fsroute.metrics.exporter import About, Exporter
from fsroute.model.admission import Limit, Treatment, site_scope
from fsroute.replay.capturing import Capturing
from fsroute.scp import directing
from fsroute.scp.deciding import Facts, no_facts
from fsroute.scp.role import Http, ScpRole
from fsroute.scp.selection import Limits
from fsroute.scp.server import Settings as ScpSettings
from fsroute.store.admission import Admissions
from fsroute.store.applications import TOPIC as PUBLISHED
from fsroute.store.applications import ApplicationVersions
from fsroute.store.connection import as_role
from fsroute.store.database import Database
from fsroute.store.embedded import EmbeddedPostgres
from fsroute.store.lease import Lease
from fsroute.store.migrate import migrate
from fsroute.store.rulebook import RuleBook
from fsroute.store.signals import Signals
from fsroute.store.store import Store
from fsroute.switchlink import SwitchLink

log = logging.getLogger(__name__)

COLLECT = (10_000, 20, 50)  # by Python's own (700, 10, 10) a sixth of the time goes into looking for garbage

STOP_MARGIN = 30.0  # seconds for what is left when the drain is over, before systemd kills

SKEW_LIMIT = 0.1  # seconds between this host's clock and the database's that raise an alarm


class App:
    """The roles of one host, over one database.

    Args:
        config: what this host is.
        conninfo: the database's connection string; its schema must be there.
        applications: interactive applications by name; those of the configured folders unless given.
        lookups: who asks the application servers; those of the configuration unless given.
        customers: who knows customers; those of the configuration unless given.
    """

    def __init__(
        self,
        config: Config,
        conninfo: str,
        applications: Mapping[str, Application] | None = None,
        lookups: Lookups | None = None,
        customers: Customers | None = None,
    ) -> None:
        self.config = config
        self._name = f"fsroute {config.site.switch_id}"
        self._conninfo = conninfo
        self.metrics = exporter(config)
        self._database = self._new_database("")
        self._signals = Signals(self._database)
        self.store = Store(self._database, self._signals)
        self._stores = {"": self.store}
        self._applications = Library(load_applications(config) if applications is None else applications)
        self._holder = f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:8]}"
        self.rules = RuleBook(self.store)
        self._clock: gevent.Greenlet[..., None] | None = None
        self.link: SwitchLink | None = None
        self.callserver: CallServerRole | None = None
        self.acd: AcdRole | None = None
        self.readiness: Server | None = None
        self.coordinator: CoordinatorRole | None = None
        self.cti: CtiRole | None = None
        self.callcenter_events: CallcenterEvents | None = None
        self.scp: ScpRole | None = None
        remotes = [Remote(source) for source in config.applications_from]
        self.lookups = RemoteLookups(remotes) if lookups is None else lookups
        self._books = Books(config.customers, plan(config), self._conninfo_of(Role.CALLSERVER))
        self.customers = self._books if customers is None else customers
        self.downloads = self._downloads(remotes)
        self.appserver = self._appserver(self._conninfo_of(Role.APPSERVER))
        self.capture = Capturing(config, self.store, self.rules, self._applications)

    def start(self) -> None:
        """Start the roles; the switch may come later.

        Raises:
            StoreError: the database is not there.
            OSError: the call server's address is taken.
        """
        self._database.open()
        self._measure_clock()
        self._signals.start()
        self.capture.start(lambda: self.coordinator is not None and self.coordinator.is_leader)
        self.rules.start()
        if Role.COORDINATOR in self.config.roles:
            store = self._store_of(Role.COORDINATOR)
            lease = self._lease("coordinator", Role.COORDINATOR)
            self.coordinator = CoordinatorRole(store, lease, new_core=self.capture.new_core)
            self.coordinator.start()
        if self.appserver is not None:
            self.appserver.start()
        if Role.ACD in self.config.roles or Role.CALLSERVER in self.config.roles:
            self._start_at_switch()
        if Role.CTI in self.config.roles:
            self._start_cti()
        if Role.SCP in self.config.roles and self.config.scp.serves:
            self._start_scp()
        self.store.ask_to_look()
        if self.metrics is not None:
            self.metrics.start(self._database, self.sight)
        self._clock = gevent.spawn(self._keep_clock)

    def _new_database(self, role: str) -> Database:
        settings = self.config.database
        return Database(
            as_role(self._conninfo, role),
            min_size=settings.pool_min,
            max_size=settings.pool_max,
            application_name=self._name,
            statement_timeout=settings.statement_timeout,
            observe=None if self.metrics is None else self.metrics.measures.statement,
        )

    def _conninfo_of(self, part: Role) -> str:
        return as_role(self._conninfo, self.config.database.roles.get(part, ""))

    def _store_of(self, part: Role) -> Store:
        """The store of a part: it acts as the part's database role, if it has one."""
        role = self.config.database.roles.get(part, "")
        if role not in self._stores:
            database = self._new_database(role)
            database.open()
            self._stores[role] = self.store.beside(database)
            self._stores[role].clock_offset = self.store.clock_offset
        return self._stores[role]

    def _start_at_switch(self) -> None:
        config = self.config
        switch_id = config.site.switch_id
        event_socket = config.event_socket
        store = self._store_of(Role.CALLSERVER if Role.CALLSERVER in config.roles else Role.ACD)
        store.agents.register_switch(config.site.site_id, switch_id, config.links.address or None)
        self.link = SwitchLink(
            store,
            switch_id,
            event_socket.host,
            event_socket.port,
            event_socket.password.reveal(),
            config.timing.heartbeat,
            tap=self.capture.inbound,
        )
        if profile := link_profile(config):
            self.link.listen(lambda _event: None, partial(self.link.say_codecs, profile))
        self.capture.switch_version = lambda: self.link.version if self.link is not None else ""
        if Role.ACD in config.roles:
            store = self._store_of(Role.ACD)
            settings = OfferSettings(switch_id, config.agents.dial_string)
            desk = Desk(store, self.link, self.rules, desk_settings(config), lambda: str(uuid4()))
            lease = self._lease(f"switch:{switch_id}", Role.ACD)
            entries = Entries(store, self.link, settings, adapters.load(), lambda: str(uuid4()))
            self.acd = AcdRole(store, self.link, settings, lease, desk, desk.finish, entries)
            self.acd.start()
            self._start_readiness(entries)
        if Role.CALLSERVER in config.roles:
            self._start_downloads()
            store = self._store_of(Role.CALLSERVER)
            self.callserver = CallServerRole(
                store,
                self.link,
                self.rules,
                call_settings(config),
                self._applications,
                (config.callserver.listen_host, config.callserver.listen_port),
                config.callserver.max_sessions,
                AgentDesk(store, switch_id),
                self.lookups,
                self.capture.outbound,
                self.customers,
                self._admission(),
            )
            self.callserver.start()
        if config.events.callcenter:
            self.callcenter_events = self._callcenter_events()
            self.callcenter_events.start()
        self.link.start()

    def _admission(self) -> Admission:
        site = self.config.site
        limit = site_scope(site.site_id), site_limit(self.config)
        return Admission(Admissions(self._database), self._signals, limit, self._holder, site.switch_id)

    def _start_readiness(self, entries: Entries) -> None:
        if self.config.acd.listen_port:
            address = (self.config.acd.listen_host, self.config.acd.listen_port)
            self.readiness = Server(address, Readiness(entries, time.monotonic))
            self.readiness.start()

    def _start_cti(self) -> None:
        """On connections of its own: events that wait there keep nobody else waiting."""
        site, switch = self.config.site, self.config.event_socket
        store = self._store_of(Role.CTI)
        store.agents.register_switch(site.site_id, site.switch_id, self.config.links.address or None)
        client = partial(InboundClient, switch.host, switch.port, switch.password.reveal())
        lease = self._lease(f"cti:{site.switch_id}", Role.CTI)
        self.cti = CtiRole(store, client, cti_settings(self.config), lease)
        self.cti.start()

    def _callcenter_events(self) -> CallcenterEvents:
        events, event_socket = self.config.events, self.config.event_socket
        switch_id = self.config.site.switch_id
        return CallcenterEvents(
            self._store_of(Role.ACD),
            self._lease(f"events:{switch_id}", Role.ACD),
            (event_socket.host, event_socket.port),
            event_socket.password.reveal(),
            switch_id,
            Naming(events.queue_name, events.agent_name),
        )

    def _start_scp(self) -> None:
        config = self.config
        site = config.site
        store = self._store_of(Role.SCP)
        store.agents.register_switch(site.site_id, site.switch_id, config.links.address or None)
        self.scp = scp_role(config, store, self.rules, self.customers.facts)
        self.scp.start()

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
        if self.scp is not None:
            self.scp.stop(drain)
        if self._clock is not None:
            self._clock.kill()
        if self.readiness is not None:
            self.readiness.stop()

        if self.cti is not None:
            self.cti.stop()
        if self.callcenter_events is not None:
            self.callcenter_events.stop()
        if self.acd is not None:
            self.acd.stop()
        if self.coordinator is not None:
            self.coordinator.stop()
        if self.appserver is not None:
            self.appserver.stop()
        if self.link is not None:
            self.link.stop()
        self.capture.stop()
        if self.metrics is not None:
            self.metrics.stop()
        self._books.close()
        self.rules.stop()
        self._signals.stop()
        for store in self._stores.values():
            store.database.close()

    def sight(self) -> sights.Sight:
        """How this process stands now, for the metrics."""
        pool, recorder = self._database.pool, self.capture.recorder
        return sights.Sight(
            epoch=None if self.coordinator is None else self.coordinator.epoch,
            connections=sights.Connections(pool.size, pool.in_use, pool.idle, pool.opened, pool.failures),
            links={name: sights.Link(client.connected, client.lag) for name, client in self._clients()},
            doors=self._doors(),
            captures=None
            if recorder is None
            else sights.Captures(recorder.runs, recorder.kept, recorder.stops),
        )

    def _clients(self) -> Iterator[tuple[str, InboundClient]]:
        if self.link is not None:
            yield "control", self.link.client
        if self.cti is not None and self.cti.collector is not None:
            yield "activity", self.cti.collector.client

    def _doors(self) -> dict[str, sights.Door]:
        servers = {
            "callserver": None if self.callserver is None else self.callserver.server,
            "scp": None if self.scp is None else self.scp.server,
        }
        return {
            name: sights.Door(len(server.sessions), server.max_sessions, server.refused)
            for name, server in servers.items()
            if server is not None
        }

    def _lease(self, name: str, part: Role) -> Lease:
        return Lease(self._store_of(part).database, name, self._holder, self.config.timing.lease)

    def _keep_clock(self) -> None:
        while True:
            gevent.sleep(self.config.timing.heartbeat)
            try:
                self._measure_clock()
            except StoreError as error:
                log.debug("clock not measured: %s", error)

    def _measure_clock(self) -> None:
        offset = self.store.measure_clock()
        for store in self._stores.values():
            store.clock_offset = offset
        if abs(offset) > SKEW_LIMIT:
            log.warning(
                "this host's clock is %.3f s off the database's: arrivals are corrected by it", -offset
            )


def exporter(config: Config) -> Exporter | None:
    """Who shows this process's metrics; None: nobody does."""
    metrics, site = config.metrics, config.site
    if not metrics.listen_port:
        return None
    about = About(fsroute.__version__, site.site_id, site.switch_id, ",".join(config.roles))
    return Exporter(about, (metrics.listen_host, metrics.listen_port), metrics.interval)


def desk_settings(config: Config) -> DeskSettings:
    agents = config.agents
    return DeskSettings(
        numbers=agents.transfer_numbers,
        dial_string=agents.number_dial_string,
        agent_wait=agents.transfer_wait,
        pause=agents.transfer_pause,
    )


def cti_settings(config: Config) -> CtiSettings:
    cti = config.cti
    return CtiSettings(
        switch_id=config.site.switch_id,
        own=cti.own,
        watching=collector.Settings(
            callcenter=cti.callcenter,
            phones=cti.users,
            calls=cti.calls,
            heartbeat=cti.heartbeat,
            reconcile=cti.reconcile,
            retention_intervals=cti.retention_intervals,
            retention=cti.retention,
        ),
        counting=activity.Settings(
            threshold=cti.service_level,
            thresholds=cti.service_levels,
            users=cti.users,
            profiles=frozenset(cti.profiles),
        ),
    )


def site_limit(config: Config) -> Limit:
    admission = config.admission
    treatment = Treatment(admission.treatment, admission.cause, admission.number, admission.prompt)
    return Limit(admission.calls or None, admission.per_second or None, treatment)


def plan(config: Config) -> Plan:
    """How telephone numbers are written at this site."""
    numbers = config.numbers
    return Plan(numbers.country, numbers.international_prefix, numbers.trunk_prefix)


def scp_role(config: Config, store: Store, rules: RuleBook, facts: Facts = no_facts) -> ScpRole:
    scp = config.scp
    return ScpRole(
        store,
        rules,
        config.site.site_id,
        (scp.listen_host, scp.listen_port) if scp.listen_port else None,
        ScpSettings(config.links.dial_string, scp.dial_string, scp.ring, scp.number_to),
        directing.Settings(config.site.switch_id, scp.confirm, config.timing.token_lifetime),
        Limits(scp.stale, scp.confirm),
        scp.max_sessions,
        facts=facts,
        http=scp_http(config),
    )


def scp_http(config: Config) -> Http | None:
    scp = config.scp
    if not scp.http_port:
        return None
    return Http((scp.http_host, scp.http_port), scp.http_token.reveal(), scp.http_connections, scp.http_rate)


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
def database(config: Config, *, kept: bool = False) -> Iterator[str]:
    """The configured database, or the embedded one, started and kept; migrated. Yields the connection string.

    With `kept` another process starts and keeps the embedded one, and stops it.
    """
    if not config.database.embedded:
        conninfo = config.database.url.reveal()
        migrate(conninfo)
        yield conninfo
        return
    server = EmbeddedPostgres(config.state_path / "postgres")
    conninfo = server.join() if kept else server.start()
    try:
        if not kept:
            server.keep()
        migrate(conninfo)
        yield conninfo
    finally:
        server.stop(only_started=kept)


def serve(config: Config, *, kept_database: bool = False) -> None:
    """``fsroute run``: until SIGTERM or SIGINT, which drain: present calls finish or are handed over."""
    stop = gevent.event.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        gevent.signal_handler(number, stop.set)
    priority = config.process.realtime_priority
    if scheduling.take(priority) and config.database.embedded and not kept_database:
        scheduling.lift_disk_threads(priority)
    with database(config, kept=kept_database) as conninfo:
        app = App(config, conninfo)
        try:
            app.start()
            gc.collect()
            gc.set_threshold(*COLLECT)
            gc.freeze()  # what is there now stays: a full collection, which stops all calls, need not look at it
            roles = ", ".join(config.roles)
            log.info(
                "fsroute serves site=%s switch=%s roles=%s", config.site.site_id, config.site.switch_id, roles
            )
            supervisor.tell(supervisor.READY)
            stop.wait()
            supervisor.tell(supervisor.STOPPING, supervisor.within(config.timing.drain + STOP_MARGIN))
            log.info("draining for at most %.0f s", config.timing.drain)
        finally:
            app.stop(config.timing.drain)
