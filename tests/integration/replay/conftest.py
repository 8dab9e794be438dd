from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import psycopg
import pytest

from fsroute import resources
from fsroute.app import sample_folder
from fsroute.config import Config
from fsroute.demo.centers import EAST, WEST, Center
from fsroute.ivr import load
from fsroute.model import AgentStatus
from fsroute.replay import format as captures
from fsroute.replay import journal as journals
from fsroute.replay.format import Capture
from fsroute.replay.journal import Journal
from fsroute.switchsim import Network
from tests.integration.flow.conftest import FAST, World
from tests.waiting import until


class CapturedCenter(Center):
    """A center whose process keeps its calls."""

    folder: Path
    scrub = False

    def _config(self) -> Config:
        config = super()._config()
        capture = msgspec.structs.replace(config.capture, folder=str(self.folder), scrub=self.scrub)
        return msgspec.structs.replace(config, capture=capture)


@dataclass
class CapturedWorld(World):
    """Two centers whose calls are kept, each in a folder of its own."""

    folders: dict[str, Path] = field(default_factory=dict)
    is_stopped: bool = False

    def stop(self) -> None:
        """So that all files are complete."""
        if not self.is_stopped:
            self.is_stopped = True
            for center in (self.west, self.east):
                center.stop()

    def wait_until_empty(self) -> None:
        until(lambda: not self.west.switch.channels and not self.east.switch.channels)

    def until_known(self, agent_id: str) -> None:
        """The journal of the callers' site has heard of an agent who is available."""
        assert self.west.app is not None
        keeper = self.west.app.capture.keeper
        assert keeper is not None
        until(lambda: AgentStatus.AVAILABLE is getattr(keeper.world().agents.get(agent_id), "status", None))

    def calls_kept(self, site: str = "west") -> list[Capture]:
        return [captures.load(path) for path in sorted(self.folders[site].glob("2*.jsonl"))]

    def links_kept(self, site: str = "west") -> list[Capture]:
        return [captures.load(path) for path in sorted(self.folders[site].glob("link-*.jsonl"))]

    def journals_kept(self, site: str = "west") -> dict[str, Journal]:
        paths = sorted(self.folders[site].glob("journal-*.jsonl"))
        return {path.name: journals.load(path) for path in paths}


@pytest.fixture
def scrub() -> bool:
    return False


@pytest.fixture
def captured(conninfo: str, tmp_path: Path, scrub: bool) -> Iterator[CapturedWorld]:
    sample = (resources.folder("sql") / "samples" / "two_sites.sql").read_text("utf-8")
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute(sample.encode())
        connection.execute("update fsroute.agent set wrap_up = 0, set_aside = 5")
    network = Network(speed=20.0)
    application = load(Path(sample_folder()) / "orders")
    centers = []
    for each in (WEST, EAST):
        center = CapturedCenter(each, conninfo, network, {application.name: application}, FAST)
        center.folder, center.scrub = tmp_path / each.site_id, scrub
        centers.append(center)
    folders = {each.site_id: tmp_path / each.site_id for each in (WEST, EAST)}
    world = CapturedWorld(conninfo, network, centers[0], centers[1], folders=folders)
    try:
        for center in centers:
            center.start()
        yield world
    finally:
        world.stop()
