"""Any ACD that can be reached by a call: the entry is that call, and leads to the agent once there is one. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from fsroute.acd.adapters import (
    ENTRY,
    AgentThere,
    Ask,
    FaultyAcd,
    Joinable,
    Signal,
    Waits,
    required,
)
from fsroute.acd.dial import shown_name, shown_number
from fsroute.esl.messages import Event
from fsroute.model.other_acd import OtherAcd
from fsroute.model.proxy_call import ProxyCall

LONGEST_CALL = 86_400  # seconds that a call to an ACD may ring: the rule's own limit comes before
REINVITE = "fsroute::reinvite"
"""The event of a re-INVITE. FreeSWITCH takes an identity from an UPDATE, from a re-INVITE none: a header says it."""
AGENT_HEADER = "X-Fsroute-Agent"
READY = "fsroute_acd_ready"
"""The variable of an entry whose human is there; whoever comes later knows."""

_DIAL = re.compile(r"(sofia|user|verto\.rtc|loopback)/[A-Za-z0-9_.+@:/;=*#-]{1,150}")
_SIGNAL = re.compile(
    r"answer|reinvite|http|digit:[0-9A-D*#](:inband)?|tone:[1-9][0-9]{1,3}(\+[1-9][0-9]{1,3})?"
)


class Sip:
    """The adapter ``sip``."""

    def check(self, parameters: Mapping[str, str]) -> None:
        required(parameters, ("dial", "signal", "tells_offers"), ("dial",))
        if _DIAL.fullmatch(parameters["dial"]) is None:
            raise FaultyAcd(f"dial {parameters['dial']!r} is nothing to dial")
        if _SIGNAL.fullmatch(_signal(parameters)) is None:
            raise FaultyAcd(
                f"signal {_signal(parameters)!r} is none of answer, digit:D, tone:FREQ, reinvite and http"
            )

    def enter(self, call: ProxyCall, acd: OtherAcd, entry_uuid: str, token: str, now: float) -> str:
        number, reinvites = shown_number(call.caller_number), _signal(acd.parameters) == "reinvite"
        variables = (
            f"origination_uuid={entry_uuid}",
            f"{ENTRY}={call.proxy_call_id}",
            f"originate_timeout={LONGEST_CALL}",
            f"leg_timeout={LONGEST_CALL}",
            "ignore_early_media=true",
            "hangup_after_bridge=true",
            "park_after_bridge=false",
            f"origination_caller_id_number={number}",
            f"origination_caller_id_name='{shown_name(call.caller_name, call.caller_number)}'",
            f"sip_h_X-Fsroute-Token={token}",
            *(
                (f"execute_on_sip_reinvite='event Event-Name=CUSTOM\\,Event-Subclass={REINVITE}'",)
                * reinvites
            ),
        )
        return f"originate {{{','.join(variables)}}}{acd.parameters['dial']} &park()"

    def answered(self, acd: OtherAcd, entry_uuid: str) -> Iterable[tuple[str, str]]:
        """The event of a tone names no channel, only what the detection was called."""
        signal = _signal(acd.parameters)
        if signal.startswith("tone:"):
            frequencies = signal.removeprefix("tone:").replace("+", ",")
            return [("tone_detect", f"{entry_uuid} {frequencies} r +{LONGEST_CALL}")]
        return [("start_dtmf", "")] if signal.endswith(":inband") else ()

    def hear(self, acd: OtherAcd, entry_uuid: str, event: Event) -> Iterator[Signal]:
        name, signal = event.name, _signal(acd.parameters)
        if entry_uuid != (event.get("Detected-Tone") if name == "DETECTED_TONE" else event.uuid):
            return
        if name in ("CHANNEL_PROGRESS", "CHANNEL_PROGRESS_MEDIA"):
            yield Waits()
        elif name == "CHANNEL_ANSWER":
            yield Waits()
            if signal == "answer":
                yield AgentThere("", entry_uuid)
        elif name == "CHANNEL_PARK":
            yield Joinable()
        elif _is_signal(signal, event):
            yield AgentThere(_identity(event) if signal == "reinvite" else "", entry_uuid)

    def look(self, acd: OtherAcd, entry_uuid: str, ask: Ask) -> Iterator[Signal]:
        yield Waits()
        if ask(f"uuid_getvar {entry_uuid} endpoint_disposition").strip() != "ANSWER":
            return
        told = ask(f"uuid_getvar {entry_uuid} {READY}").strip() == "true"
        if told or _signal(acd.parameters) == "answer":
            yield AgentThere("", entry_uuid)
        yield Joinable()

    def places(self, acd: OtherAcd, ask: Ask) -> Mapping[str, int]:
        return {}

    def serves(self, event: Event) -> str:
        return ""

    def queue(self, acd: OtherAcd) -> str:
        return acd.parameters["dial"]


def _signal(parameters: Mapping[str, str]) -> str:
    return parameters.get("signal", "answer")


def _is_signal(signal: str, event: Event) -> bool:
    if event.name == "DTMF":
        return signal.removesuffix(":inband") == f"digit:{event.get('DTMF-Digit', '')}"
    if event.name == "DETECTED_TONE":
        return signal.startswith("tone:")
    return signal == "reinvite" and bool(_identity(event))


def _identity(event: Event) -> str:
    """Who the far end says it is by now, other than who was called; FreeSWITCH tells of the caller, too."""
    if event.name == "CUSTOM" and event.get("Event-Subclass") == REINVITE:
        return event.get(f"variable_sip_h_{AGENT_HEADER}", "")[:40]
    if (
        event.name != "CALL_UPDATE"
        or event.get("Answer-State") != "answered"
        or event.get("Direction") != "RECV"
    ):
        return ""
    said = event.get("Caller-Caller-ID-Number", "")  # of an originated channel that is answered, the callee's
    known = (event.get("Caller-Destination-Number"), event.get("variable_origination_caller_id_number"))
    return "" if not said or said in known else said[:40]


SIP = Sip()
