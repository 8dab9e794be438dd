from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from fsroute.customers.numbers import Plan
from fsroute.errors import ConfigurationError
from fsroute.privacy.captures import Cleaned, clean
from fsroute.privacy.person import Person
from fsroute.replay import format as captures
from fsroute.replay import journal as journals
from fsroute.replay.format import Capture, Chunk, Header, Note, Side, write

PLAN = Plan()
NUMBER = "+14155550123"
CALL, OTHER = "20261128T203612.123Z-acme-1a2b3c4d.jsonl", "20261128T203613.123Z-acme-2a2b3c4d.jsonl"
LINK = "link-20261128T203612.123Z-east-1-events.jsonl"
SAMPLES = Path(__file__).parents[2] / "replay" / "captures"


def put(folder: Path, name: str, *pieces: str, part: str = "") -> Path:
    chunks = [Chunk(0.1 * n, Side.FREESWITCH, piece.encode()) for n, piece in enumerate(pieces)]
    path = folder / (name + part)
    path.write_bytes(
        b"".join(write(Capture(Header(site="west"), (*chunks, Note(9.0, {"end": "over"})), name)))
    )
    return path


def test_calls_of_the_person_go_and_calls_of_others_stay(tmp_path: Path) -> None:
    put(tmp_path, CALL, "Caller-Caller-ID-Number: 4155550123\n\n")
    other = put(tmp_path, OTHER, "Caller-Caller-ID-Number: 4155550124\n\n")
    before = other.read_bytes()
    assert clean(tmp_path, Person((NUMBER,)), PLAN) == Cleaned(deleted=(CALL,))
    assert other.read_bytes() == before


def test_a_call_goes_by_its_contact_though_it_shows_no_number(tmp_path: Path) -> None:
    put(tmp_path, CALL, "variable_fsroute_contact: 4b3c\n\n")
    put(tmp_path, OTHER, f"Caller-Caller-ID-Number: {NUMBER}\n\n")
    person = Person((NUMBER,), marks=("4b3c",))
    assert clean(tmp_path, person, PLAN, by_mark_alone=True).deleted == (CALL,)
    assert clean(tmp_path, person, PLAN).deleted == (OTHER,)


def test_a_connection_of_many_calls_is_masked_in_place_and_stays_as_old(tmp_path: Path) -> None:
    path = put(tmp_path, LINK, "N: 4155550123\nM: Ada%20Lovelace\n\n", "N: 4155550124\nM: Ada%20Other\n\n")
    size, age = path.stat().st_size, path.stat().st_mtime_ns
    assert clean(tmp_path, Person((NUMBER,), ("Ada Lovelace",)), PLAN) == Cleaned(masked=(LINK,))
    text = captures.load(path).said_by(Side.FREESWITCH).decode()
    assert text == "N: 0000000000\nM: xxx%00xxxxxxxx\n\nN: 4155550124\nM: Ada%20Other\n\n"
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (size, age)
    assert clean(tmp_path, Person((NUMBER,), ("Ada Lovelace",)), PLAN) == Cleaned()


def test_a_number_across_two_chunks_is_found_too(tmp_path: Path) -> None:
    put(tmp_path, CALL, "N: 41555", "50123\n\n")
    put(tmp_path, LINK, "N: 41555", "50123\n\n")
    assert set(clean(tmp_path, Person((NUMBER,)), PLAN).deleted) == {CALL, LINK}


def test_what_is_being_written_is_masked_or_left_and_told(tmp_path: Path) -> None:
    part = ".0123abcd.part"
    put(tmp_path, CALL, f"N: {NUMBER}\n\n", part=part)
    link = put(tmp_path, LINK, f"N: {NUMBER}\n\n", part=part)
    assert clean(tmp_path, Person((NUMBER,)), PLAN) == Cleaned(masked=(LINK + part,), left=(CALL + part,))
    assert NUMBER.encode() not in link.read_bytes()


def test_a_dry_run_touches_nothing(tmp_path: Path) -> None:
    paths = [put(tmp_path, name, f"N: {NUMBER}\n\n") for name in (CALL, LINK)]
    before = [path.read_bytes() for path in paths]
    assert clean(tmp_path, Person((NUMBER,)), PLAN, dry=True) == Cleaned(deleted=(CALL,), masked=(LINK,))
    assert [path.read_bytes() for path in paths] == before


def test_other_files_and_links_to_elsewhere_are_left_alone(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    target = put(elsewhere, CALL, f"N: {NUMBER}\n\n")
    folder = tmp_path / "captures"
    folder.mkdir()
    (folder / CALL).symlink_to(target)
    (folder / "notes.txt").write_text(NUMBER)
    assert clean(folder, Person((NUMBER,)), PLAN) == Cleaned()
    assert target.exists()


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="nowhere"):
        clean(tmp_path / "nowhere", Person((NUMBER,)), PLAN)


def test_a_real_journal_is_still_one_after_it_was_masked(tmp_path: Path) -> None:
    """Of the captured situations: the caller's number is gone, all else stands."""
    journal = next(
        path for path in sorted(SAMPLES.glob("journal-*.jsonl")) if b'"caller_number":"' in path.read_bytes()
    )
    copy = tmp_path / journal.name
    shutil.copy(journal, copy)
    number = copy.read_bytes().split(b'"caller_number":"')[1].split(b'"')[0].decode()
    found = clean(tmp_path, Person((number,)), PLAN)
    assert found.masked == (journal.name,)
    assert number.encode() not in copy.read_bytes()
    assert len(journals.load(copy).entries) == len(journals.load(journal).entries)
