"""Two sites on loopback: callers come in at west, agents are at east (and at west, where a test says so)."""

from __future__ import annotations

import random
from pathlib import Path

from fsroute.install.settings import MODULES
from tests.live.freeswitch import FreeSwitch, Ports
from tests.live.process import WITHOUT_COORDINATOR, FsrouteRun
from tests.live.sites import ContactCenter, Place, Sites, gather_applications

__all__ = ["ContactCenter", "TwoSites", "gather_applications"]

CALLCENTER = """\
<configuration name="callcenter.conf">
  <settings><param name="dbname" value="{folder}/callcenter.db"/></settings>
  <queues>
    <queue name="support@default">
      <param name="strategy" value="longest-idle-agent"/>
      <param name="time-base-score" value="queue"/>
      <param name="tier-rules-apply" value="false"/>
    </queue>
    <queue name="hasty@default">
      <param name="strategy" value="longest-idle-agent"/>
      <param name="max-wait-time" value="2"/>
      <param name="tier-rules-apply" value="false"/>
    </queue>
  </queues>
</configuration>
"""


class TwoSites(Sites):
    """West and east; east has a mod_callcenter, whose agents the tests bring."""

    def __init__(self, program: Path, folder: Path, database: str) -> None:
        rtp = random.randrange(20_000, 29_000, 4_000)
        west = FreeSwitch(program, "west-1", folder / "west", Ports(rtp))
        east = FreeSwitch(
            program,
            "east-1",
            folder / "east",
            Ports(rtp + 2000),
            (*MODULES, "callcenter"),
            {"autoload_configs/callcenter.conf.xml": CALLCENTER.format(folder=folder)},
        )
        west_run = FsrouteRun(folder / "west-run", "west", west.ports, database, WITHOUT_COORDINATOR)
        east_run = FsrouteRun(folder / "east-run", "east", east.ports, database)
        super().__init__(folder, database, (Place("east", east, east_run), Place("west", west, west_run)))
