"""A caller is erased: nothing says the number or the name any more, and the ledger is whole."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from fsroute.acd.proxy_call import On
from fsroute.cli.main import cli
from fsroute.monitoring.audit import audit
from fsroute.store.transfers import Transfers
from tests.fix_center import Center

NUMBER, NAME = "+4930111", "Ms. Caller"
"""Of everybody who calls the center of the tests."""


def everything(center: Center) -> str:
    """Every row of every table."""
    tables = center.sql(
        "select relname from pg_class where relnamespace = 'fsroute'::regnamespace and relkind = 'r' order by 1"
    )
    return "\n".join(
        str(center.sql(f"select to_jsonb(t) as row from {table['relname']} t")) for table in tables
    )


def ledger(center: Center) -> list[object]:
    rows = [
        center.sql(f"select * from {table} order by event_id") for table in ("contact_event", "agent_event")
    ]
    counts = center.sql("select outcome, count(*) from contact group by 1 order by 1")
    return [*rows, counts]


@pytest.fixture
def settings(conninfo: str, tmp_path: Path) -> Path:
    path = tmp_path / "fsroute.toml"
    path.write_text(
        f'state_dir = "{tmp_path}"\n[site]\nswitch_id = "home"\n[database]\nurl = "{conninfo}"\n'
        '[numbers]\ncountry = "49"\ninternational_prefix = "00"\ntrunk_prefix = "0"\n'
    )
    return path


def erase(settings: Path, *arguments: str, given: str | None = None) -> Result:
    return CliRunner().invoke(cli, ["erase", *arguments, "--config", str(settings)], input=given)


def ended(center: Center, number: str = NUMBER) -> str:
    """A contact that was served, with all that may be known of its caller; returns it."""
    call = center.bridged()
    center.contacts.learn(call.contact_id, {"phone": number}, "de")
    Transfers(center.database).ask("ann", "consult", {"to": "number", "name": number})
    center.move(call, On.CONVERSATION_OVER, end_reservation="wrap_up")
    center.sql("update contact_personal set caller_number = %(n)s, note = %(n)s where contact_id = %(id)s",
               n=number, id=call.contact_id)  # fmt: skip
    center.contacts.close(call.contact_id, "served", {})  # type: ignore[arg-type]
    center.set_free()
    return call.contact_id


def test_nothing_of_the_caller_is_left_and_the_ledger_stays_as_it_was(center: Center, settings: Path) -> None:
    ended(center)
    center.sql("insert into customer (contact_center_id, key, value, facts)"
               " values ('blue', 'number', '+4930111', '{\"name\": \"Ms. Caller\"}')")  # fmt: skip
    assert NUMBER in everything(center)
    before = ledger(center)
    done = erase(settings, "030 111")
    assert done.exit_code == 0, done.output
    assert NUMBER not in done.output
    left = everything(center)
    assert NUMBER not in left
    assert NAME not in left
    assert ledger(center) == before
    assert [str(each) for each in audit(center.database, limit=60.0)] == []


def test_the_ledger_says_that_an_erasure_was_done_and_not_whose(center: Center, settings: Path) -> None:
    ended(center)
    done = erase(settings, NUMBER)
    (row,) = center.sql("select data from system_event where kind = 'erased'")
    assert row["data"]["contacts"] == 1
    assert row["data"]["request"] in done.output
    assert "30111" not in str(row)


def test_a_dry_run_says_how_many_and_erases_none(center: Center, settings: Path) -> None:
    ended(center)
    before = everything(center)
    done = erase(settings, NUMBER, "--dry-run")
    assert done.exit_code == 0, done.output
    assert "1 contacts would be erased" in done.output
    assert everything(center) == before


def test_others_keep_what_is_theirs_but_for_the_number_that_they_named(
    center: Center, settings: Path
) -> None:
    other = ended(center, "+4930112")
    center.contacts.learn(other, {"phone": NUMBER, "order": "12"}, "de")
    ended(center)
    assert erase(settings, NUMBER).exit_code == 0
    (row,) = center.sql("select * from contact_personal")
    assert (row["caller_number"], row["facts"]) == ("+4930112", {"order": "12"})


def test_a_contact_center_erases_what_is_its_own(center: Center, settings: Path) -> None:
    ended(center)
    green = center.contact("green")
    center.contacts.close(green, "served", {})  # type: ignore[arg-type]
    assert erase(settings, NUMBER, "--contact-center", "green").exit_code == 0
    assert [
        row["contact_center_id"] for row in center.sql("select contact_center_id from contact_personal")
    ] == ["blue"]


def test_who_waits_to_be_called_back_is_not_called_any_more(center: Center, settings: Path) -> None:
    call = center.queued()
    center.move(call, On.CALLBACK_CHOSEN, set={"callback_number": "030112"})
    done = erase(settings, "030112")
    assert done.exit_code == 0, done.output
    after = center.proxy_calls.get(call.proxy_call_id)
    assert after is not None
    assert (str(after.state), after.callback_number) == ("abandoned", "")
    assert NUMBER not in everything(center), "the number that called is the same person's"


def test_who_is_on_the_line_stays_and_the_command_says_so(center: Center, settings: Path) -> None:
    center.bridged()
    done = erase(settings, NUMBER)
    assert done.exit_code == 1
    assert "1 contacts are on the line now" in done.output
    assert center.value("select count(*) from contact_personal") == 1


def test_the_number_may_come_by_standard_input_which_no_list_of_processes_shows(
    center: Center, settings: Path
) -> None:
    ended(center)
    done = erase(settings, "-", given=f"{NUMBER}\n")
    assert done.exit_code == 0, done.output
    assert center.value("select count(*) from contact_personal") == 0


def test_recordings_go_here_and_are_pending_for_other_hosts(
    center: Center, settings: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "voice_messages"
    folder.mkdir()
    files = [folder / "one.wav", folder / "two.wav", tmp_path / "outside.wav"]
    for file, switch in zip(files, ("home", "away", "home"), strict=True):
        file.write_bytes(b"RIFF")
        contact = ended(center)
        center.sql("update contact set switch_id = %(s)s where contact_id = %(c)s", s=switch, c=contact)
        center.contacts.keep_message(contact, str(file), 3.0)
    done = erase(settings, NUMBER)
    assert [file.exists() for file in files] == [False, True, True]
    assert "1 recordings lie on the host of switch away" in done.output
    assert "outside.wav is not in" in done.output
    settings.write_text(settings.read_text().replace('"home"', '"away"'))
    assert erase(settings, "--pending").exit_code == 0
    assert [file.exists() for file in files] == [False, False, True]
    assert [row["path"] for row in center.sql("select path from erased_recording")] == [str(files[2])]


def test_a_recording_of_which_no_table_tells_goes_with_its_contact(
    center: Center, settings: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "voice_messages"
    folder.mkdir()
    contact, another = ended(center), ended(center, "+4930111222")
    mine = [folder / f"{contact}{number}.wav" for number in ("", "-2", "-10")]
    others = [folder / f"{another}.wav", folder / f"{another}-2.wav", folder / f"{contact}-notes.wav"]
    for file in (*mine, *others):
        file.write_bytes(b"RIFF")
    assert erase(settings, NUMBER, "--dry-run").exit_code == 0
    assert all(file.exists() for file in mine)
    assert erase(settings, NUMBER).exit_code == 0
    assert not any(file.exists() for file in mine)
    assert all(file.exists() for file in others)


def test_a_recording_s_name_that_leads_elsewhere_deletes_nothing(
    center: Center, settings: Path, tmp_path: Path
) -> None:
    (tmp_path / "voice_messages").mkdir()
    victim = tmp_path / "victim"
    victim.write_text("mine")
    contact = ended(center)
    center.contacts.keep_message(contact, str(tmp_path / "voice_messages" / ".." / "victim"), 3.0)
    assert "it stays" in erase(settings, NUMBER).output
    assert victim.read_text() == "mine"


def test_captures_of_the_caller_go_with_it(center: Center, settings: Path, tmp_path: Path) -> None:
    contact = ended(center)
    kept = tmp_path / "kept"
    kept.mkdir()
    call = kept / "20261128T203612.123Z-blue-1a2b3c4d.jsonl"
    call.write_text(f'{{"capture":2}}\n{{"t":1.0,"from":"fsroute","note":{{"contact":"{contact}"}}}}\n')
    journal = kept / "journal-20261128T203612.123Z-1.jsonl"
    journal.write_text(f'{{"caller_number":"{NUMBER}","caller_name":"{NAME}"}}\n')
    done = erase(settings, NUMBER, "--captures", str(kept))
    assert done.exit_code == 0, done.output
    assert os.listdir(kept) == [journal.name]
    assert journal.read_text() == '{"caller_number":"+0000000","caller_name":"xx. xxxxxx"}\n'


@pytest.mark.parametrize("arguments", [(), ("--pending", NUMBER), ("",), ("9" * 257,)])
def test_a_request_that_says_nothing_or_too_much_is_refused(
    settings: Path, arguments: tuple[str, ...]
) -> None:
    assert erase(settings, *arguments).exit_code == 2


def test_erased_twice_there_is_nothing_left_to_do(center: Center, settings: Path) -> None:
    ended(center)
    erase(settings, NUMBER)
    done = erase(settings, NUMBER)
    assert done.exit_code == 0
    assert "     0 contacts" in done.output
