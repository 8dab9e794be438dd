"""Calls to Acme, as callers make them. `fsroute_caller` and `fsroute_rules` come from fsroute's plug-in for pytest."""

import pytest


def test_who_wants_to_know_the_hours_needs_nobody(fsroute_caller):
    fsroute_caller.dials("8005550100").hears("main_menu").presses("1").hears("hours")
    assert fsroute_caller.outcome == "self_served"


def test_an_express_order_is_served_first_by_somebody_who_knows_how(fsroute_caller, fsroute_switch):
    fsroute_switch.agent("ann", "acme", {"orders": 1})
    fsroute_switch.agent("bob", "acme", {"orders": 2})
    fsroute_caller.dials("8005550100").hears("main_menu").presses("2").hears("order_number").presses("91234")
    fsroute_caller.was_routed(rule="express", priority=5, skills={"orders": 2}, facts={"order": "91234"})
    fsroute_caller.talks_with("bob").hangs_up()
    assert fsroute_caller.outcome == "served"


def test_who_gives_up_was_abandoned(fsroute_caller, fsroute_switch):
    fsroute_switch.agent("ann", "acme", {"orders": 1}, does="no_answer")
    fsroute_caller.dials("8005550100").hears("main_menu").presses("2").hears("order_number").presses("11111")
    fsroute_caller.was_routed(rule="everybody", queue="support").hangs_up()
    assert fsroute_caller.outcome == "abandoned"


@pytest.mark.parametrize(
    ("order", "at", "rule"),
    [
        ("91234", "2026-12-24T12:00", "express"),
        ("11111", "2026-12-24T12:00", "everybody"),
        ("91234", "2026-12-25T12:00", "holiday"),
    ],
)
def test_rules_by_order_and_day(fsroute_rules, order, at, rule):
    assert fsroute_rules.route("8005550100", facts={"order": order}, at=at).rule == rule
