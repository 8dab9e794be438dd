"""A join is one command: whoever gave it may die, and the switch does it to its end."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable

import pytest

from fsroute.acd.legs import LegCommands, Settings
from fsroute.acd.serving import Legs
from fsroute.esl import commands
from fsroute.model.proxy_call import NetworkLeg, State
from tests.live.figures import measured
from tests.live.freeswitch import PASSWORD
from tests.live.people import never_answers
from tests.live.sip import Phone
from tests.live.test_one_call import AGENT, CALLER, LONGEST_QUIET, until_they_hear_each_other
from tests.live.two_sites import ContactCenter, TwoSites
from tests.unit.rows import proxy_call
from tests.waiting import until

pytestmark = pytest.mark.live

Company = Callable[..., ContactCenter]

RESET = struct.pack("ii", 1, 0)  # closed with a reset, as the kernel closes for a process that is killed


class Dying:
    """Gives one command to a switch, and is gone before it has the answer."""

    def __init__(self, port: int) -> None:
        self._port = port

    def api(self, command: str) -> str:
        with socket.create_connection(("127.0.0.1", self._port)) as link:
            link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            link.sendall(commands.auth(PASSWORD))
            said = b""
            while b"+OK accepted" not in said:
                said += link.recv(4096)
            link.sendall(commands.api(command))
            time.sleep(
                0.02
            )  # read by the switch, unless it is very busy; unread, it would be as if never given
        return ""

    def bgapi(self, command: str, job_uuid: str | None = None) -> str:
        return self.api(command)

    def draft(self, command: str) -> None:
        raise NotImplementedError

    def perform_draft(self, command: str) -> None:
        raise NotImplementedError

    def execute(self, uuid: str, application: str, argument: str = "") -> None:
        raise NotImplementedError

    def state(self, uuid: str) -> str:
        raise NotImplementedError


def test_a_join_is_done_though_nobody_is_left_who_gave_it(company: Company, two_sites: TwoSites) -> None:
    acme = company()
    caller = acme.waiting_call(frequency=CALLER)
    agent = acme.agent("ann", Phone("1001", never_answers, AGENT)).latest()
    row = acme.until_leg("present")
    [reservation] = two_sites.live_reservations()
    leg = str(reservation["agent_leg_uuid"])
    two_sites.east_run.kill()
    until(lambda: not caller.media.is_silent())
    began = time.time()
    agent.answer()
    until(lambda: two_sites.east.answer_state(leg) == "answered")
    assert two_sites.east.answer_state(row["rendezvous_uuid"]) == "ringing"
    assert not caller.media.is_silent(), "the caller hears music while nobody joins the two"

    offered = proxy_call(State.READY, NetworkLeg.PRESENT)
    legs = Legs(leg, 0.0)
    switch = Dying(two_sites.east.ports.event_socket)
    LegCommands(switch, Settings("east-1", "{address}")).join(offered, legs, row["rendezvous_uuid"])
    until_they_hear_each_other(caller, agent)
    quiet = caller.media.longest_silence(began, time.time())
    measured("who joined the two is dead: longest time without a sound for the caller", quiet)
    assert quiet < LONGEST_QUIET, caller.media.silences(began, time.time(), 0.1)

    two_sites.east_run.start()
    acme.until_state("bridged")
    until_they_hear_each_other(caller, agent)
    caller.hang_up()
    agent.until_over()
    acme.until_outcomes("served")
