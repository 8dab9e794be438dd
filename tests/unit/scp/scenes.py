"""Pictures of sites written as text tables, as an operator would draw them.

::

    site    seen  calls  capacity  wait
    leeds   1     4      -         20

    agent   site    idle  skills          rate  serves
    ann     leeds   30    sales:3 welsh:1 0.4   shop

`seen` and `idle` are seconds before `NOW`; `idle` ``-``: busy. A site with a `wait` has a door.
"""

from __future__ import annotations

from math import inf

from fsroute.model.contact import Demand
from fsroute.routing.eligibility import Qualification
from fsroute.scp.picture import Door, Picture, Place, Seat, Site

NOW = 100_000.0
SHOP = Demand("shop", "voice", (("sales", 1),))


def rows(table: str) -> list[dict[str, str]]:
    """By the columns' places in the first line, since a cell may hold blanks."""
    lines = [line for line in table.splitlines() if line.strip()]
    head = lines[0]
    names = head.split()
    starts = [head.index(name) for name in names]
    ends = [*starts[1:], None]
    return [
        {name: line[start:end].strip() for name, start, end in zip(names, starts, ends, strict=True)}
        for line in lines[1:]
    ]


def seat(
    name: str,
    site: str,
    idle: float | None,
    skills: str = "",
    rate: float = 0.0,
    serves: str = "shop",
    own: bool = True,
) -> Seat:
    levels = {skill: int(level) for skill, _, level in (word.partition(":") for word in skills.split())}
    trades = frozenset((center, "voice") for center in serves.split())
    who = Qualification(frozenset(levels.items()), trades, frozenset(), f"{site}-1", site, None, None, levels)
    since = NOW - (0.0 if idle is None else idle)
    return Seat(name, who, inf if idle is None else since, since, rate, own)


def picture(sites: str, agents: str = "agent site idle") -> Picture:
    drawn = Picture()
    for row in rows(sites):
        site = row["site"]
        number = row.get("capacity", "-")
        seen = NOW - float(row["seen"])
        drawn.places[f"{site}-1"] = Place(f"{site}-1", site, seen, row.get("link", "up") != "down")
        wait = row.get("wait", "-")
        waits = {} if wait in ("-", "?") else {"shop": float(wait)}
        capacity = None if number == "-" else int(number)
        drawn.report(Site(site, capacity, int(row.get("calls", "0")), waits, seen))
        if wait != "-":
            drawn.doors.setdefault("shop", {})[site] = Door(
                site, "shop", f"{site}-1", f"sip:500@{site}.example:5060"
            )
    for row in rows(agents):
        idle = None if row["idle"] == "-" else float(row["idle"])
        drawn.put(
            seat(row["agent"], row["site"], idle, row.get("skills", "sales:1"), float(row.get("rate") or 0),
                 row.get("serves", "shop")),
            NOW,
        )  # fmt: skip
    return drawn
