"""The configuration: one TOML file, checked as a whole, frozen.

Every key has a default, so that ``Config()`` serves one host: all roles, the embedded database,
FreeSWITCH's event socket on loopback. A key that does not exist is refused with its path. A secret
may be written in place, in the ``secrets_file`` (the same keys, in a file of mode 0600), in a file of its own
(``password_file``, ``url_file``), or in the environment (``FSROUTE_EVENT_SOCKET_PASSWORD``,
``FSROUTE_DATABASE_URL``); the environment wins, then the file. Secrets appear in no repr and no log.

``docs/fsroute.toml`` shows every key with its default; a test holds it against this module.
"""

from __future__ import annotations

from fsroute.config.applications import ApplicationsFrom, Appserver, AskingSite, Lookup, LookupParameter
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
from fsroute.config.loading import convert, default_state_dir, load, parse, read
from fsroute.config.metrics import Metrics
from fsroute.config.scp import Scp
from fsroute.config.section import Count, Name, Port, Seconds, Secret, Section
from fsroute.config.whole import Config

__all__ = [
    "Acd",
    "Agents",
    "ApplicationsFrom",
    "Appserver",
    "AskingSite",
    "Callserver",
    "Capture",
    "Config",
    "Count",
    "Cti",
    "Customers",
    "Database",
    "DialplanSettings",
    "EventSocket",
    "Events",
    "Install",
    "Links",
    "Log",
    "Lookup",
    "LookupParameter",
    "Metrics",
    "Name",
    "Numbers",
    "Port",
    "Process",
    "Role",
    "Scp",
    "Seconds",
    "Secret",
    "Section",
    "Site",
    "Timing",
    "convert",
    "default_state_dir",
    "load",
    "parse",
    "read",
]
