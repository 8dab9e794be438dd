"""Three sites on loopback: callers come in at west, agents are at west and east; north has an ACD of its own."""

from __future__ import annotations

import random
from pathlib import Path

from fsroute.install.settings import MODULES
from tests.live.freeswitch import FreeSwitch, Ports
from tests.live.process import FsrouteRun
from tests.live.sites import Place, Sites

DOOR = "support"
"""What is called at north to be put into the queue of its mod_callcenter; no digits, so fsroute leaves it alone."""

QUEUE = "support@default"

_ROLES = {
    "west": 'roles = ["callserver", "coordinator", "acd", "cti", "scp"]',
    "east": 'roles = ["acd", "cti"]',
    "north": 'roles = ["acd", "cti"]',
}
_CALLCENTER = """<configuration name="callcenter.conf">
  <settings><param name="dbname" value="{folder}/callcenter.db"/></settings>
  <queues><queue name="support@default">
    <param name="strategy" value="longest-idle-agent"/>
    <param name="moh-sound" value="local_stream://fsroute"/>
    <param name="time-base-score" value="queue"/>
    <param name="tier-rules-apply" value="false"/>
  </queue></queues>
</configuration>
"""
_DIALPLAN = """<include>
  <extension name="support"><condition field="destination_number" expression="^support$">
    <action application="answer"/>
    <action application="callcenter" data="support@default"/>
    <action application="hangup"/>
  </condition></extension>
</include>
"""


class ThreeSites(Sites):
    """West decides before the answer, and leads; east and north can die without taking anything of west with them."""

    def __init__(self, program: Path, folder: Path, database: str) -> None:
        rtp = random.randrange(20_000, 26_000, 2_000)
        places = []
        for number, (name, roles) in enumerate(_ROLES.items()):
            own = name == "north"
            files = {
                "autoload_configs/callcenter.conf.xml": _CALLCENTER.format(folder=folder),
                "dialplan/public/50_support.xml": _DIALPLAN,
            }
            modules = (*MODULES, "callcenter") if own else MODULES
            ports = Ports(rtp + 2000 * number)
            switch = FreeSwitch(program, f"{name}-1", folder / name, ports, modules, files if own else None)
            run = FsrouteRun(folder / f"{name}-run", name, ports, database, roles)
            places.append(Place(name, switch, run))
        super().__init__(folder, database, places)

    @property
    def north(self) -> Place:
        return self.places["north"]
