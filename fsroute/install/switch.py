"""The running FreeSWITCH, as far as the installer needs it: asked for its folders, told to read its configuration."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

import gevent

from fsroute.errors import SwitchError
from fsroute.esl import commands
from fsroute.esl.link import Link
from fsroute.esl.messages import Message
from fsroute.install.checks import PROFILE
from fsroute.install.freexml import parse

TIMEOUT = 10.0  # seconds for one command; a large configuration is read in less than one
PROFILE_LIMIT = 15.0  # seconds for a SIP profile to start or to stop; it must have run for ten before
PAUSE = 0.25  # seconds between two looks


class Switch:
    """Commands to one FreeSWITCH, made by `connected`."""

    def __init__(self, api: Callable[[str], str]) -> None:
        self._api = api

    def variables(self) -> dict[str, str]:
        """FreeSWITCH's global variables: its folders (``conf_dir``, ``sounds_dir``…), and what vars.xml set."""
        lines = self._api("global_getvar").splitlines()
        return {name: value for name, is_one, value in (line.partition("=") for line in lines) if is_one}

    def version(self) -> str:
        return self._api("version").split(" (")[0].removeprefix("FreeSWITCH Version ").strip()

    def has_module(self, name: str) -> bool:
        return self._api(f"module_exists {name}").strip() == "true"

    def sees(self, path: str) -> bool:
        """Whether a file is there, as FreeSWITCH's user sees it."""
        return self._api(f"file_exists {path}").strip() == "true"

    def reload(self) -> None:
        """Have the configuration read again.

        Raises:
            SwitchError: FreeSWITCH refuses it and goes on with the one that it has; the text is its own.
        """
        reply = self._api("reloadxml").strip()
        if "[Success]" not in reply:
            raise SwitchError(f"FreeSWITCH refuses the configuration: {reply}")

    def context(self, name: str) -> list[str]:
        """The names of a context's extensions, as FreeSWITCH has them now, whoever serves its dialplan."""
        reply = self._api(f"xml_locate dialplan context name {name}").strip()
        if not reply.startswith("<"):
            return []
        return [each.get("name") for each in parse(reply).every("extension")]

    def channels_in(self, prefix: str) -> int:
        """How many channels are in contexts whose names begin so."""
        rows = self._api("show channels as delim |").splitlines()
        names = rows[0].split("|") if rows else []
        if "context" not in names:
            return 0
        column = names.index("context")
        cells = (row.split("|") for row in rows[1:])
        return sum(1 for row in cells if len(row) == len(names) and row[column].startswith(prefix))

    def has_profile(self, name: str = PROFILE) -> bool:
        """Whether a SIP profile runs."""
        rows = (line.split("\t") for line in self._api("sofia status").splitlines())
        return any(row[0].strip() == name and "RUNNING" in row[-1] for row in rows if len(row) > 2)

    def start_profile(self, name: str = PROFILE) -> None:
        """Start a profile, and wait until it runs; raises SwitchError where it does not."""
        reply = self._api(f"sofia profile {name} start").strip()
        if not self._until(lambda: self.has_profile(name)):
            said = " ".join(reply.split())
            raise SwitchError(
                f"the SIP profile {name} does not start ({said}): is its port free? FreeSWITCH's log tells more"
            )

    def rescan_profile(self, name: str = PROFILE) -> None:
        """Have a running profile take over what can be changed while it runs."""
        self._api(f"sofia profile {name} rescan")

    def stop_profile(self, name: str = PROFILE) -> None:
        """Stop a profile if it runs, and wait until it is gone; raises SwitchError where it stays."""
        if not self.has_profile(name):
            return

        def gone() -> bool:  # FreeSWITCH says "must be up for at least 10 seconds", and nothing happens
            self._api(f"sofia profile {name} stop")
            return not self.has_profile(name)

        if not self._until(gone):
            raise SwitchError(
                f"the SIP profile {name} does not stop: try `sofia profile {name} stop` in fs_cli"
            )

    @staticmethod
    def _until(condition: Callable[[], bool]) -> bool:
        end = monotonic() + PROFILE_LIMIT
        while not condition():
            if monotonic() > end:
                return False
            gevent.sleep(PAUSE)
        return True


@contextmanager
def connected(host: str, port: int, password: str) -> Iterator[Switch]:
    """A switch to talk to.

    Raises:
        SwitchUnavailable: nobody answers there, or does not let us in.
    """
    link = Link.open((host, port), password, _Nobody(), TIMEOUT)
    try:
        yield Switch(lambda command: link.request(commands.api(command), TIMEOUT).text)
    finally:
        link.close("done")


class _Nobody:
    """Nothing comes but replies."""

    def message_arrived(self, message: Message) -> None:
        pass

    def link_lost(self, reason: str) -> None:
        pass
