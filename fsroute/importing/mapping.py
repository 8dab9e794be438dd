"""From mod_callcenter's queues, agents and tiers to fsroute's rows, with a remark on all that is not the same. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from fsroute.importing.addresses import TIMEOUTS, address
from fsroute.importing.callcenter import ORIGINATE_TIMEOUT, Agent, Queue, SetUp, Tier, whole
from fsroute.importing.names import Names, parted, slug
from fsroute.importing.plan import AgentRow, NumberRow, Plan, QueueRow, Step
from fsroute.importing.remarks import ImportRefused, Place, Remark, shown
from fsroute.importing.tiers import Ladder, ladder, remarks_of_rules, strategy
from fsroute.importing.xmlfile import unknown_variables

HOLD_MUSIC = "local_stream://fsroute"
SET_ASIDE = 0  # seconds: mod_callcenter asks again at once, unless it is told to wait
MOST_ANNOUNCEMENTS = 20
LAST_ANNOUNCEMENT = 3600  # seconds, where the wait has no limit
PROMPT = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:@+-")

STATUSES = {
    "Available": "available",
    "Available (On Demand)": "available",
    "On Break": "on_break",
    "Logged Out": "logged_out",
}
LEGS = {"callback": "dialled", "uuid-standby": "standing"}


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the operator says: where the agents sit, whose calls these are, and which numbers lead to which queue."""

    site: str = "local"
    switch: str = "switch-1"
    link_address: str = "127.0.0.1:5090"
    time_zone: str = "UTC"
    contact_center: str | None = None  # None: by the domains of the queues
    numbers: Mapping[str, str] = field(default_factory=dict)  # number to queue, as in the file
    application: str | None = None  # that answers them; None: named like the queue
    sound_prefix: str = ""  # of announcements


def plan(set_up: SetUp, wishes: Wishes) -> tuple[Plan, list[Remark]]:
    """The rows, and what has no counterpart.

    Raises:
        ImportRefused: a number leads to a queue that there is not.
    """
    return _Mapping(set_up, wishes).plan()


class _Mapping:
    def __init__(self, set_up: SetUp, wishes: Wishes) -> None:
        self._set_up = set_up
        self._wishes = wishes
        self._remarks: list[Remark] = []
        self._agent_ids = Names()
        self._skills = Names()
        self._queue_names: dict[str, Names] = defaultdict(Names)
        self._tiers: dict[str, list[Tier]] = defaultdict(list)
        for tier in set_up.tiers.values():
            if self._is_whole(tier):
                self._tiers[tier.queue].append(tier)
        self._ladders: dict[str, Ladder] = {
            name: ladder(queue, self._tiers[name], self._skill(name)) for name, queue in set_up.queues.items()
        }

    def plan(self) -> tuple[Plan, list[Remark]]:
        centers = {self._center(name): self._center_name(name) for name in self._set_up.queues}
        queues = tuple(self._queue(queue) for queue in self._set_up.queues.values())
        agents = tuple(row for each in self._set_up.agents.values() if (row := self._agent(each)) is not None)
        self._settings()
        whole_plan = Plan(
            slug(self._wishes.site),
            slug(self._wishes.switch),
            self._wishes.link_address,
            self._wishes.time_zone,
            tuple(centers.items()),
            queues,
            agents,
            tuple(self._numbers()),
        )
        return whole_plan, sorted(self._remarks)

    def _say(self, place: Place, text: str, do: str = "") -> None:
        self._remarks.append(Remark(place, text, do))

    # Names

    def _center(self, queue: str) -> str:
        return slug(self._wishes.contact_center or parted(queue)[1], "default")

    def _center_name(self, queue: str) -> str:
        return self._wishes.contact_center or parted(queue)[1] or "default"

    def _queue_name(self, queue: str) -> str:
        return self._queue_names[self._center(queue)].of(queue, slug(parted(queue)[0], "queue"))

    def _skill(self, queue: str) -> str:
        """Of its own for each queue, since a level means a place in that queue."""
        name = slug(parted(queue)[0], "queue")
        return self._skills.of(queue, name, slug(f"{name}-{self._center(queue)}"))

    def _agent_id(self, agent: str) -> str:
        return self._agent_ids.of(agent, slug(parted(agent)[0], "agent"), slug(agent, "agent"))

    # Tiers

    def _is_whole(self, tier: Tier) -> bool:
        queue, agent = shown(tier.queue), shown(tier.agent)
        if tier.queue not in self._set_up.queues:
            self._say(tier.place, f"tier of agent {agent}: there is no queue {queue}", "it is left out")
        elif tier.agent not in self._set_up.agents:
            text = f"tier of queue {queue}: there is no agent {agent}"
            self._say(
                tier.place, text, "give the list that callcenter_config agent list prints, if it has it"
            )
        else:
            return True
        return False

    # Queues

    def _queue(self, queue: Queue) -> QueueRow:
        tiers = self._tiers[queue.name]
        chosen, remarks = strategy(queue, tiers)
        self._remarks += remarks + remarks_of_rules(queue, tiers)
        self._without_counterpart(queue)
        rungs = self._ladders[queue.name]
        longest = queue.whole("max-wait-time") or None
        steps = sorted([*rungs.steps, *self._announcements(queue, longest)], key=lambda step: step.after)
        return QueueRow(
            self._center(queue.name),
            self._queue_name(queue.name),
            chosen,
            self._music(queue),
            self._offer_timeout(queue, tiers),
            longest,
            self._refuse_when(queue),
            self._skill(queue.name),
            rungs.asked,
            tuple(steps),
        )

    def _music(self, queue: Queue) -> str:
        music, name, place = queue.text("moh-sound"), shown(queue.name), queue.at("moh-sound")
        if not music:
            return HOLD_MUSIC
        if unknown := unknown_variables(music):
            self._say(
                place,
                f"queue {name}: moh-sound is {shown(music)}",
                f"give --var {unknown[0]}=VALUE; else {HOLD_MUSIC}",
            )
            return HOLD_MUSIC
        if "${" in music or not music.isprintable() or len(music) > 200:
            self._say(place, f"queue {name}: moh-sound {shown(music)} cannot be taken", f"it is {HOLD_MUSIC}")
            return HOLD_MUSIC
        return music

    def _offer_timeout(self, queue: Queue, tiers: Iterable[Tier]) -> int:
        """How long an agent's phone rings: by the agents' dial strings, or else by the setting for all."""
        setting = self._set_up.settings.get("agent-originate-timeout")
        most = (whole(setting.text, 0) if setting else 0) or ORIGINATE_TIMEOUT
        if queue.text("strategy").lower() == "ring-progressively":
            return queue.whole("ring-progressively-delay") or 10
        rings = {
            min(most, address(self._set_up.agents[tier.agent].text("contact")).rings or most)
            for tier in tiers
        }
        if len(rings) > 1:
            text = f"queue {shown(queue.name)}: its agents ring {min(rings)} to {max(rings)} s; here all ring alike"
            self._say(queue.place, text, f"offer_timeout is {max(rings)}")
        return max(rings, default=most)

    def _refuse_when(self, queue: Queue) -> str:
        seconds = queue.whole("max-wait-time-with-no-agent")
        if not seconds:
            return "never"
        text = (
            f"queue {shown(queue.name)}: who finds nobody logged on leaves at once, not after {seconds} s; "
            "who waits already when the last agent logs off waits on"
        )
        self._say(
            queue.at("max-wait-time-with-no-agent"),
            text,
            "refuse_when = 'never' and longest_wait keep everybody instead",
        )
        return "no_agent_logged_on"

    def _announcements(self, queue: Queue, longest: int | None) -> list[Step]:
        sound, every = queue.text("announce-sound"), queue.whole("announce-frequency")
        if not sound or not every:
            return []
        name, place = shown(queue.name), queue.at("announce-sound")
        if not sound.startswith("/") and "://" not in sound and self._wishes.sound_prefix:
            sound = f"{self._wishes.sound_prefix.rstrip('/')}/{sound}"
        if (
            (not sound.startswith("/") and "://" not in sound)
            or not PROMPT.issuperset(sound)
            or len(sound) > 200
        ):
            do = "give --sound-prefix, or a full path, and enter it in rule_step"
            self._say(
                place, f"queue {name}: announce-sound {shown(sound)} cannot be found by its name alone", do
            )
            return []
        moments = range(every, min(longest or LAST_ANNOUNCEMENT, LAST_ANNOUNCEMENT) + 1, every)
        if len(moments) > MOST_ANNOUNCEMENTS or longest is None:
            text = f"queue {name}: an announcement stands in the time line each time that it is heard"
            self._say(
                place, text, f"there are {min(len(moments), MOST_ANNOUNCEMENTS)}; add more to rule_step"
            )
        return [Step(after, "announce", prompt=sound) for after in moments[:MOST_ANNOUNCEMENTS]]

    def _without_counterpart(self, queue: Queue) -> None:
        name = shown(queue.name)

        def say(key: str, text: str, do: str = "") -> None:
            self._say(queue.at(key), f"queue {name}: {text}", do)

        if queue.text("record-template"):
            say(
                "record-template",
                "conversations are not recorded by the queue",
                "record them in the dialplan",
            )
        if queue.text("time-base-score", "queue") != "system":
            say(
                "time-base-score",
                "time-base-score queue: callers stand by when their call arrived, as with system",
            )
        if queue.flag("abandoned-resume-allowed", False):
            seconds = queue.whole("discard-abandoned-after", 60)
            text = f"who hangs up and calls again within {seconds} s had the place again (abandoned-resume-allowed)"
            say(
                "abandoned-resume-allowed",
                text,
                "offer to call back, and see callback_recognise (docs/callbacks.md)",
            )
        if "skip-agents-with-external-calls" in queue.values:
            text = "other calls of agents are not counted (skip-agents-with-external-calls, callcenter_track)"
            say("skip-agents-with-external-calls", text, "an agent's phone that is busy sets the agent aside")

    # Agents

    def _agent(self, agent: Agent) -> AgentRow | None:
        name, kind = shown(agent.name), agent.text("type")
        if kind not in LEGS:
            self._say(agent.place, f"agent {name} has no type that mod_callcenter knows: left out")
            return None
        status = STATUSES.get(agent.text("status") or "Logged Out")
        if status is None:
            self._say(agent.place, f"agent {name}: status {shown(agent.text('status'))} becomes logged_out")
        if agent.text("status") == "Available (On Demand)":
            text = (
                f"agent {name} is available on demand: after each contact mod_callcenter waits for the agent"
            )
            self._say(agent.place, text, "a long wrap_up, ended by the agent, comes nearest")
        tiers = [tier for queue in self._tiers.values() for tier in queue if tier.agent == agent.name]
        return AgentRow(
            self._agent_id(agent.name),
            "".join(letter for letter in agent.name if letter.isprintable())[:100] or "agent",
            self._address(agent),
            LEGS[kind],
            status or "logged_out",
            agent.whole("wrap-up-time"),
            self._set_aside(agent),
            agent.whole("max-no-answer") or None,
            self._miss_then(agent, tiers),
            tuple(
                sorted((self._skill(tier.queue), self._level(tier)) for tier in tiers),
            ),
            tuple(sorted({self._center(tier.queue) for tier in tiers})),
        )

    def _level(self, tier: Tier) -> int:
        return dict(self._ladders[tier.queue].levels)[tier.agent]

    def _address(self, agent: Agent) -> str:
        name, contact = shown(agent.name), agent.text("contact")
        found = address(contact)
        user, domain = parted(agent.name)
        guess = f"user/{slug(user, 'agent')}" + (f"@{slug(domain)}" if domain and "." not in domain else "")
        guess = f"user/{agent.name}" if address(f"user/{agent.name}").text else guess
        if agent.text("type") == "uuid-standby":
            text = f"agent {name} calls in and stands by; fsroute calls the agent's phone for the shift"
            self._say(
                agent.place, text, f"the address is {found.text or guess}: correct it where it is another"
            )
        elif not found.text:
            text = f"agent {name}: contact {shown(contact) or 'is not there'}: no endpoint that fsroute dials"
            self._say(agent.place, text, f"the address is {guess}: correct it")
        if found.others:
            self._say(agent.place, f"agent {name}: of {found.others + 1} endpoints the first is dialled")
        lost = sorted(found.variables.keys() - set(TIMEOUTS))
        if lost:
            text = f"agent {name}: {shown(', '.join(lost))} of the dial string are not set"
            self._say(
                agent.place, text, "set them at the endpoint, as in the directory's user or the gateway"
            )
        return found.text or guess

    def _set_aside(self, agent: Agent) -> int:
        delays = {
            key: agent.whole(key) for key in ("no-answer-delay-time", "reject-delay-time", "busy-delay-time")
        }
        longest = max(delays.values())
        if len(set(delays.values())) > 1:
            told = ", ".join(f"{key} {seconds}" for key, seconds in delays.items())
            text = f"agent {shown(agent.name)}: {told}: fsroute has one time for all"
            self._say(agent.place, text, f"set_aside is {longest}")
        return longest or SET_ASIDE

    def _miss_then(self, agent: Agent, tiers: list[Tier]) -> str:
        if not agent.whole("max-no-answer"):
            return "on_break"
        found = {self._set_up.queues[tier.queue].text("agent-no-answer-status", "On Break") for tier in tiers}
        usable = {"On Break": "on_break", "Logged Out": "logged_out"}
        if len(found) > 1 or not found <= usable.keys():
            text = f"agent {shown(agent.name)}: after max-no-answer {shown(', '.join(sorted(found)))}"
            self._say(agent.place, text, "miss_then is on_break")
            return "on_break"
        return usable[next(iter(found), "On Break")]

    # What is called, and what is set

    def _numbers(self) -> Iterable[NumberRow]:
        for number, queue in self._wishes.numbers.items():
            if queue not in self._set_up.queues:
                raise ImportRefused(
                    f"--number {shown(number)}={shown(queue)}: there is no queue {shown(queue)}"
                )
            name = self._queue_name(queue)
            yield NumberRow(number, self._center(queue), name, self._wishes.application or name)

    def _settings(self) -> None:
        for key in ("odbc-dsn", "dbname"):
            if key in self._set_up.settings:
                place = self._set_up.settings[key].place
                text = f"{key}: agents and tiers added later are in mod_callcenter's database alone"
                self._say(
                    place,
                    text,
                    "give --agent-list and --tier-list as callcenter_config prints them",
                )
