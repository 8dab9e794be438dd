"""Several processes of a site take no more calls together than the site may."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import NoReturn

import pytest

from fsroute.callserver.admitting import Admission
from fsroute.errors import DatabaseUnavailable
from fsroute.model.admission import Limit, Refusal, Treatment, Why
from fsroute.store.admission import Admissions
from fsroute.store.database import Database
from fsroute.store.signals import Signals
from tests.fix_center import Center, at_once
from tests.waiting import until

SITE = "site:west"
NUMBER = "8005550100"
FOR_LONG = 120.0  # seconds: nobody is taken for dead, however busy the machine is
NewAdmission = Callable[[str, Limit], Admission]


@pytest.fixture
def new_admission(center: Center) -> Iterator[NewAdmission]:
    signals = Signals(center.database)
    signals.start()
    made: list[Admission] = []

    def make(process: str, limit: Limit) -> Admission:
        store = Admissions(center.database)
        made.append(Admission(store, signals, (SITE, limit), process, "home", lifetime=FOR_LONG))
        made[-1].start()
        return made[-1]

    yield make
    for each in made:
        each.stop()
    signals.stop()


def admitted(results: list[Refusal | None]) -> int:
    return sum(result is None for result in results)


def test_two_processes_take_as_many_calls_as_the_site_may_and_not_one_more(
    new_admission: NewAdmission,
) -> None:
    one, two = (new_admission(name, Limit(20)) for name in ("one", "two"))
    taken = 0
    for turn in range(4):
        calls = [
            partial(each.admit, f"{id(each)}-{turn}-{number}", NUMBER)
            for each in (one, two)
            for number in range(8)
        ]
        taken += admitted(at_once(*calls))
        assert taken == one.gate.present(SITE) + two.gate.present(SITE) <= 20
    until(lambda: two.admit(f"last-{taken_by(one, two)}", NUMBER) is not None or taken_by(one, two) == 20, 30)
    assert taken_by(one, two) == 20, "nothing of the limit lies idle"


def is_full(admission: Admission) -> bool:
    """One more call is refused; where it is not, it leaves again."""
    refusal = admission.admit("b", NUMBER)
    admission.left("b")
    return refusal is not None


def taken_by(*admissions: Admission) -> int:
    return sum(each.gate.present(SITE) for each in admissions)


def test_a_call_that_ends_at_one_process_makes_room_at_the_other(new_admission: NewAdmission) -> None:
    one, two = (new_admission(name, Limit(1)) for name in ("one", "two"))
    assert one.admit("a", NUMBER) is None
    assert two.admit("b", NUMBER) is not None
    one.left("a")
    until(lambda: two.admit("b", NUMBER) is None, 30)


def test_a_limit_that_is_set_in_sql_holds_at_once_and_is_lifted_again(
    center: Center, new_admission: NewAdmission
) -> None:
    open_gate = new_admission("one", Limit())
    assert open_gate.admit("a", NUMBER) is None
    Admissions(center.database).set_limit("blue", Limit(1, None, Treatment("busy", "USER_BUSY")))
    until(lambda: is_full(open_gate), 30)
    assert open_gate.admit("c", "another number") is None
    Admissions(center.database).lift_limit("blue")
    until(lambda: open_gate.admit("d", NUMBER) is None, 30)


def test_refusals_are_written_and_the_share_is_given_back(
    center: Center, new_admission: NewAdmission
) -> None:
    full = new_admission("one", Limit(0))
    for index in range(5):
        refusal = full.admit(f"{index}", NUMBER)
        assert refusal is not None
        assert refusal.why is Why.CALLS
    until(lambda: center.value("select coalesce(sum(calls), 0) from admission_refusal") == 5, 30)
    full.stop()
    assert center.value("select count(*) from admission_share") == 0


def test_while_the_database_is_away_what_is_known_stands(center: Center) -> None:
    away = Database(center.database.conninfo + " port=1", max_size=1)
    lone = Admission(Admissions(away), Signals(away), (SITE, Limit(2)), "one", "home")
    lone.start()
    assert [lone.admit(name, NUMBER) is None for name in "abc"] == [True, True, False]
    assert sum(lone.gate.refused.values()) == 1, "kept, to be written later"
    lone.stop()


def test_limits_that_cannot_be_read_are_said_once_and_read_as_soon_as_they_can(
    new_admission: NewAdmission, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def away() -> NoReturn:
        raise DatabaseUnavailable("the server is being restarted")

    admission = new_admission("one", Limit(20))
    with monkeypatch.context() as patch:
        patch.setattr(admission._store, "limits", away)
        for _ in range(20):
            admission._read()
        assert [record.getMessage() for record in caplog.records] == [
            "limits of contact centers are not read: the server is being restarted"
        ]
    until(
        lambda: len(caplog.records) == 2, 10
    )  # no signal tells of it: the connection for those was never lost
    assert "over after" in caplog.text
