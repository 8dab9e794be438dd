from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.appserver.center import Center, LocalSite


@pytest.fixture
def center(tmp_path: Path) -> Iterator[Center]:
    """A remote center that is not started yet."""
    each = Center(tmp_path / "published")
    yield each
    each.stop()


@pytest.fixture
def site(center: Center, tmp_path: Path) -> Iterator[Callable[..., LocalSite]]:
    """Makes local sites, all with the same shelf, whose downloads have restored it but ask only when told."""
    made = []

    def make(**source: Any) -> LocalSite:
        each = LocalSite(tmp_path / "applications", center.source(**source))
        each.downloads._shelf.open()
        for record in each.downloads._shelf.accepted():
            each.downloads._restore(record)
        made.append(each)
        return each

    yield make
    for each in made:
        each.stop()
