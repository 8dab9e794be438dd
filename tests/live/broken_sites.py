"""The system of `tests.faults` on real switches: two FreeSWITCH on loopback, and callers who listen to the audio."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path

from tests.faults import application
from tests.faults.people import Caller, Telephone
from tests.faults.sites import SECOND, Server, Sites
from tests.live.freeswitch import FreeSwitch, Ports, free_port
from tests.live.lonely import TUN, Link, Way, network_of_its_own
from tests.live.people import answers_at_once, never_answers
from tests.live.process import FsrouteRun
from tests.live.sip import Call, Phone
from tests.waiting import until

CALLER, AGENT = 440, 700  # Hz
RTP_WEST, RTP_EAST = 20_000, 22_000
QUIET = 4.0  # seconds: a busy machine lets everybody wait; who is forgotten hears nothing for longer
BREAK = 3.0  # seconds without a packet; the phones are in the test's process, which starts switches meanwhile
LATE = 5.0  # seconds beside an idle agent (I3), on a machine that runs two switches and nine processes
CUT = 5.0  # seconds: longer than the media time-out of the network legs
MEDIA_TIMEOUT_MS = 2000
WRAP_UP = 15.0  # seconds: the fault comes before its end

_numbers = count(1)


class LiveCaller:
    """A `Caller` with a SIP telephone."""

    def __init__(self, call: Call, keys_more: bool) -> None:
        self._call = call
        self._keys_more = keys_more  # the application waits for keys: there is nothing to be heard
        self._talked_at = 0.0

    @property
    def number(self) -> str:
        return self._call.phone.user

    def press(self, digits: str) -> None:
        self._call.press(digits)

    def hang_up(self) -> None:
        self._call.hang_up()

    def is_over(self) -> bool:
        return self._call.is_over()

    def talks(self) -> bool:
        hears = self._call.media.hears(AGENT)
        if hears and not self._talked_at:
            self._talked_at = time.time()
        return hears

    def broke_off(self) -> bool:
        until_when = self._call.ended_at or time.time()
        return bool(self._talked_at) and self._call.media.largest_gap(self._talked_at, until_when) > BREAK

    def first_heard(self, frequency: int, since: float) -> float | None:
        """Seconds from a moment until the tone was there."""
        moment = self._call.media.first_heard(frequency, since)
        return None if moment is None else moment - since

    def quiet(self) -> float:
        if self._keys_more:
            return 0.0
        begin = self._call.answered_at + 1.0
        return self._call.media.longest_silence(begin, max(begin, self._call.ended_at or time.time()))

    def heard(self) -> str:
        begin = self._call.answered_at
        silences = self._call.media.silences(begin, self._call.ended_at or time.time(), 0.3)
        return "\n".join(f"{at:8.3f} {length:7.3f} silence" for at, length in silences)


class LiveTelephone:
    """An agent's SIP `Telephone`."""

    def __init__(self, phone: Phone) -> None:
        self._phone = phone

    @property
    def address(self) -> str:
        return self._phone.address

    def _live(self) -> list[Call]:
        return [call for call in self._phone.calls if not call.is_over()]

    def rings(self) -> bool:
        return any(call.rang_at and not call.answered_at for call in self._live())

    def answer(self) -> None:
        next(call for call in self._live() if not call.answered_at).answer()

    def answer_if_it_rings(self) -> None:
        """Somebody takes the receiver off as the caller may just be leaving."""
        if self.rings():
            self.answer()

    def hang_up(self) -> None:
        for call in self._live():
            call.hang_up()

    def is_idle(self) -> bool:
        return not self._live()

    def hears(self, frequency: int) -> bool:
        return any(call.media.hears(frequency) for call in self._live())

    def answered_at(self) -> float:
        """When the last call that was answered was, in seconds since the epoch."""
        return max(call.answered_at for call in self._phone.calls)

    def first_heard(self, frequency: int) -> float | None:
        """Seconds from the answer of the last call until the tone was there."""
        call = max(self._phone.calls, key=lambda call: call.answered_at)
        moment = call.media.first_heard(frequency, call.answered_at)
        return None if moment is None else moment - call.answered_at

    def shown(self) -> str:
        return self._phone.calls[-1].caller if self._phone.calls else ""


class BrokenSites(Sites):
    """A `tests.faults.row.System` of two FreeSWITCH and nine processes; use `broken_sites`."""

    longest_quiet = QUIET
    late = LATE
    cut_for = CUT
    media_timeout = MEDIA_TIMEOUT_MS / 1000
    wrap_up = WRAP_UP

    def __init__(self, program: Path, folder: Path, alone: bool) -> None:
        super().__init__(Server(folder))
        self._phones: list[Phone] = []
        second = free_port()
        west, east = Ports(RTP_WEST), Ports(RTP_EAST)
        self.switches = {
            "west": FreeSwitch(
                program, "west-1", folder / "west", west, callservers=(west.callserver, second),
                media_timeout_ms=MEDIA_TIMEOUT_MS,
            ),
            "east": FreeSwitch(program, "east-1", folder / "east", east, media_timeout_ms=MEDIA_TIMEOUT_MS),
        }  # fmt: skip
        self._link = Link(
            (str(west.link), f"{RTP_WEST}-{RTP_WEST + 1999}"),
            (str(east.link), f"{RTP_EAST}-{RTP_EAST + 1999}"),
        )
        self.may_part = alone and TUN.exists()
        application.write(folder / "applications")
        for site, name, role in (
            ("west", "coordinator", "coordinator"), ("east", "coordinator", "coordinator"),
            ("west", "callserver", "callserver"), ("west", SECOND, "callserver"),
            ("west", "acd", "acd"), ("east", "acd", "acd"), ("west", "cti", "cti"), ("east", "cti", "cti"),
        ):  # fmt: skip
            ports = west if site == "west" else east
            self.processes[site, name] = FsrouteRun(
                folder / f"{site}-{name}", site, replace(ports, callserver=second) if name == SECOND else ports,
                self.server.conninfo if site == "west" else self.server.from_east, f'roles = ["{role}"]',
            )  # fmt: skip

    def start(self) -> None:
        if self.may_part:
            self._link.start()
        self.enter({site: f"127.0.0.1:{switch.ports.link}" for site, switch in self.switches.items()})
        for switch in self.switches.values():
            switch.start()
        for switch in self.switches.values():
            switch.until_ready()
        self.revive()

    def stop(self) -> None:
        for process in self.processes.values():
            process.kill()
        for switch in self.switches.values():
            switch.stop()
        for phone in self._phones:
            phone.close()
        self._link.stop()
        self.close()
        self.server.stop()

    def place(self, number_called: str, digits: str) -> Caller:
        phone = Phone(f"555{next(_numbers):04}", frequency=CALLER)
        self._phones.append(phone)
        call = phone.call(number_called, self.switches["west"].ports.callers)
        call.until_answered(20.0)
        until(lambda: not call.media.is_silent(), 20.0)
        call.press(digits)
        return LiveCaller(call, digits == "1")

    def telephone(self, answers: bool) -> Telephone:
        phone = Phone(f"{1000 + next(_numbers)}", answers_at_once if answers else never_answers, AGENT)
        self._phones.append(phone)
        return LiveTelephone(phone)

    def variable(self, channel_uuid: str, name: str) -> str:
        return self.switches["west"].variable(channel_uuid, name)

    def crash(self, site: str) -> None:
        switch = self.switches[site]
        switch.stop()
        for call in [call for phone in self._phones for call in phone.calls]:
            if call.port in (switch.ports.callers, switch.ports.agents):
                call.lose()

    def restart(self, site: str) -> None:
        self.switches[site].start()
        self.switches[site].until_ready()

    def part(self) -> None:
        self.link(Way(loss=1.0))

    def link(self, there: Way, back: Way | None = None) -> None:
        """The link between the switches: `there` from the callers' to the agents' one; the way `back` is like it."""
        self._link.become(there, back)

    def rejoin(self) -> None:
        self.link(Way())

    def east_channels(self) -> int:
        return self.switches["east"].channels()

    def channels(self) -> list[str]:
        found = {site: switch.channels() for site, switch in self.switches.items() if switch.runs()}
        return [f"{number} channels at {site}" for site, number in found.items() if number]


@contextmanager
def broken_sites(program: Path) -> Iterator[BrokenSites]:
    with network_of_its_own() as alone:
        folder = Path(tempfile.mkdtemp(prefix="fsroute-faults-"))
        folder.chmod(0o711)
        sites = BrokenSites(program, folder, alone)
        try:
            sites.start()
            yield sites
        finally:
            sites.stop()
            shutil.rmtree(folder, ignore_errors=True)
