"""The people of a scenario at work: each call is a party at the far end of a channel."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import gevent
from gevent.event import Event as Flag

from fsroute.switchsim.addresses import parse_address
from fsroute.switchsim.people import (
    Agent,
    Answers,
    Behaviour,
    Busy,
    Caller,
    Dead,
    HangUp,
    NoAnswer,
    Press,
    Rejects,
    Speak,
    Step,
    Wait,
    WaitFor,
)
from fsroute.switchsim.timeline import SILENCE, Timeline

if TYPE_CHECKING:
    from fsroute.switchsim.channel import Channel
    from fsroute.switchsim.network import Network
    from fsroute.switchsim.switch import Switch

TALKING = "talking with "
LONGEST = 3600.0  # seconds that anybody waits for a conversation


class Telephone:
    """What a caller's and an agent's end of a call have in common; a `Party`."""

    def __init__(self, network: Network, name: str) -> None:
        self.network = network
        self._name = name
        self.channel: Channel | None = None
        self.timeline = Timeline()
        self.digits: list[str] = []
        self.is_answered = False
        self.cause: str | None = None
        self.changed = Flag()
        self.over = Flag()

    @property
    def name(self) -> str:
        return self._name

    @property
    def is_talking(self) -> bool:
        return self.timeline.now.startswith(TALKING)

    def speech(self) -> str:
        return f"{TALKING}{self._name}" if self.is_answered and self.cause is None else SILENCE

    def pressed(self, digit: str) -> None:
        self.digits.append(digit)
        self.changed.set()

    def redirected(self, target: str) -> None:
        self.timeline.add(f"redirected to {target}")

    def progressed(self, *, media: bool) -> None:
        if media:
            self.listen()
        else:
            self._hear("ringing")

    def answered(self) -> None:
        self.is_answered = True
        self.listen()

    def ended(self, cause: str) -> None:
        self._end(cause)

    def listen(self) -> None:
        if self.channel is not None and (self.is_answered or self.channel.has_media):
            self._hear(self.channel.output())

    def lost(self) -> None:
        """Nothing comes from the switch any more."""
        self.channel = None
        self._hear(SILENCE)
        self._end("MEDIA_TIMEOUT")

    def hang_up(self, cause: str = "NORMAL_CLEARING") -> None:
        """Put the receiver down."""
        channel = self.channel
        if self.cause is None:
            self._end(cause)
            if channel is not None:
                channel.party_ends(cause if self.is_answered else "ORIGINATOR_CANCEL")

    def press(self, digits: str, gap: float = 0.1) -> None:
        """Press keys one after the other."""
        for digit in digits:
            if self.channel is None or self.cause is not None:
                return
            self.channel.party_presses(digit)
            self.pause(gap)

    def pause(self, seconds: float) -> bool:
        """Wait, scaled by the network's speed; false when the call is over."""
        return not self.over.wait(seconds / self.network.speed)

    def wait_until(self, text: str, limit: float) -> bool:
        """Wait until something containing `text` is heard; false when the limit passed or the call ended."""
        end = time.monotonic() + limit
        while self.cause is None and (left := end - time.monotonic()) > 0:
            if text in self.timeline.now:
                return True
            self.changed.wait(left)
            self.changed.clear()
        return False

    def _hear(self, what: str) -> None:
        if self.timeline.add(what):
            self.changed.set()

    def _end(self, cause: str) -> None:
        if self.cause is None:
            self.cause = cause
            self.timeline.close()
            self.over.set()
            self.changed.set()


class CallerCall(Telephone):
    """One call that a caller places."""

    def __init__(self, network: Network, caller: Caller) -> None:
        super().__init__(network, caller.name or caller.number)
        self.caller = caller
        self.talked_with = ""
        self.contacts: list[str] = []
        """Where the last redirection (302) sent the call and has not been tried yet, the first to be tried first."""
        self.redirections: list[str] = []

    def place(self, switch: Switch) -> None:
        """Call the switch and begin to follow the script."""
        self._hear("calling")
        self._call(switch, self.caller.number_called, self.caller.profile)
        gevent.spawn(self._follow)
        gevent.spawn(self._lose_patience)

    def _follow(self) -> None:
        for step in self.caller.script:
            if not self._do(step):
                return
        if self.caller.talk is not None and self.wait_until(TALKING, LONGEST):
            self.pause(self.caller.talk)
            self.hang_up()

    def _do(self, step: Step) -> bool:
        match step:
            case Wait(seconds):
                return self.pause(seconds)
            case WaitFor(text, limit):
                return self.wait_until(text, limit) or self.cause is None
            case Press(digits, gap):
                self.press(digits, gap)
            case Speak(result):
                if self.channel is not None:
                    self.channel.party_says(result)
            case HangUp():
                self.hang_up()
        return self.cause is None

    def _lose_patience(self) -> None:
        if self.caller.patience is None:
            return
        self.pause(self.caller.patience)
        if not self.is_talking and not self.talked_with:
            self.hang_up()

    def redirected(self, target: str) -> None:
        """The contacts of a 302, the highest ``q`` first: FreeSWITCH lowers it from one to the next."""
        super().redirected(target)
        self.redirections.append(target)
        self.contacts = [contact.strip(" <>") for contact in target.partition(" ")[0].split(",")]

    def ended(self, cause: str) -> None:
        """Who was redirected calls there, and where that fails the next one; the script goes on."""
        while self.contacts and not self.is_answered:
            address = parse_address(self.contacts.pop(0))
            far = self.network.switch_at(address)
            if far is not None:
                self._call(far, address.user, far.options.link_profile)
                return
        super().ended(cause)

    def _call(self, switch: Switch, number: str, profile: str) -> None:
        self.channel = switch.receive(
            self,
            number=self.caller.number,
            name=self.caller.name,
            number_called=number,
            far_host=self.caller.host,
            profile=profile,
            variables=_authenticated(self.caller.user) if self.caller.user else None,
        )

    def _hear(self, what: str) -> None:
        if what.startswith(TALKING):
            self.talked_with = what.removeprefix(TALKING)
        super()._hear(what)


def _authenticated(user: str) -> dict[str, str]:
    """What mod_sofia sets once the answer to its challenge fits (sofia_reg_parse_auth)."""
    name, _, domain = user.partition("@")
    return {"sip_auth_username": name, "sip_auth_realm": domain, "user_name": name, "domain_name": domain}


class AgentCall(Telephone):
    """One call that rings at an agent's telephone."""

    def __init__(self, network: Network, agent: Agent, behaviour: Behaviour) -> None:
        super().__init__(network, agent.name)
        self.agent = agent
        self.behaviour = behaviour
        self.shown_number = self.shown_name = ""
        self.refers_refused = 0

    def invited(self, channel: Channel) -> None:
        """The switch called; behave."""
        self.channel = channel
        self.shown_number = channel.profile.caller_id_number
        self.shown_name = channel.profile.caller_id_name
        gevent.spawn(self._behave)

    def _behave(self) -> None:
        match self.behaviour:
            case Answers() as answers:
                self._answer(answers)
            case Busy(after):
                if self.pause(after):
                    self._refuse("USER_BUSY")
            case NoAnswer(rings_after):
                if self.pause(rings_after):
                    self._ring()
            case Rejects(after, cause):
                self._ring()
                if self.pause(after):
                    self._refuse(cause)
            case Dead():
                pass

    def _answer(self, answers: Answers) -> None:
        if not self.pause(answers.rings_after):
            return
        self._ring()
        if not self.pause(answers.after) or self.channel is None:
            return
        self.is_answered = True
        self.channel.party_answers()
        self.listen()
        if answers.key:
            self.pause(answers.key_after)
            self.press(answers.key)
        if answers.refers_after is not None:
            gevent.spawn(self._refer, answers.refers_after)
        if answers.talk is not None and self.wait_until(TALKING, LONGEST):
            self.pause(answers.talk)
            self.hang_up()

    def _refer(self, after: float) -> None:
        """Try to transfer the call from the telephone; the switch refuses (403)."""
        if self.wait_until(TALKING, LONGEST) and self.pause(after):
            self.refers_refused += 1

    def _ring(self) -> None:
        if self.channel is not None and self.cause is None:
            self._hear("ringing")
            self.channel.party_rings()

    def _refuse(self, cause: str) -> None:
        channel = self.channel
        if self.cause is None and channel is not None:
            self._end(cause)
            channel.party_ends(cause)
