"""A gate in a database at which claims of the routing processor wait: made, not yet committed, their answer not given."""

from __future__ import annotations

import psycopg

KEY = 4711
SHUT = f"""
create function fsroute.wait_at_the_gate() returns trigger language plpgsql as $$
begin
    perform set_config('client_connection_check_interval', '0', true); -- whoever is gone: it is as good as committed
    perform pg_advisory_xact_lock_shared({KEY});
    return null;
end $$;
create constraint trigger wait_at_the_gate after insert on fsroute.contact_event deferrable initially deferred
    for each row when (new.kind = 'decided') execute function fsroute.wait_at_the_gate();
"""
OPEN = """
drop trigger wait_at_the_gate on fsroute.contact_event;
drop function fsroute.wait_at_the_gate();
"""
WAITING = """
select from pg_stat_activity
 where datname = current_database() and query like '%direct_call(%' and wait_event_type = 'Lock'
"""


class Gate:
    """Shut from the beginning. Who is killed while a claim of his waits never hears of it, and it commits all the same."""

    def __init__(self, conninfo: str) -> None:
        self._connection = psycopg.connect(conninfo, autocommit=True)
        self._connection.execute(SHUT.encode())
        self._connection.execute(f"select pg_advisory_lock({KEY})".encode())

    def waiting(self) -> int:
        """How many claims wait."""
        return len(self._connection.execute(WAITING.encode()).fetchall())

    def open(self) -> None:
        """For good; returns when those that waited have committed."""
        self._connection.execute(f"select pg_advisory_unlock({KEY})".encode())
        self._connection.execute(OPEN.encode())
        self._connection.close()
