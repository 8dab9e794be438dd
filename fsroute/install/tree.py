"""FreeSWITCH's configuration as it would read it, with files of ours laid over what is on the disk."""

from __future__ import annotations

import fnmatch
import glob
import posixpath
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fsroute.errors import ConfigurationError
from fsroute.install.freexml import Element, Malformed, parse
from fsroute.install.preprocess import Expanded, expand

LARGEST = 16_000_000  # bytes of one file
MAIN = "freeswitch.xml"


class Files:
    """The disk, with `over` on top: contents by absolute path, None where a file would be gone."""

    def __init__(self, over: Mapping[str, bytes | None]) -> None:
        self._over = {posixpath.normpath(path): content for path, content in over.items()}

    def read(self, path: str) -> str | None:
        path = posixpath.normpath(path)
        if path in self._over:
            content = self._over[path]
            return None if content is None else content.decode("utf-8", "surrogateescape")
        try:
            with Path(path).open("rb") as file:
                content = file.read(LARGEST + 1)
        except IsADirectoryError:
            return None
        except FileNotFoundError:
            return None
        except OSError as error:
            raise ConfigurationError(f"{path}: cannot be read: {error.strerror}") from error
        if len(content) > LARGEST:
            raise ConfigurationError(f"{path} is larger than {LARGEST} bytes")
        return content.decode("utf-8", "surrogateescape")

    def glob(self, pattern: str) -> list[str]:
        """As glob(3): sorted by bytes; hidden files only where the pattern begins with a dot."""
        pattern = posixpath.normpath(pattern)
        found = {path for path in glob.glob(pattern) if self._over.get(path, b"") is not None}
        folder, wanted = posixpath.split(pattern)
        for path, content in self._over.items():
            within, name = posixpath.split(path)
            if content is not None and within == folder and _matches(name, wanted):
                found.add(path)
        return sorted(found)


@dataclass(frozen=True, slots=True)
class Tree:
    """The configuration as FreeSWITCH would have it."""

    conf_dir: Path
    expanded: Expanded
    root: Element

    def section(self, name: str) -> Element:
        """The first section of that name, the only one that FreeSWITCH finds; an empty one where there is none."""
        found = self.root.named("section", name)
        return found if found is not None else Element("section", {"name": name})

    def configuration(self, name: str) -> Element | None:
        return self.section("configuration").named("configuration", name)

    def context(self, name: str) -> Element | None:
        return self.section("dialplan").named("context", name)

    def where(self, element: Element) -> str:
        """``path:line`` of an element, the path below the configuration's folder where it lies there."""
        path, line = self.expanded.place(element.offset)
        return f"{self.short(path)}:{line}"

    def short(self, path: str) -> str:
        return path.removeprefix(f"{self.conf_dir}/")


def read_tree(conf_dir: Path, variables: Mapping[str, str], over: Mapping[str, bytes | None]) -> Tree:
    """Read all of it, `over` laid over it.

    Raises:
        ConfigurationError: FreeSWITCH would refuse it; the text has the file, the line and FreeSWITCH's own words.
    """
    expanded = expand(Files(over), f"{conf_dir}/{MAIN}", variables)
    try:
        root = parse(expanded.text)
    except Malformed as error:
        path, line = expanded.place(error.offset)
        raise ConfigurationError(
            f"{path}:{line}: FreeSWITCH would refuse the configuration: {error}"
        ) from error
    return Tree(conf_dir, expanded, root)


def _matches(name: str, pattern: str) -> bool:
    return fnmatch.fnmatchcase(name, pattern) and (not name.startswith(".") or pattern.startswith("."))
