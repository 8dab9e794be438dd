"""Numbers in one form, however a caller, a switch or a list writes them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsroute.customers.numbers import Plan, e164

AMERICA = Plan()
GERMANY = Plan("49", "00", "0")
NORWAY = Plan("47", "00", "")

WRITTEN = """
+14155550123            america  +14155550123
14155550123             america  +14155550123
4155550123              america  +14155550123
(415)_555-0123          america  +14155550123
011_49_30_1234567       america  +49301234567
sip:+14155550123@carrier.example;user=phone  america  +14155550123
tel:+1-415-555-0123     america  +14155550123
0301234567              germany  +49301234567
+49_(0)30_1234567       germany  +49301234567
0049301234567           germany  +49301234567
49301234567             germany  +49301234567
0014155550123           germany  +14155550123
030/1234567             germany  +49301234567
22334455                norway   +4722334455
4722334455              norway   +474722334455
+4722334455             norway   +4722334455
anonymous               america  -
Restricted              america  -
1001                    germany  -
*97                     america  -
+0301234567             germany  -
00                      germany  -
+1234567890123456       america  -
sip:ada@example.org     america  -
"""


@pytest.mark.parametrize("line", [line for line in WRITTEN.splitlines() if line])
def test_a_number_has_one_form(line: str) -> None:
    written, where, form = line.split()
    plan = {"america": AMERICA, "germany": GERMANY, "norway": NORWAY}[where]
    assert e164(written.replace("_", " "), plan) == (None if form == "-" else form)


@given(st.text(max_size=400), st.sampled_from([AMERICA, GERMANY, NORWAY]))
def test_whatever_is_written_gives_a_form_that_stays_or_none(text: str, plan: Plan) -> None:
    found = e164(text, plan)
    if found is not None:
        assert re.fullmatch(r"\+[1-9][0-9]{6,14}", found)
        assert e164(found, plan) == found


def test_digits_of_other_writing_are_no_number() -> None:
    assert e164("\uff14\uff11\uff15\uff15\uff15\uff15\uff10\uff11\uff12\uff13", AMERICA) is None
