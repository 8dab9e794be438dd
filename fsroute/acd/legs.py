"""What is done to the legs of an offer at the agent's switch: commands, no decisions."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Protocol

from fsroute.acd.dial import originate
from fsroute.acd.serving import Legs
from fsroute.errors import SwitchError
from fsroute.esl.commands import at_once
from fsroute.esl.errors import InvalidCommand
from fsroute.model.proxy_call import NetworkLeg, ProxyCall

log = logging.getLogger(__name__)

TALKING = ("CS_EXCHANGE_MEDIA", "CS_SOFT_EXECUTE", "CS_HIBERNATE", "CS_RESET")
"""States of a channel that is joined with another one, or about to be."""

ANNOUNCED = "fsroute::announced"
"""The event that follows an announcement: the agent has heard it."""


class Switch(Protocol):
    """The agent's switch, as an offer uses it."""

    def api(self, command: str) -> str: ...

    def bgapi(self, command: str, job_uuid: str | None = None) -> str: ...

    def draft(self, command: str) -> None: ...

    def perform_draft(self, command: str) -> None: ...

    def execute(self, uuid: str, application: str, argument: str = "") -> None: ...

    def state(self, uuid: str) -> str: ...


@dataclass(frozen=True, slots=True)
class Settings:
    """What the configuration says of offers."""

    switch_id: str
    dial_string: str  # of an agent's address that names no endpoint, with {address}
    key_prompt: str = "tone_stream://%(200,100,880);%(200,400,880);loops=3"
    arrival: str = "tone_stream://%(80,20,660);%(100,0,880)"  # on a standing leg: a contact comes
    ringback: str = "tone_stream://%(1000,3000,440,480);loops=15"  # while the caller is called back


class LegCommands:
    """The legs of one offer."""

    def __init__(self, switch: Switch, settings: Settings) -> None:
        self._switch = switch
        self._settings = settings

    def dial(self, call: ProxyCall) -> None:
        """Call the agent. The job's answer finds the offer by what was asked (`dialled`), however early it comes.

        Raises:
            SwitchError: the switch is not there.
        """
        self._switch.bgapi(originate(call, self._settings.dial_string))

    def begin(self, call: ProxyCall) -> None:
        """The agent is about to be reserved for this contact: what `dial` will say is on its way, all but the end."""
        self._switch.draft(originate(call, self._settings.dial_string))

    def end_what_was_begun(self, call: ProxyCall) -> None:
        """The agent is reserved: the switch dials. The offer, which `dial`s all the same, has the answer."""
        self._switch.perform_draft(originate(call, self._settings.dial_string))

    def sounds(self, legs: Legs, announcement: str) -> tuple[str, ...]:
        """What the agent hears before accepting: on a standing leg at least a tone."""
        arrival = (self._settings.arrival,) if legs.standing_uuid else ()
        return (*arrival, announcement) if announcement else arrival

    def announce(self, legs: Legs) -> bool:
        """One sound after the other, and then an event of our own: PLAYBACK_STOP would come of every prompt."""
        told = f"Event-Name=CUSTOM,Event-Subclass={ANNOUNCED},fsroute_attempt={legs.agent_leg_uuid}"
        heard = all(self.execute(legs, "playback", sound) for sound in legs.sounds)
        return heard and self.execute(legs, "event", told)

    def ask_for_key(self, legs: Legs) -> None:
        self.execute(legs, "playback", self._settings.key_prompt)

    def ring_back(self, legs: Legs) -> None:
        self.execute(legs, "playback", self._settings.ringback)

    def join(self, call: ProxyCall, legs: Legs, network_uuid: str) -> None:
        """Both are there. The first named goes on in its dialplan after the talk, the second is hung up or parked.

        One command, which the switch does to its end: a network leg that is answered and joined with nobody would
        leave the caller in silence, if this process died in between.

        Raises:
            SwitchError: they cannot be joined.
        """
        if call.network_leg is NetworkLeg.PRESENT:
            before = f"uuid_answer {network_uuid}"
        else:  # the caller's own channel: set, this would end the talk when the caller's process dies
            before = f"uuid_setvar {network_uuid} socket_resume false"
        try:
            self._at_once(before, f"uuid_bridge {network_uuid} {legs.channel}")
        except SwitchError:
            if network_uuid == call.channel_uuid:
                self.tell(f"uuid_setvar {network_uuid} socket_resume true")
            raise

    def _at_once(self, *commands: str) -> None:
        try:
            said = self._switch.api(at_once(*commands))
        except InvalidCommand as error:
            raise SwitchError(str(error)) from error
        for each in said.splitlines():
            if each.startswith("-"):  # -ERR, or -ERROR of uuid_answer
                raise SwitchError(each)

    def is_talking(self, legs: Legs) -> bool:
        """Whether the agent's leg is joined with somebody, or about to be; not if the switch cannot be asked."""
        try:
            return self._switch.state(legs.channel) in TALKING
        except SwitchError as error:
            log.debug("uuid_dump: %s", error)
            return False

    def fall_silent(self, legs: Legs) -> None:
        """The agent hears nothing more of this offer."""
        self.tell(f"uuid_break {legs.channel} all")

    def hang_up(self, legs: Legs, cause: str) -> bool:
        """The agent's leg that was dialled for this offer. Whether there was one."""
        return self.tell(f"uuid_kill {legs.agent_leg_uuid} {cause}")

    def end_network_leg(self, uuid: str, talked: bool) -> None:
        self.tell(f"uuid_kill {uuid} {'NORMAL_CLEARING' if talked else 'NO_ANSWER'}")

    def execute(self, legs: Legs, application: str, argument: str) -> bool:
        """Queue an application on the agent's leg. Whether it was taken."""
        try:
            self._switch.execute(legs.channel, application, argument)
        except SwitchError as error:
            log.debug("%s: %s", application, error)
            return False
        return True

    def tell(self, command: str) -> bool:
        """A command whose failure changes nothing: the channel is gone already. Whether it was taken."""
        try:
            self._switch.api(command)
        except SwitchError as error:
            log.debug("%s: %s", command.split()[0], error)
            return False
        return True
