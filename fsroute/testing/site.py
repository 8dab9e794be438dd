"""One site for a test: the real call server, coordinator and agents' side, over a stand-in switch."""

from __future__ import annotations

import itertools
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from typing import Any, Self

import gevent
import msgspec

from fsroute.app import load_applications
from fsroute.config import Config
from fsroute.demo.centers import Center, CenterSettings
from fsroute.errors import FsrouteError
from fsroute.model.agent import AgentStatus
from fsroute.store.database import Database, Row
from fsroute.store.scratch import enter_agents
from fsroute.switchsim import Agent, Answers, Busy, Caller, CallerCall, Network, NoAnswer, Options, Rejects
from fsroute.switchsim.people import Behaviour
from fsroute.testing.client import Failed

SPEED = 20.0  # times as fast as people are and recordings play
OPTIONS = Options(event_latency=0.0, state_delay=0.001, heartbeat=1.0)
POLL = 0.01  # seconds between two looks

BEHAVIOURS: Mapping[str, Callable[..., Behaviour]] = {
    "answers": Answers,
    "busy": Busy,
    "no_answer": NoAnswer,
    "rejects": Rejects,
}


class Site(Center):
    """A switch, the process beside it, and the people who call. `capture` is a folder for the calls, '' for none."""

    def __init__(self, name: str, database: Database, config: Config, capture: str = "") -> None:
        self._capture = capture
        self._folder = tempfile.mkdtemp(prefix="fsroute-tests-")
        settings = CenterSettings(name, f"{name}-1", "127.0.0.1:5062")
        network = Network(speed=SPEED)
        super().__init__(settings, database.conninfo, network, load_applications(config), OPTIONS)
        self._network = network
        self._database = database
        self._calls: list[_Call] = []
        self._numbers = itertools.count()

    @classmethod
    def open(cls, name: str, database: Database, config: Config, capture: str = "") -> Self:
        """Start it; raises FsrouteError."""
        site = cls(name, database, config, capture)
        try:
            site.start()
        except BaseException:
            site.close()
            raise
        return site

    def close(self) -> None:
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _config(self) -> Config:
        config = super()._config()
        capture = msgspec.structs.replace(config.capture, folder=self._capture, inbound=False)
        return msgspec.structs.replace(config, state_dir=self._folder, capture=capture)

    # Agents

    def do_agent(
        self, agent_id: str, contact_center: str, skills: Mapping[str, int], team: str | None,
        behaviour: str, values: Mapping[str, Any],
    ) -> None:  # fmt: skip
        """An agent who sits at this switch and is available; who is not known yet is entered."""
        number = next(self._numbers)
        address = f"{1001 + number}@127.0.0.1:{6001 + number}"
        if self._database.one(
            "testing_seat",
            agent_id=agent_id,
            site_id=self.settings.site_id,
            switch_id=self.settings.switch_id,
            address=f"sip:{address}",
        ) is None:  # fmt: skip
            self._enter(agent_id, f"sip:{address}", contact_center, skills, team)
        doing = BEHAVIOURS[behaviour](**values)
        self._network.add_agent(Agent(f"sofia/fsroute_agents/{address}", agent_id, (doing,)))
        self.do_declare(agent_id, "available")

    def _enter(
        self, agent_id: str, address: str, contact_center: str, skills: Mapping[str, int], team: str | None
    ) -> None:
        if not contact_center:
            raise FsrouteError(f"there is no agent {agent_id} yet: say of which contact center")
        row = {
            "agent_id": agent_id, "name": agent_id, "site_id": self.settings.site_id,
            "switch_id": self.settings.switch_id, "address": address, "status": "logged_out", "team": team,
            "rate": 0.0, "wrap_up": 0.0, "skills": dict(skills), "media": {},
            "authorizations": [[contact_center, "voice", None, None]],
        }  # fmt: skip
        enter_agents(self._database, [row])

    def do_declare(self, agent_id: str, status: str) -> None:
        """An agent declares a status."""
        assert self.app is not None
        self.app.store.agents.set_status(agent_id, AgentStatus(status))
        self.app.store.announce_agent(agent_id)

    # Callers

    def do_dial(self, number_called: str, number: str, name: str) -> int:
        """Somebody calls; returns the number of the call."""
        placed = self._network.call(Caller(number, name, number_called), self.switch)
        assert placed.channel is not None
        self._calls.append(_Call(placed, placed.channel.uuid))
        return len(self._calls) - 1

    def do_press(self, call: int, digits: str) -> None:
        self._calls[call].placed.press(digits)

    def do_say(self, call: int, text: str) -> None:
        channel = self._calls[call].placed.channel
        if channel is not None:
            channel.party_says(text)

    def do_hang_up(self, call: int) -> None:
        self._calls[call].placed.hang_up()

    def do_wait(self, call: int, seconds: float) -> None:
        """Let the caller do nothing for so long, by the caller's clock; a call that is over waits no more."""
        self._calls[call].placed.pause(seconds)

    def do_hear(self, call: int, text: str, limit: float) -> None:
        """Wait until the caller hears something whose name contains `text`, after what was waited for before."""
        known = self._calls[call]

        is_heard = False

        def found() -> bool:
            nonlocal is_heard
            is_heard = known.take(text)
            return is_heard or known.placed.cause is not None

        _until(found, limit)
        if not is_heard:
            ended = f"the call ended ({known.placed.cause})" if known.placed.cause else f"in {limit:g} s"
            raise Failed(
                f"the caller did not hear {text!r}: {ended}; what was heard:\n{known.placed.timeline}"
            )

    def do_call(self, call: int) -> Mapping[str, Any]:
        """How a call stands."""
        known = self._calls[call].placed
        return {
            "heard": [stretch.what for stretch in known.timeline.stretches()],
            "timeline": str(known.timeline),
            "cause": known.cause,
            "talked_with": known.talked_with,
        }

    def do_contact(self, call: int, until: str, limit: float) -> Row | None:
        """What the database says of a call once it is ``routed`` or ``ended``, or after the limit; None: nothing."""
        uuid = self._calls[call].uuid
        is_there = _is_routed if until == "routed" else _is_ended
        row: Row | None = None

        def found() -> bool:
            nonlocal row
            row = self._database.one("testing_contact", channel_uuid=uuid)
            return row is not None and is_there(row)

        _until(found, limit)
        return row


def _is_ended(row: Row) -> bool:
    return row["outcome"] is not None


def _is_routed(row: Row) -> bool:
    return row["queue"] is not None or row["sent_away"] is not None or _is_ended(row)


class _Call:
    """A call, and up to which moment its test has listened: a stretch too short to be heard is forgotten later."""

    def __init__(self, placed: CallerCall, uuid: str) -> None:
        self.placed = placed
        self.uuid = uuid
        self._listened = -1.0  # seconds from the beginning of the call

    def find(self, text: str) -> float | None:
        """When it was heard, of what was not listened to yet; None: not yet."""
        heard = self.placed.timeline.stretches()
        return next((each.at for each in heard if each.at > self._listened and text in each.what), None)

    def take(self, text: str) -> bool:
        """The same; it has been listened to now."""
        at = self.find(text)
        self._listened = self._listened if at is None else at
        return at is not None


def _until(condition: Callable[[], bool], limit: float) -> None:
    end = time.monotonic() + limit
    while not condition() and time.monotonic() < end:
        gevent.sleep(POLL)
