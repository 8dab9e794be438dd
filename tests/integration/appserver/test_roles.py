"""Both roles as `fsroute run` has them: signed bundles from the remote center's folder to the local site's calls."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fsroute.app import App, sample_folder
from fsroute.config import (
    ApplicationsFrom,
    Appserver,
    AskingSite,
    Callserver,
    Config,
    EventSocket,
    Role,
    Site,
)
from fsroute.ivr import archive, keyfiles, publication
from fsroute.store.applications import ApplicationVersions
from tests.integration.appserver.center import SECRET
from tests.waiting import until


class World:
    """A remote center with the role appserver, a local site with the role callserver, and one database."""

    def __init__(self, folder: Path, conninfo: str) -> None:
        self.folder = folder
        self.conninfo = conninfo
        self.published = folder / "published"
        self.published.mkdir()
        self.key = folder / "blue.pem"
        (folder / "keys" / "blue").mkdir(parents=True)
        keyfiles.new_pair(self.key)
        shutil.copy(self.key.with_name("blue.pem.pub"), folder / "keys" / "blue" / "blue.pub")
        asking = AskingSite(site="north", contact_centers=("blue",), secret=SECRET)
        server = Appserver(listen_port=0, published=str(self.published), sites=(asking,))
        self.remote = self._app("blue-1", roles=(Role.APPSERVER,), appserver=server)
        self.local: App | None = None

    def _app(self, switch_id: str, **changed: Any) -> App:
        nowhere = EventSocket(port=9)
        values: dict[str, Any] = {
            "site": Site(site_id="north", switch_id=switch_id),
            "state_dir": str(self.folder / switch_id),
            "event_socket": nowhere,
            "callserver": Callserver(listen_port=0),
        }
        return App(Config(**values | changed), self.conninfo, {})

    def start(self) -> App:
        """The local site; the remote one must be there once, so that its address is known."""
        assert self.remote.appserver is not None
        source = ApplicationsFrom(
            name="blue-center",
            urls=(f"http://127.0.0.1:{self.remote.appserver.address[1]}",),
            contact_centers=("blue",),
            keys=str(self.folder / "keys"),
            site="north",
            secret=SECRET,
            interval=3600.0,
        )
        self.local = self._app("north-1", roles=(Role.CALLSERVER,), applications_from=(source,))
        self.local.start()
        return self.local

    def publish(self, version: str, key: Path | None = None, **terms: Any) -> None:
        draft = self.folder / f"draft-{version}"
        shutil.copytree(sample_folder() / "orders", draft)
        text = (draft / "application.toml").read_text()
        (draft / "application.toml").write_text(text.replace('version = "1"', f'version = "{version}"', 1))
        data = archive.pack(
            draft,
            keyfiles.private_key(key or self.key),
            contact_center="blue",
            created_at=time.time(),
            **terms,
        )
        publication.publish(archive.examine(data), data, self.published, time.time())

    def states(self) -> dict[str, tuple[str, str | None, str]]:
        assert self.local is not None
        rows = ApplicationVersions(self.local.store.database).all()
        return {row.name: (row.state, row.version, row.message) for row in rows}


@pytest.fixture
def world(tmp_path: Path, conninfo: str) -> Iterator[World]:
    each = World(tmp_path, conninfo)
    each.remote.start()
    yield each
    if each.local is not None:
        each.local.stop()
    each.remote.stop()


def test_what_is_published_serves_calls_of_other_sites_by_the_signal(world: World) -> None:
    local = world.start()
    until(lambda: world.states().get("") == ("serving", None, ""))
    world.publish("1")
    until(lambda: world.states().get("orders") == ("serving", "1", ""), 10)
    assert local._applications["orders"].version == "1"
    world.publish("1.1")
    until(lambda: local._applications["orders"].version == "1.1", 10)


def test_a_bundle_signed_by_somebody_else_is_refused_and_the_status_says_so(world: World) -> None:
    local = world.start()
    world.publish("1")
    until(lambda: world.states().get("orders") == ("serving", "1", ""), 10)
    other = world.folder / "other.pem"
    keyfiles.new_pair(other)
    world.publish("2", key=other)
    until(lambda: world.states()["orders"][0] == "refused", 10)
    state, version, message = world.states()["orders"]
    assert (state, version) == ("refused", "1")
    assert message.startswith("orders-2.fsapp: orders 2: ")
    assert local._applications["orders"].version == "1"


def test_a_site_that_starts_without_its_remote_center_serves_what_it_has(world: World) -> None:
    local = world.start()
    world.publish("1")
    until(lambda: world.states().get("orders") == ("serving", "1", ""), 10)
    local.stop()
    assert world.remote.appserver is not None
    world.remote.appserver.stop()
    again = world.start()
    assert again._applications["orders"].version == "1"
    until(lambda: world.states()["orders"][0] == "unreachable")
    assert world.states()["orders"][1] == "1"


def test_what_was_never_taken_and_is_offered_no_more_leaves_the_status(world: World) -> None:
    world.start()
    other = world.folder / "other.pem"
    keyfiles.new_pair(other)
    world.publish("1", key=other)
    until(lambda: world.states().get("orders", ("",))[0] == "refused", 10)
    shutil.rmtree(world.published / "orders")
    until(lambda: "orders" not in world.states(), 10)
