from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.esl import peer


@pytest.fixture(autouse=True)
def _no_connection_outlives_its_test() -> Iterator[None]:
    yield
    peer.close_all()
