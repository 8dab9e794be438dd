from __future__ import annotations

import pytest

from tests.unit.coordinator.scenario import play


def test_a_contact_goes_to_an_idle_agent_at_once() -> None:
    play("""
        0  agent anna |
        5  call 1     | 1 to anna
    """)


def test_a_contact_waits_until_an_agent_comes() -> None:
    center = play("""
        0  call 1     |
        5  agent anna | 1 to anna
    """)
    assert center.core.waiting() == 0


def test_of_several_agents_the_longest_idle_is_chosen() -> None:
    play("""
        0   agent anna idle=-10 |
        0   agent boris idle=-30 |
        0   agent clara idle=-20 |
        1   call 1 | 1 to boris
        2   call 2 | 2 to clara
        3   call 3 | 3 to anna
        4   call 4 |
    """)


def test_of_several_contacts_the_first_by_priority_then_by_arrival_is_served() -> None:
    play("""
        0  call 1 |
        1  call 2 |
        2  call 3 priority=5 |
        3  call 4 arrived=-60 |
        9  agent anna  | 3 to anna
        9  agent boris | 4 to boris
        9  agent clara | 1 to clara
        9  agent dora  | 2 to dora
    """)


def test_order_holds_across_demands() -> None:
    play("""
        0  call 1 sales=2 |
        1  call 2 |
        2  call 3 sales=1 |
        5  agent anna sales=1  | 2 to anna
        5  agent boris sales=1 | 3 to boris
        5  agent clara sales=2 | 1 to clara
    """)


def test_an_agent_without_the_skill_or_at_too_low_a_level_is_left_alone() -> None:
    play("""
        0  agent anna |
        0  agent boris sales=1 |
        1  call 1 sales=2 |
        2  agent clara sales=3 | 1 to clara
    """)


def test_an_agent_serves_no_contact_center_without_authorization() -> None:
    play("""
        0  agent anna center=b |
        1  call 1 center=a |
        2  call 2 center=b | 2 to anna
    """)


def test_an_agent_authorized_for_two_contact_centers_serves_both_in_order() -> None:
    play("""
        0  call 1 center=b |
        1  call 2 center=a |
        2  agent anna center=a+b | 1 to anna
        3  accept 1 |
        3  join 1 |
        9  hang up 1 | 2 to anna
    """)


def test_an_authorization_that_begins_lets_the_agent_serve_who_waits() -> None:
    play("""
        0   agent anna begins=60 |
        1   call 1 |
        59  |
        60  | 1 to anna
    """)


def test_an_authorization_that_has_ended_serves_nobody() -> None:
    play("""
        0   agent anna ends=60 |
        59  call 1 | 1 to anna
        59.5 hang up 1 |
        60  call 2 |
    """)


def test_an_authorization_ends_though_nothing_woke_the_core_at_that_moment() -> None:
    center = play("0 agent anna ends=60 |")
    center.database.now = 61.0
    center.database.request(1)
    center.hear()
    assert center.said == []


def test_contact_returns_to_its_place_when_the_agent_does_not_answer() -> None:
    play("""
        0   agent anna |
        1   call 1 | 1 to anna
        2   call 2 |
        21  no answer 1 |
        22  agent boris | 1 to boris
        23  agent clara | 2 to clara
    """)


def test_an_agent_who_did_not_answer_is_set_aside() -> None:
    play("""
        0   agent anna |
        1   call 1 | 1 to anna
        21  no answer 1 |
        50  |
        51  | 1 to anna
    """)


def test_wrap_up_ends_by_itself() -> None:
    play("""
        0   agent anna wrap_up=15 |
        1   call 1 | 1 to anna
        5   accept 1 |
        6   join 1 |
        10  call 2 |
        30  hang up 1 |
        44  |
        45  | 2 to anna
    """)


def test_wrap_up_begins_when_the_agent_hangs_up_though_the_caller_stays() -> None:
    play("""
        0   agent anna wrap_up=15 |
        1   call 1 | 1 to anna
        5   accept 1 |
        6   join 1 |
        10  call 2 |
        30  leave 1 |
        45  | 2 to anna
        50  hang up 1 |
    """)


def test_an_agent_whose_caller_hangs_up_before_the_talk_is_available_at_once() -> None:
    play("""
        0   agent anna wrap_up=15 |
        1   call 1 | 1 to anna
        2   call 2 |
        5   hang up 1 | 2 to anna
    """)


def test_an_agent_whose_network_leg_failed_keeps_the_place_among_the_idle() -> None:
    play("""
        0   agent anna idle=-20 |
        0   agent boris idle=-10 |
        1   call 1 | 1 to anna
        5   network leg fails 1 |
        6   call 2 | 2 to anna
    """)


def test_a_contact_whose_way_to_the_agents_failed_is_held_and_keeps_its_place() -> None:
    play("""
        0   agent anna |
        1   call 1 | 1 to anna
        5   network leg fails 1 |
        9   |
        10  | 1 to anna
    """)


def test_a_held_contact_does_not_keep_those_behind_it_from_agents() -> None:
    play("""
        0   agent anna |
        1   call 1 | 1 to anna
        5   network leg fails 1 |
        6   call 2 | 2 to anna
        10  |
        11  agent boris | 1 to boris
    """)


def test_a_lost_conversation_goes_to_the_head_of_the_queue() -> None:
    play("""
        0   agent anna |
        1   call 1 | 1 to anna
        2   call 2 priority=9 arrived=-60 |
        3   accept 1 |
        4   join 1 |
        9   on_break anna |
        10  lose 1 |
        11  available anna | 1 to anna
    """)


def test_the_limit_of_the_queue_overflows() -> None:
    play("""
        0    call 1 limit=120 |
        1    call 2 |
        119  |
        120  | overflow 1
        121  agent anna | 2 to anna
    """)


def test_a_lost_conversation_waits_anew_before_it_overflows() -> None:
    play("""
        0    agent anna |
        1    call 1 limit=60 | 1 to anna
        3    accept 1 |
        4    join 1 |
        50   on_break anna |
        50   lose 1 |
        109  |
        110  | overflow 1
    """)


def test_a_contact_being_offered_does_not_overflow_but_does_when_it_comes_back_too_late() -> None:
    play("""
        0    agent anna |
        10   on_break anna |
        20   call 1 limit=60 |
        70   available anna | 1 to anna
        80   |
        89   no answer 1 | overflow 1
    """)


def test_a_contact_that_overflows_while_its_claim_is_under_way_is_served_or_overflows() -> None:
    play("""
        0    slow |
        0    call 1 limit=60 |
        59   agent anna | 1 to anna
        61   |
        62   answer |
        63   no answer 1 | overflow 1
    """)


@pytest.mark.parametrize(
    ("agents", "refuse", "reason"),
    [
        ("", "no_agent_authorized", "no_agent_authorized"),
        ("", "no_agent_logged_on", "no_agent_authorized"),
        ("", "never", None),
        ("agent anna center=b", "no_agent_authorized", "no_agent_authorized"),
        ("agent anna ends=-5", "no_agent_authorized", "no_agent_authorized"),
        ("agent anna begins=900", "no_agent_authorized", None),
        ("agent anna begins=900", "no_agent_logged_on", "no_agent_logged_on"),
        ("agent anna status=logged_out", "no_agent_authorized", None),
        ("agent anna status=logged_out", "no_agent_logged_on", "no_agent_logged_on"),
        ("agent anna status=on_break", "no_agent_logged_on", None),
        ("agent anna status=on_break", "never", None),
    ],
)
def test_a_contact_nobody_could_serve_is_refused_by_rule(
    agents: str, refuse: str, reason: str | None
) -> None:
    play(f"""
        0  {agents} |
        1  call 1 refuse={refuse} | {f"refuse 1: {reason}" if reason else ""}
    """)


def test_a_contact_is_refused_once_the_last_agent_was_dismissed() -> None:
    play("""
        0  agent anna status=on_break |
        1  call 1 refuse=no_agent_authorized |
        2  dismiss anna |
        3  call 2 refuse=no_agent_authorized | refuse 2: no_agent_authorized
    """)


def test_an_authorization_that_ended_unseen_is_none_for_the_rule_either() -> None:
    center = play("0 agent anna ends=60 |")
    center.database.now = 61.0
    center.database.request(1, refuse_when="no_agent_authorized")
    center.hear()
    assert center.said == ["refuse 1: no_agent_authorized"]


def test_an_agent_on_a_break_gets_nothing_until_back() -> None:
    play("""
        0  agent anna |
        1  on_break anna |
        2  call 1 |
        9  available anna | 1 to anna
    """)


def test_time_on_a_break_is_not_idle_time() -> None:
    play("""
        0   agent anna idle=-90 |
        0   agent boris idle=-10 |
        1   on_break anna |
        20  available anna |
        21  call 1 | 1 to boris
        22  call 2 | 2 to anna
    """)


def test_an_agent_who_goes_on_a_break_while_claimed_is_not_claimed_again() -> None:
    play("""
        0  slow |
        0  agent anna idle=-20 |
        0  agent boris idle=-10 |
        1  call 1 | 1 to anna
        2  on_break anna |
        3  answer | 1 to boris
        9  available anna |
    """)


def test_an_agent_who_is_dismissed_while_claimed_is_forgotten() -> None:
    center = play("""
        0  slow |
        0  agent anna |
        1  call 1 | 1 to anna
        2  dismiss anna |
        3  answer |
        4  agent boris | 1 to boris
    """)
    assert center.core.agents() == {"boris"}


def test_a_contact_abandoned_while_its_claim_is_under_way_frees_the_agent() -> None:
    play("""
        0  slow |
        0  agent anna |
        1  call 1 | 1 to anna
        2  hang up 1 |
        3  call 2 |
        4  answer | 2 to anna
    """)


def test_neither_contact_nor_agent_of_a_claim_is_given_to_anybody_else() -> None:
    play("""
        0  slow |
        0  agent anna |
        1  call 1 | 1 to anna
        2  call 2 |
        3  agent boris | 2 to boris
        4  agent clara |
        5  answer |
    """)


def test_an_offer_that_nobody_finishes_is_expired() -> None:
    play("""
        0   agent anna |
        1   call 1 | 1 to anna
        24  |
        25  | expire 1
        54  |
        55  | 1 to anna
    """)


def test_an_accepted_offer_whose_network_leg_nobody_misses_is_expired() -> None:
    play("""
        0   agent anna |
        1   call 1 | 1 to anna
        19  accept 1 |
        24  |
        25  | expire 1
    """)


def test_a_conversation_is_never_expired() -> None:
    play("""
        0    agent anna |
        1    call 1 | 1 to anna
        19   accept 1 |
        20   join 1 |
        999  |
    """)


def test_the_lead_position_raises_the_legs_of_the_first_contacts() -> None:
    play("""
        0  agent anna status=on_break switch=s3 |
        1  call 1 lead=position:2 | raise 1 at s3
        2  call 2 lead=position:2 | raise 2 at s3
        3  call 3 lead=position:2 |
        4  call 4 |
        9  hang up 1 | raise 3 at s3
    """)


def test_contacts_of_queues_without_an_early_lead_do_not_hide_those_with_one() -> None:
    play("""
        0  agent anna status=on_break |
        1  call 1 |
        2  call 2 lead=position:2 | raise 2 at s2
        3  call 3 lead=position:3 | raise 3 at s2
    """)


def test_no_leg_is_raised_early_to_the_callers_own_switch_or_to_nobody() -> None:
    play("""
        0  call 1 lead=position:2 center=b |
        1  agent anna status=on_break switch=s1 |
        2  call 2 lead=position:2 |
        3  agent boris status=logged_out switch=s4 |
        4  call 3 lead=position:3 |
    """)


def test_the_early_leg_goes_where_most_agents_are_on_duty() -> None:
    play("""
        0  agent anna status=on_break switch=s2 |
        0  agent boris status=on_break switch=s3 |
        0  agent clara status=on_break switch=s3 |
        1  call 1 lead=position:1 | raise 1 at s3
    """)


def test_the_lead_expected_waits_until_handling_times_are_known() -> None:
    play("""
        0    agent anna |
        0    call 1 | 1 to anna
        1    accept 1 |
        2    join 1 |
        3    call 2 lead=expected:120 |
        100  on_break anna |
        100  hang up 1 | raise 2 at s2
        101  call 3 lead=expected:120 |
        102  call 4 lead=expected:320 | raise 4 at s2
        103  hang up 2 | raise 3 at s2
    """)


def test_progress_tells_each_position_once() -> None:
    center = play("""
        0  call 1 |
        1  call 2 |
        2  call 3 |
    """)
    assert [entry[:4] for entry in center.core.progress()] == [
        (1, 1, None, None),
        (2, 2, None, None),
        (3, 3, None, None),
    ]
    assert center.core.progress() == []
    center.database.hang_up(2)
    center.hear()
    assert [entry[:4] for entry in center.core.progress()] == [(3, 2, None, None)]


def test_a_place_far_back_is_told_more_coarsely() -> None:
    center = play("0 |")
    for number in range(1, 101):
        center.database.request(number)
        center.hear()
    center.core.progress()
    center.database.hang_up(1)
    center.hear()
    told = [number for number, *_ in center.core.progress()]
    assert told == list(range(2, 21))
    for number in range(2, 7):
        center.database.hang_up(number)
        center.hear()
    assert 100 in [number for number, *_ in center.core.progress()]


def test_a_contact_that_returns_is_told_its_place_again() -> None:
    center = play("""
        0  agent anna |
        0  call 1 | 1 to anna
        9  no answer 1 |
    """)
    assert [entry[:4] for entry in center.core.progress()] == [(1, 1, None, None)]


def test_the_expected_wait_is_the_work_before_a_contact_shared_by_the_agents_on_duty() -> None:
    center = play("""
        0    agent anna |
        0    call 1 | 1 to anna
        1    accept 1 |
        2    join 1 |
        50   agent boris status=on_break |
        100  on_break anna |
        100  hang up 1 |
        101  call 2 |
        102  call 3 |
    """)
    basis = "2 agents, 100 s handling time over 1 contact"
    assert [entry[:4] for entry in center.core.progress()] == [(2, 1, 50.0, basis), (3, 2, 100.0, basis)]
