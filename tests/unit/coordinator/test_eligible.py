"""Whom a demand names beyond skills: sites, teams, one agent."""

from __future__ import annotations

from tests.unit.coordinator.scenario import play


def test_only_agents_at_the_sites_and_of_the_teams_that_are_named_serve() -> None:
    play("""
        0  agent anna site=x team=blue |
        0  agent boris site=y team=red |
        0  agent clara site=x team=red |
        0  agent dora site=x |
        1  call 1 sites=x teams=red | 1 to clara
        2  call 2 sites=x teams=red |
        3  call 3 sites=y/z | 3 to boris
    """)


def test_a_contact_for_one_agent_goes_to_nobody_else() -> None:
    play("""
        0  agent anna idle=-90 |
        0  agent boris idle=-10 |
        1  call 1 only=boris | 1 to boris
        2  call 2 only=boris |
        3  call 3 | 3 to anna
        9  hang up 1 | 2 to boris
    """)


def test_a_contact_for_one_agent_waits_in_order_among_the_others_of_this_agent() -> None:
    play("""
        0  agent anna status=on_break |
        0  agent boris status=on_break |
        1  call 1 |
        2  call 2 only=anna |
        3  call 3 |
        4  available anna | 1 to anna
        5  hang up 1 | 2 to anna
        6  hang up 2 | 3 to anna
    """)


def test_a_contact_for_an_agent_who_may_not_serve_it_is_refused_by_rule() -> None:
    play("""
        0  agent anna center=b |
        0  agent boris |
        1  call 1 only=anna refuse=no_agent_authorized | refuse 1: no_agent_authorized
    """)


def test_an_agent_who_was_asked_for_stands_with_the_others_again_afterwards() -> None:
    center = play("""
        0  agent anna idle=-10 |
        0  agent boris idle=-90 |
        1  call 1 only=boris | 1 to boris
        2  hang up 1 |
        3  call 2 | 2 to boris
    """)
    assert len(list(center.core._matching.groups())) == 1
    assert len(list(center.core._matching.classes())) == 1


def test_an_agent_who_is_asked_for_before_being_known_serves_when_known() -> None:
    play("""
        1  call 1 only=anna |
        2  agent boris |
        3  agent anna | 1 to anna
    """)


def test_an_agent_who_moves_to_another_team_serves_the_new_one() -> None:
    center = play("""
        0  agent anna team=red |
        1  call 1 teams=blue |
    """)
    center.database.agents["anna"] = center.database.hire("anna", team="blue")
    center.read("anna")
    assert center.said == ["1 to anna"]
