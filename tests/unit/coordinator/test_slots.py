from __future__ import annotations

from tests.unit.coordinator.scenario import play


def test_an_agent_takes_as_many_chats_as_there_are_slots() -> None:
    play("""
        0  agent anna media=chat:3:30 |
        1  call 1 medium=chat | 1 to anna
        2  call 2 medium=chat | 2 to anna
        3  call 3 medium=chat | 3 to anna
        4  call 4 medium=chat |
        9  hang up 2 | 4 to anna
    """)


def test_several_who_waited_are_given_to_one_agent_in_order() -> None:
    play("""
        1  call 1 medium=chat |
        2  call 2 medium=chat |
        3  call 3 medium=chat |
        4  agent anna media=chat:2:30 | 1 to anna, 2 to anna
    """)


def test_a_call_needs_the_whole_agent() -> None:
    play("""
        0  agent anna media=voice:1:100+chat:2:50 |
        1  call 1 medium=chat | 1 to anna
        2  call 2 |
        3  call 3 medium=chat | 3 to anna
        9  hang up 1 |
        10 hang up 3 | 2 to anna
        11 call 4 medium=chat |
    """)


def test_an_e_mail_fits_beside_a_chat_but_not_beside_a_call() -> None:
    play("""
        0  agent anna media=voice:1:80+chat:1:40+email:1:30 |
        1  call 1 medium=chat | 1 to anna
        2  call 2 medium=email | 2 to anna
        3  call 3 |
        4  call 4 medium=chat |
        9  hang up 1 | 4 to anna
    """)


def test_the_less_loaded_agent_is_preferred() -> None:
    play("""
        0  agent anna media=chat:3:30 idle=-90 |
        0  agent boris media=chat:3:30 idle=-10 |
        1  call 1 medium=chat | 1 to anna
        2  call 2 medium=chat | 2 to boris
        3  call 3 medium=chat | 3 to anna
        4  call 4 medium=chat | 4 to boris
    """)


def test_wrap_up_pauses_the_agent_whole() -> None:
    play("""
        0   agent anna media=voice:1:50+chat:2:25 wrap_up=15 |
        1   call 1 | 1 to anna
        2   accept 1 |
        3   join 1 |
        4   call 2 medium=chat | 2 to anna
        10  hang up 1 |
        11  call 3 medium=chat |
        25  | 3 to anna
    """)


def test_a_medium_without_authorization_is_not_given_whatever_the_slots() -> None:
    play("""
        0  agent anna |
        1  call 1 medium=chat |
        2  call 2 | 2 to anna
    """)


def test_slots_are_known_again_after_a_takeover() -> None:
    play("""
        0  agent anna media=chat:2:50 |
        1  call 1 medium=chat | 1 to anna
        2  take-over |
        3  call 2 medium=chat | 2 to anna
        4  call 3 medium=chat |
        5  take-over |
        6  hang up 1 | 3 to anna
    """)
