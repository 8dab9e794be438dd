"""A channel: one call leg on one switch, with its variables, its state and its events.

The channel's own greenlet (`fsroute.switchsim.thread`) runs its applications; everybody else only
sets what is to happen and wakes it. What is written here never waits.
"""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

import gevent
from gevent.event import Event as Flag

from fsroute.switchsim import states
from fsroute.switchsim.causes import Q850
from fsroute.switchsim.commands import Command
from fsroute.switchsim.digit_actions import DigitActions
from fsroute.switchsim.encoding import is_true, url_encode
from fsroute.switchsim.events import Event, Headers, header_line
from fsroute.switchsim.party import Party
from fsroute.switchsim.profile import CallerProfile, Times
from fsroute.switchsim.states import Left

if TYPE_CHECKING:
    from fsroute.switchsim.dialplan import Action
    from fsroute.switchsim.listener import Listener
    from fsroute.switchsim.switch import Switch

MAX_PENDING = 256  # sendmsg waiting on one channel before FreeSWITCH drops the socket
_BASIC_ONLY = frozenset({"CHANNEL_STATE", "CHANNEL_CALLSTATE", "CHANNEL_OUTGOING", "DTMF", "CODEC"})
_CODEC = (
    "Channel-Read-Codec-Name: PCMU\nChannel-Read-Codec-Rate: 8000\nChannel-Read-Codec-Bit-Rate: 64000\n"
    "Channel-Write-Codec-Name: PCMU\nChannel-Write-Codec-Rate: 8000\nChannel-Write-Codec-Bit-Rate: 64000\n"
)


@dataclass(frozen=True, slots=True)
class Digit:
    """A digit that arrived and was not taken yet; duration in samples."""

    digit: str
    duration: int = 2080
    source: str = "RTP"
    sensitive: bool = False


class Channel:
    """One call leg. `party` is the far end; `partner` the channel it is bridged to."""

    def __init__(self, switch: Switch, profile: CallerProfile, party: Party | None = None) -> None:
        self.switch = switch
        self.profile = profile
        self.party = party
        self.uuid = profile.uuid
        self.is_inbound = profile.direction == "inbound"
        self.times = Times(int(time.time() * 1_000_000))
        self.variables: dict[str, str] = {}
        self.exports: set[str] = set()
        self.state = states.NEW
        self.call_state = "DOWN"
        self.hit_dialplan = self.is_inbound
        self.is_flipped = False
        self.is_ringing = self.is_early = self.is_answered = False
        self.cause: str | None = None
        self.ended_by_party = False
        self.partner: Channel | None = None
        self.source: Channel | None = None  # whose far end is heard here
        self.sound = "silence"
        self.other: Channel | None = None  # whom the Other-Leg headers describe
        self._other_lines = ""
        self.call_uuid = self.uuid
        self.extension: list[Action] = []
        self.position = 0
        self.next_state: str | None = None
        self.bridge_to: Channel | None = None  # set by uuid_bridge on the first named channel
        self.pending: deque[Command] = deque()
        self.digits: deque[Digit] = deque()
        self.words: deque[str] = deque()  # results of a recogniser
        self.is_listened_to = False
        self.digit_actions: DigitActions | None = None
        self.event_lock = 0
        self.is_controlled = False
        self.is_broken = False
        self.plays_endless = False  # such a playback outlives the socket that started it
        self.broadcasts = 0  # applications that run by sendmsg or uuid_broadcast
        self.breaks_outer = False
        self.listeners: set[Listener] = set()
        self.released = Flag()
        self.watchers: list[Flag] = []  # set whenever something happens to this channel
        self._wake = Flag()
        self._lines: str | None = None
        self._variable_lines: str | None = None
        self._scoped: list[dict[str, str]] = []

    def __repr__(self) -> str:
        return f"<Channel {self.profile.channel_name} {self.state} {self.cause or self.call_state}>"

    # -- waiting: only the channel's own greenlet calls these

    @property
    def is_up(self) -> bool:
        return self.cause is None

    @property
    def has_media(self) -> bool:
        return self.is_early or self.is_answered

    @property
    def answer_state(self) -> str:
        if self.cause is not None:
            return "hangup"
        return "answered" if self.is_answered else "early" if self.is_early else "ringing"

    def check(self) -> None:
        """Raise `Left` when the channel must leave what it runs."""
        if self.cause is not None or self.next_state is not None:
            raise Left

    def wait(self, seconds: float | None) -> None:
        """Sleep until something happens to this channel, or for `seconds`."""
        self._wake.wait(seconds)
        self._wake.clear()

    def poke(self) -> None:
        """Wake the channel's greenlet and whoever else watches."""
        self._wake.set()
        for watcher in self.watchers:
            watcher.set()

    # -- variables

    def get(self, name: str) -> str | None:
        """Return a variable, scoped ones first; then a field of the caller profile, then a global."""
        for scope in reversed(self._scoped):
            if name in scope:
                return scope[name]
        if name in self.variables:
            return self.variables[name]
        if (field := self.profile.field(name)) is not None:
            return field
        if name == "answer_state":
            return self.answer_state
        return self.switch.globals.get(name)

    def set(self, name: str, value: str | None) -> None:
        """Set a variable; None or nothing removes it, as FreeSWITCH does."""
        if value:
            self.variables[name] = value
        elif self.variables.pop(name, None) is None:
            return
        self._variable_lines = None

    def update(self, variables: dict[str, str]) -> None:
        for name, value in variables.items():
            self.set(name, value)

    def renew_profile(self) -> None:
        """Forget the written profile after a change to it or to the times."""
        self._lines = None

    # -- events

    def fire(self, name: str, before: Headers = (), after: Headers = ()) -> None:
        """Send an event about this channel to whoever subscribed to it."""
        subclass = next((value for key, value in after if key == "Event-Subclass"), "")
        listeners = [one for one in self.switch.listeners if one.wants(name, self.uuid, subclass)]
        listeners += [
            one for one in self.listeners if one.wants(name, self.uuid, subclass) and one not in listeners
        ]
        if not listeners:
            self.switch.stamp.sequence += 1
            return
        text = self.switch.stamp.lines(name, time.time()) + self._text(name, before, after)
        event = Event(name, text, uuid=self.uuid, subclass=subclass)
        for listener in listeners:
            listener.queue(event)

    def _text(self, name: str, before: Headers, after: Headers) -> str:
        text = "".join(header_line(key, value) for key, value in before) + self.data_lines()
        if name not in _BASIC_ONLY:
            text += self.variable_lines()
        return text + "".join(header_line(key, value) for key, value in after)

    def data_lines(self) -> str:
        """Return the headers that every event of this channel has (switch_channel_event_set_basic_data)."""
        cause = f"Hangup-Cause: {self.cause}\n" if self.cause else ""
        hit = "true" if self.hit_dialplan else "false"
        name = url_encode(self.profile.channel_name)
        return (
            f"Channel-State: {self.state}\nChannel-Call-State: {self.call_state}\n"
            f"Channel-State-Number: {self._state_number}\nChannel-Name: {name}\n"
            f"Unique-ID: {self.uuid}\nCall-Direction: {self.profile.direction}\n"
            f"Presence-Call-Direction: {self.profile.direction}\nChannel-HIT-Dialplan: {hit}\n{self._presence}"
            f"Channel-Call-UUID: {self.call_uuid}\nAnswer-State: {self.answer_state}\n{cause}"
            f"{_CODEC if self.has_media else ''}{self._profile_lines()}"
        )

    @property
    def _presence(self) -> str:
        user = self.variables.get("presence_id")
        return header_line("Channel-Presence-ID", user) if user else ""

    @property
    def _state_number(self) -> int:
        """The state that was asked for, whereas Channel-State is the one that runs."""
        number = states.STATE_NUMBERS[self.next_state or self.state]
        return max(number, states.STATE_NUMBERS[states.HANGUP]) if self.cause is not None else number

    def _profile_lines(self) -> str:
        if self.state == states.NEW:
            return ""
        if self._lines is None:
            self._lines = self.profile.lines("Caller", self.times.lines("Caller")) + self._other_lines
        return self._lines

    def see(self, other: Channel, kind: str) -> None:
        """Describe `other` in the Other-Leg headers from now on, as it is now; once for each other."""
        if self.other is not other:
            self.other = other
            lines = other.profile.lines("Other-Leg", other.times.lines("Other-Leg"))
            self._other_lines = f"Other-Type: {kind}\n{lines}"
        self.renew_profile()

    def variable_lines(self) -> str:
        if self._variable_lines is None:
            pairs = self.variables.items()
            self._variable_lines = "".join(header_line(f"variable_{key}", value) for key, value in pairs)
        return self._variable_lines

    def change_state(self, state: str) -> None:
        """Enter a state and say so."""
        self.state = state
        self.fire("CHANNEL_STATE")
        for watcher in self.watchers:
            watcher.set()

    def change_call_state(self, call_state: str) -> None:
        """Change the call state and say so, once."""
        if call_state == self.call_state:
            return
        before = self.call_state
        self.call_state = call_state
        number = str(states.CALL_STATE_NUMBERS[call_state])
        original = (("Original-Channel-Call-State", before), ("Channel-Call-State-Number", number))
        self.fire("CHANNEL_CALLSTATE", before=original)

    # -- signalling towards the far end

    def ring_ready(self) -> None:
        """Send 180 on an inbound channel."""
        if self.is_inbound and not (self.is_ringing or self.has_media) and self.is_up:
            self._mark_ringing()
            if self.party:
                self.party.progressed(media=False)

    def pre_answer(self) -> None:
        """Send 183 with media on an inbound channel."""
        if self.is_inbound and not self.has_media and self.is_up:
            self._mark_early()
            if self.party:
                self.party.progressed(media=True)

    def answer(self) -> None:
        """Send 200 on an inbound channel; early media comes first, as on a real one."""
        if not self.is_inbound or self.is_answered or not self.is_up:
            return
        if not self.is_early:
            self._mark_early()
        self._mark_answered()
        if self.party:
            self.party.answered()
        self.sound_changed()

    def hang_up(self, cause: str = "NORMAL_CLEARING", *, by_party: bool = False) -> None:
        """End the channel; its greenlet does the rest. The first cause stays."""
        if self.cause is not None:
            return
        self.cause = cause
        self.times.hangup = int(time.time() * 1_000_000)
        self.renew_profile()
        self.ended_by_party = by_party
        if self.partner is not None and self.partner.is_up:
            self.partner.set("last_bridge_hangup_cause", cause)
            self.partner.poke()  # this side may not have come to exchange media yet, and thus never leave that
        self.fire("CHANNEL_HANGUP")
        self.switch.limits.release(self.uuid)
        if by_party:
            self.set("sip_hangup_disposition", self._disposition())
        if self.party is not None and not by_party:
            self.party.ended(cause)
        self.poke()
        for listener in list(self.listeners):
            listener.channel_is_down()

    def _disposition(self) -> str:
        by_party = self.ended_by_party
        if self.is_answered:
            return "recv_bye" if by_party else "send_bye"
        if self.is_inbound:
            return "recv_cancel" if by_party else "send_refuse"
        return "recv_refuse" if by_party else "send_cancel"

    def _mark_ringing(self) -> None:
        self.is_ringing = True
        self.times.progress = int(time.time() * 1_000_000)
        self.renew_profile()
        self.fire("CHANNEL_PROGRESS")
        self.change_call_state("RINGING")
        self.poke()

    def _mark_early(self) -> None:
        self.is_early = True
        self.times.progress_media = int(time.time() * 1_000_000)
        self.renew_profile()
        self.fire("CHANNEL_PROGRESS_MEDIA")
        self.change_call_state("EARLY")
        self.poke()

    def _mark_answered(self) -> None:
        self.is_answered = True
        self.set("endpoint_disposition", "ANSWER")
        self.times.answered = int(time.time() * 1_000_000)
        self.renew_profile()
        self.fire("CHANNEL_ANSWER")
        self.change_call_state("ACTIVE")
        if (wished := self.get("execute_on_answer")) is not None:
            name, _, argument = wished.replace("::", " ", 1).partition(" ")
            headers = {"call-command": "execute", "execute-app-name": name, "execute-app-arg": argument}
            self.pending.append(Command("sendmsg", headers))
        self.poke()

    # -- signalling from the far end

    def party_rings(self) -> None:
        if self.is_up and not (self.is_ringing or self.has_media):
            self._mark_ringing()

    def party_sends_media(self) -> None:
        if self.is_up and not self.has_media:
            self._mark_early()

    def party_answers(self) -> None:
        if self.is_up and not self.is_answered:
            self._mark_answered()

    def party_ends(self, cause: str = "NORMAL_CLEARING") -> None:
        """The far end hung up, refused or gave up."""
        self.hang_up(cause, by_party=True)

    def party_presses(self, digit: str) -> None:
        """A digit arrived from the far end."""
        if self.is_up and self.has_media:
            (self.digit_actions.feed if self.digit_actions else self.arrive)(digit)

    def party_says(self, result: str) -> None:
        """The far end spoke, and a recogniser that listens makes `result` of it; it ends the prompt."""
        if self.is_up and self.is_listened_to:
            self.words.append(result)
            self.is_broken = True
            self.poke()

    def arrive(self, digits: str) -> None:
        """Digits that no action of the switch has caught."""
        self.digits += [Digit(digit, sensitive=is_true(self.get("sensitive_dtmf"))) for digit in digits]
        self.poke()

    def take_digit(self) -> str | None:
        """Take the next digit; that is when its event is sent, but for a PIN's (switch_channel_dequeue_dtmf)."""
        if not self.digits:
            return None
        digit = self.digits.popleft()
        if digit.sensitive:
            return digit.digit
        self.fire(
            "DTMF",
            after=(
                ("DTMF-Digit", digit.digit),
                ("DTMF-Duration", str(digit.duration)),
                ("DTMF-Source", digit.source),
            ),
        )
        return digit.digit

    # -- what the far end hears

    def output(self) -> str:
        """Return what this channel sends to its far end."""
        if self.source is not None and self.source.party is not None:
            return self.source.party.speech()
        return self.sound

    def play(self, sound: str, source: Channel | None = None) -> tuple[str, Channel | None]:
        """Change what is sent; returns what was sent before, to be given back to `play`."""
        before = (self.sound, self.source)
        self.sound, self.source = sound, source
        self.sound_changed()
        return before

    def sound_changed(self) -> None:
        if self.party is not None:
            self.party.listen()

    # -- commands from outside

    def leave_for(self, state: str) -> None:
        """Make the channel leave what it runs and go on in `state`."""
        if self.is_up:
            self.next_state = state
            self.poke()

    def push(self, command: Command) -> bool:
        """Queue a sendmsg; False when too many are pending."""
        if len(self.pending) >= MAX_PENDING:
            return False
        self.pending.append(command)
        self.poke()
        return True

    def release(self, listener: Listener) -> None:
        """An event socket let go of this channel; the last one lets it be destroyed."""
        self.listeners.discard(listener)
        if not self.listeners:
            self.released.set()

    def lose_socket(self, *, resumes: bool) -> None:
        """The program behind ``socket`` is gone: go on at the next dialplan action.

        Without socket_resume an application runs to its end first; with it a bridge ends too, but
        an endless playback plays on.
        """
        self.is_controlled = False
        if resumes and not self.plays_endless and self.state in {states.EXECUTE, states.SOFT_EXECUTE}:
            self.leave_for(states.EXECUTE)
        self.poke()

    def flip(self) -> None:
        """Change caller and callee: an originated leg is the caller once it runs an extension."""
        profile = self.profile
        caller = (profile.caller_id_name or profile.caller_id_number, profile.caller_id_number)
        profile.caller_id_name, profile.caller_id_number = profile.callee_id_name, profile.callee_id_number
        profile.callee_id_name, profile.callee_id_number = caller
        self.is_flipped = not self.is_flipped
        self.renew_profile()

    def report(self) -> None:
        """Send what a channel sends at its end, up to its destruction. The channel's greenlet only."""
        self.change_state(states.HANGUP)
        self.change_call_state("HANGUP")
        self.call_uuid = self.uuid
        self.set("call_uuid", self.uuid)
        self.change_state(states.REPORTING)
        cause = self.cause or "NORMAL_CLEARING"
        self.update({"hangup_cause": cause, "hangup_cause_q850": str(Q850.get(cause, 0))})
        self.set("sip_hangup_disposition", self._disposition())
        self.update(self.times.variables())
        self.fire("CHANNEL_HANGUP_COMPLETE", before=(("Hangup-Cause", cause),))
        if self.listeners:
            self.released.clear()
            self.released.wait()
        self.switch.forget(self)
        self.next_state = states.DESTROY
        self.fire("CHANNEL_DESTROY")
        self.change_state(states.DESTROY)
        gevent.sleep(0)
