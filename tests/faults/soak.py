"""Very many calls through stand-in switches at full speed, while processes are killed: run by hand.

``python -m tests.faults.soak --calls 100000`` keeps so many callers on the line as ``--at-once`` says: whenever a
call is over, the next one is placed, so that the calls come as fast as the machine serves them. Every
``--kills-every`` seconds one of the processes is killed (-9) and started again, or the database is restarted or
killed. It prints memory and greenlets of each process at the start, in the middle and at the end, the rate, how the
calls ended, what the audit says of the whole ledger, why contacts waited beside idle agents (`soak_waits`), and what
was left behind.

Progress goes to ``progress.jsonl`` in ``--folder``, silences, waits and callers who were never heard of to files of
their names. A run that was cut off, or that ``--seconds`` ended, goes on where it was with the same ``--folder``: the
ledger of both is judged as one.
"""

from __future__ import annotations

from gevent import monkey

monkey.patch_all()

import argparse  # noqa: E402
import json  # noqa: E402
import os  # noqa: E402
import random  # noqa: E402
import shutil  # noqa: E402
import sys  # noqa: E402
import tempfile  # noqa: E402
import time  # noqa: E402
from collections import Counter  # noqa: E402
from collections.abc import Iterator  # noqa: E402
from contextlib import contextmanager  # noqa: E402
from dataclasses import asdict, dataclass, field  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import gevent  # noqa: E402
import psycopg  # noqa: E402

from fsroute import resources  # noqa: E402
from fsroute.errors import StoreError  # noqa: E402
from fsroute.monitoring.audit import audit  # noqa: E402
from fsroute.monitoring.waiting import LIMIT  # noqa: E402
from fsroute.store.database import Database  # noqa: E402
from fsroute.store.script import run_script  # noqa: E402
from fsroute.switchsim import Network  # noqa: E402
from fsroute.switchsim.timeline import Timeline  # noqa: E402
from tests.faults import soak_people as people  # noqa: E402
from tests.faults.soak_database import KeptServer, PatroniServers  # noqa: E402
from tests.faults.soak_house import SPEED, House, Size, house  # noqa: E402
from tests.faults.soak_waits import EVERY, Processor, Wait, stalls, table, waits  # noqa: E402

CALL_LIMIT = 120.0  # seconds after which a call counts as stuck
SETTLE_LIMIT = 60.0  # seconds for what is left to be closed, after the last call
SILENCE = 1.0  # seconds of nothing that a caller would notice
AFTER = 5.0  # seconds after a kill in which a silence is put down to it
FALLBACK = "NORMAL_TEMPORARY_FAILURE"  # how the dialplan's fallback ends a call
WARM = 8.0  # seconds from the first call to the first measurement
TELL_EVERY = 10.0  # seconds
FULL = 5.0  # seconds that a contact may wait beside an idle agent, where calls come as fast as the machine serves them
DOWN = (0.1, 1.0)  # seconds from a kill to the new start
VICTIMS = (
    ("callserver-1", 4),
    ("callserver-2", 2),
    ("coordinator-1", 2),
    ("coordinator-2", 2),
    ("acd-east", 2),
    ("acd-west", 1),
    ("cti-west", 1),
    ("cti-east", 1),
)
"""Who dies how often, relative to each other; what befalls the database, each once."""
DATABASE = "database: "


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run is to do. `kills_every` and `seconds` in seconds; 0 kills nobody, None does not end early.

    With `victims` these die, in this order, after equal parts of the calls, and nobody by chance.
    """

    calls: int
    seed: int = 1
    kills_every: float = 20.0
    at_once: int = 60
    seconds: float | None = None
    victims: tuple[str, ...] = ()


@dataclass
class Result:
    """What a run came to. `outcomes` are the ledger's, `causes` what the callers saw."""

    calls: int = 0
    began: float = field(default_factory=time.monotonic)
    took: float = 0.0
    silences: Counter[str] = field(default_factory=Counter)  # by who had been killed
    stuck: int = 0
    causes: Counter[str] = field(default_factory=Counter)
    kills: Counter[str] = field(default_factory=Counter)
    sizes: dict[str, dict[str, Size]] = field(default_factory=dict)
    outcomes: dict[str, int] = field(default_factory=dict)
    violations: list[str] = field(default_factory=list)
    waits: list[Wait] = field(default_factory=list)  # beside an idle agent, longer than 100 ms
    stalls: list[str] = field(default_factory=list)  # who was kept from the processor
    without_contact: int = 0
    fell_back: int = 0  # without one, too: came while there was no database, and heard the fallback
    untaken: int = 0  # without one, too: hung up before anybody had answered
    doubled: int = 0
    open_contacts: int = 0
    open_calls: int = 0
    reservations: int = 0
    channels: int = 0

    @property
    def faults(self) -> dict[str, int]:
        """What must be 0."""
        return {
            "violations": len(self.violations),
            "calls without a contact": self.without_contact,
            "callers with two contacts": self.doubled,
            "contacts left open": self.open_contacts,
            "proxy calls left open": self.open_calls,
            "reservations left": self.reservations,
            "channels left": self.channels,
            "calls stuck": self.stuck,
        }

    @property
    def is_good(self) -> bool:
        return not any(self.faults.values())


class Soak:
    """One run on a house that serves."""

    def __init__(self, plan: Plan, house: House, database: Database, folder: Path | None = None) -> None:
        self.plan = plan
        self.house = house
        self.result = Result()
        self._database = database
        self._folder = folder
        self._first = self._next = self._placed_before()
        self._chance = random.Random(plan.seed)
        self._is_over = False
        self._fell_back: set[str] = set()
        self._untaken: dict[str, str] = {}  # what callers heard whom nobody answered
        self._killed: list[tuple[float, str]] = []
        self._processor = Processor()

    def run(self) -> Result:
        result = self.result
        others = [
            gevent.spawn(each)
            for each in (self._keep_killing, self._keep_telling, self._keep_measuring, self._keep_looking)
        ]
        callers = [gevent.spawn(self._keep_calling) for _ in range(self.plan.at_once)]
        gevent.joinall(callers, raise_error=True)
        self._is_over = True
        result.took = time.monotonic() - result.began
        gevent.joinall(others, raise_error=True)
        self._settle()
        self._measure("end")
        self._judge()
        return result

    # The calls ---------------------------------------------------------------------------------------------

    def _placed_before(self) -> int:
        """Numbers are given out in order: the first one that the ledger does not know."""
        text = "select max(caller_number) from contact_personal where caller_number like '+1415%'"
        last = self._value(text)
        return 0 if last is None else people.index(str(last)) + 1

    def _keep_calling(self) -> None:
        while self._next < self.plan.calls and not self._is_late():
            index = self._next
            self._next += 1
            self._call(index)

    def _is_late(self) -> bool:
        limit = self.plan.seconds
        return limit is not None and time.monotonic() - self.result.began > limit

    def _call(self, index: int) -> None:
        result = self.result
        caller = people.caller(index, random.Random(f"{self.plan.seed}:{index}"))
        call = self.house.network.call(caller, self.house.switches["west-1"])
        if not call.over.wait(CALL_LIMIT):
            result.stuck += 1
            call.hang_up()
        self._count_silences(call.timeline)
        result.causes["an agent" if call.talked_with else str(call.cause)] += 1
        if call.cause == FALLBACK:
            self._fell_back.add(caller.number)
        elif not call.is_answered:
            self._untaken[caller.number] = str(call.timeline)
        result.calls += 1
        self.house.forget_calls()

    def _count_silences(self, timeline: Timeline) -> None:
        for silence in timeline.silences(SILENCE):
            began, ended = timeline.began + silence.at, timeline.began + silence.at + silence.lasted
            dead = [who for at, who in self._killed if began - AFTER < at < ended]
            who = dead[-1] if dead else "nobody"
            self.result.silences[who] += 1
            self._note(
                "silences", {"at": began, "lasted": silence.lasted, "killed": dead, "heard": str(timeline)}
            )

    # What happens meanwhile --------------------------------------------------------------------------------

    def _keep_killing(self) -> None:
        every, faults = self.plan.kills_every, self.house.server.faults
        for number, victim in enumerate(self.plan.victims, 1):
            while not self._is_over and self.result.calls < number * self.plan.calls // (
                len(self.plan.victims) + 1
            ):
                gevent.sleep(0.05)
            self._kill(victim)
        while every and not self.plan.victims and not self._is_over:
            self._pause(self._chance.uniform(0.5, 1.5) * every)
            if not self._is_over:
                names, shares = zip(*VICTIMS, *((DATABASE + each, 1) for each in faults), strict=True)
                self._kill(self._chance.choices(names, shares)[0])

    def _kill(self, victim: str) -> None:
        self.result.kills[victim] += 1
        self._killed.append((time.monotonic(), victim))
        if victim.startswith("database"):
            self.house.server.strike(victim.removeprefix(DATABASE))
            return
        part = self.house.parts[victim]
        part.kill()
        gevent.sleep(self._chance.uniform(*DOWN))
        part.start()

    def _pause(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while not self._is_over and (left := end - time.monotonic()) > 0:
            gevent.sleep(min(left, 0.2))

    def _keep_telling(self) -> None:
        while not self._is_over:
            self._pause(TELL_EVERY)
            result = self.result
            took = time.monotonic() - result.began
            said = {
                "seconds": round(took, 1),
                "calls": result.calls,
                "placed": self._next,
                "per_second": round(result.calls / took, 1),
                "kills": sum(result.kills.values()),
                "silences": result.silences.total(),
                "stuck": result.stuck,
                "rss_mib": {name: round(part.rss(), 1) for name, part in self.house.parts.items()},
            }
            print(json.dumps(said), file=sys.stderr, flush=True)
            self._note("progress", said)

    def _note(self, name: str, said: dict[str, Any]) -> None:
        if self._folder is not None:
            with (self._folder / f"{name}.jsonl").open("a") as file:
                file.write(json.dumps(said) + "\n")

    def _keep_looking(self) -> None:
        """Who has to wait for the processor."""
        while not self._is_over:
            pids = {name: part.pid for name, part in self.house.parts.items() if part.runs}
            pids["stand-ins"] = os.getpid()
            self._processor.look(pids, self.house.server.postmasters())
            gevent.sleep(EVERY)

    def _keep_measuring(self) -> None:
        """At the start, when calls are there, and when half of the calls or of the time is over."""
        self._pause(WARM)
        self._measure("start")
        half = (self.plan.calls - self._first) / 2
        limit = self.plan.seconds or float("inf")
        while not self._is_over and self.result.calls < half:
            if time.monotonic() - self.result.began > limit / 2:
                break
            gevent.sleep(0.2)
        self._measure("middle")

    def _measure(self, when: str) -> None:
        self.result.sizes[when] = self.house.sizes()

    # The judgement -----------------------------------------------------------------------------------------

    def _settle(self) -> None:
        """Everything has come back and has closed what was left; the processes that were killed last, too."""
        for part in self.house.parts.values():
            if not part.runs:
                part.start()
        give_up = time.monotonic() + SETTLE_LIMIT
        while time.monotonic() < give_up:
            try:
                if not any(self.house.left().values()):
                    return
            except psycopg.Error:
                pass  # it is being restarted
            gevent.sleep(0.2)

    def _judge(self) -> None:
        result = self.result
        left = self.house.left()
        result.channels, result.reservations = left["channels"], left["reservations"]
        result.open_contacts, result.open_calls = left["contacts"], left["proxy calls"]
        rows = self._rows(
            "select outcome, count(*) from contact where ended_at is not null group by 1 order by 2 desc"
        )
        result.outcomes = {str(outcome): int(count) for outcome, count in rows}
        numbers = (
            f"select count(*) from contact_personal where caller_number >= '{people.number(self._first)}'"
        )
        different = numbers.replace("count(*)", "count(distinct caller_number)")
        known = int(self._value(different) or 0)
        result.doubled = int(self._value(numbers) or 0) - known
        lost = self._unheard_of()
        fell_back, untaken = lost & self._fell_back, lost & self._untaken.keys()
        result.fell_back, result.untaken = len(fell_back), len(untaken)
        result.without_contact = len(lost) - result.fell_back - result.untaken
        for caller_number in sorted(lost - fell_back):
            self._note("unheard", {"number": caller_number, "heard": self._untaken.get(caller_number, "")})
        result.violations = [str(found) for found in audit(self._database, limit=FULL).violations]
        offset = time.time() - time.monotonic()
        kills = [(at + offset, who) for at, who in self._killed]
        result.stalls = stalls(self._processor)
        result.waits = waits(audit(self._database, limit=LIMIT), kills, self._processor, self._served())
        for wait in result.waits:
            self._note("waits", asdict(wait))

    def _served(self) -> list[tuple[float, float]]:
        """When each proxy call was requested, and an agent first reserved for it."""
        rows = self._rows(
            "select extract(epoch from requested.at), min(extract(epoch from reserved.at))"
            " from contact_event requested join contact_event reserved using (proxy_call_id)"
            " where requested.kind = 'requested' and reserved.kind = 'agent_reserved'"
            " group by proxy_call_id, requested.at order by 1"
        )
        return [(float(requested), float(reserved)) for requested, reserved in rows]

    def _unheard_of(self) -> set[str]:
        """Callers of this run who have no contact."""
        text = "select caller_number from contact_personal where caller_number >= '{}'"
        known = {row[0] for row in self._rows(text.format(people.number(self._first)))}
        placed = {people.number(index) for index in range(self._first, self._next)}
        return placed - known

    def _value(self, text: str) -> Any:
        return self._rows(text)[0][0]

    def _rows(self, text: str) -> list[tuple[Any, ...]]:
        return self.house.rows(text)


def show(result: Result) -> None:
    rate = result.calls / result.took if result.took else 0.0
    print(f"{result.calls} calls in {result.took:.0f} s: {rate:.1f} per second")
    print("kills:", ", ".join(f"{name} {count}" for name, count in sorted(result.kills.items())) or "none")
    print("outcomes:", ", ".join(f"{name} {count}" for name, count in result.outcomes.items()))
    print("callers saw:", ", ".join(f"{name} {count}" for name, count in result.causes.most_common()))
    print(f"{'memory, MiB (greenlets)':24}" + "".join(f"{when:>16}" for when in result.sizes))
    for name in next(iter(result.sizes.values())):
        cells = [sizes[name] for sizes in result.sizes.values()]
        print(f"  {name:22}" + "".join(f"{_size(cell):>16}" for cell in cells))
    print("waited for the processor:", *result.stalls, sep="\n")
    silences = ", ".join(f"{count} after {who}" for who, count in result.silences.most_common())
    print(f"callers in silence for more than {SILENCE:g} s: {result.silences.total()} ({silences or 'none'})")
    print(f"callers who came while nobody could take them, and heard the fallback: {result.fell_back}")
    print(f"callers who hung up before anybody had answered, and have no contact: {result.untaken}")
    print(f"waits beside an idle agent above {LIMIT:g} s: {len(result.waits)} (judged: above {FULL:g} s)")
    print(*table(result.waits), sep="\n")
    for violation in result.violations[:50]:
        print("  ", violation)
    print(", ".join(f"{name} {count}" for name, count in result.faults.items()))


def _size(size: Size) -> str:
    return f"{size.rss:.0f}" + ("" if size.greenlets is None else f" ({size.greenlets})")


def soak(plan: Plan, folder: Path, *, safe: bool = True, patroni: bool = False) -> Result:
    """Play `plan` in `folder`, which a run before may have left."""
    with serving(folder, plan.seed, safe=safe, patroni=patroni) as (built, database):
        return Soak(plan, built, database, folder).run()


@contextmanager
def serving(
    folder: Path, seed: int, *, safe: bool = True, patroni: bool = False
) -> Iterator[tuple[House, Database]]:
    """The house with its people, at work."""
    server = PatroniServers() if patroni else KeptServer(folder / "postgres", safe=safe)
    network = Network(seed=seed, speed=SPEED)
    network.director = people.People(seed)
    for agent in people.agents():
        network.add_agent(agent)
    with house(folder, network, server) as built, Database(built.conninfo, max_size=3) as database:
        if not database.run("contact_centers"):
            samples = resources.folder("sql") / "samples"
            run_script(database, (samples / "two_sites.sql").read_text("utf-8"), "two_sites.sql")
            run_script(database, people.center_sql(), "soak")
        built.start()
        built.wait_until(lambda: built.listens() and _leads(database))
        yield built, database


def _leads(database: Database) -> bool:
    try:
        rows = database.run("status_leases")
    except StoreError:
        return False
    held = {row["name"] for row in rows if row["valid"]}
    return {"coordinator", "switch:west-1", "switch:east-1"} <= held


def main() -> None:
    parser = argparse.ArgumentParser(description="Very many calls through stand-ins, with random kills.")
    parser.add_argument("--calls", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kills-every", type=float, default=20.0, help="seconds; 0: nobody is killed")
    parser.add_argument(
        "--victims", help="these die, in this order, and nobody by chance; separated by commas"
    )
    parser.add_argument("--at-once", type=int, default=60, help="callers on the line")
    parser.add_argument("--seconds", type=float, help="place no more calls after that")
    parser.add_argument(
        "--folder", type=Path, help="kept, and gone on with; else a new one, removed at the end"
    )
    parser.add_argument("--patroni", action="store_true", help="a database of two servers that change places")
    arguments = parser.parse_args()
    folder = arguments.folder or Path(tempfile.mkdtemp(prefix="fsroute-soak-", dir="/var/tmp"))
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o711)
    plan = Plan(
        arguments.calls, arguments.seed, arguments.kills_every, arguments.at_once, arguments.seconds,
        tuple(arguments.victims.split(",")) if arguments.victims else (),
    )  # fmt: skip
    try:
        result = soak(plan, folder, patroni=arguments.patroni)
    finally:
        if arguments.folder is None:
            shutil.rmtree(folder, ignore_errors=True)
    show(result)
    sys.exit(0 if result.is_good else 1)


if __name__ == "__main__":
    main()
