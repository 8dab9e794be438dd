"""How downloaded bundles are read: by the keys of their source, before anything of them is used."""

from __future__ import annotations

from pathlib import Path

from fsroute.callserver.download import Reading
from fsroute.config import ApplicationsFrom
from fsroute.ivr import archive, keyfiles, load


def read(path: Path, source: ApplicationsFrom, now: float) -> archive.Bundle:
    """The bundle in a file, if `source` may send it; its keys are read anew each time.

    Raises:
        BundleRefused: it is not good.
        ConfigurationError: the keys cannot be read.
    """
    trust = keyfiles.trust(Path(source.keys))
    return archive.read(path, trust, now, archive.Limits(archive=source.max_size))


READING = Reading(read, archive.unpack, load)
