"""A telephone: as much of SIP over UDP as callers and agents of the tests need."""

from __future__ import annotations

import hashlib
import itertools
import re
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from uuid import uuid4

import gevent

from tests.live.rtp import Media
from tests.waiting import until

_numbers = itertools.count(1)
HOLD, TALK = "sendonly", "sendrecv"
EXPIRES = "Expires: 300\r\n"


@dataclass(frozen=True, slots=True)
class Message:
    """A request or a response; header names in lower case."""

    start: str
    headers: tuple[tuple[str, str], ...]
    body: str

    @classmethod
    def parse(cls, data: bytes) -> Message:
        head, _, body = data.decode("utf-8", "replace").partition("\r\n\r\n")
        start, *lines = head.split("\r\n")
        pairs = (line.partition(":") for line in lines)
        return cls(start, tuple((name.strip().lower(), value.strip()) for name, _, value in pairs), body)

    def get(self, name: str) -> str:
        return next((value for key, value in self.headers if key == name), "")

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name]

    @property
    def status(self) -> int:
        """Of a response; 0 for a request."""
        return int(self.start.split()[1]) if self.start.startswith("SIP/") else 0

    @property
    def method(self) -> str:
        return self.get("cseq").split()[1] if self.status else self.start.split()[0]


class Phone:
    """One SIP address on loopback. `behave(call)` runs for each call that comes in, in its own greenlet.

    With a `password` it answers the challenge to a call that it makes (RFC 3261, 22).
    """

    def __init__(
        self,
        user: str,
        behave: Callable[[Call], None] | None = None,
        frequency: int = 0,
        password: str = "",
        port: int = 0,
    ) -> None:
        self.user = user
        self.password = password
        self.behave = behave or Call.answer
        self.frequency = frequency
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", port))
        self.port = int(self._socket.getsockname()[1])
        self.calls: list[Call] = []
        self._by_id: dict[str, Call] = {}
        self._greenlet = gevent.spawn(self._receive)

    @property
    def address(self) -> str:
        return f"sip:{self.user}@127.0.0.1:{self.port}"

    def call(self, number: str, port: int, name: str = "") -> Call:
        """Call `number` at the SIP port `port`, with `name` as the display name."""
        call = Call(self, f"{uuid4().hex}@live", f"sip:{number}@127.0.0.1:{port}", port)
        self._keep(call)
        call.invite(name)
        return call

    def register(self, domain: str, port: int) -> None:
        """Say where this phone is, with its password, to the switch at the SIP port `port`."""
        registration = Call(self, f"{uuid4().hex}@live", f"sip:127.0.0.1:{port}", port)
        self._by_id[registration.call_id] = registration
        try:
            registration.register(domain)
        finally:
            del self._by_id[registration.call_id]
            registration.media.close()

    def latest(self, limit: float = 10.0) -> Call:
        """The last call that came in or was made; waited for."""
        until(lambda: self.calls, limit)
        return self.calls[-1]

    def close(self) -> None:
        for call in self.calls:
            call.media.close()
        self._greenlet.kill()
        self._socket.close()

    def send(self, text: str, to: tuple[str, int]) -> None:
        self._socket.sendto(text.encode(), to)

    def _keep(self, call: Call) -> None:
        self.calls.append(call)
        self._by_id[call.call_id] = call

    def _receive(self) -> None:
        while True:
            data, source = self._socket.recvfrom(65535)
            if len(data) < 20:
                continue
            message = Message.parse(data)
            call = self._by_id.get(message.get("call-id"))
            if call is None and message.method == "INVITE" and not message.status:
                call = Call(self, message.get("call-id"), "", source[1], message)
                self._keep(call)
                gevent.spawn(self.behave, call)
            elif call is not None:
                call.arrived(message)


class Call:
    """One dialog, from either side. Moments in seconds since the epoch, 0 until they come."""

    def __init__(
        self, phone: Phone, call_id: str, target: str, port: int, offer: Message | None = None
    ) -> None:
        self.phone = phone
        self.call_id = call_id
        self.media = Media(phone.frequency)
        self.offer = offer  # the INVITE that came in
        self.redirected_to = ""  # the Contact of a 302
        self.statuses: list[tuple[str, int]] = []  # (method, status) of each response
        self.requests: list[Message] = []  # that came in after the first INVITE
        self.rang_at = self.answered_at = self.ended_at = 0.0
        self.ended_by = ""  # "us", "them", or the status that refused the call
        self.port = port  # of the switch
        self._target = target
        self._to = ("127.0.0.1", port)
        self._tag = uuid4().hex[:10]
        self._remote = ""  # From or To value of the other side, with its tag
        self._local = ""
        self._sequence = 0
        self._branch = ""
        self._challenged = False
        if offer is not None:
            self._remote, self._local = offer.get("from"), f"{offer.get('to')};tag={self._tag}"
            self._target = _uri(offer.get("contact"))
            self._send_media_to(offer)

    # What one does ---------------------------------------------------------------------------------------

    def invite(self, name: str) -> None:
        self._local = (
            f'"{name}" <{self.phone.address}>;tag={self._tag}'
            if name
            else f"<{self.phone.address}>;tag={self._tag}"
        )
        self._remote = f"<{self._target}>"
        self._request("INVITE", self._sdp(TALK))

    def register(self, domain: str) -> None:
        self._local = f"<sip:{self.phone.user}@{domain}>;tag={self._tag}"
        self._remote = f"<sip:{self.phone.user}@{domain}>"
        self._request("REGISTER", extra=EXPIRES)
        until(lambda: ("REGISTER", 200) in self.statuses)

    def ring(self) -> None:
        assert self.offer is not None
        self.rang_at = time.time()
        self._respond(self.offer, 180, "Ringing")

    def answer(self) -> None:
        assert self.offer is not None
        if not self.rang_at:
            self.ring()
        if not self.ended_at:
            self.answered_at = time.time()
            self._respond(self.offer, 200, "OK", self._sdp(TALK))

    def refuse(self, status: int, reason: str = "Refused") -> None:
        assert self.offer is not None
        self._end(str(status))
        self._respond(self.offer, status, reason)

    def hang_up(self) -> None:
        """BYE, or CANCEL before the answer."""
        if self.ended_at:
            return
        self._request("BYE" if self.answered_at else "CANCEL")
        if self.answered_at:
            self._end("us")

    def lose(self) -> None:
        """The switch has died without a word, and the user has noticed."""
        if not self.ended_at:
            self._end("nobody")

    def update(self, identity: str) -> None:
        """An UPDATE: somebody else is there now."""
        self._request("UPDATE", extra=f"P-Asserted-Identity: <sip:{identity}@127.0.0.1>\r\n")

    def again(self, direction: str, extra: str = "") -> None:
        """A re-INVITE, `HOLD` or `TALK`, until it is answered; `extra` are header lines."""
        known = len(self.statuses)
        self._request("INVITE", self._sdp(direction), extra)
        until(lambda: any(method == "INVITE" and status >= 200 for method, status in self.statuses[known:]))

    def refer(self, target: str) -> None:
        """Ask for a blind transfer."""
        self._request("REFER", extra=f"Refer-To: <{target}>\r\nReferred-By: <{self.phone.address}>\r\n")

    def press(self, digits: str) -> None:
        self.media.press(digits)

    # What one sees ---------------------------------------------------------------------------------------

    @property
    def caller(self) -> str:
        """Number and name that the phone shows: the From of the INVITE."""
        assert self.offer is not None
        return self.offer.get("from")

    def is_answered(self) -> bool:
        return self.answered_at > 0

    def is_over(self) -> bool:
        return self.ended_at > 0

    def until_answered(self, limit: float = 10.0) -> None:
        until(self.is_answered, limit)

    def until_over(self, limit: float = 10.0) -> None:
        until(self.is_over, limit)

    def status_of(self, method: str, limit: float = 5.0) -> int:
        """The last final response to `method`, waited for."""
        until(lambda: any(m == method and s >= 200 for m, s in self.statuses), limit)
        return [s for m, s in self.statuses if m == method and s >= 200][-1]

    # Messages --------------------------------------------------------------------------------------------

    def arrived(self, message: Message) -> None:
        if message.status:
            self._response(message)
            return
        if self.offer is not None and message.get("cseq") == self.offer.get("cseq"):
            return  # a retransmission
        if message.method != "ACK":
            self.requests.append(message)
        if message.method in ("BYE", "CANCEL"):
            self._respond(message, 200, "OK")
            if message.method == "CANCEL" and self.offer is not None and not self.answered_at:
                self._respond(self.offer, 487, "Request Terminated")
            self._end("them")
        elif message.method == "INVITE":
            self._send_media_to(message)
            self._respond(message, 200, "OK", self._sdp(TALK))
        elif message.method != "ACK":
            self._respond(message, 200, "OK")

    def _response(self, message: Message) -> None:
        self.statuses.append((message.method, message.status))
        if 300 <= message.status < 400:
            self.redirected_to = message.get("contact")
        if (message.method, message.status) == ("REGISTER", 401) and not self._challenged:
            self._challenged = True
            self._request("REGISTER", extra=EXPIRES + self._credentials(message, "REGISTER"))
        if message.method != "INVITE":
            return
        if message.status == 180 and not self.rang_at:
            self.rang_at = time.time()
        if message.status < 200:
            return
        if message.status == 407 and self.phone.password and not self._challenged:
            self._challenged = True
            self._remote = message.get("to")
            self._ack(message)
            self._remote = f"<{self._target}>"
            self._request("INVITE", self._sdp(TALK), self._credentials(message))
            return
        self._remote = message.get("to")
        if message.status < 300:
            self._target = _uri(message.get("contact")) or self._target
            self._send_media_to(message)
            self._ack(message)
            self.answered_at = self.answered_at or time.time()
        else:
            self._ack(message)
            if not self.answered_at:
                self._end(str(message.status))

    def _credentials(self, challenge: Message, method: str = "INVITE") -> str:
        """Digest, quality of protection ``auth`` (RFC 2617)."""
        proxy = challenge.status == 407
        text = challenge.get("proxy-authenticate" if proxy else "www-authenticate")
        asked = dict(re.findall(r'(\w+)="?([^",]*)"?', text.partition(" ")[2]))
        user, secret = self.phone.user, self.phone.password
        who = _md5(f"{user}:{asked['realm']}:{secret}")
        nonce = f"{asked['nonce']}:00000001:{self._tag}:auth"
        response = _md5(f"{who}:{nonce}:{_md5(f'{method}:{self._target}')}")
        return (
            f'{"Proxy-" * proxy}Authorization: Digest username="{user}", realm="{asked["realm"]}", '
            f'nonce="{asked["nonce"]}", uri="{self._target}", response="{response}", algorithm=MD5, '
            f'cnonce="{self._tag}", qop=auth, nc=00000001\r\n'
        )

    def _end(self, by: str) -> None:
        self.ended_at = self.ended_at or time.time()
        self.ended_by = self.ended_by or by
        self.media.remote = None

    def _send_media_to(self, message: Message) -> None:
        if port := re.search(r"^m=audio (\d+)", message.body, re.M):
            self.media.remote = ("127.0.0.1", int(port[1]))

    def _request(self, method: str, body: str = "", extra: str = "") -> None:
        if method != "CANCEL":
            self._sequence += 1
            self._branch = f"z9hG4bK{uuid4().hex[:16]}"
        self._send(method, self._sequence, self._branch, body, extra)

    def _ack(self, response: Message) -> None:
        branch = f"z9hG4bK{uuid4().hex[:16]}" if response.status < 300 else self._branch
        self._send("ACK", int(response.get("cseq").split()[0]), branch, "", "")

    def _send(self, method: str, sequence: int, branch: str, body: str, extra: str) -> None:
        me = f"127.0.0.1:{self.phone.port}"
        head = (
            f"{method} {self._target} SIP/2.0\r\nVia: SIP/2.0/UDP {me};rport;branch={branch}\r\n"
            f"Max-Forwards: 70\r\nFrom: {self._local}\r\nTo: {self._remote}\r\nCall-ID: {self.call_id}\r\n"
            f"CSeq: {sequence} {method}\r\nContact: <sip:{self.phone.user}@{me}>\r\n{extra}"
        )
        self.phone.send(head + _with_body(body), self._to)

    def _respond(self, request: Message, status: int, reason: str, body: str = "") -> None:
        to = request.get("to")
        lines = [f"SIP/2.0 {status} {reason}", *(f"Via: {via}" for via in request.all("via"))]
        lines += [f"Record-Route: {route}" for route in request.all("record-route")]
        lines += [
            f"From: {request.get('from')}",
            f"To: {to}" if "tag=" in to else f"To: {to};tag={self._tag}",
            f"Call-ID: {self.call_id}",
            f"CSeq: {request.get('cseq')}",
            f"Contact: <sip:{self.phone.user}@127.0.0.1:{self.phone.port}>",
        ]
        self.phone.send("\r\n".join(lines) + "\r\n" + _with_body(body), self._to)

    def _sdp(self, direction: str) -> str:
        return (
            f"v=0\r\no=live {self.media.port} {next(_numbers)} IN IP4 127.0.0.1\r\ns=-\r\n"
            f"c=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {self.media.port} RTP/AVP 0 101\r\na=rtpmap:0 PCMU/8000\r\n"
            f"a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na={direction}\r\n"
        )


def _with_body(body: str) -> str:
    kind = "Content-Type: application/sdp\r\n" if body else ""
    return f"{kind}Content-Length: {len(body)}\r\n\r\n{body}"


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _uri(contact: str) -> str:
    match = re.search(r"<([^>]*)>", contact)
    return match[1] if match else contact.split(";")[0]
