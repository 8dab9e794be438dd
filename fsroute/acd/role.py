"""The acd role: one process for each switch with agents dials them and joins them with the network legs."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import replace

import gevent

from fsroute.acd.dial import dialled
from fsroute.acd.entries import Entries
from fsroute.acd.keeping import StandingLegs
from fsroute.acd.legs import LegCommands, Settings
from fsroute.acd.network_legs import NetworkLegs
from fsroute.acd.offer import Desk, NetworkLegArrived, Offer, partner
from fsroute.acd.onward import Onward
from fsroute.acd.orders import Orders
from fsroute.acd.serving import SWITCH_DIED, Agent, Legs
from fsroute.acd.standing import Use
from fsroute.errors import FsrouteError, StoreError, SwitchError
from fsroute.esl.messages import Event
from fsroute.model.proxy_call import AgentLeg, ProxyCall, State
from fsroute.outage import Outage
from fsroute.store.lease import Lease
from fsroute.store.store import Store, agents_topic, switch_topic
from fsroute.store.transfers import desk_topic
from fsroute.switchlink import SwitchLink

log = logging.getLogger(__name__)

RETRY = 0.5  # seconds before a lease is campaigned for again
OVER_KEPT = 100  # offers
VERSIONS_KEPT = 1000  # rows
AWAY_GRACE = 2.0  # seconds for which a switch may not answer before the offers at it end
GONE = "LOSE_RACE"  # the cause of a leg that is found gone
MOST_UNREAD = 500  # of an offer, while the database is slow: more of what a telephone may repeat is not heard
REPEATABLE = frozenset({"DTMF", "CHANNEL_HOLD", "CHANNEL_UNHOLD", "CALL_UPDATE", "DETECTED_TONE", "CUSTOM"})
"""Events of a leg that a telephone can bring about as often as it likes, and which no leg's end depends on."""
DIALLED_LIMIT = 2.0  # seconds after which a leg that was dialled must have a channel

_OFFERED = (State.OFFERED, State.READY, State.BRIDGED)


Finish = Callable[[str, Callable[[ProxyCall], bool]], None]


class AcdRole:
    """Offers of one switch: begun by a signal, adopted after a restart; and its standing legs.

    Args:
        store: rows and signals.
        link: the switch.
        settings: what the configuration says of offers.
        lease: whose holder drives the switch.
        desk: what agents may do with a conversation.
        finish: does what a process before this one left half done between two conversations; is given the switch
            and what tells of conversations that this process has in hand.
        entries: the contacts that ACDs of other makes serve beside this switch.
    """

    def __init__(
        self,
        store: Store,
        link: SwitchLink,
        settings: Settings,
        lease: Lease,
        desk: Desk | None = None,
        finish: Finish | None = None,
        entries: Entries | None = None,
    ) -> None:
        self._store = store
        self._link = link
        self._settings = settings
        self._lease = lease
        self._desk = desk
        self._finish = finish
        self._entries = entries
        if entries is not None:
            entries.changed = self._look_how_busy
        self._onward = Onward(LegCommands(link, settings), self._begin_onward)
        self._orders = Orders(store, settings.switch_id, self._talk_of)
        self._offers: dict[str, Offer] = {}  # by the agent leg's uuid
        self._on_channel: dict[str, list[Offer]] = {}  # by the agent's channel: two where a talk is ending
        self._standing = StandingLegs(store, link, settings.dial_string, self._use)
        self._over: deque[str] = deque(maxlen=OVER_KEPT)  # agent legs whose late news begins no offer again
        self._versions: dict[int, int] = {}  # of the rows that were heard of last, the newest; bounded
        self._network_legs = NetworkLegs(store, link, settings.switch_id, self._hand_over, self._missed)
        self._core_uuid = ""  # of the switch's process that was looked at last
        self._gone_for = GONE
        self._outage = Outage(log, f"switch {settings.switch_id} cannot be held against the database")
        self._is_due = False  # it will be looked at again
        self._greenlet: gevent.Greenlet[..., None] | None = None
        self._leads = False

    @property
    def leads(self) -> bool:
        """Whether this process drives the switch; one that was hanging does so no more until it has made sure."""
        self._leads = self._leads and not self._lease.is_overdue
        return self._leads

    def start(self) -> None:
        self._link.listen(self._event, self.reconcile, self._switch_is_back, self._switch_is_away)
        self._greenlet = gevent.spawn(self._run)

    def stop(self) -> None:
        if self._greenlet is not None:
            self._greenlet.kill()
        self._let_go()
        self._lease.resign()

    def _let_go(self) -> None:
        """Whoever has the lease drives the switch; offers that were left in hand here would meddle with it."""
        self._leads = False
        for offer in list(self._offers.values()):
            offer.leave()
        self._standing.stop()
        if self._entries is not None:
            self._entries.stop()

    def offers(self) -> int:
        """How many offers and talks are in hand."""
        return len(self._offers)

    def _run(self) -> None:
        """Hold the switch's lease; the holder alone drives the switch."""
        self._store.signals.subscribe(switch_topic(self._settings.switch_id), self._signalled)
        self._store.signals.subscribe(agents_topic(self._settings.switch_id), self._agent_signalled)
        self._store.signals.subscribe(desk_topic(self._settings.switch_id), self._asked)
        while True:
            try:
                if self._lease.campaign() is not None and (not self._lease.is_overdue or self._lease.renew()):
                    self._leads = True
                    log.info("this process drives the agents of switch %s", self._settings.switch_id)
                    self.reconcile()
                    if not self._link.client.connected:
                        gevent.spawn(self._switch_is_away)
                    self._store.signals.tell(desk_topic(self._settings.switch_id), None)
                    self._store.ask_to_look()
                    while self._lease.held and self.leads:
                        gevent.sleep(RETRY)
            except StoreError as error:
                self._outage.failed(f"its lease: {error}")
            except Exception:  # a fault of ours: to hold the lease without driving would stop the switch
                log.exception("the agents of switch %s are driven no longer", self._settings.switch_id)
                self._lease.resign()
            self._let_go()
            gevent.sleep(RETRY)

    # Signals -----------------------------------------------------------------------------------------------

    def _signalled(self, key: str | int | None, row: object) -> None:
        if not self.leads:
            return
        if key is None:
            self.reconcile()
        elif isinstance(row, ProxyCall):
            self._row(row)
        else:
            self._read(int(str(key).removeprefix("p:")))

    def _read(self, proxy_call_id: int) -> None:
        call = self._store.proxy_calls.get(proxy_call_id)  # a StoreError: the signal comes again
        if call is not None:
            self._row(call)

    def _agent_signalled(self, key: str | int | None, row: object) -> None:
        if not self.leads:
            return
        try:
            if key is not None:
                self._standing.changed(str(key).removeprefix("a:"))
            elif self._link.client.connected:
                self._standing.reconcile()
        except StoreError as error:
            self._missed("a standing leg is not looked at", error)
        except FsrouteError as error:
            log.warning("standing legs of switch %s: %s", self._settings.switch_id, error)

    def _row(self, call: ProxyCall) -> None:
        if not self._is_newest(call):
            return
        for offer in list(self._offers.values()):
            reserved = call.agent_leg_uuid == offer.agent_leg_uuid
            consulting = call.channel_uuid == offer.legs.channel  # the agent is the caller
            if call.proxy_call_id == offer.call.proxy_call_id or reserved or consulting:
                offer.inbox.put(call)
        begun = call.agent_leg_uuid in self._offers or call.agent_leg_uuid in self._over
        if self._is_ours(call) and not begun and call.state is State.OFFERED:
            self._begin(call)
        self._network_legs.row(call)
        self._other_acds_row(call)

    def _is_newest(self, call: ProxyCall) -> bool:
        """Whoever reserved an agent in this process may say so after others have said that it is over."""
        known = self._versions.pop(call.proxy_call_id, 0)
        self._versions[call.proxy_call_id] = max(known, call.version)
        if len(self._versions) > VERSIONS_KEPT:
            del self._versions[next(iter(self._versions))]
        return call.version >= known

    def _other_acds_row(self, call: ProxyCall) -> None:
        if self._entries is None:
            return
        try:
            self._entries.row(call)
        except StoreError as error:
            self._missed("not entered at another ACD", error)
        except SwitchError as error:  # it is looked at again when the link stands
            log.warning("not entered at another ACD: %s contact=%s", error, call.contact_id)

    def _is_ours(self, call: ProxyCall) -> bool:
        return call.agent_switch_id == self._settings.switch_id and call.agent_leg_uuid is not None

    def _begin(self, call: ProxyCall) -> None:
        self._register(call).start()

    def _begin_onward(self, call: ProxyCall) -> bool:
        """The offer that an agent goes on to, before its signal is heard; whether it is this switch's, and dials."""
        if not (self.leads and self._is_ours(call)) or call.agent_leg_uuid in self._offers:
            return False
        offer = self._register(call)
        offer.start()
        return offer.is_new

    def _register(self, call: ProxyCall) -> Offer:
        """From here on the offer hears of its legs and its row."""
        standing = self._standing.of(call.agent_id)
        offer = Offer(
            self._store, self._link, self._settings, call, self._forget, standing, self._desk, self._onward
        )
        self._offers[offer.agent_leg_uuid] = offer
        others = self._on_channel.setdefault(offer.legs.channel, [])
        if others:  # the contact before is not through with the standing leg
            offer.legs = replace(offer.legs, parked=False)
        others.append(offer)
        offer.attend = lambda channel: self._on_channel.setdefault(channel, []).append(offer)
        self._link.client.busy = True
        return offer

    def _forget(self, offer: Offer) -> None:
        self._offers.pop(offer.agent_leg_uuid, None)
        self._over.append(offer.agent_leg_uuid)
        self._attend_no_more(offer)
        channel = offer.legs.channel
        others = [other for other in self._on_channel.pop(channel, ()) if other is not offer]
        if others:
            self._on_channel[channel] = others
        if self._standing.freed(channel):
            for other in others:
                other.inbox.put(_parked(channel))
        self._look_how_busy()

    def _look_how_busy(self) -> None:
        """Events are wanted at once while anybody waits or talks here."""
        self._link.client.busy = bool(self._offers) or bool(self._entries)

    def _attend_no_more(self, offer: Offer) -> None:
        """Legs other than the agent's that the offer heard of."""
        for channel in [name for name, offers in self._on_channel.items() if offers == [offer]]:
            if channel != offer.legs.channel:
                del self._on_channel[channel]

    def _use(self, channel: str) -> Use:
        """What an agent's channel is in hand for."""
        offers = self._on_channel.get(channel, ())
        if any(offer.legs.joined for offer in offers):
            return Use.TALKING
        return Use.OFFERED if offers else Use.NONE

    def _talk_of(self, agent_id: str) -> Offer | None:
        """The offer with which an agent talks."""
        talks = (offer for offer in self._offers.values() if offer.call.agent_id == agent_id)
        return next((offer for offer in talks if offer.call.state is State.BRIDGED), None)

    def _asked(self, key: str | int | None, _row: object) -> None:
        if self.leads:
            self._orders.signalled(key)

    # The switch --------------------------------------------------------------------------------------------

    def _event(self, event: Event) -> None:
        if not self.leads:
            return
        if self._entries is not None:
            self._entries.event(event)
        name = event.name
        uuid = dialled(event) if name == "BACKGROUND_JOB" else event.uuid
        agents_legs = self._agents_legs(uuid, event)
        for leg in agents_legs or (uuid,):
            self._standing.event(leg, event)
        if agents_legs:
            for offer in [offer for leg in agents_legs for offer in self._on_channel[leg]]:
                if name not in REPEATABLE or offer.inbox.qsize() < MOST_UNREAD:
                    offer.inbox.put(event)
        elif uuid in self._network_legs:
            self._network_leg_event(uuid, event)
        elif name == "CHANNEL_PARK" and event.get("Call-Direction") != "outbound":  # it has a token, too
            self._network_legs.arrived(uuid, event.get("Caller-Destination-Number", ""))

    def _agents_legs(self, uuid: str, event: Event) -> list[str]:
        """FreeSWITCH tells of a bridge once, on the first named channel; either end may be an agent's, or both."""
        ends = [uuid]
        if event.name == "CHANNEL_BRIDGE":
            ends = [event.get("Bridge-A-Unique-ID", ""), event.get("Bridge-B-Unique-ID", "")]
        return [end for end in ends if end in self._on_channel]

    def _network_leg_event(self, uuid: str, event: Event) -> None:
        for offer in self._offers.values():
            if offer.legs.network_uuid == uuid:
                offer.inbox.put(event)
        if event.name == "CHANNEL_HANGUP":
            self._network_legs.hung_up(uuid, event.get("Hangup-Cause", ""))

    def _hand_over(self, uuid: str, call: ProxyCall) -> None:
        offer = self._offers.get(call.agent_leg_uuid or "")
        if offer is not None:
            offer.inbox.put(NetworkLegArrived(uuid, call))
        elif self._entries is not None:
            self._entries.network_leg(uuid, call)

    def _kill(self, uuid: str, cause: str) -> None:
        try:
            self._link.api(f"uuid_kill {uuid} {cause}")
        except SwitchError as error:
            log.debug("uuid_kill: %s", error)

    # The switch is away ------------------------------------------------------------------------------------

    def _answers(self) -> bool:
        return self._link.client.connected

    def _switch_is_away(self) -> None:
        """Nobody is offered to its agents; offers under way end, unless it is back at once."""
        if not self.leads or self._answers():
            return
        try:
            if self._store.agents.switch_away(self._settings.switch_id, "it does not answer"):
                log.warning("switch %s is away: its agents are offered nothing", self._settings.switch_id)
        except (
            StoreError
        ) as error:  # the leader sees it by the lease, if this process does not come to say so
            self._missed("its being away is not noted", error)
        if self._answers():  # it came back before this was written
            self.reconcile()
            return
        gevent.sleep(AWAY_GRACE)
        if self.leads and not self._answers():
            for offer in list(self._offers.values()):
                if not offer.legs.joined:
                    offer.inbox.put(_hangup(offer.legs.channel, SWITCH_DIED))

    def _switch_is_back(self) -> None:
        """Also if somebody else took it for away, since this process had not been heard of.

        Raises:
            StoreError: it cannot be noted; the next beat tries again.
        """
        here = self.leads and self._link.client.connected
        if here and self._store.agents.switch_back(self._settings.switch_id):
            log.info("switch %s is back", self._settings.switch_id)

    # After a restart, or when signals or events may have been missed ---------------------------------------------

    def reconcile(self) -> None:
        """Hold the rows against the channels that really exist, and go on from both."""
        if not (self.leads and self._link.client.connected):
            return
        self._gone_for = SWITCH_DIED if self._is_another_process() else GONE
        try:
            self._standing.reconcile()
            if self._finish is not None:  # before anybody looks at the legs
                self._finish(self._settings.switch_id, self._is_completing)
            calls = self._store.proxy_calls.live_of_agent_switch(self._settings.switch_id)
            for call in calls:
                self._reconcile(call)
            self._end_unheard_of(calls)
            if self._entries is not None:
                self._entries.reconcile()
            for uuid in self._network_legs.gone():
                self._network_leg_event(uuid, _hangup(uuid))
            self._take_strays()
            self._network_legs.enter_refusals()
            self._switch_is_back()  # last of all: who is offered something now finds no leg of before
            self._outage.over()
        except FsrouteError as error:
            self._missed("its rows", error)

    def _missed(self, what: str, error: FsrouteError) -> None:
        """Said once, however many events find the database away: all is held against it as soon as it answers."""
        self._outage.failed(f"{what}: {error}")
        if not self._is_due:
            self._is_due = True
            gevent.spawn_later(RETRY, self._reconcile_again)

    def _reconcile_again(self) -> None:
        self._is_due = False
        if self.leads and not self._answers():
            self._switch_is_away()
        else:
            self.reconcile()

    def _is_another_process(self) -> bool:
        """The switch was restarted since the last look: what it had is gone, through nobody's fault."""
        before, self._core_uuid = self._core_uuid, self._link.core_uuid
        return bool(before) and before != self._core_uuid

    def _is_completing(self, call: ProxyCall) -> bool:
        """Whether the agent who has handed a conversation over is still in hand."""
        return any(
            offer.call.proxy_call_id == call.proxy_call_id and offer.agent_leg_uuid != call.agent_leg_uuid
            for offer in self._offers.values()
        )

    def _reconcile(self, call: ProxyCall) -> None:
        self._network_legs.reconcile(call)
        if not self._is_ours(call) or call.state not in _OFFERED:
            return
        offer = self._offers.get(call.agent_leg_uuid or "")
        if offer is None:
            self._adopt(call)
        else:
            self._check(offer, call)

    def _end_unheard_of(self, calls: Iterable[ProxyCall]) -> None:
        """Offers whose end was missed read their row at once: nobody's phone rings on for a caller who has left."""
        live = {call.agent_leg_uuid for call in calls}
        for offer in list(self._offers.values()):
            if offer.agent_leg_uuid not in live:
                offer.inbox.put(None)

    def _adopt(self, call: ProxyCall) -> None:
        """Go on with an offer that another process began; it hears of events before its legs are looked at."""
        offer = self._register(call)
        try:
            legs = self._seen(offer)
        except SwitchError:
            self._forget(offer)
            raise
        if legs.agent is not Agent.GONE or call.agent_leg is not AgentLeg.DIALLING:
            offer.adopt(legs)
        offer.inbox.put(None)  # the row may have changed since it was read
        offer.start()

    def _check(self, offer: Offer, call: ProxyCall) -> None:
        """An offer in hand, after events may have been missed."""
        offer.inbox.put(call)
        age = self._store.now() - offer.legs.offered_at
        had_channel = call.agent_leg is not AgentLeg.DIALLING or age > DIALLED_LIMIT
        if had_channel and not self._link.exists(offer.legs.channel):
            offer.inbox.put(_hangup(offer.legs.channel, self._gone_for))

    def _take_strays(self) -> None:
        """Channels that came or stayed while nobody looked: a network leg is admitted, an agent's leg ended."""
        for row in self._link.channels():
            uuid = row.get("uuid", "")
            if row.get("direction") == "inbound":  # a leg raised by this switch has a token as well
                self._network_legs.arrived(uuid, row.get("dest", ""))
            elif self._is_stray(uuid):
                log.warning("agent's leg ended, its offer is over: uuid=%s", uuid)
                self._kill(uuid, "ORIGINATOR_CANCEL")
            elif self._entries is not None and self._entries.is_ghost(uuid):
                log.warning("ended, it waited at another ACD for nobody: uuid=%s", uuid)
                self._kill(uuid, "ORIGINATOR_CANCEL")

    def _is_stray(self, uuid: str) -> bool:
        """An agent's leg without an offer, or a standing leg of nobody; one may begin while the switch is asked."""
        if uuid in self._on_channel or self._standing.knows(uuid):
            return False
        ours = self._link.variable(uuid, "fsroute_proxy_call") or self._link.variable(
            uuid, "fsroute_standing"
        )
        return bool(ours) and uuid not in self._on_channel and not self._standing.knows(uuid)

    def _seen(self, offer: Offer) -> Legs:
        """The legs of an offer as the switch has them now."""
        call, legs = offer.call, offer.legs
        began = call.reserved_at.timestamp() if call.reserved_at is not None else self._store.now()
        if not self._link.exists(legs.channel):
            return Legs(legs.agent_leg_uuid, began, agent=Agent.GONE, cause=self._gone_for)
        answered = self._link.variable(legs.channel, "endpoint_disposition") == "ANSWER"
        other = partner(call)
        seen = replace(
            legs,
            offered_at=began,
            agent=Agent.ANSWERED if answered or legs.standing_uuid else Agent.DIALLED,
            parked=answered if legs.standing_uuid is None else legs.parked,
            network_uuid=other if other and self._link.exists(other) else None,
            accepted_at=call.accepted_at.timestamp() if call.accepted_at is not None else 0.0,
        )
        return self._standing_seen(seen, call) if legs.standing_uuid else self._dialled_seen(seen)

    def _dialled_seen(self, legs: Legs) -> Legs:
        return replace(legs, joined=bool(self._link.variable(legs.channel, "bridge_uuid")))

    def _standing_seen(self, legs: Legs, call: ProxyCall) -> Legs:
        """The variables of a standing leg tell of talks before: what it does now says whether it talks."""
        if not legs.parked:
            return replace(legs, joined=True)
        talked = call.state is State.BRIDGED
        return replace(legs, agent=Agent.GONE, cause="NORMAL_CLEARING", joined=True) if talked else legs


def _hangup(uuid: str, cause: str = GONE) -> Event:
    return Event.plain(f"Event-Name: CHANNEL_HANGUP\nUnique-ID: {uuid}\nHangup-Cause: {cause}\n\n".encode())


def _parked(uuid: str) -> Event:
    return Event.plain(f"Event-Name: CHANNEL_PARK\nUnique-ID: {uuid}\n\n".encode())
