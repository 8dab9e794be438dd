"""Two sites on stand-in switches: a process of ``fsroute run`` for each role and site, and a PostgreSQL for them."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from fsroute.config import Role
from fsroute.demo.centers import DEFAULT_CONTEXT, EAST, WEST, CenterSettings
from fsroute.install.render import render_dialplans
from fsroute.install.settings import DialplanSettings
from fsroute.store.scratch import new_folder
from fsroute.switchsim import Agent, Answers, Dialplan, Network, NoAnswer, Press, Switch, WaitFor
from fsroute.switchsim import Caller as Person
from fsroute.switchsim.telephones import AgentCall, CallerCall
from tests.faults import application
from tests.faults.people import Caller, Telephone
from tests.faults.sites import SECOND, Server, Sites
from tests.integration.flow import processes
from tests.integration.flow.conftest import FAST
from tests.integration.flow.processes import PAUSE_MS

SPEED = 20.0  # people and recordings are as much faster than in life
MEDIA_TIMEOUT = 0.5  # seconds until a channel notices that nothing comes any more
WRAP_UP = 5.0  # seconds: the fault comes before its end; the longest thing that a row waits for
CUT = 2.0  # seconds for which the network is away: longer than what a conversation bears
QUIET = 4.0  # seconds: a busy machine lets everybody wait; who is forgotten hears nothing for longer
LATE = 5.0  # seconds beside an idle agent (I3): eight processes and two switches share two processors

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


class Process(processes.Process):
    """One that is also ended in an orderly way."""

    def stop(self) -> None:
        self.send(signal.SIGTERM)
        self.wait(10.0)


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


class StandIns(Sites):
    """A `tests.faults.row.System` of stand-ins; use `standins`."""

    longest_quiet = QUIET
    late = LATE
    cut_for = CUT
    media_timeout = MEDIA_TIMEOUT
    wrap_up = WRAP_UP

    def __init__(self, folder: Path) -> None:
        super().__init__(Server(folder))
        self.network = Network(speed=SPEED, media_timeout=MEDIA_TIMEOUT)
        self.west = Host(WEST, self.network, folder, self.server.conninfo)
        self.east = Host(EAST, self.network, folder, self.server.from_east)
        patient = application.write(folder)
        for host, name, role in (
            (self.west, "coordinator", Role.COORDINATOR), (self.east, "coordinator", Role.COORDINATOR),
            (self.west, "callserver", Role.CALLSERVER), (self.west, SECOND, Role.CALLSERVER),
            (self.west, "acd", Role.ACD), (self.east, "acd", Role.ACD),
            (self.west, "cti", Role.CTI), (self.east, "cti", Role.CTI),
        ):  # fmt: skip
            self.processes[host.settings.site_id, name] = host.process(name, role, patient)

    def start(self) -> None:
        self.enter({host.settings.site_id: host.settings.link_address for host in (self.west, self.east)})
        self.revive()

    def stop(self) -> None:
        for process in self.processes.values():
            process.kill()
        for host in (self.west, self.east):
            host.switch.stop()
        self.close()
        self.server.stop()

    def place(self, number_called: str, digits: str) -> Caller:
        number = f"+1415555{next(_numbers):04}"
        person = Person(number, "Ada", number_called, (WaitFor("main_menu"), Press(digits)))
        return StandInCaller(self.network.call(person, self.west.switch))

    def telephone(self, answers: bool) -> Telephone:
        return StandInTelephone(self.network, f"agent{next(_numbers)}", answers)

    def variable(self, channel_uuid: str, name: str) -> str:
        channel = self.west.switch.channels.get(channel_uuid)
        return (channel.get(name) if channel is not None else None) or ""

    def crash(self, site: str) -> None:
        self._host(site).switch.crash()

    def restart(self, site: str) -> None:
        self._host(site).switch.restart()

    def part(self) -> None:
        self.network.part("west-1", "east-1")

    def rejoin(self) -> None:
        self.network.rejoin("west-1", "east-1")

    def channels(self) -> list[str]:
        switches = (self.west.switch, self.east.switch)
        return [repr(channel) for switch in switches for channel in list(switch.channels.values())]

    def _host(self, site: str) -> Host:
        return self.west if site == "west" else self.east


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
