"""Look-ups as calls ask them: the remote center's answer, within the caller's time, or the way on without it."""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping, Sequence

import msgspec

from fsroute.callserver.remote import Answered, Remote, RemoteFailed, RemoteSlow
from fsroute.lookups.answers import Answer, Empty, Failed, Found, Kept, Slow
from fsroute.lookups.facts import LONGEST_ANSWER, NOTHING_FOUND, AnswerRefused, facts_of
from fsroute.lookups.service import MOST_KEPT, Result, Service

LONGEST = 60.0  # seconds
LOOKUP_NAME = "[a-z0-9_-]{1,40}"


class _Body(msgspec.Struct, frozen=True):
    facts: dict[str, object] = {}
    cache: float = 0.0
    error: str = ""


class _Center:
    """One remote center: how it is asked, and what is kept of how it answers."""

    def __init__(self, remote: Remote, kept: Kept[Hashable, Answer]) -> None:
        self.remote = remote
        self.service = Service(remote.source.name, remote.source.max_lookups, kept)

    def ask(self, name: str, contact_center: str, parameters: Mapping[str, str], timeout: float) -> Result:
        body = msgspec.json.encode({"contact_center": contact_center, "parameters": dict(parameters)})
        try:
            reply = self.remote.ask(
                "POST", f"/v1/lookups/{name}", body, timeout=timeout, limit=LONGEST_ANSWER
            )
            return _result(name, reply)
        except RemoteSlow:
            return Result(Slow())
        except RemoteFailed as error:
            return Result(Failed(str(error)))


class Lookups:
    """Asks the application server of each contact center; any number of greenlets may, each may be killed."""

    def __init__(self, remotes: Sequence[Remote]) -> None:
        self._centers: dict[str, _Center] = {}
        kept: Kept[Hashable, Answer] = Kept(MOST_KEPT)
        for remote in remotes:
            center = _Center(remote, kept)
            self._centers |= dict.fromkeys(remote.source.contact_centers, center)

    def ask(self, name: str, contact_center: str, parameters: Mapping[str, str], timeout: float) -> Answer:
        """The answer to a look-up, after `timeout` seconds at most; never raises an error of ours."""
        center = self._centers.get(contact_center)
        if re.fullmatch(LOOKUP_NAME, name) is None:
            return Failed("a look-up's name is of a-z, 0-9, - and _")
        if center is None:
            return Failed(f"no application server is known for contact center {contact_center}")
        key = (contact_center, name, tuple(sorted(parameters.items())))
        return center.service.ask(
            name, key, min(timeout, LONGEST), lambda left: center.ask(name, contact_center, parameters, left)
        )


def _result(name: str, reply: Answered) -> Result:
    if reply.status == 504:
        return Result(Slow())
    try:
        body = msgspec.json.decode(reply.body, type=_Body)
        if reply.status == 200:
            return Result(Found(facts_of(body.facts)), body.cache)
    except (msgspec.DecodeError, RecursionError, AnswerRefused) as error:
        return Result(Failed(f"look-up {name}: the answer is none: {error}"))
    if reply.status == 404 and body.error == NOTHING_FOUND:
        return Result(Empty(), body.cache)
    # the question is refused: that says nothing of the next one
    return Result(Failed(f"look-up {name}: status {reply.status}: {body.error[:200]}"), tells=False)
