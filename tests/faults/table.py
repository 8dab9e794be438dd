"""What breaks, where the call is, and what must be seen: the matrix, as data.

Stand-ins (`tests.faults`) and real switches (`tests/live/test_faults.py`) are held against the same table.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Broken(enum.StrEnum):
    """What dies, or is cut off, and comes back."""

    CALL_SERVER = "call server"
    ONE_OF_TWO_CALL_SERVERS = "one of two call servers"
    COORDINATOR = "coordinator"
    ACD = "acd"
    CTI = "cti"
    DATABASE = "database"
    CALLERS_SWITCH = "FreeSWITCH of the callers"
    AGENTS_SWITCH = "FreeSWITCH of the agents"
    NETWORK = "network"


CALL_SERVERS = (Broken.CALL_SERVER, Broken.ONE_OF_TWO_CALL_SERVERS)


class Stage(enum.StrEnum):
    """Where the calls are meanwhile."""

    APPLICATION = "application"
    WAITING = "waiting"
    OFFERED = "offered"
    RINGING = "network leg ringing"
    BRIDGED = "bridged"
    WRAP_UP = "wrap-up"


class Seen(enum.StrEnum):
    """What must be seen of the callers of a cell; `MEANINGS` says it in words."""

    GOES_ON = "goes on"
    KEEPS_PLACE = "keeps the place"
    ANSWERED = "answered"
    OFFERED_AGAIN = "offered again"
    TALKS_ON = "talks on"
    COMES_FIRST = "comes first"
    LOST = "lost"
    WRAPS_UP = "wraps up"


MEANINGS = {
    Seen.GOES_ON: "at the same step of the application; what is keyed from then on leads to its end",
    Seen.KEEPS_PLACE: "music all the time; served in the order of arrival, by an agent who sees who calls",
    Seen.ANSWERED: "the phone that rang before is answered, meanwhile or afterwards, and the two talk",
    Seen.OFFERED_AGAIN: "the offer ends with what broke; the caller notices nothing and is offered again",
    Seen.TALKS_ON: "the conversation goes on without a break; who leaves it meanwhile is accounted for",
    Seen.COMES_FIRST: "the conversation is lost; the caller is the first to be served again",
    Seen.LOST: "the caller is gone; the contact is closed with the reason, the agent is free at once",
    Seen.WRAPS_UP: "nobody before the end of the wrap-up, and then the next contact",
}

_TABLE = """
                         |application|waiting        |offered      |network leg ringing|bridged    |wrap-up
call server              |goes on    |keeps the place|answered     |answered           |talks on   |wraps up
one of two call servers  |goes on    |keeps the place|answered     |answered           |talks on   |wraps up
coordinator              |goes on    |keeps the place|answered     |answered           |talks on   |wraps up
acd                      |goes on    |keeps the place|answered     |answered           |talks on   |wraps up
cti                      |goes on    |keeps the place|answered     |answered           |talks on   |wraps up
database                 |goes on    |keeps the place|answered     |answered           |talks on   |wraps up
FreeSWITCH of the callers|lost       |lost           |lost         |lost               |lost       |wraps up
FreeSWITCH of the agents |goes on    |keeps the place|offered again|offered again      |comes first|wraps up
network                  |goes on    |keeps the place|answered     |answered           |comes first|wraps up
"""


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of the matrix."""

    broken: Broken
    stage: Stage
    seen: Seen

    def __str__(self) -> str:
        return f"{self.broken}, {self.stage}: {self.seen}"


def _cells(table: str) -> dict[tuple[Broken, Stage], Cell]:
    head, *rows = ([word.strip() for word in line.split("|")] for line in table.strip("\n").splitlines())
    stages = [Stage(word) for word in head[1:]]
    found = [
        Cell(Broken(row[0]), stage, Seen(word))
        for row in rows
        for stage, word in zip(stages, row[1:], strict=True)
    ]
    return {(cell.broken, cell.stage): cell for cell in found}


CELLS = _cells(_TABLE)
"""Every cell, by what is broken and where the call is, in the order of the table."""
