"""The callers' application: the sample's, for callers who take their time."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from fsroute.app import sample_folder

NAME = "patient"
PATIENCE = 120.0  # seconds until a caller who keys nothing is asked again


def write(folder: Path) -> Path:
    """Put it below `folder`, and return where it is."""
    target = folder / NAME
    shutil.copytree(sample_folder() / "orders", target)
    file = target / "application.toml"
    text = file.read_text("utf-8").replace('name = "orders"', f'name = "{NAME}"')
    text, count = re.subn(r"^timeout = [0-9.]+", f"timeout = {PATIENCE}", text, flags=re.MULTILINE)
    assert count == 1, "the sample has another shape"
    file.write_text(text, "utf-8")
    return target
