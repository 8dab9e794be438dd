"""A host at which all is well, as facts; tests break one thing at a time."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from fsroute.config import parse
from fsroute.doctor.facts import (
    ApplicationFacts,
    ApplicationRow,
    CenterFacts,
    Certificate,
    DatabaseFacts,
    Disk,
    EventSocketFacts,
    Facts,
    Folder,
    Gateway,
    HostFacts,
    LeaseRow,
    LinkAnswer,
    Listening,
    Load,
    Profile,
    SocketAnswer,
    SwitchFacts,
    SwitchProcess,
    SwitchRow,
    TrustFacts,
)
from fsroute.doctor.wanted import NOBODY, SEEN_BY_FSROUTE, contexts, modules
from fsroute.install.render import render_dialplans
from fsroute.install.settings import DialplanSettings

NOW = datetime(2026, 5, 4, 9, 30, tzinfo=UTC)
CONFIG = parse("""
[site]
site_id = "west"
switch_id = "west-1"
[event_socket]
password = "not-the-default"
[callserver]
callback_dial_string = "sofia/gateway/carrier/{number}"
[[applications_from]]
name = "east"
urls = ["https://east.example"]
contact_centers = ["acme"]
keys = "/keys"
secret = "sixteen letters long"
""")
TEXTS = {name.removesuffix(".xml"): text for name, text in render_dialplans(DialplanSettings()).items()}
PUBLIC = """<context name="public">
  <extension name="unloop"><condition field="${sip_looped_call}" expression="^true$"><action application="deflect"/>
  </condition></extension>
  <extension name="fsroute_1"><condition field="destination_number" expression="^(8005550100)$">
    <action application="transfer" data="$1 XML fsroute"/></condition></extension>
</context>"""
PROFILES = {
    "fsroute_link": Profile(
        "fsroute_link",
        True,
        address="sip:mod_sofia@192.0.2.10:5090",
        codecs_out="PCMU,PCMA",
        acls=("fsroute_links",),
    ),
    "fsroute_agents": Profile(
        "fsroute_agents", True, address="sip:mod_sofia@192.0.2.10:5070", codecs_out="PCMU", auth_calls="true"
    ),
}
SWITCH = SwitchFacts(
    version="1.11.1-release~64bit",
    core_uuid="c0",
    folders={"run_dir": "/run/freeswitch"},
    load=Load(True, 4, 3000, 100),
    event_socket=EventSocketFacts("127.0.0.1", "loopback.auto"),
    default_password=False,
    modules=dict.fromkeys(modules(CONFIG), True),
    contexts={**{name: TEXTS[name] for name in contexts(CONFIG)}, "public": PUBLIC},
    profiles=PROFILES,
    gateways=(Gateway("carrier", "REGED", "UP"),),
    streams=frozenset({"fsroute", "default"}),
    conference_profiles=frozenset({"default"}),
    admits={"192.0.2.20": True, NOBODY: False},
    files={"/prompts/a.wav": True},
    clock=0.3,
    route=SEEN_BY_FSROUTE,
)
HOST = HostFacts(
    user="fsroute",
    hostname="west-host",
    descriptors=65536,
    listening=(
        Listening("127.0.0.1", 8021),
        Listening("127.0.0.1", 8084, 100, "python3 -m fsroute"),
    ),
    disks=(Disk("/var", 100 * 10**9, 60 * 10**9, 1000, 900),),
    folders=(Folder("/messages", "FreeSWITCH", "voice messages"),),
    clock_synchronised=True,
    clock_error=0.02,
    time_zones={"UTC": True},
    switch_process=SwitchProcess(7, "freeswitch", 999_999),
)
DATABASE = DatabaseFacts(server=180006, round_trip=0.001, clock=0.003, connections=9, max_connections=200)
CENTER = CenterFacts(
    switches=(
        SwitchRow("east-1", "east", "192.0.2.20:5090", "c1", 2.0, "PCMU,PCMA"),
        SwitchRow("west-1", "west", "192.0.2.10:5090", "c0", 1.0, "PCMU,PCMA"),
    ),
    leases=(
        LeaseRow("coordinator", "east-host:1:ab", True),
        LeaseRow("switch:west-1", "west-host:2:cd", True),
    ),
    numbers={"8005550100": "orders"},
    hold_music=("local_stream://fsroute",),
    applications=(ApplicationRow("orders", "east", "serving", "", "1.2", 30 * 86400.0, 10.0),),
    time_zones=("UTC",),
    agents=3,
    templated=1,
)
WELL = Facts(
    CONFIG,
    NOW,
    HOST,
    DATABASE,
    CENTER,
    SWITCH,
    links=(LinkAnswer("east-1", "192.0.2.20:5090", "200 OK"),),
    certificates=(
        Certificate("https://east.example:443", NOW + timedelta(days=90), NOW - timedelta(days=9)),
    ),
    trust=(TrustFacts("east", "acme", 1),),
    applications=ApplicationFacts(frozenset({"orders"})),
    sockets=(SocketAnswer("127.0.0.1:8084"),),
)


def switch(**changes: Any) -> Facts:
    return replace(WELL, switch=replace(SWITCH, **changes))


def host(**changes: Any) -> Facts:
    return replace(WELL, host=replace(HOST, **changes))


def database(**changes: Any) -> Facts:
    return replace(WELL, database=replace(DATABASE, **changes))


def center(**changes: Any) -> Facts:
    return replace(WELL, center=replace(CENTER, **changes))


def config(text: str) -> Facts:
    return replace(WELL, config=parse(text))
