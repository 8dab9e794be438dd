"""Network legs between two sites by TLS and SRTP, with session timers and one list of codecs."""

from __future__ import annotations

import re
import shutil
import socket
import ssl
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest
from psycopg.conninfo import make_conninfo

from tests.fix_certificates import Authority
from tests.fix_database import perform
from tests.live.conftest import until_all_is_over
from tests.live.figures import measured
from tests.live.people import answers_at_once
from tests.live.sip import Phone
from tests.live.sites import ContactCenter
from tests.live.two_sites import TwoSites
from tests.waiting import until

pytestmark = pytest.mark.live

CALLER, AGENT = 440, 700  # Hz
SESSION_TIMEOUT = 90  # seconds, the shortest that RFC 4028 has; it is refreshed at half of that
SUITE = "AES_CM_128_HMAC_SHA1_80"
OPTIONS = (
    b"OPTIONS sip:x@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TLS 127.0.0.1:9;branch=z9hG4bK1\r\nMax-Forwards: 1\r\n"
    b"From: <sip:a@b>;tag=1\r\nTo: <sip:x@127.0.0.1>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\n"
    b"Content-Length: 0\r\n\r\n"
)
DIAL = (
    f"[absolute_codec_string=PCMA,rtp_secure_media=mandatory:{SUITE}]"
    "sofia/fsroute_link/{token}@{address};transport=tls"
)


class SecureSites(TwoSites):
    """Two sites whose links have certificates of one authority."""

    def __init__(self, program: Path, folder: Path, database: str) -> None:
        super().__init__(program, folder, database)
        authority = Authority(folder)
        self.authority = authority
        for place in self.places.values():
            certificates = folder / f"{place.switch.name}-tls"
            certificates.mkdir()
            certificate, key = authority.issue(place.switch.name)
            (certificates / "agent.pem").write_bytes(certificate.read_bytes() + key.read_bytes())
            shutil.copy(authority.certificate, certificates / "cafile.pem")
            place.switch.secure_links(certificates, ("PCMA",), SESSION_TIMEOUT)
            text = place.run.configuration.read_text()
            place.run.configuration.write_text(f"{text}\n[links]\ndial_string = '{DIAL}'\n")


@pytest.fixture(scope="module")
def secure(program: Path, postgres: str, migrated_template: str) -> Iterator[SecureSites]:
    folder = Path(tempfile.mkdtemp(prefix="fsroute-secure-"))
    perform(postgres, f"create database fsroute_secure template {migrated_template}")
    sites = SecureSites(program, folder, make_conninfo(postgres, dbname="fsroute_secure"))
    try:
        sites.start()
        yield sites
    finally:
        sites.stop()
        perform(postgres, "drop database if exists fsroute_secure with (force)")
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def company(secure: SecureSites) -> Iterator[Callable[..., ContactCenter]]:
    made: list[ContactCenter] = []

    def make() -> ContactCenter:
        made.append(secure.contact_center("straight"))
        return made[-1]

    yield make
    for center in made:
        for phone in center.phones:
            for call in phone.calls:
                call.hang_up()
    until_all_is_over(secure, made)
    for center in made:
        for phone in center.phones:
            phone.close()


def test_a_network_leg_is_by_tls_and_srtp_and_both_hear_each_other(
    company: Callable[..., ContactCenter], secure: SecureSites
) -> None:
    acme = company()
    agent_phone = acme.agent("ann", Phone("1001", answers_at_once, AGENT))
    caller = acme.call(frequency=CALLER)
    row = acme.until_state("bridged", 20)
    agent = agent_phone.latest()
    until(lambda: caller.media.hears(AGENT) and agent.media.hears(CALLER), 10)
    for switch, uuid in ((secure.west, row["network_leg_uuid"]), (secure.east, row["rendezvous_uuid"])):
        dump = unquote(switch.api(f"uuid_dump {uuid}"))
        assert "SIP/2.0/TLS" in dump, dump
        assert switch.variable(uuid, "rtp_has_crypto") == SUITE, dump
        assert re.findall(r"m=audio \d+ (\S+)", switch.variable(uuid, "rtp_local_sdp_str")) == ["RTP/SAVP"]
        assert switch.variable(uuid, "read_codec") == "PCMA"
    measured("network leg by TLS and SRTP: from the call's arrival to the talk",
             (row["bridged_at"] - row["arrived_at"]).total_seconds())  # fmt: skip
    agent.hang_up()
    acme.until_outcomes("served")


def test_a_talk_that_goes_on_is_refreshed_by_the_session_timer(
    company: Callable[..., ContactCenter], secure: SecureSites
) -> None:
    acme = company()
    agent_phone = acme.agent("ann", Phone("1001", answers_at_once, AGENT))
    secure.west.api("sofia tracelevel info")
    secure.west.api("sofia profile fsroute_link siptrace on")
    caller = acme.call(frequency=CALLER)
    acme.until_state("bridged", 20)
    agent = agent_phone.latest()
    until(lambda: caller.media.hears(AGENT) and agent.media.hears(CALLER), 10)
    said = secure.west.log()
    assert re.findall(r"Session-Expires: (\d+);refresher=ua[cs]", said), "it is agreed on in the 200"
    talking_since = time.time()
    until(lambda: _refreshed(secure.west.log()[len(said) :]), SESSION_TIMEOUT)
    measured(
        "network leg: from the talk's beginning to the session timer's refresh", time.time() - talking_since
    )
    secure.west.api("sofia profile fsroute_link siptrace off")
    assert acme.until_state("bridged", 5)
    assert caller.media.hears(AGENT)
    agent.hang_up()
    acme.until_outcomes("served")


def _refreshed(log: str) -> bool:
    """A request within the dialog was sent or came that keeps the session alive, and was answered so."""
    requests = re.findall(r"(?:INVITE|UPDATE) sip:\S+ SIP/2\.0", log)
    return bool(requests) and f"Session-Expires: {SESSION_TIMEOUT}" in log


def test_a_link_takes_nobody_without_a_certificate_of_the_authority(
    secure: SecureSites, tmp_path: Path
) -> None:
    port = secure.east.ports.link
    stranger = Authority(tmp_path, "a stranger")
    certificate, key = stranger.issue("west-1")
    for shown in (None, (certificate, key)):
        context = ssl.create_default_context(cafile=str(secure.authority.certificate))
        context.check_hostname = False
        if shown is not None:
            context.load_cert_chain(*shown)
        with pytest.raises((ssl.SSLError, OSError)):
            _options(context, port)


def test_a_link_answers_nobody_in_the_clear(secure: SecureSites) -> None:
    assert "tls" in secure.east.api("sofia status profile fsroute_link").lower()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as clear:
        clear.settimeout(0.5)
        clear.connect(("127.0.0.1", secure.east.ports.link))
        assert _is_refused(clear)


def _is_refused(clear: socket.socket) -> bool:
    try:
        clear.send(OPTIONS)
        return not clear.recv(1000)
    except OSError:  # nobody listens there, or says nothing
        return True


def _options(context: ssl.SSLContext, port: int) -> bytes:
    with socket.create_connection(("127.0.0.1", port), 5) as plain, context.wrap_socket(plain) as stream:
        stream.settimeout(5.0)
        stream.sendall(OPTIONS)
        answer = stream.recv(1000)
        if not answer:
            raise OSError("hung up on")
        return answer
