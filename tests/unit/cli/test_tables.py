"""What others wrote stays in its cell."""

from __future__ import annotations

import pytest

from fsroute.cli.tables import show


def test_what_is_shown_commands_no_terminal_and_begins_no_line(capsys: pytest.CaptureFixture[str]) -> None:
    show("applications", ("name", "message"), [("orders", "step \x1b[2J\nagents\tfree")])
    assert capsys.readouterr().out == (
        "applications\tname\tmessage\napplications\torders\tstep  [2J agents free\n"
    )
