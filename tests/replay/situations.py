"""What the captures here were taken with: numbers and names that must be in none of them, and the applications."""

from __future__ import annotations

from pathlib import Path

from tests.live.remote_center import write_draft
from tests.live.two_sites import gather_applications

FOLDER = Path(__file__).parent / "captures"

CALLS, ALSO_CALLS, HOME = "2025550142", "2025550179", "4155550123"
NAME = "Grace Hopper"
LOYAL = "loyal"
"""The contact center whose customers are known."""

SCRUB_KEY = "5c" * 32
"""So that the same fake numbers come of the same numbers each time. Whom it could betray are none of anybody's."""


def gather(folder: Path) -> Path:
    """The applications that the calls were taken with, in a folder; returned."""
    gather_applications(folder)
    for center in ("remote1", "remote2", "remote3"):
        for kind in ("tour", "survey"):
            write_draft(folder / f"{kind}-{center}", center, kind)
    return folder
