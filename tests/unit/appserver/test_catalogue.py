"""What is offered of a folder that several contact centers publish into."""

from __future__ import annotations

from pathlib import Path

import pytest

from fsroute.appserver.catalogue import Catalogue
from fsroute.ivr.archive import examine
from fsroute.ivr.publication import publish, published
from tests.unit.ivr.bundles import NOW, archive


def test_what_cannot_be_read_stays_as_it_was_and_others_are_served(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "current").write_text("{")
    catalogue = Catalogue(tmp_path, published)
    data = archive()
    publish(examine(data), data, tmp_path, NOW)
    assert catalogue.refresh() == {"test"}
    assert "bad/current: is no record of a publication" in caplog.text
    (tmp_path / "test" / "1.fsapp").unlink()
    assert catalogue.refresh() == set()
    assert catalogue.entries["test"].version == "1"
