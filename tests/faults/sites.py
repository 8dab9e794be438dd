"""Two sites with a process of ``fsroute run`` for each role, over a PostgreSQL of their own, and what befalls them."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import gevent
import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import dict_row

from fsroute.store.database import Database
from fsroute.store.embedded import EmbeddedPostgres
from fsroute.store.migrate import migrate
from fsroute.store.scratch import SETTINGS
from tests.faults import application
from tests.faults.cuttable import Cuttable
from tests.faults.table import CALL_SERVERS, Broken
from tests.starving import Starvation
from tests.waiting import until

DATABASE_AWAY = 5.0  # seconds: longer than a caller may hear nothing
SECOND = "second"
"""The name of the call server that stands beside the other when it is asked for."""


class Process(Protocol):
    """``fsroute run`` with one role."""

    @property
    def pid(self) -> int: ...

    def start(self) -> object:
        """Returns when it serves."""

    def kill(self) -> None: ...

    def stop(self) -> None:
        """In an orderly way."""

    def runs(self) -> bool: ...

    def log(self) -> str: ...


class Server:
    """The PostgreSQL of the two sites, and the way to it from the east, which can be cut."""

    def __init__(self, folder: Path) -> None:
        settings = SETTINGS | {"synchronous_commit": "on"}  # what it has said outlives the server
        self._server = EmbeddedPostgres(folder / "postgres", safe=False, settings=settings)
        self.conninfo = self._server.start()
        migrate(self.conninfo)
        place = conninfo_to_dict(self.conninfo)
        self.way = Cuttable(f"{place['host']}/.s.PGSQL.{place['port']}")
        self.way.start()
        self.from_east = make_conninfo(self.conninfo, host="127.0.0.1", port=self.way.port)

    def kill(self) -> None:
        lines = (self._server.data / "postmaster.pid").read_text().splitlines()
        os.kill(int(lines[0]), signal.SIGKILL)
        until(lambda: not self._server.is_running(), 5.0)

    def start(self) -> None:
        self._server.start()

    def stop(self) -> None:
        self.way.stop()
        self._server.stop()


class Sites:
    """The common part of a `tests.faults.row.System`: callers come in at west, agents are at both sites.

    `processes` by site and name; those named `SECOND` run only when they are asked for.
    """

    application = application.NAME
    longest_quiet: float
    late: float
    media_timeout: float
    wrap_up: float
    cut_for: float
    """Seconds for which the network is away: longer than what a conversation bears."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self._conninfo = make_conninfo(server.conninfo, options="-c search_path=fsroute")
        self.database = Database(server.conninfo, min_size=1, max_size=2)
        self._looker: psycopg.Connection[dict[str, Any]] | None = None
        self._one_connects = threading.Lock()
        self.processes: dict[tuple[str, str], Process] = {}
        self.struck = self._served = 0.0
        self._taking: set[str] = set()  # the names of whose calls are taken back, and of those who do
        self._took_from = 0.0  # when what is promised of those who take back began
        self._starvation: Starvation | None = None

    def enter(self, links: Mapping[str, str]) -> None:
        """The sites with a switch each, by where its network legs come in."""
        self.database.open()
        for site, link in links.items():
            self.query("insert into site values (%s, %s)", site, site)
            self.query(
                "insert into switch (switch_id, site_id, link_address) values (%s, %s, %s)",
                f"{site}-1", site, link,
            )  # fmt: skip

    def revive(self) -> None:
        """Start what does not run."""
        at_once(
            [
                process.start
                for (_, name), process in self.processes.items()
                if name != SECOND and not process.runs()
            ]
        )

    def query(self, statement: str, *values: object) -> list[dict[str, Any]]:
        looker = self._connected()
        try:
            return _rows(looker, statement, values)
        except psycopg.OperationalError:
            if not looker.closed:
                raise
        return _rows(self._connected(), statement, values)  # the server was another one since

    def close(self) -> None:
        """Look no more."""
        self.database.close()
        if self._looker is not None:
            self._looker.close()

    def _connected(self) -> psycopg.Connection[dict[str, Any]]:
        """The connection of whoever looks: many wait at the same time, and ask again and again."""
        with self._one_connects:
            if self._looker is None or self._looker.closed:
                self._looker = psycopg.connect(
                    self._conninfo, autocommit=True, prepare_threshold=None, row_factory=dict_row
                )
            return self._looker

    def came_back(self, contact_id: str) -> bool:
        return any(moment >= self.struck for moment in self._moments(f"call came back contact={contact_id}"))

    # What a kind of switch does ---------------------------------------------------------------------------

    def crash(self, site: str) -> None:
        """The switch of a site dies without a word."""
        raise NotImplementedError

    def restart(self, site: str) -> None:
        """It comes up again, and knows of nothing."""
        raise NotImplementedError

    def part(self) -> None:
        """The switches do not reach each other any more."""
        raise NotImplementedError

    def rejoin(self) -> None:
        raise NotImplementedError

    def channels(self) -> list[str]:
        """Those that are there."""
        raise NotImplementedError

    # Faults -----------------------------------------------------------------------------------------------

    def prepare(self, broken: Broken) -> None:
        if broken is Broken.ONE_OF_TWO_CALL_SERVERS:
            self.processes["west", SECOND].start()

    def strike(self, broken: Broken) -> None:
        victims = self._victims(broken)
        self._taking = {SECOND, "callserver"} if broken in CALL_SERVERS else {str(broken)}
        self._starvation = Starvation(self._running)
        self.struck = time.time()
        for process in victims:
            process.kill()
        if broken is Broken.DATABASE:
            self.server.kill()
        elif broken is Broken.CALLERS_SWITCH:
            self.crash("west")
        elif broken is Broken.AGENTS_SWITCH:
            self.crash("east")
        elif broken is Broken.NETWORK:
            self.part()
            self.server.way.cut()

    def heal(self, broken: Broken) -> None:
        if broken in (Broken.CALL_SERVER, Broken.ACD, Broken.CTI):
            at_once([process.start for process in self._victims(broken)])
        elif broken is Broken.DATABASE:
            self._until_away_for(DATABASE_AWAY)
            self.server.start()
        elif broken is Broken.CALLERS_SWITCH:
            self.restart("west")
        elif broken is Broken.AGENTS_SWITCH:
            self.restart("east")
        elif broken is Broken.NETWORK:
            self._until_away_for(self.cut_for)
            self.rejoin()
            self.server.way.heal()
        self._served = time.time()

    def restore(self, broken: Broken) -> None:
        if broken is Broken.ONE_OF_TWO_CALL_SERVERS:
            self.processes["west", SECOND].stop()
        self.revive()

    def _until_away_for(self, seconds: float) -> None:
        gevent.sleep(max(0.0, self.struck + seconds - time.time()))

    def _victims(self, broken: Broken) -> Sequence[Process]:
        if broken is Broken.COORDINATOR:
            return [self._leader()]
        names = {
            Broken.CALL_SERVER: [("west", "callserver")],
            Broken.ONE_OF_TWO_CALL_SERVERS: [("west", "callserver")],
            Broken.ACD: [("west", "acd"), ("east", "acd")],
            Broken.CTI: [("west", "cti"), ("east", "cti")],
        }
        return [self.processes[name] for name in names.get(broken, [])]

    def _leader(self) -> Process:
        (row,) = self.query("select holder from lease where name = 'coordinator'")
        pid = int(row["holder"].split(":")[1])
        return next(process for process in self.processes.values() if process.runs() and process.pid == pid)

    # What became of it ------------------------------------------------------------------------------------

    def taken_back(self, broken: Broken) -> float | None:
        lines = {
            Broken.CALL_SERVER: "call came back",
            Broken.ONE_OF_TWO_CALL_SERVERS: "call came back",
            Broken.COORDINATOR: "leading:",
            Broken.ACD: "this process drives the agents",
            Broken.CTI: "this process watches switch",
        }
        if broken not in lines:
            return None
        moments = [moment for moment in self._moments(lines[broken]) if moment >= self.struck]
        goes_on = broken in (Broken.COORDINATOR, Broken.ONE_OF_TWO_CALL_SERVERS)
        self._took_from = self.struck if goes_on else self._served
        return max(moments, default=float("inf")) - self._took_from

    def kept_waiting(self, took: float) -> float:
        starvation, self._starvation = self._starvation, None
        if starvation is None:
            return 0.0
        starvation.stop()
        return starvation.between(self._took_from, self._took_from + took)

    def _running(self) -> list[int]:
        """Who takes calls back: one role's processes, and this one, where the switches and the people may be."""
        taking = [process for name, process in self.processes.items() if name[1] in self._taking]
        return [os.getpid(), *(process.pid for process in taking if process.runs())]

    def _moments(self, text: str) -> list[float]:
        """When any process logged lines with `text`, in seconds since the epoch."""
        lines = (line for process in self.processes.values() for line in process.log().splitlines())
        return [datetime.fromisoformat(line.split()[0]).timestamp() for line in lines if text in line]

    def left(self) -> list[str]:
        reserved = self.query("select agent_id, proxy_call_id from reservation where ended_at is null")
        contacts = self.query("select contact_id::text from contact where ended_at is null")
        return [*self.channels(), *map(str, reserved), *map(str, contacts)]

    def logs(self) -> str:
        """The end of each process's, for a row that failed."""
        return "\n\n".join(
            f"{'-'.join(name)}:\n{process.log()[-20_000:]}" for name, process in self.processes.items()
        )


def _rows(
    connection: psycopg.Connection[dict[str, Any]], statement: str, values: Sequence[object]
) -> list[dict[str, Any]]:
    cursor = connection.execute(statement.encode(), values)
    return cursor.fetchall() if cursor.description else []


def at_once(doings: Sequence[Callable[[], object]]) -> None:
    gevent.joinall([gevent.spawn(doing) for doing in doings], raise_error=True)
