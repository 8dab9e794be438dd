"""A PostgreSQL that fsroute starts and keeps by itself.

The server is a process of its own that outlives the fsroute that started it: whoever comes next
finds it running and goes on with it. All of it lies in one folder::

    data/     the data, as PostgreSQL lays it out; belongs to the server's user
    run/      the unix socket
    log/      a week of logs
    pgpass    the password, in the form that libpq and psql read
    lock      held while somebody starts or stops the server
    users     held, shared, by each process that uses the server

It listens on the unix socket, and on the loopback interface only if a port is given. The binaries
have no TLS: a database for several machines is one given by a connection string.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import logging
import os
import secrets
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import gevent
import psycopg
from psycopg.conninfo import make_conninfo

from fsroute.errors import DatabaseUnavailable, FsrouteError, StoreError
from fsroute.store import binaries
from fsroute.store.binaries import Account, Binaries
from fsroute.store.postmaster import Postmaster
from fsroute.store.queries import queries

logger = logging.getLogger(__name__)

START_LIMIT = 60.0  # seconds; recovery after a crash may take a while
LOCK_LIMIT = 120.0  # seconds; whoever holds the lock starts or stops the server
LONGEST_PAUSE = 30.0  # seconds between attempts to start a server that does not start
LONGEST_SOCKET = 100  # bytes; the kernel takes 107
SUPERUSER = "postgres"
ROLE = "fsroute"
DATABASE = "fsroute"

SETTINGS = {
    "timezone": "UTC",
    "max_connections": "200",
    "jit": "off",
    "logging_collector": "on",
    "log_filename": "postgresql-%a.log",
    "log_truncate_on_rotation": "on",
    "log_rotation_age": "1d",
    "log_rotation_size": "0",
    "log_checkpoints": "off",
    "log_timezone": "UTC",
    # Statements and the details of errors hold callers' numbers: those stay out of the log.
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
}
WITHOUT_SAFETY = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "logging_collector": "off",
}


class EmbeddedPostgres:
    """The PostgreSQL server whose data lies in `folder`.

    `port` also opens 127.0.0.1 at that port. `settings` are server settings of the caller's.
    With `safe` false the data does not survive a crash of the machine: for tests only.
    """

    def __init__(
        self,
        folder: Path | str,
        *,
        port: int | None = None,
        settings: dict[str, str] | None = None,
        safe: bool = True,
    ) -> None:
        self.folder = Path(folder).resolve()  # one name for it: the server is known by it
        self.data = self.folder / "data"
        self.started_here = False
        self._port = port
        self._safe = safe
        self._settings = SETTINGS | ({} if safe else WITHOUT_SAFETY) | (settings or {})
        digest = hashlib.sha256(os.fsencode(self.folder)).hexdigest()[:12]
        self._tag = f"fsroute-{digest}"
        self._postmaster = Postmaster(self.data, self._tag)
        self._users: int | None = None
        self._child: subprocess.Popen[bytes] | None = None
        self._keeper: gevent.Greenlet[..., None] | None = None

    def start(self) -> str:
        """Start the server, or adopt it if it runs already, and return the connection string.

        The string carries no secret: it names the file that holds the password.

        Raises:
            StoreError: it cannot be started; the text has the reason, and the log's last lines.
        """
        user = binaries.account(self.data)
        self._prepare_folder(user)
        with self._locked():
            self._join_users()
            self._child = None
            if self._postmaster.pid() is None:
                self._launch(user)
            return self._wait_until_ready()

    def join(self, limit: float = START_LIMIT) -> str:
        """Wait until the server that another process keeps takes us in, and return the connection string.

        Raises:
            StoreError: not within `limit` seconds; it is not started here.
        """
        self._prepare_folder(binaries.account(self.data))
        with self._locked():
            self._join_users()
        deadline = time.monotonic() + limit
        while (conninfo := self.running()) is None or not _lets_us_in(conninfo):
            if time.monotonic() > deadline:
                raise StoreError(
                    f"nobody has started PostgreSQL in {self.folder} within {limit:g} s: see to `fsroute database`,"
                    " as a service fsroute-database"
                )
            time.sleep(0.05)
        return conninfo

    def stop(self, *, only_started: bool = False, whoever_uses_it: bool = False) -> None:
        """Stop the server, unless another process uses it.

        With `only_started` a server that this object found running is left alone; with `whoever_uses_it` the
        others lose their connections.
        """
        if self._keeper is not None:
            self._keeper.kill()
            self._keeper = None
        if not self.folder.is_dir():
            return
        with self._locked():
            unused = self._leave_users()
            if (unused or whoever_uses_it) and (self.started_here or not only_started):
                self._postmaster.stop()
                self.started_here = False
                self._child = None
                with contextlib.suppress(OSError):
                    self._short_socket_folder(binaries.account(self.data)).rmdir()
                logger.info("stopped PostgreSQL in %s", self.folder)

    def keep(self, interval: float = 1.0) -> None:
        """From now on start the server again when it is gone; looks every `interval` seconds."""
        if self._keeper is None:
            self._keeper = gevent.spawn(self._keep, interval)

    def is_running(self) -> bool:
        return self._postmaster.pid() is not None

    def running(self) -> str | None:
        """The connection string where the server takes connections, else None; starts nothing.

        Raises:
            OSError: the folder cannot be read by this user.
        """
        place = self._postmaster.ready_at()
        return None if place is None else make_conninfo(self._place(*place), dbname=DATABASE, user=ROLE)

    # -- the folder

    def _prepare_folder(self, user: Account | None) -> None:
        ours = [self.folder, *(parent for parent in self.folder.parents if not parent.exists())]
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for place in ours if user is not None else ():
            place.chmod(0o711)  # to be passed by the server's user, whatever our umask
        binaries.check_reachable(self.data, user)
        for name in ("run", "log"):
            _own_folder(self.folder / name, user)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Let one process at a time start or stop the server; the kernel frees the lock of a dead one."""
        handle = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            deadline = time.monotonic() + LOCK_LIMIT
            while not _flock(handle, fcntl.LOCK_EX):
                if time.monotonic() > deadline:
                    raise StoreError(f"another process holds {self.folder / 'lock'}")
                time.sleep(0.02)
            yield
        finally:
            os.close(handle)

    def _join_users(self) -> None:
        if self._users is None:
            self._users = os.open(self.folder / "users", os.O_RDWR | os.O_CREAT, 0o600)
            _flock(self._users, fcntl.LOCK_SH)

    def _leave_users(self) -> bool:
        """Give up the use of the server; true if nobody else uses it."""
        if self._users is not None:
            os.close(self._users)
            self._users = None
        handle = os.open(self.folder / "users", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            return _flock(handle, fcntl.LOCK_EX)
        finally:
            os.close(handle)

    # -- starting

    def _launch(self, user: Account | None) -> None:
        """Make the data folder if there is none, clear what a crash left, and start the server."""
        self._postmaster.clear_remains()
        programs = binaries.usable(binaries.find(self._major()), user, self.folder)
        if not self.data.is_dir():
            self._initialize(programs, user)
        with (self.folder / "log" / "start.log").open("wb") as log:
            self._child = subprocess.Popen(
                [programs.program("postgres"), "-D", str(self.data), *self._arguments(user)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env=binaries.ENVIRONMENT,
                start_new_session=True,
                **binaries.identity(user),
            )
        self.started_here = True
        logger.info("started PostgreSQL %d in %s", programs.major, self.folder)

    def _major(self) -> int | None:
        """The major version of the data folder, None if there is none yet."""
        try:
            return int((self.data / "PG_VERSION").read_text())
        except FileNotFoundError:
            if self.data.is_dir() and any(self.data.iterdir()):
                raise StoreError(f"{self.data} is no data folder of PostgreSQL, and not empty") from None
            return None

    def _initialize(self, programs: Binaries, user: Account | None) -> None:
        """Make the data folder beside its place, then move it: a kill leaves nothing half made."""
        fresh, password_file = self.folder / "data.new", self.folder / "password.new"
        shutil.rmtree(fresh, ignore_errors=True)
        _own_folder(fresh, user)
        password = secrets.token_urlsafe(24)
        _write_private(password_file, password, user)
        try:
            binaries.run(
                [programs.program("initdb"), *self._initdb_arguments(programs, fresh, password_file)], user
            )
        finally:
            password_file.unlink()
        _write_private(self.folder / "pgpass", f"*:*:*:*:{password}\n", None)
        fresh.rename(self.data)

    def _initdb_arguments(self, programs: Binaries, fresh: Path, password_file: Path) -> list[str]:
        arguments = [
            f"--pgdata={fresh}",
            f"--username={SUPERUSER}",
            f"--pwfile={password_file}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C",
        ]
        if programs.major >= 17:
            arguments += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        return arguments if self._safe else [*arguments, "--no-sync"]

    def _arguments(self, user: Account | None) -> Iterator[str]:
        settings = {
            "cluster_name": self._tag,
            "listen_addresses": "127.0.0.1" if self._port else "",
            "port": str(self._port or 5432),
            "unix_socket_directories": f'"{self._socket_folder(user)}"',
            "log_directory": str(self.folder / "log"),
        } | self._settings
        for name, value in settings.items():
            yield from ("-c", f"{name}={value}")

    def _socket_folder(self, user: Account | None) -> Path:
        """Where the socket is: below ``/tmp`` when its name would be too long for the kernel."""
        beside = self.folder / "run"
        if len(os.fsencode(beside)) + len("/.s.PGSQL.65535") <= LONGEST_SOCKET:
            return beside
        short = self._short_socket_folder(user)
        _own_folder(short, user)
        return short

    def _short_socket_folder(self, user: Account | None) -> Path:
        return Path("/tmp", f"{self._tag}-{os.geteuid() if user is None else user.uid}")

    def _wait_until_ready(self) -> str:
        """Wait until the server takes connections, and see that role and database are there."""
        deadline = time.monotonic() + START_LIMIT
        while time.monotonic() < deadline:
            place = self._postmaster.ready_at()
            if place is not None:
                return self._open_database(*place)
            if self._child is not None and self._child.poll() is not None:
                break
            time.sleep(0.02)
        raise StoreError(f"PostgreSQL in {self.folder} does not start:\n{self._log_tail()}")

    def _open_database(self, host: str, port: str) -> str:
        password_file = self.folder / "pgpass"
        if not password_file.is_file():
            raise StoreError(f"{password_file} is missing: nobody can log in to the database without it")
        place = self._place(host, port)
        conninfo = make_conninfo(place, dbname=DATABASE, user=ROLE)
        if not _lets_us_in(conninfo):
            self._create_database(make_conninfo(place, dbname="postgres", user=SUPERUSER), password_file)
        return conninfo

    def _place(self, host: str, port: str) -> str:
        return make_conninfo(host=host, port=port, passfile=str(self.folder / "pgpass"))

    @staticmethod
    def _create_database(conninfo: str, password_file: Path) -> None:
        password = password_file.read_text().strip().rpartition(":")[2]
        known = queries()
        try:
            with psycopg.connect(
                conninfo, autocommit=True, cursor_factory=psycopg.ClientCursor
            ) as connection:
                for role in connection.execute(known["embedded_missing_role"].text).fetchall():
                    logger.info("creating the database role %s", role[0])
                    connection.execute(known["embedded_create_role"].text, {"password": password})
                if connection.execute(known["embedded_missing_database"].text).fetchall():
                    connection.execute(known["embedded_create_database"].text)
        except psycopg.Error as error:
            raise DatabaseUnavailable(f"the embedded PostgreSQL does not let us in: {error}") from error

    def _log_tail(self) -> str:
        files = sorted((self.folder / "log").glob("*.log"), key=lambda file: file.stat().st_mtime)
        lines = [line for file in files[-2:] for line in file.read_text(errors="replace").splitlines()[-8:]]
        return "\n".join(lines)

    def _keep(self, interval: float) -> None:
        pause = interval
        while True:
            gevent.sleep(pause)
            if self._postmaster.pid() is not None:
                pause = interval
                continue
            logger.error("PostgreSQL in %s is gone; starting it again", self.folder)
            try:
                self.start()
            except FsrouteError as error:
                logger.error("%s", error)
                pause = min(2 * pause, LONGEST_PAUSE)


def administrator(conninfo: str) -> str:
    """Of an embedded server's connection string that of its superuser, whose password is in the same file."""
    return make_conninfo(conninfo, user=SUPERUSER)


def _lets_us_in(conninfo: str) -> bool:
    try:
        psycopg.connect(conninfo, connect_timeout=10).close()
    except psycopg.OperationalError:
        return False
    return True


def _flock(handle: int, operation: int) -> bool:
    try:
        fcntl.flock(handle, operation | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _own_folder(folder: Path, user: Account | None) -> None:
    """Make `folder` if need be, for the server's user alone.

    Raises:
        StoreError: it is there and somebody else's.
    """
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
        if user is not None:
            os.chown(folder, user.uid, user.gid)
    wanted = os.geteuid() if user is None else user.uid
    entry = folder.lstat()
    if not folder.is_dir() or folder.is_symlink() or entry.st_uid not in (wanted, os.geteuid()):
        raise StoreError(f"{folder} belongs to somebody else")
    if entry.st_uid != wanted and user is not None:
        os.chown(folder, user.uid, user.gid)


def _write_private(file: Path, text: str, user: Account | None) -> None:
    """Write a file that only its owner may read, for `user` or for ourselves."""
    file.unlink(missing_ok=True)
    with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as handle:
        handle.write(text)
    if user is not None:
        os.chown(file, user.uid, user.gid)
