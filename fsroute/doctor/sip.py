"""Asks another switch over SIP whether it is there: OPTIONS by UDP (RFC 3261, 11)."""

from __future__ import annotations

import secrets
import time

from gevent import socket

from fsroute.doctor.facts import LinkAnswer

PATIENCE = 2.5  # seconds
FIRST_WAIT = 0.5  # T1; doubled after each try
LONGEST_ANSWER = 65_535


def parse_address(address: str) -> tuple[str, int]:
    """``host:port`` or ``[v6]:port``.

    Raises:
        ValueError: it is neither.
    """
    host, colon, port = address.rpartition(":")
    if not colon or not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise ValueError(f"{address!r} is no host:port")
    return host.strip("[]"), int(port)


def request(address: str, local: tuple[str, int], branch: str) -> bytes:
    """One OPTIONS request; `branch` also makes Call-ID and tag its own."""
    here = f"[{local[0]}]:{local[1]}" if ":" in local[0] else f"{local[0]}:{local[1]}"
    lines = (
        f"OPTIONS sip:{address} SIP/2.0",
        f"Via: SIP/2.0/UDP {here};rport;branch=z9hG4bK{branch}",
        "Max-Forwards: 5",
        f"From: <sip:doctor@{here}>;tag={branch}",
        f"To: <sip:{address}>",
        f"Call-ID: {branch}@doctor.fsroute",
        "CSeq: 1 OPTIONS",
        f"Contact: <sip:doctor@{here}>",
        "User-Agent: fsroute doctor",
        "Accept: application/sdp",
        "Content-Length: 0",
    )
    return "\r\n".join((*lines, "", "")).encode()


def status(answer: bytes, branch: str) -> str:
    """The status of a response to our request, as ``200 OK``; empty where it is none."""
    text = answer.decode("utf-8", "replace")
    first, _, rest = text.partition("\r\n")
    if not first.startswith("SIP/2.0 ") or branch not in rest:
        return ""
    said = "".join(letter for letter in first.removeprefix("SIP/2.0 ") if letter.isprintable())
    return said[:60]


def ask(switch_id: str, address: str, patience: float = PATIENCE) -> LinkAnswer:
    """What the switch at `address` answers within `patience` seconds."""
    try:
        place = parse_address(address)
        family, _, _, _, where = socket.getaddrinfo(*place, type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.connect(where)
            return _exchange(sock, switch_id, address, patience)
    except (OSError, ValueError) as error:
        return LinkAnswer(switch_id, address, fault=str(error))


def _exchange(sock: socket.socket, switch_id: str, address: str, patience: float) -> LinkAnswer:
    branch = secrets.token_hex(8)
    asked = request(address, sock.getsockname()[:2], branch)
    deadline, wait = time.monotonic() + patience, FIRST_WAIT
    while (left := deadline - time.monotonic()) > 0:
        sock.send(asked)
        sock.settimeout(min(wait, left))
        wait *= 2
        try:
            if said := status(sock.recv(LONGEST_ANSWER), branch):
                return LinkAnswer(switch_id, address, status=said)
        except TimeoutError:
            continue
    return LinkAnswer(switch_id, address, fault=f"no answer to OPTIONS within {patience:g} s")
