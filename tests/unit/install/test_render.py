from __future__ import annotations

import os
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fsroute.config import Secret, convert
from fsroute.errors import ConfigurationError
from fsroute.install import render
from fsroute.install.settings import DialplanSettings, SwitchSettings, User

GOLDEN = Path(__file__).parent / "golden"
DIALPLAN = DialplanSettings(
    numbers=("+18005550100", "8005550101"), callservers=("127.0.0.1:8084", "127.0.0.1:8085")
)
SWITCH = SwitchSettings(
    event_socket_password=Secret("correct-horse"),
    name="left-1",
    users=(User(name="ann", password=Secret("battery/staple")),),
    caller_networks=("192.0.2.0/24",),
    link_networks=("198.51.100.7/32", "2001:db8::/32"),
    dialplan=DIALPLAN,
)


def _tree(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_text(encoding="utf-8") for path in files}


def _applications(extension: str, settings: DialplanSettings = DIALPLAN) -> list[tuple[str, str]]:
    tree = ElementTree.fromstring(render.render_dialplans(settings)["fsroute.xml"])
    found = tree.find(f".//extension[@name='{extension}']")
    assert found is not None
    return [(each.get("application", ""), each.get("data", "")) for each in found.iter("action")]


def test_the_configuration_renders_as_the_golden_files_say() -> None:
    """To accept a change: run with FSROUTE_UPDATE_GOLDEN=1, and read the difference."""
    rendered = render.render_configuration(SWITCH)
    if os.environ.get("FSROUTE_UPDATE_GOLDEN"):
        for path, text in rendered.items():
            (GOLDEN / path).parent.mkdir(parents=True, exist_ok=True)
            (GOLDEN / path).write_text(text, encoding="utf-8")
    assert rendered == _tree(GOLDEN)


def test_a_whole_switch_is_written_with_its_folders_and_music(tmp_path: Path) -> None:
    conf = render.render_switch(SWITCH, tmp_path)
    assert _tree(conf) == render.render_configuration(SWITCH)
    piece = tmp_path / "sounds/fsroute/hold.wav"
    assert piece.read_bytes().startswith(b"RIFF")
    assert set((tmp_path / "sounds/fsroute/music/hold.loc").read_text().splitlines()) == {str(piece)}
    options = render.arguments(tmp_path)
    for name in ("conf", "db", "log", "run"):
        place = options[options.index(f"-{name}") + 1]
        assert Path(place).is_dir()
        assert place.startswith(str(tmp_path))


def test_rendered_files_are_readable_by_their_owner_only_also_when_written_again(tmp_path: Path) -> None:
    secret = render.render_switch(SWITCH, tmp_path) / "autoload_configs/event_socket.conf.xml"
    secret.chmod(0o644)
    render.render_switch(SWITCH, tmp_path)
    assert secret.stat().st_mode & 0o777 == 0o600


def test_the_doctor_s_route_leads_to_the_socket_and_nowhere_else() -> None:
    tree = ElementTree.fromstring(render.render_dialplans(DIALPLAN)["fsroute_doctor.xml"])
    assert [(each.get("application"), each.get("data")) for each in tree.iter("action")] == [
        ("set", "fsroute_doctor=true"),
        ("socket", "127.0.0.1:8084|127.0.0.1:8085 async full"),
        ("hangup", "NETWORK_OUT_OF_ORDER"),
    ]


@pytest.mark.parametrize(
    "path", sorted(set(render.render_configuration(SWITCH)) - {"dialplan/fsroute_doctor.xml"})
)
def test_every_socket_is_guarded_just_before_and_the_guard_taken_back_after(path: str) -> None:
    text = render.render_configuration(SWITCH)[path]
    fallback, after = ("fsroute_fallback XML fsroute", "fsroute_next XML fsroute")
    resume = "true"
    if path.endswith("fsroute_features.xml"):  # an agent dials again
        fallback = after = "fsroute_no_features XML fsroute_features"
    elif path.endswith("fsroute_before_answer.xml"):  # the ordinary way, which answers
        fallback = after = "$1 XML fsroute"
        resume = "false"
    for condition in ElementTree.fromstring(text).iter("condition"):
        written = [(each.get("application", ""), each.get("data", "")) for each in condition.iter("action")]
        actions = [one for action in written for one in _one_by_one(action)]
        for index, (application, _) in enumerate(actions):
            if application == "socket":
                assert ("set", f"socket_resume={resume}") in actions[:index]
                assert actions[index - 1] == ("sched_transfer", f"+8 {fallback}")
                assert actions[index + 1] == ("set", "fsroute_guard=${sched_del(${uuid})}")
                assert actions[-1] == ("transfer", after)


def _one_by_one(action: tuple[str, str]) -> list[tuple[str, str]]:
    """``multiset`` as the ``set`` actions that it stands for."""
    application, data = action
    if application != "multiset":
        return [action]
    assert data.startswith("^^|")
    return [("set", each) for each in data[3:].split("|")]


def test_each_way_of_the_caller_s_context_but_the_fallback_leads_to_a_socket_again() -> None:
    for extension in ("fsroute_entry", "fsroute_had_the_call", "fsroute_tries_again"):
        actions = _applications(extension)
        assert ("socket", "127.0.0.1:8084|127.0.0.1:8085 async full") in actions
        assert actions[-1] == ("transfer", "fsroute_next XML fsroute")
    assert [name for name, _ in _applications("fsroute_fallback")][-1] == "hangup"


def test_a_caller_hears_music_between_two_tries() -> None:
    actions = _applications("fsroute_tries_again")
    names = [name for name, _ in actions]
    assert names.index("playback") < names.index("socket")
    assert ("playback", "{timeout=1500}${fsroute_hold_music}") in actions


def test_the_fallback_may_be_another_extension() -> None:
    actions = _applications("fsroute_fallback", DialplanSettings(fallback_transfer="5000 XML default"))
    assert actions[-1] == ("transfer", "5000 XML default")


def test_only_what_looks_like_a_token_reaches_the_rendezvous() -> None:
    tree = ElementTree.fromstring(render.render_dialplans(DIALPLAN)["fsroute_rendezvous.xml"])
    first = tree.find(".//extension/condition")
    assert first is not None
    expression = re.compile(first.get("expression", ""))
    assert expression.search("fsr" + "0a" * 16)
    for wrong in ("fsr" + "0a" * 15, "fsr" + "0a" * 17, "fsr" + "0A" * 16, "18005550100", "xfsr" + "0a" * 16):
        assert not expression.search(wrong)


@pytest.mark.parametrize(
    ("number", "called", "digits"),
    [
        ("+18005550100", "18005550100", "18005550100"),
        ("+18005550100", "+18005550100", "18005550100"),
        ("18005550100", "+18005550100", "18005550100"),
        ("18005550100", "180055501001", None),
        ("18005550100", "918005550100", None),
        ("*", "+4930123", "+4930123"),
        ("*", "fsroute_fallback", None),
    ],
)
def test_a_number_is_matched_whole_with_or_without_plus(number: str, called: str, digits: str | None) -> None:
    found = re.search(render.number_expression(number), called)
    assert (found and found[1]) == digits


@pytest.mark.parametrize(
    ("prefix", "dialled", "feature", "argument"),
    [
        ("*5", "*50", "0", ""),
        ("*5", "*5512", "5", "12"),
        ("*5", "*58", None, None),
        ("*5", "50", None, None),
        ("*5", "*55123456789", None, None),
        ("*5", "x*50", None, None),
        ("#99", "#9921", "2", "1"),
        ("*", "*6", "6", ""),
    ],
)
def test_a_dialled_feature_code_is_its_digit_and_what_follows(
    prefix: str, dialled: str, feature: str | None, argument: str | None
) -> None:
    text = render.render_dialplans(DialplanSettings(feature_prefix=prefix))["fsroute_features.xml"]
    condition = ElementTree.fromstring(text).find(".//extension[@name='fsroute_feature']/condition")
    assert condition is not None
    found = re.search(condition.get("expression", ""), dialled)
    assert (found and found[1], found and found[2]) == (feature, argument)


def test_agents_reach_the_features_by_telephone_numbers_of_their_own() -> None:
    settings = DialplanSettings(numbers=("*",), feature_numbers=("+18005550199",))
    tree = ElementTree.fromstring(render.render_dialplans(settings)["public/00_fsroute.xml"])
    first = tree.find("extension")
    assert first is not None, "before the numbers of callers"
    [action] = first.iter("action")
    assert action.get("data") == "menu XML fsroute_features"


def test_mod_callcenter_has_its_queues_where_it_is_loaded() -> None:
    path = "autoload_configs/callcenter.conf.xml"
    assert path not in render.render_configuration(SWITCH)
    settings = msgspec.structs.replace(
        SWITCH, modules=("callcenter",), callcenter_queues=("support@default", "sales@default")
    )
    tree = ElementTree.fromstring(render.render_configuration(settings)[path])
    assert [each.get("name") for each in tree.iter("queue")] == ["support@default", "sales@default"]
    with pytest.raises(ConfigurationError, match="callcenter_queues"):
        msgspec.structs.replace(SWITCH, callcenter_queues=("a b",))


@pytest.mark.parametrize(
    ("timer", "modules", "loaded"),
    [
        ("soft", ("console", "sofia"), ["mod_console", "mod_sofia"]),
        ("posix", ("console", "sofia"), ["mod_posix_timer", "mod_console", "mod_sofia"]),
        ("timerfd", ("console", "sofia"), ["mod_timerfd", "mod_console", "mod_sofia"]),
        ("posix", ("console", "posix_timer", "sofia"), ["mod_posix_timer", "mod_console", "mod_sofia"]),
    ],
)
def test_every_profile_has_the_timer_and_its_module_is_loaded_once_before_the_others(
    timer: str, modules: tuple[str, ...], loaded: list[str]
) -> None:
    rendered = render.render_configuration(msgspec.structs.replace(SWITCH, rtp_timer=timer, modules=modules))
    for name in ("callers", "agents", "link"):
        profile = ElementTree.fromstring(rendered[f"sip_profiles/fsroute_{name}.xml"])
        found = [each.get("value") for each in profile.iter("param") if each.get("name") == "rtp-timer-name"]
        assert found == [timer]
    tree = ElementTree.fromstring(rendered["autoload_configs/modules.conf.xml"])
    assert [each.get("module") for each in tree.iter("load")] == loaded


def test_a_timer_that_freeswitch_does_not_have_is_refused_with_those_that_it_has() -> None:
    with pytest.raises(
        ConfigurationError, match=r"switch.toml: rtp_timer: 'hard' is none of soft, posix, timerfd"
    ):
        convert("event_socket_password = 'x'\nrtp_timer = 'hard'", SwitchSettings, "switch.toml")


def test_an_undefined_value_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="'domain' is undefined"):
        render.render("fs_config/autoload_configs/conference.conf.xml")


@pytest.mark.parametrize("name", ["fs_config/nothing.xml", "fs_config/../setup.cfg", "tests/x.xml", "x"])
def test_there_are_no_other_templates(name: str) -> None:
    with pytest.raises(ConfigurationError, match="there is no template"):
        render.render(name)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("<a><b></a>", "not well-formed"),
        ("<a><condition field='x' expression='^(['/></a>", "expression"),
    ],
)
def test_what_freeswitch_would_refuse_is_refused(text: str, fault: str) -> None:
    with pytest.raises(ConfigurationError, match=fault):
        render.check("x.xml", text)


@pytest.mark.parametrize(
    "settings",
    [
        "numbers = ['1800 555']",
        "numbers = ['^.*$']",
        "callservers = []",
        "callservers = ['127.0.0.1:8084 sync']",
        "hold_music = '{timeout=1}x'",
        'hold_music = "x${system(reboot)}"',
        "fallback_transfer = '5000'",
        'fallback_message = "x\\ny"',
        "guard_s = 1",
        "tries = 0",
        "feature_prefix = '5'",
        "feature_prefix = '*5)|('",
        "feature_numbers = ['*']",
        "colour = 'red'",
    ],
)
def test_a_setting_that_would_mean_something_else_is_refused(settings: str) -> None:
    with pytest.raises(ConfigurationError):
        convert(settings, DialplanSettings, "x.toml")


@pytest.mark.parametrize(
    "settings",
    [
        "event_socket_password = 'a b'",
        "event_socket_password = '$${x}'",
        "event_socket_password = ''",
        "event_socket_password = 'x'\naddress = 'localhost'",
        "event_socket_password = 'x'\nlink_networks = ['10.0.0.1/8']",
        "event_socket_password = 'x'\nlink_port = 5060",
        "event_socket_password = 'x'\nrtp_first = 9000\nrtp_last = 9000",
        "event_socket_password = 'x'\nmodules = ['a/../b']",
        "event_socket_password = 'x'\nusers = [{name = 'a b', password = 'x'}]",
        "event_socket_password = 'x'\nusers = [{name = 'ann', password = 'x', age = 3}]",
        "name = 'x'",
    ],
)
def test_a_switch_that_cannot_be_is_refused_and_no_password_shown(settings: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        convert(settings, SwitchSettings, "switch.toml")
    assert str(caught.value).startswith("switch.toml: ")
    assert "$${x}" not in str(caught.value)


@settings(deadline=None)
@given(st.text(min_size=1, max_size=12))
def test_whatever_password_is_accepted_arrives_at_freeswitch_as_it_is(password: str) -> None:
    try:
        made = SwitchSettings(event_socket_password=Secret(password))
    except ConfigurationError:
        return
    text = render.render_configuration(made)["autoload_configs/event_socket.conf.xml"]
    found = ElementTree.fromstring(text).find(".//param[@name='password']")
    assert found is not None
    assert found.get("value") == password
    assert "$" not in password


def test_the_switch_itself_limits_its_callers_before_any_process_hears_of_them() -> None:
    limited = DialplanSettings(numbers=("*",), most_calls=500, most_calls_per_second=30)
    said = _applications("fsroute_entry", limited)
    assert said[:3] == [
        ("set", "limit_ignore_transfer=true"),
        ("limit", "hash fsroute calls_per_second 30/1 !SWITCH_CONGESTION"),
        ("limit", "hash fsroute calls 500 !SWITCH_CONGESTION"),
    ]
    assert not [data for name, data in _applications("fsroute_entry") if name == "limit"]


def test_limits_of_the_switch_need_its_module() -> None:
    with pytest.raises(ConfigurationError, match="mod_hash"):
        SwitchSettings(event_socket_password=Secret("x"), dialplan=DialplanSettings(most_calls=5))
    with pytest.raises(ConfigurationError, match="over_limit_cause"):
        DialplanSettings(over_limit_cause="BUSY")
