"""What was measured: printed at the end of the run."""

from __future__ import annotations

FIGURES: list[str] = []


def measured(what: str, seconds: float | None) -> None:
    FIGURES.append(f"{what}: {'not seen' if seconds is None else f'{seconds * 1000:.0f} ms'}")


def noted(line: str) -> None:
    FIGURES.append(line)
