"""Callers at the local site hear what a remote center has published, and are told what its database knows."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest

from fsroute import resources
from fsroute.app import App
from fsroute.config import (
    ApplicationsFrom,
    Appserver,
    AskingSite,
    Config,
    Lookup,
    LookupParameter,
    Role,
    Secret,
    Site,
)
from fsroute.demo.centers import EAST, WEST, Center
from fsroute.ivr import archive, keyfiles, publication
from fsroute.store.applications import ApplicationVersions
from fsroute.switchsim import Caller, CallerCall, HangUp, Network, Press, Wait, WaitFor
from tests.fix_database import perform
from tests.integration.flow.callers import HOME
from tests.integration.flow.conftest import FAST, World
from tests.integration.flow.shop import HEAD, PROMPTS
from tests.unit.ivr.applications import write
from tests.waiting import until

SECRET = Secret("what west and acme share")
STEPS = """
[steps.a]
do = "menu"
prompt = "{prompt}"
choices = {{ 1 = "balance" }}
tries = 9
timeout = 60
on_silence = "unserved"
on_invalid = "unserved"
[steps.balance]
do = "look_up"
name = "balance"
parameters = {{ number = "{{{{ caller.number }}}}" }}
facts = {{ saldo = "balance" }}
timeout = 30.0
next = "told"
on_empty = "unserved"
on_slow = "unserved"
on_failed = "sent_on"
[steps.told]
do = "say"
text = "{{{{ facts.saldo }}}}"
as = "number"
next = "end"
[steps.sent_on]
do = "transfer"
number = "1000"
[steps.end]
do = "hang_up"
[steps.unserved]
do = "hang_up"
served = false
"""
DATA = f"""
create table account (number text primary key, balance int);
insert into account values ('{HOME}', 250);
"""


class LocalSite(Center):
    """A center whose applications come from the remote one."""

    source: ApplicationsFrom
    folder: Path

    def _config(self) -> Config:
        state_dir = str(self.folder / self.settings.site_id)
        return msgspec.structs.replace(
            super()._config(), state_dir=state_dir, applications_from=(self.source,)
        )


class Acme(World):
    """The world, and the remote center that owns the number."""

    folder: Path
    remote: App

    def publish(self, version: str, prompt: str, **terms: Any) -> None:
        draft = self.folder / f"draft-{version}"
        draft.mkdir()
        write(
            draft,
            STEPS.format(prompt=prompt),
            head=HEAD.format(name="orders", version=version),
            prompts=PROMPTS,
            lasting=1.0,
        )
        key = keyfiles.private_key(self.folder / "acme.pem")
        data = archive.pack(draft, key, contact_center="acme", created_at=time.time(), **terms)
        publication.publish(archive.examine(data), data, self.folder / "published", time.time())

    def serves(self, version: str) -> bool:
        rows = ApplicationVersions(self.store.database).all()
        return {(row.switch_id, row.version) for row in rows if row.name} == {
            ("west-1", version),
            ("east-1", version),
        }

    def call_in(self, *does: Any) -> CallerCall:
        return self.place(Caller(HOME, "Ada", "8005550100", does))


@pytest.fixture
def acme(conninfo: str, new_database: Callable[[str], str], tmp_path: Path) -> Iterator[Acme]:
    sample = (resources.folder("sql") / "samples" / "two_sites.sql").read_text("utf-8")
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute(sample.encode())
    crm = new_database("template1")
    perform(crm, DATA)
    for name in ("published", "statements", "keys/acme"):
        (tmp_path / name).mkdir(parents=True)
    keyfiles.new_pair(tmp_path / "acme.pem")
    shutil.copy(tmp_path / "acme.pem.pub", tmp_path / "keys" / "acme")
    (tmp_path / "statements" / "crm.sql").write_text(
        "-- name: balance\nselect balance from account where number = %(number)s;\n"
    )
    remote = App(_remote(tmp_path, crm), conninfo, {})
    remote.start()
    assert remote.appserver is not None
    source = ApplicationsFrom(
        name="acme-center",
        urls=(f"http://127.0.0.1:{remote.appserver.address[1]}",),
        contact_centers=("acme",),
        keys=str(tmp_path / "keys"),
        site="west",
        secret=SECRET,
        interval=3600.0,
    )
    network = Network(speed=20.0)
    sites = [LocalSite(each, conninfo, network, {}, FAST) for each in (WEST, EAST)]
    world = Acme(conninfo, network, sites[0], sites[1])
    world.folder, world.remote = tmp_path, remote
    try:
        for site in sites:
            site.source, site.folder = source, tmp_path
            site.start()
        yield world
    finally:
        for site in sites:
            site.stop()
        remote.stop()


def _remote(folder: Path, crm: str) -> Config:
    balance = Lookup(
        name="balance",
        kind="sql",
        contact_centers=("acme",),
        parameters={"number": LookupParameter(pattern=r"\+?[0-9]+")},
    )
    server = Appserver(
        listen_port=0,
        published=str(folder / "published"),
        statements=str(folder / "statements"),
        lookup_url=Secret(crm),
        sites=(AskingSite(site="west", contact_centers=("acme",), secret=SECRET),),
        lookups=(balance,),
    )
    site = Site(site_id="acme", switch_id="acme-1")
    return Config(site=site, roles=(Role.APPSERVER,), state_dir=str(folder / "acme"), appserver=server)


def test_a_caller_is_told_what_the_remote_centers_database_knows(acme: Acme) -> None:
    acme.publish("1", "hello")
    until(lambda: acme.serves("1"), 10)
    call = acme.call_in(WaitFor("hello"), Press("1"))
    acme.wait_for_outcomes("self_served")
    assert call.timeline.heard("say number 250")
    acme.assert_nothing_left()


def test_who_is_in_the_application_when_it_changes_ends_with_the_version_begun(acme: Acme) -> None:
    acme.publish("1", "hello")
    until(lambda: acme.serves("1"), 10)
    first = acme.call_in(WaitFor("hello"), Wait(60), Press("1"))
    until(lambda: first.timeline.heard("hello"))
    acme.publish("2", "ask")
    until(lambda: acme.serves("2"), 10)
    assert acme.outcomes() == []
    second = acme.call_in(WaitFor("ask"), Wait(0.4), Press("1"))
    acme.wait_for_outcomes("self_served", "self_served")
    assert (first.timeline.heard("hello"), first.timeline.heard("ask")) == (True, False)
    assert (second.timeline.heard("hello"), second.timeline.heard("ask")) == (False, True)
    acme.assert_nothing_left()


def test_with_the_remote_center_gone_callers_are_served_by_what_was_fetched(acme: Acme) -> None:
    acme.publish("1", "hello")
    until(lambda: acme.serves("1"), 10)
    assert acme.remote.appserver is not None
    acme.remote.appserver.stop()
    acme.west.stop()
    acme.west.start()  # its process and its switch begin anew, from the shelf
    call = acme.call_in(WaitFor("hello"), Wait(0.4), Press("1"))
    acme.wait_for_outcomes("transferred")
    assert call.timeline.heard("hello")
    until(lambda: "unreachable" in {row.state for row in ApplicationVersions(acme.store.database).all()})


def test_a_bundle_that_was_tampered_with_never_reaches_a_caller(acme: Acme) -> None:
    acme.publish("1", "hello")
    until(lambda: acme.serves("1"), 10)
    acme.publish("2", "ask")
    path = acme.folder / "published" / "orders" / "2.fsapp"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    refused = "select message from fsroute.application_version where state = 'refused'"
    until(lambda: len(acme.query(refused)) == 2, 10)
    call = acme.call_in(WaitFor("hello"), HangUp())
    acme.wait_for_outcomes("abandoned")
    assert not call.timeline.heard("ask")


def test_an_application_that_is_for_other_numbers_answers_no_call_to_this_one(
    acme: Acme, caplog: pytest.LogCaptureFixture
) -> None:
    acme.publish("1", "hello", numbers=("8005550199",))
    until(lambda: acme.serves("1"), 10)
    call = acme.call_in(Wait(60))
    acme.wait_for_outcomes("failed")
    assert not call.timeline.heard("hello")
    said = [each.getMessage() for each in caplog.records if "8005550100" in each.getMessage()]
    assert len(said) == 1
    assert "of number 8005550100 is not for it: version 1 names other numbers contact=" in said[0]
    acme.publish("2", "hello", numbers=("+1 800 555 0100".replace(" ", ""),))
    until(lambda: acme.serves("2"), 10)
    acme.call_in(WaitFor("hello"), Wait(0.4), Press("1"))
    acme.wait_for_outcomes("failed", "self_served")
