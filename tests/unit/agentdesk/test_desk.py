from __future__ import annotations

import secrets

import gevent

from fsroute.agentdesk import desk
from fsroute.agentdesk import pin as pins


def test_other_greenlets_run_while_a_pin_is_compared() -> None:
    comparing = gevent.spawn(desk._fits, "246813", pins.encode("246813", secrets.token_bytes(16)))
    turns = 0
    while not comparing.ready():
        gevent.idle()
        gevent.sleep(0.001)
        turns += 1
    assert comparing.get() is True
    assert turns > 3


def test_where_there_is_no_pin_a_comparison_takes_place_that_nothing_fits() -> None:
    assert not desk._fits("246813", desk._NOBODYS)
    assert desk._NOBODYS.split("$")[:4] == ["scrypt", str(pins.N), str(pins.R), str(pins.P)]
