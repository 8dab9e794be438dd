"""The settings of the call server that a capture was taken of, as far as its commands tell.

A capture comes without its configuration. What fsroute sent shows what was set; what it did not need to send makes no
difference. Who has the configuration gives it instead.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from fsroute.acd.rendezvous import is_token
from fsroute.callserver.desk import Settings
from fsroute.replay.commands import Command

HOLD_MUSIC = "local_stream://fsroute"
FALLBACK = "fallback XML fsroute"
FOLDER = Path("/voice_messages")
CALLED_BACK = "callback_"  # how the recordings of a talk about a callback begin

_CALLSERVER = re.compile(r"fsroute_callserver=([^;]*)")
_TOKEN = re.compile(r"fsr[0-9a-f]{32}")
_MESSAGE = re.compile(
    r"'?(.*)/[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}(?:-[0-9]+)?\.wav'? (\d+) \d+ (\d+)"
)
_ENGINE = re.compile(r" detect:(\S+) ")


def settings_of(commands: Sequence[Command], switch_id: str, addresses: Sequence[str] = ()) -> Settings:
    """Settings with which the same commands come about.

    `addresses` are those of the switches that network legs went to.
    """
    executed = [command for command in commands if command.is_execute]
    message = next(
        (found for c in executed if c.name == "record" and (found := _MESSAGE.match(c.argument))), None
    )
    transfers = [c.argument for c in executed if c.name == "transfer"]
    return Settings(
        switch_id=switch_id,
        dial_string=next(_dial_strings(executed, addresses), "{token}@{address}"),
        fallback=transfers[-1] if transfers else FALLBACK,
        hold_music=HOLD_MUSIC,
        transfer_to=" ".join(transfers[-1].split(" ")[1:]) if transfers else "XML default",
        callserver=next((found[1] for c in commands if (found := _CALLSERVER.search(c.argument))), ""),
        callback_dial_string="{number}" if any(CALLED_BACK in c.argument for c in executed) else "",
        voice_messages=Path(message[1]) if message else FOLDER,
        message_limit=float(message[2]) if message else 180.0,
        message_silence=float(message[3]) if message else 5.0,
        speech_engine=next((found[1] for c in executed if (found := _ENGINE.search(c.argument))), ""),
    )


def _dial_strings(executed: Sequence[Command], addresses: Sequence[str]) -> Iterator[str]:
    for command in executed:
        address = command.argument.partition("}")[2]
        found = _TOKEN.search(address)
        if command.name != "bridge" or found is None or not is_token(found[0]):
            continue
        text = address.replace("{", "{{").replace("}", "}}").replace(found[0], "{token}")
        for each in addresses:
            text = text.replace(each, "{address}")
        yield text
