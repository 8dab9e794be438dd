"""What a local site does with what a remote center publishes, over real sockets."""

from __future__ import annotations

import gc
import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import gevent
import pytest
from gevent.server import StreamServer

from fsroute.callserver.remote import Remote
from fsroute.callserver.shelf import Incoming
from fsroute.ivr import Application, load
from tests.integration.appserver.center import READING, Center, LocalSite
from tests.waiting import until

Site = Callable[..., LocalSite]


def test_what_is_published_serves(center: Center, site: Site) -> None:
    center.start()
    center.publish("1")
    north = site()
    north.check()
    assert north.version() == "1"
    assert north.library["orders"].contact_center == "blue"
    status = north.told["orders"]
    assert (status.state, status.message, status.contact_center) == ("serving", "", "blue")
    assert status.known is not None
    assert (status.known.sequence, status.known.numbers) == (1, ("8005550100",))
    assert north.told[""].state == "serving"


def test_what_is_known_is_not_sent_again(center: Center, site: Site) -> None:
    center.start()
    center.publish("1")
    north = site()
    north.check()
    (center.folder / "orders.fsapp").unlink()  # nobody could send it
    north.check()
    assert north.told["orders"].state == "serving"
    source = north.downloads._sources[0]
    tag = {"If-None-Match": f'"{source._tag}"'}
    assert source.remote.ask("GET", "/v1/applications", timeout=5, limit=1000, headers=tag).status == 304


def test_a_bundle_has_a_strong_tag_and_is_sent_by_condition(center: Center) -> None:
    center.start()
    center.publish("1")
    remote = Remote(center.source())
    whole = remote.ask("GET", "/v1/applications/orders", timeout=5, limit=10_000)
    assert (whole.status, whole.tag) == (200, whole.sha256)
    known = {"If-None-Match": f'"{whole.tag}"'}
    same = remote.ask("GET", "/v1/applications/orders", timeout=5, limit=10_000, headers=known)
    assert (same.status, same.body, same.tag) == (304, b"", whole.tag)
    head = remote.ask("HEAD", "/v1/applications/orders", timeout=5, limit=10_000)
    assert (head.status, head.body) == (200, b"")
    assert head.headers["content-length"] == str(len(whole.body))
    assert (head.headers["fsroute-version"], head.headers["fsroute-sequence"]) == ("1", "1")


def test_a_call_keeps_the_version_it_began_with_and_the_next_has_the_new_one(
    center: Center, site: Site
) -> None:
    center.start()
    center.publish("1")
    north = site()
    north.check()
    call = north.library["orders"]
    center.publish("2")
    north.check()
    assert (call.version, north.version()) == ("1", "2")
    assert (call.folder / "application.toml").is_file()
    assert len(north.folders()) == 2
    del call
    gc.collect()
    north.check()
    assert [name.partition("-")[0] for name in north.folders()] == ["2"]


def test_what_another_process_of_the_host_may_serve_is_not_thrown_away(center: Center, site: Site) -> None:
    center.start()
    center.publish("1")
    north, another = site(), site()
    north.check()
    another.check()
    center.publish("2")
    gc.collect()
    another.check()
    assert (north.version(), another.version()) == ("1", "2")
    assert (north.library["orders"].folder / "application.toml").is_file()
    north.stop()
    another.check()
    assert [name.partition("-")[0] for name in another.folders()] == ["2"]


def test_after_a_restart_the_shelf_serves_without_any_network(center: Center, site: Site) -> None:
    center.start()
    center.publish("1")
    north = site()
    north.check()
    fetched_at = north.told["orders"].known.fetched_at  # type: ignore[union-attr]
    center.stop()
    again = site()
    assert again.version() == "1"
    again.check()
    status = again.told["orders"]
    assert (status.state, again.version()) == ("unreachable", "1")
    assert status.known is not None
    assert status.known.fetched_at == fetched_at
    assert "Connection refused" in again.told[""].message


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"signature": "bad"}, "the signature is wrong"),
        ({"text": "name ="}, "is not TOML"),
        ({"text": "name = 'orders'"}, "field `version` is missing"),
        ({"version": "3"}, "version 3 is in the bundle, 2 was offered"),
        ({"name": "other"}, "name other is in the bundle, orders was offered"),
        ({"padding": "x" * 60_000}, "bytes, 50000 at most are taken"),
        ({"contact_center": "green"}, "contact_center green is in the bundle, blue was offered"),
    ],
)
def test_a_bundle_that_is_not_good_is_refused_and_the_last_good_one_serves(
    center: Center, site: Site, changed: dict[str, Any], message: str
) -> None:
    center.start()
    center.publish("1")
    north = site(max_size=50_000)
    north.check()
    center.publish("2", inside=changed)
    north.check()
    assert north.version() == "1"
    status = north.told["orders"]
    assert message in status.message
    assert status.state == "refused"
    assert status.known is not None
    assert status.known.version == "1"
    assert site().version() == "1"  # after a restart, too
    assert len(north.folders()) == 1


def test_a_bundle_whose_steps_are_faulty_is_refused_with_file_and_step(center: Center, site: Site) -> None:
    center.start()
    north = site()
    text = 'name="orders"\nversion="1"\nstart="bye"\nlanguages=["en"]\n[sorry]\nprompt="sorry"\n'
    center.publish("1", text=text + '[steps.bye]\ndo="hang_up"\ncolour="red"\n')
    north.check()
    assert north.version() is None
    assert "step bye: unknown field `colour`" in north.told["orders"].message


def test_a_bundle_that_shows_a_fault_of_ours_keeps_no_other_from_serving(
    center: Center, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    center.start()
    center.publish("1", "bad")
    center.publish("1", "orders")
    north = site()

    def load_or_fail(folder: Path) -> Application:
        if folder.parent.name == "bad":
            raise RuntimeError
        return load(folder)

    north.downloads._reading = replace(READING, load=load_or_fail)
    north.check()
    assert north.version("orders") == "1"
    assert (north.told["bad"].state, north.told["bad"].message) == (
        "refused",
        "cannot be taken: RuntimeError",
    )
    assert north.folders("bad") == []


def test_a_refused_bundle_is_not_fetched_again_at_once_but_a_new_one_is(center: Center, site: Site) -> None:
    center.start()
    center.publish("1", signature="bad")
    north = site()
    north.check()
    (center.folder / "orders.fsapp").unlink()
    north.check()
    assert north.told["orders"].message == "the signature is wrong"
    center.publish("1.1")
    north.check()
    assert north.version() == "1.1"


def test_an_older_version_comes_back_only_by_being_published_again(center: Center, site: Site) -> None:
    center.start()
    center.publish("1")
    center.publish("2")
    north = site()
    north.check()
    center.publish("1", sequence=1)
    north.check()
    assert north.version() == "2"
    assert "older than sequence 2, which serves" in north.told["orders"].message
    center.publish("1", sequence=3)
    north.check()
    assert north.version() == "1"


def test_a_version_that_changes_without_being_published_is_refused(center: Center, site: Site) -> None:
    center.start()
    center.publish("1")
    north = site()
    north.check()
    center.publish("1", sequence=1, padding="changed")
    north.check()
    assert "changed without being published again" in north.told["orders"].message


def test_an_application_of_another_contact_center_is_not_even_shown(center: Center, site: Site) -> None:
    center.start()
    center.publish("1", contact_center="green")
    north = site(contact_centers=("blue", "green"))
    north.check()
    assert north.version() is None
    answer = north.downloads._sources[0].remote.ask("GET", "/v1/applications/orders", timeout=5, limit=10_000)
    assert answer.status == 404


def test_what_is_offered_no_more_serves_on(center: Center, site: Site) -> None:
    center.start()
    center.publish("1")
    north = site()
    north.check()
    center.withdraw("orders")
    north.check()
    assert (north.version(), north.told["orders"].state) == ("1", "withdrawn")


def test_what_was_refused_and_is_offered_no_more_is_forgotten(center: Center, site: Site) -> None:
    center.start()
    north = site()
    for number in range(3):
        center.publish("1", f"other-{number}", inside={"signature": "bad"})
        north.check()
        center.withdraw(f"other-{number}")
    north.check()
    assert north.downloads._sources[0].refused == {}
    assert {north.told[f"other-{number}"].state for number in range(3)} == {"gone"}


def test_a_bundle_that_was_changed_on_the_servers_disk_never_arrives(center: Center, site: Site) -> None:
    center.start()
    center.publish("1")
    north = site()
    path = center.folder / "orders.fsapp"
    path.write_text(path.read_text().replace("bye", "eye"))
    north.check()
    assert north.version() is None
    assert north.told["orders"].state == "unreachable"
    assert "not signed with the secret" in north.told["orders"].message


def test_a_site_with_another_secret_is_refused(center: Center, site: Site) -> None:
    from fsroute.config import Secret

    center.start()
    center.publish("1")
    south = site(secret=Secret("not the secret of north"))
    south.check()
    assert south.told[""].message.endswith(
        "refuses this site: its name, its secret or its clock is not as they must be"
    )


def test_a_record_of_the_shelf_that_is_damaged_is_passed_over(center: Center, site: Site) -> None:
    center.start()
    center.publish("1")
    north = site()
    north.check()
    (north.folder / "orders" / "accepted.json").write_text("{")
    (north.folder / "spare").mkdir()
    (north.folder / "spare" / "accepted.json").write_text(json.dumps({"name": "../orders"}))
    again = site()
    assert again.version() is None
    again.check()
    assert again.version() == "1"


def test_the_second_server_is_asked_when_the_first_is_gone(center: Center, site: Site) -> None:
    center.start()
    center.publish("1")
    north = site(urls=("http://127.0.0.1:9", center.url))
    north.check()
    assert north.version() == "1"


def test_a_signal_has_the_sources_asked_at_once(center: Center, tmp_path: Path) -> None:
    center.start()
    north = LocalSite(tmp_path / "shelf", center.source())
    north.start()
    until(lambda: "" in north.told)
    center.publish("1")
    north.downloads.signalled("orders", None)
    until(lambda: north.version() == "1")
    north.stop()


def test_what_is_published_is_told_within_a_second_or_two(center: Center) -> None:
    center.start()
    (center.folder / "spare").mkdir()
    other = Center(center.folder)
    other.publish("1")
    until(lambda: center.heard == ["orders"])


def test_two_centers_cannot_take_each_others_names(center: Center, tmp_path: Path) -> None:
    green = Center(tmp_path / "green")
    try:
        center.start()
        green.start(contact_centers=("green",))
        center.publish("1")
        green.publish("9", contact_center="green")
        north = LocalSite(
            tmp_path / "shelf",
            center.source(),
            green.source(name="green-center", contact_centers=("green",)),
        )
        north.downloads._shelf.open()
        north.check()
        assert north.version() == "1"
        told = north.told["orders"]
        assert told.message.endswith("the name is taken by contact center blue")
        north.stop()
    finally:
        green.stop()


def test_calls_go_on_while_a_bundle_is_fetched(center: Center, site: Site) -> None:
    center.start()
    center.publish("1", padding="x" * 5_000_000)
    north = site()
    looking = gevent.spawn(north.check)
    beats = 0
    while not looking.ready():
        gevent.sleep(0.001)
        beats += 1
    looking.get()
    assert north.version() == "1"
    assert beats > 5


@pytest.fixture
def impostor() -> Iterator[Callable[[Callable[[Any], None]], str]]:
    """A server in the place of the center's: it may do what it likes, but knows no secret."""
    servers = []

    def start(behave: Callable[[Any], None]) -> str:
        def handle(connection: Any, address: object) -> None:
            connection.recv(65_536)
            with suppress(OSError):
                behave(connection)

        server = StreamServer(("127.0.0.1", 0), handle)
        server.start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.stop(0)


def endless(peer: Any) -> None:
    peer.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
    while True:
        peer.sendall(b"x" * 10_000)


def forged(peer: Any) -> None:
    body = (
        b'[{"name":"orders","version":"9","sequence":9,"contact_center":"blue","size":1,'
        b'"sha256":"' + b"0" * 64 + b'"}]'
    )
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nFsroute-Answer: {'0' * 64}\r\n\r\n"
    peer.sendall(head.encode() + body)


@pytest.mark.parametrize(
    ("behave", "message"),
    [
        (endless, "sends more than 1000000 bytes"),
        (forged, "is not signed with the secret"),
        (lambda peer: peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n[]"), "ended after 2 of 9"),
        (lambda peer: peer.sendall(b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"), "is not signed"),
    ],
)
def test_whatever_stands_in_the_place_of_the_server_the_last_good_one_serves(
    center: Center,
    site: Site,
    impostor: Callable[[Callable[[Any], None]], str],
    behave: Callable[[Any], None],
    message: str,
) -> None:
    center.start()
    center.publish("1")
    site().check()
    north = site(urls=(impostor(behave),))
    north.check()
    assert (north.version(), north.told["orders"].state) == ("1", "unreachable")
    assert message in north.told["orders"].message


def test_a_download_that_takes_too_long_is_given_up_and_leaves_nothing(
    center: Center, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def drips(path: Path) -> Iterator[bytes]:
        for byte in path.read_bytes():
            yield bytes([byte])
            gevent.sleep(0.02)

    center.start()
    center.publish("1")
    monkeypatch.setattr("fsroute.appserver.service._pieces", drips)
    north = site(download_timeout=0.3)
    north.check()
    assert north.told["orders"].state == "unreachable"
    assert "did not answer in full within 0.3 s" in north.told["orders"].message
    assert list((north.folder / ".incoming").iterdir()) == []


def test_a_full_disk_is_said_and_the_last_good_one_serves(
    center: Center, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    center.start()
    center.publish("1")
    north = site()
    north.check()
    center.publish("2")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(north.downloads._shelf, "put", full)
    north.check()
    assert (north.version(), north.told["orders"].state) == ("1", "refused")
    assert "No space left on device" in north.told["orders"].message


def test_no_center_fills_the_disk_to_its_end(
    center: Center, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    center.start()
    center.publish("1")
    north = site()
    monkeypatch.setattr("fsroute.callserver.shelf.KEPT_FREE", 2**60)
    north.check()
    assert (north.version(), north.told["orders"].state) == (None, "refused")
    assert north.told["orders"].message.endswith(" bytes are free, 1152921504606846976 are kept free")


class AtItsEnd(Incoming):
    """Into a file that begins anew, but takes nothing."""

    def restart(self) -> None:
        pass


def test_a_disk_that_is_full_amid_a_download_is_not_the_servers_fault(
    center: Center, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    center.start()
    center.publish("1", padding="x" * 100_000)
    north = site()
    place = north.folder / ".incoming" / "here"

    def incoming(file_name: str) -> Incoming:
        place.mkdir()
        (place / file_name).symlink_to("/dev/full")
        return AtItsEnd(place / file_name)

    monkeypatch.setattr(north.downloads._shelf, "incoming", incoming)
    north.check()
    told = north.told["orders"]
    assert (told.state, told.message) == (
        "refused",
        f"{north.folder}/.incoming cannot be written: No space left on device",
    )
    assert not place.exists()
