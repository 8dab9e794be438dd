"""What is known of a backup: a JSON file beside the dump, ``FILE.json``. Pure.

The dump is pg_dump's custom format, as it came out of it: pg_restore reads it without fsroute. A dump without its
manifest, or another one than the manifest says, is no backup.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from fsroute.errors import StoreError

FORMAT = 1
LONGEST = 65_536  # bytes
SUFFIX = ".json"


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`schema` is the name of each migration by its version; `rows` how many rows each table of `COUNTED` has.

    `size` in bytes and `sha256` are the dump's; `postgresql` is the major version of the server it was made of.
    """

    format: int
    made_at: datetime
    fsroute: str
    postgresql: int
    size: int
    sha256: str
    schema: dict[int, str]
    rows: dict[str, int]

    @property
    def schema_version(self) -> int:
        return max(self.schema, default=0)


def encode(manifest: Manifest) -> bytes:
    return msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n"


def decode(text: bytes, name: str) -> Manifest:
    """The manifest that `text` is; `name` is the file's, for the error.

    Raises:
        StoreError: it is none, or one of a newer fsroute.
    """
    try:
        if len(text) > LONGEST:
            raise ValueError(f"longer than {LONGEST} bytes")
        given = msgspec.json.decode(text)
        if isinstance(given, dict) and isinstance(made_by := given.get("format"), int) and made_by > FORMAT:
            raise ValueError(f"it has format {made_by}, this fsroute knows {FORMAT}: install a newer one")
        return msgspec.json.decode(text, type=Manifest)
    except (ValueError, RecursionError) as error:
        raise StoreError(f"{name} is no manifest of a backup: {error}") from None
