"""Which application a call may run: by whose it is, and by the number that was called."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from fsroute.app import sample_folder
from fsroute.callserver.library import Library, NotServed, is_for
from fsroute.ivr import Application, load

SAMPLE = load(sample_folder() / "orders")
NUMBER = "8005550100"


def application(version: str, **values: object) -> Application:
    return replace(SAMPLE, version=version, folder=Path(version), **values)  # type: ignore[arg-type]


def refusal(library: Library, center: str, number: str) -> str:
    with pytest.raises(NotServed) as refused:
        library.answering("orders", center, number)
    return str(refused.value)


def test_an_application_without_numbers_answers_every_number_that_names_it() -> None:
    library = Library({})
    library.put(application("1", contact_center="blue"))
    assert library.answering("orders", "blue", "123").version == "1"
    assert "orders" in library.for_call("blue", "123")


def test_an_application_that_names_numbers_answers_no_other_and_is_no_part_there() -> None:
    library = Library({"orders": application("local")})
    library.put(application("2", contact_center="blue", numbers=(NUMBER,)))
    assert library.answering("orders", "blue", "+1 (800) 555-0100").version == "2"
    assert refusal(library, "blue", "8005550199") == (
        "application 'orders' of number 8005550199 is not for it: version 2 names other numbers"
    )
    assert library.for_call("blue", "8005550199") == {}


def test_what_is_not_there_is_said_so() -> None:
    assert refusal(Library({}), "blue", NUMBER) == f"application 'orders' of number {NUMBER} is not here"


def test_no_contact_center_takes_the_calls_of_another_by_publishing_a_name() -> None:
    library = Library({"orders": application("local")})
    library.put(application("9", contact_center="green"))
    assert library.answering("orders", "blue", NUMBER).version == "local"
    assert library.for_call("blue", NUMBER)["orders"].version == "local"
    assert library.answering("orders", "green", NUMBER).version == "9"


def test_another_contact_centers_application_is_a_part_but_answers_no_call() -> None:
    library = Library({})
    library.put(application("9", contact_center="green"))
    assert library.for_call("blue", NUMBER)["orders"].version == "9"
    assert refusal(library, "blue", NUMBER) == (
        f"application 'orders' of number {NUMBER} is contact center green's, not blue's"
    )


@pytest.mark.parametrize(
    ("named", "called", "same"),
    [
        ("8005550100", "8005550100", True),
        ("+18005550100", "8005550100", True),
        ("8005550100", "18005550100", True),
        ("1000", "1000", True),
        ("1000", "91000", False),
        ("8005550100", "8005550101", False),
        ("800555010", "8005550100", False),
        ("*", "#", False),
        ("*", "*", True),
        ("8005550100", "", False),
    ],
)
def test_numbers_are_the_same_by_their_digits(named: str, called: str, same: bool) -> None:
    assert is_for((named,), called) is same
