"""An outbound server in a process of its own, for :mod:`tests.benchmarks.esl_outbound`.

    python -m tests.benchmarks.esl_server fsroute|face|greenswitch calls|idle

Prints its port. "calls": answer, play a prompt to its end, hang up. "idle": answer, then wait for
events for ever. The three kinds do the same.
"""

from __future__ import annotations

from gevent import monkey

monkey.patch_all()

import sys  # noqa: E402
from typing import Any  # noqa: E402

import gevent  # noqa: E402
import greenswitch as original  # noqa: E402

from fsroute.esl import Event, SessionClosed, greenswitch  # noqa: E402
from fsroute.esl.outbound import Greeting, OutboundServer  # noqa: E402
from fsroute.esl.session import Session  # noqa: E402

LIMIT = 10_000
PROMPT = "test/welcome.wav"


def ends(event: Event, application_uuid: str) -> bool:
    is_end = event.name == "CHANNEL_EXECUTE_COMPLETE"
    return is_end and event["Application-UUID"] == application_uuid


def handle_call(session: Session) -> None:
    session.execute("answer")
    prompt = session.execute("playback", PROMPT)
    try:
        while not ends(session.next(), prompt):
            pass
        session.execute("hangup")
        while True:
            session.next()
    except SessionClosed:
        pass


def handle_idle(session: Session) -> None:
    session.execute("answer")
    try:
        while True:
            session.next()
    except SessionClosed:
        pass


class Application:
    def __init__(self, session: Any) -> None:
        self.session = session


class Calls(Application):
    def run(self) -> None:
        self.session.myevents()
        self.session.linger(5)
        self.session.answer()
        self.session.playback(PROMPT)
        self.session.hangup()


class Idle(Application):
    def run(self) -> None:
        self.session.myevents()
        self.session.linger(5)
        self.session.answer()
        try:
            self.session.playback("silence_stream://-1")
        except original.esl.OutboundSessionHasGoneAway:
            pass


def serve(kind: str, work: str) -> None:
    if kind == "fsroute":
        handler = handle_call if work == "calls" else handle_idle
        greeting = Greeting(guarded=False)  # the others have no such thing
        server = OutboundServer(handler, ("127.0.0.1", 0), max_sessions=LIMIT, greeting=greeting)
        server.start()
        print(server.address[1], flush=True)
        gevent.get_hub().join()
        return
    module: Any = greenswitch if kind == "face" else original
    application = Calls if work == "calls" else Idle
    port = free_port()
    green = module.OutboundESLServer("127.0.0.1", port, application, max_connections=LIMIT)
    print(port, flush=True)
    green.listen()


def free_port() -> int:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


if __name__ == "__main__":
    serve(*sys.argv[1:])
