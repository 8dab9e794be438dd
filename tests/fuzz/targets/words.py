"""Small texts from elsewhere: signals of other processes, templates, telephone numbers, what becomes a command."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from fsroute.customers.numbers import Plan, e164
from fsroute.errors import FsrouteError
from fsroute.esl import commands
from fsroute.esl.errors import InvalidCommand
from fsroute.ivr.templates import Templates
from fsroute.ivr.texts import clean
from fsroute.log import Lines
from fsroute.store import payload
from tests.fuzz.running import Target

NAMES = {
    "caller": {"number": "+15550100", "name": "Ada"}, "facts": {"order": "12345"}, "customer": {}, "network": {},
    "language": "en",
}  # fmt: skip

TOKENS = (
    b'{"by":"x","keys":[',
    b'["p:1","a:ann"]',
    b"{{ ",
    b" }}",
    b"{% if ",
    b"{% endif %}",
    b"caller.",
    b"facts['",
    b"|default(",
    b"|int",
    b"__class__",
    b"[0:",
    b" ~ ",
    b" + ",
    b"not " * 300,
    b"(" * 300,
    b"\xe2\x80\xa8",
    b"\x1b[2J",
    b"+1 (",
    b"tel:",
)


def _seeds() -> Sequence[bytes]:
    return [
        b'{"by":"host:1:abc","keys":["p:1","a:ann",null,7]}', b"{{ caller.name|upper }} {{ facts.order[-1] }}",
        b"{% if facts.order[0] in ['1', '2'] %}low{% elif 0 %}{% else %}high{% endif %}", b"+1 (415) 555-0123",
        b"eyJ0byI6ICJhZ2VudCIsICJuYW1lIjogImJvYiJ9", b"answer", b"playback /tmp/x.wav",
    ]  # fmt: skip


def run(data: bytes) -> str:
    text = data.decode("utf-8", "replace")
    _, keys = payload.decode(text)
    assert all(key is None or isinstance(key, str | int) for key in keys)
    assert "\n" not in clean(text)
    number = e164(text, Plan())
    assert number is None or (number[0] == "+" and number[1:].isdecimal() and len(number) <= 16)
    _one_line(text)
    return _tried(lambda: Templates().render(text, NAMES), FsrouteError)


def _one_line(text: str) -> None:
    """No text makes two commands, or a second header, of one."""
    record = logging.makeLogRecord({"msg": "caller %s", "args": (text,), "name": "x", "number": text})
    assert "\n" not in Lines().format(record)
    for make in (lambda: commands.api(text), lambda: commands.sendmsg_execute("playback", text)):
        try:
            made = make()
        except InvalidCommand:
            continue
        assert made.endswith(b"\n\n") or b"content-length" in made.lower()


def _tried(doing: Callable[[], object], refusal: type[Exception]) -> str:
    try:
        doing()
    except refusal:
        return "refused"
    return "taken"


TARGET = Target(_seeds, run, TOKENS)
