"""mod_callcenter's files and lists, to be imported; and what a switch answers to the CTI processor's questions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from fsroute.cti import lists
from fsroute.errors import SwitchError
from fsroute.importing import callcenter
from fsroute.importing.mapping import Wishes, plan
from fsroute.importing.remarks import ImportRefused
from fsroute.importing.sql import script
from fsroute.importing.xmlfile import Reader
from fsroute.store.sqlfile import statements
from fsroute.switchlink import channels_listed
from tests.fuzz.running import Target

HARBOR = Path(__file__).parents[2] / "unit" / "importing" / "harbor.conf.xml"

TOKENS = (
    b'<queue name="',
    b'<param name="',
    b'<agent name="',
    b'contact="[x=y]user/',
    b"<!DOCTYPE a [<!ENTITY b 'c'>]>",
    b"&b;",
    b"<X-PRE-PROCESS cmd=",
    b"$${domain}",
    b"'; drop table contact; --",
    b"</queue>",
    b"]]>",
    b"name|system|uuid",
    b"|||",
    b'{"row_count":1,"rows":[{',
    b"ARRAY::a|:b",
    b"+OK\n",
    b"-ERR no reply\n",
    b'wrap-up-time="-99999999999999999999"',
)

AGENTS = (
    b"name|instance_id|uuid|type|contact|status|state|max_no_answer|wrap_up_time|reject_delay_time|busy_delay_time|"
    b"no_answer_delay_time|last_bridge_start|last_bridge_end|last_offered_call|last_status_change|no_answer_count|"
    b"calls_answered|talk_time|ready_time|external_calls_count\n"
    b"1000@default|single_box||callback|[leg_timeout=10]user/1000@default|Available|Waiting|3|10|10|60|"
    b"0|0|0|0|0|0|0|0|0|0\n+OK\n"
)
CHANNELS = b"""{"row_count":1,"rows":[{"uuid":"a","direction":"inbound","created_epoch":"1",
"state":"CS_EXECUTE","callstate":"ACTIVE"}]}"""


def _seeds() -> Sequence[bytes]:
    return [HARBOR.read_bytes(), AGENTS, CHANNELS]


def run(data: bytes) -> str:
    text = data.decode("utf-8", "replace")
    lists.callcenter(text, text, text, text)
    lists.registrations(text)
    lists.channels(text)
    try:
        channels_listed(text)
    except SwitchError:
        pass
    reader = Reader({})
    try:
        set_up, _ = callcenter.read([reader.read(data, "x.xml")])
        made, remarks = plan(set_up, Wishes())
    except ImportRefused:
        return "refused" if text.startswith("<") else "lists"
    statements(script(made, remarks, "x.xml"))
    return "imported" if made.queues else "nothing to import"


TARGET = Target(_seeds, run, TOKENS)
