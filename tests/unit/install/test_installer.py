from __future__ import annotations

from pathlib import Path

import pytest

from fsroute.config import Config, convert
from fsroute.errors import ConfigurationError, SwitchError
from fsroute.install import installer, switch, telling
from fsroute.install.book import Book
from fsroute.install.installer import Place, Proposal
from fsroute.install.layout import Kind
from fsroute.install.wanted import Known, Number
from tests.unit.install.trees import FUSIONPBX, ReadingSwitch, lay

CONFIG = convert('[links]\naddress = "192.0.2.1:5090"', Config, "test")
TIMED = convert('links = {address = "192.0.2.1:5090"}\ninstall = {rtp_timer = "posix"}', Config, "test")
TIMER_FILE = "/usr/lib/freeswitch/mod/mod_posix_timer.so"
LISTED = """\
<configuration name="modules.conf"><modules>
  <load module="mod_posix_timer"/>
  <load module="mod_sofia"/>
</modules></configuration>
"""
KNOWN = Known((Number("8005550100", "Acme"),), ("192.0.2.2:5090",))


def _snapshot(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() if path.is_file() else b"" for path in sorted(folder.rglob("*"))}


class House:
    """A host with a switch on it."""

    def __init__(
        self, folder: Path, changes: dict[str, str | None] | None = None, *, port_taken: bool = False
    ) -> None:
        self.tree = folder / "tree"
        self.place = lay(self.tree, changes)
        self.switch = ReadingSwitch(self.place, port_taken=port_taken)
        self.book = Book(folder / "state", self.place.conf_dir)

    def propose(self, config: Config = CONFIG, known: Known = KNOWN, *, force: bool = False) -> Proposal:
        return installer.propose(config, known, self.place, self.book, self.switch, force=force)

    def install(self, config: Config = CONFIG, known: Known = KNOWN, *, force: bool = False) -> Proposal:
        proposal = self.propose(config, known, force=force)
        installer.install(proposal, self.book, self.switch)
        return proposal

    def uninstall(self, *, force: bool = False) -> None:
        proposal = installer.propose_removal(self.place, self.book, force=force)
        installer.uninstall(proposal, self.book, self.switch, force=force)


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(switch, "PROFILE_LIMIT", 0.05)
    monkeypatch.setattr(switch, "PAUSE", 0.01)


def test_the_switch_has_the_contexts_the_entries_and_the_profile_afterwards(house: House) -> None:
    house.install()
    assert "fsroute_8005550100" in house.switch.context("public")
    assert house.switch.context("default") == ["fsroute_feature_codes"]
    for name in (
        "fsroute",
        "fsroute_before_answer",
        "fsroute_desk",
        "fsroute_features",
        "fsroute_rendezvous",
    ):
        assert house.switch.context(name)
    assert house.switch.has_profile()


def test_the_second_time_there_is_nothing_to_do_and_nothing_is_said_to_the_switch(house: House) -> None:
    house.install()
    before = _snapshot(house.tree)
    house.switch.said.clear()
    assert house.install().plan.changes == ()
    assert "reloadxml" not in house.switch.said
    assert _snapshot(house.tree) == before


def test_uninstalling_stops_the_profile_and_leaves_the_tree_as_it_was(house: House) -> None:
    before = _snapshot(house.tree)
    house.install()
    house.uninstall()
    assert _snapshot(house.tree) == before
    assert not house.switch.has_profile()
    assert house.switch.context("fsroute") == []
    assert house.book.manifest() is None


def test_a_profile_follows_its_file(house: House) -> None:
    house.install()
    house.install(known=Known(KNOWN.numbers, ("192.0.2.3:5090",)))
    assert house.switch.said[-1] == "sofia profile fsroute_link rescan"
    house.install(Config())
    assert not house.switch.has_profile()
    assert not (house.place.conf_dir / "sip_profiles/fsroute_link.xml").exists()


def test_a_new_number_changes_the_entry_only(house: House) -> None:
    house.install()
    known = Known((*KNOWN.numbers, Number("+44 800 1", "bad"), Number("8005550101", "B")), KNOWN.links)
    proposal = house.install(known=known)
    assert [step.target for step in proposal.plan.changes] == ["conf/dialplan/public/00_fsroute.xml"]
    assert "fsroute_8005550101" in house.switch.context("public")
    assert any("'+44 800 1'" in note for note in proposal.wanted.notes)


def test_a_profile_whose_port_is_taken_is_no_installation(tmp_path: Path) -> None:
    house = House(tmp_path, port_taken=True)
    before = _snapshot(house.tree)
    with pytest.raises(SwitchError, match="does not start"):
        house.install()
    assert _snapshot(house.tree) == before
    assert house.switch.said[-1] == "reloadxml"
    assert house.switch.context("fsroute") == []


def test_who_serves_the_dialplan_in_the_files_stead_is_noticed(house: House) -> None:
    class Elsewhere(ReadingSwitch):
        def _located(self, name: str) -> str:
            return '<context name="public"/>' if name == "public" else super()._located(name)

    house.switch = Elsewhere(house.place)
    before = _snapshot(house.tree)
    with pytest.raises(SwitchError, match="something else serves it"):
        house.install()
    assert _snapshot(house.tree) == before


def test_calls_in_the_dialplan_keep_it_there_unless_forced(house: House) -> None:
    house.install()
    house.switch.calls = ["default", "fsroute", "fsroute_desk"]
    with pytest.raises(SwitchError, match="2 calls"):
        house.uninstall()
    assert house.switch.has_profile()
    house.uninstall(force=True)


def test_where_nothing_can_be_taken_away_the_profile_runs_on(house: House) -> None:
    house.install()
    proposal = installer.propose_removal(house.place, house.book, force=False)
    (house.place.conf_dir / "dialplan/fsroute.xml").write_text("<include/>\n")  # by somebody, just now
    with pytest.raises(ConfigurationError, match="changed by somebody else"):
        installer.uninstall(proposal, house.book, house.switch, force=False)
    assert house.switch.has_profile()
    assert (house.place.conf_dir / "dialplan/fsroute_desk.xml").is_file()


def test_a_file_that_is_not_ours_is_refused_by_name(house: House) -> None:
    (house.place.conf_dir / "dialplan/fsroute_desk.xml").write_text("<include/>\n")
    with pytest.raises(
        ConfigurationError, match=r"conf/dialplan/fsroute_desk\.xml is there, and is not fsroute's"
    ):
        house.install()


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        (
            {"dialplan/mine.xml": '<include>\n<context name="fsroute"/>\n</include>\n'},
            r"the context fsroute stands more than once: dialplan/fsroute.xml:\d+, dialplan/mine.xml:2",
        ),
        (
            {"sip_profiles/z.xml": '<profile name="fsroute_link"/>'},
            "the profile fsroute_link stands more than once",
        ),
        (
            {"dialplan/public/50_old.xml": '<include>\n<extension name="fsroute_8005550100"/>\n</include>\n'},
            "the extension fsroute_8005550100 stands more than once in the context public",
        ),
        (
            {"sip_profiles/z.xml": '<profile name="z"><param name="sip-ip" value="192.0.2.1"/>'
             '<param name="sip-port" value="5090"/></profile>'},
            r"port 5090 of 192.0.2.1 is that of the profile z \(sip_profiles/z.xml:1\)",
        ),
        ({"freeswitch.xml": "<document/>"}, "dialplan/fsroute.xml would not be read"),
        ({"autoload_configs/sofia.conf.xml": None}, "sip_profiles/fsroute_link.xml would not be read"),
    ],
)  # fmt: skip
def test_what_the_switch_would_misread_is_refused(
    tmp_path: Path, changes: dict[str, str | None], fault: str
) -> None:
    house = House(tmp_path, changes)
    before = _snapshot(house.tree)
    with pytest.raises(ConfigurationError, match=fault):
        house.install()
    assert _snapshot(house.tree) == before


def test_a_configuration_that_freeswitch_would_refuse_is_not_added_to(house: House) -> None:
    (house.place.conf_dir / "dialplan/broken.xml").write_text("<include>\n<context name='x'>\n</include>\n")
    with pytest.raises(ConfigurationError, match="FreeSWITCH would refuse the configuration"):
        house.propose()


def test_an_extension_that_takes_a_number_before_ours_is_told_of(house: House) -> None:
    known = Known((Number("771", "Acme"), *KNOWN.numbers))
    [warning] = house.propose(known=known).warnings
    assert (
        warning == "calls to 771 never arrive: the extension doors (dialplan/public.xml:3) takes them before"
    )


def test_what_belongs_to_the_administrator_is_said(tmp_path: Path) -> None:
    changes: dict[str, str | None] = {
        "autoload_configs/event_socket.conf.xml": '<configuration name="event_socket.conf"><settings/></configuration>',
        "autoload_configs/local_stream.conf.xml": None,
        "autoload_configs/conference.conf.xml": '<configuration name="conference.conf"/>',
        "dialplan/public.xml": '<include>\n<context name="public"/>\n</include>\n',
        "dialplan/default.xml": None,
    }
    proposal = House(tmp_path, changes).propose()
    said = {snippet.file: snippet.text for snippet in proposal.snippets}
    assert said["autoload_configs/modules.conf.xml"] == '<load module="mod_spy"/>'
    assert '"password" value="A-SECRET-OF-YOURS"' in said["autoload_configs/event_socket.conf.xml"]
    assert '"listen-ip" value="127.0.0.1"' in said["autoload_configs/event_socket.conf.xml"]
    assert '<directory name="fsroute"' in said["autoload_configs/local_stream.conf.xml"]
    assert '<profile name="default">' in said["autoload_configs/conference.conf.xml"]
    assert said["dialplan/public.xml"] == '<X-PRE-PROCESS cmd="include" data="public/*.xml"/>'
    assert '<context name="default">' in said["dialplan/default.xml"]
    assert proposal.refused == ()


def test_nothing_is_said_where_nothing_is_missing(house: House) -> None:
    for known in (KNOWN, Known()):  # without a number, nobody enters yet
        assert [snippet.file for snippet in house.propose(known=known).snippets] == [
            "autoload_configs/modules.conf.xml"
        ]


def test_limits_that_freeswitch_keeps_need_a_module_of_their_own(house: House) -> None:
    config = convert("[dialplan]\nmost_calls = 100", Config, "test")
    [snippet] = house.propose(config).snippets
    assert snippet.text == '<load module="mod_spy"/>\n<load module="mod_hash"/>'


def _link_profile(house: House) -> str:
    return (house.place.conf_dir / "sip_profiles/fsroute_link.xml").read_text()


@pytest.mark.parametrize("name", ["modules", "pre_load_modules", "post_load_modules"])
def test_network_legs_are_timed_by_a_module_that_is_loaded_and_will_be(tmp_path: Path, name: str) -> None:
    text = LISTED.replace("modules.conf", f"{name}.conf")
    house = House(tmp_path, {f"autoload_configs/{name}.conf.xml": text})
    house.install(TIMED)
    assert '<param name="rtp-timer-name" value="posix"/>' in _link_profile(house)
    house.install()
    assert '<param name="rtp-timer-name" value="soft"/>' in _link_profile(house)
    assert house.switch.said[-1] == "sofia profile fsroute_link rescan"


@pytest.mark.parametrize(
    ("listed", "loaded", "installed", "fault"),
    [
        (False, False, False, "mod_posix_timer, which is not installed: .*freeswitch-mod-posix-timer"),
        (False, False, True, "mod_posix_timer, which FreeSWITCH has not loaded: .*restart FreeSWITCH"),
        (True, False, True, "mod_posix_timer, which FreeSWITCH has not loaded: .*restart FreeSWITCH"),
        (
            False,
            True,
            True,
            "mod_posix_timer, which is loaded, but would not be after FreeSWITCH's next start",
        ),
    ],
)
def test_a_timer_whose_module_is_not_there_or_will_not_be_is_refused_and_nothing_written(
    tmp_path: Path, listed: bool, loaded: bool, installed: bool, fault: str
) -> None:
    house = House(tmp_path, {"autoload_configs/modules.conf.xml": LISTED} if listed else {})
    if not loaded:
        house.switch.lacking.add("mod_posix_timer")
    house.switch.files = {TIMER_FILE} if installed else set()
    before = _snapshot(house.tree)
    with pytest.raises(ConfigurationError, match=rf"\[install\] rtp_timer posix needs {fault}"):
        house.install(TIMED)
    assert _snapshot(house.tree) == before


def test_a_timer_of_a_module_is_refused_where_no_switch_says_that_it_has_it(tmp_path: Path) -> None:
    house = House(tmp_path, {"autoload_configs/modules.conf.xml": LISTED})
    [fault] = installer.propose(TIMED, KNOWN, house.place, house.book, None, force=False).refused
    assert "only a FreeSWITCH that runs" in fault
    assert installer.propose(CONFIG, KNOWN, house.place, house.book, None, force=False).refused == ()


def test_no_timer_is_asked_for_where_there_are_no_network_legs(house: House) -> None:
    house.switch.lacking.add("mod_posix_timer")
    config = convert('install = {rtp_timer = "posix"}', Config, "test")
    assert house.propose(config).refused == ()


def test_what_is_entered_into_fusionpbx_by_hand_names_the_module_of_its_timer(tmp_path: Path) -> None:
    house = House(tmp_path, {"autoload_configs/lua.conf.xml": FUSIONPBX})
    house.switch.lacking.add("mod_posix_timer")
    said = list(telling.for_fusionpbx(house.propose(TIMED)))
    [before] = [
        number for number, line in enumerate(said) if line.startswith("--- Before: [install] rtp_timer")
    ]
    assert said[before + 1].startswith("--- Advanced > SIP Profiles")


def test_where_fusionpbx_serves_the_dialplan_nothing_is_written(tmp_path: Path) -> None:
    house = House(tmp_path, {"autoload_configs/lua.conf.xml": FUSIONPBX})
    proposal = house.propose()
    assert proposal.layout is not None
    assert proposal.layout.kind is Kind.FUSIONPBX
    with pytest.raises(ConfigurationError, match="FusionPBX"):
        installer.install(proposal, house.book, house.switch)


def test_another_handler_of_the_dialplan_is_told_of(tmp_path: Path) -> None:
    curl = """<configuration name="xml_curl.conf"><bindings>
<binding name="all">
<param name="gateway-url" value="http://192.0.2.9/" bindings="dialplan|directory"/>
</binding></bindings></configuration>"""
    [warning] = House(tmp_path, {"autoload_configs/xml_curl.conf.xml": curl}).propose().warnings
    assert "http://192.0.2.9/" in warning


@pytest.mark.parametrize("base", ["/opt/fs", ""])
def test_a_switch_that_is_built_from_source_is_told_of_its_group(house: House, base: str) -> None:
    base = base and str(house.tree)
    house.place = Place(
        house.place.conf_dir, house.place.sounds_dir, {**house.place.variables, "base_dir": base}
    )
    warnings = house.propose().warnings
    assert [each.split(",")[0] for each in warnings] == (
        ["this FreeSWITCH is built from source"] if base else []
    )


def test_an_installation_that_was_killed_is_settled_by_the_next_run(house: House) -> None:
    class Killed(BaseException):
        pass

    class Dying(ReadingSwitch):
        def reload(self) -> None:
            raise Killed

    before = _snapshot(house.tree)
    planned = house.propose()
    killed = Dying(house.place)
    with pytest.raises(Killed):
        installer.install(planned, house.book, killed)
    assert _snapshot(house.tree) == before
    assert installer.settle(house.place, house.book, house.switch) == ""
