"""Agents dial feature codes at a real switch: log-on with a PIN, break, ready, outcome code, status."""

from __future__ import annotations

import itertools
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from fsroute.agentdesk import pin as pins
from tests.live.figures import measured
from tests.live.freeswitch import FEATURE_NUMBER, PHONES, FreeSwitch, phone_password
from tests.live.people import answers_at_once
from tests.live.sip import Call, Phone
from tests.live.test_one_call import AGENT, CALLER, until_they_hear_each_other
from tests.live.two_sites import ContactCenter, TwoSites
from tests.waiting import until

pytestmark = pytest.mark.live

Company = Callable[..., ContactCenter]
PIN = "246813"

_extensions = iter(PHONES)


@dataclass
class Dialler:
    """An agent at a registered phone, and what the agent dials."""

    acme: ContactCenter
    switch: FreeSwitch
    extension: str
    phone: Phone
    agent_id: str
    entries: dict[str, int] = field(default_factory=dict)

    def dial(self, number: str) -> Call:
        call = self.phone.call(number, self.switch.ports.agents)
        call.until_answered()
        return call

    def key(self, call: Call, digits: str) -> None:
        """Key an entry once it is asked for."""
        number = self.entries[call.call_id] = self.entries.get(call.call_id, 0) + 1
        until(lambda: f"fsroute_keyed_{number} " in self._current(call), 15)
        call.press(digits)

    def do(self, number: str, *entries: str) -> Call:
        """Dial, key what is asked for, and listen to the end."""
        call = self.dial(number)
        for digits in entries:
            self.key(call, digits)
        call.until_over(20)
        assert call.ended_by == "them"
        return call

    def _current(self, call: Call) -> str:
        return self.switch.variable(self.channel(call), "current_application_data")

    def channel(self, call: Call) -> str:
        """The channel at the switch of a call that this phone made."""
        for line in self.switch.api("show channels").splitlines():
            uuid = line.partition(",")[0]
            if len(uuid) == 36 and self.switch.variable(uuid, "sip_call_id") == call.call_id:
                return uuid
        return ""

    def row(self) -> dict[str, Any]:
        [row] = self.acme.sites.query("select * from agent_state where agent_id = %s", self.agent_id)
        return row

    def events(self, kind: str) -> list[dict[str, Any]]:
        rows = self.acme.sites.query(
            "select data from agent_event where agent_id = %s and kind = %s order by event_id",
            self.agent_id,
            kind,
        )
        return [row["data"] for row in rows]


@pytest.fixture
def ann(company: Company, two_sites: TwoSites) -> Dialler:
    """Ann is logged out, and sits at a phone that registers at east; her PIN is set."""
    acme = company()
    extension = next(_extensions)
    phone = Phone(extension, answers_at_once, AGENT, phone_password(extension))
    acme.agent("ann", phone, extension=extension, wrap_up=60)
    agent_id = f"{acme.name}-ann"
    two_sites.store.duty.log_off(agent_id)
    two_sites.store.duty.set_pin(agent_id, pins.encode(PIN, secrets.token_bytes(16)))
    acme.sites.execute("insert into outcome_code values (%s, '17', 'order placed')", acme.name)
    return Dialler(acme, two_sites.east, extension, phone, agent_id)


def test_an_agents_day_by_dialled_codes(ann: Dialler) -> None:
    began = time.monotonic()
    call = ann.do("*50", f"{PIN}#")
    measured("log-on by a dialled code with a PIN, from the INVITE to the BYE", time.monotonic() - began)
    assert not call.media.is_silent(last=time.time() - call.answered_at), "prompts were heard"
    assert (ann.row()["status"], ann.row()["state"]) == ("available", "idle")
    ann.do("*522")
    assert (ann.row()["status"], ann.row()["status_reason"]) == ("on_break", "lunch")
    caller = ann.acme.waiting_call(frequency=CALLER)
    ann.do("*53")
    agent = ann.phone.latest()
    until(lambda: ann.phone.calls[-1].offer is not None, 10)
    agent = ann.phone.calls[-1]
    until_they_hear_each_other(caller, agent)
    agent.hang_up()
    until(lambda: ann.row()["state"] == "wrap_up", 5)
    ann.do("*55", "99#", "17#")
    contact = ann.acme.sites.query(
        "select outcome_code from contact where contact_center_id = %s", ann.acme.name
    )
    assert contact == [{"outcome_code": "17"}]
    ann.do("*54")
    assert ann.row()["state"] == "idle"
    ann.do("*56")
    ann.do("*51")
    assert ann.row()["status"] == "logged_out"
    caller.hang_up()


def test_three_wrong_pins_end_the_call_and_five_lock(ann: Dialler) -> None:
    ann.do("*50", "135790#", "135791#", "135792#")
    assert ann.row()["status"] == "logged_out"
    ann.do("*50", "135793#", "135794#")
    assert [event["change"] for event in ann.events("pin")] == ["set", *["wrong"] * 4, "locked"]
    ann.do("*50", f"{PIN}#")
    assert ann.row()["status"] == "logged_out", "the right one does not open a lock"
    ann.acme.sites.execute("update agent set pin_locked_until = now() where agent_id = %s", ann.agent_id)
    ann.do("*50", f"{PIN}#")
    assert ann.row()["status"] == "available"


def test_no_key_is_in_the_switchs_log_nor_left_on_the_channel(ann: Dialler) -> None:
    call = ann.dial("*50")
    ann.key(call, "135790#")
    channel = ann.channel(call)
    until(lambda: "fsroute_keyed_2 " in ann.switch.variable(channel, "current_application_data"), 10)
    assert "135790" not in ann.switch.api(f"uuid_dump {channel}")
    ann.key(call, f"{PIN}#")
    call.until_over(20)
    log = ann.switch.log()
    assert "*50" in log or channel in log
    assert "RECV DTMF" not in "\n".join(line for line in log.splitlines() if channel in line)
    for log_of in (ann.switch.log(), ann.acme.sites.east_run.log()):
        assert PIN not in log_of
        assert "135790" not in log_of


def test_any_telephone_leads_to_the_menu_with_extension_and_pin(ann: Dialler) -> None:
    phone = Phone("5550100")
    ann.acme.phones.append(phone)
    call = phone.call(FEATURE_NUMBER, ann.switch.ports.callers)
    call.until_answered()
    for digits in (f"{ann.extension}#", f"{PIN}#", "0#", "22#"):
        ann.key(call, digits)
    until(lambda: ann.row()["status"] == "on_break", 10)
    call.hang_up()
    assert [event["status"] for event in ann.events("status")][-2:] == ["available", "on_break"]


def test_an_agent_dials_in_and_stays_for_the_shift(ann: Dialler) -> None:
    ann.acme.sites.execute("update agent set leg = 'standing', wrap_up = 0 where agent_id = %s", ann.agent_id)
    leg = ann.dial("*57")
    ann.key(leg, f"{PIN}#")
    until(lambda: ann.row()["standing"], 15)
    for _ in range(2):
        caller = ann.acme.waiting_call(frequency=CALLER)
        until_they_hear_each_other(caller, leg)
        caller.hang_up()
        until(lambda: ann.row()["state"] == "idle", 10)
    assert not leg.is_over()
    ann.do("*51")
    leg.until_over()
    assert leg.ended_by == "them"
    assert (ann.row()["status"], ann.row()["standing"]) == ("logged_out", False)


def test_an_agent_without_a_standing_leg_is_told_so(ann: Dialler) -> None:
    ann.do("*57", f"{PIN}#")
    assert ann.row()["status"] == "logged_out"


def test_a_silent_call_is_let_go(ann: Dialler) -> None:
    call = ann.dial("*50")
    until(lambda: ann.channel(call))
    call.hang_up()
    until(lambda: ann.switch.channels() == 0)
    assert ann.row()["status"] == "logged_out"


def test_another_agent_at_the_phone_logs_on_there_if_allowed(ann: Dialler, two_sites: TwoSites) -> None:
    acme = ann.acme
    acme.agent_at("bob", "user/nowhere", extension="31999")
    two_sites.store.duty.log_off(f"{acme.name}-bob")
    two_sites.store.duty.set_pin(f"{acme.name}-bob", pins.encode("864202", secrets.token_bytes(16)))
    entries = ("*#", "31999#", "864202#")
    ann.do("*50", *entries)
    bob = "select status, address from agent where agent_id = %s"
    [row] = acme.sites.query(bob, f"{acme.name}-bob")
    assert row["status"] == "logged_out"
    acme.sites.execute("update agent set hot_desk = true where agent_id = %s", f"{acme.name}-bob")
    ann.do("*50", *entries)
    [row] = acme.sites.query(bob, f"{acme.name}-bob")
    assert (row["status"], row["address"]) == ("available", f"user/{ann.extension}@fsroute.invalid")
    assert ann.row()["status"] == "logged_out"
    ann.phone.register("fsroute.invalid", ann.switch.ports.agents)
    caller = acme.waiting_call(frequency=CALLER)
    until(lambda: ann.phone.calls[-1].offer is not None, 10)
    until_they_hear_each_other(caller, ann.phone.calls[-1])
    assert acme.last("joined")["agent_id"] == f"{acme.name}-bob"
    caller.hang_up()


def test_a_phone_that_does_not_prove_who_it_is_reaches_nothing(ann: Dialler) -> None:
    phone = Phone(ann.extension, password="wrong")
    call = phone.call("*51", ann.switch.ports.agents)
    call.until_over()
    assert not call.is_answered()
    phone.close()


@pytest.mark.parametrize("number", ["*58", "*5512345678901", "2002", "fsroute_standing", "menu", "*5"])
def test_an_agents_phone_reaches_nothing_but_the_codes(ann: Dialler, number: str) -> None:
    call = ann.phone.call(number, ann.switch.ports.agents)
    call.until_over()
    assert not call.is_answered()


def test_a_code_that_fsroute_does_not_take_ends_with_a_tone(ann: Dialler, two_sites: TwoSites) -> None:
    two_sites.east_run.stop()
    try:
        call = ann.phone.call("*56", ann.switch.ports.agents)
        call.until_over(20)
        assert any(itertools.chain(call.media.packets)), "the tone was heard"
    finally:
        two_sites.east_run.start()
