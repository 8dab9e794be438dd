"""A process dies between a commit and its signal: the leader finds what nobody told of."""

from __future__ import annotations

from pathlib import Path

from tests.fix_center import Center
from tests.integration.coordinator.leading import Leading
from tests.waiting import until


def test_a_request_that_nobody_told_of_is_taken(center: Center, tmp_path: Path) -> None:
    center.sql("update lease set epoch = 0, holder = '', expires_at = '-infinity'")
    center.sql("update agent set status = 'on_break'")
    leader = Leading(tmp_path, center.database.conninfo, "leader", looks=True)
    try:
        leader.until_it("leads")
        call = center.request()  # written, and not announced
        until(
            lambda: (
                center.value(
                    "select state from proxy_call where proxy_call_id = %(id)s", id=call.proxy_call_id
                )
                == "queued"
            ),
            30.0,
        )
    finally:
        leader.end()
