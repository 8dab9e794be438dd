from __future__ import annotations

from fsroute.routing.faults import Fault


def test_a_fault_is_one_line_whatever_the_row_holds() -> None:
    assert str(Fault("routing_rule", "a\x1b[2J\nb", "é is fine")) == r"routing_rule a\x1b[2J\nb: é is fine"
