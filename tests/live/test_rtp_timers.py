"""By what calls are timed: modules' timers are as true as FreeSWITCH's own; what becomes of one that is not there."""

from __future__ import annotations

import itertools
import random
import shutil
import statistics
import tempfile
import time
import wave
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fsroute.config import Config
from fsroute.config.install import RTP_TIMERS
from fsroute.doctor import asking
from fsroute.doctor.checks import chosen, examine
from fsroute.doctor.facts import Facts, SwitchFacts
from fsroute.doctor.finding import Finding, State
from fsroute.install.settings import MODULES
from tests.live.ear import frequency
from tests.live.figures import measured
from tests.live.freeswitch import PASSWORD, FreeSwitch, Ports
from tests.live.rtp import LINEAR, PCMU, Packet, tone
from tests.live.sip import Call, Phone
from tests.waiting import until

pytestmark = pytest.mark.live

NUMBER = "prompt"  # no digits: fsroute's dialplan, which takes every number, leaves it alone
PROMPT, TONE = 4, 440  # seconds, Hz
MUSIC = 3.0  # seconds of it that are looked at
FRAME, PACKET = 160, 0.02  # samples and seconds of one packet
NEAR = 15.0  # Hz

_DIALPLAN = f"""<include>
  <extension name="prompt"><condition field="destination_number" expression="^{NUMBER}$">
    <action application="answer"/>
    <action application="playback" data="{{folder}}/prompt.wav"/>
    <action application="playback" data="local_stream://fsroute"/>
  </condition></extension>
</include>
"""
_LOADED = "".join(f'<load module="mod_{name}"/>' for name in MODULES)
WITHOUT_TIMER = {
    "autoload_configs/modules.conf.xml": (
        f'<configuration name="modules.conf"><modules>{_LOADED}</modules></configuration>'
    )
}

Start = Callable[..., FreeSwitch]


@pytest.fixture
def start(program: Path) -> Iterator[Start]:
    """Starts a switch whose profiles have a timer; skips the test where the timer's module is not installed."""
    folder = Path(tempfile.mkdtemp(prefix="fsroute-timers-"))
    _write_prompt(folder / "prompt.wav")
    made: list[FreeSwitch] = []

    def start(timer: str, files: dict[str, str] | None = None) -> FreeSwitch:
        dialplan = {"dialplan/public/50_prompt.xml": _DIALPLAN.format(folder=folder)}
        ports = Ports(random.randrange(20_000, 29_000, 2_000))
        switch = FreeSwitch(
            program, "timed-1", folder / "switch", ports, files=dialplan | (files or {}), rtp_timer=timer
        )
        made.append(switch)
        switch.start()
        switch.until_ready()
        module = f"{switch.api('global_getvar mod_dir').strip()}/mod_{RTP_TIMERS[timer]}.so"
        if RTP_TIMERS[timer] and switch.api(f"file_exists {module}").strip() != "true":
            pytest.skip(f"this FreeSWITCH has no {module}")
        return switch

    try:
        yield start
    finally:
        for switch in made:
            switch.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def caller() -> Iterator[Phone]:
    phone = Phone("caller")
    yield phone
    phone.close()


@pytest.mark.parametrize("timer", list(RTP_TIMERS))
def test_a_caller_hears_prompt_and_music_at_their_speed(timer: str, start: Start, caller: Phone) -> None:
    switch = start(timer)
    call = caller.call(NUMBER, switch.ports.callers)
    call.until_answered()
    assert _timer(switch) == timer
    until(lambda: _prompt(call) and call.media.packets[-1].at > _prompt(call)[-1].at + MUSIC + 1, 15)
    call.hang_up()
    until(lambda: switch.channels() == 0, 10)

    prompt = _prompt(call)
    assert len(prompt) == pytest.approx(PROMPT / PACKET, abs=3), "the prompt is as long as its file"
    assert prompt[-1].at - prompt[0].at == pytest.approx(PROMPT, abs=0.4)
    _assert_in_time(prompt)
    music = [each for each in call.media.packets if 0 < each.at - prompt[-1].at - 1 < MUSIC]
    assert any(abs(LINEAR[octet]) > 200 for each in music for octet in each.payload), "no silence"
    assert len(music) == pytest.approx(MUSIC / PACKET, abs=8), "fifty packets a second"
    _assert_in_time(music)
    apart = statistics.median(_apart(prompt + music))
    measured(f"timer {timer}: between two packets at the median", apart)


def test_without_its_module_who_sends_nothing_hears_nothing_until_the_doctor_s_cure(
    start: Start, caller: Phone
) -> None:
    switch = start("posix", WITHOUT_TIMER)
    assert _heard_in_silence(switch, caller) < 10

    [told] = _settings(switch)
    assert told.state is State.FAILED
    assert (
        "posix in fsroute_agents, fsroute_callers, fsroute_link, and the switch has no such timer"
        in told.finding
    )
    assert "sofia profile fsroute_agents rescan" in told.cure
    for name in ("agents", "callers", "link"):
        file = switch.folder / f"conf/sip_profiles/fsroute_{name}.xml"
        file.write_text(file.read_text().replace('"posix"', '"soft"'))
        switch.api(f"sofia profile fsroute_{name} rescan")
    assert _heard_in_silence(switch, caller) > 50
    [told] = _settings(switch)
    assert told.state is State.OK
    assert "posix in place of soft (fsroute_agents, fsroute_callers, fsroute_link)" in told.finding


def test_the_doctor_tells_of_a_module_that_was_loaded_by_hand(start: Start) -> None:
    switch = start("posix", WITHOUT_TIMER)
    switch.api("load mod_posix_timer")
    [told] = _settings(switch)
    assert told.state is State.WARNING
    assert "not by modules.conf.xml" in told.finding


def test_a_switch_with_its_timer_is_well(start: Start) -> None:
    [told] = _settings(start("posix"))
    assert (told.state, told.finding) == (State.OK, "timers are as they should be")


def _settings(switch: FreeSwitch) -> list[Finding]:
    """What the doctor says of the switch's settings."""
    facts = asking.switch(("127.0.0.1", switch.ports.event_socket), PASSWORD, asking.Questions())
    assert isinstance(facts, SwitchFacts), facts
    return list(examine(Facts(Config(), datetime.now(UTC), switch=facts), chosen(["switch-settings"])))


def _timer(switch: FreeSwitch) -> str:
    """By what the only call is timed."""
    until(lambda: "1 total" in switch.api("show channels"))
    uuid = switch.api("show channels").splitlines()[1].split(",")[0]
    return switch.variable(uuid, "rtp_use_timer_name")


def _heard_in_silence(switch: FreeSwitch, caller: Phone) -> int:
    """How many packets come in two seconds to a caller who sends none."""
    call = caller.call(NUMBER, switch.ports.callers)
    call.until_answered()
    call.media.remote = None
    since = time.time() + 0.5
    until(lambda: time.time() > since + 2)
    call.hang_up()
    until(lambda: switch.channels() == 0, 10)
    return sum(1 for each in call.media.packets if since < each.at < since + 2)


def _prompt(call: Call) -> list[Packet]:
    """From the prompt's first packet to its last."""
    packets = list(call.media.packets)
    inside = [number for number, each in enumerate(packets) if _is_prompt(each)]
    return packets[inside[0] : inside[-1] + 1] if inside else []


def _is_prompt(packet: Packet) -> bool:
    samples = [LINEAR[octet] for octet in packet.payload]
    return packet.kind == PCMU and abs(frequency(samples) - TONE) < NEAR


def _assert_in_time(packets: list[Packet]) -> None:
    """None is lost or doubled, each stands for 20 ms, and they come 20 ms apart."""
    for one, next_one in itertools.pairwise(packets):
        assert (next_one.sequence - one.sequence) % (1 << 16) == 1
        assert (next_one.timestamp - one.timestamp) % (1 << 32) == FRAME
    assert statistics.median(_apart(packets)) == pytest.approx(PACKET, abs=0.002)


def _apart(packets: list[Packet]) -> list[float]:
    return [next_one.at - one.at for one, next_one in itertools.pairwise(packets)]


def _write_prompt(path: Path) -> None:
    """A tone of its length, and nothing else."""
    samples = [LINEAR[octet] for frame in tone(TONE) for octet in frame] * PROMPT
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(b"".join(sample.to_bytes(2, "little", signed=True) for sample in samples))
