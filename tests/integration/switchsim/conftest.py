"""A stand-in switch and a program behind its ``socket`` application."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from fsroute.switchsim import Caller, CallerCall, Dialplan, Network, Options, Sounds, Switch
from tests.integration.switchsim.program import Program

DIALPLAN = """<include>
  <context name="public">
    <extension name="toll_free"><condition field="destination_number" expression="^8005550100$">
      <action application="socket" data="{hosts} async full"/>
      <action application="log" data="went on"/>
      <action application="playback" data="local_stream://fallback"/>
    </condition></extension>
    <extension name="guarded"><condition field="destination_number" expression="^8005550101$">
      <action application="sched_transfer" data="+1 fallback XML public"/>
      <action application="socket" data="{hosts} async full"/>
    </condition></extension>
    <extension name="fallback"><condition field="destination_number" expression="^fallback$">
      <action application="answer"/><action application="playback" data="local_stream://fallback"/>
    </condition></extension>
    <extension name="plain"><condition field="destination_number" expression="^8005550102$">
      <action application="answer"/><action application="park"/>
      <action application="playback" data="local_stream://after"/>
    </condition></extension>
  </context>
  <context name="fsroute_rendezvous">
    <extension name="rendezvous"><condition field="destination_number" expression="^fsr">
      <action application="set" data="park_timeout=30:NO_USER_RESPONSE"/>
      <action application="ring_ready"/><action application="park"/>
      <action application="hangup" data="NORMAL_CLEARING"/>
    </condition></extension>
  </context>
</include>"""

SPEED = 10.0
QUICK = Options(event_latency=0, silence_limit=0.4, state_delay=0.002)
ADA = Caller("+14155550123", "Ada Lovelace", "8005550100")


@pytest.fixture
def network() -> Iterator[Network]:
    network = Network(seed=7, speed=SPEED, media_timeout=0.3)
    yield network
    for switch in network.switches.values():
        switch.stop()


@pytest.fixture
def program() -> Iterator[Program]:
    program = Program()
    yield program
    program.stop()


Place = Callable[..., CallerCall]


@pytest.fixture
def west(network: Network, program: Program) -> Switch:
    """The caller's switch; its dialplan leads to `program`."""
    return make_switch(network, "west", program.host)


@pytest.fixture
def east(network: Network) -> Switch:
    """The agent's switch, at the other end of a link."""
    return make_switch(network, "east", "127.0.0.1:1", link_address="127.0.0.1:5072")


def make_switch(network: Network, name: str, hosts: str, link_address: str = "") -> Switch:
    switch = Switch(
        name,
        network,
        dialplan=Dialplan.parse(DIALPLAN.format(hosts=hosts)),
        link_address=link_address,
        sounds=Sounds({"short.wav": 0.5, "long.wav": 5.0, "endless.wav": 36_000.0}, speed=SPEED),
        options=QUICK,
    )
    switch.start()
    return switch
