"""What is to be done so that a switch has the files that fsroute wants. Pure: a table over what is there.

============================  ====================  =============================  =========================
there                         the manifest says     wanted                         done
============================  ====================  =============================  =========================
nothing                       (whatever)            yes                            CREATE
a file                        not ours              yes                            refused; forced: REPLACE
ours, as we left it           ours                  the same                       KEEP
ours, as we left it           ours                  other content                  REPLACE
ours, as we left it           ours                  no                             REMOVE
ours, changed by somebody     ours                  as it is now                   KEEP
ours, changed by somebody     ours                  other content                  LEAVE; forced: REPLACE
ours, changed by somebody     ours                  no                             LEAVE; forced: REMOVE
nothing                       ours                  no                             FORGET
link, folder, device          (whatever)            (whatever)                     refused
============================  ====================  =============================  =========================

Forced, what somebody changed is kept among the backups.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from fsroute.install.manifest import Entry, Manifest, Was, digest


class Do(enum.StrEnum):
    """What is done with one file; the words are shown."""

    CREATE = "new"
    REPLACE = "changed"
    REMOVE = "removed"
    KEEP = "as it is"
    LEAVE = "left"
    FORGET = "gone"


@dataclass(frozen=True, slots=True)
class There:
    """What lies at a target: a file with its content, or `other` (``symbolic link``, ``folder``…)."""

    content: bytes = b""
    mode: int = 0
    uid: int = 0
    gid: int = 0
    mtime_ns: int = 0
    other: str = ""

    def was(self) -> Was:
        return Was(digest(self.content), self.mode, self.uid, self.gid, self.mtime_ns)


@dataclass(frozen=True, slots=True)
class Step:
    """One file. `there` is what it was planned on, None for nothing; `before` is what uninstalling brings back."""

    do: Do
    target: str
    content: bytes | None = None
    there: There | None = None
    before: Was | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """All of it. With `refused` nothing may be done."""

    steps: tuple[Step, ...]
    refused: tuple[str, ...] = ()

    @property
    def changes(self) -> tuple[Step, ...]:
        return tuple(step for step in self.steps if step.do in (Do.CREATE, Do.REPLACE, Do.REMOVE))

    @property
    def left(self) -> tuple[Step, ...]:
        return tuple(step for step in self.steps if step.do is Do.LEAVE)


def plan(
    wanted: Mapping[str, bytes],
    manifest: Manifest | None,
    there: Mapping[str, There],
    *,
    force: bool = False,
) -> Plan:
    """`there` has what lies at each target that is wanted or in the manifest."""
    known = {entry.target: entry for entry in manifest.files} if manifest else {}
    steps: list[Step] = []
    refused: list[str] = []
    for target in sorted({*wanted, *known}):
        lies = there.get(target)
        if lies is not None and lies.other:
            refused.append(f"{target} is a {lies.other}: fsroute writes to plain files only")
        elif target not in known and lies is not None and not force:
            refused.append(f"{target} is there, and is not fsroute's")
        else:
            steps.append(_step(target, wanted.get(target), known.get(target), lies, force=force))
    return Plan(tuple(steps), tuple(refused))


def _step(
    target: str, content: bytes | None, entry: Entry | None, lies: There | None, *, force: bool
) -> Step:
    before = entry.before if entry else lies.was() if lies else None
    if content is None:
        return _unwanted(target, entry, lies, before, force=force)
    if lies is None:
        return Step(Do.CREATE, target, content, None, before)
    if lies.content == content:  # also the administrator's own, forced: it becomes ours, and stays as it is
        return Step(Do.KEEP, target, content, lies, before)
    edited = entry is not None and digest(lies.content) != entry.sha256
    if edited and not force:
        return Step(Do.LEAVE, target, content, lies, before, "somebody has changed it")
    return Step(Do.REPLACE, target, content, lies, before)


def _unwanted(
    target: str, entry: Entry | None, lies: There | None, before: Was | None, *, force: bool
) -> Step:
    if lies is None:
        return Step(Do.FORGET if before is None else Do.REMOVE, target, None, None, before)
    if entry is not None and digest(lies.content) != entry.sha256 and not force:
        return Step(Do.LEAVE, target, None, lies, before, "somebody has changed it")
    return Step(Do.REMOVE, target, None, lies, before)


def edited(done: Plan, manifest: Manifest | None) -> dict[str, bytes]:
    """The contents that somebody else wrote into files of ours and that will go, by target."""
    known = {entry.target: entry.sha256 for entry in manifest.files} if manifest else {}
    return {
        step.target: step.there.content
        for step in done.changes
        if step.there is not None
        and step.target in known
        and digest(step.there.content) != known[step.target]
    }


def after(
    done: Plan,
    manifest: Manifest | None,
    version: str,
    roots: Mapping[str, str],
    folders: Iterable[str],
    mode: Mapping[str, int],
) -> Manifest:
    """The manifest once the plan is performed; `mode` is that of each file that was written."""
    known = {entry.target: entry for entry in manifest.files} if manifest else {}
    entries = []
    for step in done.steps:
        if step.do in (Do.CREATE, Do.REPLACE):
            assert step.content is not None
            entries.append(Entry(step.target, digest(step.content), mode[step.target], step.before))
        elif step.do is Do.KEEP:
            assert step.content is not None
            assert step.there is not None
            entries.append(Entry(step.target, digest(step.content), step.there.mode, step.before))
        elif step.do is Do.LEAVE:
            entries.append(known[step.target])
    return Manifest(version, dict(roots), tuple(entries), tuple(folders))
