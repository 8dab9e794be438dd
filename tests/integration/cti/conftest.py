from __future__ import annotations

from collections.abc import Iterator

import pytest

from fsroute.store.signals import Signals
from fsroute.store.store import Store
from fsroute.switchsim import Network
from tests.fix_center import Center
from tests.integration.cti.watched import Reader, Watched, stand_in


@pytest.fixture
def watched(center: Center) -> Iterator[Watched]:
    network = Network(speed=1, media_timeout=0.2)
    switch = stand_in(network)
    signals = Signals(center.database)
    signals.start()
    store = Store(center.database, signals)
    found = Watched(center.database, switch, network, store, Reader(store))
    try:
        yield found
    finally:
        found.stop()
        switch.stop()
