"""The database by TLS, its certificate checked in full: with a real server that refuses everything else."""

from __future__ import annotations

import glob
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from fsroute.errors import StoreError
from fsroute.store import binaries, embedded
from fsroute.store.binaries import Binaries
from fsroute.store.database import Database
from fsroute.store.embedded import EmbeddedPostgres, administrator
from fsroute.store.lease import Lease
from fsroute.store.migrate import migrate
from fsroute.store.scratch import SETTINGS, new_folder
from fsroute.store.signals import Signals
from tests.fix_certificates import Authority
from tests.ports import free_port
from tests.waiting import until


def with_tls() -> Binaries | None:
    """The system's PostgreSQL, which has TLS; the one that fsroute brings has not."""
    for folder in sorted(
        glob.glob("/usr/lib/postgresql/*/bin") + glob.glob("/usr/pgsql-*/bin"), reverse=True
    ):
        program = Path(folder) / "postgres"
        if program.exists() and b"ssl" in _configured(folder):
            return Binaries(Path(folder), int(_version(str(program))))
    return None


def _configured(folder: str) -> bytes:
    program = Path(folder) / "pg_config"
    return (
        subprocess.run([program, "--configure"], capture_output=True, check=False).stdout
        if program.exists()
        else b""
    )


def _version(program: str) -> str:
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    return said.split()[2].split(".")[0]


@dataclass
class Secured:
    """A server on loopback that takes nobody without TLS; its certificate is for `localhost`."""

    conninfo: str
    authority: Authority

    def by(self, host: str = "localhost", mode: str = "verify-full", root: Path | None = None) -> str:
        rest = {
            "sslmode": mode,
            "sslrootcert": str(root or self.authority.certificate),
            "connect_timeout": "10",
        }
        return make_conninfo(self.conninfo, host=host, **rest)


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    found = with_tls()
    if found is None:
        pytest.skip("no PostgreSQL with TLS on this machine: /usr/lib/postgresql, /usr/pgsql-*")
    patch = pytest.MonkeyPatch()
    patch.setattr(binaries, "find", lambda wanted=None: found)
    folder, port = new_folder(), free_port()
    authority = Authority(tmp_path_factory.mktemp("authority"))
    server = EmbeddedPostgres(folder, safe=False, port=port, settings=SETTINGS)
    try:
        plain = administrator(server.start())
        _only_by_tls(folder, plain, authority)
        given: dict[str, Any] = conninfo_to_dict(plain) | {"user": embedded.ROLE, "port": str(port)}
        yield Secured(make_conninfo(**given), authority)
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
        patch.undo()


def _only_by_tls(folder: Path, administrator: str, authority: Authority) -> None:
    certificate, key = authority.issue("localhost")
    data = folder / "data"
    owner = data.stat()
    for source, name in ((certificate, "server.crt"), (key, "server.key")):
        target = data / name
        target.write_bytes(source.read_bytes())
        target.chmod(0o600)
        shutil.chown(target, owner.st_uid, owner.st_gid)
    rules = data / "pg_hba.conf"
    rules.write_text(
        "local all all scram-sha-256\nhostssl all all all scram-sha-256\nhostnossl all all all reject\n"
    )
    with psycopg.connect(administrator, autocommit=True) as connection:
        connection.execute("alter system set ssl = on")
        connection.execute("alter system set ssl_min_protocol_version = 'TLSv1.2'")
        connection.execute("select pg_reload_conf()")


def test_everything_of_a_process_goes_by_a_connection_that_was_verified(secured: Secured) -> None:
    conninfo = secured.by()
    until(lambda: _connects(conninfo), 10)
    migrate(conninfo)
    with Database(conninfo, min_size=1) as database:
        signals = Signals(database)
        signals.start()
        heard: list[object] = []
        signals.subscribe("calls", lambda key, row: heard.append(key))
        lease = Lease(database, "coordinator", "me")
        assert lease.campaign(10.0) is not None
        until(lambda: heard == [None], 10)
        with psycopg.connect(conninfo) as connection:
            rows = connection.execute(
                "select application_name, ssl, version from pg_stat_ssl join pg_stat_activity using (pid)"
                " where usename = 'fsroute' and pid <> pg_backend_pid()"
            ).fetchall()
        lease.resign()
        signals.stop()
    assert len(rows) >= 3
    assert {(ssl, version in ("TLSv1.2", "TLSv1.3")) for _, ssl, version in rows} == {(True, True)}


def _connects(conninfo: str) -> bool:
    try:
        psycopg.connect(conninfo).close()
    except psycopg.OperationalError:
        return False
    return True


def test_a_server_of_another_name_is_not_trusted(secured: Secured) -> None:
    """By its address: the certificate is for a name, and names are resolved by us before libpq has them."""
    with pytest.raises(StoreError, match=r"certificate|host name"), Database(secured.by("127.0.0.1")):
        pass


def test_a_certificate_of_another_authority_is_not_trusted(secured: Secured, tmp_path: Path) -> None:
    other = Authority(tmp_path, "another authority")
    with (
        pytest.raises(StoreError, match="certificate verify failed"),
        Database(secured.by(root=other.certificate)),
    ):
        pass


def test_without_tls_the_server_takes_nobody(secured: Secured) -> None:
    with pytest.raises(StoreError, match="no encryption"), Database(secured.by(mode="disable")):
        pass
