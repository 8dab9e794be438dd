"""The hold music: one long piece, and a list that plays it for a day.

mod_local_stream is silent for 0.3 s after each piece, and for a second whenever it opens its folder, which is
after the last piece.
"""

from __future__ import annotations

import io
import wave
from functools import cache
from importlib import resources
from pathlib import PurePath

LOOPS = 15  # of the sample's music, which is a loop, in the piece that is played
PIECE = "hold.wav"
LIST = "music/hold.loc"


def music(folder: PurePath) -> dict[str, bytes]:
    """The files by their path below `folder`, which is where FreeSWITCH finds them."""
    piece, seconds = _piece()
    return {PIECE: piece, LIST: f"{folder / PIECE}\n".encode() * round(86_400 / seconds)}


@cache
def _piece() -> tuple[bytes, float]:
    """A wave file, and its length in seconds."""
    with wave.open(io.BytesIO(_sample())) as loop:
        samples = loop.readframes(loop.getnframes())
        content = io.BytesIO()
        with wave.open(content, "wb") as piece:
            piece.setparams(loop.getparams())
            piece.writeframes(samples * LOOPS)
        return content.getvalue(), float(LOOPS * loop.getnframes() / loop.getframerate())


def _sample() -> bytes:
    return resources.files("fsroute").joinpath("ivr", "sample", "music", "hold.wav").read_bytes()
