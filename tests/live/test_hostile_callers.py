"""Callers who write commands, variables and dial strings into every field of an INVITE: nothing of it is done."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from tests import hostile
from tests.hostile import CANARY, CANARY_NAME, PWNED, on_the_wire
from tests.live.people import answers_at_once
from tests.live.sip import TALK, Call, Message, Phone
from tests.live.two_sites import ContactCenter, TwoSites
from tests.waiting import until

pytestmark = pytest.mark.live

Company = Callable[..., ContactCenter]


class HostileCall(Call):
    """A call each of whose fields holds `evil`, as far as SIP lets a caller write it."""

    def __init__(self, phone: Phone, target: str, port: int, evil: str) -> None:
        super().__init__(phone, f"{uuid4().hex}{_word(evil)}@live", target, port)
        self._evil = on_the_wire(evil)

    def invite(self, name: str) -> None:
        quoted = name.replace("\\", "\\\\").replace('"', '\\"')
        user = _user(self._evil)
        self._local = f'"{quoted}" <sip:{user}@127.0.0.1:{self.phone.port}>;tag={self._tag}'
        self._remote = f'"{quoted}" <{self._target}>'
        self._request("INVITE", self._sdp(TALK), self._headers(quoted, user))

    def _headers(self, quoted: str, user: str) -> str:
        long = self._evil[:200]
        return "".join(
            f"{name}: {value}\r\n"
            for name, value in (
                ("User-Agent", long),
                ("Subject", long),
                ("P-Asserted-Identity", f'"{quoted}" <sip:{user}@evil.example>'),
                ("Remote-Party-ID", f'"{quoted}" <sip:{user}@evil.example>;party=calling;privacy=off'),
                ("Diversion", f'"{quoted}" <sip:{user}@evil.example>;reason=unconditional'),
                ("X-fsroute_contact", str(uuid4())),
                ("X-fsroute_state", long),
                ("X-FS-Support", long),
                ("P-Charge-Info", f"<sip:{user}@evil.example>"),
                ("Call-Info", f"<sip:{user}@evil.example>;answer-after=0"),
                ("Alert-Info", long),
            )
        )

    def _sdp(self, direction: str) -> str:
        return super()._sdp(direction).replace("s=-", f"s={self._evil[:200]}")

    def info(self, body: str) -> None:
        """A digit by INFO, or what should be one."""
        self._request("INFO", body, "Content-Type: application/dtmf-relay\r\n")


def _word(text: str) -> str:
    """What Call-ID may hold (RFC 3261, 25.1: word)."""
    return re.sub(r"[^A-Za-z0-9.!%*_+`'~()<>:\\\"/\[\]?{}-]", "", on_the_wire(text))[:120]


def _user(text: str) -> str:
    """What a SIP user part may hold; the rest escaped."""
    return "".join(
        c if re.match(r"[A-Za-z0-9_.!~*'()&=+$,;?/-]", c) else f"%{ord(c):02X}" for c in text if ord(c) < 128
    )[:300]


class HostilePhone(Phone):
    def __init__(self, evil: str) -> None:
        super().__init__("5551234")
        self._evil = evil

    def call(self, number: str, port: int, name: str = "") -> HostileCall:
        call = HostileCall(self, f"sip:{number}@127.0.0.1:{port}", port, self._evil)
        self._keep(call)
        call.invite(name or on_the_wire(self._evil))
        return call

    def send(self, text: str, to: tuple[str, int]) -> None:
        self._socket.sendto(text.encode("utf-8", "surrogateescape"), to)


@pytest.fixture
def mark(two_sites: TwoSites, tmp_path: Path) -> Iterator[Path]:
    """The file that nobody may make; the canary is set before, and afterwards nobody has done anything."""
    for switch in two_sites.switches:
        switch.api(f"global_setvar {CANARY_NAME}={CANARY}")
    logs = {run: len(run.log()) for run in (two_sites.west_run, two_sites.east_run)}
    yield tmp_path / "mark"
    assert not (tmp_path / "mark").exists()
    for switch in two_sites.switches:
        assert switch.api(f"global_getvar {PWNED}").strip() in ("", "-ERR no reply")
    for run, before in logs.items():
        written = run.log()[before:]
        assert CANARY not in written
        assert "Traceback" not in written, written[-3000:]
        assert all(line.isprintable() for line in written.split("\n")), (
            "what was written breaks a line or a terminal"
        )


def hostile_call(acme: ContactCenter, evil: str) -> HostileCall:
    phone = HostilePhone(evil)
    acme.phones.append(phone)
    call = phone.call(acme.number, acme.sites.west.ports.callers)
    until(lambda: call.is_answered() or call.is_over(), 10)
    return call


def _shown(invite: Message) -> str:
    """All that the agent's telephone was sent, without its own address."""
    return "\n".join(f"{name}: {value}" for name, value in invite.headers) + invite.body


@pytest.mark.parametrize("name", hostile.TEXTS)
def test_nothing_that_a_caller_writes_is_done(
    company: Company, two_sites: TwoSites, mark: Path, name: str
) -> None:
    evil = hostile.text(name, str(mark))
    acme = company("straight")
    agent = acme.agent("ann", Phone("1001", answers_at_once, 700))
    caller = hostile_call(acme, evil)
    if not caller.is_answered():
        assert caller.ended_by in ("400", "404", "413", "414", "416", "480", "484", "488", "513"), (
            "the switch refused it"
        )
        return
    row = acme.until_state("bridged")
    invite = agent.latest().offer
    assert invite is not None
    shown = _shown(invite)
    assert CANARY not in shown
    assert "x-injected" not in shown.lower()
    assert "fsroute_contact" not in shown
    (known,) = acme.sites.query(
        "select to_jsonb(h) as known, c.number_called from contact_personal h join contact c using (contact_id)"
        " where c.contact_center_id = %s", acme.name,
    )  # fmt: skip
    assert CANARY not in str(known)
    assert known["number_called"] == acme.number
    dialled = [each.offer for each in agent.calls]
    assert len(dialled) == 1, "the agent's dial string led to one telephone"
    assert row["contact_id"]
    caller.hang_up()
    acme.until_outcomes("served")


def test_digits_by_info_that_are_none_are_taken_for_none(company: Company, mark: Path) -> None:
    acme = company("orders")
    caller = hostile_call(acme, "Bob")
    assert caller.is_answered()
    until(lambda: not caller.media.is_silent(), 10)
    for evil in hostile.TEXTS:
        body = hostile.text(evil, str(mark)).replace("\n", " ").replace("\r", " ")
        caller.info(f"Signal={body[:400]}\r\nDuration=160\r\n")
    caller.info("Signal=\xff\x00\r\n")
    caller.press("1")
    acme.until_step("order_number")
    caller.hang_up()
    acme.until_outcomes("self_served")


def test_bytes_that_are_no_utf_8_and_zero_bytes_do_no_harm(company: Company, mark: Path) -> None:
    """Sent as they are: FreeSWITCH takes such a call or does not, and fsroute goes on with the next."""
    acme = company("straight")
    acme.agent("ann", Phone("1001", answers_at_once, 700))
    for evil in ("Z\udce4\udcff\udcc3(", "a\udc80" * 50):
        phone = HostilePhone("Bob")
        acme.phones.append(phone)
        call = phone.call(acme.number, acme.sites.west.ports.callers, evil)
        until(lambda call=call: call.is_answered() or call.is_over(), 10)  # type: ignore[misc]
        if call.is_answered():
            acme.until_state("bridged")
            call.hang_up()
            call.until_over()
            acme.until(lambda: acme.live() == 0, 10)
    good = acme.waiting_call() if False else acme.call()
    acme.until_state("bridged")
    good.hang_up()
    acme.until(lambda: acme.live() == 0, 10)
