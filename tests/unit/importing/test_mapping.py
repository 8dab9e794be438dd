"""What a set-up of mod_callcenter becomes, and what is said of the rest."""

from __future__ import annotations

import pytest

from fsroute.importing import callcenter
from fsroute.importing.listing import rows
from fsroute.importing.mapping import Wishes, plan
from fsroute.importing.plan import AgentRow, NumberRow, Step
from fsroute.importing.remarks import ImportRefused
from tests.unit.importing.reading import HARBOR, imported, with_queue

REMARKS = """
x.xml:4: dbname: agents and tiers added later are in mod_callcenter's database alone; give --agent-list
x.xml:12: queue freight@harbor.example: a level where nobody is logged on is waited for, too
x.xml:16: queue freight@harbor.example: who finds nobody logged on leaves at once, not after 20 s
x.xml:19: queue freight@harbor.example: conversations are not recorded by the queue
x.xml:22: queue passengers@harbor.example: time-base-score queue: callers stand by when their call arrived
x.xml:23: queue passengers@harbor.example: strategy top-down becomes highest_level
x.xml:24: queue passengers@harbor.example: moh-sound is $${hold_music}; give --var hold_music=VALUE
x.xml:25: queue passengers@harbor.example: who hangs up and calls again within 60 s had the place again
x.xml:26: queue passengers@harbor.example: mod_callcenter knows no parameter favourite-colour
x.xml:28: queue freight@island.example: time-base-score queue
x.xml:29: queue freight@island.example: strategy ring-all becomes longest_idle: one agent is asked at a time
x.xml:33: agent ada@harbor.example: no-answer-delay-time 30, reject-delay-time 5, busy-delay-time 60
x.xml:33: agent ada@harbor.example: sip_h_X-Desk of the dial string are not set
x.xml:36: agent cy@harbor.example calls in and stands by
x.xml:37: agent ada@island.example is available on demand
x.xml:37: agent ada@island.example: of 2 endpoints the first is dialled
x.xml:38: agent ghost has no type
x.xml:47: tier of queue freight@harbor.example: there is no agent nobody
x.xml:48: tier of agent ada@harbor.example: there is no queue nowhere
"""


def test_all_that_has_no_counterpart_is_told_with_its_line() -> None:
    _, remarks = imported(HARBOR.read_bytes())
    told = [str(remark) for remark in remarks]
    for wanted in REMARKS.strip().splitlines():
        assert any(line.startswith(wanted) for line in told), f"{wanted}\n\n" + "\n".join(told)
    extra = [
        line for line in told if not any(line.startswith(wanted) for wanted in REMARKS.strip().splitlines())
    ]
    assert [line.split(":")[1] for line in extra] == ["8"], extra  # phones that ring differently


def test_queues_become_queues_of_their_domains_contact_centers() -> None:
    made, _ = imported(HARBOR.read_bytes(), {"hold_music": "local_stream://moh"})
    assert made.contact_centers == (
        ("harbor-example", "harbor.example"),
        ("island-example", "island.example"),
    )
    freight, passengers, island = made.queues
    assert (freight.contact_center, freight.name, freight.skill) == ("harbor-example", "freight", "freight")
    assert (island.contact_center, island.name, island.skill) == (
        "island-example",
        "freight",
        "freight-island-example",
    )
    assert (freight.strategy, freight.hold_music, freight.longest_wait) == (
        "highest_level",
        "local_stream://waves",
        600,
    )
    assert (freight.refuse_when, passengers.refuse_when) == ("no_agent_logged_on", "never")
    assert passengers.hold_music == "local_stream://moh"
    assert (freight.offer_timeout, passengers.offer_timeout, island.offer_timeout) == (25, 25, 25)


def test_tiers_become_levels_and_tier_rules_a_time_line() -> None:
    made, _ = imported(HARBOR.read_bytes())
    freight = made.queues[0]
    assert freight.level == 3
    assert freight.steps == (
        Step(60, "skill", "freight", 2),
        Step(90, "skill", "freight", 1),
        Step(240, "announce", prompt="/var/lib/sounds/please_wait.wav"),
        Step(480, "announce", prompt="/var/lib/sounds/please_wait.wav"),
    )
    skills = {agent.agent_id: dict(agent.skills) for agent in made.agents}
    assert skills["ada"] == {"freight": 3}
    assert skills["bo"] == {"freight": 2, "passengers": 1}
    assert skills["cy"] == {"freight": 1, "passengers": 2}


def test_agents_become_agents() -> None:
    made, _ = imported(HARBOR.read_bytes())
    assert [agent.agent_id for agent in made.agents] == ["ada", "bo", "cy", "ada-island-example"]
    ada, bo, cy, island = made.agents
    assert ada == AgentRow(
        "ada", "ada@harbor.example", "user/ada@harbor.example", "dialled", "available", 10, 60, 3, "logged_out",
        (("freight", 3),), ("harbor-example",),
    )  # fmt: skip
    assert (bo.address, bo.status, bo.miss_limit, bo.miss_then) == (
        "user/bo@harbor.example",
        "on_break",
        None,
        "on_break",
    )
    assert (cy.address, cy.leg, cy.status) == ("user/cy@harbor.example", "standing", "logged_out")
    assert (island.address, island.contact_centers) == ("sofia/gateway/pstn/5550100", ("island-example",))


@pytest.mark.parametrize(
    ("strategy", "tiers", "becomes"),
    [
        ("longest-idle-agent", "a0:1:1 a1:1:2", ("longest_idle", 1, (1, 1))),
        ("longest-idle-agent", "a0:1:1 a1:5:1", ("highest_level", 1, (2, 1))),
        ("round-robin", "a0:1:1 a1:1:2", ("round_robin", 1, (1, 1))),
        ("top-down", "a0:1:2 a1:1:1", ("highest_level", 1, (1, 2))),
        ("sequentially-by-agent-order", "a0:2:1 a1:1:9", ("highest_level", 1, (1, 2))),
        ("agent-with-fewest-calls", "a0:1:1", ("fewest_contacts", 1, (1,))),
        ("agent-with-least-talk-time", "a0:1:1", ("fewest_contacts", 1, (1,))),
        ("random", "a0:1:1", ("longest_idle", 1, (1,))),
        ("ring-progressively", "a0:1:1 a1:1:2", ("highest_level", 1, (2, 1))),
        ("no-such", "a0:1:1", ("highest_level", 1, (1,))),
        ("", "", ("longest_idle", 1, ())),
    ],
)
def test_each_strategy_has_its_nearest(strategy: str, tiers: str, becomes: tuple[object, ...]) -> None:
    params = f'<param name="strategy" value="{strategy}"/>'
    people = "".join(f'<agent name="a{n}" type="callback" contact="user/a{n}"/>' for n in range(2))
    places = "".join(
        '<tier queue="q" agent="{}" level="{}" position="{}"/>'.format(*each.split(":"))
        for each in tiers.split()
    )
    made, _ = imported(f'<c><queue name="q">{params}</queue>{people}{places}</c>')
    queue = made.queues[0]
    levels = tuple(level for agent in made.agents for _, level in agent.skills)
    assert (queue.strategy, queue.level, levels) == becomes


RULES = {"tier-rules-apply": "true", "tier-rule-wait-second": "20"}


@pytest.mark.parametrize(
    ("parameters", "asked", "steps"),
    [
        (RULES, 3, [(20, 1)]),  # all further levels at one time
        (RULES | {"tier-rule-wait-multiply-level": "yes"}, 3, [(40, 2), (80, 1)]),
        (RULES | {"tier-rules-apply": "0"}, 1, []),
        (RULES | {"tier-rule-wait-second": "0"}, 1, []),
        (RULES | {"tier-rule-wait-second": "x"}, 1, []),
    ],
)
def test_the_next_level_is_asked_after_its_time(
    parameters: dict[str, str], asked: int, steps: list[tuple[int, int]]
) -> None:
    queue, _ = with_queue(parameters, "a0:1:1 a1:2:1 a2:4:1")
    assert queue.level == asked
    assert [(step.after, step.level) for step in queue.steps] == steps


def test_announcements_without_a_path_are_left_to_the_operator() -> None:
    sound = {"announce-sound": "ivr/hello.wav", "announce-frequency": "30"}
    queue, remarks = with_queue(sound)
    assert queue.steps == ()
    assert any("ivr/hello.wav cannot be found" in text for text in remarks)


def test_an_announcement_without_end_is_cut() -> None:
    sound = {"announce-sound": "/x.wav", "announce-frequency": "30"}
    queue, remarks = with_queue(sound)
    assert [step.after for step in queue.steps] == [30 * n for n in range(1, 21)]
    assert any("each time that it is heard" in text for text in remarks)


def test_a_number_leads_to_its_queue() -> None:
    made, _ = imported(
        HARBOR.read_bytes(), numbers={"8005550100": "passengers@harbor.example"}, application="desk"
    )
    assert made.numbers == (NumberRow("8005550100", "harbor-example", "passengers", "desk"),)
    with pytest.raises(ImportRefused, match="there is no queue nowhere"):
        imported(HARBOR.read_bytes(), numbers={"1": "nowhere"})


def test_one_contact_center_may_have_all() -> None:
    made, _ = imported(HARBOR.read_bytes(), contact_center="Harbor Lines")
    assert made.contact_centers == (("harbor-lines", "Harbor Lines"),)
    assert [queue.name for queue in made.queues] == ["freight", "passengers", "freight-2"]


AGENT_LIST = """name|instance_id|uuid|type|contact|status|state|max_no_answer|wrap_up_time
ada@harbor.example|single_box||callback|user/5|user/6|Logged Out|Waiting|0|99
new@harbor.example|single_box||callback|user/new@harbor.example|Available|Waiting|0|0
+OK
"""
TIER_LIST = """queue|agent|state|level|position
freight@harbor.example|new@harbor.example|Ready|1|1
freight@harbor.example|ada@harbor.example|Ready|2|1
+OK
"""
QUEUE_LIST = """name|strategy|moh_sound|time_base_score|record_template
freight@harbor.example|round-robin|(null)|queue|(null)
later@harbor.example|random|local_stream://x|system|(null)
+OK
"""


def test_what_mod_callcenter_prints_goes_before_its_file() -> None:
    from fsroute.importing.xmlfile import Reader

    set_up, _ = callcenter.read([Reader().read(HARBOR.read_bytes(), "x.xml")])
    set_up = callcenter.with_lists(
        set_up,
        rows(QUEUE_LIST, "q", "name"),
        rows(AGENT_LIST, "a", "name"),
        rows(TIER_LIST, "t", "queue", "agent"),
    )
    made, _ = plan(set_up, Wishes())
    agents = {agent.agent_id: agent for agent in made.agents}
    assert (agents["ada"].wrap_up, agents["ada"].status, agents["ada"].address) == (
        99,
        "logged_out",
        "user/5",
    )
    assert dict(agents["new"].skills)["freight"] > dict(agents["ada"].skills)["freight"]
    queues = {(queue.contact_center, queue.name): queue for queue in made.queues}
    assert queues["harbor-example", "later"].hold_music == "local_stream://x"
    freight = queues["harbor-example", "freight"]
    assert (freight.longest_wait, freight.hold_music) == (600, "local_stream://waves")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("-ERR Invalid!", "l:1: a list without the column name"),
        ("name|type\na|b|c", "l:2: 3 columns, not 2"),
    ],
)
def test_what_is_no_list_is_refused(text: str, why: str) -> None:
    with pytest.raises(ImportRefused, match=why):
        list(rows(text, "l", "name"))


def test_an_empty_list_is_none() -> None:
    assert list(rows("+OK\n", "l", "name")) == []
