from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner, Result

from fsroute.cli.main import cli

LIST = "Phone;Account;Name;Segment\n(415) 555-0123;A-1;Ada;gold\n;A-2;Bob;\n"

Run = Callable[..., Result]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, conninfo: str, tmp_path: Path) -> Run:
    """Run a command on a database that has the contact center blue, in the test's own folder."""
    with psycopg.connect(conninfo) as connection:
        connection.execute("insert into fsroute.contact_center values ('blue', 'Blue')")
    monkeypatch.setenv("FSROUTE_DATABASE_URL", conninfo)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "list.csv").write_text(LIST)
    (tmp_path / "fsroute.toml").write_text(
        '[[customers]]\nname = "t"\ncontact_centers = ["blue"]\nby = ["account", "number"]\n'
    )

    def command(*arguments: str, given: str | None = None) -> Result:
        return CliRunner().invoke(cli, ("customers", *arguments), input=given)

    return command


KEYS = ("--key", "phone=number", "--key", "account")


def test_a_list_is_loaded_looked_up_and_forgotten(run: Run) -> None:
    loaded = run("load", "blue", "list.csv", *KEYS)
    assert loaded.output == "blue: 3 numbers and accounts loaded, 0 forgotten\n"
    shown = run("show", "-c", "fsroute.toml", "blue", "+1 415 555 0123")
    assert json.loads(shown.output) == {"account": "A-1", "name": "Ada", "segment": "gold"}
    assert (
        json.loads(run("show", "-c", "fsroute.toml", "blue", "--fact", "account=A-2").output)["name"] == "Bob"
    )
    assert "blue\tnumber\t1" in run("list").output
    assert run("forget", "blue", "4155550123").exit_code == 0
    assert "blue has no customer by this number" in run("forget", "blue", "4155550123").output
    assert run("show", "-c", "fsroute.toml", "blue", "4155550123").exit_code == 1


def test_a_list_that_replaces_forgets_the_others(run: Run) -> None:
    run("load", "blue", "list.csv", *KEYS)
    again = run("load", "blue", "-", "--key", "account", "--replace", given="account,name\nA-2,Rob\n")
    assert again.output == "blue: 1 numbers and accounts loaded, 2 forgotten\n"


def test_faulty_lines_are_named_and_keep_the_list_out(run: Run) -> None:
    faulty = LIST + "x;A-3;Cyd;\nshort\n"
    refused = run("load", "blue", "-", *KEYS, given=faulty)
    assert refused.exit_code == 1
    assert "line 4: phone is no telephone number\nline 5: 1 columns, not 4\n" in refused.output
    assert "nothing was loaded" in refused.output
    assert run("list").output.count("\n") == 1
    taken = run("load", "blue", "-", *KEYS, "--skip-faulty", given=faulty)
    assert taken.output.endswith("blue: 4 numbers and accounts loaded, 0 forgotten\n")


def test_what_cannot_be_loaded_says_why(run: Run, tmp_path: Path) -> None:
    assert "there is no column 'number'" in run("load", "blue", "list.csv").output
    assert "contact_center" in run("load", "nowhere", "list.csv", *KEYS).output
    (tmp_path / "latin.csv").write_bytes("account,name\nA,Jürgen\n".encode("latin-1"))
    assert (
        "line 2: fact name is no text in UTF-8" in run("load", "blue", "latin.csv", "--key", "account").output
    )
    assert "has no [[customers]]" in run("show", "blue", "4155550123").output
