"""Which captured calls would go elsewhere by other rules."""

from __future__ import annotations

from dataclasses import replace

import msgspec

from fsroute.model.routing import TERMS
from fsroute.replay.decision import Seen, decide
from fsroute.replay.elsewhere import Again, Comparison, staff_of
from fsroute.routing.rules import RuleSet
from tests.unit.replay.captured import ANN, BOB, CYD, call, compared, request
from tests.unit.routing.snapshots import NOON, Snapshot, agent


def differing(comparison: Comparison) -> dict[str, tuple[str, str]]:
    """The aspects of the one request that differs."""
    (elsewhere,) = comparison.elsewhere
    (one,) = elsewhere.requests
    return {each.aspect: (each.was, each.would_be) for each in one.differences}


def plain() -> RuleSet:
    return Snapshot().rules()


def test_the_same_rules_send_nobody_elsewhere() -> None:
    comparison = compared(plain(), Snapshot().rules(8), call())
    assert (comparison.calls, comparison.requests, comparison.elsewhere) == (1, 1, [])


def test_a_rule_that_takes_the_call_is_told_with_all_that_it_changes() -> None:
    snapshot = Snapshot().rule("quick", if_queue="sales", priority=9, strategy="highest_level")
    snapshot.add("routing_rule_skill", rule="quick", skill="sales", level=3)
    assert differing(compared(plain(), snapshot.rules(None), call())) == {
        "rule": ("(the queue's row)", "quick"),
        "skills": ("sales 2+", "sales 3+"),
        "priority": ("3", "9"),
        "strategy": ("longest idle", "highest level"),
        "agents": ("ann, bob", "ann"),
    }


def test_the_agent_who_would_have_been_picked_is_told() -> None:
    snapshot = Snapshot().rule("east", sites=["east"])
    snapshot.add("routing_rule_skill", rule="east", skill="sales", level=1)
    told = differing(compared(plain(), snapshot.rules(None), call()))
    assert told["picked"] == ("ann", "cyd")


def test_another_name_of_the_rule_alone_is_a_difference() -> None:
    told = differing(compared(Snapshot().rule("one").rules(), Snapshot().rule("two").rules(8), call()))
    assert told == {"rule": ("one", "two")}


def test_a_call_that_is_sent_away_loses_its_queue() -> None:
    snapshot = Snapshot().rule("none", action="announce", prompt="closed")
    assert differing(compared(plain(), snapshot.rules(8), call())) == {
        "rule": ("(the queue's row)", "none"),
        "fate": ("waits for an agent", "announce closed"),
        "queue": ("sales", "-"),
        "skills": ("sales 2+", "-"),
        "priority": ("3", "-"),
        "agents": ("ann, bob", "-"),
        "picked": ("ann", "-"),
    }


def test_time_line_limits_and_callback_are_compared() -> None:
    snapshot = Snapshot().rule("slow", longest_wait=60, overflow="number", overflow_number="4711")
    snapshot.step("slow", 1, 20, "skill", skill="sales", level=1)
    snapshot.tables["routing_rule"][0] |= {"callback_tries": 5}
    assert differing(compared(Snapshot().rule("slow").rules(), snapshot.rules(8), call())) == {
        "longest wait": ("600 s", "60 s"),
        "afterwards": ("the application goes on", "number 4711"),
        "time line": ("none", "20 s: sales 1+ suffices"),
        "callback": ("3 tries, 300 s apart, rings 25 s", "5 tries, 300 s apart, rings 25 s"),
    }


def test_whom_nobody_could_serve_would_be_refused() -> None:
    snapshot = Snapshot().rule("expert")
    snapshot.add("routing_rule_skill", rule="expert", skill="sales", level=99)
    told = differing(compared(plain(), snapshot.rules(8), call()))
    assert told["fate"] == ("waits for an agent", "refused: no agent authorized")
    assert told["agents"] == ("ann, bob", "nobody")


def test_no_route_is_told_with_its_reason() -> None:
    told = differing(compared(plain(), Snapshot().rule("lost", queue="gone").rules(8), call()))
    assert told["fate"] == (
        "waits for an agent",
        "no route: rule lost: contact center shop has no queue gone",
    )


def test_a_contact_center_that_was_closed_by_command_stays_so() -> None:
    one = request()
    closed = replace(one, seen=Seen((ANN,), {"shop": "closed"}))
    assert compared(plain(), Snapshot().rule("new").rules(8), call("a", closed)).elsewhere == []


def test_each_request_of_a_call_is_compared() -> None:
    snapshot = Snapshot().rule("help", if_queue="help", priority=1)
    comparison = compared(plain(), snapshot.rules(8), call("a", request(), request("help", 2)))
    assert [one.number for one in comparison.elsewhere[0].requests] == [2]
    assert comparison.requests == 2


def test_facts_and_the_time_of_the_call_decide() -> None:
    snapshot = Snapshot().open("office", "08:00", "11:00").rule("night", if_calendar="office", if_open=False)
    snapshot.rule("gold", 0, if_segment="gold", priority=9)
    known = compared(plain(), snapshot.rules(8), call("a", request(facts={"segment": "gold"})), call("b"))
    assert [one.requests[0].would_be.rule for one in known.elsewhere] == ["gold", "night"]


def test_a_number_that_goes_to_another_application_cannot_be_told() -> None:
    comparison = compared(plain(), plain(), call(application="service"))
    assert comparison.elsewhere == []
    ((name, why),) = comparison.not_told
    assert (name, why.partition(":")[0]) == (
        "a.jsonl",
        "800 is answered by the application orders by these rules, by service then",
    )


def test_rules_that_do_not_lead_to_what_was_done_are_not_believed() -> None:
    one = replace(request(), rules_version=7, rule="gold", is_known=True)
    comparison = compared(plain(), plain(), call("a", one))
    assert comparison.not_told == [
        (
            "a",
            "request 1: version 7 leads to (the queue's row) with what the capture holds, and led to gold then",
        )
    ]


def test_the_rules_of_each_call_s_own_version_may_be_the_present_ones() -> None:
    old, new = plain(), Snapshot().rule("new").rules(8)
    calls = [
        call(name, replace(request(), rules=rules)) for name, rules in (("a", old), ("b", new), ("c", None))
    ]
    comparison = compared(None, new, *calls)
    assert [each.call.name for each in comparison.elsewhere] == ["a"]
    assert comparison.not_told == [("c", "request 1: the journal does not hold the rules that decided")]


def test_totals_count_by_rule_and_by_contact_center() -> None:
    snapshot = Snapshot().rule("help", if_queue="help", priority=1)
    calls = [
        call("a", request("help")),
        call("b", request("help")),
        call("c"),
        replace(call("d"), requests=()),
    ]
    comparison = compared(plain(), snapshot.rules(8), *calls)
    comparison.pass_over("e", "it is damaged")
    assert list(comparison.by_rule()) == [("shop", "(the queue's row)", "help", 2)]
    counts = {
        center: (t.calls, t.elsewhere, t.without_request, t.not_told) for center, t in comparison.by_center()
    }
    assert counts == {"": (1, 0, 0, 1), "shop": (4, 2, 1, 0)}


def test_agents_beyond_those_named_make_a_difference() -> None:
    many = tuple(agent(f"a{number:02}", sales=2 + (number != 20)) for number in range(21))
    snapshot = Snapshot().rule("strict")
    snapshot.add("routing_rule_skill", rule="strict", skill="sales", level=3)
    told = differing(compared(plain(), snapshot.rules(8), call("a", request(agents=many))))
    assert told["agents"][0].endswith("a11 and 9 more")
    assert told["agents"][1].endswith("a11 and 8 more")


def test_a_file_that_trains_an_agent_is_seen() -> None:
    staff = staff_of([ANN, BOB, CYD], [ANN, BOB, replace(CYD, skills={"sales": 5})])
    comparison = compared(plain(), Snapshot().rules(8), call(), staff=staff)
    assert differing(comparison) == {"agents": ("ann, bob", "ann, bob, cyd")}


def test_a_file_that_changes_no_agent_changes_nobody() -> None:
    assert staff_of([ANN], [replace(ANN, idle_since=ANN.idle_since.replace(year=2021))]) is None


def test_the_report_is_json() -> None:
    snapshot = Snapshot().rule("help", if_queue="help", priority=1)
    comparison = compared(plain(), snapshot.rules(8), call("a", request("help")))
    document = msgspec.json.decode(msgspec.json.encode(comparison.dump()))
    assert document["elsewhere"][0]["requests"][0]["differences"] == [
        {"aspect": "rule", "was": "(the queue's row)", "would_be": "help"},
        {"aspect": "priority", "was": "0", "would_be": "1"},
    ]
    assert document["by_rule"] == [
        {"contact_center": "shop", "from": "(the queue's row)", "to": "help", "requests": 1}
    ]


def test_what_a_capture_has_accepted_is_no_difference() -> None:
    new = Snapshot().rule("new", priority=9).rules(8)
    routing = decide(new, request().asked, request().seen).routing
    assert routing is not None
    noted = msgspec.json.decode(msgspec.json.encode({name: getattr(routing, name) for name in TERMS}))
    one = replace(request(), noted=noted)
    assert compared(plain(), new, call("a", one), accepts=True).elsewhere == []
    assert len(compared(plain(), new, call("a", one)).elsewhere) == 1
    other = replace(one, noted={**noted, "priority": 8})
    assert len(compared(plain(), new, call("a", other), accepts=True).elsewhere) == 1


def test_a_way_that_was_accepted_is_no_difference() -> None:
    new = Snapshot().rule("new", action="announce", prompt="closed").rules(8)
    one = replace(
        request(), noted={"rule": "new", "way": {"do": "announce", "number": "", "prompt": "closed"}}
    )
    assert compared(plain(), new, call("a", one), accepts=True).elsewhere == []
    assert len(compared(plain(), new, call("a"), accepts=True).elsewhere) == 1


def test_a_replay_that_asks_again_and_more_is_compared() -> None:
    rules = plain()
    comparison = compared(rules, rules)
    decision = decide(rules, request().asked, request().seen)
    again = Again(NOON.timestamp(), request().asked.inquiry, decision)
    comparison.add_replayed(call("same"), [again])
    comparison.add_replayed(call("more"), [again, again])
    comparison.add_replayed(call("less"), [])
    comparison.add_replayed(call("lost"), [], "the call goes another way")
    told = {
        each.call.name: [(one.number, one.differences[0].would_be) for one in each.requests]
        for each in comparison.elsewhere
    }
    assert told == {"more": [(2, "(the queue's row)")], "less": [(1, "(no agent asked for)")]}
    assert comparison.not_told == [("lost", "the call goes another way")]
