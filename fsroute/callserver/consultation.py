"""An agent who consults another one waits at the outbound socket like a caller, but in no application.

The agent's switch has opened the contact and sent the leg here; `fsroute_wanted` says whom the agent wants. Whatever
comes of it, the agent's switch takes the leg back to the talk, and closes the contact.
"""

from __future__ import annotations

import logging
from contextlib import suppress

from fsroute.acd.transfer import WANTED, load
from fsroute.callserver.desk import Desk
from fsroute.callserver.hold import STORE_RETRY, Hold
from fsroute.callserver.line import ChannelTaken, Line
from fsroute.callserver.prompts import Prompts
from fsroute.callserver.talk import Waiter
from fsroute.errors import DatabaseUnavailable, SwitchError
from fsroute.model.proxy_call import ProxyCall

log = logging.getLogger(__name__)


def consult(desk: Desk, line: Line, contact_id: str) -> None:
    """Until the leg is taken away; the session ends at once then, lest its end ends a park that the leg came to later.

    Raises:
        CallerGone, ChannelTaken, SessionClosed: it is.
        StoreError: the agent cannot be asked for.
    """
    line.set_variables(fsroute_callserver=desk.settings.callserver, socket_resume="true")
    call = _asked_for(desk, line, contact_id)
    if call is not None:
        waiter = Waiter(Prompts(None, ""), lambda number: None)
        try:
            Hold(desk, line, call, waiter, line.get("variable_last_bridge_hangup_cause")).wait()
        except ChannelTaken:
            _let_go(line)
            raise
    _let_go(line)


def _let_go(line: Line) -> None:
    """The agent's switch has the leg again: the end of this connection is not to take it out of a talk or of park."""
    with suppress(SwitchError):
        line.set_variable("socket_resume", "false")


def _asked_for(desk: Desk, line: Line, contact_id: str) -> ProxyCall | None:
    """The proxy call of the consultation; None where it is over."""
    while True:
        try:
            known = desk.store.proxy_calls.latest(contact_id)
            if known is not None:
                return known
            call = desk.store.transfers.route(contact_id, load(line.get(f"variable_{WANTED}")))
            desk.store.announce(call)
            return call
        except DatabaseUnavailable as error:
            log.warning("a consultation waits for the database: %s contact=%s", error, contact_id)
            line.next(STORE_RETRY)
