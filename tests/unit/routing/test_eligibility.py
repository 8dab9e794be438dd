from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from fsroute.model.agent import Agent, AgentStatus, Authorization, Held
from fsroute.model.contact import Demand
from fsroute.routing.eligibility import Qualification, is_idle, next_boundary

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
NOW = NOON.timestamp()
HOUR = timedelta(hours=1)
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


def window(center: str, begins: datetime = LONG_AGO, ends: datetime | None = None) -> Authorization:
    return Authorization(center, "voice", begins, ends)


def agent(*authorizations: Authorization, **skills: int) -> Agent:
    return Agent(
        agent_id="anna",
        name="Anna",
        site_id="x",
        switch_id="b",
        address="user/1001",
        skills=skills,
        authorizations=authorizations,
        status=AgentStatus.AVAILABLE,
        available_from=LONG_AGO,
        idle_since=LONG_AGO,
    )


def of(*authorizations: Authorization, **skills: int) -> Qualification:
    return Qualification.of(agent(*authorizations, **skills), NOW)


SALES = Demand("shop", "voice", (("sales", 2),))
ANY = Demand("shop", "voice")


@pytest.mark.parametrize(
    ("skills", "trained"),
    [
        ({}, False),
        ({"sales": 1}, False),
        ({"sales": 2}, True),
        ({"sales": 9, "x": 1}, True),
        ({"x": 9}, False),
    ],
)
def test_an_agent_is_trained_who_has_each_skill_at_its_level(skills: dict[str, int], trained: bool) -> None:
    assert of(window("shop"), **skills).is_trained(SALES) is trained
    assert agent(window("shop"), **skills).is_trained(SALES) is trained


def test_all_skills_are_needed() -> None:
    both = Demand("shop", "voice", (("english", 1), ("sales", 1)))
    assert not of(window("shop"), sales=5).may_serve(both)
    assert of(window("shop"), sales=5, english=1).may_serve(both)


@pytest.mark.parametrize(
    ("authorization", "may", "could"),
    [
        (window("shop"), True, True),
        (window("shop", NOON), True, True),
        (window("shop", NOON + HOUR), False, True),
        (window("shop", LONG_AGO, NOON + HOUR), True, True),
        (window("shop", LONG_AGO, NOON), False, False),
        (window("bank"), False, False),
        (Authorization("shop", "chat", LONG_AGO), False, False),
    ],
)
def test_an_authorization_is_for_a_contact_center_a_medium_and_a_time(
    authorization: Authorization, may: bool, could: bool
) -> None:
    assert of(authorization).may_serve(ANY) is may
    assert of(authorization).could_serve(ANY) is could
    assert agent(authorization).is_authorized(ANY, NOON) is may


def test_training_without_authorization_serves_nobody_and_neither_does_the_reverse() -> None:
    assert not of(sales=5).could_serve(SALES)
    assert not of(window("shop")).could_serve(SALES)


def test_agents_whose_authorizations_began_on_different_days_are_interchangeable() -> None:
    earlier, later = window("shop", NOON - 9 * HOUR), window("shop", NOON - HOUR, NOON + HOUR)
    assert of(earlier) == of(later)
    assert of(earlier) != of(window("shop", NOON + HOUR))


def test_agents_of_two_switches_are_not_interchangeable() -> None:
    assert of() != Qualification.of(replace(agent(), switch_id="c"), NOW)


@pytest.mark.parametrize(
    ("windows", "boundary"),
    [
        ((), None),
        ((window("shop"),), None),
        ((window("shop", NOON),), None),
        ((window("shop", NOON + HOUR),), NOON + HOUR),
        ((window("shop", LONG_AGO, NOON + HOUR),), NOON + HOUR),
        ((window("shop", LONG_AGO, NOON),), None),
        ((window("shop", NOON + 3 * HOUR), window("bank", LONG_AGO, NOON + 2 * HOUR)), NOON + 2 * HOUR),
    ],
)
def test_a_qualification_holds_until_the_next_boundary(
    windows: tuple[Authorization, ...], boundary: datetime | None
) -> None:
    assert next_boundary(agent(*windows), NOW) == (None if boundary is None else boundary.timestamp())


@pytest.mark.parametrize(
    ("changes", "idle"),
    [
        ({}, True),
        ({"reservations": (Held(7, "voice", 1, 100),)}, False),
        ({"status": AgentStatus.ON_BREAK}, False),
        ({"status": AgentStatus.LOGGED_OUT}, False),
        ({"available_from": NOON}, True),
        ({"available_from": NOON + timedelta(microseconds=1)}, False),
    ],
)
def test_an_agent_is_idle_who_is_available_unreserved_and_out_of_wrap_up(
    changes: dict[str, object], idle: bool
) -> None:
    assert is_idle(replace(agent(), **changes), NOW) is idle  # type: ignore[arg-type]
