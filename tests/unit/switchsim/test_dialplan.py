from __future__ import annotations

from collections.abc import Mapping

import pytest

from fsroute.switchsim.dialplan import Action, Dialplan


def route(
    xml: str, context: str = "public", globals_: Mapping[str, str] | None = None, **fields: str
) -> list[tuple[str, str]]:
    """The actions of a call with these fields, in a context around `xml`."""
    whole = f'<include><context name="public">{xml}</context></include>'
    actions = Dialplan.parse(whole, globals_=globals_).route(context, fields.get)
    return [(action.application, action.data) for action in actions]


TOLL_FREE = """<extension name="a"><condition field="destination_number" expression="^(800)(\\d+)$">
    <action application="set" data="x=$1-$2"/><action application="answer"/>
    <anti-action application="log" data="other"/>
  </condition></extension>"""


def test_groups_of_the_expression_go_into_the_data() -> None:
    assert route(TOLL_FREE, destination_number="8005550100") == [("set", "x=800-5550100"), ("answer", "")]


def test_anti_actions_run_when_the_condition_fails() -> None:
    assert route(TOLL_FREE, destination_number="700") == [("log", "other")]


def test_a_dollar_stays_when_the_expression_has_no_group() -> None:
    xml = """<extension name="a"><condition field="destination_number" expression="^800$">
      <action application="log" data="$1"/></condition></extension>"""
    assert route(xml, destination_number="800") == [("log", "$1")]


def test_variables_are_left_for_the_application() -> None:
    xml = """<extension name="a"><condition field="destination_number" expression="^(800)$">
      <action application="log" data="$1 ${uuid}"/></condition></extension>"""
    assert route(xml, destination_number="800", uuid="u") == [("log", "800 ${uuid}")]


def test_an_extension_without_continue_is_the_last() -> None:
    xml = """
      <extension name="a" continue="true"><condition><action application="first"/></condition></extension>
      <extension name="b"><condition><action application="second"/></condition></extension>
      <extension name="c"><condition><action application="third"/></condition></extension>"""
    assert route(xml) == [("first", ""), ("second", "")]


@pytest.mark.parametrize(
    ("breaks", "number", "applications"),
    [
        ("on-false", "1", ["one", "two"]),
        ("on-false", "2", ["rest"]),
        ("on-true", "1", ["one"]),
        ("on-true", "2", ["two"]),
        ("always", "1", ["one"]),
        ("always", "2", ["rest"]),
        ("never", "2", ["two"]),
    ],
)
def test_break_says_whether_the_next_condition_is_looked_at(
    breaks: str, number: str, applications: list[str]
) -> None:
    xml = f"""<extension name="a">
        <condition field="destination_number" expression="^1$" break="{breaks}">
          <action application="one"/></condition>
        <condition><action application="two"/></condition>
      </extension>
      <extension name="b"><condition><action application="rest"/></condition></extension>"""
    assert [name for name, _ in route(xml, destination_number=number)] == applications


def test_all_conditions_must_hold() -> None:
    xml = """<extension name="a"><condition field="destination_number" expression="^1$"/>
      <condition field="${tries}" expression="^\\.{2,}$"><action application="fallback"/></condition>
      </extension>
      <extension name="b"><condition><action application="rest"/></condition></extension>"""
    assert route(xml, destination_number="1", tries="..") == [("fallback", "")]
    assert route(xml, destination_number="1", tries=".") == [("rest", "")]


def test_inline_actions_are_seen_by_later_conditions() -> None:
    variables: dict[str, str] = {"destination_number": "1"}

    def run(action: Action) -> None:
        name, _, value = action.data.partition("=")
        variables[name] = value

    xml = """<context name="public"><extension name="a">
      <condition field="destination_number" expression="^(1)$" break="never">
        <action application="set" data="seen=$1" inline="true"/></condition>
      <condition field="${seen}" expression="^1$"><action application="yes"/></condition>
      </extension></context>"""
    assert Dialplan.parse(xml).route("public", variables.get, run) == [Action("yes")]


def test_globals_are_filled_in_when_the_dialplan_is_read() -> None:
    xml = """<extension name="a"><condition>
      <action application="log" data="$${who}"/></condition></extension>"""
    assert route(xml, globals_={"who": "A & B"}) == [("log", "A & B")]


def test_an_extension_outside_any_context_belongs_to_the_one_that_includes_it() -> None:
    dialplan = Dialplan.parse('<include><context name="public"/></include>')
    dialplan.add(
        '<include><extension name="a"><condition><action application="x"/></condition></extension></include>',
        {},
        "public",
    )
    assert dialplan.route("public", lambda _name: None) == [Action("x")]


def test_a_call_in_an_unknown_context_has_no_route() -> None:
    assert route(TOLL_FREE, context="nowhere", destination_number="8005550100") == []
