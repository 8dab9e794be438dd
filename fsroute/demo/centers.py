"""Two call centers on this machine: stand-in switches, real sockets, all roles, one database."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from fsroute.app import App
from fsroute.config import Callserver as CallserverSection
from fsroute.config import Config, Role, Secret, Site, Timing
from fsroute.config import Database as DatabaseSection
from fsroute.config import EventSocket as EventSocketSection
from fsroute.install.render import render_dialplans
from fsroute.install.settings import DialplanSettings
from fsroute.ivr import Application
from fsroute.switchsim import Dialplan, Network, Options, Switch

DEFAULT_CONTEXT = """<include><context name="default">
  <extension name="operator">
    <condition field="destination_number" expression="^1000$">
      <action application="playback" data="tone_stream://%(400,200,440);loops=3"/>
      <action application="hangup" data="NORMAL_CLEARING"/>
    </condition>
  </extension>
</context></include>"""
"""Where the sample application's operator answers: the administrator's own dialplan, in short."""

CARRIER = "sofia/gateway/carrier/{number}"
"""How who asked to be called back is dialled."""

MESSAGES = str(Path(tempfile.gettempdir()) / "fsroute_voice_messages")
"""Where a real switch would record; the stand-in writes nothing there."""


@dataclass(frozen=True, slots=True)
class CenterSettings:
    """One site of the two."""

    site_id: str
    switch_id: str
    link_address: str
    roles: tuple[Role, ...] = tuple(Role)


WEST = CenterSettings("west", "west-1", "127.0.0.1:5062")
EAST = CenterSettings("east", "east-1", "127.0.0.1:5072")


class Center:
    """A site: its stand-in switch and the process that serves it."""

    def __init__(
        self,
        settings: CenterSettings,
        conninfo: str,
        network: Network,
        applications: Mapping[str, Application],
        options: Options | None = None,
        dialplan: DialplanSettings | None = None,
    ) -> None:
        self.settings = settings
        self._conninfo = conninfo
        self._applications = applications
        self._dialplan = dialplan or DialplanSettings(numbers=("*",))
        self._port = 0
        self.switch = Switch(
            settings.switch_id,
            network,
            link_address=settings.link_address,
            options=options,
            dialplan=self._render,
        )
        self.app: App | None = None

    def start(self) -> None:
        """The switch first, then the process, then the dialplan that leads to it."""
        self.switch.start()
        self.start_app()

    def start_app(self) -> App:
        """A process for the site; a later one takes over where an earlier one stopped."""
        self.app = App(self._config(), self._conninfo, self._applications)
        self.app.start()
        if self.app.callserver is not None:
            self._port = self.app.callserver.server.address[1]
        self.switch.reload()
        return self.app

    def stop(self, drain: float = 0.0) -> None:
        if self.app is not None:
            self.app.stop(drain)
        self.switch.stop()

    def _config(self) -> Config:
        settings = self.settings
        return Config(
            site=Site(site_id=settings.site_id, switch_id=settings.switch_id),
            roles=settings.roles,
            state_dir=str(Path.cwd()),
            database=DatabaseSection(url=Secret(self._conninfo)),
            event_socket=EventSocketSection(port=self.switch.port),
            callserver=CallserverSection(
                listen_port=self._port, callback_dial_string=CARRIER, voice_messages=MESSAGES
            ),
            timing=Timing(heartbeat=1.0, drain=5.0),
        )

    def _render(self) -> Dialplan:
        """The dialplan that a real switch of the site would have."""
        settings = msgspec.structs.replace(self._dialplan, callservers=(f"127.0.0.1:{self._port}",))
        texts = render_dialplans(settings)
        public = texts.pop("public/00_fsroute.xml")
        plan = Dialplan.parse(DEFAULT_CONTEXT, *texts.values())
        plan.add(public, {}, "public")
        return plan
