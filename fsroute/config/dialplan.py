"""The section [dialplan]: what the templates of ``dialplans`` are filled with, checked when it is made.

Every text goes into FreeSWITCH's XML, and some into regular expressions and application arguments,
where ``$`` is expanded and a line end or a blank begins something new. So each has a pattern.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from fsroute.config.section import Section
from fsroute.errors import ConfigurationError
from fsroute.model.admission import CAUSES

ANY_NUMBER = "*"
NO_SERVICE = "tone_stream://%(274,0,913.8);%(274,0,1370.6);%(380,1000,1776.7);loops=3"
"""The special information tone (ITU-T E.180): said to callers when fsroute cannot be reached."""

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
NUMBER = re.compile(r"\+?[0-9]{1,20}")
_FEATURE_PREFIX = re.compile(r"[*#][0-9]{0,3}")
_SOCKET = re.compile(r"[A-Za-z0-9.-]+:[0-9]{1,5}")
_FILE = re.compile(r"[A-Za-z0-9/][A-Za-z0-9_.:/%();,= -]*")
_TRANSFER = re.compile(r"[0-9A-Za-z_+*#-]+ [A-Za-z]+ [A-Za-z0-9_.-]+")


class DialplanSettings(Section, frozen=True):
    """What ``dialplans`` is filled with. Names end in their unit.

    `numbers` are the toll-free numbers, as the network says them (a leading + may be absent
    there); ``("*",)`` takes every number. `callservers` are tried in turn for each call. Those in
    `numbers_before_answer` go to one of the `routing_processors` first, before anybody has answered. A caller
    that loses fsroute is back at a socket every `pause_ms`, up to `tries` times, and may lose it
    `returns` times in one call. `fallback_transfer` is ``extension dialplan context``; without one
    the caller hears `fallback_message` and is released. While an agent consults somebody, the other end of
    the conversation hears music for at most `held_s`. Between two keys of an agent's feature code may pass
    `code_digit_ms`; so late comes a ``*`` that begins none. `conference_profile` is mod_conference's. Agents'
    phones dial `feature_prefix` and the digit of a feature (`fsroute.agentdesk.features`); `feature_numbers` lead
    agents to all of them from any telephone.

    FreeSWITCH itself takes no more callers of fsroute's than `most_calls` at a time and `most_calls_per_second` (0: no
    limit; needs mod_hash): the rest is refused with `over_limit_cause` before any process hears of it. It counts the
    callers of this switch alone, and should lie above the limits in fsroute's configuration, as the last resort.
    """

    numbers: tuple[str, ...] = ()
    numbers_before_answer: tuple[str, ...] = ()
    callservers: tuple[str, ...] = ("127.0.0.1:8084",)
    routing_processors: tuple[str, ...] = ("127.0.0.1:8086",)
    guard_s: int = 8
    pause_ms: int = 1500
    tries: int = 40
    returns: int = 50
    hold_music: str = "local_stream://fsroute"
    fallback_transfer: str = ""
    fallback_message: str = NO_SERVICE
    rendezvous_s: int = 90
    link_media_timeout_ms: int = 60_000
    held_s: int = 900
    code_digit_ms: int = 3000
    conference_profile: str = "default"
    feature_prefix: str = "*5"
    feature_numbers: tuple[str, ...] = ()
    link_srtp: bool = False
    most_calls: int = 0
    most_calls_per_second: int = 0
    over_limit_cause: str = "SWITCH_CONGESTION"

    def __post_init__(self) -> None:
        for number in self.numbers:
            if number != ANY_NUMBER:
                check_text("numbers", number, NUMBER)
        for number in self.numbers_before_answer:
            if number != ANY_NUMBER:
                check_text("numbers_before_answer", number, NUMBER)
        check_texts("callservers", self.callservers, _SOCKET)
        check_texts("routing_processors", self.routing_processors, _SOCKET)
        check_text("hold_music", self.hold_music, _FILE)
        check_text("fallback_message", self.fallback_message, _FILE)
        if self.fallback_transfer:
            check_text("fallback_transfer", self.fallback_transfer, _TRANSFER)
        check_text("feature_prefix", self.feature_prefix, _FEATURE_PREFIX)
        for number in self.feature_numbers:
            check_text("feature_numbers", number, NUMBER)
        within("guard_s", self.guard_s, 2, 60)
        within("pause_ms", self.pause_ms, 100, 10_000)
        within("tries", self.tries, 1, 1000)
        within("returns", self.returns, 1, 1000)
        within("rendezvous_s", self.rendezvous_s, 5, 3600)
        within("link_media_timeout_ms", self.link_media_timeout_ms, 1000, 86_400_000)
        within("held_s", self.held_s, 10, 86_400)
        within("code_digit_ms", self.code_digit_ms, 200, 10_000)
        within("most_calls", self.most_calls, 0, 100_000)
        within("most_calls_per_second", self.most_calls_per_second, 0, 10_000)
        if self.over_limit_cause not in CAUSES:
            raise ConfigurationError(
                f"over_limit_cause: {self.over_limit_cause!r} is none of {sorted(CAUSES)}"
            )
        check_text("conference_profile", self.conference_profile, NAME)


def check_text(name: str, text: str, pattern: re.Pattern[str]) -> None:
    if not pattern.fullmatch(text):
        raise ConfigurationError(f"{name}: {text!r} is not allowed in a FreeSWITCH configuration")


def check_texts(name: str, texts: tuple[str, ...], pattern: re.Pattern[str]) -> None:
    if not texts:
        raise ConfigurationError(f"{name} is empty")
    for text in texts:
        check_text(name, text, pattern)


def one_of(name: str, text: str, allowed: Collection[str]) -> None:
    if text not in allowed:
        raise ConfigurationError(f"{name}: {text!r} is none of {', '.join(allowed)}")


def within(name: str, number: int, low: int, high: int) -> None:
    if not low <= number <= high:
        raise ConfigurationError(f"{name}: {number} is not between {low} and {high}")
