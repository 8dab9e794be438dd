"""The errors of fsroute.

::

    FsrouteError
     ├── ConfigurationError       a file or an option says something that cannot be
     ├── StoreError               the database refused or could not be reached
     │    ├── DatabaseUnavailable
     │    │    └── Unanswered     it went away during a statement, which it may have done
     │    ├── StoreConflict       somebody else's row was there first
     │    ├── Declined            a rule in SQL says no to what somebody asked for
     │    │    └── UnknownAgent
     │    └── Fenced              a write of a leader that leads no longer
     ├── SwitchError              FreeSWITCH refused or could not be reached
     │    └── SwitchUnavailable
     ├── ApplicationError         an interactive application is faulty
     └── IllegalTransition        an event that the state tables do not allow

A caller hanging up is an event, not an error.
"""


class FsrouteError(Exception):
    """What every error of fsroute derives from; its text is meant for the operator."""


class ConfigurationError(FsrouteError):
    """A configuration file or option is wrong; the text names the file and the path in it."""


class StoreError(FsrouteError):
    """The database refused a statement."""


class DatabaseUnavailable(StoreError):
    """The database could not be reached, or went away during a statement."""


class Unanswered(DatabaseUnavailable):
    """The connection went during a statement: nobody knows whether it was done."""


class StoreConflict(StoreError):
    """A unique or exclusion constraint refused a row; `constraint` is its name."""

    def __init__(self, text: str, constraint: str | None = None) -> None:
        super().__init__(text)
        self.constraint = constraint


class Declined(StoreError):
    """A rule in SQL says no; the text says why, `reason` is a word for programs (``logged_out``)."""

    def __init__(self, text: str, reason: str = "") -> None:
        super().__init__(text)
        self.reason = reason


class UnknownAgent(Declined):
    """No agent has this identifier."""


class Fenced(StoreError):
    """A coordinator tried to write with an epoch that is no longer the present one."""


class SwitchError(FsrouteError):
    """FreeSWITCH refused a command; the text is its reply."""


class SwitchUnavailable(SwitchError):
    """The event socket of a switch is not connected."""


class ApplicationError(FsrouteError):
    """An interactive application is faulty; the text names file, step and fault."""


class IllegalTransition(FsrouteError):
    """An event arrived in a state in which the tables do not allow it."""
