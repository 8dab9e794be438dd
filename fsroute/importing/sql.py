"""The rows of an import as SQL that ``fsroute rules load`` takes. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from fsroute.importing.plan import Plan, QueueRow
from fsroute.importing.remarks import Remark, shown

FIRST_RULE, RULES_APART = 100, 10
NUMBERED_RULE = 10  # rules for numbers come before those for what the application asks


def script(plan: Plan, remarks: Sequence[Remark] = (), source: str = "") -> str:
    """The whole file. What agents declare is entered once and then left alone; all else is brought to what it says."""
    lines = [
        f"-- {shown(source) or 'A contact center'}, imported. Load it with: fsroute rules load FILE",
        "--",
        *_comments(remarks),
        "",
        "set search_path = fsroute;",
        "",
        *_where(plan),
        *_queues(plan),
        *_rules(plan),
        *_agents(plan),
    ]
    return "\n".join(lines).rstrip() + "\n"


def text(value: object) -> str:
    """A value as it stands in SQL, whatever is in it."""
    if value is None:
        return "null"
    if isinstance(value, int):
        return str(value)
    return "'" + str(value).replace("\0", "").replace("'", "''") + "'"


def _comments(remarks: Sequence[Remark]) -> Iterator[str]:
    yield (
        f"-- {len(remarks)} remarks on what is not as it was:"
        if remarks
        else "-- Everything has its counterpart."
    )
    for remark in remarks:
        yield f"-- {shown_all(str(remark))}"


def shown_all(line: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in line)


def _insert(
    table: str, columns: Sequence[str], rows: Iterable[Sequence[object]], conflict: str = ""
) -> Iterator[str]:
    """One statement, or none where there are no rows."""
    values = [f"    ({', '.join(text(value) for value in row)})" for row in rows]
    if values:
        yield f"insert into {table} ({', '.join(columns)}) values"
        yield ",\n".join(values) + (f"\n{conflict};" if conflict else ";")
        yield ""


def _brought(key: Sequence[str], columns: Sequence[str]) -> str:
    """The clause that brings a row that is there to what is written."""
    changed = ", ".join(f"{name} = excluded.{name}" for name in columns if name not in key)
    return f"on conflict ({', '.join(key)}) do update set {changed}"


def _where(plan: Plan) -> Iterator[str]:
    keep = "on conflict do nothing"
    yield from _insert("site", ("site_id", "name"), [(plan.site, plan.site)], keep)
    columns = ("switch_id", "site_id", "link_address")
    yield from _insert("switch", columns, [(plan.switch, plan.site, plan.link_address)], keep)
    rows = [(center, name[:100], plan.time_zone) for center, name in plan.contact_centers]
    yield from _insert("contact_center", ("contact_center_id", "name", "time_zone"), rows, keep)
    columns = ("number", "contact_center_id", "application")
    numbers = [(each.number, each.contact_center, each.application) for each in plan.numbers]
    yield from _insert("number_called", columns, numbers, _brought(("number",), columns))


def _queues(plan: Plan) -> Iterator[str]:
    columns = (
        "contact_center_id", "queue", "strategy", "hold_music", "offer_timeout", "longest_wait", "refuse_when",
    )  # fmt: skip
    rows = [
        (q.contact_center, q.name, q.strategy, q.hold_music, q.offer_timeout, q.longest_wait, q.refuse_when)
        for q in plan.queues
    ]
    yield from _insert("queue", columns, rows, _brought(columns[:2], columns))
    for queue in plan.queues:
        where = f"contact_center_id = {text(queue.contact_center)} and queue = {text(queue.name)}"
        yield f"delete from queue_skill where {where};"
    skills = [(each.contact_center, each.name, each.skill, each.level) for each in plan.queues]
    yield from _insert("queue_skill", ("contact_center_id", "queue", "skill", "level"), skills)


def _rules(plan: Plan) -> Iterator[str]:
    """A rule for each queue that an application asks for, and one for each number."""
    rules: list[tuple[object, ...]] = []
    steps: list[tuple[object, ...]] = []

    def add(queue: QueueRow, rule: str, ordinal: int, if_queue: str | None, if_number: str | None) -> None:
        rules.append((queue.contact_center, rule, ordinal, if_queue, if_number, queue.name))
        steps.extend(
            (queue.contact_center, rule, number, step.after, step.do, step.skill, step.level, step.prompt)
            for number, step in enumerate(queue.steps, 1)
        )

    queues = {(each.contact_center, each.name): each for each in plan.queues}
    for number in plan.numbers:
        rule = f"number-{re.sub('[^0-9]', '', number.number)[:32]}"
        pattern = re.sub(r"([*+])", r"\\\1", number.number)
        add(queues[number.contact_center, number.queue], rule, NUMBERED_RULE, None, pattern)
    for place, queue in enumerate(plan.queues):
        add(queue, queue.name, FIRST_RULE + RULES_APART * place, queue.name, None)
    columns = ("contact_center_id", "rule", "ordinal", "if_queue", "if_number_called", "queue")
    yield from _insert("routing_rule", columns, rules)
    names = ("contact_center_id", "rule", "ordinal", "after_s", "step", "skill", "level", "prompt")
    yield from _insert("rule_step", names, steps)


def _agents(plan: Plan) -> Iterator[str]:
    columns = (
        "agent_id", "name", "site_id", "switch_id", "address", "leg", "status", "wrap_up", "set_aside",
        "miss_limit", "miss_then",
    )  # fmt: skip
    rows = [
        (each.agent_id, each.name, plan.site, plan.switch, each.address, each.leg, each.status, each.wrap_up,
         each.set_aside, each.miss_limit, each.miss_then)
        for each in plan.agents
    ]  # fmt: skip
    declared = ("agent_id", "status", "site_id", "switch_id")
    changed = ", ".join(f"{name} = excluded.{name}" for name in columns if name not in declared)
    yield from _insert("agent", columns, rows, f"on conflict (agent_id) do update set {changed}")
    trained = ("agent_id", "skill", "level")
    skills = [(each.agent_id, skill, level) for each in plan.agents for skill, level in each.skills]
    yield from _insert("agent_skill", trained, skills, _brought(trained[:2], trained))
    centers = [(each.agent_id, center) for each in plan.agents for center in each.contact_centers]
    yield from _insert(
        "agent_authorization", ("agent_id", "contact_center_id"), centers, "on conflict do nothing"
    )
