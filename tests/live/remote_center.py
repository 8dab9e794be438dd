"""The remote center of the tests: its keys, what it has published, its data, and its application server.

What callers hear of its applications are tones, one for each recording, so that a phone can tell them by ear.
"""

from __future__ import annotations

import math
import re
import shutil
import struct
import subprocess
import sys
import time
import wave
from pathlib import Path

import psycopg

from fsroute.ivr import archive, keyfiles, publication
from fsroute.ivr.numerals import needed
from tests.live.freeswitch import free_port
from tests.live.process import FsrouteRun
from tests.live.two_sites import TwoSites

APPLICATIONS = Path(__file__).parent / "applications"
CENTERS = tuple(f"remote{number}" for number in range(1, 21))
"""Contact centers of the remote center: a test takes one for itself."""

PROMPTS = (
    "sorry", "silent", "wrong", "welcome", "menu", "account", "gold", "nothing", "failed", "meanwhile", "slow",
    "speak", "thanks", "declined", "operator", "goodbye", "mark", "newer", "callback_offer", "callback_number",
    "callback_confirm", "callback_enter", "callback_kept", "callback_wrong",
)  # fmt: skip
PIECES = (*sorted(needed("en", "number")), *(f"digits/{digit}" for digit in range(10)))
TONES = {name: 700 + 40 * count for count, name in enumerate((*PROMPTS, *PIECES), 1)}
"""The frequency of each recording, in Hz."""

PROMPT_LASTS, PIECE_LASTS, LONG = 0.6, 0.3, 2.5  # seconds
SECRET = "of west and the remote center"

_APPSERVER = """
[appserver]
listen_port = {port}
published = "{folder}/published"
statements = "{folder}/statements"
lookup_url = "{data}"

[[appserver.sites]]
site = "west"
contact_centers = {centers}
secret = "{secret}"

[[appserver.lookups]]
name = "balance"
kind = "sql"
contact_centers = {centers}
parameters = {{ account = {{ pattern = "[0-9]{{4}}" }} }}

[[appserver.lookups]]
name = "slow"
kind = "sql"
contact_centers = {centers}
timeout = 10.0
"""
_FROM = """
[[applications_from]]
name = "remote-center"
urls = ["http://127.0.0.1:{port}"]
contact_centers = {centers}
keys = "{folder}/keys"
site = "west"
secret = "{secret}"
interval = 5.0
connect_timeout = 1.0
"""
_DATA = """
create table account (account text primary key, balance integer not null, kind text not null);
insert into account values ('1234', 250, 'gold'), ('2345', 17, 'plain');
"""
_STATEMENTS = """
-- name: balance
select balance, kind from account where account = %(account)s;
-- name: slow
select pg_sleep(6)::text as slept;
"""


class RemoteCenter:
    """Beside east: a process with the role ``appserver`` alone. West takes its applications while this is open."""

    def __init__(self, sites: TwoSites, folder: Path, data: str) -> None:
        self.sites = sites
        self.folder = folder
        self._port = free_port()
        self._taken = iter(CENTERS)
        for name in ("published", "statements", "applications"):
            (folder / name).mkdir(parents=True)
        (folder / "statements" / "account.sql").write_text(_STATEMENTS)
        with psycopg.connect(data, autocommit=True) as connection:
            connection.execute(_DATA.encode())
        self.new_key("key")
        self.run = FsrouteRun(
            folder / "run", "east-apps", sites.east.ports, sites.database, 'roles = ["appserver"]'
        )
        words = {
            "port": self._port,
            "folder": folder,
            "centers": _list(CENTERS),
            "secret": SECRET,
            "data": data,
        }
        _append(self.run.configuration, _APPSERVER.format(**words))
        self._before = sites.west_run.configuration.read_text()
        _append(sites.west_run.configuration, _FROM.format(**words))

    def start(self) -> None:
        self.run.start()
        self.sites.west_run.stop()
        self.sites.west_run.start()

    def stop(self) -> None:
        self.run.stop()
        self.sites.west_run.configuration.write_text(self._before)
        self.sites.west_run.stop()
        self.sites.west_run.start()

    def revive(self) -> None:
        if not self.run.runs():
            self.run.start()

    def center(self) -> str:
        """A contact center that no test has had."""
        return next(self._taken)

    def new_key(self, name: str, centers: tuple[str, ...] = CENTERS) -> None:
        """A key that west trusts for these contact centers."""
        keyfiles.new_pair(self.folder / name)
        for center in centers:
            place = self.folder / "keys" / center
            place.mkdir(parents=True, exist_ok=True)
            shutil.copy(self.folder / f"{name}.pub", place)

    # Applications ------------------------------------------------------------------------------------------

    def draft(self, center: str, kind: str, version: str = "1", **instead: str) -> Path:
        """The folder of an application `kind-center`; `instead` are prompts heard in the place of others."""
        folder = self.folder / "drafts" / f"{kind}-{center}-{version}"
        write_draft(folder, center, kind, version, **instead)
        return folder

    def bundle(self, draft: Path, center: str, key: str = "key") -> bytes:
        """Signed, as a file holds it."""
        signer = keyfiles.private_key(self.folder / key)
        return archive.pack(draft, signer, contact_center=center, created_at=time.time())

    def publish(self, data: bytes) -> float:
        """As `fsroute app publish`; when it was done, in seconds since the epoch."""
        publication.publish(archive.examine(data), data, self.folder / "published", time.time())
        return time.time()

    def put(self, center: str, kind: str, version: str = "1", **instead: str) -> float:
        return self.publish(self.bundle(self.draft(center, kind, version, **instead), center))

    def path(self, name: str, version: str) -> Path:
        return self.folder / "published" / name / f"{version}.fsapp"

    def status(self, name: str) -> dict[str, object]:
        """What the database says of an application at west."""
        rows = self.sites.query("select * from application_version where name = %s", name)
        return rows[0] if rows else {}

    def serves(self, name: str, version: str) -> bool:
        row = self.status(name)
        return (row.get("version"), row.get("state")) == (version, "serving")

    def shown(self) -> str:
        """What `fsroute status` prints at west."""
        command = [
            sys.executable,
            "-m",
            "fsroute",
            "status",
            "--config",
            str(self.sites.west_run.configuration),
        ]
        environment = {"COLUMNS": "250", "PATH": "/usr/bin:/bin", "PYTHONPATH": ":".join(sys.path)}
        return subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout


def write_draft(folder: Path, center: str, kind: str, version: str = "1", **instead: str) -> None:
    """An application of a contact center's own in a folder of its own."""
    text = (APPLICATIONS / kind / "application.toml").read_text()
    text = text.replace(f'name = "{kind}"', f'name = "{kind}-{center}"')
    text = text.replace('application = "survey"', f'application = "survey-{center}"')
    text = text.replace('version = "1"', f'version = "{version}"')
    for before, after in instead.items():
        text = re.sub(rf'= "{before}"', f'= "{after}"', text)
    folder.mkdir(parents=True)
    (folder / "application.toml").write_text(text)
    write_tones(folder / "prompts" / "en")


def write_tones(folder: Path) -> None:
    for name, frequency in TONES.items():
        lasts = PIECE_LASTS if "/" in name else LONG if name == "newer" else PROMPT_LASTS
        path = folder / f"{name}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        count = round(8000 * lasts)
        samples = (round(8000 * math.sin(2 * math.pi * frequency * n / 8000)) for n in range(count))
        with wave.open(str(path), "wb") as file:
            file.setparams((1, 2, 8000, 0, "NONE", ""))
            file.writeframes(struct.pack(f"<{count}h", *samples))


def _list(words: tuple[str, ...]) -> str:
    return "[" + ", ".join(f'"{word}"' for word in words) + "]"


def _append(path: Path, text: str) -> None:
    path.write_text(path.read_text() + text)
