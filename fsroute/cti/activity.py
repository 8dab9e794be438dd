"""The activity of one switch: ``apply(event, now)`` takes in what was heard, ``take(now)`` gives what to write.

Pure: no I/O, no clock. Everything is counted when it is heard, once: a call that is known, or over, does not count
again, and what was missed while nobody looked is found by holding the lists of the switch against what is known.
Memory is bounded by the calls and agents that there are at one time, and by `counting`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from fsroute.cti import callcenter, events
from fsroute.cti.lines import Line, Stage, Step, Visit
from fsroute.cti.lists import CallcenterLists, ListedChannel, ListedMember, ListedPhone
from fsroute.cti.news import Before, CallKey, News
from fsroute.cti.own import OwnAgents, OwnCall, OwnCounted
from fsroute.cti.phones import Phones, user_of
from fsroute.cti.reconciling import Tally, reconcile
from fsroute.model.activity import AgentActivity, AgentKey, QueueKey, Source
from fsroute.model.agent import AgentStatus
from fsroute.model.agent_state import Doing

MOST_NUMBERS = 500
OTHER_NUMBERS = "(other)"
YOUNG = 5.0  # seconds that ``show channels`` may lag behind
SITE = QueueKey(Source.SITE, "")
LEFT_BY_ITSELF = ("TIMEOUT", "NO_AGENT_TIMEOUT", "EXIT_WITH_KEY")
"""Why mod_callcenter sends a member on who has not hung up."""


@dataclass(frozen=True, slots=True)
class LinkUp:
    """The link to the switch stands; which FreeSWITCH process it is."""

    core_uuid: str


@dataclass(frozen=True, slots=True)
class LinkDown:
    pass


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed: windows slide, wrap-ups end."""


@dataclass(frozen=True, slots=True)
class CallcenterListed:
    """mod_callcenter's lists. Of queues that are `busy` something was heard meanwhile: nothing is missing."""

    lists: CallcenterLists
    busy: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class PhonesListed:
    phones: tuple[ListedPhone, ...]


@dataclass(frozen=True, slots=True)
class ChannelsListed:
    channels: tuple[ListedChannel, ...]


@dataclass(frozen=True, slots=True)
class Settings:
    """`threshold` is the service level's in seconds, `thresholds` those of queues that have their own.

    `users`: telephones that are nobody's count as agents. `profiles` are the SIP profiles whose telephones count;
    empty: all.
    """

    threshold: float = 20.0
    thresholds: Mapping[str, float] | None = None
    users: bool = True
    profiles: frozenset[str] = frozenset()


class Activity:
    """All that is known of one switch, and what of it is not written yet."""

    def __init__(self, settings: Settings, before: Before, now: float) -> None:
        self.agents: dict[AgentKey, AgentActivity] = {}
        self.lines: dict[QueueKey, Line] = {}
        self.phones = Phones()
        self.core_uuid = before.core_uuid
        self.link_up = False
        self._settings = settings
        self._callcenter: dict[str, callcenter.Agent] = {}
        self._own: dict[str, AgentActivity] = {}
        self._tallies: dict[str, Tally] = {}
        self._newest_own = 0
        self._queued: set[str] = set()  # channels that are or were in a queue
        self._channels: dict[str, tuple[float, str]] = {}  # when heard of, and the number
        self._of_user: dict[str, set[AgentKey]] = {}
        self._whole = True
        self._link_changed = False
        self._marked = False
        self._changed_agents: set[AgentKey] = set()
        self._changed_lines: set[QueueKey] = set()
        self._changed_calls: set[CallKey] = set()
        self._written: dict[AgentKey, AgentActivity] = {}
        self._written_lines: set[QueueKey] = set()
        self._line(SITE)
        self._resume(before, now)

    def _resume(self, before: Before, now: float) -> None:
        for key, begin, counts in before.intervals:
            self._line(key).counting.intervals[begin] = counts
        for key, windows in before.windows.items():
            self._line(key).counting.resume(dict(windows), before.age, now)
        for (key, call_id), visit in before.calls:
            self._line(key).resume(call_id, visit)
            if key == SITE:
                self._channels[call_id] = (visit.entered_at, "")
        for key in [one for one in self.lines if one.source is Source.NUMBER]:
            for call_id, visit in self.lines[key].visits.items():
                self._channels[call_id] = (visit.entered_at, key.queue)
        tallies = before.marks.get("callcenter")
        for queue, pair in (tallies if isinstance(tallies, dict) else {}).items():
            self._tallies[queue] = Tally(int(pair[0]), int(pair[1]))
        newest = before.marks.get("proxy_call")
        self._newest_own = newest if isinstance(newest, int) else 0

    # What was heard ----------------------------------------------------------------------------------------

    def apply(self, event: Any, now: float) -> bool:
        """Take in one event; whether there is something to write by it."""
        handler = self._HANDLERS.get(type(event))
        if handler is not None:
            handler(self, event, now)
        return self.is_dirty

    @property
    def is_dirty(self) -> bool:
        """There is something to write."""
        return bool(
            self._whole
            or self._changed_agents
            or self._changed_lines
            or self._changed_calls
            or self._link_changed
            or self._marked
        )

    @property
    def newest_own(self) -> int:
        """The newest of fsroute's own calls that was counted."""
        return self._newest_own

    def own_calls(self) -> list[int]:
        """The calls of fsroute's own queues that are in hand as far as this knows."""
        own = (line for key, line in self.lines.items() if key.source is Source.FSROUTE)
        return [int(call_id) for line in own for call_id in line.visits if call_id.isdigit()]

    # -- calls of the switch

    def _created(self, event: events.ChannelCreated, now: float) -> None:
        if event.counts:
            self._channels[event.uuid] = (now, self._number(event.number))
            for key in self._lines_of(event.uuid):
                self._step(key, event.uuid, Step.ENTER, now)
        if event.user:
            self._channels.setdefault(event.uuid, (now, ""))
            self._phone_changed(self.phones.leg(event.uuid, event.user, False, now), now)

    def _number(self, number: str) -> str:
        known = sum(key.source is Source.NUMBER for key in self.lines)
        if known >= MOST_NUMBERS and QueueKey(Source.NUMBER, number) not in self.lines:
            return OTHER_NUMBERS
        return number

    def _lines_of(self, uuid: str) -> tuple[QueueKey, ...]:
        number = self._channels.get(uuid, (0.0, ""))[1]
        return (SITE, QueueKey(Source.NUMBER, number)) if number else (SITE,)

    def _answered(self, event: events.ChannelAnswered, now: float) -> None:
        for key in self._lines_of(event.uuid):
            if event.uuid in self.lines[key].visits:
                self._step(key, event.uuid, Step.PICK_UP, now)
        self._phone_changed(self.phones.leg(event.uuid, event.user, True, now), now)

    def _bridged(self, event: events.ChannelsBridged, now: float) -> None:
        for uuid in event.uuids:
            for key in self._lines_of(uuid):
                self._step(key, uuid, Step.ANSWER, now)

    def _gone(self, event: events.ChannelGone, now: float) -> None:
        for key in self._lines_of(event.uuid):
            line = self.lines.get(key)
            visit = line.visits.get(event.uuid) if line else None
            alone = visit is not None and visit.picked_up and event.uuid not in self._queued
            self._step(key, event.uuid, Step.SEND_ON if event.sent_on or alone else Step.GO, now)
        self._queued.discard(event.uuid)
        self._channels.pop(event.uuid, None)
        self._phone_changed(self.phones.leg_gone(event.uuid, now), now)

    def _channels_listed(self, event: ChannelsListed, now: float) -> None:
        """Channels that came or went while nobody looked."""
        here = {channel.uuid for channel in event.channels}
        for uuid, (heard_at, _) in list(self._channels.items()):
            if uuid not in here and heard_at < now - YOUNG:
                self._gone(events.ChannelGone(uuid), now)
        for channel in event.channels:
            if channel.uuid not in self._channels:
                self._created(
                    events.ChannelCreated(channel.uuid, channel.counts, channel.number, channel.user), now
                )
            if channel.answered:
                self._answered(events.ChannelAnswered(channel.uuid, channel.user), now)
            if channel.bridged:
                self._bridged(events.ChannelsBridged((channel.uuid, "")), now)

    # -- mod_callcenter

    def _joined(self, event: events.MemberJoined, now: float) -> None:
        key = QueueKey(Source.CALLCENTER, event.queue)
        if event.again:
            self._line(key).comes_again(event.member)
        self._step(key, event.member, Step.ENTER, now)
        if event.channel in self._channels:
            self._queued.add(event.channel)

    def _served(self, event: events.MemberServed, now: float) -> None:
        key = QueueKey(Source.CALLCENTER, event.queue)
        self._step(key, event.member, Step.ENTER, now)  # its beginning may have been missed
        if self._step(key, event.member, Step.ANSWER, now, agent=event.agent):
            self._tally(event.queue).answered += 1

    def _left(self, event: events.MemberLeft, now: float) -> None:
        key = QueueKey(Source.CALLCENTER, event.queue)
        visit = self._line(key).visits.get(event.member)
        agent = self._callcenter.get(visit.agent) if visit is not None else None
        step = Step.SEND_ON if event.canceled and event.reason in LEFT_BY_ITSELF else Step.GO
        left = self._step(key, event.member, step, now, wrap_up=agent.wrap_up if agent else 0.0)
        if left and event.canceled:
            self._tally(event.queue).abandoned += 1

    def _tally(self, queue: str) -> Tally:
        """Of a queue that was never listed nothing of the past counts: its first list says where it stands."""
        self._marked = self._marked or queue in self._tallies
        return self._tallies.get(queue, Tally(0, 0))

    def _agent(self, name: str, change: Callable[[callcenter.Agent], callcenter.Agent], now: float) -> None:
        known = self._callcenter.get(name)
        if known is None and len(self._callcenter) >= callcenter.MOST_AGENTS:
            return
        before = known or callcenter.Agent(name, state_since=now, idle_since=now)
        after = change(before)
        self._callcenter[name] = after
        key = AgentKey(Source.CALLCENTER, name)
        if before.user != after.user or known is None:
            self._claim(key, before.user, after.user, now)
        self._refresh(key, now)

    def _status(self, event: events.AgentStatusChanged, now: float) -> None:
        self._agent(event.agent, lambda agent: agent.declared(event.status, now), now)

    def _state(self, event: events.AgentStateChanged, now: float) -> None:
        self._agent(event.agent, lambda agent: agent.seen(event.state, now), now)

    def _contact(self, event: events.AgentContactChanged, now: float) -> None:
        self._agent(event.agent, lambda agent: replace(agent, contact=event.contact), now)

    def _talk_over(self, event: events.AgentTalkOver, now: float) -> None:
        self._agent(event.agent, lambda agent: agent.talk_over(now), now)

    def _missed(self, event: events.AgentMissed, now: float) -> None:
        self._agent(event.agent, lambda agent: agent.missed(event.cause, now), now)

    def _callcenter_listed(self, event: CallcenterListed, now: float) -> None:
        lists = event.lists
        listed = {row.name: row for row in lists.agents[: callcenter.MOST_AGENTS]}
        for name in [name for name in self._callcenter if name not in listed]:
            agent = self._callcenter.pop(name)
            key = AgentKey(Source.CALLCENTER, name)
            self._claim(key, agent.user, "", now)
            self._refresh(key, now)
        for name, row in listed.items():
            tiers = lists.tiers.get(name, {})
            self._agent(name, lambda agent, row=row, tiers=tiers: agent.after(row, tiers, now), now)  # type: ignore[misc]
        self._queues_listed(lists, event.busy, now)

    def _queues_listed(self, lists: CallcenterLists, busy: frozenset[str], now: float) -> None:
        members: dict[str, list[ListedMember]] = {}
        for member in lists.members:
            members.setdefault(member.queue, []).append(member)
            if member.channel in self._channels:
                self._queued.add(member.channel)
        for listed in lists.queues:
            line = self._line(QueueKey(Source.CALLCENTER, listed.name))
            if listed.name not in busy:
                before, known = dict(line.visits), self._tallies.get(listed.name)
                tally = reconcile(line, listed, members.get(listed.name, ()), known, now)
                self._tallies[listed.name] = tally
                self._marked = self._marked or tally != known
                self._compare(line, before)
                if line.counting.unwritten:
                    self._changed_lines.add(line.key)
        self._forget_queues({listed.name for listed in lists.queues})

    def _compare(self, line: Line, before: Mapping[str, Visit]) -> None:
        changed = {
            call_id
            for call_id in before.keys() | line.visits.keys()
            if before.get(call_id) != line.visits.get(call_id)
        }
        self._changed_calls |= {(line.key, call_id) for call_id in changed}

    def _forget_queues(self, listed: set[str]) -> None:
        """A queue that was unloaded is gone when its last call is."""
        for key, line in list(self.lines.items()):
            if key.source is Source.CALLCENTER and key.queue not in listed and line.is_quiet:
                del self.lines[key]
                self._tallies.pop(key.queue, None)
                self._changed_lines.add(key)

    # -- telephones

    def _registered(self, event: events.PhoneRegistered, now: float) -> None:
        counts = self._counts_profile(event.profile)
        if counts and self.phones.registered(event.user, event.token, event.contact, now):
            self._phone_changed(event.user, now)

    def _unregistered(self, event: events.PhoneGone, now: float) -> None:
        if self.phones.gone(event.user, event.token):
            self._phone_changed(event.user, now)

    def _phones_listed(self, event: PhonesListed, now: float) -> None:
        listed: dict[str, dict[str, str]] = {}
        for phone in event.phones:
            if self._counts_profile(phone.profile):
                listed.setdefault(phone.user, {})[phone.token] = phone.contact
        first = not self.phones.known
        for user in self.phones.listed(listed, now):
            self._phone_changed(user, now)
        if first:
            for key in [*self.agents]:
                self._refresh(key, now)

    def _counts_profile(self, profile: str) -> bool:
        return not self._settings.profiles or profile in self._settings.profiles

    def _phone_changed(self, user: str | None, now: float) -> None:
        if user is None:
            return
        claimed = self._claimed(user)
        for key in claimed:
            self._refresh(key, now)
        self._refresh(AgentKey(Source.USER, user), now)

    def _claimed(self, user: str) -> set[AgentKey]:
        """The agents whose telephone it is."""
        return self._of_user.get(user, set()) | self._of_user.get(user.partition("@")[0], set())

    def _claim(self, key: AgentKey, before: str, after: str, now: float) -> None:
        """An agent has another telephone, which from now on is nobody else's."""
        if before in self._of_user:
            self._of_user[before].discard(key)
            if not self._of_user[before]:
                del self._of_user[before]
        if after:
            self._of_user.setdefault(after, set()).add(key)
        for user in [*self.phones.named(before), *self.phones.named(after)]:
            self._refresh(AgentKey(Source.USER, user), now)

    # -- fsroute's own

    def _own_call(self, call: OwnCall, now: float) -> None:
        self._mark_own(call.number)
        line = self._line(call.queue)
        call_id = str(call.number)
        visit = line.visits.get(call_id)
        if visit is None and call.stage is None and not call.unseen:
            return  # it was counted, or never was in hand here
        if visit is not None and visit.stage is Stage.TALKING and call.stage is Stage.WAITING:
            self._step(call.queue, call_id, Step.GO, now)
            line.comes_again(call_id)
        self._step(call.queue, call_id, Step.ENTER, now, at=call.entered_at)
        if call.answered_at is not None:
            self._step(call.queue, call_id, Step.ANSWER, now, at=call.answered_at, agent=call.agent)
        if call.stage is None:
            self._step(call.queue, call_id, Step.SEND_ON if call.sent_on else Step.GO, now)
        if call.channel in self._channels:
            self._queued.add(call.channel)
        if call.stage is Stage.WAITING and line.expected_wait != call.expected_wait:
            line.expected_wait = call.expected_wait
            self._changed_lines.add(call.queue)
        elif not line.waiting:
            line.expected_wait = None

    def _own_counted(self, event: OwnCounted, _now: float) -> None:
        self._mark_own(event.number)

    def _mark_own(self, number: int) -> None:
        if number > self._newest_own:
            self._newest_own = number
            self._marked = True

    def _own_agents(self, event: OwnAgents, now: float) -> None:
        given = {agent.key.agent: agent for agent in event.agents}
        gone = {name for name in (self._own if event.whole else event.names) if name not in given}
        for name in gone:
            agent = self._own.pop(name, None)
            if agent is not None:
                self._claim(agent.key, user_of(agent.address), "", now)
                self._refresh(agent.key, now)
        for name, agent in given.items():
            before = self._own.get(name)
            self._own[name] = agent
            user = user_of(before.address) if before is not None else ""
            if user != user_of(agent.address):
                self._claim(agent.key, user, user_of(agent.address), now)
            for queue in agent.queues:
                self._line(QueueKey(Source.FSROUTE, queue))
            self._refresh(agent.key, now)

    # -- the link, and time

    def _up(self, event: LinkUp, now: float) -> None:
        if self.core_uuid is not None and event.core_uuid != self.core_uuid:
            self._switch_died(now)
        self._link_changed = self._link_changed or not self.link_up or event.core_uuid != self.core_uuid
        self.link_up, self.core_uuid = True, event.core_uuid

    def _down(self, _event: LinkDown, _now: float) -> None:
        self._link_changed = self._link_changed or self.link_up
        self.link_up = False

    def _switch_died(self, now: float) -> None:
        """FreeSWITCH is another process: its calls ended, its counters and registrations begin anew."""
        for uuid in list(self._channels):
            self._gone(events.ChannelGone(uuid), now)
        for key, line in list(self.lines.items()):
            if key.source is not Source.FSROUTE:
                for call_id in list(line.visits):
                    self._step(key, call_id, Step.GO, now)
        self._tallies = {queue: Tally(0, 0) for queue in self._tallies}
        self._marked = True

    def _tick(self, _event: Tick, now: float) -> None:
        for key, agent in list(self.agents.items()):
            if agent.state_until is not None and agent.state_until <= now:
                self._refresh(key, now)
        for line in list(self.lines.values()):
            if line.counting.forget(now):
                self._changed_lines.add(line.key)
            if self._is_idle(line):
                del self.lines[line.key]
                self._changed_lines.add(line.key)

    def _is_idle(self, line: Line) -> bool:
        """A number, or a queue of fsroute's, that nothing was heard of for as long as the longest window."""
        if line.key.source not in (Source.NUMBER, Source.FSROUTE):
            return False
        if not line.is_quiet:
            return False
        return line.key.source is Source.NUMBER or not any(
            line.key.queue in agent.queues for agent in self._own.values()
        )

    # What is to be written -----------------------------------------------------------------------------------

    def _line(self, key: QueueKey) -> Line:
        line = self.lines.get(key)
        if line is None:
            thresholds = self._settings.thresholds or {}
            line = Line(key, thresholds.get(key.queue, self._settings.threshold))
            self.lines[key] = line
            self._changed_lines.add(key)
        return line

    def _step(
        self, key: QueueKey, call_id: str, step: Step, now: float, *, at: float | None = None, agent: str = "",
        wrap_up: float = 0.0,
    ) -> bool:  # fmt: skip
        if step is not Step.ENTER and key not in self.lines:
            return False
        changes = self._line(key).step(call_id, step, now, at=at, agent=agent, wrap_up=wrap_up)
        if changes:
            self._changed_calls.add((key, call_id))
            self._changed_lines.add(key)
        return changes

    def _refresh(self, key: AgentKey, now: float) -> None:
        """An agent may have changed."""
        before, after = self.agents.get(key), self._seen(key, now)
        if before == after:
            return
        if after is None:
            self.agents.pop(key, None)
        else:
            self.agents[key] = after
        self._changed_agents.add(key)
        self._changed_lines.add(SITE)
        source = key.source
        for agent in filter(None, (before, after)):
            self._changed_lines |= {QueueKey(source, queue) for queue in agent.queues}

    def _seen(self, key: AgentKey, now: float) -> AgentActivity | None:
        if key.source is Source.CALLCENTER:
            agent = self._callcenter.get(key.agent)
            return agent.activity(self.phones, now) if agent is not None else None
        if key.source is Source.FSROUTE:
            own = self._own.get(key.agent)
            return self._own_seen(own, now) if own is not None else None
        if not self._settings.users or self._claimed(key.agent):
            return None
        return self.phones.activity(key.agent)

    def _own_seen(self, agent: AgentActivity, now: float) -> AgentActivity:
        """With what the telephone is seen to do, beside fsroute's calls."""
        user = user_of(agent.address)
        if agent.state_until is not None and agent.state_until <= now:
            idle = Doing.IDLE if agent.status is AgentStatus.AVAILABLE else Doing.AWAY
            agent = replace(agent, state=idle, state_since=agent.state_until, state_until=None)
        if user and agent.state is Doing.IDLE and (doing := self.phones.doing(user)) is not Doing.IDLE:
            agent = replace(agent, state=doing)
        return replace(agent, reachable=self.phones.is_registered(user) if user else None)

    def take(self, now: float, seen: bool = True) -> News:
        """What is to be written; it counts as written from now on. `seen`: it is true at this moment."""
        whole, self._whole = self._whole, False
        if whole:
            self._changed_agents |= self.agents.keys()
            self._changed_lines |= self.lines.keys()
        staff = self._staff()
        queues = [self.lines[key] for key in self._changed_lines if key in self.lines]
        agents = self._take_agents(whole)
        calls, gone_calls = self._take_calls(whole)
        gone_queues = tuple(key for key in self._changed_lines if key not in self.lines)
        link = ("up" if self.link_up else "down") if whole or self._link_changed else None
        news = News(
            whole=whole,
            agents=agents,
            queues=tuple(line.activity(now, *staff.get(line.key, (0, 0))) for line in queues),
            calls=calls,
            gone_agents=() if whole else tuple(key for key in self._changed_agents if key not in self.agents),
            gone_queues=() if whole else gone_queues,
            gone_calls=gone_calls,
            intervals=tuple(
                (line.key, begin, counts)
                for line in self.lines.values()
                for begin, counts in line.counting.take()
            ),
            marks=self._marks() if whole or self._marked else None,
            link=link,
            core_uuid=self.core_uuid if link is not None else None,
            given_up=self._take_given_up(),
            seen=seen and self.link_up,
        )
        self._changed_agents, self._changed_lines, self._changed_calls = set(), set(), set()
        self._link_changed = self._marked = False
        return news

    def _take_agents(self, whole: bool) -> tuple[AgentActivity, ...]:
        keys: Iterable[AgentKey] = self.agents if whole else self._changed_agents
        return tuple(self.agents[key] for key in keys if key in self.agents)

    def _take_calls(
        self, whole: bool
    ) -> tuple[tuple[tuple[CallKey, Visit], ...], tuple[CallKey, ...]]:  # fmt: skip
        if whole:
            there = (
                ((line.key, name), visit)
                for line in self.lines.values()
                for name, visit in line.visits.items()
            )
            return tuple(there), ()
        here = []
        gone = []
        for key, call_id in self._changed_calls:
            line = self.lines.get(key)
            visit = line.visits.get(call_id) if line is not None else None
            if visit is None:
                gone.append((key, call_id))
            else:
                here.append(((key, call_id), visit))
        return tuple(here), tuple(gone)

    def _take_given_up(self) -> int:
        given_up = 0
        for line in self.lines.values():
            given_up += line.counting.given_up
            line.counting.given_up = 0
        return given_up

    def _marks(self) -> dict[str, object]:
        tallies = {queue: [tally.answered, tally.abandoned] for queue, tally in self._tallies.items()}
        return {"callcenter": tallies, "proxy_call": self._newest_own}

    def _staff(self) -> dict[QueueKey, tuple[int, int]]:
        """For each line how many agents are on duty for it, and how many of them idle."""
        found: dict[QueueKey, tuple[int, int]] = {}
        for key, agent in self.agents.items():
            if agent.status is not AgentStatus.AVAILABLE or agent.reachable is False:
                continue
            idle = agent.state is Doing.IDLE
            for line in (SITE, *(QueueKey(key.source, queue) for queue in agent.queues)):
                on_duty, idle_there = found.get(line, (0, 0))
                found[line] = (on_duty + 1, idle_there + idle)
        return found

    def give_back(self, news: News) -> None:
        """A write may not have arrived: the next one tells everything."""
        self._whole = True
        for line in self.lines.values():
            line.counting.take_again()
        self.lines[SITE].counting.given_up += news.given_up

    _HANDLERS: Mapping[type, Callable[[Activity, Any, float], None]] = {
        events.ChannelCreated: _created,
        events.ChannelAnswered: _answered,
        events.ChannelsBridged: _bridged,
        events.ChannelGone: _gone,
        events.MemberJoined: _joined,
        events.MemberServed: _served,
        events.MemberLeft: _left,
        events.AgentStatusChanged: _status,
        events.AgentStateChanged: _state,
        events.AgentContactChanged: _contact,
        events.AgentTalkOver: _talk_over,
        events.AgentMissed: _missed,
        events.PhoneRegistered: _registered,
        events.PhoneGone: _unregistered,
        CallcenterListed: _callcenter_listed,
        PhonesListed: _phones_listed,
        ChannelsListed: _channels_listed,
        OwnCall: _own_call,
        OwnAgents: _own_agents,
        OwnCounted: _own_counted,
        LinkUp: _up,
        LinkDown: _down,
        Tick: _tick,
    }
