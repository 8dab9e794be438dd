from __future__ import annotations

from tests.unit.coordinator.scenario import play


def test_who_hung_up_to_be_called_back_keeps_the_place() -> None:
    play("""
        0   call 1 |
        1   call 2 |
        2   call 3 |
        5   choose callback 2 |
        10  agent anna  | 1 to anna
        11  agent boris | 2 to boris
        12  agent clara | 3 to clara
    """)


def test_who_is_not_reached_is_tried_later_and_keeps_the_place() -> None:
    play("""
        0    call 1 |
        1    choose callback 1 |
        2    agent anna | 1 to anna
        3    dial 1 |
        10   call 2 |
        28   unreached 1 | 2 to anna
        29   accept 2 |
        29   join 2 |
        30   call 3 |
        327  |
        328  |
        329  agent boris | 1 to boris
    """)


def test_the_agent_of_a_caller_who_was_not_reached_serves_others_meanwhile() -> None:
    play("""
        0    agent anna |
        0    agent boris |
        0    on_break boris |
        1    call 1 | 1 to anna
        2    accept 1 |
        3    join 1 |
        4    call 2 |
        5    choose callback 2 |
        9    hang up 1 | 2 to anna
        10   dial 2 |
        35   unreached 2 |
        36   call 3 | 3 to anna
        37   accept 3 |
        37   join 3 |
        335  available boris | 2 to boris
    """)


def test_the_lead_of_a_position_calls_the_caller_instead_of_raising_a_leg() -> None:
    play("""
        0  agent anna status=on_break switch=s3 |
        1  call 1 lead=position:2 | raise 1 at s3
        2  call 2 lead=position:2 | raise 2 at s3
        3  call 3 lead=position:2 |
        4  choose callback 3 |
        5  call 4 lead=position:2 |
        9  hang up 1 | call back 3
        10 hang up 2 | raise 4 at s3
    """)


def test_a_caller_who_is_dialled_by_lead_and_answers_waits_on_like_any_other() -> None:
    play("""
        0   agent anna status=on_break |
        1   call 1 lead=position:1 | raise 1 at s2
        2   choose callback 1 | call back 1
        3   dial 1 |
        4   call 2 |
        9   caller back 1 | raise 1 at s2
        10  available anna | 1 to anna
    """)


def test_an_agent_who_comes_while_the_caller_is_dialled_is_offered_the_contact() -> None:
    play("""
        0   agent anna status=on_break |
        1   call 1 lead=position:1 | raise 1 at s2
        2   choose callback 1 | call back 1
        3   dial 1 |
        5   available anna | 1 to anna
        9   caller back 1 |
        10  accept 1 |
        11  join 1 |
    """)


def test_an_offer_lasts_while_the_caller_is_dialled() -> None:
    """Twenty seconds for the agent, twenty-five for the caller's telephone, four of grace."""
    play("""
        0   call 1 |
        1   choose callback 1 |
        10  agent anna | 1 to anna
        58  |
        59  | expire 1
    """)


def test_a_caller_who_is_not_tried_any_more_frees_the_agent() -> None:
    play("""
        0   call 1 |
        1   choose callback 1 |
        2   agent anna | 1 to anna
        3   dial 1 |
        4   call 2 |
        28  give up 1 | 2 to anna
    """)


def test_the_longest_wait_does_not_end_a_callback() -> None:
    play("""
        0    call 1 limit=60 |
        30   choose callback 1 |
        60   |
        900  agent anna | 1 to anna
    """)


def test_the_longest_wait_counts_again_once_the_caller_is_back() -> None:
    play("""
        0   agent anna status=on_break |
        0   call 1 limit=60 lead=position:1 | raise 1 at s2
        30  choose callback 1 | call back 1
        31  dial 1 |
        70  caller back 1 | overflow 1
    """)


def test_callbacks_outlive_a_takeover() -> None:
    play("""
        0   call 1 |
        1   call 2 |
        2   choose callback 1 |
        3   take-over |
        10  agent anna | 1 to anna
    """)
