"""``fsroute app``: from a first application to one that is signed, published, taken back and tried."""

from __future__ import annotations

import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from fsroute.cli.main import cli

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run ``fsroute app …`` in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FSROUTE_KEYS", raising=False)

    def app(*arguments: str, typed: str = "") -> Result:
        return CliRunner().invoke(cli, ["app", *arguments], input=typed)

    return app


@pytest.fixture
def signed(run: Run) -> Path:
    """The bundle of a first application; its key is ``ann``."""
    for words in (
        ("new", "hello"),
        ("key", "new", "ann", "--comment", "Ann"),
        ("sign", "hello", "--key", "ann", "--contact-center", "acme", "--number", "8005550199"),
    ):
        assert run(*words).exit_code == 0
    return Path("hello-1.fsapp")


def refusal(result: Result) -> str:
    """The one line that a command ends with."""
    assert result.exit_code == 1
    *_, line = result.output.splitlines()
    assert line.startswith("Error: ")
    return line.removeprefix("Error: ")


def new_version(run: Run, version: str, *more: str) -> Path:
    path = Path("hello/application.toml")
    lines = path.read_text().splitlines()
    path.write_text(
        "\n".join(f'version = "{version}"' if line.startswith("version") else line for line in lines)
    )
    assert run("sign", "hello", "--key", "ann", "--contact-center", "acme", *more).exit_code == 0
    return Path(f"hello-{version}.fsapp")


def test_a_new_application_passes_the_checks(run: Run) -> None:
    assert run("new", "hello").output == "hello: 11 files; next: fsroute app try hello\n"
    checked = run("check", "hello")
    assert (checked.exit_code, checked.output) == (0, "hello: 0 errors, 0 warnings\n")
    assert refusal(run("new", "hello")) == "hello is there already"
    assert refusal(run("new", "Hello")) == "'Hello' is no application's name: a-z, 0-9, - and _"


def test_the_checks_name_file_step_and_fault(run: Run) -> None:
    run("new", "hello")
    with Path("hello/application.toml").open("a") as file:
        file.write(
            '[steps.left_over]\ndo = "play"\nprompt = "gone"\nnext = "round"\n'
            '[steps.round]\ndo = "play"\nprompt = "hours"\nnext = "left_over"\n'
        )
    checked = run("check", "hello")
    assert checked.exit_code == 1
    assert checked.output.splitlines() == [
        "hello/application.toml: step left_over: prompt gone is missing: prompts/en/gone.wav",
        "hello/application.toml: step left_over: unreachable: no step leads here",
        "hello/application.toml: step round: unreachable: no step leads here",
        "hello/application.toml: step left_over: endless loop without anything from the caller: "
        "left_over → round → left_over",
        "hello: 4 errors, 0 warnings",
    ]
    run("key", "new", "ann")
    assert run("sign", "hello", "--key", "ann", "--contact-center", "acme").exit_code == 1
    assert not Path("hello-1.fsapp").exists()


def test_a_key_is_secret_and_is_never_overwritten(run: Run) -> None:
    made = run("key", "new", "ann")
    assert made.output.endswith("ann is secret; ann.pub goes to the sites, into KEYS/CONTACT_CENTER/\n")
    assert stat.S_IMODE(Path("ann").stat().st_mode) == 0o600
    assert refusal(run("key", "new", "ann")) == "ann.pub is there already; keys are never overwritten"
    Path("ann").chmod(0o644)
    run("new", "hello")
    assert refusal(run("sign", "hello", "--key", "ann", "--contact-center", "acme")) == (
        "ann: others than its owner can use it; chmod 600 it"
    )


def test_a_bundle_is_shown_with_who_signed_it(run: Run, signed: Path) -> None:
    shown = run("show", str(signed), "--keys", "ann.pub")
    assert shown.exit_code == 0
    lines = shown.output.splitlines()
    assert lines[:4] == [
        "application     hello",
        "version         1",
        "contact center  acme",
        "numbers         8005550199",
    ]
    assert any(line.startswith("key ") and line.endswith(", trusted (Ann)") for line in lines)
    assert lines[-1].endswith("prompts/en/wrong_digits.wav")
    assert "the signature was not looked at: there is no --keys\n" in run("show", str(signed)).output


def test_a_bundle_that_is_not_trusted_is_refused(run: Run, signed: Path) -> None:
    run("key", "new", "bob")
    told = refusal(run("show", str(signed), "--keys", "bob.pub"))
    assert told.startswith("hello-1.fsapp: hello 1: key ")
    assert told.endswith(" is not trusted for contact center acme")
    Path("keys/delta").mkdir(parents=True)
    Path("ann.pub").rename("keys/delta/ann.pub")
    told = refusal(run("publish", str(signed), "--to", "published", "--keys", "keys"))
    assert told == "hello-1.fsapp: hello 1: contact center acme is not trusted here"
    assert not Path("published").exists()


def test_a_bundle_that_was_changed_is_refused(run: Run, signed: Path) -> None:
    data = bytearray(signed.read_bytes())
    data[len(data) // 2] ^= 1
    signed.write_bytes(data)
    told = refusal(run("publish", str(signed), "--to", "published", "--keys", "ann.pub"))
    assert told.startswith("hello-1.fsapp: prompts/en/")
    assert "is damaged" in told or "has not the size that the archive says" in told  # by where the bit was
    signed.write_bytes(b"no archive")
    assert refusal(run("show", str(signed))) == "hello-1.fsapp: is no archive, or was cut short"


def test_versions_are_published_listed_and_taken_back(run: Run, signed: Path) -> None:
    published = run("publish", str(signed), "--to", "published", "--keys", "ann.pub")
    assert (published.exit_code, published.output) == (0, "hello 1 is current, sequence 1\n")
    second = new_version(run, "2", "--expires", "30")
    assert run("publish", str(second), "--to", "published", "--keys", "ann.pub").exit_code == 0
    assert run("rollback", "hello", "--to", "published").output == "hello 1 is current, sequence 3\n"
    assert run("rollback", "hello", "2", "--to", "published").output == "hello 2 is current, sequence 4\n"
    listed = [line.split("\t") for line in run("list", "--from", "published").output.splitlines()]
    assert [row[1:4] + row[-1:] for row in listed] == [
        ["application", "version", "sequence", "current"],
        ["hello", "1", "3", ""],
        ["hello", "2", "4", "yes"],
    ]
    assert run("list", "hello", "--from", "published").output == run("list", "--from", "published").output


def test_publishers_take_turns(run: Run, signed: Path) -> None:
    versions = [str(number) for number in range(2, 8)]
    bundles = [new_version(run, version) for version in versions]
    command = [sys.executable, "-m", "fsroute", "app", "publish", "--to", "published", "--keys", "ann.pub"]
    publishers = [subprocess.Popen([*command, str(path)], stdout=subprocess.DEVNULL) for path in bundles]
    assert [publisher.wait(60) for publisher in publishers] == [0] * len(versions)
    listed = [line.split("\t") for line in run("list", "--from", "published").output.splitlines()[1:]]
    assert [row[3] for row in listed] == ["1", "2", "3", "4", "5", "6"]
    assert sorted(row[2] for row in listed) == versions
    assert [row[-1] for row in listed] == ["", "", "", "", "", "yes"]


def test_what_cannot_be_published_or_taken_back_is_told_in_one_line(run: Run, signed: Path) -> None:
    run("publish", str(signed), "--to", "published")
    again = new_version(run, "1", "--number", "911")
    assert refusal(run("publish", str(again), "--to", "published")) == (
        "hello 1 is published with another content; give it another version"
    )
    assert refusal(run("rollback", "hello", "--to", "published")) == "hello: there is no version before 1"
    assert refusal(run("rollback", "other", "--to", "published")) == (
        "other: nothing is published in published"
    )


def test_an_application_is_tried_in_a_folder_and_in_a_bundle(run: Run, signed: Path) -> None:
    tried = run("try", "hello", typed="1\n\n2\nserved\n")
    assert tried.exit_code == 0
    assert tried.output.splitlines() == [
        "hello 1; /help says what can be typed",
        "  welcome [en]: Welcome.",
        "  main_menu [en]: For our hours, press 1. To talk with someone, press 2.",
        "keys (at most 1)> 1",
        "  hours [en]: We are here from Monday to Friday, from nine to five.",
        "  welcome [en]: Welcome.",
        "  main_menu [en]: For our hours, press 1. To talk with someone, press 2.",
        "keys (at most 1)> ",
        "  did_not_hear [en]: I did not hear you.",
        "  main_menu [en]: For our hours, press 1. To talk with someone, press 2.",
        "keys (at most 1)> 2",
        "  hold_on [en]: One moment, please.",
        "An agent of queue support is asked for; the caller waits with music.",
        "served, overflowed, refused or failed> served",
        "  goodbye [en]: Thank you. Goodbye.",
        "The call is over: served (NORMAL_CLEARING).",
    ]
    bundled = run("try", str(signed), "--keys", "ann.pub", typed="")
    assert bundled.exit_code == 0
    assert bundled.output.splitlines()[1] == "  welcome [en]"
    assert bundled.output.splitlines()[-1] == "The call is over: abandoned (NORMAL_CLEARING)."


def test_facts_and_answers_to_look_ups_are_given_to_a_trial(run: Run) -> None:
    run("new", "hello")
    path = Path("hello/application.toml")
    path.write_text(
        path.read_text()
        .replace('start = "main"', 'start = "ask"')
        .replace(
            "[steps.main]",
            '[steps.ask]\ndo = "look_up"\nname = "balance"\nfacts = ["euros"]\nnext = "tell"\n'
            'parameters = { customer = "{{ facts.customer | default(\'\') }}" }\non_empty = "main"\n'
            '[steps.tell]\ndo = "say"\nas = "money"\ntext = "{{ facts.euros }}"\nnext = "end"\n\n[steps.main]',
        )
    )
    Path("answers.toml").write_text(
        '[[balance]]\nparameters = { customer = "7" }\nfacts = { euros = "12.50" }\n[[balance]]\nresult = "empty"\n'
    )
    known = run("try", "hello", "--fact", "customer=7", "--lookups", "answers.toml")
    assert known.output.splitlines()[1:3] == [
        "Look-up balance is asked with customer = 7",
        "  (says money) [en]: 12.50",
    ]
    other = run("try", "hello", "--fact", "customer=8", "--lookups", "answers.toml")
    assert other.output.splitlines()[2] == "  welcome [en]: Welcome."
    assert run("try", "hello", "--fact", "customer").exit_code == 2
