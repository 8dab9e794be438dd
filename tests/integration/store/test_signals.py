from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from typing import Any

import gevent
import psycopg
import pytest

from fsroute.errors import DatabaseUnavailable
from fsroute.store.database import Database
from fsroute.store.payload import Key
from fsroute.store.signals import Signals
from tests.waiting import until


class Heard(list[tuple[Key, Any]]):
    """Records what a subscriber heard."""

    def __call__(self, key: Key, row: Any) -> None:
        self.append((key, row))

    def every_key(self) -> list[Key]:
        return [key for key, _ in self]


@pytest.fixture
def signals(database: Database) -> Iterator[Signals]:
    each = Signals(database)
    each.start()
    yield each
    each.stop()


@pytest.fixture
def elsewhere(conninfo: str) -> Iterator[Signals]:
    """The signals of another process, as far as the database can tell."""
    with Database(conninfo) as database:
        each = Signals(database)
        each.start()
        yield each
        each.stop()


def test_a_subscriber_first_hears_that_it_must_read_everything(signals: Signals) -> None:
    heard = Heard()
    signals.subscribe("calls", heard)
    until(lambda: heard == [(None, None)])


def test_a_signal_reaches_its_own_process_with_the_row_and_only_once(
    signals: Signals, elsewhere: Signals
) -> None:
    here, there = Heard(), Heard()
    signals.subscribe("calls", here)
    elsewhere.subscribe("calls", there)
    until(lambda: len(here) == len(there) == 1)
    signals.publish("calls", "p:1", "the row")
    until(lambda: there.every_key() == [None, "p:1"])
    elsewhere.publish("calls", "p:2")  # comes after our own notification, had there been one
    until(lambda: "p:2" in here.every_key())
    assert here == [(None, None), ("p:1", "the row"), ("p:2", None)]


def test_a_signal_that_could_not_be_followed_comes_again_and_holds_up_no_other(signals: Signals) -> None:
    heard, away = Heard(), [DatabaseUnavailable("away"), DatabaseUnavailable("away")]

    def reads(key: Key, row: Any) -> None:
        heard(key, row)
        if key == "p:1" and away:
            raise away.pop()

    signals.subscribe("calls", reads)
    until(lambda: heard == [(None, None)])
    signals.publish("calls", "p:1", "the row")
    signals.publish("calls", "p:2", "the row")
    until(lambda: len(heard) == 5)
    assert heard[1:] == [("p:1", "the row"), ("p:2", "the row"), ("p:1", None), ("p:1", None)]


def test_a_row_does_not_leave_its_process(signals: Signals, elsewhere: Signals) -> None:
    there = Heard()
    elsewhere.subscribe("calls", there)
    until(lambda: len(there) == 1)
    signals.publish("calls", 7, "the row")
    until(lambda: (7, None) in there)


def test_a_thousand_signals_take_few_notifications(
    signals: Signals, elsewhere: Signals, conninfo: str
) -> None:
    there = Heard()
    elsewhere.subscribe("calls", there)
    with psycopg.connect(conninfo, autocommit=True) as witness:
        witness.execute('listen "fsroute.calls"')
        until(lambda: len(there) == 1)
        for number in range(1000):
            signals.publish("calls", f"proxy_call:{number}")
        until(lambda: len(there) == 1001)
        payloads = [notification.payload for notification in witness.notifies(timeout=0.2)]
    assert len(payloads) <= 5
    assert sum(len(json.loads(payload)["keys"]) for payload in payloads) == 1000
    assert max(map(len, payloads)) <= 7000


def test_a_slow_subscriber_does_not_delay_another(signals: Signals) -> None:
    quick = Heard()
    signals.subscribe("calls", lambda key, row: gevent.sleep(60))
    signals.subscribe("calls", quick)
    until(lambda: len(quick) == 1)
    signals.publish("calls", 1)
    until(lambda: len(quick) == 2)


def test_a_subscriber_that_fails_hears_the_next_signal(
    signals: Signals, caplog: pytest.LogCaptureFixture
) -> None:
    heard = Heard()

    def fail_once(key: Key, row: Any) -> None:
        heard(key, row)
        if key == 1:
            raise ValueError("a fault of the subscriber")

    signals.subscribe("calls", fail_once)
    until(lambda: len(heard) == 1)
    signals.publish("calls", 1)
    until(lambda: len(heard) == 2)
    signals.publish("calls", 2)
    until(lambda: heard.every_key() == [None, 1, 2])
    assert "a fault of the subscriber" in caplog.text


def test_a_topic_subscribed_to_while_listening_is_heard(signals: Signals, elsewhere: Signals) -> None:
    signals.subscribe("calls", Heard())
    assert signals.listening.wait(5.0)
    heard, again = Heard(), Heard()
    signals.subscribe("agents", heard)
    until(lambda: heard == [(None, None)])
    signals.subscribe("agents", again)
    until(lambda: again == [(None, None)])
    elsewhere.publish("agents", "a:1")
    until(lambda: ("a:1", None) in heard and ("a:1", None) in again)


def test_after_a_lost_connection_everything_is_read_again(
    signals: Signals, elsewhere: Signals, conninfo: str
) -> None:
    heard = Heard()
    signals.subscribe("calls", heard)
    until(lambda: len(heard) == 1)
    end_sessions(conninfo, "fsroute signals")
    until(lambda: heard.every_key() == [None, None])
    elsewhere.publish("calls", 1)
    until(lambda: heard.every_key()[-1] == 1)


@pytest.mark.skipif("FSROUTE_TEST_DATABASE" in os.environ, reason="the server's processes are not ours")
def test_a_server_that_falls_silent_is_left(
    signals: Signals, conninfo: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fsroute.store.signals.CHECK", 0.2)
    heard = Heard()
    signals.subscribe("calls", heard)
    until(lambda: len(heard) == 1)
    with psycopg.connect(conninfo, autocommit=True) as connection:
        row = connection.execute(
            "select pid from pg_stat_activity "
            "where starts_with(application_name, 'fsroute signals') and datname = current_database()"
        ).fetchone()
    assert row is not None
    os.kill(row[0], signal.SIGSTOP)
    try:
        until(lambda: heard.every_key() == [None, None])
    finally:
        os.kill(row[0], signal.SIGCONT)


def test_a_notification_of_another_program_is_understood(signals: Signals, conninfo: str) -> None:
    heard = Heard()
    signals.subscribe("calls", heard)
    until(lambda: len(heard) == 1)
    with psycopg.connect(conninfo, autocommit=True) as other:
        other.execute("select pg_notify('fsroute.calls', '[1, \"p:2\"]')")
        until(lambda: heard.every_key() == [None, 1, "p:2"])
        other.execute("select pg_notify('fsroute.calls', 'what is this')")
        until(lambda: heard.every_key() == [None, 1, "p:2", None])


def test_what_is_published_before_the_end_is_sent(database: Database, elsewhere: Signals) -> None:
    there = Heard()
    elsewhere.subscribe("calls", there)
    until(lambda: len(there) == 1)
    signals = Signals(database)
    signals.start()
    signals.publish("calls", "last")
    signals.stop()
    until(lambda: there.every_key() == [None, "last"])


def test_a_topic_too_long_for_a_channel_is_refused(signals: Signals) -> None:
    with pytest.raises(ValueError, match="too long"):
        signals.subscribe("x" * 60, Heard())


def end_sessions(conninfo: str, name: str) -> None:
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity "
            "where starts_with(application_name, %s) and datname = current_database()",
            [name],
        )


@pytest.mark.parametrize(
    "payload", ["[" * 7000, '{"a":' * 1500, "", "[1e999]", '{"keys":[{}]}', "\u202e", "9" * 7000]
)
def test_a_signal_that_cannot_be_read_means_everything_and_stops_nobody(
    signals: Signals, conninfo: str, payload: str
) -> None:
    heard = Heard()
    signals.subscribe("calls", heard)
    until(lambda: heard == [(None, None)])
    with psycopg.connect(conninfo, autocommit=True) as stranger:
        stranger.execute("select pg_notify('fsroute.calls', %s)", (payload,))
        stranger.execute("select pg_notify('fsroute.calls', '[\"p:7\"]')")
    until(lambda: "p:7" in heard.every_key())
    assert set(heard.every_key()) <= {None, "p:7"}
