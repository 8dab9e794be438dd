"""The caller profile of a channel: who calls whom, and when things happened to the call.

Written as ``Caller-``, ``Channel-`` or ``Other-Leg-`` headers.
"""

from __future__ import annotations

from dataclasses import dataclass

from fsroute.switchsim.events import header_line


@dataclass(slots=True)
class CallerProfile:
    """Names and numbers of one channel; an empty value writes no header, as in FreeSWITCH."""

    uuid: str
    channel_name: str
    direction: str
    destination_number: str
    context: str
    caller_id_name: str = ""
    caller_id_number: str = ""
    callee_id_name: str = ""
    callee_id_number: str = ""
    username: str = ""
    dialplan: str = ""
    network_addr: str = ""
    source: str = "mod_sofia"
    rdnis: str = ""
    logical_direction: str = ""
    ani: str = ""

    def __post_init__(self) -> None:
        self.ani = self.ani or self.caller_id_number

    def field(self, name: str) -> str | None:
        """Return a field by the name that the dialplan and ``${…}`` know it by, or None."""
        attribute = "channel_name" if name == "chan_name" else name
        return str(getattr(self, attribute)) if attribute in _FIELDS else None

    def lines(self, prefix: str, times: str) -> str:
        """Return the headers under `prefix`; `times` is what `Times.lines` wrote for that prefix."""
        pairs = (
            ("Direction", self.direction),
            ("Logical-Direction", self.logical_direction or self.direction),
            ("Username", self.username),
            ("Dialplan", self.dialplan),
            ("Caller-ID-Name", self.caller_id_name),
            ("Caller-ID-Number", self.caller_id_number),
            ("Orig-Caller-ID-Name", self.caller_id_name),
            ("Orig-Caller-ID-Number", self.caller_id_number),
            ("Callee-ID-Name", self.callee_id_name),
            ("Callee-ID-Number", self.callee_id_number),
            ("Network-Addr", self.network_addr),
            ("ANI", self.ani),
            ("Destination-Number", self.destination_number),
            ("Unique-ID", self.uuid),
            ("Source", self.source),
            ("RDNIS", self.rdnis),
            ("Context", self.context),
            ("Channel-Name", self.channel_name),
        )
        written = "".join(header_line(f"{prefix}-{name}", value) for name, value in pairs if value)
        return (
            f"{written}{prefix}-Profile-Index: 1\n{times}{prefix}-Screen-Bit: true\n"
            f"{prefix}-Privacy-Hide-Name: false\n{prefix}-Privacy-Hide-Number: false\n"
        )


_FIELDS = frozenset(CallerProfile.__dataclass_fields__)


@dataclass(slots=True)
class Times:
    """When things happened to a channel, in microseconds since the epoch; 0 is not yet."""

    created: int
    answered: int = 0
    progress: int = 0
    progress_media: int = 0
    hangup: int = 0
    transfer: int = 0
    bridged: int = 0

    def lines(self, prefix: str) -> str:
        pairs = (
            ("Profile-Created-Time", self.created),
            ("Channel-Created-Time", self.created),
            ("Channel-Answered-Time", self.answered),
            ("Channel-Progress-Time", self.progress),
            ("Channel-Progress-Media-Time", self.progress_media),
            ("Channel-Hangup-Time", self.hangup),
            ("Channel-Transfer-Time", self.transfer),
            ("Channel-Resurrect-Time", 0),
            ("Channel-Bridged-Time", self.bridged),
            ("Channel-Last-Hold", 0),
            ("Channel-Hold-Accum", 0),
        )
        return "".join(f"{prefix}-{name}: {value}\n" for name, value in pairs)

    def variables(self) -> dict[str, str]:
        """Return the variables that are set when the channel reports: stamps, durations, seconds."""
        end = self.hangup or self.created
        moments = {
            "start": self.created,
            "answer": self.answered,
            "bridge": self.bridged,
            "progress": self.progress,
            "progress_media": self.progress_media,
            "end": end,
        }
        written = {f"{name}_epoch": str(moment // 1_000_000) for name, moment in moments.items()}
        written |= {f"{name}_uepoch": str(moment) for name, moment in moments.items()}
        talk = end - self.answered if self.answered else 0
        wait = self.bridged - self.created if self.bridged else 0
        spans = {"duration": end - self.created, "billsec": talk, "waitsec": wait}
        written |= {name: str(span // 1_000_000) for name, span in spans.items()}
        return written | {"mduration": str((end - self.created) // 1000), "billmsec": str(talk // 1000)}
