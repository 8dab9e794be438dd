"""Those who are not to wait: queues that are full, contact centers closed at once, agents who are all gone."""

from __future__ import annotations

import pytest

from fsroute.coordinator import matching
from fsroute.coordinator.admission import REFUSE_GRACE
from tests.unit.coordinator.scenario import play


def test_a_full_queue_overflows_at_once() -> None:
    play("""
        0  call 1 full=2 |
        1  call 2 full=2 |
        2  call 3 full=2 | overflow 3: queue full
        3  call 4 |
        4  call 5 full=2 | overflow 5: queue full
        5  hang up 1 |
        5  hang up 2 |
        6  call 6 full=2 |
    """)


def test_a_full_queue_does_not_keep_a_contact_from_an_idle_agent() -> None:
    play("""
        0  call 1 sales=9 |
        1  agent anna |
        2  call 2 full=1 | 2 to anna
    """)


def test_who_is_being_taken_counts() -> None:
    play("""
        0  slow |
        0  agent anna sales=1 |
        1  call 1 sales=1 full=1 | 1 to anna
        2  call 2 full=1 | overflow 2: queue full
    """)


def test_a_contact_center_closed_at_once_refuses_whoever_comes_and_whoever_waits() -> None:
    play("""
        0  agent anna center=a+b status=on_break |
        1  call 1 |
        2  call 2 center=b |
        3  close a | refuse 1: center_closed
        4  call 3 | refuse 3: center_closed
        5  available anna | 2 to anna
    """)


def test_a_closed_contact_center_may_keep_those_who_wait() -> None:
    play("""
        0  agent anna status=on_break |
        1  call 1 |
        2  close a keep |
        3  call 2 | refuse 2: center_closed
        4  available anna | 1 to anna
    """)


def test_a_contact_being_offered_is_refused_when_it_comes_back_after_the_closing() -> None:
    play("""
        0   agent anna |
        1   call 1 | 1 to anna
        2   close a |
        20  no answer 1 | refuse 1: center_closed
    """)


def test_who_is_held_or_waits_to_be_called_back_is_refused_too() -> None:
    play("""
        0   agent anna |
        1   call 1 | 1 to anna
        2   call 2 |
        3   choose callback 2 |
        4   on_break anna |
        5   network leg fails 1 |
        6   close a | refuse 1: center_closed, refuse 2: center_closed
    """)


def test_an_opened_contact_center_takes_contacts_again() -> None:
    play("""
        0  agent anna |
        1  close a |
        2  call 1 | refuse 1: center_closed
        3  open a |
        4  call 2 | 2 to anna
    """)


def test_a_contact_center_closed_again_without_keeping_refuses_whom_it_kept() -> None:
    play("""
        1  call 1 |
        2  close a keep |
        3  close a | refuse 1: center_closed
    """)


@pytest.mark.parametrize(
    ("refuse", "gone", "reason"),
    [
        ("no_agent_logged_on", "logged_out anna", "no_agent_logged_on"),
        ("no_agent_logged_on", "dismiss anna", "no_agent_authorized"),
        ("no_agent_authorized", "dismiss anna", "no_agent_authorized"),
        ("no_agent_authorized", "logged_out anna", None),
        ("never", "dismiss anna", None),
        ("no_agent_logged_on", "on_break anna", None),
    ],
)
def test_who_waits_is_refused_by_rule_a_little_after_the_last_agent_has_left(
    refuse: str, gone: str, reason: str | None
) -> None:
    play(f"""
        0   agent anna status=on_break |
        1   call 1 refuse={refuse} |
        10  {gone} |
        {10 + REFUSE_GRACE - 0.1}  |
        {10 + REFUSE_GRACE}  | {f"refuse 1: {reason}" if reason else ""}
        60  |
    """)


def test_an_agent_who_logs_on_again_loses_no_caller() -> None:
    play("""
        0   agent anna status=on_break |
        1   call 1 refuse=no_agent_logged_on |
        10  logged_out anna |
        13  on_break anna |
        14  logged_out anna |
        16  |
        18  on_break anna |
        60  available anna | 1 to anna
    """)


def test_an_agent_who_came_back_may_leave_for_good() -> None:
    play("""
        0   agent anna status=on_break |
        1   call 1 refuse=no_agent_logged_on |
        10  logged_out anna |
        13  on_break anna |
        60  logged_out anna |
        64  |
        65  | refuse 1: no_agent_logged_on
    """)


def test_an_authorization_that_ends_leaves_callers_whom_nobody_may_serve() -> None:
    play("""
        0   agent anna ends=60 status=on_break |
        1   call 1 refuse=no_agent_authorized |
        64  |
        65  | refuse 1: no_agent_authorized
    """)


def test_a_contact_that_comes_back_when_everybody_has_left_is_refused() -> None:
    play("""
        0   agent anna |
        1   call 1 refuse=no_agent_logged_on | 1 to anna
        10  logged_out anna |
        20  no answer 1 |
        25  | refuse 1: no_agent_logged_on
    """)


def test_who_waits_to_be_called_back_outlasts_the_night() -> None:
    play("""
        0    agent anna status=on_break |
        1    call 1 refuse=no_agent_logged_on |
        2    choose callback 1 |
        10   logged_out anna |
        900  |
        999  available anna | 1 to anna
    """)


def test_after_a_takeover_nobody_is_refused_before_agents_had_time_to_come_back() -> None:
    play("""
        0   agent anna status=on_break |
        1   call 1 refuse=no_agent_logged_on |
        10  logged_out anna |
        11  take-over |
        15  |
        16  | refuse 1: no_agent_logged_on
    """)


def test_demands_that_nobody_has_any_more_are_forgotten_where_there_are_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As after many changes of the rules: those who wait, and who come next, are served as ever."""
    monkeypatch.setattr(matching, "MOST_CLASSES", 3)
    come = "\n".join(f"{n} call {n} skill{n}=1 |\n{n}.5 hang up {n} |" for n in range(1, 20))
    center = play(f"""
        0  call 100 sales=1 |
        {come}
        30 call 101 skill1=1 |
        31 agent anna sales=1 skill1=1 | 100 to anna
        32 agent bob skill1=1 | 101 to bob
    """)
    assert len(list(center.core._matching.classes())) <= 4
