"""The doctor at a stand-in switch with a real call server and a real database; and where nothing answers."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import gevent
import pytest
from gevent import socket
from gevent.server import DatagramServer, StreamServer
from psycopg.conninfo import make_conninfo

from fsroute.app import App
from fsroute.config import Config, parse
from fsroute.doctor import asking, certificates, sip
from fsroute.doctor.checks import chosen, examine
from fsroute.doctor.examining import Limits, Sources, collect, within
from fsroute.doctor.facts import ApplicationFacts, DatabaseFacts, Facts, Missing, SwitchFacts
from fsroute.doctor.finding import State
from fsroute.install.render import render_dialplans
from fsroute.install.settings import DialplanSettings
from fsroute.switchsim import Network, Options, Switch
from tests.fix_database import perform
from tests.ports import free_port
from tests.waiting import until

CENTER = """
insert into fsroute.contact_center values ('acme', 'Acme');
insert into fsroute.number_called values ('8005550100', 'acme', 'orders');
insert into fsroute.queue (contact_center_id, queue) values ('acme', 'support');
"""
CONFIGURATION = """
state_dir = "{folder}"
roles = ["callserver", "coordinator", "acd"]
[site]
site_id = "west"
switch_id = "west-1"
[database]
url = "{conninfo}"
pool_max = 4
[event_socket]
port = {switch}
password = "{password}"
[callserver]
listen_port = {callserver}
[links]
address = "127.0.0.1:5090"
"""
QUICK = Limits(host=20.0, database=20.0, switch=20.0, elsewhere=20.0)
SILENT = Limits(host=20.0, database=1.0, switch=1.0, elsewhere=1.0)


def no_rules(_database: object) -> tuple[None, tuple[()]]:
    return None, ()


SOURCES = Sources(no_rules, lambda: ApplicationFacts(frozenset({"orders"})))


class Site:
    """A stand-in switch whose dialplan leads to a call server."""

    def __init__(self, folder: Path, conninfo: str) -> None:
        self.callserver = free_port()
        self._folder, self._conninfo = folder, conninfo
        settings = DialplanSettings(numbers=("8005550100",), callservers=(f"127.0.0.1:{self.callserver}",))
        texts = render_dialplans(settings)
        public = texts.pop("public/00_fsroute.xml").replace("<include>", '<include><context name="public">')
        self.texts = {**texts, "public": public.replace("</include>", "</context></include>")}
        self.switch = self.new_switch()
        self.app: App | None = None

    def new_switch(self, **options: object) -> Switch:
        network = Network(seed=3, speed=20.0)
        text = "<include>" + "".join(_inside(each) for each in self.texts.values()) + "</include>"
        made = Options(event_latency=0, state_delay=0.002, password="not-the-default", **options)  # type: ignore[arg-type]
        return Switch("west-1", network, dialplan=text, options=made)

    def config(self, password: str = "not-the-default") -> Config:
        return parse(
            CONFIGURATION.format(
                folder=self._folder, conninfo=self._conninfo, switch=self.switch.port,
                callserver=self.callserver, password=password,
            )
        )  # fmt: skip

    def start(self) -> None:
        self.switch.start()
        self.app = App(self.config(), self._conninfo)
        self.app.start()
        app = self.app
        until(
            lambda: (
                app.link is not None and app.link.core_uuid and app.coordinator and app.coordinator.is_leader
            ),
            20,
        )

    def stop(self) -> None:
        if self.app is not None:
            self.app.stop()
        self.switch.stop()


def _inside(text: str) -> str:
    return text[text.index("<include>") + len("<include>") : text.rindex("</include>")]


@pytest.fixture
def site(tmp_path: Path, conninfo: str) -> Iterator[Site]:
    perform(conninfo, CENTER)
    made = Site(tmp_path, conninfo)
    yield made
    made.stop()


def states(facts: Facts, *names: str) -> dict[str, State]:
    return {each.check: each.state for each in examine(facts, chosen(names))}


def test_a_call_through_the_dialplan_comes_to_the_call_server_and_leaves_nothing_behind(site: Site) -> None:
    site.start()
    facts = collect(site.config(), None, SOURCES, QUICK)
    assert isinstance(facts.switch, SwitchFacts)
    assert facts.switch.route == "RESPONSE_TO_STATUS_ENQUIRY"
    ours = ["contexts", "numbers", "sockets", "test-route", "modules"]
    wanted = [*ours, "ports", "database-reached", "migrations", "leader"]
    assert states(facts, *wanted) == dict.fromkeys(wanted, State.OK)
    assert site.app is not None
    assert site.app.store.database.value("doctor_agents") == 0
    until(lambda: not site.switch.channels, 5)


def test_a_call_server_that_does_not_run_fails_the_test_route(site: Site) -> None:
    site.switch.start()
    facts = collect(site.config(), None, SOURCES, QUICK)
    assert isinstance(facts.switch, SwitchFacts)
    assert facts.switch.route == "NETWORK_OUT_OF_ORDER"
    assert states(facts, "test-route", "leader") == {"test-route": State.FAILED, "leader": State.FAILED}


def test_a_wrong_password_is_told_and_no_other_question_asked(site: Site) -> None:
    site.switch.start()
    facts = collect(site.config("wrong"), None, SOURCES, QUICK)
    assert isinstance(facts.switch, Missing)
    assert facts.switch.kind == "password"
    assert states(facts, "switch")["event-socket"] is State.FAILED


def test_modules_and_contexts_that_are_missing_are_seen(site: Site) -> None:
    del site.texts["fsroute_desk.xml"]
    site.switch = site.new_switch(missing_modules=frozenset({"spy"}))
    site.switch.start()
    facts = collect(site.config(), None, SOURCES, QUICK)
    found = {each.check: each.finding for each in examine(facts, chosen(["modules", "contexts"]))}
    assert found == {"modules": "not loaded: mod_spy", "contexts": "the dialplan has no context fsroute_desk"}


# Nothing hangs ---------------------------------------------------------------------------------------------


@pytest.fixture
def silent() -> Iterator[int]:
    """A port where connections are taken and nothing is ever said."""
    server = StreamServer(("127.0.0.1", 0), lambda _sock, _address: gevent.sleep(60))
    server.start()
    yield int(server.server_port or 0)
    server.stop(timeout=0)


def test_a_switch_and_a_database_that_say_nothing_are_given_up(silent: int, tmp_path: Path) -> None:
    text = CONFIGURATION.format(
        folder=tmp_path, conninfo=f"host=127.0.0.1 port={silent} user=x dbname=x", switch=silent,
        callserver=free_port(), password="x",
    )  # fmt: skip
    began = time.monotonic()
    facts = collect(parse(text), None, SOURCES, SILENT)
    assert time.monotonic() - began < 15
    assert facts.database == Missing("the database: no answer within 1 s", "slow")
    assert isinstance(facts.switch, Missing)
    assert states(facts, "database-reached", "event-socket") == {
        "database-reached": State.FAILED,
        "event-socket": State.FAILED,
    }


def test_a_part_that_fails_is_a_finding_and_no_error() -> None:
    def fail() -> int:
        raise RuntimeError("the disk is on fire")

    assert within(5, "this host", fail) == Missing("this host: RuntimeError: the disk is on fire", "slow")


def test_a_database_of_fsroute_s_own_that_does_not_run_is_told_and_not_started(tmp_path: Path) -> None:
    config = parse(f'state_dir = "{tmp_path}"\nroles = ["coordinator"]')
    facts = collect(config, None, SOURCES, QUICK)
    assert isinstance(facts.database, Missing)
    assert facts.database.kind == "stopped"
    assert not (tmp_path / "postgres").exists()


def test_a_database_without_our_schema_is_told_from_one_that_is_not_there(
    new_database: Callable[[str], str], tmp_path: Path
) -> None:
    conninfo = new_database("template1")
    config = parse(f'state_dir = "{tmp_path}"\nroles = ["coordinator"]\n[database]\nurl = "{conninfo}"')
    facts = collect(config, None, SOURCES, QUICK)
    assert isinstance(facts.database, DatabaseFacts)
    assert facts.database.missing_migrations[0] == "0001_first"
    assert states(facts, "migrations", "leader") == {"migrations": State.FAILED, "leader": State.SKIPPED}
    absent = make_conninfo(conninfo, dbname="fsroute_is_not_there")
    config = parse(f'state_dir = "{tmp_path}"\nroles = ["coordinator"]\n[database]\nurl = "{absent}"')
    facts = collect(config, None, SOURCES, QUICK)
    assert isinstance(facts.database, Missing)
    assert "fsroute_is_not_there" in facts.database.reason


# Elsewhere ---------------------------------------------------------------------------------------------------


def test_another_switch_is_asked_again_until_it_answers() -> None:
    """The first request is lost."""
    heard: list[bytes] = []

    def handle(data: bytes, address: tuple[str, int]) -> None:
        heard.append(data)
        via = next(line for line in data.split(b"\r\n") if line.startswith(b"Via:"))
        if len(heard) > 1:
            server.sendto(b"SIP/2.0 200 OK\r\n" + via + b"\r\nCSeq: 1 OPTIONS\r\n\r\n", address)

    server = DatagramServer(("127.0.0.1", 0), handle)  # type: ignore[arg-type]  # the stubs know streams only
    server.start()
    try:
        answer = sip.ask("east-1", f"127.0.0.1:{server.server_port}", patience=10.0)
    finally:
        server.stop()
    assert (answer.status, answer.fault) == ("200 OK", "")
    assert len(heard) > 1


def test_a_switch_that_is_not_there_is_told_by_the_kernel_or_by_silence() -> None:
    assert "refused" in sip.ask("east-1", f"127.0.0.1:{free_port()}", patience=5.0).fault
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mute:
        mute.bind(("127.0.0.1", 0))
        answer = sip.ask("east-1", f"127.0.0.1:{mute.getsockname()[1]}", patience=0.3)
    assert answer.fault == "no answer to OPTIONS within 0.3 s"
    assert "no host:port" in sip.ask("east-1", "nowhere").fault


def test_certificates_are_read_from_files(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    place = tmp_path / "both.pem"
    place.write_bytes(_certificate(now + timedelta(days=90)) + _certificate(now + timedelta(days=9)))
    found = certificates.of_file(str(place))
    assert found.ends is not None
    assert (found.ends - now).days in (8, 9), "the one that ends first"
    (tmp_path / "none.pem").write_text("nothing")
    assert certificates.of_file(str(tmp_path / "none.pem")).ends is None
    assert "No such file" in certificates.of_file(str(tmp_path / "absent.pem")).fault
    assert "refused" in certificates.of_server(f"https://127.0.0.1:{free_port()}/x").fault


def _certificate(ends: datetime) -> bytes:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding

    key = Ed25519PrivateKey.generate()
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "east.example")])
    built = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    built = built.serial_number(1).not_valid_before(ends - timedelta(days=100)).not_valid_after(ends)
    return built.sign(key, None).public_bytes(Encoding.PEM)


def test_the_questions_name_nothing_that_ends_a_command_early(site: Site) -> None:
    """A name from the database or a file's path may hold anything."""
    site.switch.start()
    questions = asking.Questions(files=("/x\n\napi shutdown",))
    config = site.config()
    found = asking.switch(("127.0.0.1", site.switch.port), config.event_socket.password.reveal(), questions)
    assert isinstance(found, Missing)
    assert "line end" in found.reason
    shutil.rmtree(config.state_path, ignore_errors=True)
