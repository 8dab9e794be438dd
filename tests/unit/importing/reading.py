"""Set-ups for tests: read and mapped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fsroute.importing import callcenter
from fsroute.importing.mapping import Wishes, plan
from fsroute.importing.plan import Plan, QueueRow
from fsroute.importing.remarks import Remark
from fsroute.importing.xmlfile import Reader

HARBOR = Path(__file__).with_name("harbor.conf.xml")


def imported(
    text: str | bytes, variables: dict[str, str] | None = None, **wishes: Any
) -> tuple[Plan, list[Remark]]:
    reader = Reader(variables)
    data = text.encode() if isinstance(text, str) else text
    set_up, remarks = callcenter.read([reader.read(data, "x.xml")])
    made, more = plan(set_up, Wishes(**wishes))
    return made, sorted([*reader.remarks, *remarks, *more])


def with_queue(parameters: dict[str, str], tiers: str = "") -> tuple[QueueRow, list[str]]:
    """A queue with these parameters; `tiers` are ``agent:level:position``, the agents a0 to a3."""
    params = "".join(f'<param name="{key}" value="{value}"/>' for key, value in parameters.items())
    people = "".join(f'<agent name="a{n}" type="callback" contact="user/a{n}"/>' for n in range(4))
    tier = '<tier queue="q" agent="{}" level="{}" position="{}"/>'
    places = "".join(tier.format(*each.split(":")) for each in tiers.split())
    made, remarks = imported(f'<c><queue name="q">{params}</queue>{people}{places}</c>')
    return made.queues[0], [remark.text for remark in remarks]
