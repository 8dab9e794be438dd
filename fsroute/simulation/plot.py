"""The curve of answers as text: for each wait the share of contacts answered within it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fsroute.simulation.results import Point

EIGHTHS = " ▏▎▍▌▋▊▉"


def bars(points: Sequence[Point], width: int = 50, fine: bool = False) -> Iterator[str]:
    """One line for each point: seconds, a bar, the share; ``|`` (fine: ``┃``) is where the bound is.

    `width` is that of a bar of 100 %, in characters; `fine` ones are made of blocks, to an eighth of a character.
    """
    for point in points:
        bar = _blocks(point.share, width) if fine else ("#" * round(point.share * width)).ljust(width)
        if point.bound is not None:
            place = min(int(point.bound * width), width - 1)
            bar = bar[:place] + ("┃" if fine else "|") + bar[place + 1 :]
        yield f"{point.seconds:>6g} s {bar} {point.share:6.1%}"


def _blocks(share: float, width: int) -> str:
    eighths = round(share * width * 8)
    full, rest = divmod(eighths, 8)
    return ("█" * full + (EIGHTHS[rest] if rest else "")).ljust(width)
