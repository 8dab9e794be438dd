"""Selections per second of the routing processor: ``python -m tests.benchmarks.selections``.

50 sites with 10,000 agents, 40 demands, one core. Between two selections an agent who was selected becomes busy and
another one idle, as the activity tells it, so that the index is kept as in service.
"""

from __future__ import annotations

import argparse
import random
import time

from fsroute.model.contact import Demand
from fsroute.model.direct import Direct, Policy
from fsroute.routing.eligibility import Qualification
from fsroute.scp.picture import Picture, Place, Seat, Site
from fsroute.scp.selection import Call, Limits, select
from fsroute.scp.shares import Shares

SKILLS = [f"skill{number}" for number in range(12)]
CENTERS = [f"center{number}" for number in range(8)]
LIMITS = Limits()


def seat(number: int, sites: int, chance: random.Random) -> Seat:
    site = f"site{number % sites}"
    levels = {skill: chance.randint(1, 5) for skill in chance.sample(SKILLS, 3)}
    serves = frozenset((center, "voice") for center in chance.sample(CENTERS, 3))
    who = Qualification(
        frozenset(levels.items()), serves, frozenset(), f"switch-{site}", site, None, None, levels
    )
    return Seat(f"agent{number}", who, 0.0, chance.uniform(0, 900), chance.uniform(0.1, 0.9))


def picture_of(sites: int, agents: int, idle: float, chance: random.Random) -> tuple[Picture, list[Seat]]:
    picture = Picture()
    for number in range(sites):
        name = f"site{number}"
        picture.places[f"switch-{name}"] = Place(f"switch-{name}", name, seen_at=1000.0)
        picture.report(Site(name, capacity=agents, in_progress=number, waits=dict.fromkeys(CENTERS, 30.0)))
        picture.rates.update({("site0", name): chance.uniform(0.01, 0.2)})
    busy: list[Seat] = []
    for number in range(agents):
        one = seat(number, sites, chance)
        if chance.random() < idle:
            picture.put(one, 1000.0)
        else:
            picture.put(_busy(one), 1000.0)
            busy.append(one)
    return picture, busy


def _busy(one: Seat) -> Seat:
    return Seat(one.name, one.qualification, float("inf"), one.idle_since, one.rate)


def demands(count: int, chance: random.Random) -> list[Demand]:
    return [
        Demand(
            chance.choice(CENTERS), "voice",
            tuple(sorted((skill, chance.randint(1, 3)) for skill in chance.sample(SKILLS, chance.randint(0, 1)))),
        )
        for _ in range(count)
    ]  # fmt: skip


def measure(policy: Policy, sites: int, agents: int, seconds: float, seed: int = 1) -> tuple[float, float]:
    """(selections per second, changes of agents per second besides)."""
    chance = random.Random(seed)
    picture, busy = picture_of(sites, agents, 0.2, chance)
    asked = demands(40, chance)
    direct = Direct(policy, shares={f"site{number}": 100 / sites for number in range(sites)})
    shares = Shares()
    for demand in asked:
        picture.pool(demand, policy)
    made, spent, now = 0, 0.0, 1000.0
    ends = time.perf_counter() + seconds
    while time.perf_counter() < ends:
        begun = time.perf_counter()
        decision = select(Call(chance.choice(asked), "site0"), direct, picture, now, LIMITS, shares)
        spent += time.perf_counter() - begun
        made += 1
        shares = decision.shares
        if decision.destinations and decision.destinations[0].agent is not None:
            taken = decision.destinations[0].agent
            picture.put(_busy(taken), now)
            picture.put(busy.pop(), now)
            busy.insert(0, taken)
    return made / spent, made / seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sites", type=int, default=50)
    parser.add_argument("--agents", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=5.0)
    options = parser.parse_args()
    print(f"{options.sites} sites, {options.agents} agents, 40 demands; asked: 5,000 selections per second")
    for policy in Policy:
        alone, kept = measure(policy, options.sites, options.agents, options.seconds)
        print(f"{policy:20} {alone:9.0f} selections/s  {kept:9.0f}/s with two changes of agents for each")


if __name__ == "__main__":
    main()
