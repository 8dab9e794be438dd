"""What becomes of a standing leg, as scenarios: what the row says, what the switch shows, and the one step."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fsroute.acd.standing import (
    FAR_AWAY,
    FIRST_RETRY,
    LONGEST_RETRY,
    Dial,
    End,
    Leg,
    Look,
    NoteLost,
    NoteUp,
    StandAgain,
    StandingAgent,
    Use,
    Where,
    deadline,
    decide,
)
from fsroute.model.agent import AgentStatus

NOW = 1000.0  # seconds since the epoch
FREE, OFFERED, TALKING = Use.NONE, Use.OFFERED, Use.TALKING
ANN = StandingAgent("ann", "user/1001", "standing", AgentStatus.AVAILABLE, None)
STANDS = replace(ANN, uuid="leg")
ON_BREAK = AgentStatus.ON_BREAK
LOGGED_OUT = AgentStatus.LOGGED_OUT

ABSENT = Leg()
DIALLING = Leg(Where.DIALLING, "leg", "user/1001")
UP = Leg(Where.UP, "leg", "user/1001", parked=True)
UNPARKED = replace(UP, parked=False, unparked=True)


# A shift, from its begin to its end -----------------------------------------------------------------


def test_an_agent_who_is_available_is_dialled() -> None:
    assert decide(ANN, ABSENT, FREE, NOW) == Dial()


def test_while_the_phone_rings_there_is_nothing_to_do() -> None:
    assert decide(ANN, DIALLING, FREE, NOW) is None


def test_a_leg_that_is_up_is_entered_in_the_row() -> None:
    assert decide(ANN, DIALLING.up("leg", parked=True), FREE, NOW) == NoteUp("leg")
    assert decide(STANDS, UP, FREE, NOW) is None


def test_it_stays_through_a_break_but_is_not_dialled_in_one() -> None:
    assert decide(replace(STANDS, status=ON_BREAK), UP, FREE, NOW) is None
    assert decide(replace(ANN, status=ON_BREAK), ABSENT, FREE, NOW) is None


@pytest.mark.parametrize("leg", [UP, DIALLING])
def test_it_ends_with_the_shift(leg: Leg) -> None:
    assert decide(replace(STANDS, status=LOGGED_OUT), leg, FREE, NOW) == End("leg")
    over = Leg(gone="leg", cause="ended")
    assert decide(replace(STANDS, status=LOGGED_OUT), over, FREE, NOW) == NoteLost("leg", "logged_out")
    assert decide(replace(ANN, status=LOGGED_OUT), over, FREE, NOW) is None


def test_nobodys_talk_is_cut_by_the_end_of_the_shift() -> None:
    assert decide(replace(STANDS, status=LOGGED_OUT), UP, TALKING, NOW) is None


def test_an_agent_who_is_dialled_per_contact_from_now_on_keeps_no_leg() -> None:
    assert decide(replace(STANDS, leg="dialled"), UP, FREE, NOW) == End("leg")
    assert decide(None, UP, FREE, NOW) == End("leg")


def test_an_agent_with_another_address_is_called_there() -> None:
    moved = replace(STANDS, address="user/1002")
    assert decide(moved, UP, TALKING, NOW) is None
    assert decide(moved, UP, FREE, NOW) == End("leg")
    assert decide(moved, Leg(Where.UP, "leg", "", parked=True), FREE, NOW) is None, "who called in stays"


# Its park ends --------------------------------------------------------------------------------------


@pytest.mark.parametrize("use", [FREE, OFFERED])
def test_a_leg_whose_park_ended_stands_again(use: Use) -> None:
    assert decide(STANDS, UNPARKED, use, NOW) == StandAgain("leg")


def test_in_a_talk_the_leg_is_left_to_the_talk() -> None:
    assert decide(STANDS, UNPARKED, TALKING, NOW) is None


def test_a_leg_that_was_taken_is_not_parked() -> None:
    assert decide(STANDS, UNPARKED.away(), FREE, NOW) is None


# It is lost ------------------------------------------------------------------------------------------


def test_a_lost_leg_is_told_and_dialled_again_after_a_moment() -> None:
    lost = UP.lost("NORMAL_CLEARING", NOW)
    assert decide(STANDS, lost, FREE, NOW) == NoteLost("leg", "NORMAL_CLEARING")
    assert decide(ANN, lost, FREE, NOW) is None
    assert deadline(ANN, lost) == NOW + FIRST_RETRY
    assert decide(ANN, lost, FREE, NOW + FIRST_RETRY) == Dial()


def test_a_phone_that_does_not_answer_is_called_less_and_less_often() -> None:
    leg, pauses = ABSENT, []
    for _ in range(9):
        leg = replace(leg, where=Where.DIALLING, uuid="again").lost("NO_ANSWER", NOW)
        pauses.append(leg.dial_after - NOW)
    assert pauses[0] == FAR_AWAY
    assert pauses == sorted(pauses)
    assert pauses[-1] == LONGEST_RETRY


def test_a_switch_that_was_away_is_no_reason_to_wait_long() -> None:
    lost = DIALLING.lost("SWITCH_UNAVAILABLE", NOW)
    assert lost.dial_after == NOW + FIRST_RETRY


def test_a_leg_that_is_up_again_forgets_the_failures() -> None:
    again = replace(DIALLING.lost("USER_BUSY", NOW), where=Where.DIALLING, uuid="second")
    assert again.up("second", parked=True).failures == 0


def test_an_agent_on_a_break_is_told_lost_and_called_when_back() -> None:
    lost = UP.lost("NORMAL_CLEARING", NOW)
    away = replace(STANDS, status=ON_BREAK)
    assert decide(away, lost, FREE, NOW + 90) == NoteLost("leg", "NORMAL_CLEARING")
    assert deadline(replace(ANN, status=ON_BREAK), lost) is None
    assert decide(ANN, lost, FREE, NOW + 90) == Dial()


# Somebody else's doing ---------------------------------------------------------------------------------


def test_after_a_restart_the_leg_of_the_row_is_looked_for_before_anything_else() -> None:
    assert decide(STANDS, ABSENT, FREE, NOW) == Look("leg")
    assert decide(STANDS, Leg(gone="leg"), FREE, NOW) == NoteLost("leg", "gone")
    assert decide(replace(STANDS, status=LOGGED_OUT), ABSENT, FREE, NOW) == Look("leg")


def test_a_leg_that_the_agent_called_in_takes_the_place_of_the_one_there_is() -> None:
    called_in = replace(ANN, uuid="called-in")
    assert decide(called_in, UP, FREE, NOW) == Look("called-in")
    assert decide(called_in, UP, TALKING, NOW) is None, "not in the middle of a talk"
    assert decide(called_in, DIALLING, FREE, NOW) == Look("called-in")


def test_a_row_that_names_a_channel_which_is_not_there_is_put_right() -> None:
    wrong = replace(ANN, uuid="never-was")
    assert decide(wrong, replace(UP, gone="never-was"), FREE, NOW) == NoteUp("leg")


def test_whatever_is_seen_the_steps_come_to_an_end() -> None:
    rows = [
        None,
        *(
            replace(ANN, status=status, leg=leg, uuid=uuid)
            for status in AgentStatus
            for leg in ("standing", "dialled")
            for uuid in (None, "leg", "other")
        ),
    ]
    legs = [ABSENT, DIALLING, UP, UNPARKED, Leg(gone="leg"), Leg(Where.UP, "leg", gone="other")]
    for first in rows:
        for leg in legs:
            row, seen, steps = first, leg, 0
            while (step := decide(row, seen, FREE, NOW)) is not None:
                row, seen = _performed(row, seen, step)
                steps += 1
                assert steps < 6, (first, leg)


def _performed(row: StandingAgent | None, leg: Leg, step: object) -> tuple[StandingAgent | None, Leg]:
    """The step is done, and channels that are looked for are not there."""
    match step:
        case Look(uuid):
            return row, leg.lost("LOSE_RACE", NOW) if uuid == leg.uuid else replace(leg, gone=uuid)
        case Dial():
            return row, replace(leg, where=Where.DIALLING, uuid="new", address=row.address if row else "")
        case NoteUp(uuid):
            return (replace(row, uuid=uuid) if row else None), leg
        case NoteLost():
            return (replace(row, uuid=None) if row else None), leg
        case StandAgain(uuid):
            return row, leg.up(uuid, parked=True)
        case End(uuid):
            return row, Leg(gone=uuid, cause="ended")
    raise AssertionError(step)
