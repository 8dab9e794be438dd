"""Two centers as in the flows, on a database that something befalls: modules say which, by `conninfo`."""

from __future__ import annotations

from tests.integration.flow.conftest import pytest_runtest_makereport, world

__all__ = ["pytest_runtest_makereport", "world"]
