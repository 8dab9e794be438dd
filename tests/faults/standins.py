"""Two sites on stand-in switches: a process of ``fsroute run`` for each role and site, and a PostgreSQL for them."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any

import gevent
import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import dict_row

from fsroute.config import Role
from fsroute.demo.centers import DEFAULT_CONTEXT, EAST, WEST, CenterSettings
from fsroute.install.render import render_dialplans
from fsroute.install.settings import DialplanSettings
from fsroute.store.database import Database
from fsroute.store.embedded import EmbeddedPostgres
from fsroute.store.migrate import migrate
from fsroute.store.scratch import SETTINGS, new_folder
from fsroute.switchsim import Agent, Answers, Dialplan, Network, NoAnswer, Press, Switch, WaitFor
from fsroute.switchsim import Caller as Person
from fsroute.switchsim.telephones import AgentCall, CallerCall
from tests.faults import application
from tests.faults.cuttable import Cuttable
from tests.faults.people import Caller, Telephone
from tests.faults.table import Broken
from tests.integration.flow.conftest import FAST
from tests.integration.flow.processes import PAUSE_MS, Process
from tests.waiting import until

SPEED = 20.0  # people and recordings are as much faster than in life
MEDIA_TIMEOUT = 0.5  # seconds until a channel notices that nothing comes any more
CUT = 2.0  # seconds for which the network is away: longer than what a conversation bears
DATABASE_AWAY = 1.5  # seconds
QUIET = 1.5  # seconds: a busy machine lets the callers' switch wait, too
LATE = 2.0  # seconds beside an idle agent (I3): eight processes and two switches share two processors

_numbers = count(1)


class StandInCaller:
    """A `Caller` on a stand-in switch."""

    def __init__(self, call: CallerCall) -> None:
        self._call = call

    @property
    def number(self) -> str:
        return self._call.caller.number

    def press(self, digits: str) -> None:
        self._call.press(digits)

    def hang_up(self) -> None:
        self._call.hang_up()

    def is_over(self) -> bool:
        return self._call.over.is_set()

    def talks(self) -> bool:
        return self._call.is_talking

    def broke_off(self) -> bool:
        talks = [heard for heard in self._call.timeline.stretches() if heard.what.startswith("talking")]
        return len(talks) > 1

    def quiet(self) -> float:
        return max((heard.lasted for heard in self._call.timeline.silences(0.0)), default=0.0)

    def heard(self) -> str:
        return str(self._call.timeline)


class StandInTelephone:
    """An agent's `Telephone` on the network of the stand-in switches."""

    def __init__(self, network: Network, user: str, answers: bool) -> None:
        self._network = network
        self._place = f"{user}@127.0.0.1:6000"
        behaviour = Answers(after=0.1) if answers else NoAnswer()
        network.add_agent(Agent(f"sofia/fsroute_agents/{self._place}", user, (behaviour,)))

    @property
    def address(self) -> str:
        return f"sip:{self._place}"

    def _calls(self) -> list[AgentCall]:
        return [call for call in self._network.agent_calls if call.agent.address.endswith(self._place)]

    def _live(self) -> list[AgentCall]:
        return [call for call in self._calls() if call.cause is None]

    def rings(self) -> bool:
        return any(call.timeline.now == "ringing" and not call.is_answered for call in self._live())

    def answer(self) -> None:
        call = next(call for call in self._live() if not call.is_answered)
        assert call.channel is not None
        call.is_answered = True
        call.channel.party_answers()

    def hang_up(self) -> None:
        for call in self._live():
            call.hang_up()

    def is_idle(self) -> bool:
        return not self._live()

    def shown(self) -> str:
        calls = self._calls()
        return calls[-1].shown_number if calls else ""


class Host:
    """One site: a switch that survives, and the processes of its roles."""

    def __init__(self, settings: CenterSettings, network: Network, folder: Path, database: str) -> None:
        self.settings = settings
        self._folder, self._database = folder, database
        self._sockets: list[int] = []
        self.switch = Switch(
            settings.switch_id,
            network,
            link_address=settings.link_address,
            options=FAST,
            dialplan=self._render,
        )
        self.switch.start()

    def process(self, name: str, role: Role, applications: Path) -> Process:
        process = Process(
            self._folder, f"{self.settings.site_id}-{name}", self.settings, self.switch, self._database, (role,),
            drain=0.5, applications=applications,
        )  # fmt: skip
        if role is Role.CALLSERVER:
            self._sockets.append(process.port)
            self.switch.reload()
        return process

    def _render(self) -> Dialplan:
        sockets = tuple(f"127.0.0.1:{port}" for port in self._sockets) or ("127.0.0.1:1",)
        texts = render_dialplans(DialplanSettings(numbers=("*",), callservers=sockets, pause_ms=PAUSE_MS))
        public = texts.pop("public/00_fsroute.xml")
        plan = Dialplan.parse(DEFAULT_CONTEXT, *texts.values())
        plan.add(public, {}, "public")
        return plan


class StandIns:
    """A `tests.faults.row.System` of stand-ins; use `standins`."""

    application = application.NAME
    longest_quiet = QUIET
    late = LATE

    def __init__(self, folder: Path) -> None:
        self.network = Network(speed=SPEED, media_timeout=MEDIA_TIMEOUT)
        self._server = EmbeddedPostgres(
            folder / "postgres", safe=False, settings=SETTINGS | {"synchronous_commit": "on"}
        )
        conninfo = self._server.start()
        migrate(conninfo)
        self._conninfo = make_conninfo(conninfo, options="-c search_path=fsroute")
        self.database = Database(conninfo, min_size=1, max_size=2)
        place = conninfo_to_dict(conninfo)
        self._way = Cuttable(f"{place['host']}/.s.PGSQL.{place['port']}")
        self._way.start()
        far = make_conninfo(conninfo, host="127.0.0.1", port=self._way.port)
        self.west = Host(WEST, self.network, folder, conninfo)
        self.east = Host(EAST, self.network, folder, far)
        patient = application.write(folder)
        self.processes = {
            (host.settings.site_id, name): host.process(name, role, patient)
            for host, name, role in (
                (self.west, "coordinator", Role.COORDINATOR), (self.east, "coordinator", Role.COORDINATOR),
                (self.west, "callserver", Role.CALLSERVER), (self.west, "second", Role.CALLSERVER),
                (self.west, "acd", Role.ACD), (self.east, "acd", Role.ACD),
                (self.west, "cti", Role.CTI), (self.east, "cti", Role.CTI),
            )
        }  # fmt: skip
        self._struck = self._served = 0.0

    def start(self) -> None:
        self.database.open()
        for site in ("west", "east"):
            switch = f"{site}-1"
            self.query("insert into site values (%s, %s)", site, site)
            host = self.west if site == "west" else self.east
            self.query(
                "insert into switch (switch_id, site_id, link_address) values (%s, %s, %s)",
                switch, site, host.settings.link_address,
            )  # fmt: skip
        self.revive()

    def revive(self) -> None:
        """Start what does not run; the second call server stands by only when it is asked for."""
        missing = [
            process
            for (_, name), process in self.processes.items()
            if name != "second" and not process.runs()
        ]
        _at_once(*(process.start for process in missing))

    def stop(self) -> None:
        for process in self.processes.values():
            process.send(signal.SIGKILL)
            process.wait(5.0)
        for host in (self.west, self.east):
            host.switch.stop()
        self.database.close()
        self._way.stop()
        self._server.stop()

    # What scenes ask --------------------------------------------------------------------------------------

    def query(self, statement: str, *values: object) -> list[dict[str, Any]]:
        with psycopg.connect(self._conninfo, autocommit=True, row_factory=dict_row) as connection:
            cursor = connection.execute(statement.encode(), values)
            return cursor.fetchall() if cursor.description else []

    def place(self, number_called: str, digits: str) -> Caller:
        number = f"+1415555{next(_numbers):04}"
        person = Person(number, "Ada", number_called, (WaitFor("main_menu"), Press(digits)))
        return StandInCaller(self.network.call(person, self.west.switch))

    def telephone(self, answers: bool) -> Telephone:
        return StandInTelephone(self.network, f"agent{next(_numbers)}", answers)

    def variable(self, channel_uuid: str, name: str) -> str:
        channel = self.west.switch.channels.get(channel_uuid)
        return (channel.get(name) if channel is not None else None) or ""

    def came_back(self, contact_id: str) -> bool:
        return any(moment >= self._struck for moment in self._moments(f"call came back contact={contact_id}"))

    # Faults -----------------------------------------------------------------------------------------------

    def prepare(self, broken: Broken) -> None:
        if broken is Broken.ONE_OF_TWO_CALL_SERVERS:
            self.processes["west", "second"].start()

    def strike(self, broken: Broken) -> None:
        self._struck = time.time()
        for process in self._victims(broken):
            process.kill()
        if broken is Broken.DATABASE:
            self._kill_database()
        elif broken is Broken.CALLERS_SWITCH:
            self.west.switch.crash()
        elif broken is Broken.AGENTS_SWITCH:
            self.east.switch.crash()
        elif broken is Broken.NETWORK:
            self.network.part("west-1", "east-1")
            self._way.cut()

    def heal(self, broken: Broken) -> None:
        if broken in (Broken.CALL_SERVER, Broken.ACD, Broken.CTI):
            _at_once(*(process.start for process in self._victims(broken)))
        elif broken is Broken.DATABASE:
            gevent.sleep(max(0.0, self._struck + DATABASE_AWAY - time.time()))
            self._server.start()
        elif broken is Broken.CALLERS_SWITCH:
            self.west.switch.restart()
        elif broken is Broken.AGENTS_SWITCH:
            self.east.switch.restart()
        elif broken is Broken.NETWORK:
            gevent.sleep(max(0.0, self._struck + CUT - time.time()))
            self.network.rejoin("west-1", "east-1")
            self._way.heal()
        self._served = time.time()

    def restore(self, broken: Broken) -> None:
        if broken is Broken.ONE_OF_TWO_CALL_SERVERS:
            second = self.processes["west", "second"]
            second.send(signal.SIGTERM)
            second.wait(10.0)
        self.revive()

    def _victims(self, broken: Broken) -> list[Process]:
        if broken is Broken.COORDINATOR:
            return [self.processes[self._leader(), "coordinator"]]
        names = {
            Broken.CALL_SERVER: [("west", "callserver")],
            Broken.ONE_OF_TWO_CALL_SERVERS: [("west", "callserver")],
            Broken.ACD: [("west", "acd"), ("east", "acd")],
            Broken.CTI: [("west", "cti"), ("east", "cti")],
        }
        return [self.processes[name] for name in names.get(broken, [])]

    def _leader(self) -> str:
        """The site whose coordinator leads."""
        (row,) = self.query("select holder from lease where name = 'coordinator'")
        pid = int(row["holder"].split(":")[1])
        return next(
            site for (site, _), process in self.processes.items() if process.runs() and process.pid == pid
        )

    def _kill_database(self) -> None:
        lines = (self._server.data / "postmaster.pid").read_text().splitlines()
        os.kill(int(lines[0]), signal.SIGKILL)
        until(lambda: not self._server.is_running(), 5.0)

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
        moments = [moment for moment in self._moments(lines[broken]) if moment >= self._struck]
        one_goes_on = broken in (Broken.COORDINATOR, Broken.ONE_OF_TWO_CALL_SERVERS)
        return max(moments, default=float("inf")) - (self._struck if one_goes_on else self._served)

    def _moments(self, text: str) -> list[float]:
        """When any process logged lines with `text`, in seconds since the epoch."""
        lines = (line for process in self.processes.values() for line in process.log().splitlines())
        return [datetime.fromisoformat(line.split()[0]).timestamp() for line in lines if text in line]

    def left(self) -> list[str]:
        channels = [
            f"channel {channel!r}"
            for host in (self.west, self.east)
            for channel in list(host.switch.channels.values())
        ]
        reserved = self.query("select agent_id, proxy_call_id from reservation where ended_at is null")
        contacts = self.query("select contact_id::text from contact where ended_at is null")
        return [*channels, *map(str, reserved), *map(str, contacts)]

    def logs(self) -> str:
        """The end of each process's, for a row that failed."""
        return "\n\n".join(
            f"{'-'.join(name)}:\n{process.log()[-40_000:]}" for name, process in self.processes.items()
        )


def _at_once(*doings: Any) -> None:
    gevent.joinall([gevent.spawn(doing) for doing in doings], raise_error=True)


@contextmanager
def standins() -> Iterator[StandIns]:
    folder = new_folder()
    system = StandIns(folder)
    try:
        system.start()
        yield system
    finally:
        system.stop()
        shutil.rmtree(folder, ignore_errors=True)
