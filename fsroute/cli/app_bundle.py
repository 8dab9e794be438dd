"""``fsroute app key``, ``sign`` and ``show``: keys, and applications packed into signed bundles."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from fsroute.ivr.archive import Bundle
    from fsroute.ivr.manifest import Manifest

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
DAY = 86_400  # seconds
MOST_TOLD = 5  # of the files that are left out

keys_option = click.option(
    "--keys",
    type=click.Path(exists=True, path_type=Path),
    envvar="FSROUTE_KEYS",
    help="Whom to trust: a folder with CONTACT_CENTER/*.pub, or one .pub file.  [env: FSROUTE_KEYS]",
)


@click.group("key")
def key() -> None:
    """Make keys that sign applications."""


@key.command("new")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--comment", default="", help="Whose it is.")
def new_key(path: Path, comment: str) -> None:
    """Write a new private key to PATH and its public key to PATH.pub."""
    from fsroute.ivr.keyfiles import new_pair

    name = new_pair(path, comment)
    click.echo(f"key {name}: {path} is secret; {path}.pub goes to the sites, into KEYS/CONTACT_CENTER/")


@click.command("sign")
@click.argument("folder", type=FOLDER)
@click.option("--key", "key_file", required=True, type=FILE, help="The private key.")
@click.option("--contact-center", required=True, help="Whose application it is.")
@click.option("--number", "numbers", multiple=True, help="A number that it is for; repeatable.")
@click.option("--expires", "days", type=click.FloatRange(min=0, min_open=True, max=36500), metavar="DAYS")
@click.option(
    "--to", "target", type=FOLDER, default=Path(), help="The folder for the bundle; this one without it."
)
def sign(
    folder: Path,
    key_file: Path,
    contact_center: str,
    numbers: tuple[str, ...],
    days: float | None,
    target: Path,
) -> None:
    """Check the application in FOLDER, and pack and sign it as NAME-VERSION.fsapp."""
    from fsroute.ivr import archive
    from fsroute.ivr.keyfiles import private_key

    now = time.time()
    data = archive.pack(
        folder,
        private_key(key_file),
        contact_center=contact_center,
        numbers=numbers,
        created_at=now,
        expires_at=None if days is None else now + days * DAY,
    )
    bundle = archive.examine(data)
    path = target / archive.file_name(bundle.manifest)
    _write(path, data)
    _tell_left_out(folder, bundle)
    click.echo(f"{path}: {_summary(bundle)}")


@click.command("show")
@click.argument("file", type=FILE)
@keys_option
def show(file: Path, keys: Path | None) -> None:
    """Verify the bundle in FILE and say what is in it; without --keys, its signature is not looked at."""
    bundle = opened(file, keys)
    for name, value in _lines(bundle):
        click.echo(f"{name:<15} {value}")
    for entry in bundle.manifest.files:
        click.echo(f"{entry.size:>10}  {entry.sha256[:12]}  {entry.path}")


COMMANDS = (key, sign, show)


def opened(file: Path, keys: Path | None) -> Bundle:
    """The bundle in a file, verified by these keys if there are any.

    Raises:
        BundleRefused: it is not whole, or not signed by one of them.
        ConfigurationError: the keys cannot be read.
    """
    from fsroute.ivr import archive
    from fsroute.ivr.keyfiles import public_keys, trust
    from fsroute.ivr.signature import Trust

    if keys is None:
        bundle = archive.examine(file)
        click.echo("the signature was not looked at: there is no --keys", err=True)
        return bundle
    if keys.is_dir():
        return archive.read(file, trust(keys), time.time())
    owner = archive.examine(file).manifest.contact_center
    return archive.read(file, Trust.of({owner: public_keys(keys)}), time.time())


def _write(path: Path, data: bytes) -> None:
    from fsroute.errors import ConfigurationError

    try:
        beside = path.with_name(f".{path.name}.new")
        beside.write_bytes(data)
        beside.replace(path)
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be written: {error.strerror}") from error


def _tell_left_out(folder: Path, bundle: Bundle) -> None:
    """Name the files of the author's that callers do not need."""
    there = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    left_out = [path for path in there if path not in bundle.files]
    if left_out:
        more = f" and {len(left_out) - MOST_TOLD} more" if len(left_out) > MOST_TOLD else ""
        click.echo(f"not in the bundle: {', '.join(left_out[:MOST_TOLD])}{more}", err=True)


def _summary(bundle: Bundle) -> str:
    manifest = bundle.manifest
    return (
        f"{len(manifest.files)} files, {bundle.size} bytes, "
        f"signed with key {manifest.key_id} for {manifest.contact_center}{_until(manifest)}"
    )


def _until(manifest: Manifest) -> str:
    from fsroute.ivr.signature import moment

    return "" if manifest.expires_at is None else f", until {moment(manifest.expires_at)}"


def _lines(bundle: Bundle) -> list[tuple[str, str]]:
    from fsroute.ivr.signature import moment

    manifest = bundle.manifest
    key = bundle.key
    signed_by = "" if key is None else f", trusted{f' ({key.comment})' if key.comment else ''}"
    return [
        ("application", manifest.name),
        ("version", manifest.version),
        ("contact center", manifest.contact_center),
        ("numbers", " ".join(manifest.numbers) or "any"),
        ("languages", " ".join(manifest.languages)),
        ("created at", moment(manifest.created_at)),
        ("expires at", "never" if manifest.expires_at is None else moment(manifest.expires_at)),
        ("key", manifest.key_id + signed_by),
        ("sha256", bundle.sha256),
        ("size", f"{bundle.size} bytes, {sum(entry.size for entry in manifest.files)} unpacked"),
    ]
