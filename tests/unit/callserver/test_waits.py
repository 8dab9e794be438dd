"""What a waiting caller is told of position and expected wait."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsroute.callserver.prompts import packaged
from fsroute.callserver.waits import announcement, language_of, minutes
from fsroute.model.proxy_call import ProxyCall
from tests.unit.rows import proxy_call


def waiting(position: int | None, wait: float | None, error: float | None) -> ProxyCall:
    return proxy_call(position=position, expected_wait=wait, expected_wait_error=error)


@pytest.mark.parametrize(
    ("position", "wait", "said"),
    [
        (12, 290.0, "wait_position 12 wait_expected 5 wait_minutes"),
        (1, 95.0, "wait_next wait_expected 2 wait_minutes"),
        (21, 65.0, "wait_position 20 1 wait_minute"),
        (3, 30.0, "wait_position 3 wait_less"),
        (3, 50.0, "wait_position 3 wait_minute"),
        (40, 22 * 60.0, "wait_position 40 wait_expected 20 wait_minutes"),
        (120, 20 * 60.0, "wait_expected 20 wait_minutes"),
        (99, 100 * 60.0, ""),
    ],
)
def test_a_wait_that_is_known_well_is_told_in_round_minutes(position: int, wait: float, said: str) -> None:
    told = announcement(waiting(position, wait, 0.4), 0.5, "en")
    assert " ".join(name.removeprefix("numbers/") for name in told) == said


def test_spanish_numbers_are_put_together_as_spanish_has_them() -> None:
    told = announcement(waiting(45, 600.0, 0.4), 0.5, "es-MX")
    assert told[1:4] == ("numbers/40", "numbers/y", "numbers/5")


def test_a_language_that_nobody_recorded_is_told_in_english() -> None:
    assert language_of("fi") == "en"
    assert announcement(waiting(45, 600.0, 0.4), 0.5, "de")[1:3] == ("numbers/40", "numbers/5")


@pytest.mark.parametrize(
    ("position", "wait", "error"),
    [(12, 290.0, 0.51), (12, 290.0, None), (12, None, 0.1), (None, 290.0, 0.1)],
)
def test_a_wait_that_is_not_known_well_is_not_told(
    position: int | None, wait: float | None, error: float | None
) -> None:
    assert announcement(waiting(position, wait, error), 0.5, "en") == ()


@given(st.floats(1.0, 90 * 60.0))
def test_rounding_keeps_well_within_any_band_that_may_be_told(wait: float) -> None:
    assert abs(minutes(wait) * 60 - wait) <= max(59.0, 0.21 * wait)


@given(
    st.integers(1, 10_000),
    st.floats(0, 1e7, allow_nan=False),
    st.floats(0, 1),
    st.sampled_from(["en", "es", "de", ""]),
)
def test_everything_that_is_told_is_recorded(position: int, wait: float, error: float, language: str) -> None:
    told = announcement(waiting(position, wait, error), 1.0, language)
    assert set(told) <= packaged(language_of(language))
