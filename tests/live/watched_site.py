"""One site with its own ACD: FreeSWITCH with mod_callcenter, telephones, and fsroute as CTI processor alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

from fsroute.install.settings import MODULES
from fsroute.model.activity import AgentActivity, AgentKey, QueueActivity, QueueKey, SiteActivity, Source
from fsroute.store.activity import Activities
from fsroute.store.database import Database
from tests.live.freeswitch import FreeSwitch, Ports, phone_password
from tests.live.process import FsrouteRun
from tests.live.sip import Call, Phone
from tests.live.two_sites import gather_applications

DOMAIN = "fsroute.invalid"
QUEUE = "support@default"
NUMBER = "support"  # no digits: fsroute's dialplan, which takes every number, leaves it alone
PLAIN = "desk"
SUPPORT = QueueKey(Source.CALLCENTER, QUEUE)
SITE = QueueKey(Source.SITE, "")
WRAP_UP = 3  # seconds

_CALLCENTER = """<configuration name="callcenter.conf">
  <settings/>
  <queues><queue name="support@default">
    <param name="strategy" value="longest-idle-agent"/>
    <param name="moh-sound" value="local_stream://fsroute"/>
    <param name="time-base-score" value="queue"/>
    <param name="tier-rules-apply" value="false"/>
    <param name="abandoned-resume-allowed" value="false"/>
  </queue></queues>
  <agents>
    <agent name="ann@default" type="callback" contact="[leg_timeout=15]user/2001@fsroute.invalid" status="Available"
      max-no-answer="0" wrap-up-time="3" reject-delay-time="2" busy-delay-time="2" no-answer-delay-time="2"/>
  </agents>
  <tiers><tier agent="ann@default" queue="support@default" level="1" position="1"/></tiers>
</configuration>
"""

_DIALPLAN = """<include>
  <extension name="support"><condition field="destination_number" expression="^support$">
    <action application="answer"/>
    <action application="callcenter" data="support@default"/>
    <action application="hangup"/>
  </condition></extension>
  <extension name="desk"><condition field="destination_number" expression="^desk$">
    <action application="bridge" data="user/2002@fsroute.invalid"/>
  </condition></extension>
</include>
"""


class WatchedSite:
    """The switch, the process beside it, ann's telephone and one that is nobody's."""

    def __init__(self, program: Path, folder: Path, database: str) -> None:
        files = {
            "autoload_configs/callcenter.conf.xml": _CALLCENTER,
            "dialplan/public/50_support.xml": _DIALPLAN,
        }
        modules = (*MODULES, "callcenter")
        self.switch = FreeSwitch(
            program, "south-1", folder / "switch", Ports(26_000), modules, files
        )  # fmt: skip
        self.run = FsrouteRun(
            folder / "run", "south", self.switch.ports, database, 'roles = ["cti"]\n[cti]\nheartbeat = 0.5'
        )
        self.database = Database(database, min_size=1, max_size=2)
        self.activities = Activities(self.database)
        self.phones: dict[str, Phone] = {}

    def start(self) -> None:
        gather_applications(self.run.log_file.parent.parent / "applications")
        self.switch.start()
        self.switch.until_ready()
        self.database.open()
        self.run.start()

    def stop(self) -> None:
        self.run.stop()
        self.switch.stop()
        self.database.close()
        for phone in self.phones.values():
            phone.close()

    def phone(self, name: str, behave: Any) -> Phone:
        """A telephone that registers at the switch."""
        phone = self.phones[name] = Phone(name, behave, password=phone_password(name))
        phone.register(DOMAIN, self.switch.ports.agents)
        return phone

    def call(self, number: str = NUMBER) -> Call:
        caller = self.phones.setdefault("caller", Phone("caller"))
        return caller.call(number, self.switch.ports.callers)

    def site(self) -> SiteActivity | None:
        found = self.activities.changes({}, ["south-1"])
        return SiteActivity(found[0].head).after(found[0]) if found else None

    def agent(self, name: str, source: Source = Source.CALLCENTER) -> AgentActivity | None:
        site = self.site()
        return site.agents.get(AgentKey(source, name)) if site else None

    def doing(self, name: str, source: Source = Source.CALLCENTER) -> str:
        agent = self.agent(name, source)
        return str(agent.state) if agent else ""

    def line(self, key: QueueKey = SUPPORT) -> QueueActivity | None:
        site = self.site()
        return site.queues.get(key) if site else None

    def stands(self, key: QueueKey = SUPPORT) -> tuple[int, int] | None:
        line = self.line(key)
        return (line.waiting, line.talking) if line else None

    def history(self, source: str = "callcenter") -> Mapping[str, int]:
        """The counts of all intervals of a source, together."""
        statement = (
            "select coalesce(sum(offered), 0)::int as offered, coalesce(sum(answered), 0)::int as answered,"
            " coalesce(sum(abandoned), 0)::int as abandoned, coalesce(sum(handled), 0)::int as handled"
            " from fsroute.activity_interval where source = %s"
        )
        with psycopg.connect(self.database.conninfo, row_factory=dict_row) as connection:
            return connection.execute(statement, (source,)).fetchone() or {}
