"""A plan is performed so that it can be taken back at any moment, also by the next run after a kill.

Contents that will go are put among the backups, the journal is written, the files are changed, the switch is asked,
the manifest is written, the journal is thrown away. A journal that is found tells of a run that came to no end: what it
lists is put back as it was, unless the manifest is there already that ends it.

Folders of others that files are put into and taken from get the time back at which others changed them last. After a
kill that is not known any more: they keep the time of the kill.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import msgspec

import fsroute
from fsroute.errors import ConfigurationError
from fsroute.install.book import Book, Change, Journal
from fsroute.install.disk import Disk
from fsroute.install.manifest import FolderTime, Manifest, digest, encode
from fsroute.install.plan import Do, Plan, Step, after, edited


def perform(
    book: Book,
    disk: Disk,
    plan: Plan,
    manifest: Manifest | None,
    accepted: Callable[[], None],
    *,
    uninstall: bool = False,
) -> Manifest | None:
    """Do what `plan` says; `accepted` asks the switch, and raises where it refuses: then all is taken back.

    Returns the manifest as it is afterwards, None where nothing of ours is left.

    Raises:
        ConfigurationError: a file was changed meanwhile, or cannot be written; all is taken back.
        FsrouteError: whatever `accepted` raised.
    """
    made = _new_folders(disk, plan)
    ours = (*(manifest.folders if manifest else ()), *made)
    roots = {name: str(path) for name, path in disk.roots.items()}
    modes = _modes(disk, plan, made)
    then: Manifest | None = after(plan, manifest, fsroute.__version__, roots, ours, modes)
    assert then is not None
    removed: tuple[str, ...] = ()
    if uninstall:
        removed = tuple(reversed(ours))
        then = then if then.files else None
    for target, content in edited(plan, manifest).items():
        book.keep_edited(target, content)
    for step in plan.steps:
        if step.there is not None and (step in plan.changes or step.before == step.there.was()):
            book.keep(step.there.content)
    changes = tuple(_change(step) for step in plan.changes)
    journal = Journal(roots, changes, made, removed, digest(encode(then)) if then else "")
    found = _present(disk, _others(plan, ours))
    times = _times(manifest, found)
    left: dict[str, int] = {}
    book.begin(journal)
    try:
        _do(book, disk, plan, journal)
        left = _present(disk, times)
        if then is not None:
            then = _timed(then, manifest, times, times if uninstall else left)
            journal = msgspec.structs.replace(journal, manifest=digest(encode(then)))
            book.begin(journal)
        accepted()
    except BaseException:
        alone = [folder for folder, moment in _present(disk, left).items() if moment == left[folder]]
        take_back(book, disk, journal)
        _set(disk, {folder: found[folder] for folder in alone})
        raise
    if uninstall:
        _set(disk, times)
    book.finish(then)
    book.clear_backups({each.before.sha256 for each in then.files if each.before} if then else set())
    return then


def _others(plan: Plan, ours: Iterable[str]) -> set[str]:
    """The folders that are not ours and in which something is put or taken away."""
    made = set(ours)
    targets = {step.target for step in plan.changes} | made
    return {target.rpartition("/")[0] for target in targets} - made


def _times(manifest: Manifest | None, found: Mapping[str, int]) -> dict[str, int]:
    """When others changed each folder last: as remembered, unless it has been changed since we did."""
    known = manifest.times if manifest else {}
    return {
        folder: known[folder].was if folder in known and known[folder].left == now else now
        for folder, now in found.items()
    }


def _present(disk: Disk, folders: Iterable[str]) -> dict[str, int]:
    moments = ((folder, disk.folder_time(folder)) for folder in folders)
    return {folder: moment for folder, moment in moments if moment is not None}


def _timed(
    then: Manifest, manifest: Manifest | None, was: Mapping[str, int], left: Mapping[str, int]
) -> Manifest:
    known = dict(manifest.times) if manifest else {}
    known |= {folder: FolderTime(was[folder], left[folder]) for folder in was if folder in left}
    return msgspec.structs.replace(then, times=known)


def _set(disk: Disk, times: Mapping[str, int]) -> None:
    for folder, moment in times.items():
        disk.set_folder_time(folder, moment)


def recover(book: Book, disk: Disk, journal: Journal) -> bool:
    """End what a run left that was interrupted; returns whether it was taken back (else it had been done).

    Raises:
        ConfigurationError: it was an installation into other folders than those of `disk`.
    """
    if book.is_done(journal):
        book.forget_journal()
        return False
    check_roots(disk, journal.roots)
    take_back(book, disk, journal)
    return True


def check_roots(disk: Disk, roots: Mapping[str, str]) -> None:
    """Raise ConfigurationError unless what was done was done in the folders of `disk`."""
    for name, path in roots.items():
        if str(disk.roots.get(name)) != path:
            raise ConfigurationError(
                f"the files of before went to {path}, which is not where FreeSWITCH has its {name} now"
                f" ({disk.roots.get(name)})"
            )


def take_back(book: Book, disk: Disk, journal: Journal) -> None:
    """Put everything back that the journal lists; done again, it does no harm."""
    for folder in reversed(journal.removed_folders):
        if not disk.missing_folders(folder) and disk.look(folder) is None:
            disk.make_folder(folder)
    for change in reversed(journal.changes):
        _put_back(book, disk, change)
    for folder in reversed(journal.made_folders):
        disk.remove_folder(folder)
    book.forget_journal()


def _put_back(book: Book, disk: Disk, change: Change) -> None:
    if disk.missing_folders(change.target):
        return
    disk.clear_fresh(change.target)
    lies = disk.look(change.target)
    now = digest(lies.content) if lies is not None and not lies.other else None
    if (lies is not None and lies.other) or now not in (change.new, None) or now == _old(change):
        return  # as it was, or by now somebody else's
    if change.old is not None:
        disk.write(change.target, book.kept(change.old.sha256), change.old, now)
    elif now is not None:
        disk.remove(change.target, now)


def _old(change: Change) -> str | None:
    return change.old.sha256 if change.old else None


def _do(book: Book, disk: Disk, plan: Plan, journal: Journal) -> None:
    for folder in journal.made_folders:
        disk.make_folder(folder)
    for step in plan.changes:
        there = digest(step.there.content) if step.there else None
        if step.do is Do.REMOVE:
            _remove(book, disk, step, there)
        else:
            assert step.content is not None
            disk.write(step.target, step.content, None, there)
    for folder in journal.removed_folders:
        disk.remove_folder(folder)


def _remove(book: Book, disk: Disk, step: Step, there: str | None) -> None:
    """Take our file away, and bring back what the administrator had there."""
    if step.before is not None:
        disk.write(step.target, book.kept(step.before.sha256), step.before, there)
    elif there is not None:
        disk.remove(step.target, there)


def _change(step: Step) -> Change:
    old = step.there.was() if step.there else None
    if step.do is Do.REMOVE:
        return Change(step.target, step.before.sha256 if step.before else None, old)
    assert step.content is not None
    return Change(step.target, digest(step.content), old)


def _new_folders(disk: Disk, plan: Plan) -> tuple[str, ...]:
    targets = (step.target for step in plan.changes if step.do is not Do.REMOVE)
    return tuple(dict.fromkeys(folder for target in targets for folder in disk.missing_folders(target)))


def _modes(disk: Disk, plan: Plan, made: Iterable[str]) -> dict[str, int]:
    """The mode that each file will have: it follows from the folder that it lies in, or will lie in."""
    new = set(made)
    modes = {}
    for step in plan.changes:
        folder = step.target.rpartition("/")[0]
        while folder in new:
            folder = folder.rpartition("/")[0]
        modes[step.target] = disk.path(folder).stat().st_mode & 0o664 if step.do is not Do.REMOVE else 0
    return modes
