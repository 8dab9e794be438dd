"""Three times as many calls as the machine can serve: what becomes of those that are served, and of the rest?

``python -m tests.benchmarks.overload`` runs a site's processes beside stand-in switches, finds the rate of new calls at
which callers are still answered soon (the sustainable rate, of this machine as it is now), sets it as the admission
limit of the contact centers, by SQL and without a restart, and then plays three acts: 0.8 of that rate, three times
that rate, and 0.8 again. It prints, of each, how long callers waited for the answer and for an agent, how many were
refused, and the memory of the processes; the ratio of the surge to the calm before it; and how long after the surge
callers were answered as before. In the end nothing may be left: no channel, no contact, no reservation.

The site, its database and all, has one processor, and callers, agents and switches have the others: what is to be
overrun is the site. The rates that are printed are those that were, with the processor time that each of the two had; a
surge of fewer than `SURGE` times the sustainable rate was none, and fails.
"""

from __future__ import annotations

from gevent import monkey

monkey.patch_all()

import argparse  # noqa: E402
import os  # noqa: E402
import random  # noqa: E402
import shutil  # noqa: E402
import sys  # noqa: E402
import tempfile  # noqa: E402
import time  # noqa: E402
from dataclasses import dataclass, field  # noqa: E402
from pathlib import Path  # noqa: E402

import gevent  # noqa: E402

from fsroute.model.admission import Limit, Treatment  # noqa: E402
from fsroute.store.admission import Admissions  # noqa: E402
from fsroute.switchsim import CallerCall  # noqa: E402
from tests.benchmarks.processes import Cpu  # noqa: E402
from tests.faults import soak_people as people  # noqa: E402
from tests.faults.soak import serving  # noqa: E402
from tests.faults.soak_house import House  # noqa: E402
from tests.faults.soak_waits import schedstat  # noqa: E402

SOON = 1.0  # seconds: the rate is sustained while 99 of 100 callers are answered within it
SERVED = 2.0  # seconds: and while half of those who want an agent have one within it
STEP = 1.25  # from one rate that is tried to the next
TRY = 8.0  # seconds for each
NOT_YET = ("calling", "ringing")
REFUSED = "USER_BUSY"
SURGE, CALM = 3.0, 0.8  # times the sustainable rate
LESS = 0.95  # of the surge: some calls come a little late
SETTLE = 60.0  # seconds
WINDOW = 2.0  # seconds of callers that are judged together, when the surge is over


@dataclass(frozen=True, slots=True)
class Fate:
    """One call: when it came, seconds until the answer and until an agent; None: it did not come to that."""

    came: float
    answered: float | None
    agent: float | None
    refused: bool


@dataclass
class Act:
    """Calls that come at one rate, for so long."""

    rate: float
    seconds: float
    fates: list[Fate] = field(default_factory=list)
    memory: float = 0.0  # MiB at most, of all processes of fsroute
    took: float = 0.0  # seconds until the last call had come
    site: float = 0.0  # processor time of fsroute and its database until then, in seconds
    others: float = 0.0  # of callers, agents and switches
    waited: float = 0.0  # seconds for which those were ready, and something else had their processor

    @property
    def reached(self) -> float:
        """Calls per second that came."""
        return len(self.fates) / self.took

    def answers(self) -> list[float]:
        return sorted(fate.answered for fate in self.fates if fate.answered is not None)

    def agents(self) -> list[float]:
        return sorted(fate.agent for fate in self.fates if fate.agent is not None)

    @property
    def refused(self) -> int:
        return sum(fate.refused for fate in self.fates)


class Play:
    """Acts on one stage; caller numbers go on from one to the next."""

    def __init__(self, house: House, seed: int) -> None:
        self._house = house
        self._chance = random.Random(seed)
        self._seed = seed
        self._next = 0

    def act(self, rate: float, seconds: float) -> Act:
        """So many calls as the rate makes, each at a moment of chance; returns when all of them are over."""
        act = Act(rate, seconds)
        site, (others, waited) = self._site(), schedstat(os.getpid())
        began = time.monotonic()
        callers = []
        for due in sorted(self._chance.uniform(0.0, seconds) for _ in range(round(rate * seconds))):
            gevent.sleep(max(0.0, began + due - time.monotonic()))
            callers.append(gevent.spawn(self._call, act, self._next))
            self._next += 1
            if self._next % 20 == 0:
                act.memory = max(act.memory, self.memory())
        act.took = time.monotonic() - began
        ran, had_to_wait = schedstat(os.getpid())
        act.site, act.others, act.waited = site.seconds(), ran - others, had_to_wait - waited
        gevent.joinall(callers, timeout=SETTLE)
        return act

    def _site(self) -> Cpu:
        return Cpu(*(part.pid for part in self._house.parts.values()), *self._house.server.postmasters())

    def memory(self) -> float:
        return sum(part.rss() for part in self._house.parts.values())

    def _call(self, act: Act, index: int) -> None:
        caller = people.caller(index, random.Random(f"{self._seed}:{index}"))
        came = time.monotonic()
        call = self._house.network.call(caller, self._house.switches["west-1"])
        call.over.wait(SETTLE)
        act.fates.append(fate(call, came))
        self._house.forget_calls()


def fate(call: CallerCall, came: float) -> Fate:
    heard = call.timeline.stretches()
    answered = next((one.at for one in heard if one.what not in NOT_YET), None) if call.is_answered else None
    agent = next((one.at for one in heard if one.what.startswith("talking")), None)
    return Fate(came, answered, agent, not call.is_answered and call.cause == REFUSED)


def percentile(values: list[float], share: float) -> float:
    return values[min(len(values) - 1, int(share * len(values)))] if values else float("nan")


def sustainable(play: Play, first: float) -> float:
    """The highest rate, of those tried, at which callers were answered soon, and did not have to wait for agents."""
    found, rate = first / STEP, first
    while True:
        act = play.act(rate, TRY)
        late, served = percentile(act.answers(), 0.99), percentile(act.agents(), 0.5)
        print(f"  {rate:6.1f} per second: answered p50 {1000 * percentile(act.answers(), 0.5):.0f} ms, "
              f"p99 {1000 * late:.0f} ms; agent p50 {1000 * served:.0f} ms", flush=True)  # fmt: skip
        if not (late < SOON and served < SERVED):
            return found
        found, rate = rate, rate * STEP


def show(name: str, act: Act) -> None:
    answers, agents = act.answers(), act.agents()
    print(
        f"{name}: {len(act.fates)} calls, {act.reached:.1f} of {act.rate:.1f} per second, "
        f"{len(answers)} answered ({len(answers) / act.took:.1f} per second), {act.refused} refused, "
        f"{len(act.fates) - len(answers) - act.refused} neither; answered p50 {1000 * percentile(answers, 0.5):.0f} ms "
        f"p99 {1000 * percentile(answers, 0.99):.0f} ms; agent p50 {1000 * percentile(agents, 0.5):.0f} ms "
        f"p99 {1000 * percentile(agents, 0.99):.0f} ms; memory {act.memory:.0f} MiB; "
        f"of a processor: the site {act.site / act.took:.2f}, callers and switches {act.others / act.took:.2f} "
        f"(something else: {act.waited / act.took:.2f})",
        flush=True,
    )


def recovery(after: Act, bound: float) -> float | None:
    """Seconds until callers of one window were answered within `bound`, half of them at least."""
    begin = min(fate.came for fate in after.fates)
    for window in range(int(after.took / WINDOW)):
        low = begin + window * WINDOW
        came = [each for each in after.fates if each.answered is not None and low <= each.came < low + WINDOW]
        answers = sorted(each.answered or 0.0 for each in came)
        if answers and percentile(answers, 0.5) <= bound:
            return window * WINDOW
    return None


def measure(house: House, admissions: Admissions, seconds: float, seed: int, first: float) -> bool:
    play = Play(house, seed)
    print("sustainable rate:", flush=True)
    rate = sustainable(play, first)
    print(f"sustainable: {rate:.1f} new calls per second", flush=True)
    treatment = Treatment("busy", REFUSED)
    for center in ("acme", "globex"):  # half of the calls are for each
        admissions.set_limit(center, Limit(max(1, round(rate * 2)), rate / 2, treatment))
    before = play.act(CALM * rate, seconds)
    show(f"{CALM} before", before)
    surge = play.act(SURGE * rate, seconds)
    show(f"{SURGE} surge ", surge)
    after = play.act(CALM * rate, seconds)
    show(f"{CALM} after ", after)
    print(f"the surge was {surge.reached / rate:.2f} times the sustainable rate")
    calm = before.answers()
    for share in (0.5, 0.99):
        ratio = percentile(surge.answers(), share) / percentile(calm, share)
        print(f"answered, surge to calm, p{100 * share:g}: {ratio:.2f}")
    back = recovery(after, percentile(calm, 0.9))
    print(
        "recovered: "
        + ("not" if back is None else f"{back:.0f} s after the surge")
        + " (half within the calm's p90)"
    )
    nothing_left = left_behind(house)
    return nothing_left and back is not None and surge.reached >= LESS * SURGE * rate


def left_behind(house: House) -> bool:
    give_up = time.monotonic() + SETTLE
    while any(house.left().values()) and time.monotonic() < give_up:
        gevent.sleep(0.2)
    left = house.left()
    print("left: " + ", ".join(f"{name} {count}" for name, count in left.items()))
    return not any(left.values())


def apart() -> set[int]:
    """Have what is started now run on one processor; returns the others, which callers and switches are to have.

    Callers who shared a processor with what serves them would come more slowly just when they are many.
    """
    first, *others = sorted(os.sched_getaffinity(0))
    if others:
        os.sched_setaffinity(0, {first})
    return set(others) or {first}


def main() -> None:
    parser = argparse.ArgumentParser(description="Calls at three times the rate that can be served.")
    parser.add_argument("--seconds", type=float, default=20.0, help="of each act")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=float, default=5.0, help="calls per second that are tried first")
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="fsroute-overload-", dir="/var/tmp"))
    folder.chmod(0o711)
    try:
        own = apart()
        with serving(folder, arguments.seed) as (house, database):
            os.sched_setaffinity(0, own)
            admissions = Admissions(database)
            is_good = measure(house, admissions, arguments.seconds, arguments.seed, arguments.first)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    sys.exit(0 if is_good else 1)


if __name__ == "__main__":
    main()
