"""What the CTI processor hears, and what it does not listen to."""

from __future__ import annotations

import pytest

from fsroute.callcenter.info import SENT_BY
from fsroute.cti.events import heard
from fsroute.esl.messages import Event

OFFERING = {
    "Event-Name": "CUSTOM",
    "Event-Subclass": "callcenter::info",
    "CC-Action": "agent-state-change",
    "CC-Agent": "ann",
    "CC-Agent-State": "Receiving",
}


@pytest.mark.parametrize("by_fsroute", [False, True])
def test_events_that_fsroute_sends_in_the_modules_form_are_not_counted_as_the_modules(
    by_fsroute: bool,
) -> None:
    headers = OFFERING | ({SENT_BY[0]: SENT_BY[1]} if by_fsroute else {})
    text = "".join(f"{name}: {value}\n" for name, value in headers.items())
    assert (heard(Event("text/event-plain", b"\n" + text.encode())) is None) is by_fsroute
