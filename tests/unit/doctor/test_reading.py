"""Reading what a switch, the kernel and another switch say: hostile or not."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fsroute.doctor import dialplan, proc, replies, sip
from fsroute.doctor.facts import Gateway, Load

STATUS = """UP 0 years, 0 days, 0 hours
FreeSWITCH (Version 1.11.1-release 64bit) is ready
29 session(s) since startup
3 session(s) - peak 5, last 5min 2
0 session(s) per Sec out of max 200, peak 4, last 5min 1
2000 session(s) max
min idle cpu 0.00/97.00
"""
ANYTHING = st.text(max_size=300)


def test_the_status_of_a_switch_is_read() -> None:
    assert replies.load(STATUS) == Load(True, 3, 2000, 200)
    assert replies.load(STATUS.replace("is ready", "is not ready")) == Load(False, 3, 2000, 200)
    assert replies.version("FreeSWITCH Version 1.11.1-release~64bit (git x)\n") == "1.11.1-release~64bit"
    assert replies.numbers("1.10.12") == (1, 10)


def test_the_event_socket_s_configuration_is_read_and_its_password_is_not_kept() -> None:
    text = (
        '<configuration name="event_socket.conf"><settings><param name="listen-ip" value="::"/>'
        '<param name="password" value="ClueCon"/><param name="apply-inbound-acl" value="lan"/>'
        "</settings></configuration>"
    )
    facts, default = replies.event_socket(text)
    assert (facts.listen_ip, facts.acl, default) == ("::", "lan", True)
    assert replies.event_socket(text.replace("ClueCon", "other"))[1] is False


def test_profiles_are_read_with_all_their_access_lists_and_without_their_gateways_parameters() -> None:
    text = """<configuration name="sofia.conf"><profiles><profile name="fsroute_link">
      <gateways><gateway name="g"><param name="context" value="wrong"/></gateway></gateways>
      <settings><param name="context" value="fsroute_rendezvous"/><param name="apply-inbound-acl" value="192.0.2.1/32"/>
      <param name="apply-inbound-acl" value="links"/><param name="rtp-timer-name" value="none"/></settings>
    </profile></profiles></configuration>"""
    profile = replies.profiles(text)["fsroute_link"]
    assert (profile.context, profile.acls, profile.rtp_timer) == (
        "fsroute_rendezvous", ("192.0.2.1/32", "links"), "none",
    )  # fmt: skip


def test_running_profiles_and_gateways_are_read() -> None:
    status = (
        '<?xml version="1.0" encoding="ISO-8859-1"?>\n<profiles><profile><name>a</name><type>profile</type>'
        "<data>sip:mod_sofia@127.0.0.1:5060</data><state>RUNNING (0)</state></profile>"
        "<profile><name>b</name><state>DOWN</state></profile></profiles>"
    )
    assert replies.running(status) == {"a": "sip:mod_sofia@127.0.0.1:5060"}
    gateways = "<gateways><gateway><name>c</name><state>REGED</state><status>UP</status></gateway></gateways>"
    assert replies.gateways(gateways) == (Gateway("c", "REGED", "UP"),)


def test_whether_a_switch_has_a_timer_is_read_of_a_test_of_it() -> None:
    assert replies.timer("Avg: 20.012ms Total Time: 20.012ms\n") is True
    assert replies.timer("Timer Error!\n") is False
    assert replies.timer("-ERR timer_test Command not found!\n") is None


def test_the_modules_that_a_configuration_loads_are_read() -> None:
    text = '<configuration name="modules.conf"><modules><load module="mod_sofia"/></modules></configuration>'
    assert replies.listed_modules(text) == {"mod_sofia"}
    assert replies.listed_modules("-ERR can't find configuration") == frozenset()


def test_how_the_test_route_ended_is_read() -> None:
    assert replies.route("-ERR RESPONSE_TO_STATUS_ENQUIRY\n") == "RESPONSE_TO_STATUS_ENQUIRY"
    assert replies.route("+OK 0d5\n") == "+OK"


@given(ANYTHING)
@settings(max_examples=60, deadline=None)
def test_whatever_a_switch_says_is_read_without_an_error(said: str) -> None:
    replies.load(said)
    replies.variables(said)
    replies.event_socket(said)
    replies.event_socket(f"<a>{said}</a>")
    replies.profiles(said)
    replies.running(f"<profiles>{said}</profiles>")
    replies.gateways(said)
    replies.route(said)
    replies.timer(said)
    replies.listed_modules(f"<a>{said}</a>")


def test_entities_are_not_expanded() -> None:
    bomb = '<!DOCTYPE a [<!ENTITY b "bb">]><a>&b;</a>'
    assert replies.tree(bomb) is None
    with pytest.raises(ValueError, match="entities"):
        dialplan.leads(bomb, "1")


# The dialplan


CONTEXT = """<context name="public">
  <extension name="sets" continue="true"><condition><action application="set" data="a=b"/></condition></extension>
  <extension name="by_caller"><condition field="caller_id_number" expression="^1">
    <action application="answer"/></condition></extension>
  <extension name="both"><condition field="destination_number" expression="^8001$"/>
    <condition field="${x}" expression="^y$"><action application="answer"/></condition></extension>
  <extension name="ours"><condition field="destination_number" expression="^(800[12])$">
    <action application="transfer" data="$1 XML fsroute"/></condition></extension>
  <extension name="rest"><condition field="destination_number" expression="^">
    <action application="hangup"/></condition></extension>
</context>"""


@pytest.mark.parametrize(
    ("number", "extension", "to_fsroute", "doubtful"),
    [
        ("8001", "ours", True, ("by_caller", "both")),
        ("8002", "ours", True, ("by_caller",)),
        ("8003", "rest", False, ("by_caller",)),
    ],
)
def test_the_first_extension_that_takes_a_number_for_certain_is_found_and_those_that_might(
    number: str, extension: str, to_fsroute: bool, doubtful: tuple[str, ...]
) -> None:
    assert dialplan.leads(CONTEXT, number) == dialplan.Leads(extension, to_fsroute, doubtful)


def test_an_expression_that_python_does_not_know_decides_nothing() -> None:
    condition = '<condition field="destination_number" expression="(?|a"><action/></condition>'
    text = f'<context><extension name="x">{condition}</extension></context>'
    assert dialplan.leads(text, "1") == dialplan.Leads("", False, ("x",))


def test_the_hosts_of_sockets_are_found_once() -> None:
    one, two = (f'<action application="socket" data="{data}"/>' for data in ("a:1|b:2 async full", "a:1"))
    text = f"<context>{one}{two}</context>"
    assert dialplan.socket_hosts(text) == ("a:1", "b:2")


# The kernel


HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
REST = "00000000:00000000 00:00000000 00000000     0        0"
TCP = (
    f"{HEAD}   0: 0100007F:1F94 00000000:0000 0A {REST} 4711 1 0 100 0 0 10 0\n"
    f"   1: 0100007F:1F94 0100007F:9999 01 {REST} 4712 1 0 100 0 0 10 0\n"
)
NOBODY = "0" * 32
TCP6 = f"{HEAD}   0: 00000000000000000000000001000000:1F55 {NOBODY}:0000 0A {REST} 99 1 0\n"


def test_listening_sockets_are_read_from_the_kernel_s_table() -> None:
    assert list(proc.listening(TCP)) == [("127.0.0.1", 8084, 4711)]
    assert list(proc.listening(TCP6)) == [("::1", 8021, 99)]
    assert proc.owners({7: ["socket:[4711]", "/dev/null"]}) == {4711: 7}


def test_limits_priorities_and_identities_of_a_process_are_read() -> None:
    limits = (
        "Limit            Soft Limit  Hard Limit  Units\nMax open files   1024        4096        files\n"
    )
    assert proc.limit(limits) == 1024
    assert proc.limit(limits.replace("1024", "unlimited")) == 1 << 30
    stat = "7 (free (switch)) S " + " ".join(str(each) for each in range(4, 53))
    words = stat.split()
    assert proc.nice(stat) == (int(words[19]), True)
    assert proc.ids("Uid:\t1\t2\t3\t4\nGid:\t5\t6\t7\t8\nGroups:\t9 10 \n") == (2, frozenset({6, 9, 10}))


def test_a_user_is_stopped_by_the_first_folder_that_does_not_let_it_in() -> None:
    steps = [
        proc.Entry("/", 0o755, 0, 0),
        proc.Entry("/home", 0o700, 0, 0),
        proc.Entry("/home/a.wav", 0o644, 0, 0),
    ]
    assert proc.blocked(steps, 1000, frozenset({1000}), 4) == "/home"
    assert proc.blocked(steps, 0, frozenset(), 4) == ""
    by_group = [steps[0], proc.Entry("/data", 0o2770, 1, 50), proc.Entry("/data/x", 0o640, 1, 50)]
    assert proc.blocked(by_group, 1000, frozenset({50}), 4) == ""
    assert proc.blocked(by_group, 1000, frozenset({50}), 2) == "/data/x"


def test_the_kernel_tells_of_its_clock() -> None:
    clock = proc.clock()
    assert clock is not None
    assert clock.error >= 0


# SIP


def test_an_options_request_is_well_formed_and_its_answer_is_known_by_the_branch() -> None:
    asked = sip.request("192.0.2.1:5090", ("127.0.0.1", 4000), "abc").decode()
    assert asked.startswith("OPTIONS sip:192.0.2.1:5090 SIP/2.0\r\n")
    assert asked.endswith("Content-Length: 0\r\n\r\n")
    answer = b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKabc\r\n\r\n"
    assert sip.status(answer, "abc") == "200 OK"
    assert sip.status(answer, "xyz") == ""
    assert sip.status(b"OPTIONS sip:x SIP/2.0\r\nabc", "abc") == ""


@given(st.binary(max_size=200))
@settings(max_examples=50, deadline=None)
def test_what_no_switch_answers_is_no_status(answer: bytes) -> None:
    assert sip.status(answer, "0123456789abcdef") == ""


@pytest.mark.parametrize("text", ["", "host", "host:", ":5060", "host:0", "host:70000", "host:sip"])
def test_an_address_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no host:port"):
        sip.parse_address(text)


def test_an_address_may_be_of_either_family() -> None:
    assert sip.parse_address("[2001:db8::1]:5090") == ("2001:db8::1", 5090)
    assert sip.parse_address("east.example:5090") == ("east.example", 5090)
