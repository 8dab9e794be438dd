"""A switch counts as driven by nobody when that was seen three times in a row."""

from __future__ import annotations

from fsroute.coordinator.absences import Absences


def test_a_lease_that_is_renewed_late_is_no_absence() -> None:
    absences = Absences()
    assert [absences.seen(look) for look in (["east"], ["east"], [], ["east"], ["east"])] == [[]] * 5


def test_what_was_seen_three_times_in_a_row_is_told_from_then_on() -> None:
    absences = Absences()
    looks = (["east"], ["east", "west"], ["east", "west"], ["west"])
    assert [absences.seen(look) for look in looks] == [[], [], ["east"], ["west"]]


def test_after_a_time_in_which_nobody_looked_it_begins_anew() -> None:
    absences = Absences()
    absences.seen(["east"])
    absences.seen(["east"])
    absences.forget()
    assert absences.seen(["east"]) == []
