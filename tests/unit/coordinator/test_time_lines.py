from __future__ import annotations

from fsroute.coordinator import actions as act
from tests.unit.coordinator.scenario import play


def test_a_step_lowers_the_level_and_an_idle_agent_takes_the_contact() -> None:
    play("""
        0   agent anna sales=1 |
        5   call 1 sales=3 line=30:skill:sales:1 |
        34  |
        35  | step 1: 0, 1 to anna
    """)


def test_a_step_drops_a_skill() -> None:
    play("""
        0   agent anna |
        5   call 1 sales=3 line=30:skill:sales |
        35  | step 1: 0, 1 to anna
    """)


def test_steps_widen_to_other_teams_and_sites_and_then_to_any() -> None:
    play("""
        0    agent anna team=blue site=y |
        0    agent boris team=green site=z |
        5    call 1 teams=red sites=x line=10:sites:x/y+20:teams:blue/red |
        6    call 2 teams=red line=30:teams: |
        15   | step 1: 0
        25   | step 1: 1, 1 to anna
        36   | step 2: 0, 2 to boris
    """)


def test_a_contact_keeps_its_place_among_those_it_joins() -> None:
    play("""
        0   call 1 sales=3 line=30:skill:sales:1 |
        10  call 2 sales=1 |
        30  | step 1: 0
        31  agent anna sales=1 | 1 to anna
        32  agent boris sales=1 | 2 to boris
    """)


def test_a_step_raises_the_priority() -> None:
    play("""
        0   call 1 |
        1   call 2 line=30:priority:5 |
        31  | step 2: 0
        40  agent anna | 2 to anna
    """)


def test_until_the_row_has_come_back_the_contact_is_served_where_it_stands() -> None:
    center = play("""
        0   call 1 sales=3 line=30:skill:sales:1 |
        29  |
    """)
    center.database.now = 30.0
    assert center.core.apply(act.Tick(), center.now) == [act.Step(1, 0)]
    center.database.hire("anna", sales=3)
    center.read("anna")
    assert center.said == ["1 to anna"]


def test_steps_that_were_missed_are_done_at_once_in_order() -> None:
    play("""
        0    call 1 sales=3 line=30:skill:sales:2+60:skill:sales:1+90:priority:2 |
        0.5  slow |
        1    agent anna sales=1 status=on_break |
        29   |
        30   | step 1: 0
        60   | step 1: 1
        61   take-over |
        90   | step 1: 2
    """)
    center = play("0 call 1 sales=3 line=30:skill:sales:2+60:skill:sales:1+90:priority:2 |")
    center.database.now = 95.0  # nobody led
    center.take_over()
    assert center.said == ["step 1: 0", "step 1: 1", "step 1: 2"]
    row = center.database.calls[1]
    assert (row.demand.skills, row.priority, row.time_line_done) == ((("sales", 1),), 2, 3)


def test_steps_due_while_the_contact_is_offered_are_done_when_it_comes_back() -> None:
    play("""
        0   agent anna sales=3 |
        0   call 1 sales=3 line=10:skill:sales:1+300:priority:1 | 1 to anna
        12  agent boris sales=1 |
        20  no answer 1 | step 1: 0, 1 to boris
    """)


def test_a_step_for_the_callers_ears_is_written_and_changes_no_place() -> None:
    center = play("""
        0   call 1 line=20:announce+40:offer_callback |
        20  | step 1: 0
        40  | step 1: 1
    """)
    row = center.database.calls[1]
    assert row.treatment == row.time_line[1]
    assert row.treatment_number == 2
    assert center.core.waiting() == 1


def test_who_hung_up_to_be_called_back_hears_no_treatment_but_the_line_goes_on() -> None:
    center = play("""
        0   call 1 sales=3 line=20:announce+40:skill:sales:1 |
        10  choose callback 1 |
        20  | step 1: 0
        30  agent anna sales=1 |
        40  | step 1: 1, 1 to anna
    """)
    assert center.database.calls[1].treatment is None


def test_a_step_that_is_done_already_is_not_done_again() -> None:
    center = play("""
        0   call 1 line=20:priority:5 |
        20  | step 1: 0
    """)
    assert center.database.step(act.Step(1, 0)) is None
    assert center.database.calls[1].priority == 5


def test_the_longest_wait_goes_on_counting_through_steps() -> None:
    play("""
        0   call 1 limit=50 line=20:priority:5+60:priority:1 |
        20  | step 1: 0
        50  | overflow 1
        60  |
    """)


def test_who_could_be_served_later_waits_for_that() -> None:
    """Nobody has the level now; when it is lowered, somebody suffices, or nobody ever will."""
    play("""
        0   agent anna sales=1 |
        5   call 1 sales=3 refuse=no_agent_authorized line=10:announce+30:skill:sales:1 |
        6   call 2 sales=3 refuse=no_agent_logged_on line=60:skill:sales |
        7   call 3 sales=3 refuse=no_agent_authorized line=30:priority:5 | refuse 3: no_agent_authorized
        8   call 4 sales=5 refuse=no_agent_authorized line=30:skill:sales:4 | refuse 4: no_agent_authorized
        15  | step 1: 0
        35  | step 1: 1, 1 to anna
    """)
