"""A remote center for tests: a published folder of plain bundles, its application server, and sites that ask."""

from __future__ import annotations

import json
import shutil
import wave
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fsroute.appserver.role import AppServerRole
from fsroute.callserver.download import Downloads, Reading, Status
from fsroute.callserver.library import Library
from fsroute.callserver.remote import Remote
from fsroute.callserver.shelf import Shelf
from fsroute.config import ApplicationsFrom, Appserver, AskingSite, Lookup, Secret
from fsroute.errors import ApplicationError
from fsroute.ivr import Application, load

SECRET = Secret("what north and blue share")
TEXT = """
name = "{name}"
version = "{version}"
start = "bye"
languages = ["en"]

[sorry]
prompt = "sorry"
transfer = "1000"

[steps.bye]
do = "hang_up"
"""


@dataclass(frozen=True)
class Manifest:
    name: str
    version: str
    contact_center: str = "blue"
    numbers: tuple[str, ...] = ("8005550100",)
    expires_at: float | None = None
    key_id: str = "0123456789abcdef"


@dataclass(frozen=True)
class Bundle:
    manifest: Manifest
    text: str


@dataclass(frozen=True)
class Publication:
    name: str
    version: str
    sequence: int
    contact_center: str
    path: Path


def publications(folder: Path, faults: dict[str, str]) -> Iterator[Publication]:
    for index in sorted(folder.glob("*.json")):
        entry = json.loads(index.read_text())
        yield Publication(path=folder / f"{index.stem}.fsapp", name=index.stem, **entry)


def read(path: Path, source: ApplicationsFrom, now: float) -> Bundle:
    """As the reader of signed bundles does: it refuses by ApplicationError."""
    raw: dict[str, Any] = json.loads(path.read_text())
    if raw.pop("signature") != "good":
        raise ApplicationError("the signature is wrong")
    text = raw.pop("text")
    raw.pop("padding", None)
    return Bundle(Manifest(**raw), text)


def unpack(bundle: Bundle, folder: Path) -> None:
    new = folder.with_name(folder.name + ".new")
    (new / "prompts" / "en").mkdir(parents=True)
    with wave.open(str(new / "prompts" / "en" / "sorry.wav"), "wb") as recording:
        recording.setparams((1, 2, 8000, 80, "NONE", ""))
        recording.writeframes(bytes(160))
    (new / "application.toml").write_text(bundle.text)
    new.rename(folder)


READING = Reading(read, unpack, load)


@dataclass
class Center:
    """The remote center; ``publish`` puts an application into its folder."""

    folder: Path
    settings: dict[str, Any] = field(default_factory=dict)
    heard: list[str] = field(default_factory=list)
    role: AppServerRole | None = None
    sequence: int = 0

    def start(
        self,
        lookups: tuple[Lookup, ...] = (),
        conninfo: str = "",
        contact_centers: tuple[str, ...] = ("blue",),
        **settings: Any,
    ) -> None:
        self.folder.mkdir(exist_ok=True)
        self.settings |= settings
        asking = AskingSite(site="north", contact_centers=contact_centers, secret=SECRET)
        config = Appserver(
            published=str(self.folder), sites=(asking,), lookups=lookups, **{"listen_port": 0} | self.settings
        )
        self.role = AppServerRole(config, publications, conninfo, self.heard.append)
        self.role.start()
        self.settings["listen_port"] = self.role.address[1]

    def stop(self) -> None:
        if self.role is not None:
            self.role.stop()
            self.role = None

    def refresh(self) -> None:
        assert self.role is not None
        self.role._catalogue.refresh()

    @property
    def url(self) -> str:
        scheme = "https" if self.settings.get("certificate") else "http"
        return f"{scheme}://127.0.0.1:{self.settings['listen_port']}"

    def publish(
        self,
        version: str,
        name: str = "orders",
        sequence: int | None = None,
        inside: dict[str, Any] | None = None,
        **changed: Any,
    ) -> None:
        """Publish a bundle; what is `inside` it differs from what is offered."""
        self.sequence += 1
        manifest = {"name": name, "version": version, "contact_center": "blue"}
        text = TEXT.format(name=name, version=version)
        content = manifest | {"signature": "good", "text": text} | changed | (inside or {})
        (self.folder / f"{name}.fsapp").write_text(json.dumps(content))
        entry = {
            "version": version,
            "sequence": self.sequence if sequence is None else sequence,
            "contact_center": changed.get("contact_center", "blue"),
        }
        (self.folder / f"{name}.json").write_text(json.dumps(entry))
        if self.role is not None:
            self.refresh()

    def withdraw(self, name: str) -> None:
        (self.folder / f"{name}.json").unlink()
        self.refresh()

    def source(self, **changed: Any) -> ApplicationsFrom:
        values: dict[str, Any] = {
            "name": "blue-center",
            "urls": (self.url,),
            "contact_centers": ("blue",),
            "keys": "keys",
            "site": "north",
            "secret": SECRET,
            "interval": 3600.0,
        }
        return ApplicationsFrom(**values | changed)


class LocalSite:
    """The local site: a shelf, what calls find, and what was told of it."""

    def __init__(
        self, folder: Path, *sources: ApplicationsFrom, local: dict[str, Application] | None = None
    ) -> None:
        self.folder = folder
        self.told: dict[str, Status] = {}
        self.library = Library(local or {})
        remotes = [Remote(source) for source in sources]
        self.downloads = Downloads(remotes, Shelf(folder), self.library, READING, self._report)

    def _report(self, status: Status) -> None:
        self.told[status.name] = status

    def start(self) -> None:
        self.downloads.start()

    def stop(self) -> None:
        self.downloads.stop()

    def check(self) -> None:
        """One look at every source, complete when this returns."""
        for source in self.downloads._sources:
            self.downloads._look(source)

    def version(self, name: str = "orders") -> str | None:
        application = self.library.get(name)
        return None if application is None else application.version

    def folders(self, name: str = "orders") -> list[str]:
        return sorted(path.name for path in (self.folder / name).iterdir() if path.is_dir())

    def erase(self) -> None:
        shutil.rmtree(self.folder)
