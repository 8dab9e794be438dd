"""Whatever is heard, in whatever order: nothing counts twice, and all that is offered is somewhere."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from fsroute.cti import activity as act
from fsroute.cti import events, lists
from fsroute.cti.activity import Activity
from fsroute.cti.lines import VISITS, Line, Stage, Step
from fsroute.cti.lists import CallcenterLists, ListedMember, ListedQueue
from fsroute.cti.writing import dump
from fsroute.esl.messages import Event
from fsroute.model.activity import INTERVAL, Counts, QueueKey, Source
from tests.unit.cti.watching import START, Watch, before, taken_over

MEMBERS = st.sampled_from(["m1", "m2", "m3", "m4"])
QUEUES = st.sampled_from(["support", "sales"])
AGENTS = st.sampled_from(["ann", "bob"])
CHANNELS = st.sampled_from(["c1", "c2", "c3"])
USERS = st.sampled_from(["ann@here", "bob@here", ""])

EVENTS = st.one_of(
    st.builds(events.MemberJoined, QUEUES, MEMBERS, CHANNELS, st.booleans()),
    st.builds(events.MemberServed, QUEUES, MEMBERS, AGENTS),
    st.builds(events.MemberLeft, QUEUES, MEMBERS, st.booleans(), st.sampled_from(["BREAK_OUT", "TIMEOUT"])),
    st.builds(events.BridgeFailed, QUEUES, MEMBERS, AGENTS),
    st.builds(events.AgentStatusChanged, AGENTS, st.sampled_from(["Available", "On Break", "nonsense"])),
    st.builds(events.AgentStateChanged, AGENTS, st.sampled_from(["Waiting", "Receiving", "Idle", "?"])),
    st.builds(events.AgentTalkOver, AGENTS),
    st.builds(events.AgentMissed, AGENTS, st.sampled_from(["NO_ANSWER", "USER_BUSY", ""])),
    st.builds(events.ChannelCreated, CHANNELS, st.booleans(), st.sampled_from(["100", "200", ""]), USERS),
    st.builds(events.ChannelAnswered, CHANNELS, USERS),
    st.builds(events.ChannelsBridged, st.tuples(CHANNELS, CHANNELS)),
    st.builds(events.ChannelGone, CHANNELS, st.booleans()),
    st.builds(events.PhoneRegistered, USERS, st.sampled_from(["a", "b"]), st.just("sip:x")),
    st.builds(events.PhoneGone, USERS, st.sampled_from(["a", "b"])),
    st.builds(act.LinkUp, st.sampled_from(["one", "two"])),
    st.just(act.LinkDown()),
    st.just(act.Tick()),
    st.builds(
        lambda answered, abandoned, members: act.CallcenterListed(
            CallcenterLists(
                queues=(ListedQueue("support", answered, abandoned), ListedQueue("sales", 0, 0)),
                members=tuple(
                    ListedMember("support", name, "", START, talks, START, "ann") for name, talks in members.items()
                ),
            )
        ),
        st.integers(0, 9),
        st.integers(0, 9),
        st.dictionaries(MEMBERS, st.booleans(), max_size=3),
    ),
)  # fmt: skip
HISTORIES = st.lists(st.tuples(EVENTS, st.floats(0, 400)), max_size=40)


def total(line: Line) -> Counts:
    """All that was ever counted, as no interval was dropped yet."""
    return sum(line.counting.intervals.values(), Counts())


def holds(activity: Activity) -> None:
    for line in activity.lines.values():
        counts = total(line)
        assert min(line.waiting, line.talking) >= 0
        assert line.talking == sum(visit.stage is Stage.TALKING for visit in line.visits.values())
        over = counts.answered + counts.abandoned + counts.automatic
        assert counts.offered == over + line.waiting, line.key
        assert counts.answered >= counts.handled + line.talking >= line.talking
        assert counts.in_time <= counts.answered
        assert counts.abandoned_early <= counts.abandoned
        assert min(counts.wait, counts.handling) >= 0


def heard(history: list[tuple[Any, float]]) -> Watch:
    watch = Watch()
    for event, passed in history:
        watch.until(watch.second + passed)
        watch.tell(event)
        holds(watch.activity)
    return watch


@settings(max_examples=150, deadline=None)
@given(HISTORIES)
def test_all_that_is_offered_is_somewhere(history: list[tuple[Any, float]]) -> None:
    watch = heard([(event, passed % 20) for event, passed in history])
    news = dump(watch.take())
    for queue in watch.activity.lines.values():
        activity = queue.activity(watch.now, 1, 0)
        assert activity.in_progress == len(queue.visits)
        assert activity.service_level is None or 0 <= activity.service_level <= 1
    assert news["whole"]


@settings(max_examples=80, deadline=None)
@given(HISTORIES, st.integers(0, 40))
def test_a_process_that_takes_over_goes_on_from_what_was_written(
    history: list[tuple[Any, float]], cut: int
) -> None:
    short = [(event, passed % 2) for event, passed in history]  # all within one interval
    first = heard(short[:cut])
    next_one = taken_over(first, first.second)
    for key, line in first.activity.lines.items():
        if line.visits or total(line) != Counts():
            assert total(next_one.activity.lines[key]) == total(line)
            assert next_one.activity.lines[key].visits == line.visits
    for event, passed in short[cut:]:
        next_one.until(next_one.second + passed)
        next_one.tell(event)
        holds(next_one.activity)


@settings(max_examples=80, deadline=None)
@given(HISTORIES)
def test_what_is_written_piece_by_piece_is_what_is_known(history: list[tuple[Any, float]]) -> None:
    """Rows that a reader would have after each write, against those that a whole write gives."""
    watch = Watch()
    agents, queues, calls, intervals = {}, {}, {}, {}  # type: ignore[var-annotated]
    for number, (event, passed) in enumerate(history):
        watch.until(watch.second + passed % 5)
        watch.tell(event)
        if number % 3 == 0:
            continue
        news = watch.take()
        for key in news.gone_agents:
            agents.pop(key, None)
        for line in news.gone_queues:
            queues.pop(line, None)
        for call in news.gone_calls:
            calls.pop(call, None)
        agents.update((agent.key, agent) for agent in news.agents)
        queues.update((queue.key, (queue.waiting, queue.talking)) for queue in news.queues)
        calls.update(news.calls)
        intervals.update({(line, begin): counts for line, begin, counts in news.intervals})
    watch.take()
    final = before(watch)
    if history and (len(history) - 1) % 3:
        assert agents == watch.activity.agents
        assert calls == dict(final.calls)
        assert queues == {key: (line.waiting, line.talking) for key, line in watch.activity.lines.items()}
        assert (
            intervals.items()
            >= {
                (line, begin): counts for line, begin, counts in final.intervals if counts != Counts()
            }.items()
        )


@settings(max_examples=60, deadline=None)
@given(HISTORIES)
def test_a_write_that_failed_is_made_up_for_by_the_next(history: list[tuple[Any, float]]) -> None:
    watch = heard([(event, passed % 5) for event, passed in history])
    lost = watch.take()
    watch.activity.give_back(lost)
    again = watch.take()
    assert again.whole
    assert set(again.intervals) >= set(lost.intervals)
    assert {agent.key: agent for agent in again.agents} == watch.activity.agents
    assert {agent.key: agent for agent in again.agents} == watch.activity.agents
    assert dict(again.calls) == dict(before(watch).calls)


@given(st.lists(st.tuples(st.sampled_from(list(Step)), st.floats(0, 3 * INTERVAL)), max_size=30))
def test_a_call_on_a_line_goes_by_the_table_alone(steps: list[tuple[Step, float]]) -> None:
    line = Line(QueueKey(Source.SITE, ""), 20.0)
    now = START
    for step, passed in steps:
        now += passed
        visit = line.visits.get("c")
        stage = visit.stage if visit else None
        known = (stage, step) in VISITS and not (step is Step.ENTER and "c" in line._over)
        assert line.step("c", step, now) == known
        visit = line.visits.get("c")
        assert (visit.stage if visit else None) is (VISITS[stage, step][0] if known else stage)


HEADERS = st.dictionaries(
    st.sampled_from(
        ["CC-Action", "CC-Queue", "CC-Agent", "CC-Member-UUID", "CC-Cause", "CC-Agent-Status", "CC-Agent-State",
         "Unique-ID", "Call-Direction", "Caller-Destination-Number", "Channel-Presence-ID", "from-user", "from-host",
         "user", "host", "contact", "call-id", "Event-Subclass", "Hangup-Cause", "CC-Agent-Contact"]
    ),
    st.one_of(
        st.text(st.characters(exclude_characters="\n"), max_size=300),
        st.sampled_from(["member-queue-start", "agent-state-change", "callcenter::info", "sofia::register", "inbound"]),
    ),
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["CUSTOM", *events.CHANNELS]), HEADERS), max_size=10))
def test_no_event_of_a_switch_upsets_it(frames: list[tuple[str, dict[str, str]]]) -> None:
    watch = Watch()
    for name, headers in frames:
        lines = "".join(f"{key}: {value}\n" for key, value in headers.items())
        text = f"Event-Name: {name}\n{lines}\n".encode("utf-8", "surrogatepass")
        what = events.heard(Event.plain(text))
        if what is not None:
            watch.tell(what)
            holds(watch.activity)
    for key in watch.activity.lines:
        assert len(key.queue) <= events.LONGEST
        assert key.queue.isprintable()


@given(st.text(max_size=500), st.text(max_size=500), st.text(max_size=500), st.text(max_size=500))
def test_no_list_of_a_switch_upsets_it(agents: str, tiers: str, queues: str, members: str) -> None:
    lists.callcenter(
        f"name|status|state\n{agents}", f"queue|agent|level\n{tiers}", f"name|x\n{queues}", members
    )
    lists.registrations(agents)
    lists.channels(f'{{"rows": [{{"uuid": {queues!r}}}]}}')
    watch = Watch()
    watch.tell(act.CallcenterListed(lists.callcenter(f"name|status|state\n{agents}", tiers, queues, members)))
    holds(watch.activity)
