"""``fsroute install`` and ``uninstall`` as commands, on folders without a switch."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from fsroute.cli.main import cli
from tests.fix_database import perform
from tests.unit.install.trees import FUSIONPBX, lay
from tests.waiting import until

ROWS = """
insert into fsroute.contact_center values ('acme', 'Acme -- <Sons>');
insert into fsroute.number_called values ('8005550100', 'acme', 'orders');
insert into fsroute.site values ('east', 'East');
insert into fsroute.switch (switch_id, site_id, link_address)
values ('switch-1', 'east', '192.0.2.1:5090'), ('other', 'east', '192.0.2.2:5090');
"""


class House:
    def __init__(self, folder: Path, conninfo: str) -> None:
        self.place = lay(folder)
        self.config = folder / "fsroute.toml"
        self.config.write_text(
            f'state_dir = "{folder}/state"\n[links]\naddress = "192.0.2.1:5090"\n[database]\nurl = "{conninfo}"\n'
        )

    def run(self, command: str, *options: str) -> Result:
        words = [command, "-c", str(self.config), "--conf-dir", str(self.place.conf_dir), *options]
        if command == "install":
            words += ["--sounds-dir", str(self.place.sounds_dir)]
        return CliRunner().invoke(cli, words)

    def files(self) -> dict[str, bytes]:
        roots = (self.place.conf_dir, self.place.sounds_dir)
        return {str(path): path.read_bytes() for root in roots for path in root.rglob("*") if path.is_file()}


@pytest.fixture
def house(tmp_path: Path, conninfo: str) -> House:
    perform(conninfo, ROWS)
    return House(tmp_path, conninfo)


def test_everything_is_shown_before_anything_is_done(house: House) -> None:
    before = house.files()
    shown = house.run("install", "--dry-run")
    assert shown.exit_code == 0, shown.output
    conf = house.place.conf_dir
    assert f"--- /dev/null\n+++ {conf}/dialplan/public/00_fsroute.xml\n" in shown.output
    assert "+  <!-- Acme Sons -->" in shown.output
    assert '+    <param name="apply-inbound-acl" value="192.0.2.2/32"/>' in shown.output
    assert f"# {house.place.sounds_dir}/fsroute/hold.wav is new: " in shown.output
    assert "Yours to do, since these files are yours:" in shown.output
    assert f"1. {conf}/autoload_configs/modules.conf.xml, within <modules>:" in shown.output
    assert house.files() == before


def test_what_is_shown_is_what_is_done_and_taken_away(house: House) -> None:
    before = house.files()
    done = house.run("install")
    assert done.exit_code == 0, done.output
    assert f"new      {house.place.conf_dir}/dialplan/fsroute.xml\n" in done.output
    assert "FreeSWITCH has not been asked" in done.output
    assert "nothing to do" in house.run("install").output
    assert "nothing to do" in house.run("install", "--dry-run").output
    away = house.run("uninstall", "--dry-run")
    assert f"--- {house.place.conf_dir}/dialplan/fsroute.xml\n+++ /dev/null\n" in away.output
    assert f"removed  {house.place.conf_dir}/dialplan/fsroute.xml\n" in house.run("uninstall").output
    assert house.files() == before
    assert house.run("uninstall").output == "nothing of fsroute's is installed there\n"


def test_a_file_of_ours_that_was_changed_is_left_alone_and_said(house: House) -> None:
    house.run("install")
    file = house.place.conf_dir / "dialplan/fsroute_desk.xml"
    file.write_text(file.read_text() + "<!-- mine -->\n")
    assert f"left     {file}: somebody has changed it" in house.run("install").output
    refused = house.run("uninstall")
    assert refused.exit_code == 1
    assert "conf/dialplan/fsroute_desk.xml: somebody has changed it" in refused.output
    assert house.run("uninstall", "--force").exit_code == 0
    assert not file.exists()


def test_a_file_that_is_not_ours_ends_the_command_with_status_1(house: House) -> None:
    theirs = house.place.conf_dir / "dialplan/fsroute.xml"
    theirs.write_text("<include/>\n")
    before = house.files()
    for options in ((), ("--dry-run",)):
        refused = house.run("install", *options)
        assert refused.exit_code == 1
        assert "conf/dialplan/fsroute.xml is there, and is not fsroute's" in refused.output
    assert house.files() == before


def test_a_run_that_is_killed_is_settled_by_the_next(house: House) -> None:
    before = house.files()
    conf, sounds = str(house.place.conf_dir), str(house.place.sounds_dir)
    words = ["install", "-c", str(house.config), "--conf-dir", conf, "--sounds-dir", sounds]
    with subprocess.Popen([sys.executable, "-m", "fsroute", *words], stdout=subprocess.DEVNULL) as killed:
        until(lambda: (house.place.conf_dir / "dialplan/default/00_fsroute.xml").exists(), 100)
        killed.kill()
    again = house.run("install")
    assert again.exit_code == 0, again.output
    assert "interrupted has been taken back" in again.output or "nothing to do" in again.output
    assert "nothing to do" in house.run("install").output
    assert house.run("uninstall").exit_code == 0
    assert house.files() == before


def test_a_database_without_our_tables_is_told_of_and_can_be_done_without(
    house: House, new_database: Callable[[str], str]
) -> None:
    text = house.config.read_text()
    house.config.write_text(
        text[: text.index("[database]")] + f'[database]\nurl = "{new_database("template1")}"\n'
    )
    refused = house.run("install")
    assert refused.exit_code == 1
    assert "--no-database does without" in refused.output
    assert house.run("install", "--dry-run", "--no-database").exit_code == 0


def test_without_a_switch_the_folders_have_to_be_given(house: House) -> None:
    config = house.config
    config.write_text(config.read_text() + "[event_socket]\nport = 1\n")
    result = CliRunner().invoke(cli, ["install", "-c", str(config)])
    assert result.exit_code == 1
    assert "no FreeSWITCH to ask: 127.0.0.1:1: " in result.output
    assert "--conf-dir" in result.output


def test_where_fusionpbx_serves_the_dialplan_it_is_said_what_to_enter_there(house: House) -> None:
    handler = house.place.conf_dir / "autoload_configs/lua.conf.xml"
    handler.write_text(FUSIONPBX)
    before = house.files()
    result = house.run("install")
    assert result.exit_code == 1
    assert "Inbound Routes (or Manager), context public, first in order:" in result.output
    assert '<extension name="fsroute_8005550100">' in result.output
    assert "SIP Profiles > Add fsroute_link" in result.output
    assert house.files() == before
