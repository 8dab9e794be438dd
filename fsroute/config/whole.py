"""The configuration as a whole."""

from __future__ import annotations

from pathlib import Path

from msgspec import field

from fsroute.config.admission import Admission
from fsroute.config.applications import ApplicationsFrom, Appserver
from fsroute.config.capture import Capture
from fsroute.config.cti import Cti
from fsroute.config.customers import Customers, Numbers
from fsroute.config.dialplan import DialplanSettings
from fsroute.config.host import (
    Acd,
    Agents,
    Callserver,
    Database,
    Events,
    EventSocket,
    Links,
    Log,
    Process,
    Role,
    Site,
    Timing,
)
from fsroute.config.install import Install
from fsroute.config.metrics import Metrics
from fsroute.config.scp import Scp
from fsroute.config.section import Section, require_once


class Config(Section, frozen=True):
    """The whole of it. `applications` are folders that each hold interactive applications.

    `secrets_file` holds more of the same keys, those that only its owner may read.
    """

    site: Site = field(default_factory=Site)
    roles: tuple[Role, ...] = tuple(Role)
    state_dir: str = ""
    secrets_file: str = ""
    applications: tuple[str, ...] = ()
    applications_from: tuple[ApplicationsFrom, ...] = ()
    customers: tuple[Customers, ...] = ()
    numbers: Numbers = field(default_factory=Numbers)
    database: Database = field(default_factory=Database)
    event_socket: EventSocket = field(default_factory=EventSocket)
    callserver: Callserver = field(default_factory=Callserver)
    admission: Admission = field(default_factory=Admission)
    links: Links = field(default_factory=Links)
    agents: Agents = field(default_factory=Agents)
    acd: Acd = field(default_factory=Acd)
    appserver: Appserver = field(default_factory=Appserver)
    cti: Cti = field(default_factory=Cti)
    events: Events = field(default_factory=Events)
    scp: Scp = field(default_factory=Scp)
    timing: Timing = field(default_factory=Timing)
    process: Process = field(default_factory=Process)
    log: Log = field(default_factory=Log)
    metrics: Metrics = field(default_factory=Metrics)
    capture: Capture = field(default_factory=Capture)
    dialplan: DialplanSettings = field(default_factory=DialplanSettings)
    install: Install = field(default_factory=Install)

    def __post_init__(self) -> None:
        if not self.roles:
            raise ValueError("roles is empty: name at least one of " + ", ".join(Role))
        if len(set(self.roles)) != len(self.roles):
            raise ValueError("roles names a role twice")
        require_once("customers", [each.name for each in self.customers])
        require_once("applications_from", [each.name for each in self.applications_from])
        require_once(
            "applications_from: contact_centers",
            [center for each in self.applications_from for center in each.contact_centers],
        )

    @property
    def state_path(self) -> Path:
        """The folder that fsroute may write to; it need not exist yet."""
        return Path(self.state_dir)
