"""PostgreSQL's own programs for its clients, pg_dump and pg_restore: where they are, and how they are run."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from fsroute.errors import StoreError
from fsroute.store import binaries

LONGEST_REASON = 2_000  # characters of what a program that failed has said


def client(name: str, oldest: int) -> str:
    """The path of a program of major version `oldest` or newer: an older one does not know the server.

    Raises:
        StoreError: there is none; the text says what to install.
    """
    found = []
    for folder in binaries.folders():
        program = folder / name
        if program.is_file():
            match = re.search(r"\(PostgreSQL\) (\d+)", binaries.run([str(program), "--version"], None))
            if match is not None and int(match[1]) >= oldest:
                return str(program)
            found += [match[1]] if match is not None else []
    there = f"only version {', '.join(found)} is here" if found else "there is none here"
    raise StoreError(
        f"{name} of PostgreSQL {oldest} or newer is needed, and {there}: install postgresql-client-{oldest}"
    )


def without_password(conninfo: str) -> tuple[str, dict[str, str]]:
    """The connection string and the environment for a program: everybody may read its command line."""
    settings = conninfo_to_dict(conninfo)
    password = settings.pop("password", None)
    environment = {**os.environ, "LC_ALL": "C"}
    if password is not None:
        environment["PGPASSWORD"] = str(password)
    return make_conninfo("", **settings), environment


@contextmanager
def running(command: list[str], environment: Mapping[str, str]) -> Iterator[IO[bytes]]:
    """What a program prints, for the block; it is ended with the block.

    Raises:
        StoreError: it failed; the text is what it said.
    """
    with tempfile.TemporaryFile() as said:
        try:
            child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=said,
                cwd="/",
                env=dict(environment),
            )
        except OSError as error:
            raise StoreError(f"{command[0]}: {error}") from error
        assert child.stdout is not None
        try:
            yield child.stdout
            status = child.wait()
        finally:
            if child.poll() is None:
                child.kill()
                child.wait()
            child.stdout.close()
        if status != 0:
            said.seek(0)
            text = said.read().decode(errors="replace").strip()[:LONGEST_REASON]
            raise StoreError(f"{Path(command[0]).name} failed: {text or f'status {status}'}")
