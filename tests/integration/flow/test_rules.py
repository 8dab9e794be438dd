"""Rules of one version, loaded while calls run: what they make of each contact."""

from __future__ import annotations

import pytest

from fsroute.coordinator.strategies import load as load_strategies
from fsroute.store.loading import Loader
from fsroute.switchsim import Answers, CallerCall, Press, WaitFor
from tests.integration.flow.callers import at_home, call_and, calls_to, row
from tests.integration.flow.conftest import World
from tests.integration.flow.test_transfers import ask, hears
from tests.waiting import until


def rules(world: World, text: str) -> int:
    """Load rules, and wait until the callers' site has them."""
    loader = Loader(world.store.database, frozenset(load_strategies().known), {})
    loaded = loader.load(text, "test.sql", "test")
    assert loaded.version is not None, [str(fault) for fault in loaded.faults]
    assert world.west.app is not None
    book = world.west.app.rules
    until(lambda: book.version == loaded.version)
    return loaded.version


def test_each_contact_records_the_rule_and_the_version_that_routed_it(world: World) -> None:
    first = rules(
        world, "insert into routing_rule (contact_center_id, rule, ordinal) values ('acme', 'all', 1)"
    )
    one = call_and(world)
    until(lambda: world.states() == ["queued"], 10)
    second = rules(
        world,
        "insert into routing_rule (contact_center_id, rule, ordinal, if_caller_number, priority)"
        " values ('acme', 'ada', 1, '\\+1415.*', 7), ('acme', 'all', 2, null, null)",
    )
    other = call_and(world, number="+14155550177")
    until(lambda: world.states() == ["queued", "queued"], 10)
    assert world.query("select rule, rules_version from contact order by arrived_at") == [
        ("all", first),
        ("ada", second),
    ]
    assert (row(world).rule, row(world).priority) == ("ada", 7)
    for call in (one, other):
        call.hang_up()
    world.wait_for_outcomes("abandoned", "abandoned")
    world.assert_nothing_violated()
    world.assert_nothing_left()


@pytest.mark.parametrize(
    ("columns", "values", "heard", "outcome"),
    [
        ("action", "'refuse'", "prompts/en/all_busy", "refused"),  # the application goes on as for refused
        ("action, prompt", "'announce', 'closed'", "callserver/prompts/en/closed.wav", "refused"),
        ("action, number", "'number', '1000'", "tone_stream", "overflowed"),
        ("action, prompt", "'voice_message', null", "callserver/prompts/en/voice_message.wav", "overflowed"),
    ],
)
def test_a_rule_may_have_another_way_than_the_queue(
    world: World, columns: str, values: str, heard: str, outcome: str
) -> None:
    version = rules(
        world,
        f"insert into routing_rule (contact_center_id, rule, ordinal, {columns}) values ('acme', 'away', 1, {values});"
        "insert into routing_rule (contact_center_id, rule, ordinal) values ('acme', 'rest', 2)",
    )
    call = call_and(world, WaitFor("recording", limit=2), Press("#"))
    world.wait_for_outcomes(outcome)
    assert call.timeline.heard(heard), str(call.timeline)
    assert world.states() == []
    assert world.query("select rule, rules_version from contact") == [("away", version)]
    world.assert_nothing_violated()
    world.assert_nothing_left()


def test_a_time_line_announces_then_offers_to_call_back(world: World) -> None:
    rules(
        world,
        """insert into routing_rule (contact_center_id, rule, ordinal, callback_tries) values ('acme', 'all', 1, 2);
        insert into rule_step (contact_center_id, rule, ordinal, after_s, step, prompt) values
        ('acme', 'all', 1, 0.2, 'announce', 'please_hold'), ('acme', 'all', 2, 0.8, 'offer_callback', null)""",
    )
    chooses = (WaitFor("callback_offer"), Press("1"), WaitFor("callback_confirm"), Press("1"))
    call = call_and(world, *chooses)
    until(lambda: call.over.is_set(), 10)
    assert call.timeline.heard("please_hold")
    assert (row(world).state, row(world).callback.tries) == ("callback", 2)
    at_home(world, Answers(after=1))
    world.log_on("ann", Answers(after=1, talk=4))
    until(lambda: any(back.timeline.heard("talking with ann") for back in calls_to(world)), 10)
    world.wait_for_outcomes("served")
    world.assert_nothing_violated()
    world.assert_nothing_left()


def test_the_longest_wait_may_end_in_a_voice_message(world: World) -> None:
    rules(
        world,
        "insert into routing_rule (contact_center_id, rule, ordinal, longest_wait, overflow)"
        " values ('acme', 'all', 1, 0.5, 'voice_message')",
    )
    call = call_and(world, WaitFor("recording"), WaitFor("nothing else", limit=1.2), Press("#"))
    world.wait_for_outcomes("overflowed")
    assert call.timeline.heard("voice_message_thanks")
    assert world.query("select count(*) from voice_message") == [(1,)]
    world.assert_nothing_violated()
    world.assert_nothing_left()


def test_the_longest_queue_leads_to_a_number(world: World) -> None:
    rules(
        world,
        "insert into routing_rule (contact_center_id, rule, ordinal, longest_queue, overflow, overflow_number)"
        " values ('acme', 'all', 1, 1, 'number', '1000')",
    )
    first = call_and(world)
    until(lambda: world.states() == ["queued"], 10)
    second = call_and(world, number="+14155550177")
    until(lambda: second.timeline.heard("tone_stream"), 10)
    first.hang_up()
    until(lambda: sorted(world.outcomes()) == ["abandoned", "overflowed"], 10)
    world.assert_nothing_violated()
    world.assert_nothing_left()


def talking(world: World, text: str) -> tuple[CallerCall, int]:
    """A caller and Ann, who talk; then these rules are loaded. A queue "repairs" with the skill "repairs", too."""
    world.query("insert into queue (contact_center_id, queue, priority, extension)"
                " values ('acme', 'repairs', 9, '8') returning 1")  # fmt: skip
    world.query("insert into queue_skill values ('acme', 'repairs', 'repairs') returning 1")
    world.query("insert into agent_skill values ('bob', 'boilers', 1) returning 1")
    world.log_on("ann", Answers(after=0.1))
    call = call_and(world)
    until(lambda: call.talked_with == "ann" and call.is_talking, 10)
    version = rules(world, text)
    assert world.east.app is not None
    book = world.east.app.rules
    until(lambda: book.version == version)
    return call, version


FOR_REPAIRS = """insert into routing_rule (contact_center_id, rule, ordinal, if_queue, if_caller_number, priority)
values ('acme', 'not_this_one', 1, 'repairs', '\\+4930.*', 1), ('acme', 'old_boilers', 2, 'repairs', '\\+1415.*', 77);
insert into routing_rule_skill (contact_center_id, rule, skill, level) values ('acme', 'old_boilers', 'boilers', 1);
insert into rule_step (contact_center_id, rule, ordinal, after_s, step, skill)
values ('acme', 'old_boilers', 1, 0.5, 'skill', 'boilers')"""


def test_a_transfer_to_a_queue_goes_by_the_rules(world: World) -> None:
    call, version = talking(world, FOR_REPAIRS)
    before = (row(world).priority, row(world).arrived_at)
    assert ask(world, "ann", "transfer", to="queue", name="8") == "done"
    until(lambda: row(world).time_line_done == 1, 10)
    assert (row(world).queue, row(world).rule, row(world).demand.skills) == ("repairs", "old_boilers", ())
    assert (row(world).priority, row(world).arrived_at) == before
    assert world.query("select rule, rules_version from contact") == [("old_boilers", version)]
    asked = world.query(
        "select data -> 'skills', data ->> 'rule' from contact_event where kind = 'transferred'"
    )
    assert asked == [([["boilers", 1]], "old_boilers")]
    until(lambda: call.talked_with == "ann" and world.kinds().count("joined") == 2, 20)  # by then anybody may
    call.hang_up()
    world.wait_for_outcomes("served")
    world.assert_nothing_left(silence=2.0)


def test_a_consultation_of_a_queue_goes_by_the_rules_for_the_caller(world: World) -> None:
    call, version = talking(world, FOR_REPAIRS)
    world.log_on("bob", Answers(after=0.1))
    assert ask(world, "ann", "consult", to="queue", name="repairs") == "done"
    until(lambda: world.states() == ["bridged", "bridged"], 10)
    assert (row(world).rule, row(world).priority) == ("old_boilers", row(world, 0).priority)
    assert world.query("select rule, rules_version from contact where parent_contact_id is not null") == [
        ("old_boilers", version)
    ]
    call.hang_up()
    world.wait_for_outcomes("served", "served")
    world.assert_nothing_left(silence=2.0)


@pytest.mark.parametrize("kind", ["transfer", "consult"])
@pytest.mark.parametrize(
    ("columns", "values", "why"),
    [
        ("action", "'refuse'", "refuse"),
        ("action, prompt", "'announce', 'closed'", "announce"),
        ("action, number", "'number', '1000'", "number"),
        ("action, prompt", "'voice_message', null", "voice message"),
    ],
)
def test_rules_that_queue_nobody_leave_the_talk_as_it_is(
    world: World, kind: str, columns: str, values: str, why: str
) -> None:
    call, _ = talking(
        world,
        f"insert into routing_rule (contact_center_id, rule, ordinal, if_queue, {columns})"
        f" values ('acme', 'away', 1, 'repairs', {values})",
    )
    result = ask(world, "ann", kind, to="queue", name="8")
    assert result == f"rule away does not queue contacts for repairs now, but has for them: {why}"
    hears(call, "talking with ann")
    assert world.states() == ["bridged"]
    call.hang_up()
    world.wait_for_outcomes("served")
    world.assert_nothing_violated()
    world.assert_nothing_left()


def test_nothing_is_transferred_within_a_contact_center_that_is_closed(world: World) -> None:
    call, _ = talking(
        world, "insert into routing_rule (contact_center_id, rule, ordinal) values ('acme', 'all', 1)"
    )
    world.query("select close_contact_center('acme', null, true, 'test')")
    assert world.east.app is not None
    book = world.east.app.rules
    until(lambda: book.closing("acme") is not None)
    assert ask(world, "ann", "transfer", to="queue", name="8") == "the contact center is closed"
    hears(call, "talking with ann")
    call.hang_up()
    world.wait_for_outcomes("served")
    world.assert_nothing_left()
