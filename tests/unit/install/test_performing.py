"""An installation is done or not done, whenever it is killed."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from fsroute.errors import ConfigurationError, SwitchError
from fsroute.install.book import Book, Journal
from fsroute.install.disk import Disk
from fsroute.install.manifest import Manifest, Was
from fsroute.install.performing import check_roots, perform, recover, take_back
from fsroute.install.plan import There, plan

FILES = {"conf/a.xml": b"A", "conf/sub/deep/b.xml": b"B", "conf/theirs/c.xml": b"C"}
UPGRADE = {"conf/a.xml": b"A2", "conf/theirs/c.xml": b"C", "conf/new/d.xml": b"D"}
Snapshot = dict[str, tuple[bytes, int, int]]


class Killed(BaseException):
    """The process is dead."""


class Mortal:
    """Counts what is written anywhere; from the `life`-th on nothing more is."""

    def __init__(self, life: int = 1_000_000) -> None:
        self.life = life

    def step(self) -> None:
        self.life -= 1
        if self.life < 0:
            raise Killed


class MortalDisk(Disk):
    mortal = Mortal()

    def write(self, target: str, content: bytes, was: Was | None, expected: str | None) -> None:
        try:
            self.mortal.step()
        except Killed:
            path = self.path(target)
            if self.mortal.life == -1 and path.parent.is_dir():
                path.with_name(f".{path.name}.fsroute").write_bytes(content[:1])  # half written
            raise
        super().write(target, content, was, expected)

    def remove(self, target: str, expected: str) -> None:
        self.mortal.step()
        super().remove(target, expected)

    def make_folder(self, target: str) -> None:
        self.mortal.step()
        super().make_folder(target)

    def remove_folder(self, target: str) -> bool:
        self.mortal.step()
        return super().remove_folder(target)


class MortalBook(Book):
    mortal = Mortal()

    def begin(self, journal: Journal) -> None:
        self.mortal.step()
        super().begin(journal)

    def finish(self, manifest: Manifest | None) -> None:
        self.mortal.step()
        super().finish(manifest)

    def forget_journal(self) -> None:
        self.mortal.step()
        super().forget_journal()


class House:
    """A configuration with a file and a folder of the administrator's, and the memory beside it."""

    def __init__(self, folder: Path) -> None:
        self.conf = folder / "conf"
        (self.conf / "theirs").mkdir(parents=True)
        (self.conf / "theirs").chmod(0o750)
        (self.conf / "own.xml").write_bytes(b"own")
        os.utime(self.conf / "own.xml", ns=(1, 1_000_000_007))
        self.book = MortalBook(folder / "state", self.conf)
        self.disk = MortalDisk({"conf": self.conf})
        self.be_mortal()

    def be_mortal(self, life: int = 1_000_000) -> None:
        self.book.mortal = self.disk.mortal = Mortal(life)

    def snapshot(self) -> Snapshot:
        found = {}
        for path in sorted(self.conf.rglob("*")):
            entry = path.lstat()
            content, time = (path.read_bytes(), entry.st_mtime_ns) if path.is_file() else (b"", 0)
            found[str(path.relative_to(self.conf))] = (content, entry.st_mode, time)
        return found

    def there(self, files: Mapping[str, bytes]) -> dict[str, There]:
        known = {entry.target for entry in (self.manifest().files if self.manifest_is_there() else ())}
        looked = {target: self.disk.look(target) for target in {*files, *known}}
        return {target: lies for target, lies in looked.items() if lies is not None}

    def manifest(self) -> Manifest:
        manifest = self.book.manifest()
        assert manifest is not None
        return manifest

    def manifest_is_there(self) -> bool:
        return self.book.manifest() is not None

    def install(
        self, files: Mapping[str, bytes], *, force: bool = False, switch_accepts: bool = True
    ) -> None:
        def accepted() -> None:
            if not switch_accepts:
                raise SwitchError("no")

        planned = plan(files, self.book.manifest(), self.there(files), force=force)
        assert not planned.refused
        perform(self.book, self.disk, planned, self.book.manifest(), accepted, uninstall=not files)

    def next_run(self) -> None:
        self.be_mortal()
        journal = self.book.journal()
        if journal is not None:
            recover(self.book, self.disk, journal)


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def test_what_was_installed_is_taken_away_without_a_trace(house: House) -> None:
    before = house.snapshot()
    house.install(FILES)
    assert house.snapshot()["sub/deep/b.xml"][0] == b"B"
    house.install(UPGRADE)
    assert "sub/deep/b.xml" not in house.snapshot()
    house.install({})
    assert house.snapshot() == before
    assert not house.manifest_is_there()


def _folder_times(house: House) -> dict[str, int]:
    """Of the administrator's folders."""
    return {name: (house.conf / name).stat().st_mtime_ns for name in (".", "theirs")}


def _long_ago(house: House) -> dict[str, int]:
    for at, name in enumerate((".", "theirs")):
        os.utime(house.conf / name, ns=(1, 3_000_000_001 + at))
    return _folder_times(house)


def test_folders_have_the_times_again_at_which_others_changed_them(house: House) -> None:
    before = _long_ago(house)
    house.install(FILES)
    assert _folder_times(house) != before
    house.install(UPGRADE)
    house.install({})
    assert _folder_times(house) == before


def test_a_folder_that_others_changed_meanwhile_keeps_the_time_at_which_they_did(house: House) -> None:
    before = _long_ago(house)
    house.install(FILES)
    (house.conf / "theirs/new.xml").write_bytes(b"new")
    os.utime(house.conf / "theirs", ns=(1, 4_000_000_009))
    house.install({})
    assert _folder_times(house) == before | {"theirs": 4_000_000_009}


def test_what_a_switch_refuses_leaves_the_times_of_folders_as_they_were(house: House) -> None:
    before = _long_ago(house)
    with pytest.raises(SwitchError):
        house.install(FILES, switch_accepts=False)
    assert _folder_times(house) == before
    house.install(FILES)
    installed = _folder_times(house)
    with pytest.raises(SwitchError):
        house.install({}, switch_accepts=False)
    assert _folder_times(house) == installed
    house.install({})
    assert _folder_times(house) == before


def test_files_are_as_open_as_the_folders_that_they_are_in(house: House) -> None:
    house.install(FILES)
    assert (house.conf / "theirs/c.xml").stat().st_mode & 0o777 == 0o640
    assert (house.conf / "sub/deep/b.xml").stat().st_mode & 0o777 == house.conf.stat().st_mode & 0o664
    assert {entry.target: entry.mode for entry in house.manifest().files}["conf/theirs/c.xml"] == 0o640


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_files_belong_to_whom_their_folder_belongs(house: House) -> None:
    os.chown(house.conf, 4711, 4712)
    house.install(FILES)
    for name in ("a.xml", "sub", "sub/deep", "sub/deep/b.xml"):
        entry = (house.conf / name).stat()
        assert (entry.st_uid, entry.st_gid) == (4711, 4712)


def test_what_a_switch_refuses_is_taken_back(house: House) -> None:
    before = house.snapshot()
    with pytest.raises(SwitchError):
        house.install(FILES, switch_accepts=False)
    assert house.snapshot() == before
    house.install(FILES)
    installed = house.snapshot()
    with pytest.raises(SwitchError):
        house.install(UPGRADE, switch_accepts=False)
    assert house.snapshot() == installed
    with pytest.raises(SwitchError):
        house.install({}, switch_accepts=False)
    assert house.snapshot() == installed


def test_a_file_of_the_administrator_s_that_was_overwritten_by_force_comes_back_with_mode_and_time(
    house: House,
) -> None:
    theirs = house.conf / "a.xml"
    theirs.write_bytes(b"theirs")
    theirs.chmod(0o604)
    os.utime(theirs, ns=(1, 5_000_000_003))
    before = house.snapshot()
    house.install(FILES, force=True)
    assert theirs.read_bytes() == b"A"
    house.install(UPGRADE)
    house.install({})
    assert house.snapshot() == before


def test_what_somebody_wrote_into_a_file_of_ours_is_kept_when_it_is_overwritten(house: House) -> None:
    house.install(FILES)
    (house.conf / "a.xml").write_bytes(b"edited")
    house.install(UPGRADE)
    assert (house.conf / "a.xml").read_bytes() == b"edited"
    house.install(UPGRADE, force=True)
    assert (house.conf / "a.xml").read_bytes() == b"A2"
    kept = [path.read_bytes() for path in (house.book.folder / "edited").iterdir()]
    assert kept == [b"edited"]


def test_a_folder_that_somebody_else_uses_by_now_stays(house: House) -> None:
    house.install(FILES)
    (house.conf / "sub/deep/more.xml").write_bytes(b"more")
    house.install({})
    assert (house.conf / "sub/deep/more.xml").read_bytes() == b"more"
    assert not (house.conf / "sub/deep/b.xml").exists()


@pytest.mark.parametrize(
    ("first", "second"),
    [({}, FILES), (FILES, UPGRADE), (FILES, {}), (UPGRADE, {})],
    ids=["installing", "upgrading", "uninstalling", "uninstalling an upgrade"],
)
def test_a_run_that_is_killed_anywhere_is_taken_back_or_done_by_the_next(
    tmp_path: Path, first: dict[str, bytes], second: dict[str, bytes]
) -> None:
    outcomes = []
    for life in range(100):
        (tmp_path / str(life)).mkdir()
        house = House(tmp_path / str(life))
        if first:
            house.install(first)
        before = house.snapshot()
        house.be_mortal(life)
        try:
            house.install(second)
        except Killed:
            house.next_run()
        else:
            break
        outcomes.append("back" if house.snapshot() == before else "done")
        house.install(second)
        house.install({})
        assert set(house.snapshot()) == {"own.xml", "theirs"}
    assert outcomes.count("back") >= 3
    assert "done" not in outcomes or outcomes[-1] == "done"
    assert set(outcomes) <= {"back", "done"}


def test_a_next_run_that_is_killed_too_does_no_harm(house: House) -> None:
    before = house.snapshot()
    house.be_mortal(3)
    with pytest.raises(Killed):
        house.install(FILES)
    for life in range(20):
        house.be_mortal(life)
        journal = house.book.journal()
        if journal is None:
            break
        try:
            recover_mortally(house, journal)
        except Killed:
            continue
    assert house.snapshot() == before


def recover_mortally(house: House, journal: Journal) -> None:
    take_back(house.book, house.disk, journal)


@pytest.mark.parametrize("kind", ["link to a file", "link to a folder", "folder that is a link", "pipe"])
def test_nothing_is_written_through_a_link(house: House, tmp_path: Path, kind: str) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "a.xml").write_bytes(b"outside")
    target = "conf/a.xml"
    if kind == "link to a file":
        (house.conf / "a.xml").symlink_to(outside / "a.xml")
    elif kind == "link to a folder":
        (house.conf / "a.xml").symlink_to(outside)
    elif kind == "pipe":
        os.mkfifo(house.conf / "a.xml")
    else:
        (house.conf / "linked").symlink_to(outside)
        target = "conf/linked/a.xml"
        with pytest.raises(ConfigurationError, match="symbolic link"):
            house.disk.look(target)
        with pytest.raises(ConfigurationError, match="symbolic link"):
            house.disk.write(target, b"x", None, None)
        return
    assert plan({target: b"x"}, None, house.there({target: b"x"}), force=True).refused
    with pytest.raises(ConfigurationError):
        house.disk.write(target, b"x", None, None)
    assert (outside / "a.xml").read_bytes() == b"outside"


def test_a_file_that_changes_between_looking_and_writing_is_not_overwritten(house: House) -> None:
    house.install(FILES)
    planned = plan(UPGRADE, house.manifest(), house.there(UPGRADE))
    (house.conf / "a.xml").write_bytes(b"just now")
    with pytest.raises(ConfigurationError, match="changed by somebody else"):
        perform(house.book, house.disk, planned, house.manifest(), lambda: None)
    assert (house.conf / "a.xml").read_bytes() == b"just now"
    assert not (house.conf / "new").exists()
    assert list(house.conf.rglob(".*")) == []


def test_what_somebody_else_could_have_written_is_not_believed(house: House) -> None:
    house.install(FILES)
    manifest = house.book.folder / "manifest.json"
    for path in (manifest, house.book.folder):
        mode = path.stat().st_mode
        path.chmod(mode | 0o020)
        with pytest.raises(ConfigurationError, match="not believed"):
            house.book.manifest()
        path.chmod(mode)
    manifest.rename(manifest.with_name("other"))
    manifest.symlink_to("other")
    with pytest.raises(ConfigurationError, match="Too many levels of symbolic links"):
        house.book.manifest()


def test_a_manifest_of_other_folders_is_not_acted_upon(house: House, tmp_path: Path) -> None:
    with pytest.raises(
        ConfigurationError, match="/elsewhere, which is not where FreeSWITCH has its conf now"
    ):
        check_roots(house.disk, {"conf": "/elsewhere"})


@pytest.mark.parametrize("target", ["conf/../x", "conf//x", "etc/passwd", "conf/", "conf/./x"])
def test_no_target_leads_out_of_the_folders(house: House, target: str) -> None:
    with pytest.raises(ConfigurationError, match="no place"):
        house.disk.look(target)


def test_two_at_a_time_are_refused(house: House) -> None:
    with house.book.locked(), pytest.raises(ConfigurationError, match="under way"), house.book.locked():
        pass
