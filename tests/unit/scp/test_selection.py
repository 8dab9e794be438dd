"""Which destination a call gets before the answer: scenes as tables, and what holds of any scene."""

from __future__ import annotations

from dataclasses import replace
from math import inf

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fsroute.model.direct import Direct, Manner, Otherwise, Policy
from fsroute.scp.picture import Picture, Place, Seat, Site
from fsroute.scp.selection import Call, Decision, Limits, select
from fsroute.scp.shares import Shares
from tests.unit.scp.scenes import NOW, SHOP, picture, seat

LIMITS = Limits(stale=10.0, confirm=5.0)

SITES = """
site    seen  calls  capacity  wait  link
leeds   1     4      -         20    up
york    2     0      10        -     up
hull    60    0      -         5     up
bath    1     7      7         5     up
deal    1     0      -         5     down
"""

AGENTS = """
agent   site    idle  skills          rate  serves
ann     leeds   30    sales:3 welsh:1 0.4   shop
bob     york    90    sales:1         0.2   shop
cyd     york    50    sales:3         0.9   shop bank
dee     hull    500   sales:9         0.1   shop
eve     bath    500   sales:9         0.1   shop
fay     leeds   -     sales:9         0.1   shop
gus     leeds   700   welsh:5         0.1   shop
hal     york    700   sales:5         0.1   bank
"""


def decide(
    scene: Picture, policy: Policy, call: Call | None = None, now: float = NOW, **terms: object
) -> Decision:
    direct = Direct(policy, Manner.BRIDGE, **terms)  # type: ignore[arg-type]
    return select(call or Call(SHOP, "leeds"), direct, scene, now, LIMITS, Shares())


def names(decision: Decision) -> list[str]:
    return [each.name for each in decision.destinations]


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (Policy.LONGEST_IDLE, ["bob", "cyd", "ann", "site leeds"]),
        (Policy.SKILL_MATCH, ["cyd", "ann", "bob", "site leeds"]),
        (Policy.LEAST_EXPECTED_WAIT, ["bob", "cyd", "ann", "site leeds"]),
        (Policy.COST, ["site leeds", "bob", "ann", "cyd"]),
    ],
)
def test_a_policy_orders_who_may_be_called(policy: Policy, expected: list[str]) -> None:
    assert names(decide(picture(SITES, AGENTS), policy, tries=4)) == expected


def test_the_networks_rate_counts_with_the_agents() -> None:
    scene = picture(SITES, AGENTS)
    scene.rates = {("leeds", "york"): 0.3, ("leeds", "leeds"): 0.0}
    assert names(decide(scene, Policy.COST, tries=3)) == ["site leeds", "ann", "bob"]


def test_the_line_of_a_decision_says_why() -> None:
    decision = decide(picture(SITES, AGENTS), Policy.LONGEST_IDLE, tries=2)
    assert decision.line == (
        "longest_idle: bob at york, idle 90 s; then cyd at york; "
        "left out bath: full, 7 of 7 calls, deal: no link, hull: stale, not seen for 60 s"
    )


def test_nobody_anywhere_goes_the_rules_other_way_and_says_so() -> None:
    scene = picture("site  seen calls capacity\nyork  1    0     -", "agent site idle\nbob   york -")
    decision = decide(scene, Policy.COST, otherwise=Otherwise("number", "900"))
    assert decision.destinations == ()
    assert decision.line == "cost: nobody, so number 900; left out york: nobody idle"


def test_what_was_tried_is_not_tried_again() -> None:
    scene = picture(SITES, AGENTS)
    for policy in Policy:
        shares = {"york": 50.0, "leeds": 50.0}
        tried = Call(SHOP, "leeds", frozenset({"bob", "site leeds"}))
        assert not {"bob", "site leeds"} & set(names(decide(scene, policy, tried, shares=shares)))


def test_a_rule_for_some_sites_asks_no_door_elsewhere() -> None:
    demand = SHOP.with_(sites=("york",))
    assert names(decide(picture(SITES, AGENTS), Policy.LONGEST_IDLE, Call(demand))) == ["bob", "cyd"]


def test_a_door_whose_wait_is_short_comes_first_where_nobody_is_idle() -> None:
    scene = picture("site  seen wait\nleeds 1    50\nyork  1    20\nhull  1    ?")
    decision = decide(scene, Policy.LEAST_EXPECTED_WAIT)
    assert names(decision) == ["site york", "site leeds", "site hull"]
    assert decision.destinations[0].why == "expected wait 20 s"
    assert decision.destinations[2].why == "expected wait not known"


def test_a_site_is_full_by_the_calls_that_are_on_their_way() -> None:
    scene = picture(
        "site  seen calls capacity\nyork  1    3     5", "agent site idle skills\nbob   york 9    sales:1"
    )
    scene.sent("york", [NOW])
    assert names(decide(scene, Policy.LONGEST_IDLE)) == ["bob"]
    scene.sent("york", [NOW, NOW])
    assert decide(scene, Policy.LONGEST_IDLE).line.endswith("york: full, 5 of 5 calls")
    assert names(decide(scene, Policy.LONGEST_IDLE, now=NOW + 6)) == ["bob"], "they never came"


def test_a_site_that_the_database_has_refused_is_left_out_with_its_reason() -> None:
    scene = picture(
        "site  seen wait\nleeds 1    50\nyork  1    20", "agent site idle skills\nbob   york 9    sales:1"
    )
    full = {"york": "full, 4 of 4 calls"}
    decision = decide(scene, Policy.LONGEST_IDLE, Call(SHOP, left_out=full))
    assert names(decision) == ["site leeds"], "neither its agents nor its door"
    assert decision.line.endswith("left out york: full, 4 of 4 calls")


def test_activity_that_is_newer_knows_of_the_calls_on_their_way() -> None:
    scene = picture(
        "site  seen calls capacity\nyork  1    3     4", "agent site idle skills\nbob   york 9    sales:1"
    )
    scene.sent("york", [NOW])
    assert names(decide(scene, Policy.LONGEST_IDLE)) == []
    scene.report(Site("york", 4, 3, {}, NOW + 1.5))
    assert names(decide(scene, Policy.LONGEST_IDLE)) == ["bob"]


# Agents come and go ------------------------------------------------------------------------------------------


def one(idle: float | None = 9.0) -> Picture:
    scene = picture("site  seen\nyork  1", "agent site idle")
    scene.put(seat("bob", "york", idle, "sales:1"), NOW)
    return scene


def test_an_agent_who_is_taken_is_nobodys_until_the_time_is_over() -> None:
    scene = one()
    scene.take("bob", NOW, NOW + 5)
    assert names(decide(scene, Policy.LONGEST_IDLE)) == []
    scene.put(seat("bob", "york", 9, "sales:1"), NOW + 1)
    assert names(decide(scene, Policy.LONGEST_IDLE)) == [], "activity does not know of the call yet"
    scene.advance(NOW + 5)
    assert names(decide(scene, Policy.LONGEST_IDLE)) == ["bob"]


def test_activity_that_confirms_ends_the_taking() -> None:
    scene = one()
    scene.take("bob", NOW, NOW + 5)
    scene.put(seat("bob", "york", None, "sales:1"), NOW + 0.1)
    scene.put(seat("bob", "york", 0, "sales:1"), NOW + 0.2)
    assert names(decide(scene, Policy.LONGEST_IDLE)) == ["bob"], "the call was short"


def test_an_agent_who_is_idle_since_a_later_moment_has_had_the_call() -> None:
    scene = one()
    scene.take("bob", NOW, NOW + 5)
    again = seat("bob", "york", 9, "sales:1")
    scene.put(Seat("bob", again.qualification, NOW + 1, NOW + 1), NOW + 1)
    assert names(decide(scene, Policy.LONGEST_IDLE, now=NOW + 1)) == ["bob"]


def test_an_agent_of_a_newer_row_has_had_the_call_even_if_nobody_saw_it() -> None:
    scene = one()
    known = scene.seat("bob")
    assert known is not None
    scene.put(replace(known, version=7), NOW)
    scene.take("bob", NOW, NOW + 5)
    scene.put(replace(known, version=7), NOW + 0.1)
    assert names(decide(scene, Policy.LONGEST_IDLE)) == [], "read before the claim"
    scene.put(replace(known, version=9), NOW + 0.2)
    assert names(decide(scene, Policy.LONGEST_IDLE)) == ["bob"], "called, and given back"


def test_an_agent_who_was_not_called_after_all_is_idle_at_once() -> None:
    scene = one()
    scene.take("bob", NOW, NOW + 5)
    scene.release("bob", NOW)
    assert names(decide(scene, Policy.LONGEST_IDLE)) == ["bob"]


def test_wrap_up_ends_by_itself() -> None:
    scene = one(None)
    busy = seat("bob", "york", 0, "sales:1")
    scene.put(Seat("bob", busy.qualification, NOW + 20, NOW + 20), NOW)
    assert names(decide(scene, Policy.LONGEST_IDLE)) == []
    scene.advance(NOW + 20)
    assert names(decide(scene, Policy.LONGEST_IDLE, now=NOW + 1)) == ["bob"]


def test_an_agent_who_is_gone_or_has_learned_something_stands_where_that_belongs() -> None:
    scene = one()
    assert names(decide(scene, Policy.LONGEST_IDLE)) == ["bob"]
    scene.put(seat("bob", "york", 9, "welsh:1"), NOW)
    assert names(decide(scene, Policy.LONGEST_IDLE)) == []
    scene.put(seat("bob", "york", 9, "sales:2"), NOW)
    scene.put(seat("cyd", "york", 99, "sales:2"), NOW)
    assert names(decide(scene, Policy.LONGEST_IDLE)) == ["cyd", "bob"]
    scene.drop("cyd")
    assert names(decide(scene, Policy.LONGEST_IDLE)) == ["bob"]


# What holds of any scene -------------------------------------------------------------------------------------

SKILLS = ("sales:1", "sales:3", "welsh:1", "sales:2 welsh:2")
PEOPLE = st.lists(
    st.tuples(
        st.integers(0, 4), st.one_of(st.none(), st.integers(0, 900)), st.sampled_from(SKILLS),
        st.sampled_from(("shop", "bank", "shop bank")), st.integers(0, 9),
    ),
    max_size=25,
)  # fmt: skip
PLACES = st.lists(
    st.tuples(st.integers(0, 30), st.booleans(), st.one_of(st.none(), st.integers(0, 5)), st.integers(0, 5)),
    min_size=5, max_size=5,
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(PLACES, PEOPLE, st.sampled_from(list(Policy)), st.integers(1, 4))
def test_no_destination_is_stale_full_cut_off_or_not_allowed(
    places: list[tuple[int, bool, int | None, int]],
    people: list[tuple[int, int | None, str, str, int]],
    policy: Policy,
    tries: int,
) -> None:
    scene = Picture()
    decide(scene, policy, tries=tries)  # the pool is there before anybody is
    for number, (age, linked, capacity, calls) in enumerate(places):
        scene.places[f"s{number}-1"] = Place(f"s{number}-1", f"s{number}", NOW - age, linked)
        scene.report(Site(f"s{number}", capacity, calls, {}, NOW))
    may = set()
    for number, (site, idle, skills, serves, rate) in enumerate(people):
        scene.put(seat(f"a{number}", f"s{site}", idle, skills, rate / 10, serves), NOW)
        age, linked, capacity, calls = places[site]
        usable = age <= LIMITS.stale and linked and (capacity is None or calls < capacity)
        if usable and idle is not None and "sales" in skills and "shop" in serves:
            may.add(f"a{number}")
    decision = decide(scene, policy, tries=tries, shares={f"s{number}": 20.0 for number in range(5)})
    assert set(names(decision)) <= may
    assert bool(may) == bool(decision.destinations)
    assert len(set(names(decision))) == len(decision.destinations) <= tries
    if policy is not Policy.SHARE:
        assert len(decision.destinations) == min(tries, len(may))


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 12), st.integers(0, 3), st.sampled_from(list(Policy)))
def test_a_burst_spreads_over_as_many_agents_as_there_are(agents: int, more: int, policy: Policy) -> None:
    scene = picture("site  seen\nyork  1\nleeds 1", "agent site idle")
    for number in range(agents):
        scene.put(seat(f"a{number}", ("york", "leeds")[number % 2], number, "sales:1"), NOW)
    shares, chosen = Shares(), []
    terms = Direct(policy, Manner.BRIDGE, shares={"york": 50.0, "leeds": 50.0})
    for _ in range(agents + more):
        decision = select(Call(SHOP), terms, scene, NOW, LIMITS, shares)
        shares = decision.shares
        if decision.destinations:
            chosen.append(decision.destinations[0].name)
            scene.take(chosen[-1], NOW, NOW + 5)
    assert sorted(chosen) == sorted(f"a{number}" for number in range(agents))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 60), min_size=2, max_size=6), st.integers(1, 300), st.integers(0, 200))
def test_shares_hold_over_any_window(weights: list[int], window: int, start: int) -> None:
    total = sum(weights)
    percents = {f"s{number}": 100 * weight / total for number, weight in enumerate(weights)}
    shares, chosen = Shares(), []
    for _ in range(start + window):
        first = shares.order(percents, percents)[0]
        shares = shares.after(percents, percents, first)
        chosen.append(first)
    seen = chosen[start:]
    for site, percent in percents.items():
        assert abs(seen.count(site) - window * percent / 100) < len(weights), "bounded, however long"
    assert sum(shares.credits.values()) == pytest.approx(0, abs=1e-6)


def test_what_a_site_cannot_take_is_not_owed_to_it_later() -> None:
    percents, shares = {"a": 50.0, "b": 50.0}, Shares()
    for _ in range(1000):
        shares = shares.after(percents, ["a"], "a")
    row = []
    for _ in range(4):
        row.append(shares.order(percents, percents)[0])
        shares = shares.after(percents, percents, row[-1])
    assert row == ["a", "b", "a", "b"]


def test_a_seat_without_an_end_of_its_work_is_not_idle() -> None:
    assert seat("bob", "york", None).idle_from == inf
