"""What the doctor knows when it judges: values, collected beforehand. No secret is among them.

A part that could not be collected is a `Missing`; what needs it is skipped, and one check says why it is missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from fsroute.config import Config


@dataclass(frozen=True, slots=True)
class Missing:
    """Why a part is not there, and a word for programs: ``refused``, ``password``, ``admitted``, ``slow``, ``off``."""

    reason: str
    kind: str = ""


# Of the switch -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class EventSocketFacts:
    """What event_socket.conf says, as the switch has it in memory."""

    listen_ip: str = ""
    acl: str = ""


@dataclass(frozen=True, slots=True)
class Profile:
    """One SIP profile: as it runs (`running`), and what its configuration says."""

    name: str
    running: bool
    context: str = ""
    address: str = ""
    codecs_in: str = ""
    codecs_out: str = ""
    rtp_timer: str = ""
    acls: tuple[str, ...] = ()
    auth_calls: str = ""


@dataclass(frozen=True, slots=True)
class Gateway:
    name: str
    state: str  # of its registration: REGED, NOREG, FAIL_WAIT …
    status: str  # of its pings: UP, DOWN


@dataclass(frozen=True, slots=True)
class Load:
    """What ``status`` says: sessions there are and may be, and new ones per second. 0: not said."""

    ready: bool
    sessions: int = 0
    max_sessions: int = 0
    sessions_per_second: int = 0


@dataclass(frozen=True, slots=True)
class SwitchFacts:
    """What the switch says of itself. `contexts` hold XML; `clock` is the switch's minus this host's, in seconds.

    `modules` are those asked for; `admits` says of each address of another switch whether the links' access list lets
    it in (``192.0.2.1``, which is nobody's, among them); `files` which of those asked for the switch can see; `timers`
    which of those that SIP profiles name it has; where they name any, `listed_modules` are those that its configuration
    has it load (``mod_sofia``). With `posix_timer` mod_posix_timer is installed.
    """

    version: str
    core_uuid: str
    folders: Mapping[str, str]
    load: Load
    event_socket: EventSocketFacts
    default_password: bool
    paused: bool = False
    modules: Mapping[str, bool] = field(default_factory=dict)
    contexts: Mapping[str, str] = field(default_factory=dict)
    profiles: Mapping[str, Profile] = field(default_factory=dict)
    gateways: tuple[Gateway, ...] = ()
    streams: frozenset[str] = frozenset()
    conference_profiles: frozenset[str] = frozenset()
    parameters: Mapping[str, str] = field(default_factory=dict)  # of switch.conf
    admits: Mapping[str, bool] = field(default_factory=dict)
    files: Mapping[str, bool] = field(default_factory=dict)
    timers: Mapping[str, bool] = field(default_factory=dict)
    listed_modules: frozenset[str] = frozenset()
    posix_timer: bool = False
    clock: float = 0.0
    route: str = ""  # how the test route ended: a hang-up cause, ``+OK`` or a sentence


# Of this host ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Listening:
    """Who listens at a TCP port here; `program` is empty where this user may not know."""

    address: str
    port: int
    pid: int = 0
    program: str = ""


@dataclass(frozen=True, slots=True)
class Disk:
    path: str
    total: int  # bytes
    free: int
    inodes: int = 0
    free_inodes: int = 0


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder that somebody must be able to use; `who` is ``fsroute`` or ``FreeSWITCH``."""

    path: str
    who: str
    purpose: str
    fault: str = ""  # why it cannot be used


@dataclass(frozen=True, slots=True)
class SwitchProcess:
    """FreeSWITCH as a process of this host."""

    pid: int
    user: str
    descriptors: int  # its limit
    nice: int = 0
    realtime: bool = False


@dataclass(frozen=True, slots=True)
class HostFacts:
    """What this host says. `clock_synchronised` None: the kernel does not tell.

    `open_secrets` are files with a secret that others may read.
    """

    user: str
    hostname: str
    descriptors: int
    listening: tuple[Listening, ...] = ()
    disks: tuple[Disk, ...] = ()
    folders: tuple[Folder, ...] = ()
    clock_synchronised: bool | None = None
    clock_error: float = 0.0  # seconds, at most
    open_secrets: tuple[str, ...] = ()
    time_zones: Mapping[str, bool] = field(default_factory=dict)
    switch_process: SwitchProcess | None = None


# Of the database ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SwitchRow:
    """A switch as the database knows it; `seen` is how many seconds ago it was seen, None: never."""

    switch_id: str
    site_id: str
    link_address: str
    core_uuid: str = ""
    seen: float | None = None
    codecs: str = ""


@dataclass(frozen=True, slots=True)
class LeaseRow:
    name: str
    holder: str
    valid: bool


@dataclass(frozen=True, slots=True)
class ApplicationRow:
    """An application of a remote center at this switch; `expires` in seconds from now."""

    name: str
    source: str
    state: str
    message: str
    version: str
    expires: float | None = None
    checked: float | None = None  # seconds ago


@dataclass(frozen=True, slots=True)
class RuleFault:
    is_error: bool
    text: str


@dataclass(frozen=True, slots=True)
class DatabaseFacts:
    """What the database says. `clock` is its clock minus this host's, in seconds."""

    server: int  # 180006
    round_trip: float  # seconds
    clock: float
    missing_migrations: tuple[str, ...] = ()
    schema_fault: str = ""
    connections: int = 0
    max_connections: int = 0
    encrypted: bool = False
    local: bool = True


@dataclass(frozen=True, slots=True)
class CenterFacts:
    """What the rows of the database say, where its schema is that of this program."""

    switches: tuple[SwitchRow, ...] = ()
    leases: tuple[LeaseRow, ...] = ()
    numbers: Mapping[str, str] = field(default_factory=dict)  # number called → application
    hold_music: tuple[str, ...] = ()
    applications: tuple[ApplicationRow, ...] = ()
    rules_version: int | None = None
    rule_faults: tuple[RuleFault, ...] = ()
    time_zones: tuple[str, ...] = ()
    agents: int = 0
    templated: int = 0  # agents that [agents] dial_string is for


# Of elsewhere ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LinkAnswer:
    """What another switch answered to OPTIONS: a SIP status line, or why there is none."""

    switch_id: str
    address: str
    status: str = ""
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate in a file or at a server; `ends` None: it cannot be read, for `fault`."""

    where: str
    ends: datetime | None = None
    begins: datetime | None = None
    fault: str = ""


@dataclass(frozen=True, slots=True)
class TrustFacts:
    """The keys that bundles of a contact center are trusted by."""

    source: str
    contact_center: str
    keys: int
    fault: str = ""


@dataclass(frozen=True, slots=True)
class ApplicationFacts:
    """The applications in this host's own folders."""

    names: frozenset[str] = frozenset()
    faults: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SocketAnswer:
    """Whether somebody listens where the dialplan's ``socket`` leads to."""

    address: str
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """All of it; `now` is the moment of the examination."""

    config: Config
    now: datetime
    host: HostFacts | Missing = Missing("this host was not looked at")
    database: DatabaseFacts | Missing = Missing("the database was not looked at")
    center: CenterFacts | Missing = Missing("the database was not looked at")
    switch: SwitchFacts | Missing = Missing("the switch was not looked at")
    links: tuple[LinkAnswer, ...] | Missing = Missing("the other switches were not looked at")
    certificates: tuple[Certificate, ...] | Missing = Missing("certificates were not looked at")
    trust: tuple[TrustFacts, ...] | Missing = Missing("keys were not looked at")
    applications: ApplicationFacts | Missing = Missing("applications were not looked at")
    sockets: tuple[SocketAnswer, ...] | Missing = Missing("the dialplan's sockets were not looked at")
