"""The configuration of a host, and those of a switch and a dialplan."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from fsroute.config import convert, parse
from fsroute.errors import ConfigurationError
from fsroute.install.render import render_dialplans
from fsroute.install.settings import DialplanSettings, SwitchSettings
from tests.fuzz.running import Target

DOCS = Path(__file__).parents[3] / "docs"

TOKENS = (
    b"[database]\n",
    b'url = "',
    b"[[customers]]\n",
    b"[[appserver.lookups]]\n",
    b'callback_numbers = "(a+)+$"\n',
    b"= 1e400",
    b"= nan",
    b"= inf",
    b"= -1",
    b"= 0x7fffffffffffffffff",
    b"'''",
    b'"""',
    b"roles = []\n",
    b"= {}",
    b"= [[",
    b"{number}",
    b"{token}",
    b"1979-05-27T07:32:00Z",
    b"\\U00110000",
    b"<!--",
    b"]]>",
    b"&amp;",
    b'numbers = ["',
    b"${",
)


def _seeds() -> Sequence[bytes]:
    small = b'roles = ["callserver"]\n[site]\nsite_id = "west"\nswitch_id = "w1"\n[database]\nurl = "postgresql://x"\n'
    dialplan = b'numbers = ["8005550100", "*"]\ncallservers = ["127.0.0.1:8084"]\n'
    return [(DOCS / "fsroute.toml").read_bytes(), (DOCS / "switch.toml").read_bytes(), small, dialplan]


def run(data: bytes) -> str:
    text = data.decode("utf-8", "replace")
    outcomes = []
    try:
        config = parse(text, "x.toml")
        assert "postgresql://" not in repr(config), "a secret is shown"
        outcomes.append("configuration")
    except ConfigurationError:
        pass
    try:
        convert(text, SwitchSettings, "switch.toml")
        outcomes.append("switch")
    except ConfigurationError:
        pass
    try:
        render_dialplans(convert(text, DialplanSettings, "dialplan.toml"))
        outcomes.append("dialplan")
    except ConfigurationError:
        pass
    return " and ".join(outcomes) or "refused"


TARGET = Target(_seeds, run, TOKENS)
