"""Scenarios of activity as text: what is heard at which second, and how things stand then.

::

    0   list ann queues=support wrap_up=10  | ann idle
    5   join support m1                     | support 1/0
    6   state ann Receiving                 | ann ringing
    8   serve support m1 ann                | support 0/1, support offered=1 answered=1 wait=3

Right of the bar: an agent and what it is seen to do; a line and who waits/talks; a line and counts of the last 15
minutes. A line is a queue, a number, or ``site``. What the left says is in `DOINGS`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from fsroute.cti import activity as act
from fsroute.cti import events
from fsroute.cti.activity import Activity, Settings
from fsroute.cti.lists import (
    CallcenterLists,
    ListedAgent,
    ListedChannel,
    ListedMember,
    ListedPhone,
    ListedQueue,
)
from fsroute.cti.news import Before, News
from fsroute.model.activity import AgentKey, QueueKey, Source

START = 1_800_000_000.0  # a whole quarter of an hour


class Watch:
    """An activity, the switch's own tables, and the second that it is."""

    def __init__(
        self, settings: Settings | None = None, before: Before | None = None, at: float = 0.0
    ) -> None:
        self.second = at
        self.settings = settings or Settings()
        self.activity = Activity(self.settings, before or Before(), self.now)
        self.agents: dict[str, ListedAgent] = {}
        self.tiers: dict[str, dict[str, tuple[int, int]]] = {}
        self.queues: dict[str, ListedQueue] = {}
        self.members: dict[str, ListedMember] = {}

    @property
    def now(self) -> float:
        return START + self.second

    def tell(self, event: Any) -> None:
        self.activity.apply(event, self.now)

    def until(self, second: float) -> None:
        if second > self.second:
            self.second = second
            self.tell(act.Tick())

    def list(self) -> None:
        """Hold what was heard against mod_callcenter's tables."""
        lists = CallcenterLists(
            tuple(self.agents.values()), tuple(self.queues.values()), tuple(self.members.values()), self.tiers
        )
        self.tell(act.CallcenterListed(lists))

    def line(self, name: str) -> QueueKey:
        found = [key for key in self.activity.lines if key.queue == ("" if name == "site" else name)]
        assert len(found) == 1, f"{name}: {found}"
        return found[0]

    def counts(self, name: str) -> dict[str, float]:
        windows = self.activity.lines[self.line(name)].counting.windows(self.now)
        return {field: getattr(windows[900], field) for field in windows[900].__dataclass_fields__}

    def doing(self, name: str) -> str:
        for source in (Source.CALLCENTER, Source.USER, Source.FSROUTE):
            agent = self.activity.agents.get(AgentKey(source, name))
            if agent is not None:
                return str(agent.state)
        return "nobody"

    def take(self) -> News:
        return self.activity.take(self.now)


def play(table: str, watch: Watch | None = None) -> Watch:
    """Play a scenario; whatever stands right of the bar must hold."""
    watch = watch or Watch()
    for line in filter(None, map(str.strip, table.splitlines())):
        what, _, expected = line.partition("|")
        second, _, doing = what.strip().partition(" ")
        watch.until(float(second))
        if doing.strip():
            verb, *words = doing.split()
            DOINGS[verb](watch, *words)
        for claim in filter(None, map(str.strip, expected.split(","))):
            check(watch, claim, line)
    return watch


def check(watch: Watch, claim: str, line: str) -> None:
    name, *words = claim.split()
    if "/" in words[0]:
        stands = watch.activity.lines[watch.line(name)]
        assert f"{stands.waiting}/{stands.talking}" == words[0], line
    elif "=" in words[0]:
        counts = watch.counts(name)
        for field, value in (word.split("=") for word in words):
            assert counts[field] == float(value), f"{line}: {field} is {counts[field]}"
    else:
        assert watch.doing(name) == words[0], line


def _list(watch: Watch, name: str = "", *options: str) -> None:
    """``list NAME queues=a+b wrap_up= status= state= contact=`` adds an agent; ``list`` alone reads the tables."""
    if name:
        given = dict(option.split("=", 1) for option in options)
        queues = [queue for queue in given.pop("queues", "").split("+") if queue]
        watch.tiers[name] = dict.fromkeys(queues, (1, 1))
        for queue in queues:
            watch.queues.setdefault(queue, ListedQueue(queue, 0, 0))
        row = ListedAgent(
            name,
            given.pop("status", "Available").replace("_", " "),
            given.pop("state", "Waiting").replace("_", " "),
            given.pop("contact", f"user/{name}@here"),
            **{key: float(value) for key, value in given.items()},
        )
        watch.agents[name] = row
    watch.list()


def _queue(watch: Watch, name: str, answered: str, abandoned: str) -> None:
    """What the module has counted of a queue."""
    watch.queues[name] = ListedQueue(name, int(answered), int(abandoned))


def _member(watch: Watch, queue: str, member: str, state: str, *options: str) -> None:
    """A row of the module's members, ``waits`` or ``talks``; ``gone`` takes it away."""
    if state == "gone":
        watch.members.pop(member, None)
    else:
        joined = next((float(one.split("=")[1]) for one in options), watch.second)
        watch.members[member] = ListedMember(
            queue, member, "", START + joined, state == "talks", watch.now, ""
        )


def _unlist(watch: Watch, name: str) -> None:
    del watch.agents[name]
    watch.list()


def _listed_channels(watch: Watch, *names: str) -> None:
    """``channels c1 c2*``: these are all there are; with a star answered, with two bridged."""
    watch.tell(
        act.ChannelsListed(
            tuple(
                ListedChannel(
                    name.rstrip("*"), True, "8005550100", "", watch.now, "*" in name, name.count("*") > 1
                )
                for name in names
            )
        )
    )


def _phones(watch: Watch, *users: str) -> None:
    watch.tell(act.PhonesListed(tuple(ListedPhone(user, "t", "sip:x", "internal") for user in users)))


DOINGS: dict[str, Callable[..., None]] = {
    "list": _list,
    "unlist": _unlist,
    "counted": _queue,
    "row": _member,
    "join": lambda w, queue, member, channel="": w.tell(events.MemberJoined(queue, member, channel)),
    "resume": lambda w, queue, member: w.tell(events.MemberJoined(queue, member, "", True)),
    "serve": lambda w, queue, member, agent: w.tell(events.MemberServed(queue, member, agent)),
    "leave": lambda w, queue, member: w.tell(events.MemberLeft(queue, member, False)),
    "cancel": lambda w, queue, member, reason="BREAK_OUT": w.tell(
        events.MemberLeft(queue, member, True, reason)
    ),
    "status": lambda w, agent, *words: w.tell(events.AgentStatusChanged(agent, " ".join(words))),
    "state": lambda w, agent, *words: w.tell(events.AgentStateChanged(agent, " ".join(words))),
    "over": lambda w, agent: w.tell(events.AgentTalkOver(agent)),
    "missed": lambda w, agent, cause: w.tell(events.AgentMissed(agent, cause)),
    "register": lambda w, user, token="t": w.tell(events.PhoneRegistered(user, token, "sip:x", "internal")),
    "unregister": lambda w, user, token="t": w.tell(events.PhoneGone(user, token)),
    "phones": _phones,
    "call": lambda w, uuid, number="8005550100": w.tell(events.ChannelCreated(uuid, True, number, "")),
    "leg": lambda w, uuid, user: w.tell(events.ChannelCreated(uuid, False, "", user)),
    "answer": lambda w, uuid: w.tell(events.ChannelAnswered(uuid)),
    "bridge": lambda w, one, other: w.tell(events.ChannelsBridged((one, other))),
    "hangup": lambda w, uuid: w.tell(events.ChannelGone(uuid)),
    "redirect": lambda w, uuid: w.tell(events.ChannelGone(uuid, True)),
    "channels": _listed_channels,
    "up": lambda w, core: w.tell(act.LinkUp(core)),
    "down": lambda w: w.tell(act.LinkDown()),
}


def before(watch: Watch, age: float = 0.0) -> Before:
    """What the processor has written, as the next one finds it."""
    watch.activity._whole = True  # as after a write that failed
    news = watch.take()
    intervals = tuple(
        (line.key, begin, counts)
        for line in watch.activity.lines.values()
        for begin, counts in line.counting.intervals.items()
    )
    return Before(
        calls=news.calls,
        intervals=intervals,
        windows={queue.key: queue.windows for queue in news.queues},
        marks=dict(news.marks or {}),
        age=age,
        core_uuid=watch.activity.core_uuid,
    )


def taken_over(watch: Watch, second: float) -> Watch:
    """The processor dies and another one begins at `second`; the switch goes on."""
    next_one = Watch(watch.settings, before(watch, second - watch.second), second)
    next_one.agents, next_one.tiers = watch.agents, watch.tiers
    next_one.queues, next_one.members = watch.queues, watch.members
    return next_one


def listed(agent: ListedAgent, **changes: Any) -> ListedAgent:
    return replace(agent, **changes)
