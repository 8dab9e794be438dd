"""The two that are compared on the wire: mod_callcenter, and fsroute, with the same agents' phones."""

from __future__ import annotations

import shutil
from pathlib import Path

import psycopg

from fsroute.app import sample_folder
from tests.live.freeswitch import Ports
from tests.live.process import FsrouteRun

QUEUE = "support@default"
CALLCENTER_NUMBER = "callcenter"  # no digits: fsroute's dialplan, which takes every number, leaves it alone
FSROUTE_NUMBER = "8005550100"
MUSIC = "local_stream://fsroute"

CALLCENTER_DIALPLAN = f"""\
<include>
  <extension name="callcenter">
    <condition field="destination_number" expression="^{CALLCENTER_NUMBER}$">
      <action application="answer"/>
      <action application="callcenter" data="{QUEUE}"/>
      <action application="hangup"/>
    </condition>
  </extension>
</include>
"""

_CALLCENTER = """\
<configuration name="callcenter.conf">
  <settings/>
  <queues>
    <queue name="{queue}">
      <param name="strategy" value="longest-idle-agent"/>
      <param name="moh-sound" value="{music}"/>
      <param name="time-base-score" value="queue"/>
      <param name="max-wait-time" value="0"/>
      <param name="max-wait-time-with-no-agent" value="0"/>
      <param name="tier-rules-apply" value="false"/>
      <param name="abandoned-resume-allowed" value="false"/>
    </queue>
  </queues>
  <agents>
{agents}
  </agents>
  <tiers>
{tiers}
  </tiers>
</configuration>
"""

_APPLICATION = """\
name = "bench"
version = "1"
start = "support"
languages = ["en"]

[sorry]
prompt = "sorry"

[steps.support]
do = "need_agent"
queue = "support"
"""

_CENTER = """
set search_path = fsroute;
insert into contact_center (contact_center_id, name) values ('acme', 'Acme');
insert into site (site_id, name) values ('here', 'Here');
insert into switch (switch_id, site_id, link_address) values ('here-1', 'here', '127.0.0.1:{link}');
insert into queue (contact_center_id, queue, hold_music) values ('acme', 'support', '{music}');
insert into queue_skill (contact_center_id, queue, skill, level) values ('acme', 'support', 'orders', 1);
insert into number_called values ('{number}', 'acme', 'bench');
insert into agent (agent_id, name, site_id, switch_id, address, status, wrap_up)
select 'a' || n, 'Agent ' || n, 'here', 'here-1', 'sip:a' || n || '@127.0.0.1:{port}', 'available', 0
  from generate_series(1, {agents}) n;
insert into agent_event (agent_id, kind, data) select agent_id, 'status', '{{"status": "available"}}' from agent;
insert into agent_skill (agent_id, skill, level) select agent_id, 'orders', 2 from agent;
insert into agent_authorization (agent_id, contact_center_id) select agent_id, 'acme' from agent;
"""


def callcenter_files(agents: int, port: int) -> dict[str, str]:
    """mod_callcenter's configuration: nothing makes an agent wait who has hung up."""
    names = [f"a{number}" for number in range(1, agents + 1)]
    rows = [
        f'    <agent name="{name}" type="callback" contact="sofia/fsroute_agents/sip:{name}@127.0.0.1:{port}"'
        ' status="Available" max-no-answer="0" wrap-up-time="0" reject-delay-time="0" busy-delay-time="0"'
        ' no-answer-delay-time="0"/>'
        for name in names
    ]
    tiers = [f'    <tier agent="{name}" queue="{QUEUE}" level="1" position="1"/>' for name in names]
    text = _CALLCENTER.format(queue=QUEUE, music=MUSIC, agents="\n".join(rows), tiers="\n".join(tiers))
    return {
        "autoload_configs/callcenter.conf.xml": text,
        "dialplan/public/50_callcenter.xml": CALLCENTER_DIALPLAN,
    }


def fsroute(
    folder: Path, database: str, ports: Ports, agents: int, port: int, realtime_priority: int
) -> FsrouteRun:
    """The product as it is delivered, with a center of `agents` in its database."""
    application = folder / "applications" / "bench"
    application.mkdir(parents=True)
    (application / "application.toml").write_text(_APPLICATION)
    shutil.copytree(sample_folder() / "orders" / "prompts" / "en", application / "prompts" / "en")
    with psycopg.connect(database, autocommit=True) as connection:
        text = _CENTER.format(
            link=ports.link, music=MUSIC, number=FSROUTE_NUMBER, port=port, agents=agents
        )  # fmt: skip
        connection.execute(text.encode())
    return FsrouteRun(folder / "run", "here", ports, database, realtime_priority=realtime_priority)
