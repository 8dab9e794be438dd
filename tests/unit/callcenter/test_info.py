"""mod_callcenter's events for what happens to a proxy call, held against a recording of the real module."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsroute.callcenter.info import Info, Naming, Seen, Teller, counted
from fsroute.model.agent import AgentStatus
from fsroute.model.proxy_call import ProxyCall, State
from tests.unit.rows import NOON, proxy_call

CAPTURE = Path(__file__).parents[2] / "captures" / "mod_callcenter_queue_serves_a_member.jsonl"
NOW = NOON.timestamp() + 60
AT_CALLER = Teller("a", Naming("{queue}@default", "{agent}@default"))
AT_AGENT = Teller("b")

WAITING = proxy_call(State.QUEUED, version=1)
OFFERED = proxy_call(State.OFFERED, version=2)
READY = proxy_call(State.READY, version=3, accepted_at=NOON + timedelta(seconds=5))
TALKING = proxy_call(
    State.BRIDGED, version=4, accepted_at=READY.accepted_at, bridged_at=NOON + timedelta(seconds=6)
)
LEFT = replace(TALKING, version=5, agent_id=None, agent_leg_uuid=None)
ENDED = replace(LEFT, version=6, state=State.ENDED)
ABANDONED = replace(WAITING, version=7, state=State.ABANDONED)


def story(*rows: ProxyCall, teller: Teller = AT_CALLER, reason: str = "no_answer") -> list[Info]:
    """All events of a proxy call that has these rows one after another."""
    seen: Seen | None = None
    told: list[Info] = []
    for row in rows:
        seen, new = teller.call(seen, row, NOW, lambda _: reason)
        told += new
    return told


def short(told: list[Info]) -> list[str]:
    """The actions; of a state its value, of an end its cause."""
    words = []
    for info in told:
        headers = dict(info.headers)
        more = [headers[key] for key in ("CC-Agent-State", "CC-Cancel-Reason", "CC-Cause") if key in headers]
        cause = [headers["CC-Hangup-Cause"]] if info.action == "bridge-agent-fail" else []
        words.append(" ".join([info.action.removeprefix("agent-state-change"), *cause, *more[:1]]).strip())
    return words


def recorded() -> dict[str, list[list[str]]]:
    """By action the CC- headers of the recording's events, in order of the events."""
    lines = [json.loads(line) for line in CAPTURE.read_text().splitlines()]
    text = "".join(line["data"] for line in lines if line.get("from") == "freeswitch")
    found: dict[str, list[list[str]]] = {}
    for event in re.findall(r"Event-Subclass: callcenter%3A%3Ainfo.*?\n\n", text, re.DOTALL):
        pairs = [unquote(line).partition(": ") for line in event.splitlines() if line.startswith("CC-")]
        action = next(value for name, _, value in pairs if name == "CC-Action")
        found.setdefault(action, []).append([name for name, _, _ in pairs])
    return found


SERVED = [
    "member-queue-start",
    "members-count",
    "Receiving",
    "agent-offering",
    "bridge-agent-start",
    "members-count",
    "In a queue call",
    "bridge-agent-end",
    "Waiting",
    "member-queue-end Terminated",
    "members-count",
]


def test_who_is_served_has_the_events_and_headers_of_the_real_module() -> None:
    theirs = recorded()
    told = story(WAITING, OFFERED, READY, TALKING, LEFT, ENDED)
    assert short(told) == SERVED
    for info in told:
        whole = counted(info, 1) if info.count_of else info
        assert [name for name, _ in whole.headers] in theirs[info.action], info.action
    assert [name for name, _ in AT_CALLER.status("ann", AgentStatus.AVAILABLE).headers] in theirs[
        "agent-status-change"
    ]


def test_the_values_are_those_of_the_row() -> None:
    start = dict(story(WAITING, OFFERED, READY, TALKING)[4].headers)
    assert start == {
        "CC-Queue": "sales@default",
        "CC-Action": "bridge-agent-start",
        "CC-Agent": "anna@default",
        "CC-Agent-System": "single_box",
        "CC-Agent-UUID": "agent-leg",
        "CC-Agent-Called-Time": str(int(NOON.timestamp())),
        "CC-Agent-Answered-Time": str(int(NOON.timestamp()) + 5),
        "CC-Member-Joined-Time": str(int(NOON.timestamp())),
        "CC-Member-UUID": "contact",
        "CC-Member-Session-UUID": "caller",
        "CC-Member-CID-Name": "Bob",
        "CC-Member-CID-Number": "+498912345",
    }


OTHER = replace(OFFERED, version=9, agent_id="ben", agent_leg_uuid="other-leg")
ELSEWHERE = replace(WAITING, version=9, queue="repairs")
IN_QUEUE = ["member-queue-start", "members-count"]
OUT = ["member-queue-end BREAK_OUT", "members-count"]
OFFER = ["Receiving", "agent-offering"]
TALK = ["bridge-agent-start", "members-count", "In a queue call"]


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ((WAITING, ABANDONED), [*IN_QUEUE, *OUT]),
        (
            (WAITING, replace(ABANDONED, state=State.OVERFLOWED)),
            [*IN_QUEUE, "member-queue-end TIMEOUT", "members-count"],
        ),
        (
            (WAITING, replace(ABANDONED, state=State.REFUSED)),
            [*IN_QUEUE, "member-queue-end NO_AGENT_TIMEOUT", "members-count"],
        ),
        (
            (OFFERED, ABANDONED),
            [*IN_QUEUE, *OFFER, "bridge-agent-fail ORIGINATOR_CANCEL", "Waiting", *OUT],
        ),
        ((OFFERED, replace(WAITING, version=8)), [*IN_QUEUE, *OFFER, "bridge-agent-fail NO_ANSWER", "Waiting"]),
        ((OFFERED, OTHER), [*IN_QUEUE, *OFFER, "bridge-agent-fail NO_ANSWER", "Waiting", *OFFER]),
        ((WAITING, ENDED), [*IN_QUEUE, *OUT]),
        ((TALKING,), [*IN_QUEUE, *OFFER, *TALK]),
        ((WAITING, TALKING, ENDED), SERVED),  # signals that were merged
        ((WAITING, OFFERED, ENDED), SERVED),
        (
            (WAITING, TALKING, replace(WAITING, version=8, bridged_at=TALKING.bridged_at)),
            [*IN_QUEUE, *OFFER, *TALK, "bridge-agent-end", "Waiting"],
        ),
        (
            (TALKING, ELSEWHERE),
            [*SERVED[:-2], "member-queue-end Terminated", "members-count", *IN_QUEUE],
        ),
        ((ENDED,), []),
        ((TALKING, WAITING), [*IN_QUEUE, *OFFER, *TALK]),  # the older row comes late
    ],
)  # fmt: skip
def test_each_way_through_a_queue_is_told(rows: tuple[ProxyCall, ...], told: list[str]) -> None:
    assert short(story(*rows)) == told


@pytest.mark.parametrize(
    ("reason", "cause"),
    [
        ("busy", "USER_BUSY"),
        ("refused", "CALL_REJECTED"),
        ("key_not_pressed", "NO_ANSWER"),
        ("something new", "NORMAL_UNSPECIFIED"),
    ],
)
def test_why_an_agent_did_not_take_it_is_a_cause(reason: str, cause: str) -> None:
    told = story(OFFERED, replace(WAITING, version=8), reason=reason)
    assert f"bridge-agent-fail {cause}" in short(told)


MEMBER = ("CC-Member-UUID", "CC-Member-Session-UUID", "CC-Member-CID-Name", "CC-Member-CID-Number")
NOT_RECORDED = {
    "bridge-agent-fail": (
        *("CC-Queue", "CC-Action", "CC-Hangup-Cause", "CC-Agent", "CC-Agent-System", "CC-Agent-Called-Time"),
        *("CC-Agent-Aborted-Time", *MEMBER, "CC-Member-Joined-Time"),
    ),
    "member-queue-end": (
        *(
            "CC-Queue",
            "CC-Action",
            "CC-Member-Leaving-Time",
            "CC-Member-Joined-Time",
            "CC-Cause",
            "CC-Cancel-Reason",
        ),
        *MEMBER,
    ),
}
"""Headers as mod_callcenter.c adds them (`outbound_agent_thread_run`, `callcenter_function`)."""


def test_headers_that_no_recording_has_are_those_of_the_source() -> None:
    told = {info.action: info for info in story(OFFERED, ABANDONED)}
    for action, names in NOT_RECORDED.items():
        assert tuple(name for name, _ in told[action].headers) == names


def test_at_the_agents_switch_nobody_is_a_member() -> None:
    told = story(OFFERED, TALKING, LEFT, ENDED, teller=AT_AGENT)
    assert short(told) == [*OFFER, "bridge-agent-start", "In a queue call", "bridge-agent-end", "Waiting"]


def test_what_a_caller_wrote_is_cut_down() -> None:
    hostile = replace(WAITING, caller_name='Bob\r\n\r\nUnique-ID: x "${a}', caller_number="ARRAY::a|:b\0")
    told = dict(story(hostile)[0].headers)
    assert (told["CC-Member-CID-Name"], told["CC-Member-CID-Number"]) == ("BobUnique-ID x a", "ARRAYab")


ROWS = [WAITING, OFFERED, READY, TALKING, LEFT, ENDED, ABANDONED, OTHER, ELSEWHERE]


@given(st.lists(st.sampled_from(ROWS), max_size=8))
def test_whatever_rows_come_no_member_joins_or_leaves_twice_and_no_agent_talks_twice(rows: list[Any]) -> None:
    rows = [replace(row, version=number) for number, row in enumerate(rows)]
    changes = {
        "member": {"member-queue-start": 1, "member-queue-end": -1},
        "offer": {"agent-offering": 1, "bridge-agent-fail": -1, "bridge-agent-end": -1},
        "talk": {"bridge-agent-start": 1, "bridge-agent-end": -1},
    }
    balance = dict.fromkeys(changes, 0)
    seen: Seen | None = None
    for row in rows:
        seen, told = AT_CALLER.call(seen, row, NOW, lambda _: "")
        for info in told:
            for name, change in changes.items():
                balance[name] += change.get(info.action, 0)
            assert set(balance.values()) <= {0, 1}, [row.state for row in rows]
        if seen is None:
            assert set(balance.values()) == {0}
