from __future__ import annotations

import pytest

from fsroute.ivr.application import TemplateFault
from fsroute.ivr.templates import Templates

NAMES: dict[str, object] = {
    "caller": {"number": "+15550100", "name": "Ada"},
    "facts": {"order": "12345", "items": "3", "empty": "", "keys": "k"},
    "customer": {},
    "network": {},
    "language": "en",
}


@pytest.mark.parametrize(
    ("template", "result"),
    [
        ("plain", "plain"),
        ("{{ caller.name|upper }}", "ADA"),
        ("{{ facts.order[-1] }}{{ facts.order[:2] }}{{ facts['order']|length }}", "5125"),
        ("{{ facts.items }}{{ facts.keys }}", "3k"),
        ("{{ 'a' if facts.order|int > 100 else 'b' }}", "a"),
        ("{{ customer.tier|default('none') }}", "none"),
        ("{{ 'x' if customer.tier is defined else 'y' }}", "y"),
        ("{% if facts.order[0] in ['1', '2'] %}low{% elif 0 %}{% else %}high{% endif %}", "low"),
        ("{{ language ~ '-' ~ (facts.items|int + 1) }}", "en-4"),
        ("a\nb\r\0c\u2028d", "a b  c d"),
        ("{{ facts.order|last in '02468' }}", "False"),
    ],
)
def test_expression_gives(template: str, result: str) -> None:
    assert Templates().render(template, NAMES) == result


@pytest.mark.parametrize(
    "template",
    [
        "{{ caller.name.__class__ }}",
        "{{ caller['__class__'] }}",
        "{{ ''.__class__.__mro__ }}",
        "{{ ''['__class__'] }}",
        "{{ caller|attr('__class__') }}",
        "{{ caller.__init__ }}",
        "{{ self }}",
        "{{ self._TemplateReference__context }}",
        "{{ range(9) }}",
        "{{ cycler.__init__.__globals__ }}",
        "{{ lipsum.__globals__ }}",
        "{{ caller.name.upper() }}",
        "{{ '%999999999d' % 5 }}",
        "{{ 'x' * 999999999 }}",
        "{{ 9 ** 9 ** 9 ** 9 }}",
        "{{ '{0.__class__}'|format(caller) }}",
        "{{ caller.name|replace('', 'aaaaaaa') }}",
        "{{ caller|map('upper') }}",
        "{{ caller.name|center(99999999) }}",
        "{% for x in caller %}{% endfor %}",
        "{% set x = 1 %}",
        "{% macro x() %}{% endmacro %}",
        "{% include 'x' %}",
        "{% import 'os' as os %}",
        "{% extends 'x' %}",
        "{% call x() %}{% endcall %}",
        "{% filter upper %}x{% endfilter %}",
        "{{ facts[caller.name] }}",
        "{{ facts }}",
        "{{ unknown }}",
        "{{ unfinished",
        "{% if %}",
        "{{ 1 // 0 }}",
        "{{ 'a' is callable }}",
        "(" * 10 + "{{" + "(" * 900 + "1" + ")" * 70 + "}}",
        "{{ " + "(" * 450 + "1" + ")" * 450 + " }}",
        "{{ " + "-" * 900 + "1 }}",
        "x" * 1001,
    ],
)
def test_trick_is_refused_before_anything_is_rendered(template: str) -> None:
    with pytest.raises(TemplateFault):
        Templates().uses(template)


@pytest.mark.parametrize(
    "template",
    [
        "{{ facts.missing }}",
        "{{ facts.order[99] }}",
        "{{ facts.order < 5 }}",
        "{{ facts.empty|first }}",
        "{{ facts[1:2] }}",
        "{{ facts.order ~ facts.missing }}",
        "{{ [1, 2] }}",
        "{{ facts.__len__ }}",
    ],
)
def test_what_cannot_be_worked_out_is_a_fault(template: str) -> None:
    with pytest.raises(TemplateFault):
        Templates().render(template, NAMES)


def test_result_is_bounded() -> None:
    names = {**NAMES, "facts": {"a": "x" * 200}}
    with pytest.raises(TemplateFault, match="more than 1000 characters"):
        Templates().render("{{ facts.a }}" * 6, names)


def test_what_a_value_holds_is_no_template() -> None:
    names = {**NAMES, "facts": {"a": "{{ caller.number }}{% raw %}"}}
    assert Templates().render("{{ facts.a }}", names) == "{{ caller.number }}{% raw %}"
