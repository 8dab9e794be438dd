from __future__ import annotations

import pytest

from fsroute.esl import CommandRefused, TooManyPending
from fsroute.esl.pending import MAX_PENDING, PendingApplications


def pending(*uuids: str) -> PendingApplications:
    applications = PendingApplications()
    for uuid in uuids:
        applications.admit(uuid)
    return applications


def test_fewer_wait_than_freeswitch_survives() -> None:
    applications = pending(*map(str, range(MAX_PENDING)))
    with pytest.raises(TooManyPending) as caught:
        applications.admit("one more")
    assert isinstance(caught.value, CommandRefused)
    assert MAX_PENDING < 256


def test_the_end_of_one_makes_room() -> None:
    applications = pending(*map(str, range(MAX_PENDING)))
    applications.ended("0")
    applications.admit("one more")
    assert len(applications) == MAX_PENDING


def test_the_end_of_one_says_that_those_before_it_wait_no_longer() -> None:
    applications = pending("bridge", "set", "playback")
    applications.ended("set")
    assert len(applications) == 1


def test_the_end_of_an_unknown_application_changes_nothing() -> None:
    applications = pending("a")
    applications.ended("nested")
    assert len(applications) == 1


def test_a_refused_application_does_not_wait() -> None:
    applications = pending("a", "b")
    applications.withdraw("a")
    applications.withdraw("a")
    assert len(applications) == 1


def test_a_break_of_all_leaves_nothing_waiting() -> None:
    applications = pending("a", "b")
    applications.flush()
    assert len(applications) == 0
