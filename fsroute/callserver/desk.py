"""What every call of a call server shares."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from fsroute.callserver.arrears import Arrears
from fsroute.callserver.customer import Customers, NoCustomers
from fsroute.callserver.library import Library
from fsroute.callserver.looking_up import Lookups, NoLookups
from fsroute.callserver.numbers import NORTH_AMERICA
from fsroute.callserver.numbers_called import NumbersCalled, Owner
from fsroute.callserver.recordings import Recordings
from fsroute.esl.session import Session
from fsroute.model.proxy_call import ProxyCall
from fsroute.store.rulebook import RuleBook
from fsroute.store.store import Store


@dataclass(frozen=True, slots=True)
class Signalled:
    """Posted into a call's mailbox: its proxy call changed; `row` is None where it must be read."""

    row: ProxyCall | None


@dataclass(frozen=True, slots=True)
class Settings:
    """What the configuration says of calls. Durations in seconds."""

    switch_id: str
    dial_string: str  # of the network leg, with {token} and {address}
    fallback: str  # extension, dialplan and context for calls that fsroute gives up
    hold_music: str  # until a queue says what to play
    transfer_to: str = "XML default"  # dialplan and context of numbers that applications transfer to
    token_lifetime: float = 60.0
    callserver: str = ""  # which of the switch's call servers this is, the same after a restart
    callback_dial_string: str = ""  # of a caller who is called back, with {number}; empty: nobody is
    callback_numbers: str = NORTH_AMERICA  # regular expression of those that may be dialled
    callback_recognise: bool = (
        False  # who shows the number of somebody who waits for a call back takes the place
    )
    voice_messages: Path = Path("voice_messages")  # the folder that the switch records into
    message_limit: float = 180.0  # of a voice message
    message_silence: float = 5.0  # that ends it
    speech_engine: str = ""  # the switch's recogniser; empty: it has none


@dataclass(frozen=True, slots=True)
class Desk:
    """The surroundings of a call. `watch` and `unwatch` have signals of a proxy call posted to a session."""

    settings: Settings
    store: Store
    rules: RuleBook
    applications: Library
    watch: Callable[[int, Session], None]
    unwatch: Callable[[int], None]
    new_uuid: Callable[[], str]
    new_token: Callable[[], str]
    lookups: Lookups = field(default_factory=NoLookups)
    recordings: Recordings = field(default_factory=Recordings)
    customers: Customers = field(default_factory=NoCustomers)
    arrears: Arrears = field(default_factory=Arrears)
    """What the database could not be told yet."""
    numbers: NumbersCalled = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "numbers", NumbersCalled(self._owner))

    def _owner(self, number: str) -> Owner | None:
        return self.store.contacts.application_of(number)
