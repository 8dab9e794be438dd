from __future__ import annotations

import pytest

from fsroute.switchsim.variables import expand, split_arguments, split_unquoted, split_variables

VARIABLES = {"name": "Ada", "uuid": "u-1", "nested": "name", "trick": "${name}"}


def api(name: str, argument: str) -> str:
    return f"<{name} of {argument}>"


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        ("plain", "plain"),
        ("Hello ${name}!", "Hello Ada!"),
        ("${name}${uuid}", "Adau-1"),
        ("${unknown}", ""),
        ("${${nested}}", "Ada"),
        ("${sched_del(${uuid})}", "<sched_del of u-1>"),
        ("${name:0:2}", "Ad"),
        ("${name:-1}", "a"),
        (r"\${name}", "${name}"),
        ("${trick}", "${name}"),  # what a variable holds is not expanded again
        ("${open", "${open"),
        ("cost: 5$", "cost: 5$"),
    ],
)
def test_variables_are_expanded(text: str, expanded: str) -> None:
    assert expand(text, VARIABLES.get, api) == expanded


@pytest.mark.parametrize(
    ("text", "variables", "rest"),
    [
        ("user/1", {}, "user/1"),
        ("{a=1,b=2}user/1", {"a": "1", "b": "2"}, "user/1"),
        ("{a='x,y',b=z}user/1", {"a": "x,y", "b": "z"}, "user/1"),
        (r"{a=x\,y}user/1", {"a": "x,y"}, "user/1"),
        ("{^^:a=1,2:b=3}user/1", {"a": "1,2", "b": "3"}, "user/1"),
        ("{a=1}{b=2}user/1", {"a": "1", "b": "2"}, "user/1"),
        ("{a=}user/1", {"a": ""}, "user/1"),
        ("{a=b=c}user/1", {"a": "b=c"}, "user/1"),
        (
            "{transfer_ringback=local_stream://moh}[x=1]user/1",
            {"transfer_ringback": "local_stream://moh"},
            "[x=1]user/1",
        ),
    ],
)
def test_braces_before_an_address_are_variables(text: str, variables: dict[str, str], rest: str) -> None:
    assert split_variables(text) == (variables, rest)


def test_brackets_belong_to_one_leg() -> None:
    legs = split_unquoted("[a=1,b=2]user/1,user/2", ",")
    assert legs == ["[a=1,b=2]user/1", "user/2"]
    assert split_variables(legs[0], "[", "]") == ({"a": "1", "b": "2"}, "user/1")


def test_quotes_group_arguments() -> None:
    assert split_arguments("1 'two words' 3") == ["1", "two words", "3"]
    assert split_arguments("en number pronounced 4 2", 4) == ["en", "number", "pronounced", "4 2"]
