"""A caller waits for an agent: music, the network leg, the talk. Performs what `waiting.decide` says."""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import replace

from fsroute.acd.proxy_call import On, without_a_way
from fsroute.acd.rendezvous import digest
from fsroute.callserver.desk import Desk, Signalled
from fsroute.callserver.dialogue import LISTENS, Chosen, Declined, Do, Heard, Key, Listen, Silence, Speak
from fsroute.callserver.line import ChannelTaken, Line
from fsroute.callserver.speech import one_file
from fsroute.callserver.talk import Talk, Waiter
from fsroute.callserver.waiting import (
    ANSWER_LIMIT,
    NEVER_BEGAN,
    AnnounceWait,
    Channel,
    Doing,
    DropLeg,
    Farewell,
    Finish,
    Hush,
    Leave,
    PlayMusic,
    RaiseLeg,
    ReportCallerBack,
    ReportConversationEnded,
    ReportLegFailed,
    Step,
    Treat,
    decide,
    is_joined_here,
    is_left,
    is_taken,
)
from fsroute.callserver.waits import announcement, wait_step
from fsroute.errors import StoreError
from fsroute.esl.messages import Event
from fsroute.model.contact import HEAD_PRIORITY, LeadKind
from fsroute.model.proxy_call import CallerLeg, NetworkLeg, ProxyCall, State
from fsroute.outage import Outage
from fsroute.store.proxy_calls import Attempt

log = logging.getLogger(__name__)

READ_AGAIN = 10.0  # seconds after which a waiting call reads its row, signal or not
TAKEN_LIMIT = 1.0  # seconds in which the switch takes a channel for its own bridge
RAISE_AGAIN = 0.3  # seconds per failure before the network leg is raised again
DROP_AGAIN = 0.05  # seconds between two tries to drop a leg
STORE_RETRY = 1.0  # seconds between tries to reach the database for a waiting caller
MUSIC_PIECE = 300.0  # seconds; each begins with 0.3 s of silence (mod_local_stream's first read)
PIECE_MARGIN = 0.5  # seconds before its end from which on a piece counts as over, not broken
EARLY_LEG_RINGS = 80.0  # seconds that a leg raised before an agent was reserved may ring
RANG_LONG_ENOUGH = frozenset({"NO_ANSWER", "NO_USER_RESPONSE", "ALLOTTED_TIMEOUT"})
"""Nobody came for an early leg in its time: no fault of the way, and a new one is raised."""


class Hold:
    """One caller's wait, over one proxy call.

    Args:
        waiter: who waits: what the caller hears and is asked by it.
        last_cause: how the bridge ended that the caller came back from, if it came back from one.
    """

    def __init__(self, desk: Desk, line: Line, call: ProxyCall, waiter: Waiter, last_cause: str = "") -> None:
        self._desk = desk
        self._line = line
        self.call = call
        self._waiter = waiter
        self._talk = Talk(waiter)
        treated = 0 if call.state is State.QUEUED else call.treatment_number
        self._channel = Channel(
            doing=Doing.TAKEN if is_joined_here(call) else Doing.NOTHING,  # who comes back amid a join is left to it
            uuid=line.uuid, last_cause=last_cause, called=waiter.called, treated=treated,
        )  # fmt: skip
        self._sound_uuid = ""  # the music, or what is said
        self._solace_uuid = (
            ""  # music for who would hear nothing while the database is away, whatever comes then
        )
        self._outage = Outage(log, f"a waiting call waits for the database contact={call.contact_id}")
        self._bridge_uuid = ""
        self._leg_cause = ""
        self._taken_until = desk.store.now() + TAKEN_LIMIT if is_joined_here(call) else 0.0
        self._piece_ends = 0.0

    @property
    def is_talking(self) -> bool:
        """The network leg was answered: agent and caller are joined, whoever has noted it."""
        return self._channel.doing is Doing.TALKING

    def wait(self) -> str:
        """Hold the caller until the proxy call is over; returns its result, as an application names it.

        Raises:
            CallerGone, SessionClosed: the caller hung up, or the connection went.
            ChannelTaken: the switch has joined the caller with an agent of its own.
        """
        self._desk.watch(self.call.proxy_call_id, self._line.session)
        if self._channel.doing is Doing.TAKEN:
            with suppress(StoreError):
                self._row_changed(None)  # the agent may have left since the row was read
        self._line.set_variable("playback_terminators", "none")  # a key ends no music
        try:
            result = None
            while result is None:
                result = self._go_on()
            return result
        finally:
            self._desk.unwatch(self.call.proxy_call_id)

    def _go_on(self) -> str | None:
        """Do one thing, or take one piece of news; the result once the wait is over."""
        try:
            self._choose_at_once()
            step = decide(self.call, self._channel, self._desk.store.now())
            if not isinstance(step, Finish):
                self._do(step)
            self._outage.over()
            self._stop_solace()
            if isinstance(step, Finish):
                self._stop_sound()
                return step.result
        except StoreError as error:
            self._outage.failed(error)
            if self._channel.doing is Doing.NOTHING and not self._solace_uuid:
                self._solace_uuid = self._line.execute("playback", in_pieces(self.call.hold_music))
            with suppress(StoreError):  # what the news asks of it is asked again
                self._take(self._line.next(STORE_RETRY))
        return None

    def _do(self, step: Step | None) -> None:
        if step is None:
            self._take(self._line.next(self._patience()))
        elif isinstance(step, PlayMusic):
            self._sound_uuid = self._line.execute("playback", in_pieces(self.call.hold_music))
            self._piece_ends = self._desk.store.now() + MUSIC_PIECE - PIECE_MARGIN
            self._channel = replace(self._channel, doing=Doing.MUSIC)
        elif isinstance(step, RaiseLeg):
            self._raise_leg()
        elif isinstance(step, DropLeg):
            self._drop_leg(step.leg_uuid)
        elif isinstance(step, ReportLegFailed):
            self._report_leg_failed(step.leg_uuid)
        elif isinstance(step, ReportConversationEnded):
            self._report_conversation_ended(step.lost)
        elif isinstance(step, ReportCallerBack):
            self._report_caller_back()
        elif isinstance(step, Leave):
            self._move(On.LIMIT_PASSED, set={"way": step.way.dump()}, data={"reason": "time_line"})
        else:
            self._speak_or_ask(step)

    def _speak_or_ask(self, step: Step) -> None:
        if isinstance(step, Hush):
            self._stop_asking()
            if self.call.network_leg is not NetworkLeg.NOT_NEEDED:
                self._stop_sound()
        elif isinstance(step, Farewell):
            self._channel = replace(self._channel, told=True)
            self._speak(("callback_thanks",))
        elif isinstance(step, Treat):
            self._channel = replace(self._channel, treated=step.number)
            if step.step.do == "offer_callback":
                self._offer_callback(step.step.prompt)
            elif step.step.do == "announce":
                self._speak((step.step.prompt or "please_hold",))
        elif isinstance(step, AnnounceWait):
            self._announce_wait(step)

    # What the caller is told and asked ---------------------------------------------------------------------

    def _speak(self, prompts: tuple[str, ...]) -> None:
        self._stop_sound()
        self._sound_uuid = self._line.execute("playback", one_file(self._waiter.prompts.files(prompts)))
        self._piece_ends = 0.0
        self._channel = replace(self._channel, doing=Doing.SPEAKING)

    def _announce_wait(self, step: AnnounceWait) -> None:
        """Positions and waits change without a signal: they are read now."""
        self._channel = replace(self._channel, announce_at=self._desk.store.now() + step.step.every)
        self._row_changed(None)
        prompts = announcement(self.call, step.step.within, self._waiter.prompts.language)
        if prompts and self.call.state is State.QUEUED:
            self._speak(prompts)

    def _offer_callback(self, prompt: str = "") -> None:
        if self._waiter.may_be_called:
            self._channel = replace(self._channel, asking=True)
            self._follow(self._talk.begin(self.call.caller_number, prompt))

    def _stop_asking(self) -> None:
        self._talk.end()
        self._channel = replace(self._channel, asking=False)

    def _key(self, digit: str) -> None:
        if self._channel.asking:
            self._follow(self._talk.hear(Key(digit)))
        elif digit == "*" and self.call.state is State.QUEUED and was_offered_callback(self.call):
            self._offer_callback()

    def _follow(self, do: Do | None) -> None:
        """Go on with the talk as it says."""
        if isinstance(do, Speak):
            self._speak(do.prompts)
        elif isinstance(do, Listen):
            self._talk.listen(self._desk.store.now() + do.seconds)
            if self._channel.doing is Doing.SPEAKING:
                self._stop_sound()
        elif isinstance(do, Declined):
            self._stop_asking()
            if do.prompts:
                self._speak(do.prompts)
        elif isinstance(do, Chosen):
            self._choose_callback(do.number)

    def _choose_callback(self, number: str) -> None:
        """The place is kept from the commit on; an agent who comes before it has the caller at once."""
        self._talk.listen(self._desk.store.now() + LISTENS)  # asked again if the database fails
        self._desk.store.contacts.keep_application_state(self.call.contact_id, self._waiter.application_state)
        moved = self._move(On.CALLBACK_CHOSEN, set={"callback_number": number}, data={})
        self._stop_asking()
        self._stop_sound()
        self._channel = replace(self._channel, chosen=moved)

    def _choose_at_once(self) -> None:
        """Who chose before to be called back keeps the place as soon as there is one."""
        chosen = self._waiter.chosen
        if chosen and self.call.state is State.QUEUED and self.call.caller_leg is CallerLeg.PRESENT:
            self._choose_callback(chosen)

    def _report_caller_back(self) -> None:
        """Who is called back and finds no agent yet is told what the call is about."""
        core_uuid = self._line.get("Core-UUID")
        moved = self._move(On.CALLER_BACK, set={"channel_uuid": self._line.uuid, "core_uuid": core_uuid})
        self._channel = replace(self._channel, chosen=False, told=False)
        if moved and self._waiter.called and self.call.state is State.QUEUED:
            self._speak(("callback_greeting",))

    # The network leg ---------------------------------------------------------------------------------------

    def _raise_leg(self) -> None:
        """Late answer: the leg rings at the agent's switch until the agent accepts; the caller hears music."""
        call = self.call
        token = self._desk.new_token()
        leg_uuid = self._desk.new_uuid()
        lifetime = self._desk.settings.token_lifetime
        secret = {"token_digest": digest(token), "token_lifetime": lifetime, "network_leg_uuid": leg_uuid}
        if not self._move(On.NETWORK_LEG_RAISED, set=secret, data={"to": call.network_switch_id}):
            return
        for name, value in bridge_variables(call).items():
            self._line.set_variable(name, value)
        self._stop_asking()
        self._line.set_variable("socket_resume", "false")  # true would cut the talk if this process died
        address = self._desk.settings.dial_string.format(token=token, address=call.network_address)
        self._stop_sound()  # last of all: nothing is waited for between the end of the sound and the bridge
        self._bridge_uuid = self._line.execute("bridge", leg_variables(call, leg_uuid) + address)
        self._channel = replace(self._channel, doing=Doing.RAISING, leg_uuid=leg_uuid)

    def _drop_leg(self, leg_uuid: str) -> None:
        """A leg that was only just raised has no channel yet: it is dropped when it has."""
        if self._line.api(f"uuid_kill {leg_uuid} ORIGINATOR_CANCEL").startswith("-ERR"):
            self._take(self._line.next(DROP_AGAIN))
        else:
            self._channel = replace(self._channel, dropping=True)

    def _report_leg_failed(self, leg_uuid: str | None) -> None:
        if self.call.state is State.QUEUED and self._leg_cause in RANG_LONG_ENOUGH:
            self._move(On.NETWORK_LEG_GIVEN_UP, attempt=Attempt(network_leg_uuid=leg_uuid),
                       data={"cause": self._leg_cause})  # fmt: skip
            return
        failures = self.call.network_leg_failures + 1
        given_up = failures >= self.call.network_leg_tries
        self._channel = replace(self._channel, raise_after=self._desk.store.now() + RAISE_AGAIN * failures)
        self._move(
            On.NETWORK_LEG_GIVEN_UP if given_up else On.NETWORK_LEG_FAILED,
            attempt=Attempt(network_leg_uuid=leg_uuid),
            end_reservation="network_leg_given_up" if given_up else None,
            set=without_a_way(self.call) if given_up else {},
            data={"cause": self._leg_cause, "failures": failures},
        )

    def _report_conversation_ended(self, lost: bool) -> None:
        self._move(
            On.CONVERSATION_LOST if lost else On.CONVERSATION_OVER,
            end_reservation="conversation_lost" if lost else "wrap_up",
            set={"priority": HEAD_PRIORITY} if lost else {},
            data={"cause": self._channel.last_cause},
        )

    def _move(self, on: On, **values: object) -> bool:
        moved = self._desk.store.move(self.call, on, **values)  # type: ignore[arg-type]
        self._row_changed(moved)
        return moved is not None

    # What happens ------------------------------------------------------------------------------------------

    def _patience(self) -> float:
        now = self._desk.store.now()
        announce_at = self._channel.announce_at if wait_step(self.call) is not None else 0.0
        channel = self._channel
        waited_for = (
            self._taken_until, channel.raise_after, channel.rings_until, self._talk.listens_until, announce_at,
        )  # fmt: skip
        moments = [moment for moment in waited_for if moment > now]
        return min([now + READ_AGAIN, *moments]) - now

    def _take(self, item: object) -> None:
        """News of the row, of the music, of the bridge; None when only time has passed."""
        if isinstance(item, Signalled):
            self._row_changed(item.row)
        elif item is None:
            self._time_passed()
        elif isinstance(item, Event) and item.name == "DTMF":
            self._key(item.get("DTMF-Digit", ""))
        elif isinstance(item, Event) and item.name == "CHANNEL_BRIDGE":
            self._bridged(item)
        elif isinstance(item, Event) and item.name == "CHANNEL_EXECUTE_COMPLETE":
            self._execution_ended(item)

    def _bridged(self, event: Event) -> None:
        ends = (event.get("Bridge-A-Unique-ID", ""), event.get("Bridge-B-Unique-ID", ""))
        if is_taken(self._channel, ends):
            self._stop_sound()  # sent while the switch joined the two, it would play within their talk
            raise ChannelTaken
        self._channel = replace(self._channel, doing=Doing.TALKING)

    def _row_changed(self, row: ProxyCall | None) -> None:
        if row is None:
            self.call = self._desk.store.proxy_calls.get(self.call.proxy_call_id) or self.call
        elif row.version >= self.call.version:
            self.call = row
        if not is_left(self.call):
            self._channel = replace(self._channel, rings_until=0.0)
        elif not self._channel.rings_until:
            self._channel = replace(self._channel, rings_until=self._desk.store.now() + ANSWER_LIMIT)

    def _time_passed(self) -> None:
        if self._channel.doing is Doing.TAKEN and self._desk.store.now() >= self._taken_until:
            self._line.set_variable("socket_resume", "true")
            self._channel = replace(self._channel, doing=Doing.NOTHING)
        if self._talk.is_silent(self._desk.store.now()):
            self._follow(self._talk.hear(Silence()))
        self._row_changed(None)

    def _execution_ended(self, event: Event) -> None:
        ended = event.get("Application-UUID")
        if ended == self._solace_uuid:
            self._solace_uuid = ""
        if ended == self._sound_uuid and self._channel.doing in (Doing.MUSIC, Doing.SPEAKING):
            said = self._channel.doing is Doing.SPEAKING
            if self._desk.store.now() >= self._piece_ends:
                with suppress(StoreError):  # has the switch just taken the channel, or is the piece over?
                    self._row_changed(None)
            self._channel = replace(
                self._channel, doing=Doing.TAKEN if self._is_being_taken() else Doing.NOTHING
            )
            if said and self._channel.asking:
                self._follow(self._talk.hear(Heard()))
        elif ended == self._bridge_uuid and self._channel.doing in (Doing.RAISING, Doing.TALKING):
            self._bridge_ended(event)

    def _is_being_taken(self) -> bool:
        """On one switch the acd joins the two: the music ends because the switch takes the channel away."""
        joined = {State.READY, State.BRIDGED}
        if self._desk.store.now() < self._piece_ends:
            joined.add(State.OFFERED)  # broken, not over: the news of the acceptance is on its way still
        taken = self.call.network_leg is NetworkLeg.NOT_NEEDED and self.call.state in joined
        self._taken_until = self._desk.store.now() + TAKEN_LIMIT if taken else 0.0
        return taken

    def _bridge_ended(self, event: Event) -> None:
        if event.get("variable_fsroute_room"):  # an agent who consults, and is in conference now
            raise ChannelTaken
        talked = self._channel.doing is Doing.TALKING
        cause = self._line.end_cause(
            event.get("variable_last_bridge_hangup_cause") or event.get("variable_bridge_hangup_cause") or "",
            event.get("variable_sip_reason") or "",
        )
        self._leg_cause = cause if talked else event.get("variable_originate_disposition", "")
        self._channel = self._channel.over(cause if talked else NEVER_BEGAN)
        if not talked and self._is_joined_here():
            self._channel = replace(self._channel, doing=Doing.TAKEN)
            return
        self._line.set_variable("socket_resume", "true")
        if not talked:
            self._do(PlayMusic())
        self._row_changed(None)

    def _is_joined_here(self) -> bool:
        """An early leg was no more needed, and the acd has joined the two before it was dropped."""
        if self.call.network_leg is not NetworkLeg.NOT_NEEDED:
            return False
        with suppress(StoreError):
            self._row_changed(None)
        taken = self.call.state in (State.READY, State.BRIDGED)
        self._taken_until = self._desk.store.now() + TAKEN_LIMIT if taken else 0.0
        return taken

    def _stop_sound(self) -> None:
        if self._channel.doing in (Doing.MUSIC, Doing.SPEAKING):
            self._stop(self._sound_uuid)
            self._channel = replace(self._channel, doing=Doing.NOTHING)

    def _stop_solace(self) -> None:
        if self._solace_uuid:
            self._stop(self._solace_uuid)
            self._solace_uuid = ""

    def _stop(self, execution: str) -> None:
        """News that come meanwhile are heard afterwards."""
        news: list[object] = []
        self._line.stop(execution, news.append)
        for item in news:
            self._line.session.post(item)


def in_pieces(music: str) -> str:
    """Hold music with an end: a caller whose process is gone must not be left in it for ever."""
    return music if music.startswith("{") else f"{{timeout={round(1000 * MUSIC_PIECE)}}}{music}"


def was_offered_callback(call: ProxyCall) -> bool:
    """The time line has come to the offer: from then on the caller may take it at any time, by ``*``."""
    return any(step.do == "offer_callback" for step in call.time_line[: call.time_line_done])


def bridge_variables(call: ProxyCall) -> dict[str, str]:
    """Channel variables for late answer: music while the leg rings, and a caller who outlives the leg."""
    return {
        "transfer_ringback": call.hold_music,  # read first for an answered caller
        "ringback": call.hold_music,
        "instant_ringback": "true",  # music at once, not only when the far switch rings
        "ignore_early_media": "true",
        "continue_on_fail": "true",
        "hangup_after_bridge": "false",
    }


def leg_variables(call: ProxyCall, leg_uuid: str) -> str:
    """Originate variables of a network leg: there in time, then ringing as long as an offer lasts."""
    early = call.lead.kind in (LeadKind.POSITION, LeadKind.EXPECTED)
    rings = EARLY_LEG_RINGS if early else call.offer_timeout + call.network_leg_timeout
    return (
        f"{{origination_uuid={leg_uuid},leg_timeout={max(1, round(rings))},"
        f"leg_progress_timeout={max(1, round(call.network_leg_timeout))},"
        "instant_ringback=true}"  # music also while the far end has not said that it rings
    )
