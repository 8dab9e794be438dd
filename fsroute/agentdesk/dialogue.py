"""The dialogue with an agent who dialled a feature code: what happened goes in, what to do comes out. Pure.

::

    begin ──► pin (own phone) ──┐
      │   ──► extension ► pin ──┤
      │                         ▼
      └──────────────────────► (code ►) (argument ►) perform ──► told ──► code (menu) or hang up

Everything that is keyed is a stranger's word until the PIN fits: entries have a form, tries are counted, and
an extension that does not exist is found out as late as a PIN that is wrong.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, replace

from fsroute.agentdesk.features import LONGEST_ARGUMENT, NEEDS_PIN, Feature, feature_of
from fsroute.agentdesk.pin import LONGEST, SHORTEST
from fsroute.model.agent import AgentStatus
from fsroute.model.agent_state import WITH_A_CONTACT, Doing

TRIES = 3  # of extension and PIN, and of an entry that does not come or does not fit
ROUNDS = 20  # features of one call

OTHER_AGENT = "*"  # keyed in place of the PIN: "I am not the one whose phone this is"


@dataclass(frozen=True, slots=True)
class Person:
    """An agent as the dialogue knows one; `own_phone`: who calls from that agent's phone is that agent."""

    agent_id: str
    own_phone: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """What an agent declares and does after a feature was performed: columns of ``agent_state``."""

    status: AgentStatus
    state: Doing
    contacts_served: int = 0


# What happened ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Began:
    """The call is answered; or what was said has been said."""


@dataclass(frozen=True, slots=True)
class Keyed:
    """An entry that has the form asked for."""

    digits: str


@dataclass(frozen=True, slots=True)
class Nothing:
    """Nothing was keyed, or nothing that fits."""


@dataclass(frozen=True, slots=True)
class Proved:
    """The PIN fits: this is the agent."""

    person: Person


@dataclass(frozen=True, slots=True)
class NotProved:
    """The PIN does not fit, or there is no such agent; `locked`: no PIN is taken for some time."""

    locked: bool = False


@dataclass(frozen=True, slots=True)
class Performed:
    """The feature has taken effect."""

    standing: Standing


@dataclass(frozen=True, slots=True)
class Refused:
    """The feature cannot be: a name of `REFUSALS`, or anything else."""

    why: str


Happening = Began | Keyed | Nothing | Proved | NotProved | Performed | Refused


# What to do ------------------------------------------------------------------------------------------------


class Entry(enum.Enum):
    """What is asked for: the fewest and most digits, and the form of the whole."""

    EXTENSION = (2, 10, "^[0-9]+$")
    PIN = (1, LONGEST, rf"^([0-9]{{{SHORTEST},{LONGEST}}}|[*])$")
    CODE = (1, 1 + LONGEST_ARGUMENT, "^[0-7][0-9]*$")
    ARGUMENT = (1, LONGEST_ARGUMENT, "^[0-9]+$")

    @property
    def shortest(self) -> int:
        return self.value[0]

    @property
    def longest(self) -> int:
        return self.value[1]

    @property
    def form(self) -> str:
        return self.value[2]


@dataclass(frozen=True, slots=True)
class Ask:
    """Say `prompts` and take an entry."""

    prompts: tuple[str, ...]
    entry: Entry


@dataclass(frozen=True, slots=True)
class Say:
    """Say `prompts`, then go on with `Began`."""

    prompts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Prove:
    """Check a PIN: of `agent_id`, or of whom `extension` belongs to."""

    pin: str
    agent_id: str = ""
    extension: str = ""

    def __repr__(self) -> str:
        return f"Prove(agent_id={self.agent_id!r}, extension={self.extension!r})"


@dataclass(frozen=True, slots=True)
class Perform:
    """Do what the agent asks for."""

    feature: Feature
    agent_id: str
    argument: str


@dataclass(frozen=True, slots=True)
class Stand:
    """The dialogue is over, and the call stays: it is the agent's standing leg."""

    agent_id: str


@dataclass(frozen=True, slots=True)
class HangUp:
    """The dialogue is over."""


Do = Ask | Say | Prove | Perform | Stand | HangUp


class Stage(enum.Enum):
    """What the dialogue waits for."""

    BEGIN = enum.auto()
    EXTENSION = enum.auto()
    PIN = enum.auto()
    PROOF = enum.auto()
    CODE = enum.auto()
    ARGUMENT = enum.auto()
    EFFECT = enum.auto()
    TOLD = enum.auto()
    STANDS = enum.auto()
    OVER = enum.auto()


@dataclass(frozen=True, slots=True)
class Dialogue:
    """One call of an agent.

    `feature` None: the agent is asked. `phone` is whose phone this is, by its registration; `person` whose
    PIN is asked for, or was right; `in_vain` counts proofs that failed, `missing` entries that did not come.
    """

    feature: Feature | None = None
    argument: str = ""
    menu: bool = False
    phone: Person | None = None
    person: Person | None = None
    extension: str = ""
    stage: Stage = Stage.BEGIN
    in_vain: int = 0
    missing: int = 0
    rounds: int = 0


def start(code: str, argument: str, phone: Person | None = None) -> Dialogue:
    """A call with the dialled `code`; one that is no feature's leads to the menu."""
    feature = feature_of(code)
    fits = argument.isascii() and argument.isdigit() and len(argument) <= LONGEST_ARGUMENT
    return Dialogue(feature, argument if fits else "", menu=feature is None, phone=phone)


def advance(dialogue: Dialogue, happening: Happening) -> tuple[Dialogue, Do]:
    """One step of the dialogue."""
    if isinstance(happening, Nothing) or _is_too_long(dialogue.stage, happening):
        return _missing(dialogue)
    match dialogue.stage, happening:
        case Stage.BEGIN, Began():
            return _identify(dialogue)
        case Stage.EXTENSION, Keyed(digits):
            return _ask(replace(dialogue, extension=digits), Stage.PIN)
        case Stage.PIN, Keyed(digits):
            return _pin_keyed(dialogue, digits)
        case Stage.PROOF, Proved(person):
            return _go_on(replace(dialogue, person=person))
        case Stage.PROOF, NotProved(locked):
            return _not_proved(dialogue, locked)
        case Stage.CODE, Keyed(digits):
            return _go_on(replace(dialogue, feature=feature_of(digits[0]), argument=digits[1:], missing=0))
        case Stage.ARGUMENT, Keyed(digits):
            return _go_on(replace(dialogue, argument=digits))
        case Stage.EFFECT, Performed(standing):
            stage = Stage.STANDS if dialogue.feature is Feature.STANDING else Stage.TOLD
            return _say(dialogue, _confirmation(dialogue, standing), stage)
        case Stage.EFFECT, Refused(why):
            return _refused(dialogue, why)
        case Stage.TOLD, Began():
            return _next(dialogue)
        case Stage.STANDS, Began() if dialogue.person is not None:
            return replace(dialogue, stage=Stage.OVER), Stand(dialogue.person.agent_id)
    return replace(dialogue, stage=Stage.OVER), HangUp()


def _is_too_long(stage: Stage, happening: Happening) -> bool:
    """More keys than were asked for, whatever the switch was told to take."""
    most = {Stage.CODE: 1 + LONGEST_ARGUMENT, Stage.ARGUMENT: LONGEST_ARGUMENT}.get(stage)
    return most is not None and isinstance(happening, Keyed) and len(happening.digits) > most


# Who it is -------------------------------------------------------------------------------------------------


def _identify(dialogue: Dialogue) -> tuple[Dialogue, Do]:
    phone = dialogue.phone
    if phone is None:
        return _ask(dialogue, Stage.EXTENSION)
    dialogue = replace(dialogue, person=phone)
    if phone.own_phone or (dialogue.feature is not None and dialogue.feature not in NEEDS_PIN):
        return _go_on(dialogue)
    return _ask(dialogue, Stage.PIN)


def _pin_keyed(dialogue: Dialogue, digits: str) -> tuple[Dialogue, Do]:
    if digits == OTHER_AGENT:
        return _ask(replace(dialogue, person=None, extension=""), Stage.EXTENSION)
    agent_id = "" if dialogue.person is None else dialogue.person.agent_id
    return replace(dialogue, stage=Stage.PROOF), Prove(digits, agent_id, dialogue.extension)


def _not_proved(dialogue: Dialogue, locked: bool) -> tuple[Dialogue, Do]:
    dialogue = replace(dialogue, in_vain=dialogue.in_vain + 1)
    if locked:
        return _leave(dialogue, ("locked",))
    if dialogue.in_vain >= TRIES:
        return _leave(dialogue, ("wrong_pin", "goodbye"))
    stage = Stage.EXTENSION if dialogue.person is None else Stage.PIN
    return _ask(replace(dialogue, extension=""), stage, "wrong_pin")


# What is asked for -----------------------------------------------------------------------------------------


def _go_on(dialogue: Dialogue) -> tuple[Dialogue, Do]:
    """It is known who it is: what is missing still is asked for."""
    person, feature = dialogue.person, dialogue.feature
    assert person is not None
    if feature is None:
        return _ask(dialogue, Stage.CODE)
    if feature is Feature.OUTCOME and not dialogue.argument:
        return _ask(dialogue, Stage.ARGUMENT)
    dialogue = replace(dialogue, stage=Stage.EFFECT, rounds=dialogue.rounds + 1)
    return dialogue, Perform(feature, person.agent_id, dialogue.argument)


QUESTIONS: Mapping[Stage, tuple[tuple[str, ...], Entry]] = {
    Stage.EXTENSION: (("enter_extension",), Entry.EXTENSION),
    Stage.PIN: (("enter_pin",), Entry.PIN),
    Stage.CODE: (("enter_code",), Entry.CODE),
    Stage.ARGUMENT: (("enter_outcome",), Entry.ARGUMENT),
}


def _ask(dialogue: Dialogue, stage: Stage, *before: str) -> tuple[Dialogue, Do]:
    prompts, entry = QUESTIONS[stage]
    return replace(dialogue, stage=stage), Ask((*before, *prompts), entry)


def _missing(dialogue: Dialogue) -> tuple[Dialogue, Do]:
    dialogue = replace(dialogue, missing=dialogue.missing + 1)
    if dialogue.stage not in QUESTIONS or dialogue.missing >= TRIES:
        return _leave(dialogue, ("goodbye",))
    return _ask(dialogue, dialogue.stage, "did_not_understand")


# What the agent hears of it --------------------------------------------------------------------------------

REFUSALS: Mapping[str, str] = {
    "logged_out": "log_on_first",
    "no_wrap_up": "no_wrap_up",
    "unknown_code": "unknown_code",
    "unknown_reason": "unknown_code",
    "no_contact": "no_contact",
    "may_not_move": "may_not_move",
    "busy": "busy",
}
"""Why a feature was refused, and what is said then; ``not_possible`` for anything else."""

CONFIRMATIONS: Mapping[Feature, str] = {
    Feature.LOG_ON: "logged_on",
    Feature.LOG_OFF: "logged_off",
    Feature.BREAK: "break",
    Feature.READY: "ready",
    Feature.END_WRAP_UP: "wrap_up_ended",
    Feature.OUTCOME: "outcome_recorded",
    Feature.STANDING: "standing",
}


def _confirmation(dialogue: Dialogue, standing: Standing) -> tuple[str, ...]:
    feature = dialogue.feature
    if feature is Feature.STATUS or feature is None:
        return (
            f"status/{standing.status}",
            *_doing(standing),
            "contacts_served",
            *digits(standing.contacts_served),
        )
    if feature is Feature.OUTCOME:
        return (CONFIRMATIONS[feature], *(f"digits/{digit}" for digit in dialogue.argument))
    later = feature in (Feature.LOG_OFF, Feature.BREAK) and standing.state in WITH_A_CONTACT
    return (CONFIRMATIONS[feature], *(("after_this_contact",) if later else ()))


def _doing(standing: Standing) -> tuple[str, ...]:
    if standing.state in WITH_A_CONTACT:
        return ("state/contact",)
    return (f"state/{standing.state}",) if standing.state in (Doing.WRAP_UP, Doing.SET_ASIDE) else ()


def digits(number: int) -> tuple[str, ...]:
    """The prompts of a number, digit by digit."""
    return tuple(f"digits/{digit}" for digit in str(max(0, number)))


def _refused(dialogue: Dialogue, why: str) -> tuple[Dialogue, Do]:
    prompt = REFUSALS.get(why, "not_possible")
    if why == "unknown_code" and dialogue.feature is Feature.OUTCOME and dialogue.missing + 1 < TRIES:
        dialogue = replace(dialogue, argument="", missing=dialogue.missing + 1)
        return _ask(dialogue, Stage.ARGUMENT, prompt)
    return _say(dialogue, (prompt,))


def _say(dialogue: Dialogue, prompts: tuple[str, ...], stage: Stage = Stage.TOLD) -> tuple[Dialogue, Do]:
    return replace(dialogue, stage=stage), Say(prompts)


def _next(dialogue: Dialogue) -> tuple[Dialogue, Do]:
    if dialogue.menu and dialogue.rounds < ROUNDS:
        return _ask(replace(dialogue, feature=None, argument="", missing=0), Stage.CODE)
    return replace(dialogue, stage=Stage.OVER), HangUp()


def _leave(dialogue: Dialogue, prompts: tuple[str, ...]) -> tuple[Dialogue, Do]:
    """Say it, and hang up whatever comes then."""
    return replace(dialogue, menu=False, stage=Stage.TOLD), Say(prompts)
