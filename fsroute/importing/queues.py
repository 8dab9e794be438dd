"""What a queue's parameters become, one by one, with a remark on what is not the same. Pure. Times in seconds."""

from __future__ import annotations

from collections.abc import Iterable

from fsroute.importing.addresses import address
from fsroute.importing.callcenter import ORIGINATE_TIMEOUT, Queue, SetUp, Tier, whole
from fsroute.importing.plan import Step
from fsroute.importing.remarks import Say, shown
from fsroute.importing.xmlfile import unknown_variables

HOLD_MUSIC = "local_stream://fsroute"
MOST_ANNOUNCEMENTS = 20
LAST_ANNOUNCEMENT = 3600  # where the wait has no limit
PROMPT = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:@+-")


def music(queue: Queue, say: Say) -> str:
    sound, name, place = queue.text("moh-sound"), shown(queue.name), queue.at("moh-sound")
    if not sound:
        return HOLD_MUSIC
    if unknown := unknown_variables(sound):
        say(
            place,
            f"queue {name}: moh-sound is {shown(sound)}",
            f"give --var {unknown[0]}=VALUE; else {HOLD_MUSIC}",
        )
        return HOLD_MUSIC
    if "${" in sound or not sound.isprintable() or len(sound) > 200:
        say(place, f"queue {name}: moh-sound {shown(sound)} cannot be taken", f"it is {HOLD_MUSIC}")
        return HOLD_MUSIC
    return sound


def offer_timeout(queue: Queue, tiers: Iterable[Tier], set_up: SetUp, say: Say) -> int:
    """How long an agent's phone rings: by the agents' dial strings, or else by the setting for all."""
    setting = set_up.settings.get("agent-originate-timeout")
    most = (whole(setting.text, 0) if setting else 0) or ORIGINATE_TIMEOUT
    if queue.text("strategy").lower() == "ring-progressively":
        return queue.whole("ring-progressively-delay") or 10
    rings = {min(most, address(set_up.agents[tier.agent].text("contact")).rings or most) for tier in tiers}
    if len(rings) > 1:
        text = (
            f"queue {shown(queue.name)}: its agents ring {min(rings)} to {max(rings)} s; here all ring alike"
        )
        say(queue.place, text, f"offer_timeout is {max(rings)}")
    return max(rings, default=most)


def refuse_when(queue: Queue, say: Say) -> str:
    seconds = queue.whole("max-wait-time-with-no-agent")
    if not seconds:
        return "never"
    text = (
        f"queue {shown(queue.name)}: who finds nobody logged on leaves at once, not after {seconds} s; "
        "who waits already when the last agent logs off waits on"
    )
    say(
        queue.at("max-wait-time-with-no-agent"),
        text,
        "refuse_when = 'never' and longest_wait keep everybody instead",
    )
    return "no_agent_logged_on"


def announcements(queue: Queue, longest: int | None, sound_prefix: str, say: Say) -> list[Step]:
    sound, every = queue.text("announce-sound"), queue.whole("announce-frequency")
    if not sound or not every:
        return []
    name, place = shown(queue.name), queue.at("announce-sound")
    if not sound.startswith("/") and "://" not in sound and sound_prefix:
        sound = f"{sound_prefix.rstrip('/')}/{sound}"
    if (not sound.startswith("/") and "://" not in sound) or not PROMPT.issuperset(sound) or len(sound) > 200:
        do = "give --sound-prefix, or a full path, and enter it in rule_step"
        say(place, f"queue {name}: announce-sound {shown(sound)} cannot be found by its name alone", do)
        return []
    moments = range(every, min(longest or LAST_ANNOUNCEMENT, LAST_ANNOUNCEMENT) + 1, every)
    if len(moments) > MOST_ANNOUNCEMENTS or longest is None:
        text = f"queue {name}: an announcement stands in the time line each time that it is heard"
        say(place, text, f"there are {min(len(moments), MOST_ANNOUNCEMENTS)}; add more to rule_step")
    return [Step(after, "announce", prompt=sound) for after in moments[:MOST_ANNOUNCEMENTS]]


def tell_without_counterpart(queue: Queue, say: Say) -> None:
    """Remarks on parameters that fsroute has nothing for."""
    name = shown(queue.name)

    def tell(key: str, text: str, do: str = "") -> None:
        say(queue.at(key), f"queue {name}: {text}", do)

    if queue.text("record-template"):
        tell(
            "record-template",
            "conversations are not recorded by the queue",
            "record them in the dialplan",
        )
    if queue.text("time-base-score", "queue") != "system":
        tell(
            "time-base-score",
            "time-base-score queue: callers stand by when their call arrived, as with system",
        )
    if queue.flag("abandoned-resume-allowed", False):
        seconds = queue.whole("discard-abandoned-after", 60)
        text = (
            f"who hangs up and calls again within {seconds} s had the place again (abandoned-resume-allowed)"
        )
        tell(
            "abandoned-resume-allowed",
            text,
            "offer to call back, and see callback_recognise (docs/callbacks.md)",
        )
    if "skip-agents-with-external-calls" in queue.values:
        text = "other calls of agents are not counted (skip-agents-with-external-calls, callcenter_track)"
        tell("skip-agents-with-external-calls", text, "an agent's phone that is busy sets the agent aside")
