from __future__ import annotations

from tests.unasked import nobody_looks_unasked

__all__ = ["nobody_looks_unasked"]
