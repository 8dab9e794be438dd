"""Dialling out: dial strings, the legs that they raise, and the wait for one of them to be answered.

Source: switch_ivr_originate.c. Limits are counted there in whole seconds of the clock, so that one
of 2 s passes after 1 to 2 s; so they do here.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gevent.event import Event as Flag

from fsroute.switchsim import states
from fsroute.switchsim.causes import dial_status
from fsroute.switchsim.encoding import is_true, leading_number
from fsroute.switchsim.running import run_pending
from fsroute.switchsim.states import Left
from fsroute.switchsim.variables import expand, split_unquoted, split_variables

if TYPE_CHECKING:
    from fsroute.switchsim.channel import Channel
    from fsroute.switchsim.switch import Switch

DEFAULT_TIMEOUT = 60  # seconds


class DialFailed(Exception):
    """An address cannot even be tried; the text is the cause."""


@dataclass(slots=True)
class Attempt:
    """One group of legs that ring together, and who waits for them."""

    switch: Switch
    caller: Channel | None
    variables: dict[str, str]
    timeout: float
    legs: list[tuple[Channel, float, float]] = field(
        default_factory=list
    )  # channel, limit, limit to progress
    last_cause: str = "DESTINATION_OUT_OF_ORDER"
    flag: Flag = field(default_factory=Flag)


def originate(
    switch: Switch,
    dial_string: str,
    *,
    caller: Channel | None = None,
    timeout: int = DEFAULT_TIMEOUT,
    caller_id: tuple[str, str] = ("", ""),
) -> tuple[Channel | None, str]:
    """Dial ``{…}[…]address,address|address``: (the leg that was answered or None, the cause).

    Runs in the caller's greenlet when there is a `caller`, who hears ringback meanwhile.
    """
    variables, rest = split_variables(dial_string)
    if caller is not None:
        caller.update({"originate_disposition": "failure", "DIALSTATUS": "INVALIDARGS"})
    timeout = _limit(caller, variables, timeout)
    cause = "DESTINATION_OUT_OF_ORDER"
    for group in split_unquoted(rest, "|"):
        attempt = Attempt(switch, caller, variables, timeout)
        winner = _try_group(attempt, group, caller_id)
        cause = "SUCCESS" if winner is not None else attempt.last_cause
        if winner is not None or (caller is not None and not caller.is_up):
            break
    if caller is not None:
        caller.update({"originate_disposition": cause, "DIALSTATUS": dial_status(cause)})
    return winner, cause


def _limit(caller: Channel | None, variables: dict[str, str], default: int) -> int:
    if "originate_timeout" in variables:
        return leading_number(variables["originate_timeout"], default)
    if caller is not None and (wanted := caller.get("call_timeout") or caller.get("originate_timeout")):
        return leading_number(wanted, default)
    return default


def _try_group(attempt: Attempt, group: str, caller_id: tuple[str, str]) -> Channel | None:
    try:
        for text in split_unquoted(group, ","):
            _raise_leg(attempt, text, caller_id)
        if not attempt.legs:
            return None
        if attempt.caller is not None:
            attempt.caller.watchers.append(attempt.flag)
        return _await_answer(attempt)
    finally:
        for leg, _, _ in attempt.legs:
            leg.watchers.remove(attempt.flag)
        if attempt.caller is not None and attempt.flag in attempt.caller.watchers:
            attempt.caller.watchers.remove(attempt.flag)


def _raise_leg(attempt: Attempt, text: str, caller_id: tuple[str, str]) -> None:
    own, address = split_variables(text, "[", "]")
    caller = attempt.caller
    inherited = {name: caller.get(name) or "" for name in caller.exports} if caller else {}
    variables = inherited | attempt.variables | own
    try:
        leg = attempt.switch.dial(address.strip(), variables, caller, caller_id)
    except DialFailed as failure:
        attempt.last_cause = str(failure)
        return
    started = math.floor(time.time())
    limit = started + leading_number(variables.get("leg_timeout"), 86_400)
    progress = started + leading_number(
        variables.get("leg_progress_timeout") or variables.get("progress_timeout"), 86_400
    )
    leg.watchers.append(attempt.flag)
    attempt.legs.append((leg, limit, progress))


def _await_answer(attempt: Attempt) -> Channel | None:
    caller = attempt.caller
    end = math.floor(time.time()) + attempt.timeout
    ringback = _Ringback(attempt)
    try:
        while True:
            if caller is not None and (caller.cause is not None or caller.next_state is not None):
                _cancel(attempt, "ORIGINATOR_CANCEL")
                return None
            if caller is not None and caller.pending and not caller.event_lock:
                _run_nested(caller)
                continue
            if (winner := _winner(attempt)) is not None:
                return _take(attempt, winner)
            living = [leg for leg, _, _ in attempt.legs if leg.is_up]
            if not living:
                attempt.last_cause = attempt.legs[0][0].cause or attempt.last_cause
                return None
            now = time.time()
            if now >= end:
                _cancel(attempt, "NO_ANSWER")
                return None
            _drop_late_legs(attempt, now)
            ringback.update(living)
            attempt.flag.wait(max(0.0, min(end, _next_limit(attempt)) - time.time()))
            attempt.flag.clear()
    finally:
        ringback.stop()


def _run_nested(caller: Channel) -> None:
    try:
        run_pending(caller)
    except Left:
        return  # the loop sees why


def _winner(attempt: Attempt) -> Channel | None:
    early_ok = attempt.caller is not None and not _ignores_early_media(attempt)
    for leg, _, _ in attempt.legs:
        if leg.is_up and (leg.is_answered or (early_ok and leg.is_early)):
            return leg
    return None


def _ignores_early_media(attempt: Attempt) -> bool:
    value = attempt.variables.get("ignore_early_media")
    if value is None and attempt.caller is not None:
        value = attempt.caller.get("ignore_early_media")
    if value is None:
        value = next((leg.variables.get("ignore_early_media") for leg, _, _ in attempt.legs), None)
    return is_true(value) or value in {"ring_ready", "consume"}


def _take(attempt: Attempt, winner: Channel) -> Channel:
    for leg, _, _ in attempt.legs:
        if leg is not winner:
            leg.hang_up("LOSE_RACE")
    if attempt.caller is not None:
        if winner.is_answered:
            attempt.caller.answer()
        else:
            attempt.caller.pre_answer()
    return winner


def _cancel(attempt: Attempt, cause: str) -> None:
    attempt.last_cause = cause
    for leg, _, _ in attempt.legs:
        leg.hang_up(cause)


def _drop_late_legs(attempt: Attempt, now: float) -> None:
    for leg, limit, progress in attempt.legs:
        if not leg.is_up:
            continue
        if now >= limit:
            leg.hang_up("NO_ANSWER")
        elif now >= progress and not (leg.is_ringing or leg.has_media):
            leg.hang_up("PROGRESS_TIMEOUT")


def _next_limit(attempt: Attempt) -> float:
    limits = [
        limit if leg.is_ringing or leg.has_media else min(limit, progress)
        for leg, limit, progress in attempt.legs
        if leg.is_up
    ]
    return min(limits, default=math.inf) + 0.001


class _Ringback:
    """What the caller hears while legs ring.

    An answered caller hears ``transfer_ringback``, else ``ringback``, from the first 180 on, or at
    once with ``instant_ringback``; without either nothing. One who is not answered gets 180.
    """

    def __init__(self, attempt: Attempt) -> None:
        self._caller = attempt.caller
        self._variables = attempt.variables
        self._before: tuple[str, Channel | None] | None = None
        self._call_state = ""

    def update(self, living: list[Channel]) -> None:
        caller = self._caller
        if caller is None or self._before is not None:
            return
        rings = any(leg.is_ringing or leg.is_early for leg in living)
        if rings and caller.call_state == "ACTIVE":
            self._call_state = caller.call_state
            caller.change_call_state("RING_WAIT")
        if rings and not caller.has_media:
            caller.ring_ready()
        if (rings or is_true(self._get("instant_ringback"))) and (music := self._music()):
            if not caller.has_media:
                caller.pre_answer()
            self._before = caller.play(music)

    def stop(self) -> None:
        if self._caller is None:
            return
        if self._before is not None:
            self._caller.play(*self._before)
        if self._call_state and self._caller.is_up:
            self._caller.change_call_state(self._call_state)

    def _get(self, name: str) -> str | None:
        value = self._variables.get(name)
        return value if value is not None or self._caller is None else self._caller.get(name)

    def _music(self) -> str | None:
        assert self._caller is not None
        names = ("transfer_ringback", "ringback") if self._caller.is_answered else ("ringback",)
        value = next((found for name in names if (found := self._get(name))), None)
        if value is None:
            return None
        value = expand(value, self._caller.get)
        return "ringback" if value.startswith("%(") else f"file {value}"


def finish_originate(leg: Channel) -> None:
    """Let a leg that was answered for ``originate`` go on as its extension says."""
    leg.flip()
    leg.hit_dialplan = True
    leg.leave_for(states.EXECUTE)
