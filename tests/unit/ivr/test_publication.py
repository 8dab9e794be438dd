"""The published folder: what counts, what counted before, and that no version ever changes."""

from __future__ import annotations

from pathlib import Path

import pytest

from fsroute.errors import ApplicationError
from fsroute.ivr.archive import examine
from fsroute.ivr.manifest import BundleRefused
from fsroute.ivr.publication import Publication, current, publish, published, rollback, versions
from fsroute.ivr.published import turn
from tests.unit.ivr.bundles import KEY_ID, NOW, TOML, archive


def a_version(version: str, **fields: object) -> bytes:
    files = {"application.toml": TOML.replace(b'version = "1"', f'version = "{version}"'.encode())}
    return archive(files, version=version, **fields)


def put(folder: Path, data: bytes, now: float = NOW) -> Publication:
    return publish(examine(data), data, folder, now)


def test_what_is_published_is_current(tmp_path: Path) -> None:
    data = a_version("1")
    done = put(tmp_path, data)
    assert (done.name, done.version, done.sequence, done.contact_center) == ("test", "1", 1, "acme")
    assert done.path == tmp_path / "test/1.fsapp"
    assert done.path.read_bytes() == data
    assert (done.sha256, done.size, done.key_id, done.at) == (examine(data).sha256, len(data), KEY_ID, NOW)
    assert current(tmp_path, "test") == done
    assert published(tmp_path) == [done]


def test_each_publication_and_each_rollback_has_the_next_sequence(tmp_path: Path) -> None:
    for version in ("1", "2", "3"):
        put(tmp_path, a_version(version))
    assert rollback("test", tmp_path, NOW).version == "2"
    back = rollback("test", tmp_path, NOW)
    assert (back.version, back.sequence) == ("1", 5)
    assert (rollback("test", tmp_path, NOW, "3").version, put(tmp_path, a_version("4")).sequence) == ("3", 7)
    listed = [(each.version, each.sequence, each.is_current) for each in versions(tmp_path, "test")]
    assert listed == [("2", 4, False), ("1", 5, False), ("3", 6, False), ("4", 7, True)]


def test_nothing_before_the_first_version_can_be_gone_back_to(tmp_path: Path) -> None:
    put(tmp_path, a_version("1"))
    with pytest.raises(ApplicationError, match="test: there is no version before 1"):
        rollback("test", tmp_path, NOW)
    with pytest.raises(ApplicationError, match="test: there is no version '9'; published are 1"):
        rollback("test", tmp_path, NOW, "9")
    with pytest.raises(ApplicationError, match="gone: nothing is published in "):
        rollback("gone", tmp_path, NOW)


def test_publishing_the_same_again_changes_nothing(tmp_path: Path) -> None:
    first = put(tmp_path, a_version("1"))
    assert put(tmp_path, a_version("1"), NOW + 5) == first


def test_an_old_version_published_again_is_current_again(tmp_path: Path) -> None:
    put(tmp_path, a_version("1"))
    put(tmp_path, a_version("2"))
    assert put(tmp_path, a_version("1")).sequence == 3
    assert [each.version for each in versions(tmp_path, "test")] == ["2", "1"]


def test_a_version_with_another_content_is_refused(tmp_path: Path) -> None:
    first = put(tmp_path, a_version("1"))
    with pytest.raises(
        BundleRefused, match="test 1 is published with another content; give it another version"
    ):
        put(tmp_path, a_version("1", numbers=("911",)))
    assert current(tmp_path, "test") == first


def test_an_application_keeps_its_owner(tmp_path: Path) -> None:
    put(tmp_path, a_version("1"))
    with pytest.raises(BundleRefused, match="test belongs to contact center acme, not to delta"):
        put(tmp_path, a_version("2", contact_center="delta"))


def test_an_expired_version_is_neither_published_nor_gone_back_to(tmp_path: Path) -> None:
    put(tmp_path, a_version("1", expires_at=int(NOW) + 10))
    put(tmp_path, a_version("2"))
    with pytest.raises(BundleRefused, match="test 1: expired at 2027-01-15 08:00:10 UTC"):
        rollback("test", tmp_path, NOW + 10)
    with pytest.raises(BundleRefused, match="test 3: expired at"):
        put(tmp_path, a_version("3", expires_at=int(NOW) + 10), NOW + 10)


def test_a_version_whose_file_was_changed_is_not_gone_back_to(tmp_path: Path) -> None:
    first = put(tmp_path, a_version("1"))
    put(tmp_path, a_version("2"))
    first.path.write_bytes(a_version("1", numbers=("911",)))
    with pytest.raises(BundleRefused, match=r"test 1: 1\.fsapp was changed since it was published"):
        rollback("test", tmp_path, NOW)


def test_nobody_publishes_while_somebody_else_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fsroute.ivr.published.PATIENCE", 0.05)
    first = put(tmp_path, a_version("1"))
    with (
        turn(tmp_path, "test"),
        pytest.raises(ApplicationError, match="somebody else has been publishing for"),
    ):
        put(tmp_path, a_version("2"))
    assert current(tmp_path, "test") == first
    assert put(tmp_path, a_version("2")).sequence == 2


def test_a_publication_that_did_not_become_current_gives_its_sequence_to_no_other(tmp_path: Path) -> None:
    put(tmp_path, a_version("1"))
    before = (tmp_path / "test/current").read_bytes()
    put(tmp_path, a_version("2"))
    (tmp_path / "test/current").write_bytes(before)
    assert put(tmp_path, a_version("3")).sequence == 3


def test_a_record_that_was_damaged_is_named(tmp_path: Path) -> None:
    put(tmp_path, a_version("1"))
    (tmp_path / "test/current").write_text("version 1\n")
    with pytest.raises(ApplicationError, match="test/current: is no record of a publication"):
        published(tmp_path)
    with pytest.raises(ApplicationError, match="gone cannot be read: No such file"):
        published(tmp_path / "gone")
    with pytest.raises(ApplicationError, match=r"'\.\.' is no application's name"):
        current(tmp_path, "..")


def test_an_application_that_cannot_be_read_keeps_no_other_from_being_served(tmp_path: Path) -> None:
    put(tmp_path, a_version("1"))
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "current").write_text("{")
    faults: dict[str, str] = {}
    assert [each.name for each in published(tmp_path, faults)] == ["test"]
    assert list(faults) == ["bad"]
    with pytest.raises(ApplicationError, match="bad/current: is no record"):
        published(tmp_path)
