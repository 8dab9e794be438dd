"""The state tables as a page for people: ``python -m fsroute.acd.drawing > docs/state-tables.md``."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

from fsroute.acd.proxy_call import AGENT_LEG, CALLER_LEG, NETWORK_LEG, PROXY_CALL, Row, S
from fsroute.model.proxy_call import FINAL, AgentLeg, CallerLeg, NetworkLeg, State

HEAD = """\
# State tables

Drawn from `fsroute/acd/proxy_call.py` by `python -m fsroute.acd.drawing`; a test holds this page against
the code.

A proxy call stands in a queue for a caller who is still at the local site. Its agent leg, its network leg and
the caller's own leg live beside it, and one event may move all four: where a table has no line for an event,
its state stays. Each transition is one compare-and-set in SQL together with the event that records it. A proxy
call that returns to the queue, or ends, has neither agent's nor network leg; one that returns to the queue
without its caller goes to `callback`. In the pictures, what changes no state is left out."""

PROXY_CALL_TEXT = "A caller is served, or ends otherwise, in exactly one of the final states."

AGENT_LEG_TEXT = "From the agent's switch to the agent. The join needs it `accepted`."

NETWORK_LEG_TEXT = (
    "From the caller's switch to the agent's switch. The join needs it `present`; it begins as `not_needed`\n"
    "where caller and agent hang on one switch, and as `wanted` where the lead has come when the agent is\n"
    "reserved."
)

CALLER_LEG_TEXT = (
    "The caller's own channel. It is `present` all the time, save for a caller who asked to be called back: the\n"
    "join needs it `present`."
)


def page() -> str:
    """The whole page, in Markdown with Mermaid pictures."""
    parts = (
        HEAD,
        *section("Proxy call", PROXY_CALL_TEXT, PROXY_CALL, [State.REQUESTED], sorted(FINAL)),
        *section("Agent leg", AGENT_LEG_TEXT, AGENT_LEG, [AgentLeg.NONE], ()),
        *section("Network leg", NETWORK_LEG_TEXT, NETWORK_LEG, [NetworkLeg.NONE, NetworkLeg.NOT_NEEDED], ()),
        *section("Caller leg", CALLER_LEG_TEXT, CALLER_LEG, [CallerLeg.PRESENT], ()),
    )
    return "\n\n".join(parts) + "\n"


def section(
    title: str, text: str, rows: Sequence[Row[S]], starts: Sequence[S], finals: Sequence[S]
) -> Iterator[str]:
    yield f"## {title}"
    yield text
    yield "\n".join(picture(rows, starts, finals))
    yield "\n".join(table(rows))


def picture(rows: Sequence[Row[S]], starts: Sequence[S], finals: Sequence[S]) -> Iterator[str]:
    """A Mermaid diagram; events that lead from one state to the same other one share an arrow."""
    arrows: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        for source in row.sources:
            if source != row.target:
                arrows.setdefault((source, row.target), []).append(row.on)
    yield "```mermaid"
    yield "stateDiagram-v2"
    yield from (f"    [*] --> {start}" for start in starts)
    yield from (f"    {start} --> {end}: {', '.join(events)}" for (start, end), events in arrows.items())
    yield from (f"    {final} --> [*]" for final in finals)
    yield "```"


def table(rows: Sequence[Row[S]]) -> Iterator[str]:
    """A Markdown table; neighbouring rows that say the same of several states become one line."""
    yield "| from | on | to | meaning |"
    yield "|---|---|---|---|"
    for sources, row in _merged(rows):
        stays = all(source == row.target for source in row.sources)
        target = "the same" if stays and len(sources) > 1 else f"`{row.target}`"
        yield f"| {', '.join(f'`{source}`' for source in sources)} | `{row.on}` | {target} | {row.meaning} |"


def _merged(rows: Sequence[Row[S]]) -> Iterator[tuple[list[S], Row[S]]]:
    """Rows of one event that change no state, taken together with all their states."""
    kept: dict[tuple[str, str], tuple[list[S], Row[S]]] = {}
    for index, row in enumerate(rows):
        stays = row.sources == (row.target,)
        key = (row.on, row.meaning) if stays else (row.on, str(index))
        kept.setdefault(key, ([], row))[0].extend(row.sources)
    yield from kept.values()


if __name__ == "__main__":
    sys.stdout.write(page())
